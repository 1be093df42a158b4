//! TLS on all ports: the handshake cuts the conversation in two.

use crate::client::{Client, tls_config, tls_config_of};
use crate::harness::{Server, eventually};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::{NamedGroup, ProtocolVersion};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn starttls_starts_the_session_anew() {
    let server = Server::start("");
    let mut client = server.smtp();
    assert!(client.ask("EHLO mx", "250 ").contains("STARTTLS"));
    client.ask("MAIL FROM:<c@example.net>", "250 ");
    let mut client = client.start_tls("STARTTLS");
    client.ask("RCPT TO:<anna@example.org>", "503 ");
    client.ask("MAIL FROM:<c@example.net>", "503 ");
    assert!(!client.ask("EHLO mx", "250 ").contains("STARTTLS"), "TLS inside TLS");
    client.ask("STARTTLS", "5");
    client.send_message("c@example.net", &["anna@example.org"], b"Subject: x\r\n\r\n");
    client.quit();
    let message = String::from_utf8(server.log_in("anna").retr(1)).unwrap();
    assert!(message.contains("with ESMTPS"), "{message}");
    assert!(message.contains("TLSv1.3 TLS13_"), "version and cipher: {message}");
}

#[test]
fn what_was_said_in_the_clear_behind_starttls_is_not_done() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.send(b"STARTTLS\r\nRSET\r\nMAIL FROM:<x@example.net>\r\nRCPT TO:<anna@example.org>\r\n");
    for line in client.rest() {
        assert!(!line.starts_with("250 "), "injected command answered: {line}");
    }
    let mut client = server.pop3();
    client.send(b"STLS\r\nUSER anna@example.org\r\nPASS secret\r\n");
    for line in client.rest().iter().skip(1) {
        assert!(!line.starts_with("+OK"), "injected command answered: {line}");
    }
}

#[test]
fn stls_forgets_the_user_name() {
    let server = Server::start("");
    let mut client = server.pop3();
    client.ask("USER anna@example.org", "+OK");
    let mut client = client.start_tls("STLS");
    client.ask("PASS secret", "-ERR");
    client.log_in("anna@example.org", "secret");
    client.quit();
}

#[test]
fn tls_1_2_is_spoken_too() {
    let server = Server::start("");
    for (version, wanted, told) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2, "tls=\"TLSv1.2 TLS_ECDHE_"),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3, "tls=\"TLSv1.3 TLS13_"),
    ] {
        let client = Client::tcp(server.address("pop3s")).secured(tls_config_of(&[version]));
        let mut client = Client::greeted(client, "+OK ");
        assert_eq!(client.tls_connection().protocol_version(), Some(wanted));
        client.log_in("anna@example.org", "secret");
        client.quit();
        server.wait_for_log(told);
    }
}

#[test]
fn no_session_tickets_on_smtp() {
    let server = Server::start("");
    let tickets = Arc::new(Tickets::default());
    let config = || {
        let mut config = tls_config();
        config.resumption = Resumption::store(tickets.clone());
        config
    };
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("STARTTLS", "220 ");
    let mut client = client.secured(config());
    client.ask("EHLO mx", "250 ");
    client.ask("NOOP", "250 ");
    assert_eq!(client.tls_connection().protocol_version(), Some(ProtocolVersion::TLSv1_3));
    client.quit();
    assert_eq!(tickets.0.load(Ordering::Relaxed), 0, "Outlook.com's senders give up on them");

    // Mail programs on the POP3 port are glad of them, and it shows that the count works.
    let mut client = Client::greeted(Client::tcp(server.address("pop3s")).secured(config()), "+OK ");
    client.ask("CAPA", "+OK");
    client.hang_up();
    assert!(tickets.0.load(Ordering::Relaxed) > 0);
}

/// The certificate that is shown now.
fn certificate(server: &Server) -> Vec<u8> {
    server.pop3s().tls_connection().peer_certificates().unwrap()[0].to_vec()
}

/// Puts a new certificate where the configuration says; it.
fn renew(server: &Server) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["mail.example.org".to_owned()]).unwrap();
    fs::write(server.folder().join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(server.folder().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

#[test]
fn a_renewed_certificate_is_taken_at_a_reload_and_a_broken_one_is_not() {
    let mut server = Server::prepare("tls.certificate = \"DIR/cert.pem\"\ntls.key = \"DIR/key.pem\"");
    let first = renew(&server);
    server.again();
    assert_eq!(certificate(&server), first);
    let mut running = server.pop3s();
    let second = renew(&server);
    server.signal("HUP");
    eventually("the renewed certificate", || (certificate(&server) == second).then_some(()));
    running.ask("CAPA", "+OK"); // Sessions under the old one go on.
    fs::write(server.folder().join("cert.pem"), "broken").unwrap();
    server.signal("HUP");
    server.wait_for_log("cert.pem");
    assert_eq!(certificate(&server), second);
    assert!(server.restante(&["check"], "").text().contains("cert.pem"));
}

/// certbot's way: the names are links, and a renewal points them at the next files.
#[test]
fn a_certificate_behind_links_that_are_moved_is_taken() {
    let mut server = Server::prepare("tls.certificate = \"DIR/live/cert\"\ntls.key = \"DIR/live/key\"");
    let (live, archive) = (server.folder().join("live"), server.folder().join("archive"));
    fs::create_dir(&live).unwrap();
    let first = renew(&server);
    put_away(&server, &archive.join("1"));
    point_at(&live, &archive.join("1"));
    server.again();
    assert_eq!(certificate(&server), first);
    let second = renew(&server);
    put_away(&server, &archive.join("1/2")); // Below a folder that was known at the start.
    point_at(&live, &archive.join("1/2"));
    server.signal("HUP");
    eventually("the renewed certificate", || (certificate(&server) == second).then_some(()));
}

#[test]
fn a_certificate_may_move_within_reach_and_never_out_of_service() {
    let mut server = Server::prepare("tls.certificate = \"DIR/cert.pem\"\ntls.key = \"DIR/key.pem\"");
    let first = renew(&server);
    server.again();
    server.configure("tls.certificate = \"DIR/late/cert.pem\"\ntls.key = \"DIR/late/key.pem\"");
    server.signal("HUP");
    server.wait_for_log("the old certificate stays in force");
    assert_eq!(certificate(&server), first);
    let late = renew(&server);
    put_away(&server, &server.folder().join("late"));
    server.signal("HUP"); // Nothing has changed in the settings since the last time.
    eventually("the late certificate", || (certificate(&server) == late).then_some(()));
    let second = renew(&server);
    put_away(&server, &server.folder().join("other"));
    server.configure("tls.certificate = \"DIR/other/cert.pem\"\ntls.key = \"DIR/other/key.pem\"");
    server.signal("HUP");
    eventually("the certificate elsewhere", || (certificate(&server) == second).then_some(()));
}

/// Landlock holds the server to the folders that its settings named at the start.
#[test]
fn a_certificate_out_of_reach_is_taken_at_the_next_start() {
    let mut server = Server::prepare("tls.certificate = \"DIR/cert.pem\"\ntls.key = \"DIR/key.pem\"");
    let first = renew(&server);
    server.again();
    if !server.wait_for_log("serve.start").contains("confined=landlock") {
        return; // A kernel without it, which `check` tells.
    }
    let away = tempfile::tempdir().unwrap();
    let second = renew(&server);
    put_away(&server, away.path());
    let file = |name: &str| away.path().join(name).display().to_string();
    server.configure(&format!(
        "tls.certificate = \"{}\"\ntls.key = \"{}\"",
        file("cert.pem"),
        file("key.pem")
    ));
    server.signal("HUP");
    server.wait_for_log("the old certificate stays in force");
    assert_eq!(certificate(&server), first);
    server.stop();
    server.again();
    assert_eq!(certificate(&server), second);
}

/// Moves the pair that [`renew`] made.
fn put_away(server: &Server, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["cert.pem", "key.pem"] {
        fs::rename(server.folder().join(name), to.join(name)).unwrap();
    }
}

fn point_at(live: &Path, folder: &Path) {
    for name in ["cert", "key"] {
        let next = live.join("next");
        std::os::unix::fs::symlink(folder.join(name).with_extension("pem"), &next).unwrap();
        fs::rename(next, live.join(name)).unwrap();
    }
}

#[test]
fn a_certificate_for_another_name_is_served_and_told() {
    let mut server = Server::prepare("tls.certificate = \"DIR/cert.pem\"\ntls.key = \"DIR/key.pem\"");
    renew(&server);
    server.configure(
        "hostname = \"other.example.org\"\ntls.certificate = \"DIR/cert.pem\"\ntls.key = \"DIR/key.pem\"",
    );
    server.again();
    server.wait_for_log("is not made for the name other.example.org");
    server.pop3s().quit();
}

#[test]
fn a_certificate_of_our_own_is_made_once() {
    let mut server = Server::start("");
    let first = certificate(&server);
    server.stop();
    server.again();
    assert_eq!(certificate(&server), first, "a program that trusts it would ask again");
}

#[test]
fn the_handshake_of_a_stranger_fails_alone() {
    let server = Server::start("");
    let mut client = Client::tcp(server.address("pop3s"));
    client.send(b"GET / HTTP/1.1\r\n\r\n");
    client.hang_up();
    let mut client = Client::greeted(Client::tcp(server.address("smtp")), "220 ");
    client.ask("EHLO mx", "250 ");
    client.ask("STARTTLS", "220 ");
    client.send(b"no handshake\r\n");
    client.hang_up();
    server.pop3s().quit();
}

/// Counts the tickets of TLS 1.3.
#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
