//! Files of an old server that can still be asked: for its unique-ids, and whether a mail program would notice
//! the move.

use crate::harness::Server;
use crate::pull::{ANNA, json, seen, verify};
use std::fs;

#[test]
fn an_import_that_a_mail_program_would_notice_tells_the_first_differences() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let (at, maildir) = (old.address("pop3").to_string(), old.mailbox(ANNA));
    let with = |more: &[&str]| {
        let files = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA, "--server", "plain"];
        let asked = ["--verify", &at, "--user", "anna", "--password-stdin"];
        new.restante(&[&files[..], &asked, more].concat(), "secret\n")
    };
    let noticed = with(&[]);
    assert_eq!(noticed.status, Some(1), "{noticed:?}");
    assert!(noticed.stdout.contains("2 messages imported") && noticed.stdout.contains("2 differences"));
    assert!(noticed.stdout.contains("message 1") && noticed.stdout.contains("message 2"), "{noticed:?}");
    let noticed = with(&["--json"]);
    assert_eq!(noticed.status, Some(1), "{noticed:?}");
    let told = json(&noticed.stdout);
    assert_eq!((&told["already"], &told["verify"]["different"]), (&2.into(), &2.into()));
    assert_eq!(told["verify"]["differences"].as_array().unwrap().len(), 2);
}

/// The Maildir of the old server, which can still be asked.
#[test]
fn files_come_with_the_unique_ids_of_the_server_that_is_asked_for_them() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two", "one"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let at = old.address("pop3").to_string();
    let maildir = old.mailbox(ANNA);
    let with = |more: &[&str]| {
        let files = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA, "--json"];
        let asked = ["--user", "anna", "--password-stdin"];
        new.restante(&[&files[..], more, &asked].concat(), "secret\n")
    };
    let told = json(&with(&["--uidls-from", &at, "--verify", &at]).done());
    assert_eq!(told["uidl"], json(r#"{"kept":3,"generated":0,"renamed":0}"#));
    assert_eq!((&told["verify"]["there"], &told["verify"]["different"]), (&3.into(), &0.into()));
    assert_eq!(seen(&new), seen(&old));
    old.send(&[ANNA], b"Subject: late\r\n\r\n");
    assert!(verify(&new, &old, &[]).failed().contains("message 4"));
    let told = json(&with(&["--uidls-from", &at, "--verify", &at]).done());
    assert_eq!((&told["imported"], &told["already"]), (&1.into(), &3.into()));
    assert_eq!(seen(&new), seen(&old));
    let one = &old.files(ANNA, "cur").into_iter().chain(old.files(ANNA, "new")).next().unwrap();
    fs::rename(one, old.folder().join("away")).unwrap();
    let lost = with(&["--uidls-from", &at, "--server", "plain"]);
    assert_eq!(lost.status, Some(0), "a message that the old server does not list either: {lost:?}");
}

/// What a damaged index proposes can be put behind the command that said so, whatever stands in it.
#[test]
fn the_remedies_of_a_damaged_index_are_taken() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let (at, maildir) = (old.address("pop3").to_string(), old.mailbox(ANNA));
    let (uidlist, doveconf) = (maildir.join("dovecot-uidlist"), new.folder().join("doveconf"));
    fs::write(&doveconf, "pop3_uidl_format = %v.%u\n").unwrap();
    for index in ["dovecot-uidlist", "courierpop3dsizelist"] {
        fs::write(maildir.join(index), "rubbish\n").unwrap();
    }
    let with = |more: &[&str]| {
        let command = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA];
        new.restante(&[&command[..], more].concat(), "secret\n")
    };
    let commands: [&[&str]; 5] = [
        &["--server", "dovecot"],
        &["--server", "dovecot", "--rename-duplicate-uidls", "--uidl-format", "%v.%u"],
        &["--uidlist", uidlist.to_str().unwrap()],
        &["--doveconf", doveconf.to_str().unwrap()],
        &["--server", "courier"],
    ];
    for command in commands {
        let said = with(command).failed();
        assert!(said.contains("--uidls-from"), "{command:?}: {said}");
        let asked = ["--uidls-from", &at, "--user", "anna", "--password-stdin", "--dry-run", "--json"];
        let told = json(&with(&[command, &asked[..]].concat()).done());
        assert_eq!(told["uidl"]["kept"], 2, "{command:?}: {told}");
        let plain = command.iter().filter(|word| !["--server", "dovecot", "courier"].contains(*word));
        let plain: Vec<&str> = plain.copied().chain(["--server", "plain", "--dry-run", "--json"]).collect();
        assert_eq!(json(&with(&plain).done())["uidl"]["generated"], 2, "{plain:?}");
    }
}
