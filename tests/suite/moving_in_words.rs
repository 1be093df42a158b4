//! The commands that move mail in, as an administrator types them: wrong usage, remedies, whole lists of users.

use crate::harness::*;
use crate::moving_in::*;
use crate::old_server::OldServer;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

#[test]
fn what_is_wrong_is_said_with_its_remedy_and_nothing_is_imported() {
    let server = Server::start("");
    let old = Old::with(&server, 2);
    let nobody = server.restante(&["import", "maildir", old.path(), "--to", "nobody@example.org"], "");
    assert!(nobody.failed().contains("restante account add nobody@example.org"));
    let nowhere = server.restante(&["import", "maildir", "/nowhere", "--to", ANNA], "");
    assert!(nowhere.failed().contains("/nowhere"));
    fs::write(old.root.join("dovecot-uidlist"), "rubbish\n").unwrap();
    assert!(old.import(&server, &[]).failed().contains("dovecot-uidlist:1"));
    fs::remove_file(old.root.join("dovecot-uidlist")).unwrap();
    let asked = old.import(&server, &[]);
    assert_eq!(asked.status, Some(2));
    assert!(asked.stderr.contains("--server dovecot") && asked.stderr.contains("courier"), "{asked:?}");
    for wrong in
        [&["--server", "exchange"][..], &["--uidl-format", "%q"], &["--folders", "some"], &["--verify", "h"]]
    {
        assert_eq!(old.import(&server, wrong).status, Some(2), "{wrong:?}");
    }
    assert!(!server.mailbox(ANNA).join("restante-import").exists());
    server.log_in(ANNA).ask("STAT", "+OK 0 ");
}

#[test]
fn a_message_that_cannot_be_read_is_named_by_where_it_lies() {
    let server = Server::start("");
    let old = Old::with(&server, 2);
    let name = "cur/1000000002.M1P1.old:2,S";
    fs::write(old.root.join(name), b"\x1f\x8b\x08 packed").unwrap();
    let outcome = old.import(&server, &["--json"]);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(&format!("the first: {name}: it is compressed")), "{outcome:?}");
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&said["skipped"][0]["what"], &said["found"]), (&name.into(), &2.into()));
    assert!(said["skipped"][0]["why"].as_str().unwrap().starts_with("it is compressed"), "{said}");
    login_refused(&server);
    let held = || -> bool {
        let listed = server.restante(&["account", "list", "--json"], "").done();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let anna = listed.as_array().unwrap().iter().find(|account| account["address"] == ANNA);
        anna.unwrap()["held"].as_bool().unwrap()
    };
    assert!(held(), "as she is told");
    server.restante(&["account", "release", ANNA], "").done();
    assert!(!held());
    server.log_in(ANNA).ask("STAT", "+OK 0 ");
}

#[test]
fn an_option_that_decides_nothing_is_wrong_usage_and_named() {
    let server = Server::start("");
    let mut old = Old::with(&server, 2);
    let mbox = server.folder().join("mbox");
    fs::write(&mbox, "From a Thu Nov 29 22:33:52 2001\nX-UIDL: a\nSubject: a\n\na\n").unwrap();
    let maildir: &[&str] = &["import", "maildir", old.path(), "--to", ANNA];
    let mbox: &[&str] = &["import", "mbox", mbox.to_str().unwrap(), "--to", ANNA];
    let accounts = server.folder().join("users");
    fs::write(&accounts, "anna:{PLAIN}secret\n").unwrap();
    let accounts = accounts.to_str().unwrap();
    let users: &[&str] =
        &["import", "users", accounts, "--format", "dovecot-passwd", "--domain", "example.org"];
    let template = format!("maildir:{}", old.path());
    let users: &[&str] = &[users, &["--mail", &template]].concat();
    let import: &[&str] = &["account", "import", accounts, "--format", "dovecot-passwd"];
    for (command, options, named) in [
        (mbox, &["--uidlist", "x"][..], "a Maildir"),
        (mbox, &["--folders", "append"], "a Maildir"),
        (mbox, &["--reuse-xuidl", "--server", "qpopper"], "--server dovecot"),
        (mbox, &["--mbox-md5", "all", "--server", "uw"], "--server dovecot"),
        (maildir, &["--mbox-md5", "all"], "an mbox"),
        (maildir, &["--uidl-format", "%u", "--server", "courier"], "--server dovecot"),
        (maildir, &["--user", "anna"], "--verify"),
        (maildir, &["--password-stdin"], "--uidls-from"),
        (maildir, &["--insecure"], "--verify"),
        (users, &["--uidlist", "x"], "CONTROL="),
        (users, &["--server", "uw"], "dovecot, courier, solid-pop3d, plain"),
        (users, &["--mbox-md5", "all"], "an mbox"),
        (import, &["--min-uid", "5"], "--format shadow"),
    ] {
        let outcome = server.restante(&[command, options].concat(), "");
        assert_eq!(outcome.status, Some(2), "{options:?}: {outcome:?}");
        assert!(outcome.stderr.contains(options[0]), "{outcome:?}");
        assert!(outcome.stderr.contains(named) && outcome.stdout.is_empty(), "{outcome:?}");
    }
    for (kind, offered, refused) in [
        ("maildir", &["--uidlist", "--folders"][..], &["--mbox-md5"][..]),
        ("mbox", &["--mbox-md5"], &["--uidlist", "--folders"]),
        ("users", &["--mbox-md5", "--folders"], &["--uidlist"]),
    ] {
        let help = server.restante(&["import", kind, "--help"], "").done();
        assert!(offered.iter().all(|option| help.contains(&format!(" {option} "))), "{kind}: {help}");
        assert!(!refused.iter().any(|option| help.contains(option)), "{kind}: {help}");
    }
    server.log_in(ANNA).ask("STAT", "+OK 0 ");
    // Said of Dovecot, it was Dovecot's: nothing is guessed from another server's index.
    fs::rename(old.root.join("dovecot-uidlist"), old.root.join("courierpop3dsizelist")).unwrap();
    assert!(old.import(&server, &["--reuse-xuidl"]).failed().contains("dovecot-uidlist"));
    old.add(b"1900000000.M1P1.old", "Subject: late\n\n");
    old.import(&server, &["--reuse-xuidl"]).done();
}

#[test]
fn a_file_that_cannot_be_read_is_told_in_one_form() {
    let server = Server::start("");
    for command in [
        &["account", "import", "/nowhere", "--format", "csv"][..],
        &["import", "pop3", "--list", "/nowhere"],
        &["import", "maildir", "/nowhere", "--to", ANNA],
        &["import", "mbox", "/nowhere", "--to", ANNA],
        &["import", "users", "/nowhere", "--format", "csv"],
    ] {
        let told = server.restante(command, "").failed();
        let (form, remedy) = ("restante: /nowhere cannot be read: No such file or directory", ": name the ");
        assert!(told.starts_with(form) && told.contains(remedy), "{command:?}: {told}");
    }
}

#[test]
fn a_user_of_a_dovecot_who_has_never_logged_in_is_no_question() {
    let server = Server::start("");
    let accounts = server.folder().join("users");
    fs::write(&accounts, "dora:{PLAIN}secret\n").unwrap();
    let old = Old::at(server.folder().join("vmail/dora"));
    fs::write(old.root.join("new/1.a"), "Subject: a\n\n").unwrap();
    let template = format!("maildir:{}/vmail/%n", server.folder().display());
    let accounts = accounts.to_str().unwrap();
    let command = ["import", "users", accounts, "--format", "dovecot-passwd", "--domain", "example.org"];
    server.restante(&[&command[..], &["--mail", &template]].concat(), "").done();
    server.log_in("dora@example.org").ask("STAT", "+OK 1 ");
}

#[test]
fn users_whose_server_nobody_names_are_asked_for_and_refused_lines_are_named() {
    let server = Server::start("");
    let accounts = server.folder().join("users");
    fs::write(&accounts, "cleo:{PLAIN}secret\ndora:{PLAIN}secret\nemil:{ROT13}frperg\n").unwrap();
    let old = Old::at(server.folder().join("vmail/cleo"));
    fs::write(old.root.join("cur/1.a:2,"), "Subject: a\n\n").unwrap();
    let template = format!("maildir:{}/vmail/%n", server.folder().display());
    let command: &[&str] = &["import", "users", accounts.to_str().unwrap(), "--format", "dovecot-passwd"];
    let command = [command, &["--domain", "example.org", "--mail", &template]].concat();
    let asked = server.restante(&command, "");
    assert_eq!(asked.status, Some(2), "{asked:?}");
    assert!(asked.stderr.contains("--server dovecot") && asked.stderr.contains("courier"), "{asked:?}");
    assert!(asked.stdout.contains("line 3, emil@example.org: "), "{asked:?}");
    let named = server.restante(&[&command[..], &["--server", "plain", "--json"]].concat(), "");
    assert_eq!(named.status, Some(1), "a line was refused: {named:?}");
    assert!(named.stderr.contains("line 3"), "{named:?}");
    let said: Value = serde_json::from_str(&named.stdout).unwrap();
    assert_eq!((&said["imported"], &said["accounts"]["unchanged"]), (&1.into(), &2.into()));
    // One that cannot be read says which it is.
    fs::write(old.root.join("dovecot-uidlist"), "rubbish\n").unwrap();
    let failed = server.restante(&[&command[..], &["--json"]].concat(), "");
    assert_eq!(failed.status, Some(1), "{failed:?}");
    let said: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(said["users"][0]["source"], old.path());
}

#[test]
fn a_line_that_says_a_user_again_keeps_no_mail_from_the_first() {
    let server = Server::start("");
    server.restante(&["alias", "add", "info@example.org", ANNA], "").done();
    let accounts = server.folder().join("users");
    fs::write(&accounts, "cleo:{PLAIN}secret\ninfo:{PLAIN}secret\nCleo:{PLAIN}other\n").unwrap();
    for name in ["cleo", "info"] {
        let mut old = Old::at(server.folder().join("vmail").join(name));
        old.add(b"1000000001.M1P1.old", &text(1));
    }
    let template = format!("maildir:{}/vmail/%n", server.folder().display());
    let command: &[&str] = &["import", "users", accounts.to_str().unwrap(), "--format", "dovecot-passwd"];
    let outcome =
        server.restante(&[command, &["--domain", "example.org", "--mail", &template, "--json"]].concat(), "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(said["accounts"]["refused"].as_array().unwrap().len(), 2, "{said}");
    let users = said["users"].as_array().unwrap();
    assert_eq!((users.len(), &users[0]["to"]), (1, &"cleo@example.org".into()), "{said}");
    server.log_in("cleo@example.org").ask("STAT", "+OK 1 ");
}

#[test]
fn users_come_with_their_mail_and_a_broken_mailbox_stops_nobody_else() {
    let server = Server::start("");
    let accounts = server.folder().join("users");
    let names = ["cleo", "dora", "emil"];
    fs::write(&accounts, names.map(|name| format!("{name}@example.org:{{PLAIN}}secret::::::\n")).concat())
        .unwrap();
    for name in &names[..2] {
        let mut old = Old::at(server.folder().join("vmail/example.org").join(name));
        (1..=3).for_each(|number| old.add(format!("1{number:09}.{name}").as_bytes(), &text(number)));
    }
    let index = server.folder().join("vmail/example.org/dora/dovecot-uidlist");
    let good = fs::read(&index).unwrap();
    fs::write(&index, "rubbish\n").unwrap();
    let template = format!("maildir:{}/vmail/%d/%n", server.folder().display());
    let command =
        ["import", "users", accounts.to_str().unwrap(), "--format", "dovecot-passwd", "--mail", &template];
    let import = |more: &[&str]| server.restante(&[&command, more].concat(), "");
    let rehearsed = import(&["--dry-run"]).stdout;
    assert!(rehearsed.starts_with("would be: added 3 accounts, updated 0, unchanged 0, "), "{rehearsed}");
    let outcome = import(&["--json"]);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("dora@example.org") && outcome.stderr.contains("dovecot-uidlist:1"));
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&said["accounts"]["added"], &said["imported"]), (&3.into(), &3.into()));
    assert_eq!(
        (&said["users"][0]["to"], &said["users"][0]["imported"]),
        (&"cleo@example.org".into(), &3.into())
    );
    assert_eq!(said["users"][1]["imported"], 0);
    assert!(said["users"][1]["error"].as_str().unwrap().contains("dovecot-uidlist"));
    let mut cleo = server.log_in("cleo@example.org");
    assert_eq!(cleo.uidl(), ids(1..=3));
    cleo.quit();
    server.log_in("emil@example.org").ask("STAT", "+OK 0 ");
    let mut dora = server.pop3();
    dora.ask("USER dora", "+OK");
    dora.ask("PASS secret", BEING_MOVED);
    fs::write(&index, good).unwrap();
    let said = parsed(import(&["--json"]));
    assert_eq!(
        (&said["accounts"]["unchanged"], &said["imported"], &said["already"]),
        (&3.into(), &3.into(), &3.into())
    );
    server.log_in("dora@example.org").ask("STAT", "+OK 3 ");
    let elsewhere = format!("maildir:{}/no-such/%d/%n", server.folder().display());
    let nowhere = ["import", "users", command[2], "--format", "dovecot-passwd", "--mail", &elsewhere];
    assert!(server.restante(&nowhere, "").failed().contains("--mail"));
    assert_eq!(server.restante(&nowhere[..5], "").status, Some(2), "where the mail is must be said");
}

/// The command between the backquotes at the end, as a shell would give it to the program.
fn named(said: &str) -> Vec<&str> {
    let command = said.split_once(" alone: `restante ").unwrap().1.split_once('`').unwrap().0;
    command.split(' ').collect()
}

#[test]
fn the_remedy_for_one_mailbox_of_many_is_a_command_that_works() {
    let server = Server::start("");
    let accounts = server.folder().join("users");
    let names = ["cleo", "dora", "emil", "fred"];
    fs::write(&accounts, names.map(|name| format!("{name}@example.org:{{PLAIN}}secret::::::\n")).concat())
        .unwrap();
    let lies = |name: &str| server.folder().join("vmail").join(name);
    for name in &names[..3] {
        let mut old = Old::at(lies(name));
        (1..=3).for_each(|number| old.add(format!("1{number:09}.{name}").as_bytes(), &text(number)));
        fs::write(old.root.join("dovecot-uidlist"), "rubbish\n").unwrap();
    }
    fs::remove_file(lies("emil").join("dovecot-uidlist")).unwrap();
    fs::write(lies("fred"), "From a Thu Nov 29 22:33:52 2001\nX-UIDL: a\nSubject: a\n\na\n").unwrap();
    let template = format!("maildir:{}/vmail/%n", server.folder().display());
    let command =
        ["import", "users", accounts.to_str().unwrap(), "--format", "dovecot-passwd", "--mail", &template];
    let said = |more: &[&str]| -> Value {
        serde_json::from_str(&server.restante(&[&command, more, &["--json"]].concat(), "").stdout).unwrap()
    };
    assert!(
        said(&["--dry-run"])["users"][0]["error"].as_str().unwrap().contains(", once the account is here: `")
    );
    let told = said(&[]);
    let alone = |index: usize, more: &[&str], input: &str| {
        let command = named(told["users"][index]["error"].as_str().unwrap());
        server.restante(&[&command, more].concat(), input)
    };
    assert!(alone(0, &[], "").failed().contains("--server plain"), "nothing has changed yet");
    alone(0, &["--server", "plain"], "").done();
    let sent = |number| text(number).replace('\n', "\r\n").into_bytes();
    let answering = OldServer::with(&[("x-2", &sent(2)), ("x-1", &sent(1)), ("x-3", &sent(3))]);
    answering.state().user = "dora";
    let at = answering.address.to_string();
    alone(1, &["--uidls-from", &at, "--user", "dora", "--password-stdin", "--plain"], "secret\n").done();
    let index = server.folder().join("index");
    fs::write(&index, "3 V1 N2\n2 :1000000001.emil\n3 :1000000002.emil\n4 :1000000003.emil\n").unwrap();
    alone(2, &["--uidlist", index.to_str().unwrap()], "").done();
    alone(3, &[], "").done();
    for (name, ids) in [
        ("dora", &["x-2", "x-1", "x-3"][..]),
        ("emil", &["0000000200000001", "0000000300000001", "0000000400000001"]),
        ("fred", &["a"]),
    ] {
        assert_eq!(server.log_in(&format!("{name}@example.org")).uidl(), ids, "{name}");
    }
}

#[test]
fn what_root_imports_belongs_to_the_server() {
    use std::os::unix::fs::{MetadataExt, chown};
    let server = Server::start("");
    let old = Old::with(&server, 2);
    let (user, group) = (4711, 4712);
    if chown(server.data(), Some(user), Some(group)).is_err() {
        return; // Only root can be in that place.
    }
    old.import(&server, &[]).done();
    let mail = server.data().join("mail/example.org/anna");
    let mut paths: Vec<PathBuf> = snapshot(&mail).into_keys().collect();
    assert_eq!(paths.len(), 3, "two messages and the ledger: {paths:?}");
    paths.extend([mail.join("cur"), mail.join("new"), mail]);
    for path in paths {
        let stat = fs::metadata(&path).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (user, group), "{}", path.display());
        assert_eq!(stat.mode() & 0o077, 0, "{}", path.display());
    }
}
