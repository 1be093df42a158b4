//! Old servers that die, hang or change their minds, at each step of the live move.

use crate::harness::{Server, eventually};
use crate::old_server::{OldServer, Trouble};
use crate::relayed::RELAYING;
use crate::upstream::{ANNA, FEW, add, login, moving, refusal, state, view, wait_until_moved, wanted};
use std::net::TcpListener;

#[test]
fn an_old_server_in_trouble_is_never_a_wrong_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start("");
    add(&server, &["old.example", &nobody.to_string(), "--plain"]);
    assert!(refusal(&server, "secret").starts_with("-ERR [SYS/TEMP]"), "nobody is there");

    let old = OldServer::with(&FEW);
    add(&server, &["old.example", &old.address.to_string(), "--plain"]);
    let troubles = [
        Trouble::Dies,
        Trouble::DiesInside,
        Trouble::Nonsense,
        Trouble::Refuses("[SYS/TEMP] come back later"),
        Trouble::Refuses("[SYS/PERM] out of order"),
        Trouble::Refuses("[IN-USE] locked"),
        Trouble::Refuses("user database unavailable, password not checked"),
        // A bare `no` to a password means the password.
        Trouble::Refuses("not today"),
    ];
    for command in ["greeting", "USER", "PASS", "UIDL"] {
        for trouble in troubles {
            if command == "UIDL" && matches!(trouble, Trouble::Refuses(_)) {
                continue; // It says that it does not know UIDL: see below.
            }
            old.trouble(command, trouble);
            let said = refusal(&server, "secret");
            let legal = ["-ERR [SYS/TEMP]", "-ERR [IN-USE]"];
            assert!(legal.iter().any(|code| said.starts_with(code)), "{command} {trouble:?}: {said}");
            assert!(server.files(ANNA, "new").is_empty() && server.files(ANNA, "cur").is_empty());
            let taken_in = (command == "UIDL").then(|| ("failing".to_owned(), 0));
            assert_eq!(state(&server), taken_in, "{command} {trouble:?}");
        }
    }
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
}

#[test]
fn an_old_server_that_dies_in_the_middle_of_a_pull_shows_nothing_half() {
    for (command, trouble) in [
        ("LIST", Trouble::Dies),
        ("LIST", Trouble::DiesInside),
        ("RETR", Trouble::Dies),
        ("RETR", Trouble::DiesInside),
        ("RETR", Trouble::Nonsense),
        ("RETR", Trouble::Refuses("[SYS/TEMP] disk")),
        ("QUIT", Trouble::Dies),
    ] {
        let old = OldServer::with(&FEW);
        let server = moving(&old, "");
        old.trouble(command, trouble);
        if let Ok(mut client) = login(&server, "secret") {
            assert_eq!(view(&mut client), wanted(&FEW), "{command} {trouble:?}");
            client.quit();
        }
        let mut client = eventually("the next login", || login(&server, "secret").ok());
        assert_eq!(view(&mut client), wanted(&FEW), "{command} {trouble:?}");
        client.quit();
        wait_until_moved(&server);
    }
}

#[test]
fn an_old_server_that_hangs_is_waited_for_and_no_longer() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, RELAYING);
    old.trouble("RETR", Trouble::Waits);
    // It cannot be pulled from now, so it goes on serving.
    let mut client = login(&server, "secret").unwrap();
    assert_eq!(client.uidl(), wanted(&FEW).unique_ids);
    assert!(server.files(ANNA, "new").is_empty() && server.files(ANNA, "cur").is_empty());
    old.go_on();
    assert_eq!(view(&mut client), wanted(&FEW));
    client.quit();
    wait_until_moved(&server);
    // Moved, nobody waits for it.
    old.trouble("greeting", Trouble::Waits);
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
    old.go_on();
}

#[test]
fn without_unique_ids_there_the_old_server_goes_on_serving() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    // Half a listing: the rest of it would answer the mail program's first command.
    for trouble in [Trouble::Dies, Trouble::DiesInside, Trouble::Nonsense] {
        old.trouble("UIDL", Trouble::Refuses("unknown command"));
        old.trouble("LIST", trouble);
        assert!(refusal(&server, "secret").starts_with("-ERR [SYS/TEMP]"), "{trouble:?}");
    }
    old.trouble("UIDL", Trouble::Refuses("unknown command"));
    let mut client = login(&server, "secret").unwrap();
    assert_eq!(client.list().len(), 3);
    assert!(server.wait_for_log("upstream.relayed").contains(" messages=3 octets="));
    assert_eq!(state(&server).unwrap().0, "failing");
    client.quit();
}
