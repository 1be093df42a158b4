//! Files that other programs put into a Maildir: any name, any content, and LIST still tells the truth.

use crate::harness::Server;
use std::fs;

const ANNA: &str = "anna@example.org";

/// A file on the disk, and the message it is on the wire.
const FOREIGN: [(&str, &str, &[u8], &[u8]); 15] = [
    ("new", "1700000001.a", b"Subject: x\n\nx\n", b"Subject: x\r\n\r\nx\r\n"),
    ("new", "1700000002.no-final-newline", b"Subject: x\n\nx", b"Subject: x\r\n\r\nx\r\n"),
    ("new", "1700000003.crlf", b"Subject: x\r\n\r\nx\r\n", b"Subject: x\r\n\r\nx\r\n"),
    ("new", "1700000004.mixed", b"a\r\nb\nc\rd\n\r\r\n", b"a\r\nb\r\nc\rd\r\n\r\r\n"),
    ("new", "1700000005.empty", b"", b""),
    ("new", "1700000006.dot", b".first\n", b".first\r\n"),
    ("new", "1700000007.dots", b".\n..\n.", b".\r\n..\r\n.\r\n"),
    ("new", "1700000008.M1P1.host,S=999999,W=5", b"liar\n", b"liar\r\n"),
    ("cur", "1700000009.M1P1.host,S=3,W=3:2,S", b"another\nliar\n", b"another\r\nliar\r\n"),
    ("cur", "1700000010.no-flags", b"moved by hand\n", b"moved by hand\r\n"),
    ("cur", "1700000011.odd:1,experimental", b"odd\n", b"odd\r\n"),
    ("new", "no number at all", b"blank name\n", b"blank name\r\n"),
    ("new", "zürich", "grüezi\n".as_bytes(), "grüezi\r\n".as_bytes()),
    ("cur", "zz,S=18446744073709551616,W=-1:2,", b"overflow\n", b"overflow\r\n"),
    ("new", "zzz.cr", b"ends in cr\r", b"ends in cr\r\r\n"),
];

#[test]
fn every_file_is_served_and_counted_as_it_is_sent() {
    let server = Server::start("");
    for (folder, name, content, _) in FOREIGN {
        server.deposit(ANNA, folder, name, content);
    }
    let long = "x".repeat(200);
    server.deposit(ANNA, "cur", &format!("{long}:2,"), b"long name\n");
    // Twice: sizes that were counted once are remembered, and must be remembered right.
    for _ in 0..2 {
        let mut client = server.log_in(ANNA);
        let list = client.list();
        assert_eq!(list.len(), FOREIGN.len() + 1);
        let mut got = Vec::new();
        for (number, octets) in &list {
            let message = client.retr(*number);
            assert_eq!(message.len(), *octets, "{:?}", String::from_utf8_lossy(&message));
            assert_eq!(client.lines(&format!("TOP {number} 99999999")).concat(), message);
            got.push(message);
        }
        let total: usize = list.iter().map(|(_, octets)| octets).sum();
        client.ask("STAT", &format!("+OK {} {total}", list.len()));
        let mut wanted: Vec<&[u8]> = FOREIGN.iter().map(|(.., wire)| *wire).collect();
        wanted.push(b"long name\r\n");
        wanted.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, wanted);
        let ids = client.uidl();
        assert!(
            ids.iter().all(|id| (1..=70).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        );
        client.quit();
    }
}

#[test]
fn every_file_can_be_deleted() {
    let server = Server::start("");
    for (folder, name, content, _) in FOREIGN {
        server.deposit(ANNA, folder, name, content);
    }
    let mut client = server.log_in(ANNA);
    for number in 1..=FOREIGN.len() {
        client.ask(&format!("DELE {number}"), "+OK");
    }
    client.quit();
    assert_eq!(server.files(ANNA, "new").len() + server.files(ANNA, "cur").len(), 0);
}

#[test]
fn names_that_are_no_text_are_served_too() {
    use std::os::unix::ffi::OsStrExt;
    let server = Server::start("");
    let file = server.deposit(ANNA, "new", "1700000001.a", b"hello\n");
    let name = std::ffi::OsStr::from_bytes(b"1700000001.\xff\xfe");
    if fs::rename(&file, file.with_file_name(name)).is_err() {
        return; // A file system that takes UTF-8 alone.
    }
    let mut client = server.log_in(ANNA);
    assert_eq!(client.retr(1), b"hello\r\n");
    client.ask("DELE 1", "+OK");
    client.quit();
    assert!(server.files(ANNA, "new").is_empty());
}

#[test]
fn dotfiles_and_folders_are_no_messages() {
    let server = Server::start("");
    server.deposit(ANNA, "new", ".hidden", b"x\n");
    server.deposit(ANNA, "cur", ".nfs0001", b"x\n");
    fs::create_dir(server.mailbox(ANNA).join("new/folder")).unwrap();
    fs::create_dir(server.mailbox(ANNA).join(".Sent")).unwrap();
    fs::write(server.mailbox(ANNA).join("subscriptions"), b"Sent\n").unwrap();
    server.log_in(ANNA).ask("STAT", "+OK 0 0");
}

#[test]
fn top_counts_body_lines() {
    let server = Server::start("");
    server.deposit(ANNA, "new", "1700000001.a", b"A: 1\n\none\n.two\nthree");
    let mut client = server.log_in(ANNA);
    for (lines, wanted) in
        [(0, "A: 1\r\n\r\n"), (1, "A: 1\r\n\r\none\r\n"), (2, "A: 1\r\n\r\none\r\n.two\r\n")]
    {
        let got = client.lines(&format!("TOP 1 {lines}")).concat();
        assert_eq!(String::from_utf8(got).unwrap(), wanted, "{lines}");
    }
}
