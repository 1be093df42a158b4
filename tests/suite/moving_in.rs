//! Mail from an old server's files, through the command and over POP3: what a mail program sees of a move.

use crate::client::Client;
use crate::harness::{Outcome, Server, eventually};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

pub(crate) const ANNA: &str = "anna@example.org";
pub(crate) const BEING_MOVED: &str =
    "-ERR [SYS/TEMP] your mailbox is being moved here, try again in a few minutes";

/// A Maildir of Dovecot's, with its index.
pub(crate) struct Old {
    pub(crate) root: PathBuf,
    pub(crate) names: Vec<Vec<u8>>,
}

impl Old {
    /// With messages 1 to `count`.
    pub(crate) fn with(server: &Server, count: usize) -> Self {
        let mut old = Self::at(server.folder().join("old"));
        (1..=count).for_each(|number| old.add(format!("1{number:09}.M1P1.old").as_bytes(), &text(number)));
        old
    }

    pub(crate) fn at(root: PathBuf) -> Self {
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        Self { root, names: Vec::new() }
    }

    /// A message that has been seen, and its line in the index.
    pub(crate) fn add(&mut self, name: &[u8], text: &str) {
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

    pub(crate) fn path(&self) -> &str {
        self.root.to_str().unwrap()
    }

    pub(crate) fn import(&self, server: &Server, more: &[&str]) -> Outcome {
        server.restante(&[&["import", "maildir", self.path(), "--to", ANNA], more].concat(), "")
    }
}

pub(crate) fn text(number: usize) -> String {
    format!("Subject: {number}\n\n{}\n", "line\n".repeat(number))
}

/// What Dovecot called the message with this number in its index.
pub(crate) fn id(uid: usize) -> String {
    format!("{uid:08x}53724e00")
}

pub(crate) fn ids(uids: impl IntoIterator<Item = usize>) -> Vec<String> {
    uids.into_iter().map(id).collect()
}

pub(crate) fn parsed(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.done()).unwrap()
}

pub(crate) fn retrieved(client: &mut Client) -> Vec<Vec<u8>> {
    let count = client.list().len();
    (1..=count).map(|number| client.retr(number)).collect()
}

/// UIDL as it is sent.
pub(crate) fn raw_ids(client: &mut Client) -> Vec<Vec<u8>> {
    let id = |line: Vec<u8>| line.splitn(2, |octet| *octet == b' ').nth(1).unwrap().to_vec();
    client.lines("UIDL").into_iter().map(id).map(|line| line[..line.len() - 2].to_vec()).collect()
}

/// Every file below a folder, with its size and time.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
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

pub(crate) fn login_refused(server: &Server) {
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
    server.restante_by(&script, &["import", "maildir", old.path(), "--to", ANNA], "")
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
