//! The connection of one POP3 session: lines in, answers out, each with its time limit.
//!
//! Answers are collected and written in one piece before the next read waits. Knows no session.

use super::end::End;
use crate::limits;
use crate::net::{Shutdown, Stream, Tickets, Tls, TlsFacts};
use crate::pop3::Response;
use crate::wire::line::{Line, LineBuffer};
use futures_lite::future;
use std::io;
use std::time::{Duration, Instant};

/// A stream, what came and was not used, and what is to be sent.
pub(super) struct Connection {
    stream: Stream,
    /// Bounded by `limits::POP3_LINE_MAX`.
    lines: LineBuffer,
    out: Vec<u8>,
    idle: Duration,
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
        Self { stream, lines: LineBuffer::new(limits::POP3_LINE_MAX), out: Vec::new(), idle, untouched: true }
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

    /// The handshake; nothing that came before it is kept.
    pub(super) async fn secure(self, tls: &Tls) -> io::Result<Self> {
        Ok(Self::new(self.stream.secure(tls, Tickets::Send).await?, self.idle))
    }

    /// The next line. Lines that came already are still given out when the server ends.
    /// `leave` tells this session alone to end.
    pub(super) async fn next_line(&mut self, shutdown: &Shutdown, leave: &Shutdown) -> Result<Line, End> {
        if let Some(line) = self.lines.next_line() {
            return Ok(line);
        }
        self.flush().await?;
        // For the whole line: one octet every nine minutes would hold a maildrop for ever.
        let since = Instant::now();
        loop {
            self.read(shutdown, leave, self.idle.saturating_sub(since.elapsed())).await?;
            if let Some(line) = self.lines.next_line() {
                return Ok(line);
            }
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
        if self.out.is_empty() {
            return Ok(());
        }
        let limit = self.idle.min(limits::WRITE_TIMEOUT);
        let sent = self.stream.send(&self.out, limit).await;
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

    #[test]
    fn a_tls_hello_is_told_from_a_command() {
        assert!(is_tls_hello(b"\x16\x03\x01\x02\x00\x01"));
        assert!(is_tls_hello(b"\x16"));
        assert!(!is_tls_hello(b"CAPA\r\n"));
        assert!(!is_tls_hello(b""));
    }
}
