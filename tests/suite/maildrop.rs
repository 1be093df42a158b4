//! What a POP3 session does to the Maildir, and what it leaves alone.

use crate::harness::{Server, eventually};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const ANNA: &str = "anna@example.org";

fn with_messages(count: usize, extra: &str) -> Server {
    let server = Server::start(extra);
    for number in 1..=count {
        server.send(&[ANNA], format!("Subject: {number}\r\n\r\ntext {number}\r\n").as_bytes());
    }
    server
}

fn subject(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned()
}

#[test]
fn messages_come_in_the_order_they_were_sent() {
    let server = with_messages(12, "");
    let mut client = server.log_in(ANNA);
    for number in 1..=12 {
        assert_eq!(subject(&client.retr(number)), number.to_string());
    }
    client.quit();
}

#[test]
fn own_file_names_carry_sizes() {
    let server = with_messages(1, "");
    let name = server.files(ANNA, "new")[0].file_name().unwrap().to_str().unwrap().to_owned();
    let field = |key: &str| -> usize {
        name.split(',')
            .find_map(|part| part.strip_prefix(key))
            .unwrap_or_else(|| panic!("{name}"))
            .parse()
            .unwrap()
    };
    let mut client = server.log_in(ANNA);
    assert_eq!(field("W="), client.retr(1).len());
    assert_eq!(field("S="), fs::read(&server.files(ANNA, "new")[0]).unwrap().len());
    assert_eq!(client.uidl()[0], name.split(',').next().unwrap());
}

#[test]
fn deleted_at_quit_and_only_then() {
    let server = with_messages(3, "");
    let mut client = server.log_in(ANNA);
    client.ask("DELE 2", "+OK");
    assert_eq!(server.files(ANNA, "new").len(), 3);
    client.quit();
    assert_eq!(server.files(ANNA, "new").len(), 2);
    let mut client = server.log_in(ANNA);
    assert_eq!(subject(&client.retr(2)), "3");
}

#[test]
fn retrieved_and_kept_goes_to_cur_as_seen() {
    let server = with_messages(2, "");
    let mut client = server.log_in(ANNA);
    let ids = client.uidl();
    client.retr(1);
    client.ask("TOP 2 0", "+OK");
    client.rest_until(|line| line == ".");
    client.quit();
    let seen = server.files(ANNA, "cur");
    assert_eq!(seen.len(), 1, "TOP is a glance, not a reading");
    assert!(seen[0].to_str().unwrap().ends_with(":2,S"), "{seen:?}");
    assert_eq!(server.log_in(ANNA).uidl(), ids);
}

#[test]
fn a_session_that_ends_otherwise_deletes_nothing() {
    let mut server = with_messages(2, "pop3.idle_timeout = \"1s\"");
    let marked = |server: &Server| {
        let mut client = eventually("the lock is free again", || {
            let mut client = server.pop3();
            client.ask("USER anna", "+OK");
            client.say("PASS secret");
            client.line().starts_with(b"+OK").then_some(client)
        });
        client.ask("DELE 1", "+OK");
        client
    };
    marked(&server).hang_up();
    marked(&server).reset();
    let silent = marked(&server).rest(); // One second, then the server has waited enough.
    assert!(silent.len() <= 1, "{silent:?}");
    let mut at_shutdown = marked(&server);
    assert_eq!(server.stop(), Some(0));
    at_shutdown.rest();
    assert_eq!(server.files(ANNA, "new").len() + server.files(ANNA, "cur").len(), 2);
    server.again();
    marked(&server).ask("STAT", "+OK 1 ");
}

#[test]
fn unique_ids_stay_over_restart_flags_and_folders() {
    let mut server = with_messages(3, "");
    server.deposit(ANNA, "new", "foreign-name", b"Subject: f\n\nf\n");
    let before = server.log_in(ANNA).uidl();
    server.stop();
    for (index, file) in server.files(ANNA, "new").into_iter().enumerate() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let flags = ["", "S", "RS", "F"][index];
        fs::rename(&file, server.mailbox(ANNA).join("cur").join(format!("{name}:2,{flags}"))).unwrap();
    }
    server.again();
    let mut client = server.log_in(ANNA);
    assert_eq!(client.uidl(), before);
    let mut unique = before.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 4);
    assert!(before.iter().all(|id| id.len() <= 70 && id.bytes().all(|octet| octet.is_ascii_graphic())));
}

#[test]
fn unique_ids_are_lawful_however_long_the_host_name_is() {
    let host = format!("{0}.{0}.{0}.example.org", "a".repeat(60));
    let server = with_messages(1, &format!("hostname = \"{host}\""));
    let ids = server.log_in(ANNA).uidl();
    assert!(ids[0].len() <= 70, "{ids:?}");
}

#[test]
fn one_session_at_a_time() {
    let server = with_messages(1, "");
    let mut first = server.log_in(ANNA);
    let mut second = server.pop3();
    second.ask("USER anna@example.org", "+OK");
    second.ask("PASS secret", "-ERR [IN-USE]");
    server.log_in("bert@example.org").quit();
    first.ask("STAT", "+OK 1 ");
    first.quit();
    second.log_in(ANNA, "secret"); // At once: mutt does so.
    second.quit();
}

#[test]
fn after_a_crash_no_lock_is_left() {
    let mut server = with_messages(1, "");
    let _session = server.log_in(ANNA);
    server.kill();
    server.again();
    server.log_in(ANNA).ask("STAT", "+OK 1 ");
}

#[test]
fn mail_that_comes_in_meanwhile_waits_for_the_next_session() {
    let server = with_messages(1, "");
    let mut client = server.log_in(ANNA);
    server.send(&[ANNA], b"Subject: late\r\n\r\n");
    client.ask("STAT", "+OK 1 ");
    client.ask("DELE 1", "+OK");
    client.quit();
    let mut client = server.log_in(ANNA);
    assert_eq!(subject(&client.retr(1)), "late");
    client.ask("STAT", "+OK 1 ");
}

#[test]
fn a_neighbour_that_deletes_breaks_no_session() {
    let server = with_messages(3, "");
    let mut client = server.log_in(ANNA);
    fs::remove_file(&server.files(ANNA, "new")[1]).unwrap();
    client.ask("RETR 2", "-ERR");
    client.ask("TOP 2 1", "-ERR");
    assert_eq!(subject(&client.retr(3)), "3");
    client.ask("DELE 1", "+OK");
    client.ask("DELE 2", "+OK");
    client.quit();
    assert_eq!(server.files(ANNA, "new").len() + server.files(ANNA, "cur").len(), 1);
}

#[test]
fn a_neighbour_that_moves_and_flags_breaks_no_session() {
    let server = with_messages(2, "");
    let mut client = server.log_in(ANNA);
    for file in server.files(ANNA, "new") {
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::rename(&file, server.mailbox(ANNA).join("cur").join(format!("{name}:2,S"))).unwrap();
    }
    assert_eq!(subject(&client.retr(1)), "1");
    client.ask("DELE 1", "+OK");
    client.ask("DELE 2", "+OK");
    client.quit();
    assert_eq!(server.files(ANNA, "cur").len(), 0, "deleted wherever it went");
}

#[test]
fn a_maildir_that_is_not_there_is_empty() {
    let server = Server::start("");
    server.log_in(ANNA).ask("STAT", "+OK 0 0");
    fs::remove_dir_all(server.mailbox(ANNA)).unwrap();
    server.send(&[ANNA], b"Subject: x\r\n\r\n");
    eventually("the lock of the dropped session", || (server.files(ANNA, "new").len() == 1).then_some(()));
}

#[test]
fn folders_and_files_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let server = with_messages(1, "");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.files(ANNA, "new")[0]), 0o600);
    for folder in ["new", "cur", "tmp", ""] {
        assert_eq!(mode(&server.mailbox(ANNA).join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(&server.database()), 0o600);
}

#[test]
fn a_message_that_is_cut_off_while_it_is_sent_ends_without_the_final_dot() {
    let server = Server::start("");
    // Larger than what lies in the sockets between the two, so that the server is still reading.
    let text = [b"Subject: long\n\n".to_vec(), b"line after line after line\n".repeat(1_500_000)].concat();
    let file = server.deposit(ANNA, "new", "1700000000.long", &text);
    let mut wire = BufReader::new(TcpStream::connect(server.address("pop3")).unwrap());
    wire.get_mut().write_all(b"USER anna@example.org\r\nPASS secret\r\nRETR 1\r\n").unwrap();
    for _greeting_user_pass_retr in 0..4 {
        let mut answer = String::new();
        wire.read_line(&mut answer).unwrap();
        assert!(answer.starts_with("+OK"), "{answer}");
    }
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(20_000_000).unwrap();
    let mut got = Vec::new();
    let _reset_or_end = wire.read_to_end(&mut got);
    assert!(got.len() < text.len() && !got.ends_with(b"\r\n.\r\n"), "half a message passes for a whole one");
    server.wait_for_log("why=unreadable");
    // Nothing was removed, and the next session counts anew.
    let mut again = server.log_in(ANNA);
    assert_eq!(again.list().len(), 1);
    again.quit();
}

#[test]
fn whoever_goes_through_a_maildrop_gets_each_message_and_no_other() {
    let server = Server::start("");
    let text = |number: usize| match number {
        20 => format!("Subject: {number}\r\n\r\n{}", "large\r\n".repeat(20_000)),
        _ => format!("Subject: {number}\r\n\r\n.{}\r\n", "x".repeat(number * 100)),
    };
    for number in 1..=40 {
        let file = text(number).replace("\r\n", "\n");
        server.deposit(ANNA, "new", &format!("17000000{number:02}.x"), file.as_bytes());
    }
    let mut client = server.log_in(ANNA);
    // Before anything is read: the one behind is gone, and the ones around it are not.
    fs::remove_file(server.mailbox(ANNA).join("new/1700000009.x")).unwrap();
    for number in (1..=40).filter(|number| *number != 9) {
        assert_eq!(client.retr(number), text(number).as_bytes(), "{number}");
        if number == 8 {
            client.ask("RETR 9", "-ERR");
        }
        if number % 7 == 0 {
            client.ask(&format!("DELE {number}"), "+OK");
            client.ask(&format!("RETR {number}"), "-ERR");
        }
        if number % 5 == 0 {
            assert_eq!(client.retr(1), text(1).as_bytes());
        }
    }
    for number in [10, 11, 12, 13, 15] {
        let header = format!("Subject: {number}\r\n\r\n");
        assert_eq!(client.lines(&format!("TOP {number} 0")).concat(), header.as_bytes());
    }
    assert_eq!(client.retr(16), text(16).as_bytes(), "the whole of it behind a TOP of the one before");
    client.quit();
}
