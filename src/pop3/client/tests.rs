//! Dialogues with old servers: `C:` what is said, `S:` what the server says, `A:` what comes of it. Each is
//! played whole, cut at every position, and octet by octet.

use super::*;
use crate::limits;
use crate::mail::{Password, UserName};
use proptest::prelude::*;

/// What is asked after the login.
#[derive(Clone, Copy)]
struct Wants<'a> {
    user: &'a str,
    wish: TlsWish,
    is_secure: bool,
    requests: &'a [Request],
}

const PLAIN: Wants<'_> = Wants { user: "anna", wish: TlsWish::Never, is_secure: false, requests: &[] };
const STLS: Wants<'_> = Wants { wish: TlsWish::Required, ..PLAIN };

/// Drives a session with pieces of what a server says, and notes what it says and finds.
fn play(wants: Wants<'_>, pieces: &[&[u8]]) -> Vec<String> {
    let user = UserName::parse(wants.user).unwrap();
    let mut session = Session::new(user, Password::new("secret").unwrap(), wants.wish, wants.is_secure);
    let (mut heard, mut text) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (used, step) = session.take(rest, &mut text);
            rest = &rest[used..];
            match step {
                Step::Read => assert!(rest.is_empty(), "octets left over"),
                Step::Failed(failure) => {
                    heard.push(format!("A: failed: {failure}"));
                    return heard;
                }
                step => act(&mut session, step, &mut text, &mut heard, wants.requests),
            }
        }
    }
    heard
}

fn act(session: &mut Session, step: Step, text: &mut Vec<u8>, heard: &mut Vec<String>, requests: &[Request]) {
    let said = |line: Line| format!("C: {}", String::from_utf8_lossy(line.octets()).trim_end());
    match step {
        Step::Say(line) => heard.push(said(line)),
        Step::StartTls => {
            heard.push("A: handshake".to_owned());
            heard.extend(session.secured().map(said));
        }
        Step::LoggedIn => {
            heard.push("A: logged in".to_owned());
            heard.extend(requests.iter().map(|request| said(session.ask(*request))));
        }
        Step::Answered(request, Answer::Message { octets }) => {
            let text = std::mem::take(text);
            let text = String::from_utf8_lossy(&text).into_owned();
            heard.push(format!("A: {request:?} {octets} {text:?}"));
        }
        Step::Answered(request, answer) => heard.push(format!("A: {request:?} {answer:?}")),
        Step::Read | Step::Failed(_) => unreachable!(),
    }
}

/// Plays the `S:` lines of a script and compares the others, however the octets are cut. The handshake
/// happens between two reads, as in life: what came with the answer to STLS is lost.
#[track_caller]
fn check(wants: Wants<'_>, script: &str) {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    let (server, wanted): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("S:"));
    let server: String = server.iter().map(|line| format!("{}\r\n", line[2..].trim_start())).collect();
    let octets = server.as_bytes();
    assert_eq!(play(wants, &[octets]), wanted);
    for cut in 0..=octets.len() {
        assert_eq!(play(wants, &[&octets[..cut], &octets[cut..]]), wanted, "cut at {cut}");
    }
    assert_eq!(play(wants, &octets.chunks(1).collect::<Vec<_>>()), wanted);
}

#[test]
fn user_and_pass_and_everything_asked_at_once() {
    let requests = [Request::List, Request::Uidl, Request::Retr(2), Request::Header(3), Request::Quit];
    check(
        Wants { requests: &requests, ..PLAIN },
        r#"
        S: +OK Dovecot ready.
        C: CAPA
        S: +OK
        S: PIPELINING
        S: USER
        S: SASL PLAIN LOGIN
        S: .
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK Logged in.
        A: logged in
        C: LIST
        C: UIDL
        C: RETR 2
        C: TOP 3 0
        C: QUIT
        S: +OK 2 messages:
        S: 2 17
        S: 3 5
        S: .
        A: List Sizes({2: 17, 3: 5})
        S: +OK
        S: 2 a b
        S: 3 ..
        S: .
        A: Uidl UniqueIds({2: [97, 32, 98], 3: [46, 46]})
        S: +OK 17 octets
        S: Subject: x
        S:
        S: ..
        S: .
        A: Retr(2) 17 "Subject: x\n\n.\n"
        S: -ERR [SYS/TEMP] no
        A: Header(3) Refused(Refusal { words: Words("[SYS/TEMP] no") })
        S: +OK Bye
        A: Quit Done
        "#,
    );
}

#[test]
fn a_server_without_capa() {
    check(
        PLAIN,
        "
        S: +OK POP3 server ready
        C: CAPA
        S: -ERR Unknown command
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK
        A: logged in
        ",
    );
    check(
        STLS,
        "
        S: +OK
        C: CAPA
        S: -ERR
        C: STLS
        S: -ERR what?
        A: failed: it does not offer STLS: what?
        ",
    );
    check(
        Wants { wish: TlsWish::IfOffered, ..PLAIN },
        "
        S: +OK
        C: CAPA
        S: -ERR
        C: USER anna
        ",
    );
}

#[test]
fn what_comes_before_the_handshake_counts_for_nothing() {
    let user = || UserName::parse("anna").unwrap();
    let before = b"+OK\r\n+OK\r\nSTLS\r\nUSER\r\n.\r\n+OK go\r\n+OK\r\nSASL PLAIN\r\n.\r\n+OK\r\n";
    for cut in 0..=before.len() {
        let mut session = Session::new(user(), Password::new("secret").unwrap(), TlsWish::Required, false);
        let mut heard = Vec::new();
        for mut rest in [&before[..cut], &before[cut..]] {
            while !rest.is_empty() {
                let (used, step) = session.take(rest, &mut Vec::new());
                rest = &rest[used..];
                match step {
                    Step::Say(line) => heard.push(String::from_utf8_lossy(line.octets()).into_owned()),
                    Step::StartTls => heard.push("handshake".to_owned()),
                    Step::Read => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(heard, ["CAPA\r\n", "STLS\r\n", "handshake"], "cut at {cut}");
        assert_eq!(session.secured().unwrap().octets(), b"CAPA\r\n");
        assert!(session.secured().is_none(), "one handshake");
        let (_, step) = session.take(b"+OK\r\nSASL PLAIN\r\n.\r\n", &mut Vec::new());
        let Step::Say(line) = step else { panic!("{step:?}") };
        assert_eq!(line.octets(), b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n");
    }
}

#[test]
fn auth_plain_where_user_is_not_offered_or_the_name_has_a_blank() {
    check(
        Wants { user: "anna smith", is_secure: true, wish: TlsWish::Required, ..PLAIN },
        "
        S: +OK
        C: CAPA
        S: +OK
        S: USER
        S: SASL SCRAM-SHA-256 PLAIN
        S: .
        C: AUTH PLAIN AGFubmEgc21pdGgAc2VjcmV0
        S: +OK
        A: logged in
        ",
    );
    let long = "a".repeat(190);
    let script = format!(
        "
        S: +OK
        C: CAPA
        S: +OK
        S: SASL PLAIN
        S: .
        C: AUTH PLAIN
        S: +
        C: {}
        S: -ERR [AUTH] no
        A: failed: it refuses user name or password: [AUTH] no
        ",
        String::from_utf8_lossy(
            Line::plain(&UserName::parse(&long).unwrap(), &Password::new("secret").unwrap()).octets()
        )
        .trim_end()
    );
    check(Wants { user: &long, ..PLAIN }, &script);
}

#[test]
fn a_server_that_has_a_code_for_wrong_passwords_means_something_else_without_it() {
    let refused = |refusal: &str, failure: &str| {
        format!(
            "
            S: +OK
            C: CAPA
            S: +OK
            S: AUTH-RESP-CODE
            S: USER
            S: .
            C: USER anna
            S: +OK
            C: PASS secret
            S: -ERR {refusal}
            A: failed: {failure}
            "
        )
    };
    check(PLAIN, &refused("[AUTH] no", "it refuses user name or password: [AUTH] no"));
    check(PLAIN, &refused("Login failed", "it cannot serve this mailbox now: Login failed"));
    check(PLAIN, &refused("", "it cannot serve this mailbox now: (no reason given)"));
    check(PLAIN, &refused("no", "it cannot serve this mailbox now: no"));
    check(PLAIN, &refused("bad password", "it refuses user name or password: bad password"));
}

#[test]
fn refusals_say_what_to_do_about_them() {
    for (refusal, failure) in [
        ("[AUTH] Authentication failed.", "it refuses user name or password: [AUTH] Authentication failed."),
        ("[IN-USE] Locked", "the mailbox is in use: [IN-USE] Locked"),
        ("Temporary failure", "it cannot serve this mailbox now: Temporary failure"),
        ("Plaintext not allowed", "it wants TLS before a password: Plaintext not allowed"),
        ("bad password", "it refuses user name or password: bad password"),
        ("", "it refuses user name or password: (no reason given)"),
        ("access denied for anna", "it refuses user name or password: access denied for anna"),
        ("no", "it refuses user name or password: no"),
        ("go away", "it cannot serve this mailbox now: go away"),
    ] {
        check(
            PLAIN,
            &format!(
                "
                S: +OK
                C: CAPA
                S: -ERR
                C: USER anna
                S: +OK
                C: PASS secret
                S: -ERR {refusal}
                A: failed: {failure}
                "
            ),
        );
    }
    check(
        PLAIN,
        "S: +OK\n C: CAPA\n S: -ERR\n C: USER anna\n S: -ERR no\n A: failed: it cannot serve this mailbox now: no",
    );
    check(
        PLAIN,
        "S: -ERR too many connections\n A: failed: it cannot serve this mailbox now: too many connections",
    );
    check(PLAIN, "S: 220 mail ESMTP\n A: failed: what answers there is no POP3 server: 220 mail ESMTP");
    check(
        PLAIN,
        "
        S: +OK
        C: CAPA
        S: +OK
        S: SASL CRAM-MD5
        S: .
        C: USER anna
        S: -ERR unknown command
        A: failed: it offers neither USER nor AUTH PLAIN
        ",
    );
}

#[test]
fn an_answer_to_nothing_and_a_list_that_is_none_end_the_session() {
    let login = "
        S: +OK
        C: CAPA
        S: -ERR
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK
        A: logged in
        ";
    check(PLAIN, &format!("{login}\nS: -ERR Idle\nA: failed: it cannot serve this mailbox now: Idle"));
    let uidl = Wants { requests: &[Request::Uidl], ..PLAIN };
    check(
        uidl,
        &format!(
            "{login}\nC: UIDL\nS: +OK\nS: 1 a\nS: one b\nS: .\nA: failed: its answer to UIDL makes no sense: one b"
        ),
    );
    check(uidl, &format!("{login}\nC: UIDL\nS: hello\nA: failed: its answer to UIDL makes no sense: hello"));
}

#[test]
fn endless_answers_end() {
    let line = vec![b'x'; limits::FETCH_LINE_MAX + 1];
    assert_eq!(play(PLAIN, &[&line]), ["A: failed: its answer to our arrival has no end"]);
    let list = vec![b'x'; 1 << 20];
    let mut pieces: Vec<&[u8]> = vec![b"+OK\r\n+OK\r\n"];
    pieces.extend(std::iter::repeat_n(&list[..], (limits::FETCH_LISTING_MAX >> 20) as usize + 1));
    assert_eq!(play(PLAIN, &pieces), ["C: CAPA", "A: failed: its answer to CAPA has no end"]);
}

#[test]
fn nothing_of_a_password_is_shown() {
    let session = Session::new(
        UserName::parse("anna").unwrap(),
        Password::new("hunter2").unwrap(),
        TlsWish::Never,
        false,
    );
    let line = Line::pass(&Password::new("hunter2").unwrap());
    assert!(!format!("{session:?} {line:?}").contains("hunter"));
}

proptest! {
    /// Whatever a server sends, however it is cut: the same is heard, and nothing breaks.
    #[test]
    fn any_octets_at_any_cut(
        said in prop::collection::vec(
            prop_oneof![
                Just("+OK\r\n"), Just("-ERR\r\n"), Just("+ \r\n"), Just(".\r\n"), Just("1 a\r\n"), Just("..\r"),
                Just("SASL PLAIN\r\n"), Just("STLS\r\n"), Just("USER\r\n"), Just("\r"), Just("\n"), Just("\0"),
                Just("2 5\r\n"), Just("+OK x"), Just("99999999999 5\r\n"),
            ],
            0..40,
        ),
        cut in 0usize..300,
        is_secure: bool,
    ) {
        let octets = said.concat().into_bytes();
        let cut = cut.min(octets.len());
        let requests = [Request::Uidl, Request::List, Request::Retr(1), Request::Dele(1), Request::Quit];
        let wants = Wants { requests: &requests, is_secure, wish: TlsWish::Never, ..PLAIN };
        prop_assert_eq!(play(wants, &[&octets[..cut], &octets[cut..]]), play(wants, &[&octets]));
    }

    #[test]
    fn any_octets_at_all(octets: Vec<u8>, prefix in 0usize..4) {
        let known: &[u8] = b"+OK\r\n-ERR\r\n+OK\r\n+OK\r\n";
        let start = &known[..[0, 5, 11, 21][prefix]];
        let _ = play(Wants { requests: &[Request::Uidl, Request::Retr(1)], ..PLAIN }, &[start, &octets]);
    }
}
