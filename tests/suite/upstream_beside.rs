//! Mail of two old mailboxes for one account, one of them behind the live move: their servers may both have
//! counted from one, and no message may be taken for another.

use crate::harness::Server;
use crate::old_server::{OldServer, Trouble};
use crate::upstream::{ANNA, FEW, add, login, moving, state, view};

/// Another old server, which calls its messages as [`FEW`] are called.
fn other() -> OldServer {
    let others = FEW.map(|(id, text)| (id, [b"To: other\r\n", text].concat()));
    OldServer::with(&[(others[0].0, &others[0].1), (others[1].0, &others[1].1), (others[2].0, &others[2].1)])
}

/// `import pop3` of that mailbox, which is hers as well. How many came.
fn import(server: &Server, old: &OldServer) -> u64 {
    let at = old.address.to_string();
    let arguments = ["import", "pop3", &at, "--plain", "--user", ANNA, "--to", ANNA, "--password-stdin"];
    let told = server.restante(&[&arguments[..], &["--json"]].concat(), "secret\n").done();
    serde_json::from_str::<serde_json::Value>(&told).unwrap()["imported"].as_u64().unwrap()
}

/// All that the mailbox holds, whatever it is called.
fn texts(server: &Server) -> Vec<Vec<u8>> {
    let mut client = login(server, "secret").unwrap();
    let texts = view(&mut client).texts;
    client.quit();
    texts
}

fn of(old: &OldServer) -> Vec<Vec<u8>> {
    old.state().messages.iter().map(|(_, text)| text.clone()).collect()
}

fn late(old: &OldServer, owner: &str) {
    let text = format!("To: {owner}\r\n\r\nlate\r\n").into_bytes();
    old.state().messages.push(("late".to_owned(), text));
}

#[test]
fn mail_of_the_live_move_is_not_taken_for_what_another_mailbox_brought() {
    let (old, other) = (OldServer::with(&FEW), other());
    let server = moving(&old, "");
    server.restante(&["account", "add", ANNA, "--password-stdin"], "secret\n").done();
    assert_eq!(import(&server, &other), 3);
    assert_eq!(texts(&server), [of(&other), of(&old)].concat());
    assert_eq!(state(&server), Some(("moved".to_owned(), 3)));
}

#[test]
fn newcomers_of_both_come_and_each_once() {
    let (old, other) = (OldServer::with(&FEW), other());
    let server = moving(&old, "");
    assert_eq!(texts(&server), of(&old));
    late(&other, "other");
    assert_eq!(import(&server, &other), 4);
    late(&old, "anna");
    let all = [&of(&old)[..3], &of(&other)[..], &of(&old)[3..]].concat();
    let asked = || old.heard("RETR");
    assert_eq!(texts(&server), all);
    let before = asked();
    assert_eq!((texts(&server), import(&server, &other)), (all, 0));
    assert_eq!(asked(), before, "what is known is not read again");
}

#[test]
fn a_mailbox_that_came_another_way_is_met_again_under_any_name_that_she_types() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.restante(&["account", "add", ANNA, "--password-stdin"], "secret\n").done();
    assert_eq!(import(&server, &old), 3);
    assert_eq!(texts(&server), of(&old));
    let before = old.heard("RETR");
    old.state().user = "anna";
    late(&old, "anna");
    let mut client = server.pop3();
    client.ask("USER anna", "+OK");
    client.ask("PASS secret", "+OK");
    assert_eq!(view(&mut client).texts, of(&old));
    assert_eq!(old.heard("RETR") - before, 1, "the newcomer alone");
}

#[test]
fn an_old_server_under_another_name_brings_nothing_twice() {
    let (old, renamed) = (OldServer::with(&FEW), OldServer::with(&FEW));
    let server = moving(&old, "");
    assert_eq!(texts(&server), of(&old));
    late(&renamed, "anna");
    add(&server, &["old.example", &renamed.address.to_string(), "--plain"]);
    renamed.trouble("RETR", Trouble::Dies);
    assert_eq!(texts(&server), of(&old), "what cannot be asked is for the log");
    assert_eq!(texts(&server), of(&renamed));
    let before = renamed.heard("RETR");
    assert_eq!((texts(&server), renamed.heard("RETR")), (of(&renamed), before), "it is known by now");
}
