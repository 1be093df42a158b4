//! Mail from an old server's files, through the command and over POP3: what a mail program sees of a move.

use crate::client::Client;
use crate::harness::{Outcome, Server, eventually, restante, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const ANNA: &str = "anna@example.org";
const BEING_MOVED: &str = "-ERR [SYS/TEMP] your mailbox is being moved here, try again in a few minutes";

/// A Maildir of Dovecot's, with its index.
struct Old {
    root: PathBuf,
    names: Vec<Vec<u8>>,
}

impl Old {
    /// With messages 1 to `count`.
    fn with(server: &Server, count: usize) -> Self {
        let mut old = Self::at(server.folder().join("old"));
        (1..=count).for_each(|number| old.add(format!("1{number:09}.M1P1.old").as_bytes(), &text(number)));
        old
    }

    fn at(root: PathBuf) -> Self {
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        Self { root, names: Vec::new() }
    }

    /// A message that has been seen, and its line in the index.
    fn add(&mut self, name: &[u8], text: &str) {
        use std::os::unix::ffi::OsStrExt;
        let file = [name, b":2,S"].concat();
        fs::write(self.root.join("cur").join(std::ffi::OsStr::from_bytes(&file)), text).unwrap();
        self.names.push(name.to_vec());
        let mut index = b"3 V1400000000 N1 G0\n".to_vec();
        for (uid, name) in self.names.iter().enumerate() {
            index.extend([format!("{} :", uid + 1).as_bytes(), name, b"\n"].concat());
        }
        fs::write(self.root.join("dovecot-uidlist"), index).unwrap();
    }

    fn path(&self) -> &str {
        self.root.to_str().unwrap()
    }

    fn import(&self, server: &Server, more: &[&str]) -> Outcome {
        server.restante(&[&["import", "maildir", self.path(), "--to", ANNA], more].concat(), "")
    }
}

fn text(number: usize) -> String {
    format!("Subject: {number}\n\n{}\n", "line\n".repeat(number))
}

/// What Dovecot called the message with this number in its index.
fn id(uid: usize) -> String {
    format!("{uid:08x}53724e00")
}

fn ids(uids: impl IntoIterator<Item = usize>) -> Vec<String> {
    uids.into_iter().map(id).collect()
}

fn parsed(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.done()).unwrap()
}

fn retrieved(client: &mut Client) -> Vec<Vec<u8>> {
    let count = client.list().len();
    (1..=count).map(|number| client.retr(number)).collect()
}

/// UIDL as it is sent.
fn raw_ids(client: &mut Client) -> Vec<Vec<u8>> {
    let id = |line: Vec<u8>| line.splitn(2, |octet| *octet == b' ').nth(1).unwrap().to_vec();
    client.lines("UIDL").into_iter().map(id).map(|line| line[..line.len() - 2].to_vec()).collect()
}

/// Every file below a folder, with its size and time.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let stat = entry.metadata().unwrap();
        if stat.is_dir() {
            files.extend(snapshot(&entry.path()));
        } else {
            files.insert(entry.path(), (stat.len(), stat.modified().unwrap()));
        }
    }
    files
}

fn login_refused(server: &Server) {
    let mut client = server.pop3();
    client.ask("USER anna", "+OK");
    client.ask("PASS secret", BEING_MOVED);
}

#[test]
fn a_mail_program_does_not_notice_the_move() {
    let server = Server::start("");
    server.send(&[ANNA], b"Subject: before\r\n\r\n");
    let old = Old::with(&server, 5);
    let there = snapshot(&old.root);
    let report = server.folder().join("report.json");
    let said = parsed(old.import(&server, &["--json", "--report", report.to_str().unwrap()]));
    assert_eq!((&said["found"], &said["imported"], &said["already"]), (&5.into(), &5.into(), &0.into()));
    assert_eq!(said["uidl"]["kept"], 5);
    assert_eq!(said["to"], ANNA);
    assert_eq!(snapshot(&old.root), there, "the old mail is only read");
    server.send(&[ANNA], b"Subject: after\r\n\r\n");
    let mut client = server.log_in(ANNA);
    assert_eq!(client.uidl()[..5], ids(1..=5));
    assert_eq!(client.list().len(), 7);
    for (index, message) in retrieved(&mut client).into_iter().enumerate().take(5) {
        assert_eq!(message, text(index + 1).replace('\n', "\r\n").into_bytes());
        assert_eq!(client.list()[index].1, message.len());
    }
    client.quit();
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["differences"], &report["to"]), (&0.into(), &ANNA.into()));
    assert_eq!(report["messages"][4]["old"]["uidl"], id(5));
    assert_eq!(report["messages"][4]["new"]["number"], 5);
    let table = fs::read_to_string(server.folder().join("report.json.txt")).unwrap();
    assert!(table.contains("0 differences") && table.contains(&id(3)), "{table}");
}

#[test]
fn the_same_command_again_changes_nothing_and_brings_only_newcomers() {
    let server = Server::start("");
    let mut old = Old::with(&server, 4);
    old.import(&server, &[]).done();
    server.send(&[ANNA], b"Subject: here\r\n\r\n");
    let mut client = server.log_in(ANNA);
    let before = client.uidl();
    client.quit();
    let files = snapshot(&server.data());
    let again = parsed(old.import(&server, &["--json"]));
    assert_eq!((&again["imported"], &again["already"], &again["bytes"]), (&0.into(), &4.into(), &0.into()));
    let mail = |files: &BTreeMap<PathBuf, (u64, SystemTime)>| -> Vec<_> {
        let mail = files.iter().filter(|(path, _)| !path.to_string_lossy().contains("accounts.sqlite"));
        mail.map(|(path, stat)| (path.clone(), *stat)).collect()
    };
    assert_eq!(mail(&snapshot(&server.data())), mail(&files));
    let mut client = server.log_in(ANNA);
    assert_eq!(client.uidl(), before);
    client.ask("DELE 2", "+OK");
    client.quit();
    old.add(b"1900000000.M1P1.old", "Subject: late\n\n");
    let again = parsed(old.import(&server, &["--json"]));
    assert_eq!((&again["imported"], &again["already"]), (&1.into(), &4.into()));
    let mut client = server.log_in(ANNA);
    let expected = [ids([1, 3, 4]), vec![before[4].clone()], ids([5])].concat();
    assert_eq!(client.uidl(), expected, "what was deleted here does not come back");
    client.quit();
}

#[test]
fn unique_ids_of_any_kind_go_over_the_wire_as_they_were() {
    let mut server = Server::start("");
    let names = [&b"two words"[..], b"\xe4\xff8-bit", &[b'L'; 200], b"plain", b"with,S=12,W=13"];
    let mut old = Old::at(server.folder().join("old"));
    names.iter().for_each(|name| old.add(name, "Subject: x\n\n8-bit \u{e4}\n"));
    old.import(&server, &["--uidl-format", "%f"]).done();
    let mut client = server.log_in(ANNA);
    assert_eq!(raw_ids(&mut client), names);
    client.ask("UIDL 1", "+OK 1 two words");
    let messages = retrieved(&mut client);
    client.quit();
    assert!(messages.iter().all(|message| message == "Subject: x\r\n\r\n8-bit \u{e4}\r\n".as_bytes()));
    // All of it is in the mail's own folder: another machine, another database, other times.
    server.stop();
    let mut other = Server::prepare("");
    other.account(ANNA, "secret");
    let copied = Command::new("cp").arg("-r").arg(server.data().join("mail")).arg(other.data()).status();
    assert!(copied.unwrap().success());
    other.again();
    let mut client = other.log_in(ANNA);
    assert_eq!(raw_ids(&mut client), names);
    assert_eq!(retrieved(&mut client), messages);
    client.quit();
    assert_eq!(parsed(old.import(&other, &["--uidl-format", "%f", "--json"]))["already"], 5);
}

/// As on a full disk, or as by kill -9, at the first write behind so many blocks of a file.
fn limited(server: &Server, old: &Old, blocks: u32, kills: bool) -> Outcome {
    let signal = if kills { "" } else { "trap '' XFSZ; " };
    let script = format!("{signal}ulimit -c 0; ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(restante().get_program()).arg("--config").arg(server.config());
    command.args(["import", "maildir", old.path(), "--to", ANNA]);
    run(command.env_remove("RESTANTE_CONFIG").current_dir(server.folder()), "")
}

#[test]
fn an_import_that_is_killed_at_any_write_shows_nothing_and_goes_on() {
    for kills in [true, false] {
        let server = Server::start("");
        let mut old = Old::at(server.folder().join("old"));
        // Files of all sizes up to the ledger's and beyond, so that each limit ends at another one.
        for number in 1..=40 {
            let text = format!("Subject: {number}\n\n{}\n", "x".repeat(number * 300));
            old.add(format!("1{number:09}.M1P1.old").as_bytes(), &text);
        }
        let mut ended = 0;
        for blocks in 0..40 {
            let outcome = limited(&server, &old, blocks, kills);
            if outcome.status == Some(0) {
                break;
            }
            assert_eq!(outcome.status, if kills { None } else { Some(1) }, "{outcome:?}");
            ended += 1;
            login_refused(&server);
            if blocks == 5 {
                // Alone it is never shown.
                server.send(&[ANNA], b"Subject: meanwhile\r\n\r\n");
                login_refused(&server);
            }
        }
        assert!(ended > 5, "no limit ended it: this proves nothing");
        old.import(&server, &[]).done();
        let mut client = server.log_in(ANNA);
        assert_eq!(client.uidl()[..40], ids(1..=40));
        assert_eq!(client.list().len(), 41);
        client.quit();
    }
}

#[test]
fn a_mailbox_with_mail_is_shown_as_it_was_until_all_is_there() {
    let server = Server::start("");
    server.send(&[ANNA], b"Subject: here\r\n\r\n");
    let old = Old::with(&server, 3);
    assert_eq!(limited(&server, &old, 0, true).status, None);
    server.log_in(ANNA).ask("STAT", "+OK 1 ");
    let mut session = eventually("the lock of the last session", || {
        let mut client = server.pop3();
        client.ask("USER anna", "+OK");
        client.say("PASS secret");
        client.line().starts_with(b"+OK").then_some(client)
    });
    std::thread::scope(|scope| {
        let import = scope.spawn(|| old.import(&server, &[]));
        let commit = server.mailbox(ANNA).join("restante-import/commit");
        eventually("the commit mark", || commit.exists().then_some(()));
        session.ask("STAT", "+OK 1 ");
        assert!(server.files(ANNA, "cur").is_empty(), "a session keeps its mailbox");
        session.quit();
        import.join().unwrap().done();
    });
    server.log_in(ANNA).ask("STAT", "+OK 4 ");
}

#[test]
fn a_quota_refuses_new_mail_and_no_old_mail() {
    let server = Server::start("");
    server.restante(&["account", "quota", ANNA, "100"], "").done();
    let old = Old::with(&server, 20);
    old.import(&server, &[]).done();
    server.log_in(ANNA).ask("STAT", "+OK 20 ");
    let mut client = server.smtp();
    client.ask("EHLO mx.example.net", "250 ");
    client.ask("MAIL FROM:<carl@example.net>", "250");
    client.ask("RCPT TO:<anna@example.org>", "452 4.2.2");
}

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
    server.log_in(ANNA).ask("STAT", "+OK 0 ");
    // Said of Dovecot, it was Dovecot's: nothing is guessed from another server's index.
    fs::rename(old.root.join("dovecot-uidlist"), old.root.join("courierpop3dsizelist")).unwrap();
    assert!(old.import(&server, &["--reuse-xuidl"]).failed().contains("dovecot-uidlist"));
    old.add(b"1900000000.M1P1.old", "Subject: late\n\n");
    old.import(&server, &["--reuse-xuidl"]).done();
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
fn two_old_mailboxes_may_come_to_one_account() {
    let server = Server::start("");
    let first = Old::with(&server, 2);
    let mut second = Old::at(server.folder().join("second"));
    second.add(b"1000000001.M1P1.old", "Subject: another\n\n");
    first.import(&server, &[]).done();
    let rehearsed = parsed(second.import(&server, &["--json", "--dry-run"]));
    let said = parsed(second.import(&server, &["--json"]));
    assert_eq!(
        (&said["imported"], &said["already"], &said["uidl"]["renamed"]),
        (&1.into(), &0.into(), &1.into())
    );
    assert_eq!((&rehearsed["bytes"], &rehearsed["uidl"]), (&said["bytes"], &said["uidl"]));
    assert!(said["warnings"][0].as_str().unwrap().contains(&id(1)), "{said}");
    for old in [&first, &second] {
        assert_eq!(parsed(old.import(&server, &["--json"]))["imported"], 0);
    }
    let mut client = server.log_in(ANNA);
    assert_eq!(client.uidl(), [ids(1..=2), vec![format!("{}-2", id(1))]].concat());
    assert!(client.retr(3).starts_with(b"Subject: another"));
    client.quit();
}

#[test]
fn a_rehearsal_writes_nothing() {
    let server = Server::start("");
    let old = Old::with(&server, 3);
    let before = snapshot(&server.data().join("mail"));
    let said = parsed(old.import(&server, &["--dry-run", "--json"]));
    assert_eq!((&said["found"], &said["imported"], &said["uidl"]["kept"]), (&3.into(), &3.into(), &3.into()));
    assert!(
        old.import(&server, &["--dry-run"])
            .done()
            .contains("3 messages would be imported (69 B), 0 here already")
    );
    assert_eq!(snapshot(&server.data().join("mail")), before);
    assert_eq!(said, parsed(old.import(&server, &["--json"])), "what is done is what was said");
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
    assert!(import(&["--dry-run"]).stdout.starts_with("would be: 3 accounts added, "));
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

/// A copy of another day, in which the old server has noted what was read.
#[test]
fn an_mbox_from_another_path_brings_nothing_twice_and_no_deleted_mail_back() {
    let server = Server::start("");
    let text = |notes: &str| -> String {
        let one = |number: usize| {
            format!(
                "From ada@example.net Thu Nov 29 22:33:5{number} 2001\nMessage-ID: <{number}@example.net>\n\
                 X-UIDL: unique{number}\n{notes}Subject: {number}\n\nbody\n\n"
            )
        };
        (1..=3).map(one).collect()
    };
    let [old, copy] = ["old", "copy"].map(|name| server.folder().join(name));
    fs::write(&old, text("")).unwrap();
    fs::write(&copy, text("Status: RO\n")).unwrap();
    for kind in ["popa3d", "qpopper", "mailutils", "solid-pop3d"] {
        let user = format!("{kind}@example.org");
        server.account(&user, "secret");
        let import = |path: &Path| {
            let path = path.to_str().unwrap();
            let told = parsed(
                server.restante(&["import", "mbox", path, "--to", &user, "--server", kind, "--json"], ""),
            );
            (told["imported"].as_u64().unwrap(), told["already"].as_u64().unwrap())
        };
        assert_eq!(import(&old), (3, 0), "{kind}");
        let mut client = server.log_in(kind);
        client.ask("DELE 2", "+OK");
        client.quit();
        for path in [&copy, &copy, &old] {
            assert_eq!(import(path), (0, 3), "{kind}");
        }
        assert_eq!(server.log_in(kind).uidl().len(), 2, "{kind}");
    }
}
