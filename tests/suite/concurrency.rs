//! Many at once: what was taken is collected, each message once.

use crate::harness::Server;
use std::collections::BTreeSet;
use std::thread;

const SENDERS: usize = 6;
const MESSAGES: usize = 15;

#[test]
fn accepted_is_collected_plus_what_is_still_there() {
    let server = Server::start("");
    let mut collected = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn({
                    let server = &server;
                    move || send_all(server, sender)
                })
            })
            .collect();
        let mut collected = Vec::new();
        while !senders.iter().all(thread::ScopedJoinHandle::is_finished) {
            collected.extend(collect(&server));
        }
        collected
    });
    collected.extend(collect(&server));
    let distinct: BTreeSet<&String> = collected.iter().collect();
    assert_eq!(distinct.len(), SENDERS * MESSAGES, "lost");
    assert_eq!(collected.len(), SENDERS * MESSAGES, "doubled");
    assert_eq!(server.files("bert@example.org", "new").len(), SENDERS * MESSAGES);
}

fn send_all(server: &Server, sender: usize) {
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    for number in 0..MESSAGES {
        let message = format!("Subject: {sender}/{number}\r\n\r\n{}", "text\r\n".repeat(number * 50));
        client.send_message("c@example.net", &["anna@example.org", "bert@example.org"], message.as_bytes());
    }
    client.quit();
}

/// Gets and deletes what is there; the subjects.
fn collect(server: &Server) -> Vec<String> {
    let mut client = server.log_in("anna@example.org");
    let list = client.list();
    let mut subjects = Vec::new();
    for (number, octets) in list {
        let message = client.retr(number);
        assert_eq!(message.len(), octets);
        let text = String::from_utf8(message).unwrap();
        subjects.push(text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned());
        client.ask(&format!("DELE {number}"), "+OK");
    }
    client.quit();
    subjects
}

#[test]
fn commands_and_deliveries_share_the_database() {
    let server = Server::start("");
    thread::scope(|scope| {
        let add =
            scope.spawn(|| (0..8).for_each(|n| server.account(&format!("user{n}@example.org"), "secret")));
        while !add.is_finished() {
            server.send(&["anna@example.org"], b"Subject: x\r\n\r\n");
            server.log_in("bert@example.org").quit();
        }
    });
    for number in 0..8 {
        server.log_in(&format!("user{number}@example.org")).quit();
    }
}

#[test]
fn many_logins_at_once_are_all_answered() {
    let server = Server::start("auth.pbkdf2_rounds = 100000");
    thread::scope(|scope| {
        for number in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.pop3();
                client.ask("USER anna@example.org", "+OK");
                client.ask(&format!("PASS wrong{number}"), "-ERR [AUTH]");
                client.quit();
            });
        }
        server.send(&["bert@example.org"], b"Subject: meanwhile\r\n\r\n");
    });
    server.log_in("anna@example.org").quit();
}
