//! The SMTP port's limits and answers, as a sending server meets them.

use crate::client::stuffed;
use crate::harness::Server;

#[test]
fn who_is_taken_follows_the_accounts() {
    let server = Server::start("");
    server.restante(&["alias", "add", "info@example.org", "bert@example.org"], "").done();
    server.restante(&["alias", "add", "@catch.example", "anna@example.org"], "").done();
    server.restante(&["account", "disable", "bert@example.org"], "").done();
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    for (recipient, answer) in [
        ("<anna@example.org>", "250 2.1.5"),
        ("<bert@example.org>", "250 2.1.5"), // Disabled: no login, but mail.
        ("<info+x@example.org>", "250 2.1.5"),
        ("<whoever@catch.example>", "250 2.1.5"),
        ("<postmaster>", "250 2.1.5"),
        ("<Postmaster@catch.example>", "250 2.1.5"),
        ("<postmaster@mail.example.org>", "250 2.1.5"),
        ("<nobody@example.org>", "550 5.1.1"),
        ("<nobody@mail.example.org>", "550 5.1.1"),
        ("<anna@example.com>", "550 5.7.1"),
        ("<full@example.org>", "452 4.2.2"),
        ("<../../etc/passwd@example.org>", "5"),
        ("<anna@..>", "5"),
        ("<anna@example.org/../..>", "5"),
    ] {
        client.ask(&format!("RCPT TO:{recipient}"), answer);
    }
    client.quit();
}

#[test]
fn aliases_in_a_circle_are_harmless() {
    let server = Server::start("");
    let alias = |name: &str, targets: &[&str]| {
        server.restante(&[&["alias", "add", name], targets].concat(), "").done();
    };
    alias("a@example.org", &["b@example.org", "anna@example.org"]);
    alias("b@example.org", &["a@example.org", "bert@example.org"]);
    server.send(&["a@example.org"], b"Subject: round\r\n\r\n");
    assert_eq!(server.files("anna@example.org", "new").len(), 1);
    assert_eq!(server.files("bert@example.org", "new").len(), 1);
}

#[test]
fn a_message_too_large_is_refused_and_the_next_is_taken() {
    let server = Server::start("smtp.max_message_size = \"64 KiB\"");
    let mut client = server.smtp();
    assert!(client.ask("EHLO mx", "250 ").contains("SIZE 65536"));
    client.ask("MAIL FROM:<c@example.net> SIZE=65537", "552 5.3.4");
    let large = b"0123456789\r\n".repeat(10_000);
    client.transaction("c@example.net", &["anna@example.org"], &large, "552 5.3.4");
    client.transaction("c@example.net", &["anna@example.org"], b"small\r\n", "250 2.0.0");
    client.quit();
    assert_eq!(server.files("anna@example.org", "new").len(), 1);
    assert_eq!(server.files("anna@example.org", "tmp").len(), 0);
}

#[test]
fn a_message_for_two_of_whom_one_cannot_take_it_is_kept_for_none() {
    let server = Server::start("");
    server.restante(&["account", "quota", "bert@example.org", "1 KiB"], "").done();
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    let message = b"0123456789\r\n".repeat(200);
    client.transaction("c@example.net", &["anna@example.org", "bert@example.org"], &message, "452 4.2.2");
    client.quit();
    for (account, folder) in [("anna", "new"), ("anna", "tmp"), ("bert", "new"), ("bert", "tmp")] {
        assert_eq!(server.files(&format!("{account}@example.org"), folder).len(), 0, "{account} {folder}");
    }
}

#[test]
fn a_bare_newline_can_be_refused() {
    let server = Server::start("smtp.bare_newline = \"reject\"");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.transaction("c@example.net", &["anna@example.org"], b"a\nb\r\n", "550 5.6.0");
    client.transaction("c@example.net", &["anna@example.org"], b"a\r\nb\r\n", "250 2.0.0");
    client.quit();
    assert_eq!(server.files("anna@example.org", "new").len(), 1);
}

#[test]
fn a_sender_that_is_gone_in_the_middle_leaves_nothing() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    client.ask("RCPT TO:<anna@example.org>", "250 ");
    client.ask("DATA", "354 ");
    client.send(b"Subject: half\r\n\r\nhal");
    client.hang_up();
    crate::harness::eventually("its draft is removed", || {
        server.files("anna@example.org", "tmp").is_empty().then_some(())
    });
    assert!(server.files("anna@example.org", "new").is_empty());
}

#[test]
fn postfix_and_exim_send_all_at_once() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    let recipients: String = (0..50).map(|n| format!("RCPT TO:<anna+{n}@example.org>\r\n")).collect();
    client.send(format!("MAIL FROM:<c@example.net>\r\n{recipients}DATA\r\n").as_bytes());
    (0..51).for_each(|_| drop(client.expect("250 ")));
    client.expect("354 ");
    client.send(&[stuffed(b"Subject: all\r\n\r\n"), b"QUIT\r\n".to_vec()].concat());
    client.expect("250 2.0.0");
    client.expect("221 ");
    client.closed();
    assert_eq!(server.files("anna@example.org", "new").len(), 1);
}
