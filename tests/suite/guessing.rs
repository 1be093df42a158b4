//! Passwords that are guessed: from one address, from many, and what an administrator can do.

use crate::client::Client;
use crate::harness::{Server, eventually};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;

const ANNA: &str = "anna@example.org";
const BANNED: &str = "-ERR [LOGIN-DELAY]";

/// A client at one of the loopback interface's many addresses.
fn client_at(last: u8, server: SocketAddr) -> Client {
    let SocketAddr::V4(server) = server else { panic!("the harness listens on IPv4") };
    let here = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0);
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(fd.as_raw_fd(), &SockaddrIn::from(here)).unwrap();
    connect(fd.as_raw_fd(), &SockaddrIn::from(server)).unwrap();
    Client::on(TcpStream::from(fd))
}

fn reader_at(last: u8, server: &Server) -> Client {
    Client::greeted(client_at(last, server.address("pop3")), "+OK")
}

/// Wrong passwords, on as many connections as it takes.
fn guess(times: usize, last: u8, server: &Server) {
    for _ in 0..times {
        let mut client = reader_at(last, server);
        client.ask(&format!("USER {ANNA}"), "+OK");
        client.ask("PASS wrong", "-ERR [AUTH]");
        client.hang_up();
    }
}

fn banned_at(last: u8, server: &Server) {
    let mut client = client_at(last, server.address("pop3"));
    client.expect(BANNED);
    client.closed();
    // No handshake for a guesser: the connection is closed as soon as it is accepted.
    client_at(last, server.address("pop3s")).closed();
}

#[test]
fn a_guesser_is_banned_at_the_door_until_an_administrator_lifts_it() {
    let mut server =
        Server::start("auth.failures_before_delay = 0\nauth.failures_before_ban = 3\nauth.exempt = []");
    let mut early = reader_at(2, &server);
    guess(3, 2, &server);
    banned_at(2, &server);
    // Who was inside already gets no further with the right password.
    early.ask(&format!("USER {ANNA}"), "+OK");
    early.ask("PASS secret", BANNED);
    early.closed();
    // Everybody else gets in, and mail is taken from there all the same.
    server.log_in(ANNA).quit();
    Client::greeted(client_at(2, server.address("smtp")), "220 ").quit();

    let listed = || server.restante(&["ban", "list"], "").done();
    eventually("the ban is in the database", || listed().contains("127.0.0.2").then_some(()));
    server.stop();
    server.again();
    banned_at(2, &server);
    for _ in 0..20 {
        banned_at(2, &server);
    }
    // The line stands there before the answer, and is read from there by a thread of ours.
    server.wait_for_log("why=banned");
    let log = server.log();
    // Once, and on a slow machine again each ten seconds.
    let told = log.matches("why=banned").count();
    assert!((1..10).contains(&told), "told now and then, not for each connection: {log}");

    server.restante(&["ban", "remove", "127.0.0.2"], "").done();
    eventually("the ban is lifted", || {
        let mut client = client_at(2, server.address("pop3"));
        client.line().starts_with(b"+OK").then_some(())
    });
}

#[test]
fn a_ban_is_lifted_in_the_server_that_imposed_it() {
    let server = Server::start("auth.failures_before_ban = 1\nauth.exempt = []");
    guess(1, 2, &server);
    banned_at(2, &server);
    let lifted = || server.restante(&["ban", "remove", "127.0.0.2"], "").status == Some(0);
    eventually("the ban is in the database", || lifted().then_some(()));
    eventually("the door is open", || {
        client_at(2, server.address("pop3")).line().starts_with(b"+OK").then_some(())
    });
}

#[test]
fn a_reload_brings_another_patience_in_and_forgets_no_guess() {
    let settings = |ban: u32| {
        format!("auth.failures_before_delay = 0\nauth.failures_before_ban = {ban}\nauth.exempt = []")
    };
    let server = Server::start(&settings(0));
    guess(3, 2, &server);
    server.configure(&settings(4));
    server.signal("HUP");
    server.wait_for_log("settings are in force");
    guess(1, 2, &server);
    banned_at(2, &server);
}

#[test]
fn who_is_banned_and_knocks_on_does_not_hide_from_the_log_that_others_are_refused() {
    let server =
        Server::start("auth.failures_before_ban = 1\nauth.exempt = []\npop3.max_connections_per_ip = 1");
    guess(1, 2, &server);
    banned_at(2, &server);
    let _inside = reader_at(3, &server);
    client_at(3, server.address("pop3")).expect("-ERR [SYS/TEMP]");
    server.wait_for_log("too many connections from this address");
}

#[test]
fn many_addresses_that_guess_at_one_account_slow_each_other_and_not_its_owner() {
    let server =
        Server::start("auth.failures_before_delay = 0\nauth.failures_before_ban = 0\nauth.exempt = []");
    let mut owner = reader_at(9, &server);
    owner.log_in(ANNA, "secret");
    owner.quit();
    // 20 are free, and then strangers wait a second for each one more.
    for number in 0..22 {
        guess(1, 10 + number, &server);
    }
    let mut stranger = reader_at(50, &server);
    stranger.ask(&format!("USER {ANNA}"), "+OK");
    stranger.say("PASS secret");
    let mut owner = reader_at(9, &server);
    owner.log_in(ANNA, "secret");
    owner.quit();
    // The stranger knows the password, and gets in at last: nobody is locked out.
    stranger.expect("+OK");
    stranger.quit();
    server.wait_for_log("peer=127.0.0.50:");
    let log = server.log();
    // The last to get in, though the owner came later.
    let slowed = log.lines().rfind(|line| line.contains("pop3.login")).unwrap();
    let waited: u64 = slowed.rsplit("ms=").next().unwrap().parse().unwrap();
    assert!(slowed.contains("peer=127.0.0.50:") && waited >= 2000, "{log}");
}

#[test]
fn the_exempt_are_not_slowed_either() {
    let server = Server::start("auth.failures_before_delay = 1\nauth.failures_before_ban = 2");
    guess(25, 3, &server);
    reader_at(4, &server).log_in(ANNA, "secret");
    assert!(!server.log().contains("banned"));
}
