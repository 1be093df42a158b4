//! The same mailbox once more: when it has grown, when it is named differently, when it is ours.

use crate::harness::Server;
use crate::moving_in::*;
use std::fs;

const FROM: &str = "From a@b.test Mon Jan  1 10:00:00 2024\n";

/// The last message has no number yet, and no empty line behind it: the next delivery writes that.
#[test]
fn the_last_message_of_a_growing_mbox_comes_once_and_does_not_come_back() {
    let first = format!("{FROM}X-IMAPbase: 5 0000000009\nX-UID: 9\nX-UIDL: q9\nS: 1\n\nx\n\n");
    for (server_there, last, behind) in [
        ("dovecot", format!("{FROM}S: 2\n\ny\n"), "\n"),
        ("uw", format!("{FROM}S: 2\n\ny"), "\n\n"),
        ("qpopper", format!("{FROM}S: 2\n\ny\n"), "\n"),
        ("plain", format!("{FROM}S: 2\n\ny"), "\n\n"),
    ] {
        let server = Server::start("");
        let mbox = server.folder().join("mbox");
        let import = |text: String| {
            fs::write(&mbox, text).unwrap();
            let path = mbox.to_str().unwrap();
            let told =
                parsed(server.restante(
                    &["import", "mbox", path, "--to", ANNA, "--server", server_there, "--json"],
                    "",
                ));
            (told["imported"].as_u64().unwrap(), told["already"].as_u64().unwrap())
        };
        assert_eq!(import(format!("{first}{last}")), (2, 0), "{server_there}");
        let mut client = server.log_in(ANNA);
        client.ask("DELE 2", "+OK");
        client.quit();
        let third = format!("{FROM}S: 3\n\nz\n");
        assert_eq!(import(format!("{first}{last}{behind}{third}")), (1, 2), "{server_there}");
        let numbered = last.replace("S: 2", "X-UID: 10\nX-UIDL: q10\nS: 2");
        for grown in
            [format!("{first}{last}{behind}{third}\n"), format!("{first}{numbered}{behind}{third}\n")]
        {
            assert_eq!(import(grown), (0, 3), "{server_there}");
        }
        assert_eq!(server.log_in(ANNA).uidl().len(), 2, "{server_there}");
    }
}

#[test]
fn another_format_of_unique_ids_than_the_first_time_is_refused() {
    let server = Server::start("");
    let old = Old::with(&server, 12);
    old.import(&server, &[]).done();
    let before = snapshot(&server.data().join("mail"));
    let format = ["--uidl-format", "%v.%u"];
    for more in [&format[..], &[format[0], format[1], "--dry-run"], &["--server", "plain"]] {
        let said = old.import(&server, more).failed();
        assert!(said.contains("12 of the 12 messages are here already under other unique-ids"), "{said}");
        assert!(said.contains("account remove --purge"), "{said}");
    }
    assert_eq!(snapshot(&server.data().join("mail")), before);
    assert_eq!(server.log_in(ANNA).uidl(), ids(1..=12));
}

#[test]
fn an_accounts_own_maildir_is_refused() {
    let server = Server::start("");
    Old::with(&server, 2).import(&server, &[]).done();
    let own = server.mailbox(ANNA);
    let own = own.to_str().unwrap();
    for more in [&[][..], &["--dry-run"]] {
        let arguments = [&["import", "maildir", own, "--to", ANNA, "--server", "plain"], more].concat();
        let said = server.restante(&arguments, "").failed();
        assert!(said.contains("the Maildir of this very account"), "{said}");
    }
    assert_eq!(server.log_in(ANNA).uidl(), ids(1..=2));
}
