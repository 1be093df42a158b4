//! Sessions of mailboxes that are too large to come over at once: the old server serves them through us, and
//! their mail follows.

use crate::harness::eventually;
use crate::old_server::{OldServer, Trouble};
use crate::upstream::{login, moving, refusal, state, view, wait_until_moved, wanted};

/// More than comes over in the wait of [`RELAYING`].
pub fn many() -> Vec<(String, Vec<u8>)> {
    let text = |n: usize| {
        let line = format!("{}\r\n", "x".repeat(998 - n));
        format!("Subject: {n}\r\n\r\n{}", line.repeat(if n < 10 { 1000 } else { 1 })).into_bytes()
    };
    (0..30).map(|n| (format!("id{}", 90 - n), text(n))).collect()
}

pub fn borrowed(messages: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    messages.iter().map(|(id, text)| (id.as_str(), &text[..])).collect()
}

pub const RELAYING: &str = "upstream_wait = \"1s\"";

#[test]
fn a_large_mailbox_is_relayed_first_and_here_afterwards() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    assert_eq!(view(&mut client), wanted(&borrowed(&messages)));
    assert_eq!(state(&server).unwrap().0, "relayed");
    // Both in one packet, as mpop does it.
    client.send(b"DELE 2\r\nRSET\r\nDELE 3\r\nDELE 30\r\nSTAT\r\n");
    for _ in 0..5 {
        client.expect("+OK");
    }
    client.quit();
    wait_until_moved(&server);
    let left: Vec<_> = messages.iter().enumerate().filter(|(at, _)| ![2, 29].contains(at)).collect();
    let left: Vec<(String, Vec<u8>)> = left.into_iter().map(|(_, message)| message.clone()).collect();
    assert_eq!(state(&server), Some(("moved".to_owned(), 28)));
    old.switch_off();
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&left)));
}

#[test]
fn what_a_relayed_session_deleted_does_not_come_even_if_it_is_still_listed() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    client.ask("DELE 1", "+OK");
    client.quit();
    // An old server that is slow to carry it out, or has it back from a backup.
    old.state().messages = messages.clone();
    wait_until_moved(&server);
    assert_eq!(login(&server, "secret").unwrap().uidl().len(), 29);
}

#[test]
fn what_one_of_two_sessions_deleted_does_not_come_whoever_is_the_last_and_after_a_restart() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let mut server = moving(&old, RELAYING);
    let (mut first, second) = (login(&server, "secret").unwrap(), login(&server, "secret").unwrap());
    first.ask("DELE 1", "+OK");
    first.quit();
    // The other session is still busy there, so nothing is pulled; and then we know nothing any more.
    server.wait_for_log("deleted=1");
    server.kill();
    drop(second);
    old.state().messages = messages.clone();
    server.again();
    login(&server, "secret").unwrap().quit();
    wait_until_moved(&server);
    assert_eq!(login(&server, "secret").unwrap().uidl().len(), 29);
}

#[test]
fn a_message_that_shares_its_unique_id_with_a_deleted_one_still_comes() {
    let mut messages = many();
    messages[5].0 = messages[4].0.clone();
    let old = OldServer::with(&borrowed(&messages));
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    client.ask("DELE 5", "+OK");
    client.quit();
    wait_until_moved(&server);
    messages.remove(4);
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&messages)));
}

#[test]
fn commands_wait_for_each_other_where_the_old_server_does_not_announce_pipelining() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    old.state().one_by_one = true;
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    client.send(b"RETR 30\r\nDELE 30\r\nRSET\r\nDELE 29\r\nno");
    client.expect("+OK");
    client.rest_until(|line| line == ".");
    for _ in 0..3 {
        client.expect("+OK");
    }
    // The rest of a line, the last words, and then nobody who listens.
    client.send(b"nsense\r\nSTAT\r\nQUIT\r\n");
    client.hang_up_writing();
    client.expect("-ERR");
    client.expect("+OK 30");
    client.expect("+OK bye");
    wait_until_moved(&server);
    assert_eq!(old.unique_ids().len(), 29);
    let state = old.state();
    assert!(state.ahead.is_empty(), "{:?}", state.ahead);
    assert!(state.heard.iter().any(|heard| heard == "nonsense"), "{:?}", state.heard);
}

#[test]
fn a_relayed_session_without_quit_deletes_nothing() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    old.state().one_at_a_time = true;
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    client.ask("DELE 1", "+OK");
    assert!(refusal(&server, "secret").starts_with("-ERR [IN-USE]"));
    client.hang_up();
    wait_until_moved(&server);
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&messages)));
}

#[test]
fn a_login_stops_the_pull_and_is_relayed_again() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    old.state().one_at_a_time = true;
    let server = moving(&old, RELAYING);
    login(&server, "secret").unwrap().quit();
    old.trouble("RETR", Trouble::Waits);
    eventually("the pull", || (old.heard("RETR") > 0).then_some(()));
    assert_eq!(state(&server).unwrap().0, "moving");
    // A wrong password stops nothing.
    assert!(refusal(&server, "wrong").starts_with("-ERR [AUTH]"));
    let waiting = std::thread::scope(|scope| {
        let second = scope.spawn(|| login(&server, "secret"));
        old.go_on();
        second.join().unwrap()
    });
    // Whichever was first: all of it is shown.
    assert_eq!(view(&mut waiting.unwrap()), wanted(&borrowed(&messages)));
    wait_until_moved(&server);
}

/// The login comes to nothing: it was stopped for that, and nobody else would go on with it.
#[test]
fn a_pull_that_was_stopped_for_a_login_in_vain_goes_on() {
    let messages = many();
    for (pulled, asked) in
        [(Trouble::Waits, None), (Trouble::Trickles, Some(Trouble::Refuses("[SYS/TEMP] out of order")))]
    {
        let old = OldServer::with(&borrowed(&messages));
        let server = moving(&old, RELAYING);
        login(&server, "secret").unwrap().quit();
        old.trouble("RETR", pulled);
        eventually("the pull", || (old.heard("RETR") > 0).then_some(()));
        asked.into_iter().for_each(|trouble| old.trouble("PASS", trouble));
        assert!(refusal(&server, "secret").starts_with("-ERR [SYS/TEMP]"), "{pulled:?}");
        old.go_on();
        wait_until_moved(&server);
        assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&messages)));
    }
}

#[test]
fn a_password_that_was_changed_there_during_the_pull_is_told() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let server = moving(&old, RELAYING);
    login(&server, "secret").unwrap().quit();
    old.trouble("RETR", Trouble::Trickles);
    eventually("the pull", || (old.heard("RETR") > 0).then_some(()));
    old.state().password = Some("changed there");
    assert!(refusal(&server, "secret").starts_with("-ERR [AUTH]"));
    assert_eq!(state(&server).unwrap().0, "failing");
    old.go_on();
    login(&server, "changed there").unwrap().quit();
    wait_until_moved(&server);
}

#[test]
fn a_restart_in_the_middle_loses_nothing_and_the_next_login_goes_on() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let mut server = moving(&old, RELAYING);
    login(&server, "secret").unwrap().quit();
    old.trouble("RETR", Trouble::Waits);
    eventually("the pull", || (old.heard("RETR") > 0).then_some(()));
    server.kill();
    old.go_on();
    server.again();
    assert_eq!(state(&server).unwrap().0, "moving");
    let mut client = login(&server, "secret").unwrap();
    assert_eq!(view(&mut client), wanted(&borrowed(&messages)));
    client.quit();
    wait_until_moved(&server);
    old.switch_off();
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&messages)));
}

#[test]
fn an_old_server_that_dies_under_a_relayed_session_is_asked_again() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    old.trouble("RETR", Trouble::Dies);
    client.say("RETR 1");
    client.closed();
    server.wait_for_log("why=upstream");
    wait_until_moved(&server);
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&borrowed(&messages)));
}

/// What was said behind a message that nobody read is not carried out: it would be lost.
#[test]
fn nothing_is_deleted_behind_a_message_that_a_gone_client_has_not_read() {
    let messages = many();
    let old = OldServer::with(&borrowed(&messages));
    old.state().one_by_one = true;
    let server = moving(&old, RELAYING);
    let mut client = login(&server, "secret").unwrap();
    old.trouble("RETR", Trouble::Waits);
    client.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n");
    eventually("the first command", || (old.heard("RETR") > 0).then_some(()));
    client.hang_up();
    old.go_on();
    let log = server.wait_for_log("pop3.end");
    assert!(log.contains("deleted=0") && log.contains("why=gone"), "{log}");
    wait_until_moved(&server);
    assert_eq!(old.unique_ids().len(), messages.len());
}
