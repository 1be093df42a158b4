//! Peers that speak something else, speak nonsense, or come in crowds.

use crate::client::Client;
use crate::harness::{Server, eventually};
use std::net::SocketAddr;

fn still_serves(server: &Server) {
    server.send(&["anna@example.org"], b"Subject: still here\r\n\r\n");
    server.pop3().quit();
}

#[test]
fn another_protocol_is_told_so_in_one_line() {
    let server = Server::start("");
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07";
    for (protocol, refusal) in [("smtp", "5"), ("pop3", "-ERR")] {
        for stranger in
            [&b"GET / HTTP/1.1\r\nHost: a\r\nNOOP: x\r\n\r\n"[..], b"POST /x HTTP/1.0\r\n\r\nQUIT\r\n", hello]
        {
            let mut client = Client::tcp(server.address(protocol));
            client.line();
            client.send(stranger);
            let said = client.rest();
            assert!(said.len() == 1 && said[0].starts_with(refusal), "{protocol}: {said:?}");
        }
    }
    still_serves(&server);
}

#[test]
fn twenty_mistakes_are_enough() {
    let server = Server::start("");
    for (protocol, last) in [("smtp", "421 4.7.0"), ("pop3", "-ERR")] {
        let mut client = Client::tcp(server.address(protocol));
        client.line();
        client.send(&b"XYZZY\r\n".repeat(40));
        let said = client.rest();
        assert!(said.len() <= 21, "{protocol}: {} answers", said.len());
        assert!(said.last().unwrap().starts_with(last), "{protocol}: {said:?}");
    }
    still_serves(&server);
}

#[test]
fn a_line_without_end_is_refused_and_the_next_is_heard() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask(&"X".repeat(100_000), "500 5.5");
    client.ask("NOOP", "250 ");
    client.quit();
    let mut client = server.pop3();
    client.ask(&"X".repeat(100_000), "-ERR");
    client.ask("CAPA", "+OK");
    client.rest_until(|line| line == ".");
    client.quit();
}

#[test]
fn a_command_may_come_octet_by_octet() {
    let server = Server::start("");
    let mut client = server.smtp();
    for octet in b"EHLO mx\r\nNOOP\r\n" {
        client.send(&[*octet]);
    }
    client.expect("250 ");
    client.expect("250 2.0.0");
    let mut client = server.pop3();
    for octet in b"USER anna@example.org\r\nPASS secret\r\nSTAT\r\n" {
        client.send(&[*octet]);
    }
    client.expect("+OK");
    client.expect("+OK");
    client.expect("+OK 0 0");
}

#[test]
fn resets_in_every_state_harm_nobody() {
    let server = Server::start("");
    let smtp = [
        "EHLO mx\r\n",
        "MAIL FROM:<c@example.net>\r\n",
        "RCPT TO:<anna@example.org>\r\n",
        "DATA\r\n",
        "x\r\n",
    ];
    for count in 1..=smtp.len() {
        let mut client = server.smtp();
        client.send(smtp[..count].concat().as_bytes());
        client.reset();
    }
    let pop3 = ["USER bert@example.org\r\n", "PASS secret\r\n", "LIST\r\n", "RETR 1\r\n"];
    server.deposit("bert@example.org", "new", "1700000001.x", &b"0123456789\n".repeat(100_000));
    for count in 1..=pop3.len() {
        let mut client = server.pop3();
        client.send(pop3[..count].concat().as_bytes());
        client.reset();
    }
    still_serves(&server);
    eventually("bert's maildrop is free again", || {
        let mut client = server.pop3();
        client.ask("USER bert@example.org", "+OK");
        client.say("PASS secret");
        client.line().starts_with(b"+OK").then_some(())
    });
    assert_eq!(
        server.files("bert@example.org", "new").len() + server.files("bert@example.org", "cur").len(),
        1
    );
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let server = Server::start("smtp.max_connections_per_ip = 2\npop3.max_connections_per_ip = 2");
    for (protocol, refusal) in CROWDED {
        crowd(server.address(protocol), protocol == "pop3s", refusal);
    }
}

#[test]
fn a_protocol_has_so_many_connections_and_no_more() {
    let server = Server::start("smtp.max_connections = 2\npop3.max_connections = 2");
    for (protocol, refusal) in CROWDED {
        crowd(server.address(protocol), protocol == "pop3s", refusal);
    }
}

#[test]
fn strangers_that_fill_the_smtp_port_do_not_keep_mail_on_this_machine_out() {
    let server = Server::start("smtp.max_connections = 1");
    let _stranger = server.smtp();
    let mut local = server.lmtp();
    local.ask("LHLO localhost", "250 ");
    local.quit();
}

/// Those who are over a limit, and what they hear; inside TLS as well, or it would look broken.
const CROWDED: [(&str, &str); 3] =
    [("smtp", "421 4.7.0"), ("pop3", "-ERR [SYS/TEMP]"), ("pop3s", "-ERR [SYS/TEMP]")];

/// Two get in, a third does not, and when one has gone the next gets in.
fn crowd(address: SocketAddr, tls: bool, refusal: &str) {
    let greeting = || {
        let mut client = if tls { Client::tls(address) } else { Client::tcp(address) };
        let line = String::from_utf8(client.line()).unwrap();
        (client, line)
    };
    let ((first, one), (_second, two)) = (greeting(), greeting());
    assert!(one == two && !one.starts_with(refusal), "{one} {two}");
    for _ in 0..3 {
        let (mut third, said) = greeting();
        assert!(said.starts_with(refusal), "{said}");
        third.closed();
    }
    first.hang_up();
    eventually("a place is free again", || (greeting().1 == one).then_some(()));
}

#[test]
fn a_silent_peer_is_told_that_it_waited_too_long() {
    let server = Server::start("smtp.idle_timeout = \"1s\"\npop3.idle_timeout = \"1s\"");
    let mut smtp = server.smtp();
    let mut pop3 = server.pop3();
    smtp.send(b"NOO"); // Half a command is silence too.
    smtp.expect("421 4.4.2");
    smtp.closed();
    assert!(pop3.rest().len() <= 1);
}

#[test]
fn a_reader_that_never_reads_holds_up_nobody() {
    let server = Server::start("");
    server.deposit("anna@example.org", "new", "1700000001.x", &b"0123456789\n".repeat(1_000_000));
    let mut client = server.log_in("anna@example.org");
    client.send(&b"RETR 1\r\n".repeat(50));
    server.log_in("bert@example.org").quit();
    still_serves(&server);
    client.hang_up();
}

#[test]
fn a_peer_that_is_refused_in_a_loop_does_not_fill_the_log() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    let tries: String = (0..500).map(|n| format!("RCPT TO:<anna+{n}@example.org>\r\n")).collect();
    client.send(tries.as_bytes());
    (0..100).for_each(|_| drop(client.expect("250 2.1.5")));
    (0..400).for_each(|_| drop(client.expect("452 4.5.3")));
    client.quit();
    assert!(server.wait_for_log("smtp.end").contains(" refused=400 "));
    assert_eq!(server.log().lines().filter(|line| line.contains("smtp.refused")).count(), 100);
}
