//! A client that speaks lines: over TCP, a Unix socket or TLS.
//!
//! Knows how SMTP and POP3 frame what they say; every wait has a limit, and a failure shows the
//! conversation so far.

use crate::dialogue::Pattern;
use restante::net::Trust;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SILENCE: Duration = Duration::from_secs(20);

pub enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

pub struct Client {
    wire: BufReader<Wire>,
    heard: Vec<String>,
}

impl Client {
    pub fn tcp(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).unwrap())
    }

    /// On a connection that was made already.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.set_write_timeout(Some(SILENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(Wire::Tcp(stream))
    }

    pub fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Self::over(Wire::Unix(stream))
    }

    pub fn tls(address: SocketAddr) -> Self {
        Self::tcp(address).secured(tls_config())
    }

    #[track_caller]
    pub fn greeted(mut client: Self, greeting: &str) -> Self {
        client.expect(greeting);
        client
    }

    fn over(wire: Wire) -> Self {
        Self { wire: BufReader::with_capacity(1 << 16, wire), heard: Vec::new() }
    }

    /// Makes the TLS handshake on a plain connection.
    #[track_caller]
    pub fn secured(self, config: ClientConfig) -> Self {
        assert!(self.wire.buffer().is_empty(), "plaintext before the handshake");
        let Wire::Tcp(mut stream) = self.wire.into_inner() else { panic!("not a plain TCP connection") };
        let name = ServerName::try_from("mail.example.org").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).unwrap();
        }
        Self::over(Wire::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Says STARTTLS or STLS and makes the handshake.
    #[track_caller]
    pub fn start_tls(mut self, command: &str) -> Self {
        self.ask(command, if command == "STLS" { "+OK" } else { "220 " });
        self.secured(tls_config())
    }

    /// The TLS connection below.
    pub fn tls_connection(&self) -> &ClientConnection {
        let Wire::Tls(stream) = self.wire.get_ref() else { panic!("no TLS") };
        &stream.conn
    }

    /// Sends octets as they are. A server that has hung up is noticed when it is listened to.
    pub fn send(&mut self, octets: &[u8]) {
        let wire = self.wire.get_mut();
        let _ = wire.write_all(octets).and_then(|()| wire.flush());
    }

    /// Sends one line.
    pub fn say(&mut self, line: &str) {
        self.note("C", line.as_bytes());
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// The next line with its CR LF taken off; `None` when the server has closed.
    #[track_caller]
    pub fn try_line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        match self.wire.read_until(b'\n', &mut line) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("silence after {:?} in\n{}", String::from_utf8_lossy(&line), self.conversation())
            }
            // A reset, or TLS without its close_notify, is an end too.
            Err(_) | Ok(0) => return None,
            Ok(_) => {}
        }
        let Some(text) = line.strip_suffix(b"\r\n") else {
            panic!("ends without CR LF: {:?}\n{}", String::from_utf8_lossy(&line), self.conversation())
        };
        self.note("S", text);
        Some(text.to_vec())
    }

    /// The next line, which must come.
    #[track_caller]
    pub fn line(&mut self) -> Vec<u8> {
        match self.try_line() {
            Some(line) => line,
            None => panic!("closed after\n{}", self.conversation()),
        }
    }

    /// A whole answer (all lines of `250-…`), whose last line begins so, or fits where there are gaps.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) -> String {
        let mut answer = Vec::new();
        loop {
            let line = self.line();
            answer.extend_from_slice(&line);
            let goes_on = line.len() > 3 && line[3] == b'-' && line[..3].iter().all(u8::is_ascii_digit);
            if !goes_on {
                let fits = line.starts_with(wanted.as_bytes()) || Pattern(wanted.to_owned()).matches(&line);
                assert!(fits, "wanted {wanted:?}:\n{}", self.conversation());
                return String::from_utf8_lossy(&answer).into_owned();
            }
            answer.push(b'\n');
        }
    }

    /// Says a line and expects an answer that begins so.
    #[track_caller]
    pub fn ask(&mut self, line: &str, wanted: &str) -> String {
        self.say(line);
        self.expect(wanted)
    }

    /// Nothing more comes, and the server closes.
    #[track_caller]
    pub fn closed(&mut self) {
        if let Some(line) = self.try_line() {
            panic!("not closed, but {:?}:\n{}", String::from_utf8_lossy(&line), self.conversation());
        }
    }

    /// All lines up to the end of the connection.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.try_line())
            .map(|line| String::from_utf8_lossy(&line).into_owned())
            .collect()
    }

    /// The lines up to one that fits, or up to the end.
    #[track_caller]
    pub fn rest_until(&mut self, last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| last(line)) {
            let Some(line) = self.try_line() else { break };
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        lines
    }

    /// Says no more, and still listens.
    pub fn hang_up_writing(&self) {
        let Wire::Tcp(stream) = self.wire.get_ref() else { panic!("not a plain TCP connection") };
        stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Says no more; the server sees the end.
    pub fn hang_up(self) {
        let socket = match self.wire.get_ref() {
            Wire::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Wire::Unix(stream) => stream.shutdown(Shutdown::Both),
            Wire::Tls(stream) => stream.sock.shutdown(Shutdown::Both),
        };
        let _ = socket;
    }

    /// Closes with octets unread, which the kernel tells the server by a reset.
    pub fn reset(self) {
        if let Wire::Tcp(stream) = self.wire.get_ref() {
            let _ = stream.peek(&mut [0]);
        }
    }

    // ---- SMTP and LMTP

    /// MAIL, RCPT for each, DATA, the message; it is taken.
    #[track_caller]
    pub fn send_message(&mut self, from: &str, to: &[&str], message: &[u8]) {
        self.transaction(from, to, message, "250 2.0.0");
    }

    /// MAIL, RCPT for each, DATA, the message, and what is said to it.
    #[track_caller]
    pub fn transaction(&mut self, from: &str, to: &[&str], message: &[u8], wanted: &str) {
        self.ask(&format!("MAIL FROM:<{from}>"), "250 ");
        for recipient in to {
            self.ask(&format!("RCPT TO:<{recipient}>"), "250 ");
        }
        self.ask("DATA", "354 ");
        self.send(&stuffed(message));
        self.expect(wanted);
    }

    // ---- POP3

    #[track_caller]
    pub fn log_in(&mut self, user: &str, password: &str) {
        self.ask(&format!("USER {user}"), "+OK");
        self.ask(&format!("PASS {password}"), "+OK");
    }

    /// The lines of a multi-line answer, dots taken off, each with its CR LF.
    #[track_caller]
    pub fn lines(&mut self, command: &str) -> Vec<Vec<u8>> {
        self.ask(command, "+OK");
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if line == b"." {
                return lines;
            }
            lines.push([line.strip_prefix(b".").unwrap_or(&line), b"\r\n"].concat());
        }
    }

    /// A message as RETR gives it, dots taken off.
    #[track_caller]
    pub fn retr(&mut self, number: usize) -> Vec<u8> {
        self.lines(&format!("RETR {number}")).concat()
    }

    /// LIST: numbers and octets.
    #[track_caller]
    pub fn list(&mut self) -> Vec<(usize, usize)> {
        self.pairs("LIST").into_iter().map(|(number, octets)| (number, octets.parse().unwrap())).collect()
    }

    /// UIDL: the unique-ids in their order.
    #[track_caller]
    pub fn uidl(&mut self) -> Vec<String> {
        self.pairs("UIDL").into_iter().map(|(_, id)| id).collect()
    }

    #[track_caller]
    fn pairs(&mut self, command: &str) -> Vec<(usize, String)> {
        let text = String::from_utf8(self.lines(command).concat()).unwrap();
        let pair = |line: &str| {
            let (number, rest) = line.split_once(' ').unwrap();
            (number.parse().unwrap(), rest.to_owned())
        };
        text.lines().map(pair).collect()
    }

    /// QUIT, and the server closes.
    #[track_caller]
    pub fn quit(mut self) {
        self.say("QUIT");
        let line = self.line();
        assert!(line.starts_with(b"+OK") || line.starts_with(b"221 "), "{}", self.conversation());
        self.closed();
    }

    fn note(&mut self, who: &str, line: &[u8]) {
        let shown = &line[..line.len().min(200)];
        if self.heard.len() > 200 {
            self.heard.drain(..100);
        }
        self.heard.push(format!("{who}: {}", String::from_utf8_lossy(shown)));
    }

    fn conversation(&self) -> String {
        self.heard[self.heard.len().saturating_sub(30)..].join("\n")
    }
}

/// A message on its way through DATA: CR LF at its end, dots doubled, the final dot.
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 100);
    let mut at_line_start = true;
    for (index, &octet) in message.iter().enumerate() {
        if at_line_start && octet == b'.' {
            wire.push(b'.');
        }
        wire.push(octet);
        at_line_start = octet == b'\n' && index > 0 && message[index - 1] == b'\r';
    }
    if !at_line_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// TLS as a mail program speaks it, but with any certificate.
pub fn tls_config() -> ClientConfig {
    tls_config_of(&[&rustls::version::TLS13, &rustls::version::TLS12])
}

/// The same with given versions.
pub fn tls_config_of(versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Trust::anybody().verifier())
        .with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    config
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(octets),
            Self::Unix(stream) => stream.write(octets),
            Self::Tls(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
