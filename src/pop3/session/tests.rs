//! What the dialogues in tests/dialogues cannot say: tickets, refusals, and SCRAM with a client that
//! is computed.

use super::*;
use crate::mail::{AccountAddress, Octets, UniqueId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

const PLAIN: Terms = Terms { may_log_in: true, tls: None, scram: true };

fn said(step: Step) -> String {
    match step {
        Step::Say(response) => response.text().into_owned(),
        other => panic!("not said: {other:?}"),
    }
}

fn hung_up(step: Step) -> String {
    match step {
        Step::HangUp(response, _) => response.text().into_owned(),
        other => panic!("not hung up: {other:?}"),
    }
}

fn login_ticket(session: &mut Session) -> LoginTicket {
    assert_eq!(said(session.line(b"USER anna")), Response::PASSWORD_PLEASE.text());
    match session.line(b"PASS secret") {
        Step::LogIn(_, ticket) => ticket,
        other => panic!("no login: {other:?}"),
    }
}

fn logged_in(sizes: &[u64]) -> Session {
    let mut session = Session::new(PLAIN);
    let ticket = login_ticket(&mut session);
    let ids: Vec<UniqueId> = (1..=sizes.len()).map(|n| UniqueId::parse(&format!("u{n}")).unwrap()).collect();
    let listing = ids.iter().zip(sizes.iter().map(|size| Octets(*size))).collect();
    let _ = session.logged_in(ticket, listing);
    session
}

fn send_ticket(session: &mut Session, line: &str) -> SendTicket {
    match session.line(line.as_bytes()) {
        Step::Send(_, _, ticket) => ticket,
        other => panic!("not sent: {other:?}"),
    }
}

fn marked(session: &mut Session) -> (Vec<u32>, Vec<u32>) {
    let Step::Update(marked, ticket) = session.line(b"QUIT") else { panic!("no update") };
    assert_eq!(hung_up(ticket.answer(true)), Response::GOODBYE.text());
    let numbers = |numbers: Vec<MessageNumber>| numbers.into_iter().map(MessageNumber::get).collect();
    (numbers(marked.deleted), numbers(marked.seen))
}

#[test]
fn what_was_sent_to_its_end_and_kept_is_seen() {
    let mut session = logged_in(&[1, 2, 3, 4]);
    let retrieved = send_ticket(&mut session, "RETR 1");
    assert_eq!(retrieved.announcement().text(), "+OK 1 octets");
    session.sent(retrieved);
    let deleted = send_ticket(&mut session, "RETR 2");
    session.sent(deleted);
    let top = send_ticket(&mut session, "TOP 3 99999999");
    assert_eq!(top.announcement(), Response::TOP_FOLLOWS);
    session.sent(top);
    let _not_sent = send_ticket(&mut session, "RETR 4");
    assert_eq!(said(session.line(b"DELE 2")), Response::MARKED.text());
    assert_eq!(marked(&mut session), (vec![2], vec![1]));
}

#[test]
fn reset_takes_the_marks_back() {
    let mut session = logged_in(&[1, 2]);
    assert_eq!(said(session.line(b"DELE 1")), Response::MARKED.text());
    assert_eq!(said(session.line(b"RSET")), "+OK 2 messages (3 octets)");
    assert_eq!(marked(&mut session), (vec![], vec![]));
}

#[test]
fn an_update_that_failed_in_part_says_so() {
    let mut session = logged_in(&[1]);
    let Step::Update(_, ticket) = session.line(b"QUIT") else { panic!("no update") };
    assert_eq!(hung_up(ticket.answer(false)), Response::NOT_ALL_REMOVED.text());
}

#[test]
fn every_refusal_has_its_answer_and_leaves_the_way_open() {
    let mut session = Session::new(PLAIN);
    for (refusal, answer) in [
        (Refusal::InUse, Response::IN_USE),
        (Refusal::Scram, Response::NO_SUCH_MECHANISM),
        (Refusal::Held, Response::BEING_MOVED),
        (Refusal::Fault, Response::TEMPORARY),
        (Refusal::Refused, Response::TEMPORARY),
        (Refusal::Name, Response::NO_DOMAIN),
        (Refusal::Password, Response::WRONG_PASSWORD),
    ] {
        let ticket = login_ticket(&mut session);
        assert_eq!(said(session.refused(ticket, refusal)), answer.text());
        assert_eq!(said(session.line(b"PASS secret")), Response::USER_FIRST.text());
    }
    let ticket = login_ticket(&mut session);
    assert_eq!(hung_up(session.refused(ticket, Refusal::Banned)), Response::BANNED.text());
}

#[test]
fn a_line_too_long_is_a_mistake_and_ends_an_exchange() {
    let mut session = Session::new(PLAIN);
    assert_eq!(said(session.line(b"AUTH PLAIN")), "+ ");
    assert_eq!(said(session.line_too_long()), Response::LINE_TOO_LONG.text());
    assert_eq!(said(session.line(b"PASS x")), Response::USER_FIRST.text());
    for _ in 2..limits::POP3_ERRORS_MAX {
        assert_eq!(said(session.line_too_long()), Response::LINE_TOO_LONG.text());
    }
    assert_eq!(hung_up(session.line_too_long()), Response::TOO_MANY_ERRORS.text());
}

#[test]
fn numbers_of_messages_that_are_gone_do_not_end_a_session() {
    let mut session = logged_in(&[1]);
    for number in 2..100 {
        assert_eq!(
            said(session.line(format!("DELE {number}").as_bytes())),
            format!("-ERR no message {number}")
        );
    }
}

#[test]
fn the_way_of_the_login_is_told_for_the_log() {
    let mut session = Session::new(PLAIN);
    assert_eq!(login_ticket(&mut session).how(), "USER");
    let mut session = Session::new(PLAIN);
    let Step::LogIn(_, ticket) = session.line(b"auth plain AGFubmEAc2VjcmV0") else { panic!("no login") };
    assert_eq!(ticket.how(), "PLAIN");
}

#[test]
fn greeting_and_answers_are_single_lines_without_angle_brackets() {
    assert!(!Response::GREETING.text().contains(['<', '>']));
    for response in [Response::WRONG_PASSWORD, Response::NEED_TLS, Response::BANNED, Response::TAKEN_OVER] {
        assert!(response.text().starts_with("-ERR [") && !response.text().contains("\r\n"));
        // RFC 1939, 3: 512 octets at most, the line end counted.
        assert!(response.text().len() <= 510);
    }
}

// ---- SCRAM ---------------------------------------------------------------------------------

const SALT: &[u8] = b"sixteen octets..";
const ROUNDS: u32 = 4096;

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().into()
}

fn salted(password: &str) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), SALT, ROUNDS)
}

fn credential(account: Option<&str>) -> scram::Credential {
    scram::Credential {
        salt: SALT.to_vec(),
        rounds: ROUNDS,
        stored_key: Sha256::digest(hmac(&salted("secret"), b"Client Key")).into(),
        server_key: hmac(&salted("secret"), b"Server Key"),
        account: account.map(|address| AccountAddress::parse(address).unwrap()),
    }
}

/// A client's half of the exchange: its final message, and the server's proof it waits for.
fn client(header: &str, bound: &[u8], bare: &str, challenge: &str, password: &str) -> (String, String) {
    let challenge = BASE64.decode(challenge.strip_prefix("+ ").unwrap()).unwrap();
    let challenge = String::from_utf8(challenge).unwrap();
    let nonce = challenge.split(',').next().unwrap();
    let last = format!("c={},{nonce}", BASE64.encode([header.as_bytes(), bound].concat()));
    let signed = format!("{bare},{challenge},{last}");
    let client_key = hmac(&salted(password), b"Client Key");
    let signature = hmac(&Sha256::digest(client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, octet)| key ^ octet).collect();
    let server = hmac(&hmac(&salted(password), b"Server Key"), signed.as_bytes());
    let proved = BASE64.encode(format!("v={}", BASE64.encode(server)));
    (BASE64.encode(format!("{last},p={}", BASE64.encode(proof))), format!("+ {proved}"))
}

/// Plays the exchange up to the client's final message.
fn exchange(session: &mut Session, name: &str, account: Option<&str>, password: &str) -> (Step, String) {
    let (header, bound) = match name {
        "SCRAM-SHA-256-PLUS" => ("p=tls-exporter,,", &[7; 32][..]),
        _ => ("n,,", &[][..]),
    };
    let bare = "n=anna,r=abcdef";
    let first = BASE64.encode(format!("{header}{bare}"));
    let Step::LookUp(user, ticket) = session.line(format!("AUTH {name} {first}").as_bytes()) else {
        panic!("no look-up")
    };
    assert_eq!((user.as_str(), ticket.how()), ("anna", name));
    let challenge = said(session.looked_up(ticket, credential(account), "ghijkl"));
    let (last, proof) = client(header, bound, bare, &challenge, password);
    (session.line(last.as_bytes()), proof)
}

#[test]
fn scram_from_end_to_end() {
    let tls = Terms {
        may_log_in: true,
        tls: Some(ChannelBindings { exporter: Some(vec![7; 32]), server_end_point: None }),
        scram: true,
    };
    for (terms, name) in
        [(PLAIN, "SCRAM-SHA-256"), (tls.clone(), "SCRAM-SHA-256"), (tls, "SCRAM-SHA-256-PLUS")]
    {
        let mut session = Session::new(terms);
        let (step, proof) = exchange(&mut session, name, Some("anna@example.org"), "secret");
        assert_eq!(said(step), proof);
        let Step::LogIn(Login::Proof(verdict), ticket) = session.line(b"") else { panic!("no login") };
        assert_eq!(ticket.how(), name);
        assert_eq!(verdict.proved.unwrap().account.unwrap().to_string(), "anna@example.org");
        assert_eq!(session.logged_in(ticket, Listing::default()).text(), "+OK 0 messages (0 octets)");
    }
}

#[test]
fn a_wrong_proof_is_counted_like_a_wrong_password() {
    for (account, password) in [(Some("anna@example.org"), "wrong"), (None, "secret")] {
        let mut session = Session::new(PLAIN);
        for _ in 0..limits::POP3_LOGIN_FAILURES_MAX {
            let (Step::LogIn(Login::Proof(verdict), ticket), _) =
                exchange(&mut session, "SCRAM-SHA-256", account, password)
            else {
                panic!("no verdict")
            };
            assert!(verdict.proved.is_none());
            assert_eq!(said(session.refused(ticket, Refusal::Password)), Response::WRONG_PASSWORD.text());
        }
        let ticket = login_ticket(&mut session);
        let last = session.refused(ticket, Refusal::Password);
        assert_eq!(hung_up(last), Response::TOO_MANY_PASSWORDS.text());
    }
}

#[test]
fn a_look_up_that_failed_is_a_fault_of_ours() {
    let mut session = Session::new(PLAIN);
    let first = BASE64.encode("n,,n=anna,r=abc");
    let Step::LookUp(_, ticket) = session.line(format!("AUTH SCRAM-SHA-256 {first}").as_bytes()) else {
        panic!("no look-up")
    };
    assert_eq!(said(session.not_looked_up(ticket, Refusal::Fault)), Response::TEMPORARY.text());
}

#[test]
fn without_scram_its_mechanisms_are_not_known() {
    let mut session = Session::new(Terms { scram: false, ..PLAIN });
    assert_eq!(said(session.line(b"AUTH")), "+OK mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.");
    let first = BASE64.encode("n,,n=anna,r=abc");
    let answer = said(session.line(format!("AUTH SCRAM-SHA-256 {first}").as_bytes()));
    assert_eq!(answer, Response::NO_SUCH_MECHANISM.text());
}
