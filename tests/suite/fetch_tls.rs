//! TLS towards an old server, which is another restante: who is believed to be it.

use crate::fetch::{listed_ids, mailbox_at, read, refused};
use crate::harness::{Server as Restante, eventually};
use restante::fetch::{Mailbox, Security, Server};
use restante::import::Source;
use restante::net::Trust;

fn pop3s(server: &Restante, change: impl FnOnce(&mut Server)) -> Mailbox {
    mailbox_at(server.address("pop3s"), |old, _| {
        old.security = Some(Security::Tls);
        change(old);
    })
}

#[test]
fn certificates_are_checked_by_authority_by_fingerprint_or_not_at_all() {
    let server = Restante::start("");
    server.send(&["anna@example.org"], b"Subject: x\r\n\r\n.\r\n");
    let error = refused(&mut pop3s(&server, |_| {}));
    let (_, shown) = error.split_once("--fingerprint ").expect(&error);
    let fingerprint = shown.split(',').next().unwrap().parse().unwrap();
    let other = "00".repeat(32).parse().unwrap();
    assert!(error.contains("its certificate is not trusted"), "{error}");
    let certificate = server.data().join("tls/cert.pem");
    let trusts = [Trust::one(fingerprint), Trust::file(&certificate).unwrap(), Trust::anybody()];
    for trust in trusts {
        let mut mailbox = pop3s(&server, |old| old.trust = Some(trust.clone()));
        assert_eq!(listed_ids(&mut mailbox).len(), 1, "{trust:?}");
        assert!(read(&mut mailbox, 0).unwrap().ends_with("Subject: x\n\n.\n"));
        mailbox.close();
        // STLS leads to the same handshake.
        let mut mailbox = mailbox_at(server.address("pop3"), |old, _| old.trust = Some(trust));
        assert_eq!(listed_ids(&mut mailbox).len(), 1);
        mailbox.close();
    }
    let error = refused(&mut pop3s(&server, |old| old.trust = Some(Trust::one(other))));
    assert!(error.contains("its certificate is not trusted"), "{error}");
}

#[test]
fn without_a_wish_a_server_on_this_machine_is_asked_as_it_likes_best() {
    let server = Restante::start("");
    for (port, security) in [("pop3", None), ("pop3", Some(Security::Plain)), ("pop3", Some(Security::Stls))]
    {
        let mut mailbox = mailbox_at(server.address(port), |old, _| old.security = security);
        match (security, mailbox.inventory()) {
            (Some(Security::Stls), Err(error)) => assert!(error.to_string().contains("not trusted")),
            (_, found) => assert_eq!(found.unwrap().messages, []),
        }
        mailbox.close();
    }
    let logins =
        || server.log().lines().filter(|line| line.contains("pop3.login")).map(str::to_owned).collect();
    let logins: Vec<String> =
        eventually("two logins", || Some(logins()).filter(|found: &Vec<String>| found.len() == 2));
    assert_eq!(logins.iter().filter(|line| line.contains("tls=\"TLS")).count(), 1, "{logins:?}");
}
