//! Mail that comes to the old server of a moved account: it comes over whatever it costs, or the administrator is told.

use crate::harness::{Server, eventually};
use crate::old_server::{OldServer, Trouble};
use crate::upstream::{FEW, login, moving, wanted};
use serde_json::Value;

/// A server to which anna has moved from there.
fn moved(old: &OldServer) -> Server {
    let server = moving(old, "");
    login(&server, "secret").unwrap().quit();
    server
}

fn arrive(old: &OldServer, id: &str) {
    let text = format!("Subject: {id}\r\n\r\n{}", "large\r\n".repeat(20_000)).into_bytes();
    old.state().messages.push((id.to_owned(), text));
}

/// Why anna's mail is not all here, and how much of it is.
fn why(server: &Server) -> (Option<String>, u64) {
    let listed: Value =
        serde_json::from_str(&server.restante(&["upstream", "list", "--json"], "").done()).unwrap();
    let account = &listed["accounts"][0];
    assert_eq!(account["state"], "moved");
    (account["why"].as_str().map(str::to_owned), account["messages"].as_u64().unwrap())
}

fn wait_until_all_is_here(server: &Server, messages: u64) {
    eventually("the newcomers", || (why(server) == (None, messages)).then_some(()));
}

fn with(ids: &[&str]) -> Vec<String> {
    [wanted(&FEW).unique_ids, ids.iter().map(|id| (*id).to_owned()).collect()].concat()
}

#[test]
fn newcomers_that_take_longer_than_a_login_go_on_behind_it() {
    let old = OldServer::with(&FEW);
    let server = moved(&old);
    arrive(&old, "slow");
    arrive(&old, "behind it");
    let (logins, reads) = (old.heard("PASS"), old.heard("RETR"));
    old.trouble("RETR", Trouble::Waits);
    let mut first = login(&server, "secret").unwrap();
    assert_eq!(first.uidl(), with(&[]));
    assert!(why(&server).0.unwrap().contains("on its way"), "{:?}", why(&server));
    let refused = server.restante(&["upstream", "remove", "old.example"], "").failed();
    assert!(refused.contains("moved, but mail that came to the old server is still on its way"), "{refused}");
    first.quit();
    // Another login waits for the same one, and shows what there is.
    let mut second = login(&server, "secret").unwrap();
    assert_eq!(second.uidl(), with(&[]));
    assert_eq!(old.heard("PASS") - logins, 1, "it is not begun anew");
    old.go_on();
    wait_until_all_is_here(&server, 5);
    assert_eq!(second.uidl(), with(&[]), "a session is what it was when it began");
    second.ask("DELE 1", "+OK");
    second.quit();
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&["slow", "behind it"])[1..]);
    assert_eq!(old.heard("RETR") - reads, 2, "each is read once");
    server.restante(&["upstream", "remove", "old.example"], "").done();
}

#[test]
fn an_old_server_that_is_slow_to_let_us_in_is_asked_all_the_same() {
    let old = OldServer::with(&FEW);
    let server = moved(&old);
    arrive(&old, "late");
    old.trouble("PASS", Trouble::Waits);
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&[]));
    assert_eq!(why(&server), (None, 3), "nobody knows yet that there is any");
    old.go_on();
    wait_until_all_is_here(&server, 4);
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&["late"]));
}

#[test]
fn a_newcomer_that_the_old_server_does_not_hand_out_is_told() {
    let old = OldServer::with(&FEW);
    let server = moved(&old);
    ["one", "two", "three"].iter().for_each(|id| arrive(&old, id));
    old.state().withheld.push("two");
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&["one", "three"]));
    let told = "message 5: the old server refuses it: cannot open it";
    assert_eq!(why(&server), (Some(told.to_owned()), 5));
    let line = server.wait_for_log("message 5");
    assert!(
        line.contains(" WARN ") && line.contains("upstream.newcomers") && line.contains("messages=2"),
        "{line}"
    );
    let refused = server.restante(&["upstream", "remove", "old.example"], "").failed();
    assert!(refused.contains(&format!("moved, but {told}")) && refused.contains("--force"), "{refused}");
    // An old server that says nothing at all has not given it either.
    old.trouble("greeting", Trouble::Dies);
    login(&server, "secret").unwrap().quit();
    assert_eq!(why(&server), (Some(told.to_owned()), 5));
    old.state().withheld.clear();
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&["one", "three", "two"]));
    assert_eq!(why(&server), (None, 6));
    server.restante(&["upstream", "remove", "old.example"], "").done();
}

#[test]
fn one_that_is_not_handed_out_keeps_no_other_from_a_mailbox_that_was_empty() {
    let old = OldServer::with(&[]);
    let server = moved(&old);
    ["one", "two"].iter().for_each(|id| arrive(&old, id));
    old.state().withheld.push("one");
    assert_eq!(login(&server, "secret").unwrap().uidl(), ["two"]);
    assert!(why(&server).0.unwrap().starts_with("message 1: "));
}

#[test]
fn a_newcomer_that_breaks_off_is_told_and_comes_at_the_next_login() {
    let old = OldServer::with(&FEW);
    let mut server = moved(&old);
    arrive(&old, "late");
    old.trouble("RETR", Trouble::DiesInside);
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&[]));
    assert!(why(&server).0.unwrap().contains("broken off"), "{:?}", why(&server));
    // A server that ends in the middle says that it is not here.
    old.trouble("RETR", Trouble::Waits);
    login(&server, "secret").unwrap().quit();
    assert_eq!(server.stop(), Some(0));
    assert!(why(&server).0.is_some());
    old.go_on();
    server.again();
    assert_eq!(login(&server, "secret").unwrap().uidl(), with(&["late"]));
    assert_eq!(why(&server), (None, 4));
}
