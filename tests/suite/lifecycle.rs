//! Start, reload and end of `serve`, in order and out of order.

use crate::client::Client;
use crate::harness::{Server, eventually};
use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread;
use std::time::{Duration, SystemTime};

const ANNA: &str = "anna@example.org";

#[test]
fn a_message_in_the_middle_is_finished_at_a_shutdown() {
    let mut server = Server::start("");
    let mut client = server.smtp();
    let address = server.address("smtp");
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    client.ask("RCPT TO:<anna@example.org>", "250 ");
    client.ask("DATA", "354 ");
    client.send(b"Subject: last\r\n\r\nhal");
    let mut idle = server.smtp();
    server.signal("TERM");
    idle.expect("421 ");
    idle.closed();
    eventually("no new connections", || TcpStream::connect(address).is_err().then_some(()));
    server.signal("HUP"); // No reason to hurry, and a moment in which it could seem one.
    thread::sleep(Duration::from_millis(100));
    client.send(b"f\r\n.\r\n");
    client.expect("250 2.0.0");
    client.rest();
    assert_eq!(server.ended(), Some(0));
    let stored = std::fs::read_to_string(&server.files(ANNA, "new")[0]).unwrap();
    assert!(stored.ends_with("\nhalf\n"), "{stored}");
}

#[test]
fn sigint_ends_it_too_and_a_second_signal_cuts_sessions_off() {
    let mut server = Server::start("");
    server.signal("INT");
    assert_eq!(server.ended(), Some(0));
    server.again();
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    client.ask("RCPT TO:<anna@example.org>", "250 ");
    client.ask("DATA", "354 ");
    let address = server.address("smtp");
    server.signal("TERM");
    eventually("no new connections", || TcpStream::connect(address).is_err().then_some(()));
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    assert!(server.files(ANNA, "new").is_empty());
}

#[test]
fn shutdown_grace_is_the_longest_a_session_lasts() {
    let mut server = Server::start("shutdown_grace = \"1s\"");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    client.ask("RCPT TO:<anna@example.org>", "250 ");
    client.ask("DATA", "354 ");
    assert_eq!(server.stop(), Some(0));
    client.rest();
}

#[test]
fn the_same_port_binds_again_at_once() {
    let mut server = Server::start("");
    let port = server.address("smtp").port();
    let client = server.smtp();
    server.kill(); // The server's side of the connection stays in the kernel for a while.
    server.configure(&format!("smtp.listen = [\"127.0.0.1:{port}\"]"));
    server.again();
    assert_eq!(server.address("smtp").port(), port);
    drop(client);
    server.smtp().quit();
}

#[test]
fn mail_outlives_a_kill() {
    let mut server = Server::start("");
    for number in 0..5 {
        server.send(&[ANNA], format!("Subject: {number}\r\n\r\n").as_bytes());
        let mut half = server.smtp();
        half.send(b"EHLO mx\r\nMAIL FROM:<c@example.net>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n");
        half.rest_until(|line| line.starts_with("354"));
        half.send(b"Subject: half\r\n");
        server.kill();
        server.again();
    }
    let mut client = server.log_in(ANNA);
    assert_eq!(client.list().len(), 5);
    for number in 1..=5 {
        let text = String::from_utf8(client.retr(number)).unwrap();
        assert!(text.contains(&format!("Subject: {}\r\n", number - 1)), "{text}");
    }
}

#[test]
fn a_reload_brings_new_settings_in_and_leaves_sessions_alone() {
    let server = Server::start("smtp.max_recipients = 7");
    let mut old = server.smtp();
    assert!(old.ask("EHLO mx", "250 ").contains("RCPTMAX=7"));
    server.configure("smtp.max_recipients = 9");
    server.signal("HUP");
    eventually("the new limit", || server.smtp().ask("EHLO mx", "250 ").contains("RCPTMAX=9").then_some(()));
    old.ask("NOOP", "250 ");
    old.quit();
}

#[test]
fn a_reload_brings_new_limits_to_every_door() {
    let server = Server::start("");
    let _inside = (server.smtp(), server.pop3(), server.lmtp());
    server.configure("smtp.max_connections = 1\npop3.max_connections = 1");
    server.signal("HUP");
    server.wait_for_log("settings are in force");
    Client::tcp(server.address("smtp")).expect("421 4.7.0");
    Client::unix(&server.folder().join("lmtp.sock")).expect("421 4.7.0");
    Client::tcp(server.address("pop3")).expect("-ERR [SYS/TEMP]");
}

#[test]
fn a_reload_of_a_broken_configuration_keeps_the_old_one() {
    let server = Server::start("smtp.max_recipients = 7");
    std::fs::write(server.config(), "hostname = \n").unwrap();
    server.signal("HUP");
    server.wait_for_log("restante.toml");
    assert!(server.smtp().ask("EHLO mx", "250 ").contains("RCPTMAX=7"));
}

/// Beside the first sessions: however long it takes, nobody waits for it.
#[test]
fn what_a_killed_server_left_in_tmp_goes_after_the_next_start() {
    let mut server = Server::start("");
    server.stop();
    deposit_left_over(&server, ANNA);
    let young = server.deposit(ANNA, "tmp", "2.young", b"on its way");
    server.again();
    assert!(server.wait_for_log("serve.leftovers").ends_with("removed=1"));
    assert_eq!(server.files(ANNA, "tmp"), [young], "another program may still write it");
    let log = server.log();
    assert!(log.find("serve.leftovers") > log.rfind("serve.listening"), "{log}");
}

#[test]
fn left_overs_go_with_fewer_descriptors_than_there_are_accounts() {
    const ACCOUNTS: usize = 150;
    let mut server = Server::prepare("");
    for number in 0..ACCOUNTS {
        deposit_left_over(&server, &format!("user{number}@example.org"));
    }
    server.again_by("ulimit -n 100; exec \"$@\"");
    assert!(server.wait_for_log("serve.leftovers").ends_with(&format!("removed={ACCOUNTS}")));
}

fn deposit_left_over(server: &Server, address: &str) {
    let left = server.deposit(address, "tmp", "1.left", b"half");
    let long_ago = SystemTime::now() - Duration::from_secs(7 * 24 * 3600);
    fs::File::options().write(true).open(left).unwrap().set_modified(long_ago).unwrap();
}

#[test]
fn a_listener_can_be_switched_off() {
    let server = Server::start("smtp.listen = []\nlmtp.listen = []");
    server.pop3().quit();
    assert!(!server.log().contains("protocol=smtp"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let server = Server::prepare(&format!("smtp.listen = [\"{address}\"]"));
    for command in ["serve", "check"] {
        let outcome = server.restante(&[command], "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.text().contains(&address), "{outcome:?}");
    }
}

#[test]
fn ipv4_and_ipv6_listen_side_by_side() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // A machine without IPv6.
    }
    let server = Server::start("smtp.listen = [\"127.0.0.1:0\", \"[::1]:0\"]");
    let log = server.log();
    let six = log.split("address=").find(|text| text.starts_with("[::1]:")).unwrap();
    let address = six.split_whitespace().next().unwrap().parse().unwrap();
    let mut client = Client::greeted(Client::tcp(address), "220 ");
    client.ask("EHLO [IPv6:::1]", "250 ");
    client.send_message("c@example.net", &[ANNA], b"Subject: six\r\n\r\n");
    client.quit();
    assert!(String::from_utf8(server.log_in(ANNA).retr(1)).unwrap().contains("([IPv6:::1])"));
}

/// Only root has it to give up; anybody else sees that `user` is no hindrance.
#[test]
fn root_is_given_up_and_the_data_is_the_users() {
    let mut server = Server::prepare("user = \"nobody\"");
    let root = fs::metadata(server.folder()).unwrap().uid() == 0;
    fs::set_permissions(server.folder(), Permissions::from_mode(0o755)).unwrap();
    let report = server.restante(&["check"], "").done();
    assert_eq!(report.contains("ok: runs as the user nobody"), root, "{report}");
    assert!(!server.data().exists(), "check makes nothing");
    server.account(ANNA, "secret");
    server.again();
    server.wait_for_log(if root { "user=nobody" } else { "user=" });
    server.send(&[ANNA], b"Subject: hello\r\n\r\n");
    server.log_in(ANNA).quit();
    let owner = |path: &std::path::Path| fs::metadata(path).unwrap().uid();
    for path in [server.data(), server.database(), server.files(ANNA, "new").remove(0)] {
        assert_eq!(owner(&path) != owner(server.folder()), root, "{}", path.display());
    }
    let report = server.restante(&["check"], "").done();
    assert!(!report.contains("another user"), "{report}");
}

/// Whatever `serve` refuses to run as, `check` refuses too.
#[test]
fn check_and_serve_agree_on_root() {
    let server = Server::prepare("smtp.listen = [\"127.0.0.1:25\"]");
    if fs::metadata(server.folder()).unwrap().uid() != 0 {
        return; // Then the port itself is refused, or allowed by the kernel's setting.
    }
    for command in ["check", "serve"] {
        let outcome = server.restante(&[command], "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
    }
}
