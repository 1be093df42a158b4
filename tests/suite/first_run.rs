//! The first start with nothing configured: a person types one command and can read mail.

use crate::client::Client;
use crate::harness::{Server, eventually, restante};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};

const PORTS: [u16; 3] = [2525, 2110, 2995];

#[test]
fn one_command_and_mail_can_be_read() {
    let taken = PORTS.iter().any(|port| TcpListener::bind(("127.0.0.1", *port)).is_err());
    if taken || Path::new("/etc/restante/restante.toml").exists() {
        eprintln!(
            "skipped: the ports of the built-in defaults are taken, or this machine has a configuration"
        );
        return;
    }
    let here = tempfile::tempdir().unwrap();
    let mut first = TryOut::start(here.path());
    let said = first.said();
    for port in PORTS {
        assert!(said.contains(&port.to_string()), "the settings name port {port}:\n{said}");
    }
    let (address, password) = credentials(&said);
    assert!(password.len() >= 12, "{password:?} can be guessed");

    let mut sender = Client::greeted(Client::tcp(local(2525)), "220 ");
    sender.ask("EHLO mx", "250 ");
    sender.send_message("c@example.net", &[&address], b"Subject: first\r\n\r\n");
    sender.quit();
    let mut reader = Client::greeted(Client::tls(local(2995)), "+OK ");
    reader.log_in(&address, &password);
    reader.ask("STAT", "+OK 1 ");
    reader.quit();
    assert!(here.path().join("restante-data/accounts.sqlite").exists());
    drop(first);

    let mut second = TryOut::start(here.path());
    assert!(!second.said().contains(&password), "printed once");
    let mut reader = Client::greeted(Client::tcp(local(2110)), "+OK ");
    reader.log_in(&address, &password);
    reader.quit();
}

#[test]
fn with_a_configuration_file_no_account_is_made() {
    let mut server = Server::prepare("");
    server.again();
    server.pop3().quit();
    assert_eq!(server.restante(&["account", "list", "--json"], "").done().trim(), "[]");
    assert!(!server.log().to_lowercase().contains("password"), "{}", server.log());
}

/// A server with the built-in defaults, which says what it says into a file.
struct TryOut<'a> {
    child: Child,
    folder: &'a Path,
}

impl<'a> TryOut<'a> {
    fn start(folder: &'a Path) -> Self {
        let output = fs::File::create(folder.join("said")).unwrap();
        let child = restante()
            .arg("serve")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// What it said up to the moment when it listens on all ports.
    fn said(&mut self) -> String {
        eventually("it listens", || {
            let ended = self.child.try_wait().unwrap();
            let said = fs::read_to_string(self.folder.join("said")).unwrap();
            assert!(ended.is_none(), "it ended: {said}");
            (said.matches("listening").count() >= PORTS.len()).then_some(said)
        })
    }
}

impl Drop for TryOut<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The first address that was printed, and the last word of the line that names the password.
fn credentials(said: &str) -> (String, String) {
    let word = |text: &str| text.trim_matches(|c: char| "<>\"'`,;.:()".contains(c)).to_owned();
    let address = said.split_whitespace().find(|word| word.contains('@')).expect("an address");
    let names_it = |line: &&str| line.to_lowercase().contains("password") && !line.trim_end().ends_with(':');
    let line = said.lines().find(names_it).expect("a password");
    (word(address), word(line.split_whitespace().last().unwrap()))
}
