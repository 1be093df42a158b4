//! The dialogues, played against the real binary over real sockets.
//!
//! The same files are played against the bare sessions; here every `set` becomes configuration, and
//! every `message` a file in anna's Maildir.

use crate::client::Client;
use crate::dialogue::{self, Case, Turn};
use crate::harness::Server;

#[test]
fn smtp() {
    play_all("smtp-");
}

#[test]
fn lmtp() {
    play_all("lmtp-");
}

#[test]
fn pop3() {
    play_all("pop3-");
}

/// The same over port 995, where a conversation does not speak of TLS or of what depends on it.
#[test]
fn pop3_over_tls() {
    let speaks_of_tls = |case: &Case| {
        case.setting("tls").is_some()
            || case.setting("may_log_in").is_some()
            || case.turns.iter().any(|turn| match turn {
                Turn::Client(octets) => octets.windows(4).any(|word| word == b"STLS" || word == b"SCRA"),
                Turn::Server(pattern) => pattern.0 == "STLS" || pattern.0.contains("SCRAM"),
                Turn::Close => false,
            })
    };
    let mut played = 0;
    for case in dialogue::load("pop3-").iter().filter(|case| !speaks_of_tls(case)) {
        let (_, server) = case_server(case);
        let outcome = play(case, &mut Client::tls(server.address("pop3s")));
        assert_eq!(outcome, Ok(()));
        played += 1;
    }
    assert!(played > 10, "only {played} are left");
}

/// A server as the case wants it, and a connection to it that has heard nothing yet.
fn case_server(case: &Case) -> (Client, Server) {
    let mut extra = String::new();
    for (key, value) in &case.settings {
        let line = match (key.as_str(), value.as_str()) {
            ("max_message_size" | "max_recipients", number) => format!("smtp.{key} = {number}\n"),
            ("bare_newline", choice) => format!("smtp.bare_newline = \"{choice}\"\n"),
            ("plaintext_login", choice) => format!("pop3.plaintext_login = \"{choice}\"\n"),
            ("may_log_in", "no") => "pop3.plaintext_login = \"never\"\n".to_owned(),
            // How it is connected to, and what only the bare session is asked for.
            ("role", "lmtp") | ("tls", "yes") | ("cut", "no") => String::new(),
            other => panic!("{}: what is {other:?} in a configuration?", case.place()),
        };
        extra.push_str(&line);
    }
    let server = Server::start(&extra);
    for (index, message) in case.messages.iter().enumerate() {
        server.deposit("anna@example.org", "new", &format!("{}.foreign", 1_700_000_000 + index), message);
    }
    let tls = case.setting("tls").is_some();
    let client = match case.file.split('-').next() {
        Some("smtp") => Client::tcp(server.address("smtp")),
        Some("lmtp") => Client::unix(&server.folder().join("lmtp.sock")),
        Some("pop3") if tls => Client::tls(server.address("pop3s")),
        Some("pop3") => Client::tcp(server.address("pop3")),
        _ => panic!("{}: which protocol?", case.place()),
    };
    (client, server)
}

/// Plays every case before it complains: one run shows all that differs.
fn play_all(prefix: &str) {
    let mut failures = Vec::new();
    for case in dialogue::load(prefix) {
        let (mut client, _server) = case_server(&case);
        failures.extend(play(&case, &mut client).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn play(case: &Case, client: &mut Client) -> Result<(), String> {
    for (index, turn) in case.turns.iter().enumerate() {
        match turn {
            Turn::Client(octets) => client.send(octets),
            Turn::Server(pattern) => {
                let heard = client.try_line();
                if !heard.as_ref().is_some_and(|line| pattern.matches(line)) {
                    let heard = heard.map(|line| String::from_utf8_lossy(&line).into_owned());
                    let place = case.place();
                    return Err(format!("{place}, turn {index}: wanted {:?}, heard {heard:?}", pattern.0));
                }
            }
            Turn::Close => client.closed(),
        }
    }
    Ok(())
}
