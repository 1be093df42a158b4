//! The connection of one POP3 session: lines in, answers out, each with its time limit.
//!
//! Answers are collected and written in one piece before the next read waits. Knows no session.

use super::end::End;
use crate::limits;
use crate::net::{Shutdown, Stream, Tickets, Tls, TlsFacts};
use crate::pop3::Response;
use crate::runtime;
use crate::wire::line::{Line, LineBuffer};
use futures_lite::future;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

/// A stream, what came and was not used, and what is to be sent.
pub(super) struct Connection {
    stream: Stream,
    /// At most `limits::POP3_LINE_MAX`, and what is read at once behind it.
    lines: LineBuffer,
    out: Vec<u8>,
    idle: Duration,
    /// When nobody is waited for any more who is not logged in.
    log_in_by: Option<Instant>,
    /// Nothing was read yet: the first octets tell a TLS client at the wrong port.
    untouched: bool,
}

enum Woken {
    Read(io::Result<usize>),
    ShutDown,
    SentAway,
}

impl Connection {
    pub(super) fn new(stream: Stream, idle: Duration) -> Self {
        Self {
            stream,
            lines: LineBuffer::new(limits::POP3_LINE_MAX),
            out: Vec::new(),
            idle,
            log_in_by: Some(Instant::now() + idle.max(limits::POP3_LOGIN_TIME)),
            untouched: true,
        }
    }

    pub(super) fn tls(&self) -> Option<&TlsFacts> {
        self.stream.tls()
    }

    /// Whether octets came behind the last line.
    pub(super) fn has_more(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The stream, for whoever speaks over it from here on, and octets that came behind the last line.
    pub(super) fn unread(&mut self) -> (Vec<u8>, &mut Stream) {
        let unread = self.lines.take(self.lines.len());
        (unread, &mut self.stream)
    }

    /// The handshake; nothing that came before it is kept, and no time is won.
    pub(super) async fn secure(self, tls: &Tls) -> io::Result<Self> {
        let Self { stream, idle, log_in_by, .. } = self;
        Ok(Self { log_in_by, ..Self::new(stream.secure(tls, Tickets::Send).await?, idle) })
    }

    /// From here on only silence ends the connection.
    pub(super) fn logged_in(&mut self) {
        self.log_in_by = None;
    }

    /// The next line. Lines that came already are still given out when the server ends.
    /// `leave` tells this session alone to end.
    pub(super) async fn next_line(&mut self, shutdown: &Shutdown, leave: &Shutdown) -> Result<Line, End> {
        // Of those that came already, too: each may have cost its while.
        self.log_in_left(Instant::now())?;
        if let Some(line) = self.lines.next_line() {
            return Ok(line);
        }
        self.flush().await?;
        // For the whole line, or one octet every nine minutes would do. A whole command that often does: whoever
        // is logged in may hold the maildrop as long as they like (RFC 1939, 3).
        let since = Instant::now();
        loop {
            let patience = self.patience(since, Instant::now())?;
            self.read(shutdown, leave, patience).await?;
            if let Some(line) = self.lines.next_line() {
                return Ok(line);
            }
        }
    }

    /// How long to wait for more of a line that is waited for since then.
    fn patience(&self, since: Instant, now: Instant) -> Result<Duration, End> {
        let idle = self.idle.saturating_sub(now.saturating_duration_since(since));
        Ok(self.log_in_left(now)?.map_or(idle, |left| left.min(idle)))
    }

    /// How long there is left to log in; `None` for who has. `Silent`: the time is over, whatever comes.
    fn log_in_left(&self, now: Instant) -> Result<Option<Duration>, End> {
        match self.log_in_by.map(|end| end.saturating_duration_since(now)) {
            Some(Duration::ZERO) => Err(End::Silent),
            left => Ok(left),
        }
    }

    /// Takes an answer, to be written with others that are ready.
    pub(super) async fn say(&mut self, response: &Response) -> io::Result<()> {
        response.write_to(&mut self.out);
        self.flush_when_full().await
    }

    /// Takes octets of a message, to be written together with what stands before them.
    pub(super) fn add(&mut self, octets: Vec<u8>) {
        if self.out.is_empty() {
            self.out = octets;
        } else {
            self.out.extend_from_slice(&octets);
        }
    }

    /// The room of what was written, to be filled and given back with [`Connection::add`].
    pub(super) fn room(&mut self) -> Vec<u8> {
        if self.out.is_empty() { std::mem::take(&mut self.out) } else { Vec::new() }
    }

    /// Writes when more waits than a client may make us hold.
    pub(super) async fn flush_when_full(&mut self) -> io::Result<()> {
        if self.out.len() >= limits::OUTPUT_MAX { self.flush().await } else { Ok(()) }
    }

    /// Writes all that waits, in one piece.
    ///
    /// A status line split over two writes is two answers to some clients.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.flush_telling(|| ()).await
    }

    /// The same; `took` is called whenever the client has taken some of it. Who is not logged in may take it as
    /// slowly as they like no longer than they may say anything: within the time to log in.
    pub(super) async fn flush_telling(&mut self, took: impl FnMut()) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let limit = self.idle.min(limits::WRITE_TIMEOUT);
        let left = self.log_in_by.map(|end| end.saturating_duration_since(Instant::now()));
        let sent = {
            let mut sending = pin!(self.stream.send_telling(&self.out, limit, took));
            match left {
                Some(left) => runtime::timeout(left, sending.as_mut())
                    .await
                    .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())),
                None => sending.await,
            }
        };
        self.out.clear();
        sent
    }

    /// Says what is left to say, and closes in good order.
    pub(super) async fn close(mut self, last_words: Option<Response>) {
        if let Some(response) = last_words {
            response.write_to(&mut self.out);
        }
        // The client may be gone; then there is nobody to tell.
        if self.flush().await.is_ok() {
            self.stream.close().await;
        }
    }

    /// Waits for octets. Only here does a session race with the shutdown: between two commands.
    async fn read(&mut self, shutdown: &Shutdown, leave: &Shutdown, limit: Duration) -> Result<(), End> {
        self.give_back();
        let mut octets = Vec::new();
        let read = async { Woken::Read(self.stream.read_more(&mut octets, limit).await) };
        let stop = async {
            shutdown.begun().await;
            Woken::ShutDown
        };
        let sent_away = async {
            leave.begun().await;
            Woken::SentAway
        };
        let count = match future::or(read, future::or(stop, sent_away)).await {
            Woken::Read(count) => count?,
            Woken::ShutDown => return Err(End::ShutDown),
            Woken::SentAway => return Err(End::Revoked),
        };
        if count == 0 {
            return Err(End::Gone);
        }
        // Told once, and only before anything was said: later, 0x16 is a mistake like any other.
        if std::mem::take(&mut self.untouched) && self.stream.tls().is_none() && is_tls_hello(&octets) {
            return Err(End::TlsHello);
        }
        self.lines.push(&octets);
        Ok(())
    }

    /// Keeps next to nothing while the client is silent: that may be for minutes, and thousands are.
    fn give_back(&mut self) {
        self.lines.give_back();
        self.out.shrink_to(limits::OUTPUT_KEPT);
    }
}

/// RFC 8446, 5.1: a handshake record begins with 22 and the major version 3.
fn is_tls_hello(octets: &[u8]) -> bool {
    matches!(octets, [0x16, 0x03, ..] | [0x16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{AccountAddress, SessionId};
    use crate::net::{ListenAddress, Listener, Trust};
    use crate::runtime::block_on;
    use crate::sasl::Login;
    use crate::serve::pop3::{Session, Step, Terms, Visit, log_in};
    use crate::serve::testing::with_anna;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, StreamOwned};
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::thread;

    const IDLE: Duration = Duration::from_secs(30);

    fn connected() -> (Connection, TcpStream) {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let ListenAddress::Tcp(address) = listener.address() else { unreachable!() };
        let client = TcpStream::connect(address).unwrap();
        (Connection::new(block_on(listener.accept()).unwrap(), IDLE), client)
    }

    #[test]
    fn the_time_to_log_in_is_one_for_all_commands_together() {
        let (mut connection, mut client) = connected();
        let began = Instant::now();
        let end = connection.log_in_by.unwrap();
        assert!(end <= began + limits::POP3_LOGIN_TIME && end + IDLE > began + limits::POP3_LOGIN_TIME);
        let second = Duration::from_secs(1);
        let patience = |connection: &Connection, since, now| connection.patience(since, now).ok();
        assert_eq!(patience(&connection, began, began), Some(IDLE));
        assert_eq!(patience(&connection, began, began + second), Some(IDLE - second), "the whole line");
        let late = end - second;
        assert_eq!(patience(&connection, late, late), Some(second));
        assert_eq!(patience(&connection, end, end), None);

        connection.log_in_by = Some(began);
        client.write_all(b"CAPA\r\n").unwrap();
        let (shutdown, leave) = (Shutdown::new(), Shutdown::new());
        let line = block_on(connection.next_line(&shutdown, &leave));
        assert!(matches!(line, Err(End::Silent)), "though the client is not silent at all: {line:?}");
        connection.logged_in();
        assert!(matches!(block_on(connection.next_line(&shutdown, &leave)), Ok(Line::Whole(_))));
        assert_eq!(patience(&connection, end, end), Some(IDLE), "only silence counts");
    }

    #[test]
    fn lines_that_came_already_and_answers_that_nobody_takes_are_within_the_time_to_log_in() {
        let (mut connection, _client) = connected();
        connection.lines.push(b"NOOP\r\nNOOP\r\n");
        let (shutdown, leave) = (Shutdown::new(), Shutdown::new());
        assert!(matches!(block_on(connection.next_line(&shutdown, &leave)), Ok(Line::Whole(_))));
        connection.log_in_by = Some(Instant::now());
        assert!(matches!(block_on(connection.next_line(&shutdown, &leave)), Err(End::Silent)));

        // More than the two sockets hold together; the client never reads.
        connection.add(vec![0; 64 * 1024 * 1024]);
        let sent = block_on(future::poll_once(connection.flush()));
        assert_eq!(sent.map(|sent| sent.map_err(|error| error.kind())), Some(Err(io::ErrorKind::TimedOut)));
    }

    #[test]
    fn who_may_be_silent_for_longer_may_take_longer_to_log_in() {
        let (connection, _client) = connected();
        let patient = Connection::new(connection.stream, limits::POP3_LOGIN_TIME * 3);
        assert!(patient.log_in_by.unwrap() > Instant::now() + limits::POP3_LOGIN_TIME * 2);
    }

    #[test]
    fn a_login_ends_the_time_for_it_and_a_wrong_password_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, _) = with_anna(folder.path());
        let (mut connection, _client) = connected();
        let mut visit = Visit::new(shared, connection.stream.peer(), SessionId(0));
        let mut session = Session::new(Terms { may_log_in: true, tls: None, scram: false });
        for (command, is_in) in [(&b"PASS wrong"[..], false), (b"PASS secret", true)] {
            let Step::Say(_) = session.line(b"USER anna") else { panic!("no name") };
            let Step::LogIn(login, ticket) = session.line(command) else { panic!("no login") };
            assert!(matches!(login, Login::Password(_)));
            let step = block_on(log_in(&mut visit, &mut connection, &mut session, login, ticket));
            assert!(matches!(step, Ok(Step::Say(_))));
            assert_eq!(connection.log_in_by.is_none(), is_in);
        }
        assert_eq!(visit.tally.account, AccountAddress::parse("anna@example.org").ok());
    }

    #[test]
    fn a_handshake_wins_no_time() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, _) = with_anna(folder.path());
        let (mut connection, client) = connected();
        let before = Instant::now().checked_sub(IDLE);
        connection.log_in_by = before;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let verifier = Trust::anybody().verifier();
        let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        let client = thread::spawn(move || {
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), client);
            // The handshake happens on the way.
            let _closed = tls.read(&mut [0]);
        });
        let secured = block_on(connection.secure(&shared.tls)).unwrap();
        assert!(secured.tls().is_some());
        assert_eq!(secured.log_in_by, before);
        drop(secured);
        client.join().unwrap();
    }

    #[test]
    fn a_tls_hello_is_told_from_a_command() {
        assert!(is_tls_hello(b"\x16\x03\x01\x02\x00\x01"));
        assert!(is_tls_hello(b"\x16"));
        assert!(!is_tls_hello(b"CAPA\r\n"));
        assert!(!is_tls_hello(b""));
    }
}
