//! LMTP: one answer for each recipient after the data.

use crate::client::{Client, stuffed};
use crate::harness::Server;

#[test]
fn each_recipient_has_an_answer_of_its_own() {
    let server = Server::start("");
    server.restante(&["account", "quota", "bert@example.org", "2 KiB"], "").done();
    let mut client = server.lmtp();
    client.ask("LHLO list.example.org", "250 ");
    client.ask("MAIL FROM:<list@example.net>", "250 ");
    for recipient in ["anna", "bert", "anna+list"] {
        client.ask(&format!("RCPT TO:<{recipient}@example.org>"), "250 2.1.5");
    }
    client.ask("DATA", "354 ");
    client.send(&stuffed(&b"0123456789012345678901234567890123456789\r\n".repeat(100)));
    client.expect("250 2.0.0");
    client.expect("452 4.2.2"); // bert's is full, and only his.
    client.expect("250 2.0.0");
    client.quit();
    assert_eq!(server.files("anna@example.org", "new").len(), 1, "one copy over two addresses");
    assert_eq!(server.files("bert@example.org", "new").len(), 0);
    assert_eq!(server.files("bert@example.org", "tmp").len(), 0);
}

#[test]
fn the_trace_says_lmtp() {
    let server = Server::start("");
    let mut client = server.lmtp();
    client.ask("LHLO a", "250 ");
    client.send_message("c@example.net", &["anna@example.org"], b"Subject: x\r\n\r\nx\r\n");
    client.quit();
    let message = String::from_utf8(server.log_in("anna").retr(1)).unwrap();
    assert!(message.contains(" with LMTP"), "{message}");
}

#[test]
fn it_listens_on_tcp_too() {
    let server = Server::start("lmtp.listen = [\"127.0.0.1:0\"]");
    let mut client = Client::greeted(Client::tcp(server.address("lmtp")), "220 mail.example.org LMTP");
    client.ask("LHLO a", "250 ");
    client.send_message("", &["anna@example.org"], b"x\r\n");
    client.quit();
    server.log_in("anna@example.org").ask("STAT", "+OK 1 ");
}

#[test]
fn an_old_socket_file_is_no_obstacle() {
    let mut server = Server::start("");
    server.kill(); // Nobody removes the socket.
    server.again();
    server.lmtp().quit();
}
