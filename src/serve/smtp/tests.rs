//! The driver against a rude peer, with shorter times than in life. The peer is at one end of a
//! socket pair and comes from whatever address a test gives it.

use super::*;
use crate::mail::{AccountAddress, Bytes, Password};
use crate::net::Socket;
use crate::serve::testing::with_anna;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;
use tempfile::TempDir;

const STRANGER: &str = "198.51.100.1:4711";
const NEIGHBOUR: &str = "192.168.1.9:4711";
/// What a test never waits for.
const LONG: Duration = Duration::from_secs(20);

/// Times that only a test that is about them makes shorter.
const PATIENCE: Patience = Patience {
    before_greeting: Duration::ZERO,
    early_talker: Duration::from_millis(1),
    unknown_recipient: Some(Duration::from_millis(1)),
    message: LONG,
    output: LONG,
};

struct House {
    folder: TempDir,
    shared: Arc<Shared>,
    anna: AccountAddress,
}

/// The peer's end of a connection, and the driver's end of life.
struct Peering {
    peer: UnixStream,
    driver: JoinHandle<String>,
}

impl House {
    /// A server without listeners, and anna's account.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = with_anna(folder.path());
        Self { folder, shared, anna }
    }

    /// A connection from that address.
    fn connect(&self, from: &str, role: Role, patience: Patience) -> Peering {
        let (peer, ours) = UnixStream::pair().unwrap();
        peer.set_read_timeout(Some(LONG)).unwrap();
        let (shared, from) = (Arc::clone(&self.shared), Peer::Tcp(from.parse().unwrap()));
        let driver = std::thread::spawn(move || {
            runtime::block_on(async {
                let stream = Stream::new(from, Socket::from(runtime::unix_stream(ours).unwrap()));
                let mut driver = Driver::new(shared, &stream, role, SessionId(1), patience);
                driver.serve(stream).await.to_string()
            })
        });
        Peering { peer, driver }
    }

    fn add_bert(&self) {
        let bert = AccountAddress::parse("bert@example.org").unwrap();
        self.shared.accounts.add(&bert, &Password::new("secret".to_owned()).unwrap()).unwrap();
    }

    /// A connection on which MAIL was said, with these parameters.
    fn mail(&self, role: Role, parameters: &str) -> Peering {
        let mut peering = self.connect(NEIGHBOUR, role, PATIENCE);
        assert!(peering.hear().starts_with("220 "));
        assert!(peering.ask(if role == Role::Mx { "EHLO mx" } else { "LHLO mx" }).starts_with("250 "));
        assert!(peering.ask(&format!("MAIL FROM:<a@b.example>{parameters}")).starts_with("250 "));
        peering
    }

    fn maildir(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/mail/example.org").join(name)
    }

    fn drafts(&self) -> usize {
        std::fs::read_dir(self.maildir("anna").join("tmp")).map_or(0, Iterator::count)
    }
}

impl Peering {
    fn send(&mut self, octets: &str) {
        self.peer.write_all(octets.as_bytes()).unwrap();
    }

    /// Sends a line and gives the last line of the answer.
    fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.hear()
    }

    /// The last line of the next answer.
    fn hear(&mut self) -> String {
        let (mut said, mut octet) = (Vec::new(), [0]);
        while !said.ends_with(b"\n") {
            self.peer.read_exact(&mut octet).unwrap();
            said.push(octet[0]);
        }
        let line = String::from_utf8(said).unwrap();
        if line.as_bytes()[3] == b'-' { self.hear() } else { line }
    }

    /// All that is said up to the end of the connection, and why it ended.
    fn end(mut self) -> (String, String) {
        let mut said = Vec::new();
        // A peer that still sends when the server has closed is reset; what was said before that has come.
        if let Err(error) = self.peer.read_to_end(&mut said) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        drop(self.peer);
        (String::from_utf8(said).unwrap(), self.driver.join().unwrap())
    }
}

/// What was said, without the greeting.
fn answers(said: &str) -> Vec<&str> {
    said.lines().skip_while(|line| line.starts_with("220")).collect()
}

#[test]
fn who_talks_before_the_greeting_gets_none() {
    let house = House::new();
    let waiting = Patience { before_greeting: LONG, ..PATIENCE };
    for blind in ["EHLO spam\r\nMAIL FROM:<a@b>\r\n", "E", "\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        let mut peering = house.connect(STRANGER, Role::Mx, waiting);
        peering.send(blind);
        let (said, why) = peering.end();
        assert_eq!(
            (said.lines().count(), &said[..10], why.as_str()),
            (1, "554 5.5.1 ", "refused"),
            "{blind}"
        );
    }
}

#[test]
fn who_waits_is_greeted() {
    let house = House::new();
    let waiting = Patience { before_greeting: Duration::from_millis(20), ..PATIENCE };
    let mut peering = house.connect(STRANGER, Role::Mx, waiting);
    let mut greeting = [0; 4];
    peering.peer.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 ");
    peering.send("EHLO mx\r\nQUIT\r\n");
    let (said, why) = peering.end();
    assert!(said.ends_with("221 2.0.0 Bye\r\n") && why == "quit", "{said} {why}");
}

#[test]
fn a_shutdown_and_a_peer_that_leaves_end_the_wait_for_silence() {
    let house = House::new();
    let waiting = Patience { before_greeting: LONG, ..PATIENCE };
    let peering = house.connect(STRANGER, Role::Mx, waiting);
    peering.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(peering.end(), (String::new(), "gone".to_owned()));
    let peering = house.connect(STRANGER, Role::Mx, waiting);
    house.shared.shutdown.begin();
    let (said, why) = peering.end();
    assert!(said.starts_with("421 4.3.2 ") && why == "shutdown", "{said} {why}");
}

#[test]
fn whoever_tries_many_names_is_sent_away() {
    let house = House::new();
    for domain in ["example.org", "elsewhere.example"] {
        let mut peering = house.connect(NEIGHBOUR, Role::Mx, PATIENCE);
        let tries: String = (0..200).map(|n| format!("RCPT TO:<a{n}@{domain}>\r\n")).collect();
        peering.send(&format!("EHLO mx\r\nMAIL FROM:<a@b.example>\r\n{tries}"));
        let (said, why) = peering.end();
        let refused = answers(&said).iter().filter(|line| line.starts_with("550 5.")).count();
        assert_eq!(refused, limits::UNKNOWN_RECIPIENTS_MAX as usize, "{domain}");
        assert!(said.lines().last().unwrap().starts_with("421 4.7.0") && why == "refused", "{why}");
    }
}

#[test]
fn our_own_mail_server_may_ask_for_any_number_of_names() {
    let house = House::new();
    let patience = Patience { message: LONG, ..Patience::towards(&Peer::Unix, Role::Lmtp, 0) };
    let mut peering = house.connect(STRANGER, Role::Lmtp, patience);
    let tries: String = (0..200).map(|n| format!("RCPT TO:<a{n}@example.org>\r\n")).collect();
    peering.send(&format!("LHLO mx\r\nMAIL FROM:<a@b.example>\r\n{tries}QUIT\r\n"));
    let (said, why) = peering.end();
    let refused = answers(&said).iter().filter(|line| line.starts_with("550 5.1.1")).count();
    assert_eq!((refused, why.as_str()), (200, "quit"));
}

#[test]
fn a_message_that_drips_in_is_given_up_and_nothing_of_it_stays() {
    let house = House::new();
    let hasty = Patience { message: Duration::from_millis(200), ..PATIENCE };
    for (command, more) in [("DATA", "x\r\n"), ("BDAT 100000 LAST", "x"), ("BDAT 1\r\nx", "BDAT 1\r\nx")] {
        let mut peering = house.connect(STRANGER, Role::Mx, hasty);
        let envelope = "EHLO mx\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@example.org>\r\n";
        peering.send(&format!("{envelope}{command}\r\n"));
        // Never silent for long, and never ready.
        while peering.peer.write_all(more.as_bytes()).is_ok() && !peering.driver.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (said, why) = peering.end();
        assert!(said.lines().last().unwrap().starts_with("421 4.4.2"), "{command}: {said}");
        assert_eq!((why.as_str(), house.drafts()), ("timeout", 0), "{command}");
    }
}

#[test]
fn a_recipient_with_room_has_room_for_the_trace_lines_too() {
    let house = House::new();
    house.shared.accounts.set_quota(&house.anna, Some(Bytes(10_000))).unwrap();
    let mut taken = 0;
    // The trace lines have some two hundred octets: between these two sizes the room comes to its end.
    for size in (9_600..9_900).step_by(9) {
        let mut peering = house.mail(Role::Mx, &format!(" SIZE={size}"));
        let recipient = peering.ask("RCPT TO:<anna@example.org>");
        let data = peering.ask("DATA");
        taken += u32::from(recipient.starts_with("250 "));
        let expected = if recipient.starts_with("250 ") { "354 " } else { "554 5.5.1" };
        assert!(data.starts_with(expected), "{size}: {recipient}{data}");
        drop(peering.peer);
        peering.driver.join().unwrap();
    }
    assert!((1..30).contains(&taken), "{taken}");
}

#[test]
fn a_recipient_that_is_named_again_is_not_looked_up_again() {
    let house = House::new();
    let mut peering = house.mail(Role::Mx, "");
    assert!(peering.ask("RCPT TO:<anna@example.org>").starts_with("250 "));
    house.shared.accounts.remove(&house.anna).unwrap();
    assert!(peering.ask("RCPT TO:<anna@example.org>").starts_with("250 "));
    assert!(peering.ask("RCPT TO:<Anna@example.org>").starts_with("550 "), "another path");
}

#[test]
fn an_account_that_is_removed_after_rcpt_gets_no_mail() {
    for (after, message) in [("RCPT", "DATA"), ("354", "x\r\n."), ("RCPT", "BDAT 1 LAST\r\nx")] {
        let house = House::new();
        house.add_bert(); // Or the domain would be gone as well.
        let mut peering = house.mail(Role::Mx, "");
        assert!(peering.ask("RCPT TO:<anna@example.org>").starts_with("250 "));
        if after == "354" {
            assert!(peering.ask("DATA").starts_with("354 "));
        }
        house.shared.accounts.remove(&house.anna).unwrap();
        // An alias may be away for the moment in which somebody makes it anew: the next RCPT hears the truth.
        assert!(peering.ask(message).starts_with("451 4.2.0 "), "{after} {message}");
        assert!(!house.maildir("anna").exists());
    }
}

#[test]
fn of_several_recipients_those_who_stay_are_not_bounced() {
    for (role, said) in [(Role::Mx, &["451 4.2.0 "][..]), (Role::Lmtp, &["451 4.2.0 ", "250 2.0.0 "])] {
        for text_is_on_its_way in [false, true] {
            let house = House::new();
            house.add_bert();
            let mut peering = house.mail(role, "");
            for name in ["anna", "bert"] {
                assert!(peering.ask(&format!("RCPT TO:<{name}@example.org>")).starts_with("250 "));
            }
            let mut left = said.iter();
            if text_is_on_its_way {
                assert!(peering.ask("DATA").starts_with("354 "));
                house.shared.accounts.remove(&house.anna).unwrap();
                peering.send("x\r\n.\r\n");
            } else {
                house.shared.accounts.remove(&house.anna).unwrap();
                let data = peering.ask("DATA");
                match role {
                    Role::Mx => assert!(data.starts_with(left.next().unwrap()), "{data}"),
                    Role::Lmtp => peering.send("x\r\n.\r\n"),
                }
            }
            for expected in left {
                let told = peering.hear();
                assert!(told.starts_with(expected), "{role:?} {text_is_on_its_way}: {told}");
            }
            let kept = std::fs::read_dir(house.maildir("bert").join("new")).map_or(0, Iterator::count);
            assert_eq!((house.maildir("anna").exists(), kept), (false, usize::from(role == Role::Lmtp)));
        }
    }
}

#[test]
fn a_change_of_the_accounts_that_is_not_the_recipients_own_does_not_matter() {
    let house = House::new();
    let mut peering = house.mail(Role::Mx, "");
    assert!(peering.ask("RCPT TO:<anna@example.org>").starts_with("250 "));
    for command in ["DATA", "x\r\n."] {
        house.shared.accounts.set_quota(&house.anna, None).unwrap();
        let told = peering.ask(command);
        assert!(told.starts_with("354 ") || told.starts_with("250 "), "{told}");
    }
}

#[test]
fn who_has_said_much_and_is_silent_takes_little_memory() {
    let house = House::new();
    let (mut peer, ours) = UnixStream::pair().unwrap();
    runtime::block_on(async {
        let from = Peer::Tcp(NEIGHBOUR.parse().unwrap());
        let mut stream = Stream::new(from, Socket::from(runtime::unix_stream(ours).unwrap()));
        let mut driver = Driver::new(Arc::clone(&house.shared), &stream, Role::Mx, SessionId(1), PATIENCE);
        peer.write_all(b"EHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n").unwrap();
        // The lines behind the dot come with the text, in pieces as large as the text's.
        peer.write_all(&[&b".\r\n"[..], &b"NOOP\r\n".repeat(5000), b"VRFY last\r\n"].concat()).unwrap();
        let hear_all = runtime::spawn_blocking(move || {
            let (mut said, mut octets) = (Vec::new(), [0; 4096]);
            while !(said.ends_with(b"\r\n") && said.windows(5).any(|code| code == b"\n252 ")) {
                let count = peer.read(&mut octets).unwrap();
                said.extend_from_slice(&octets[..count]);
            }
            Ok(peer)
        });
        // The driver is asked first, so it waits again when all was heard.
        let _peer = future::or(async { Err(driver.converse(&mut stream).await) }, hear_all).await.unwrap();
        assert_eq!(driver.lines.held(), 0);
        assert!(driver.out.capacity() <= limits::OUTPUT_KEPT, "{}", driver.out.capacity());
    });
}

#[test]
fn who_never_reads_is_left() {
    let house = House::new();
    let hasty = Patience { output: Duration::from_millis(50), ..PATIENCE };
    let mut peering = house.connect(STRANGER, Role::Mx, hasty);
    peering.send("EHLO mx\r\n");
    // More answers than any socket holds; in the end there is nobody who takes another question.
    while peering.peer.write_all(&b"NOOP\r\n".repeat(1000)).is_ok() {}
    assert_eq!(peering.driver.join().unwrap(), io::Error::from(io::ErrorKind::TimedOut).to_string());
}

#[test]
fn a_peer_that_can_still_hear_is_told_why() {
    for (end, code, why) in [
        (End::Timeout, Some(421), "timeout"),
        (End::Shutdown, Some(421), "shutdown"),
        (End::Cut, Some(421), "cut"),
        (End::Quit, None, "quit"),
        (End::Gone, None, "gone"),
        (End::from(io::Error::from(io::ErrorKind::TimedOut)), Some(421), "timeout"),
        (End::from(io::Error::from(io::ErrorKind::ConnectionReset)), None, "gone"),
        (End::from(io::Error::other("no route")), None, "no route"),
    ] {
        assert_eq!((end.last_word().map(|reply| reply.code()), end.to_string().as_str()), (code, why));
    }
}

/// A thousand connections that have said nothing yet cost their tasks, so what rarely happens in one
/// (a handshake, the goodbye) must not lie in it from the beginning.
#[test]
fn an_idle_connection_takes_little_memory() {
    fn task<F: Future>(_: fn(Arc<Shared>, Stream, Role, SessionId) -> F) -> usize {
        size_of::<F>()
    }
    // What lies across an await is part of the task from its beginning; a future that is large and seldom
    // under way belongs into a box.
    assert!(task(run) < 3 * 1024, "{}", task(run));
}
