//! Accounts, aliases and mail of our own in a domain with an old server: what it never had, and what came another way.

use crate::harness::Server;
use crate::old_server::{OldServer, Trouble};
use crate::upstream::{ANNA, FEW, add, answer, login, moving, refusal, state, view, wanted};
use serde_json::Value;

const BERT: &str = "bert@old.example";

/// What `upstream list` says of an address.
fn listed(server: &Server, address: &str) -> Value {
    let text = server.restante(&["upstream", "list", "--json"], "").done();
    let listed: Value = serde_json::from_str(&text).unwrap();
    let accounts = listed["accounts"].as_array().unwrap();
    accounts.iter().find(|account| account["address"] == address).cloned().unwrap_or_default()
}

fn remove(server: &Server) -> crate::harness::Outcome {
    server.restante(&["upstream", "remove", "old.example"], "")
}

#[test]
fn accounts_of_our_own_go_on_in_a_domain_with_an_old_server() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.account(BERT, "ours");
    // Nobody knows yet that his old mailbox is not there.
    old.trouble("PASS", Trouble::Dies);
    assert!(answer(&server, BERT, "ours").starts_with("-ERR [SYS/TEMP]"));
    let refused = remove(&server).failed();
    assert!(refused.contains("bert@old.example (waiting)") && refused.contains("one login"), "{refused}");
    assert!(answer(&server, BERT, "ours").starts_with("+OK 0 "));
    let told = listed(&server, BERT);
    assert_eq!(told["state"], "waiting");
    assert!(told["why"].as_str().unwrap().contains("the old server refuses its password"), "{told}");
    // From now on it needs no old server.
    for trouble in
        [Trouble::Dies, Trouble::Nonsense, Trouble::Refuses("[IN-USE] x"), Trouble::Refuses("go away")]
    {
        old.trouble("PASS", trouble);
        assert!(answer(&server, BERT, "ours").starts_with("+OK 0 "), "{trouble:?}");
        old.trouble("PASS", trouble);
        assert!(answer(&server, BERT, "wrong").starts_with("-ERR [SYS/TEMP]"), "{trouble:?}");
    }
    assert!(answer(&server, BERT, "wrong").starts_with("-ERR [AUTH]"));
    let removed = remove(&server);
    assert!(removed.stderr.contains("bert@old.example was never moved"), "{removed:?}");
    removed.done();
    assert!(refusal(&server, "secret").starts_with("-ERR [AUTH]"));
}

#[test]
fn guesses_at_an_account_of_our_own_count_while_the_old_server_is_down() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "auth.failures_before_ban = 2\nauth.exempt = []");
    server.account(BERT, "ours");
    assert!(answer(&server, BERT, "ours").starts_with("+OK"));
    old.switch_off();
    for _ in 0..2 {
        assert!(answer(&server, BERT, "wrong").starts_with("-ERR [SYS/TEMP]"));
    }
    server.wait_for_log("pop3.banned");
}

/// A mail program looks every few minutes, and each look would be a wrong password there.
#[test]
fn the_old_server_is_not_asked_at_every_look_about_an_account_that_it_refuses() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.account(BERT, "ours");
    for _ in 0..6 {
        assert!(answer(&server, BERT, "ours").starts_with("+OK"));
    }
    assert_eq!(old.heard("PASS"), 3);
    old.state().user = BERT;
    old.state().password = Some("theirs");
    assert!(answer(&server, BERT, "theirs").starts_with("+OK 3 "), "another password is another matter");
}

#[test]
fn an_account_made_here_beforehand_is_moved_as_soon_as_the_old_server_accepts_it() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.account(ANNA, "ours");
    assert!(answer(&server, ANNA, "ours").starts_with("+OK 0 "));
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
    assert_eq!(state(&server), Some(("moved".to_owned(), 3)));
    assert_eq!(listed(&server, ANNA)["why"], Value::Null);
}

#[test]
fn a_disabled_account_that_never_came_keeps_no_old_server() {
    let server = moving(&OldServer::with(&FEW), "");
    server.account(BERT, "ours");
    server.restante(&["account", "disable", BERT], "").done();
    let removed = remove(&server);
    assert!(removed.stderr.contains("bert@old.example was never moved (it is disabled)"), "{removed:?}");
    removed.done();
}

#[test]
fn what_import_pop3_has_brought_from_the_old_server_is_moved() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.account(ANNA, "secret");
    let at = old.address.to_string();
    let import = ["import", "pop3", &at, "--plain", "--user", ANNA, "--to", ANNA, "--password-stdin"];
    old.trouble("RETR", Trouble::Refuses("disk"));
    assert_eq!(server.restante(&import, "secret\n").status, Some(1));
    assert_eq!(state(&server), Some(("waiting".to_owned(), 0)), "one message is not here");
    server.restante(&import, "secret\n").done();
    assert_eq!(state(&server), Some(("moved".to_owned(), 3)));
    server.restante(&import, "secret\n").done();
    assert_eq!(state(&server), Some(("moved".to_owned(), 3)));
    old.switch_off();
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
    remove(&server).done();
}

#[test]
fn mail_that_was_taken_for_an_address_without_an_account_is_not_left_behind() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    let to = old.address.to_string();
    add(&server, &["old.example", &to, "--plain", "--accept-unknown"]);
    remove(&server).done();
    add(&server, &["old.example", &to, "--plain", "--accept-unknown"]);
    server.send(&["postmaster@old.example"], b"Subject: a\r\n\r\n");
    server.send(&[BERT], b"Subject: b\r\n\r\n");
    server.send(&[BERT], b"Subject: c\r\n\r\n");
    let told = listed(&server, BERT);
    assert_eq!((&told["state"], &told["messages"]), (&"waiting".into(), &2.into()));
    let refused = remove(&server).failed();
    let maildir = server.mailbox(BERT).display().to_string();
    assert!(
        refused.contains(BERT) && refused.contains(&maildir) && refused.contains("postmaster@"),
        "{refused}"
    );
    let forced = server.restante(&["upstream", "remove", "old.example", "--force"], "");
    assert!(forced.stderr.contains("`restante account add bert@old.example`"), "{forced:?}");
    forced.done();
    // Nor is that for one address.
    add(&server, &[BERT, &to, "--plain"]);
    assert_eq!(listed(&server, BERT)["messages"], 2);
    server.restante(&["upstream", "remove", BERT], "").failed();
    server.account(BERT, "ours");
    assert_eq!(listed(&server, BERT)["why"], Value::Null);
}

#[test]
fn the_old_server_is_told_no_password_under_an_alias() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    server.account("bert@here.example", "ours");
    server.restante(&["alias", "add", ANNA, "bert@here.example"], "").done();
    assert!(refusal(&server, "secret").starts_with("-ERR [SYS/TEMP]"));
    let line = server.wait_for_log("upstream.fault");
    assert!(
        line.contains("is an alias") && line.contains(&format!("restante alias remove {ANNA}")),
        "{line}"
    );
    assert_eq!(old.heard("PASS"), 0);
    server.restante(&["alias", "remove", ANNA], "").done();
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
}
