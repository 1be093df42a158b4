//! Pulling mail from old servers, well-behaved and rude ones, through the source that the landing reads.
//!
//! No test waits for a time to pass but one, in which the server says nothing at all.

use crate::harness::LIMIT;
use crate::rude::Rude;
use restante::fetch::{Login, Mailbox, Patience, Problem, Server};
use restante::import::{Error, Found, Source, UniqueIdOf};
use restante::limits;
use restante::mail::{Password, UserName};
use std::net::SocketAddr;
use std::time::Duration;

pub const PATIENT: Patience =
    Patience { connect: LIMIT, answer: LIMIT, in_use: LIMIT, pause: Duration::from_millis(1) };

pub fn mailbox_at(address: SocketAddr, change: impl FnOnce(&mut Server, &mut Patience)) -> Mailbox {
    let (mut server, mut patience) = (Server::parse(&address.to_string()).unwrap(), PATIENT);
    change(&mut server, &mut patience);
    Mailbox::new(server, anna(), patience, false)
}

/// Who logs in, in all scripts.
pub fn anna() -> Login {
    Login { user: UserName::parse("anna").unwrap(), password: Password::new("secret").unwrap() }
}

fn mailbox(rude: &Rude) -> Mailbox {
    mailbox_at(rude.address, |_, _| {})
}

/// A login, and the listing of these sizes and unique-ids.
pub fn listed(capabilities: &str, list: &str, uidl: &str) -> String {
    format!(
        "S: +OK
        C: CAPA
        S: +OK
        {capabilities}
        S: .
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK
        C: UIDL
        S: +OK
        {uidl}
        S: .
        C: LIST
        S: +OK
        {list}
        S: .
        "
    )
}

const THREE: (&str, &str) = ("S: 1 9\nS: 2 9\nS: 3 9", "S: 1 a\nS: 2 b\nS: 3 c");

fn three(capabilities: &str) -> String {
    listed(capabilities, THREE.0, THREE.1)
}

/// Unique-ids of the inventory.
pub fn listed_ids(mailbox: &mut Mailbox) -> Vec<Vec<u8>> {
    ids(&mailbox.inventory().unwrap().messages)
}

/// The unique-ids, all of which the old server has shown.
pub fn ids(messages: &[Found]) -> Vec<Vec<u8>> {
    let id = |found: &Found| match &found.unique_id {
        UniqueIdOf::Kept(id) => id.as_bytes().to_vec(),
        UniqueIdOf::Made { .. } => panic!("made"),
    };
    messages.iter().map(id).collect()
}

pub fn read(mailbox: &mut Mailbox, index: usize) -> Result<String, String> {
    let mut text = Vec::new();
    let mut sink = |piece: &[u8]| {
        text.extend_from_slice(piece);
        Ok(())
    };
    mailbox.read(index, &mut sink).map_err(|error| error.to_string())?;
    assert!(!text.ends_with(b"\n") || text.ends_with(b"\r\n"), "the octets of the wire");
    Ok(String::from_utf8_lossy(&text).replace("\r\n", "\n"))
}

fn read_all(mailbox: &mut Mailbox, count: usize) -> Vec<Result<String, String>> {
    mailbox.expect(&(0..count).collect::<Vec<_>>());
    (0..count).map(|index| read(mailbox, index)).collect()
}

/// Why the inventory cannot be had.
#[track_caller]
pub fn refused(mailbox: &mut Mailbox) -> String {
    match mailbox.inventory() {
        Err(Error::Source { what, remedy }) => format!("{what}: {remedy}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_are_asked_for_ahead_where_the_server_takes_it() {
    let script = three("S: PIPELINING")
        + "C: RETR 1
        C: RETR 2
        C: RETR 3
        S: +OK
        S: ..one
        S: .
        S: +OK
        S: .
        S: +OK
        s: th\\xe9\\x00\\r\\r\\n.\\r\\n
        C: QUIT
        S: +OK";
    let rude = Rude::playing(&[&script]);
    let mut mailbox = mailbox(&rude);
    assert_eq!(listed_ids(&mut mailbox), [b"a", b"b", b"c"]);
    let read = read_all(&mut mailbox, 3);
    assert_eq!(read, [".one\n", "", "th\u{fffd}\0\r\n"].map(|text| Ok(text.to_owned())));
    mailbox.close();
    rude.done();
}

#[test]
fn a_server_without_capa_is_asked_one_thing_at_a_time() {
    let rude = Rude::playing(&["
        S: +OK
        C: CAPA
        S: -ERR
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK
        C: UIDL
        S: +OK
        S: 2 x
        S: 5 y
        S: .
        C: LIST
        S: -ERR
        C: RETR 2
        S: +OK
        S: two
        S: .
        C: RETR 5
        S: +OK
        S: five
        S: ."]);
    let mut mailbox = mailbox(&rude);
    assert_eq!(listed_ids(&mut mailbox), [b"x", b"y"]);
    assert_eq!(read_all(&mut mailbox, 2), [Ok("two\n".to_owned()), Ok("five\n".to_owned())]);
    drop(mailbox);
    rude.done();
}

#[test]
fn unique_ids_are_kept_as_they_are_and_sizes_may_lie() {
    let long = "x".repeat(limits::CARRIED_ID_MAX);
    let uidl = format!("s: 1 a b \\xe4\\r\\n\nS: 2 {long}\nS: 2 {long}\nS: 3 same\nS: 4 same");
    let script = listed("S: PIPELINING", "S: 1 0\nS: 2 99999999999\nS: 3 7\nS: 4 7", &uidl)
        + "C: RETR 1
        S: +OK 0 octets
        S: a longer text than that
        S: .";
    let rude = Rude::playing(&[&script]);
    let mut mailbox = mailbox(&rude);
    assert_eq!(listed_ids(&mut mailbox), [&b"a b \xe4"[..], long.as_bytes(), b"same", b"same"]);
    mailbox.expect(&[0]);
    assert_eq!(read(&mut mailbox, 0).unwrap(), "a longer text than that\n");
    drop(mailbox);
    rude.done();
}

#[test]
fn what_would_have_to_be_guessed_is_refused() {
    for (list, uidl, why) in [
        ("S: 1 9", "S: 1 a\nS: 1 b", "makes no sense: 1 b"),
        ("S: 1 9", "S: first a", "makes no sense: first a"),
        ("S: 1 9\nS: 2 9", "S: 1 a", "shows none for message 2"),
        ("S: 1 9", "S: 1", "shows none for message 1"),
        ("S: 1 nine", "S: 1 a", "makes no sense: 1 nine"),
        ("S: 1 9", "s: 1 a\\x00b\\r\\n", "cannot be kept"),
    ] {
        let rude = Rude::playing(&[&listed("", list, uidl)]);
        let error = refused(&mut mailbox(&rude));
        assert!(error.contains(why), "{error}");
        drop(rude);
    }
}

#[test]
fn a_connection_that_breaks_goes_on_with_the_message_it_broke_in() {
    let broken = three("S: PIPELINING")
        + "C: RETR 1
        C: RETR 2
        C: RETR 3
        S: +OK
        S: one
        S: .
        S: +OK
        S: the first line
        s: half of the sec
        !close";
    let renumbered = listed("", "S: 1 9\nS: 2 9", "S: 1 b\nS: 2 c")
        + "C: RETR 1
        S: +OK
        S: the first line
        S: half of the second line
        S: .
        C: RETR 2
        S: +OK
        S: three
        S: .";
    let rude = Rude::playing(&[&broken, &renumbered]);
    let mut mailbox = mailbox(&rude);
    listed_ids(&mut mailbox);
    let wanted = ["one\n", "the first line\nhalf of the second line\n", "three\n"];
    assert_eq!(read_all(&mut mailbox, 3), wanted.map(|text| Ok(text.to_owned())));
    drop(mailbox);
    rude.done();
}

#[test]
fn a_message_that_is_another_text_each_time_is_not_put_together_of_two() {
    let first = three("S: PIPELINING") + "C: RETR 1\nC: RETR 2\nC: RETR 3\nS: +OK\nS: boundary 1\n!close";
    let second =
        three("S: PIPELINING") + "C: RETR 1\nC: RETR 2\nC: RETR 3\nS: +OK\nS: boundary 2\nS: .\n!close";
    let third = three("")
        + "C: RETR 2
        S: +OK
        S: two
        S: .
        C: RETR 3
        S: -ERR gone
        ";
    let rude = Rude::playing(&[&first, &second, &third]);
    let mut mailbox = mailbox(&rude);
    listed_ids(&mut mailbox);
    let read = read_all(&mut mailbox, 3);
    assert!(read[0].as_ref().unwrap_err().starts_with("message 1: it broke off"), "{read:?}");
    assert_eq!(read[1], Ok("two\n".to_owned()));
    assert_eq!(read[2], Err("message 3: the old server refuses it: gone".to_owned()));
    drop(mailbox);
    rude.done();
}

#[test]
fn a_message_that_breaks_each_connection_is_left_out_and_a_server_that_does_is_given_up() {
    let breaks = three("") + "C: RETR 1\nS: +OK\ns: half\n!close";
    let goes_on = three("") + "C: RETR 2\nS: +OK\nS: two\nS: .\n!close";
    let tries = limits::FETCH_TRIES_OF_ONE_MAX as usize;
    let mut scripts = vec![breaks.as_str(); tries];
    scripts.push(&goes_on);
    let rude = Rude::playing(&scripts);
    let mut mailbox = mailbox(&rude);
    listed_ids(&mut mailbox);
    let error = read(&mut mailbox, 0).unwrap_err();
    assert!(error.starts_with("message 1: ") && error.contains("broken off"), "{error}");
    assert_eq!(read(&mut mailbox, 1), Ok("two\n".to_owned()));
    // The script is at its end; from here on connections are closed or refused.
    rude.done();
    let last =
        (2..10).map(|_| read(&mut mailbox, 2).unwrap_err()).find(|error| !error.starts_with("message"));
    assert!(last.is_some_and(|error| error.contains("no answer")));
}

#[test]
fn a_mailbox_in_use_is_tried_again_and_then_named() {
    let in_use = "
        S: +OK
        C: CAPA
        S: -ERR
        C: USER anna
        S: +OK
        C: PASS secret
        S: -ERR [IN-USE] somebody reads it
        ";
    let rude = Rude::playing(&[in_use, in_use, &three("")]);
    assert_eq!(listed_ids(&mut mailbox(&rude)).len(), 3);
    rude.done();
    let rude = Rude::playing(&[in_use]);
    let error = refused(&mut mailbox_at(rude.address, |_, patience| patience.in_use = Duration::ZERO));
    assert!(error.contains("the mailbox is in use: [IN-USE] somebody reads it"), "{error}");
    rude.done();
}

#[test]
fn each_failure_is_named_with_its_remedy() {
    let login = "S: +OK\nC: CAPA\nS: -ERR\nC: USER anna\nS: +OK\nC: PASS secret\n";
    for (script, wanted) in [
        ("S: 220 smtp.example.org ESMTP", "no POP3 server: 220 smtp.example.org ESMTP: see that the port"),
        (&format!("{login}S: -ERR [AUTH] no"), "refuses user name or password: [AUTH] no: see that both"),
        (
            &format!("{login}S: -ERR [SYS/TEMP] broken"),
            "cannot serve this mailbox now: [SYS/TEMP] broken: run",
        ),
        (&format!("{login}!close"), "broken off: it closed the connection before it had answered PASS: run"),
        (&format!("{login}S: +OK\nC: UIDL\nS: -ERR what?"), "no unique-ids (UIDL): what?: with --no-uidl"),
        ("!close", "before it had answered our arrival: see that host and port are right"),
    ] {
        let rude = Rude::playing(&[script]);
        let error = refused(&mut mailbox(&rude));
        assert!(error.contains(wanted), "{error}");
        rude.done();
    }
    let silent = Rude::playing(&["!silent"]);
    let impatient = |_: &mut Server, patience: &mut Patience| patience.answer = Duration::from_millis(50);
    let error = refused(&mut mailbox_at(silent.address, impatient));
    assert!(
        error.contains("broken off before it had answered our arrival: it fell silent: see that"),
        "{error}"
    );
    silent.done();
    let nobody = "127.0.0.1:1".parse().unwrap();
    let error = refused(&mut mailbox_at(nobody, |_, _| {}));
    assert!(error.contains("no answer: ") && error.contains("see that the server runs"), "{error}");
    let error = refused(&mut mailbox_at(nobody, |server, _| server.host = "no..host".to_owned()));
    assert!(error.contains("no such host: "), "{error}");
}

#[test]
fn only_what_is_named_is_deleted_and_quit_must_carry_it_out() {
    let deletes = |answer: &str| {
        three("S: PIPELINING")
            + "C: DELE 1
            C: DELE 3
            S: +OK
            S: +OK
            C: QUIT
            "
            + answer
    };
    let rude = Rude::playing(&[&deletes("S: +OK")]);
    let mut kept = mailbox(&rude);
    kept.inventory().unwrap();
    assert_eq!(kept.delete(&[0, 2]).unwrap(), 2);
    rude.done();
    let rude = Rude::playing(&[&deletes("S: -ERR [SYS/TEMP] some messages not removed")]);
    let mut kept = mailbox(&rude);
    kept.inventory().unwrap();
    assert!(matches!(kept.delete(&[0, 2]), Err(Problem::NotDeleted { .. })));
    rude.done();
    // The session that listed was closed for idleness: the numbers are looked up in another.
    let other = listed("", "S: 1 9\nS: 2 9", "S: 1 c\nS: 2 d") + "C: DELE 1\nS: +OK\nC: QUIT\nS: +OK";
    let rude = Rude::playing(&[&(three("") + "!close"), &other]);
    let mut kept = mailbox(&rude);
    kept.inventory().unwrap();
    assert_eq!(kept.delete(&[0, 2]).unwrap(), 1);
    rude.done();
}
