//! What the dialogues cannot show: answers of the caller, TLS, and every order of commands.

use super::super::extension::Offer;
use super::*;
use crate::mail::Domain;
use proptest::prelude::*;

fn session(role: Role) -> Session<u8> {
    let offer = Offer { max_message_size: 1000, max_recipients: 3 };
    Session::new(Terms { hostname: Domain::parse("mx.example.org").unwrap(), role, offer, secure: false })
}

/// What a step says at once.
fn said(step: Step<u8>) -> Reply {
    match step {
        Step::Say(reply) | Step::StartTls(reply) | Step::Quit(reply) | Step::HangUp(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn say(session: &mut Session<u8>, line: &str) -> Reply {
    said(session.line(line.as_bytes()))
}

/// RCPT, resolved to one mailbox.
fn add(session: &mut Session<u8>, path: &str) -> Reply {
    match session.line(format!("RCPT TO:<{path}>").as_bytes()) {
        Step::Resolve(_, ticket) => session.resolved(ticket, Ok(vec![7])),
        other => said(other),
    }
}

/// A session with `recipients` recipients, before DATA.
fn with_recipients(role: Role, recipients: usize) -> Session<u8> {
    let mut session = session(role);
    assert_eq!(say(&mut session, if role == Role::Lmtp { "LHLO a" } else { "EHLO a" }).code(), 250);
    assert_eq!(say(&mut session, "MAIL FROM:<c@example.net> SMTPUTF8"), Reply::SENDER_OK);
    for _ in 0..recipients {
        assert_eq!(add(&mut session, "anna@example.org"), Reply::RECIPIENT_OK);
    }
    session
}

fn data(session: &mut Session<u8>) -> (Envelope<u8>, DataTicket) {
    match session.line(b"DATA") {
        Step::Receive(envelope, ticket) => (*envelope, ticket),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_envelope_carries_what_was_said() {
    let mut session = with_recipients(Role::Mx, 2);
    let (envelope, _) = data(&mut session);
    assert_eq!(envelope.reverse_path.to_string(), "<c@example.net>");
    assert!(envelope.smtputf8);
    let paths: Vec<String> = envelope.recipients.iter().map(|to| to.forward_path.to_string()).collect();
    assert_eq!(paths, ["<anna@example.org>"; 2]);
    assert_eq!(envelope.recipients[1].mailboxes, [7]);
}

#[test]
fn smtp_says_one_reply_and_a_refusal_counts_for_all() {
    let replies = vec![Reply::OK, Reply::MAILBOX_FULL];
    let mut session = with_recipients(Role::Mx, 2);
    let (_, ticket) = data(&mut session);
    assert_eq!(session.received(ticket, Ok(replies)), [Reply::MAILBOX_FULL]);
    assert_eq!(say(&mut session, "DATA"), Reply::MAIL_FIRST);
}

#[test]
fn lmtp_says_each() {
    let mut session = with_recipients(Role::Lmtp, 2);
    let (_, ticket) = data(&mut session);
    let replies = vec![Reply::OK, Reply::MAILBOX_FULL];
    assert_eq!(session.received(ticket, Ok(replies.clone())), replies);
    let mut session = with_recipients(Role::Lmtp, 3);
    let (_, ticket) = data(&mut session);
    assert_eq!(session.received(ticket, Err(Reply::TOO_LARGE)), vec![Reply::TOO_LARGE; 3]);
}

#[test]
fn a_message_refused_before_its_text_is_refused_once() {
    let mut session = with_recipients(Role::Lmtp, 2);
    let (_, ticket) = data(&mut session);
    assert_eq!(session.refused(ticket, Reply::NO_SPACE), Reply::NO_SPACE);
    assert_eq!(say(&mut session, "MAIL FROM:<>"), Reply::SENDER_OK);
}

#[test]
fn a_sender_waits_for_room_when_it_says_how_much() {
    let mut session = session(Role::Mx);
    let _ = say(&mut session, "HELO a");
    let Step::CheckRoom(size, ticket) = session.line(b"MAIL FROM:<> SIZE=900") else { panic!() };
    assert_eq!((size, session.sender_checked(ticket, Err(Reply::NO_SPACE))), (900, Reply::NO_SPACE));
    assert_eq!(add(&mut session, "anna@example.org"), Reply::MAIL_FIRST);
    let Step::CheckRoom(_, ticket) = session.line(b"MAIL FROM:<> SIZE=900") else { panic!() };
    assert_eq!(session.sender_checked(ticket, Ok(())), Reply::SENDER_OK);
    assert_eq!(session.envelope().unwrap().declared_size, Some(900));
    assert_eq!(add(&mut session, "anna@example.org"), Reply::RECIPIENT_OK);
}

#[test]
fn the_session_starts_anew_after_the_handshake() {
    let mut session = with_recipients(Role::Mx, 1);
    assert_eq!(say(&mut session, "STARTTLS"), Reply::READY_FOR_TLS);
    session.secured();
    assert_eq!(session.hello(), None);
    assert_eq!(say(&mut session, "MAIL FROM:<>"), Reply::HELLO_FIRST);
    assert_eq!(say(&mut session, "STARTTLS"), Reply::ALREADY_TLS);
    let mut said = Vec::new();
    say(&mut session, "EHLO a").write_to(&mut said);
    assert!(!String::from_utf8(said).unwrap().contains("STARTTLS"), "offered though it cannot work");
}

#[test]
fn a_tls_hello_is_seen_before_a_line_ends() {
    for pieces in [&[&b"\x16\x03\x01"[..]][..], &[b"\x16", b"\x03"], &[b"", b"\x16", b"", b"\x03\x03rest"]] {
        let mut session = session(Role::Mx);
        let steps: Vec<Step<u8>> = pieces.iter().filter_map(|piece| session.arrived(piece)).collect();
        let hung_up = steps.iter().all(|step| matches!(step, Step::HangUp(_)));
        assert!(hung_up && steps.len() == 1, "{pieces:?}");
    }
    let mut session = session(Role::Mx);
    assert!(session.arrived(b"EHLO a\r\n").is_none());
    assert!(session.arrived(b"\x16\x03\x01").is_none(), "only the first octets are looked at");
}

#[test]
fn chunks_hand_the_envelope_over_once_and_their_sum_counts() {
    let mut session = with_recipients(Role::Mx, 1);
    let Step::ReceiveChunk(chunk) = session.line(b"BDAT 600") else { panic!() };
    assert!(chunk.envelope.is_some() && session.is_receiving());
    let ChunkAnswer::More(ticket) = chunk.answer else { panic!() };
    assert_eq!(session.chunk_received(ticket, Ok(())), Reply::chunk_ok(600));
    let Step::ReceiveChunk(chunk) = session.line(b"BDAT 400 LAST") else { panic!() };
    assert!(chunk.envelope.is_none());
    let ChunkAnswer::Last(ticket) = chunk.answer else { panic!() };
    assert_eq!(session.received(ticket, Ok(vec![Reply::OK])), [Reply::OK]);
    assert!(!session.is_receiving());
}

#[test]
fn a_chunk_that_could_not_be_stored_fails_the_message() {
    let mut session = with_recipients(Role::Mx, 1);
    let Step::ReceiveChunk(chunk) = session.line(b"BDAT 6") else { panic!() };
    let ChunkAnswer::More(ticket) = chunk.answer else { panic!() };
    assert_eq!(session.chunk_received(ticket, Err(Reply::NO_SPACE)), Reply::NO_SPACE);
    let Step::Discard(5, replies) = session.line(b"BDAT 5 LAST") else { panic!() };
    assert_eq!(replies, [Reply::RSET_EXPECTED]);
    // A size that was not understood leaves a hole as well.
    let mut session = with_recipients(Role::Mx, 1);
    assert_eq!(say(&mut session, "BDAT six"), Reply::BDAT_SYNTAX);
    let Step::Discard(5, replies) = session.line(b"BDAT 5 LAST") else { panic!() };
    assert_eq!(replies, [Reply::RSET_EXPECTED]);
}

#[test]
fn a_last_chunk_behind_one_that_failed_is_answered_for_each_over_lmtp() {
    for (role, expected) in [(Role::Mx, 1), (Role::Lmtp, 2)] {
        let mut refused = with_recipients(role, 2);
        let Step::Discard(2000, replies) = refused.line(b"BDAT 2000") else { panic!() };
        assert_eq!(replies, [Reply::TOO_LARGE]);
        let mut not_stored = with_recipients(role, 2);
        let Step::ReceiveChunk(chunk) = not_stored.line(b"BDAT 6") else { panic!() };
        let ChunkAnswer::More(ticket) = chunk.answer else { panic!() };
        let _ = not_stored.chunk_received(ticket, Err(Reply::NO_SPACE));
        let mut not_understood = with_recipients(role, 2);
        assert_eq!(say(&mut not_understood, "BDAT six"), Reply::BDAT_SYNTAX);
        for mut session in [refused, not_stored, not_understood] {
            let Step::Discard(3, replies) = session.line(b"BDAT 3") else { panic!() };
            assert_eq!(replies, [Reply::RSET_EXPECTED]);
            let Step::Discard(5, replies) = session.line(b"BDAT 5 LAST") else { panic!() };
            assert_eq!(replies, vec![Reply::RSET_EXPECTED; expected], "{role:?}");
            assert_eq!(say(&mut session, "RSET"), Reply::OK);
            assert_eq!(say(&mut session, "MAIL FROM:<>"), Reply::SENDER_OK);
        }
    }
}

#[test]
fn too_many_mistakes_end_it_and_unknown_recipients_are_none() {
    for (role, nobody) in [(Role::Mx, Reply::NO_RECIPIENTS), (Role::Lmtp, Reply::NO_RECIPIENTS_LMTP)] {
        let mut session = with_recipients(role, 0);
        for _ in 0..100 {
            let Step::Resolve(_, ticket) = session.line(b"RCPT TO:<x@example.org>") else { panic!() };
            assert_eq!(session.resolved(ticket, Err(Reply::NO_SUCH_MAILBOX)), Reply::NO_SUCH_MAILBOX);
            assert_eq!(say(&mut session, "DATA"), nobody);
        }
        for _ in 0..limits::SMTP_ERRORS_MAX {
            assert_eq!(session.line_too_long_said(), Reply::LINE_TOO_LONG);
        }
        let Step::HangUp(reply) = session.line(b"BDAT 5") else { panic!() };
        assert_eq!(reply, Reply::TOO_MANY_ERRORS);
    }
}

impl Session<u8> {
    fn line_too_long_said(&mut self) -> Reply {
        said(self.line_too_long())
    }
}

/// Commands with and without sense, in any order.
fn any_line() -> impl Strategy<Value = String> {
    let known = [
        "EHLO a",
        "HELO a",
        "LHLO a",
        "MAIL FROM:<>",
        "MAIL FROM:<c@example.net> SIZE=5",
        "MAIL FROM:<> SIZE=5000",
        "RCPT TO:<anna@example.org>",
        "RCPT TO:<grüße@example.org>",
        "DATA",
        "BDAT 3",
        "BDAT 3 LAST",
        "BDAT 2000",
        "BDAT x",
        "RSET",
        "NOOP",
        "VRFY a",
        "HELP",
        "STARTTLS",
        "XYZZY",
    ];
    prop::sample::select(known.to_vec()).prop_map(str::to_owned)
}

proptest! {
    /// Whoever answers whatever: text is only ever received with an envelope that has recipients,
    /// never more than were asked for, and a message has as many replies as its protocol says.
    #[test]
    fn in_every_order(lmtp in any::<bool>(), lines in prop::collection::vec((any_line(), any::<bool>()), 0..40)) {
        let role = if lmtp { Role::Lmtp } else { Role::Mx };
        let mut session = session(role);
        let mut begun = 0;
        let replies = |recipients| if lmtp { recipients } else { 1 };
        for (line, well) in lines {
            let outcome = if well { Ok(vec![7]) } else { Err(Reply::LOCAL_FAULT) };
            match session.line(line.as_bytes()) {
                Step::Say(_) | Step::Discard(..) => {}
                Step::CheckRoom(_, ticket) => { session.sender_checked(ticket, outcome.map(|_| ())); }
                Step::Resolve(_, ticket) => { session.resolved(ticket, outcome); }
                Step::Receive(envelope, ticket) => {
                    prop_assert!((1..=3).contains(&envelope.recipients.len()));
                    let each = outcome.map(|_| vec![Reply::OK; envelope.recipients.len()]);
                    prop_assert_eq!(session.received(ticket, each).len(), replies(envelope.recipients.len()));
                }
                Step::ReceiveChunk(chunk) => {
                    if let Some(envelope) = &chunk.envelope {
                        prop_assert!(!envelope.recipients.is_empty());
                        begun = envelope.recipients.len();
                    }
                    prop_assert!(begun > 0, "a chunk without an envelope");
                    match chunk.answer {
                        ChunkAnswer::More(ticket) => { session.chunk_received(ticket, outcome.map(|_| ())); }
                        ChunkAnswer::Last(ticket) => {
                            let each = outcome.map(|_| vec![Reply::OK; begun]);
                            prop_assert_eq!(session.received(ticket, each).len(), replies(begun));
                            begun = 0;
                        }
                    }
                }
                Step::StartTls(_) => session.secured(),
                Step::Quit(_) | Step::HangUp(_) => break,
            }
            if !session.is_receiving() {
                begun = 0;
            }
        }
    }
}
