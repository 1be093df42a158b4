//! One POP3 connection: commands out, answers in, read in large pieces.
//!
//! Answers are looked through and not kept: a load generator must cost less than what it loads.

use crate::Error;
use crate::wish::{Encryption, Wish};
use memchr::memmem;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Octets that are read at once.
const CHUNK: usize = 256 * 1024;
/// How a multi-line answer ends.
const END: &[u8] = b"\r\n.\r\n";

/// A connection, and what came on it and was not used.
pub struct Connection {
    channel: Channel,
    /// Empty while nothing waits, so that ten thousand that idle cost little here.
    pending: Vec<u8>,
    start: usize,
    chunk: usize,
    /// Octets that came in all.
    pub received: u64,
}

enum Channel {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, Gulps>>),
}

/// A socket that is read in large pieces, since rustls asks for small ones.
struct Gulps {
    socket: TcpStream,
    pending: Vec<u8>,
    start: usize,
}

impl Connection {
    /// Connects, does the handshake, and reads the greeting.
    pub fn open(wish: &Wish, tls: &Arc<ClientConfig>) -> Result<Self, Error> {
        let socket = TcpStream::connect(&wish.server)?;
        socket.set_nodelay(true)?;
        let chunk = if wish.job == "fetch" { CHUNK } else { 16 * 1024 };
        let mut connection =
            Self { channel: Channel::Plain(socket), pending: Vec::new(), start: 0, chunk, received: 0 };
        if wish.encryption == Encryption::Implicit {
            connection = connection.secure(tls)?;
        }
        connection.line()?;
        if wish.encryption == Encryption::Stls {
            connection.ask("STLS")?;
            connection = connection.secure(tls)?;
        }
        Ok(connection)
    }

    fn secure(mut self, tls: &Arc<ClientConfig>) -> Result<Self, Error> {
        let Channel::Plain(socket) = self.channel else { return Err("TLS inside TLS".into()) };
        let name = ServerName::try_from("mail.example.org")?;
        let mut session = ClientConnection::new(Arc::clone(tls), name)?;
        let mut socket = Gulps { socket, pending: Vec::new(), start: 0 };
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        self.channel = Channel::Tls(Box::new(StreamOwned::new(session, socket)));
        Ok(self)
    }

    /// Whether the TLS session is one that was resumed.
    pub fn is_resumed(&self) -> bool {
        match &self.channel {
            Channel::Plain(_) => false,
            Channel::Tls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Logs in.
    pub fn log_in(&mut self, user: &str, password: &str) -> Result<(), Error> {
        self.ask(&format!("USER {user}"))?;
        self.ask(&format!("PASS {password}"))?;
        Ok(())
    }

    /// Sends a command; the first line of its answer, which must be +OK.
    pub fn ask(&mut self, command: &str) -> Result<String, Error> {
        self.send(&format!("{command}\r\n"))?;
        self.line()
    }

    /// Sends commands without waiting for their answers.
    pub fn send(&mut self, commands: &str) -> Result<(), Error> {
        let writer: &mut dyn Write = match &mut self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(stream) => stream.as_mut(),
        };
        writer.write_all(commands.as_bytes())?;
        writer.flush()?;
        Ok(())
    }

    /// A line, which must be +OK.
    pub fn line(&mut self) -> Result<String, Error> {
        let length = loop {
            match memchr::memchr(b'\n', &self.pending[self.start..]) {
                Some(at) => break at + 1,
                None => self.read()?,
            }
        };
        let line = String::from_utf8_lossy(&self.pending[self.start..self.start + length]);
        let line = line.trim_end().to_owned();
        self.start += length;
        if line.starts_with("+OK") { Ok(line) } else { Err(line.into()) }
    }

    /// Passes over a multi-line answer, its first line too.
    pub fn multi_line(&mut self) -> Result<(), Error> {
        if self.start == self.pending.len() {
            self.read()?;
        }
        if self.pending[self.start] != b'+' {
            return self.line().map(drop);
        }
        loop {
            if let Some(at) = memmem::find(&self.pending[self.start..], END) {
                self.start += at + END.len();
                return Ok(());
            }
            // What was looked through goes, up to the octets in which the end may have begun.
            self.start = self.pending.len().saturating_sub(END.len() - 1).max(self.start);
            self.read()?;
        }
    }

    /// Gives up the memory that no answer needs now.
    pub fn rest(&mut self) {
        self.pending = Vec::new();
        self.start = 0;
    }

    fn read(&mut self) -> Result<(), Error> {
        self.pending.drain(..self.start);
        self.start = 0;
        let before = self.pending.len();
        self.pending.resize(before + self.chunk, 0);
        let reader: &mut dyn Read = match &mut self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(stream) => stream.as_mut(),
        };
        let read = reader.read(&mut self.pending[before..])?;
        self.pending.truncate(before + read);
        self.received += read as u64;
        if read == 0 { Err("the server has closed the connection".into()) } else { Ok(()) }
    }
}

impl Read for Gulps {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.pending.len() {
            self.start = 0;
            self.pending.resize(64 * 1024, 0);
            let read = self.socket.read(&mut self.pending);
            self.pending.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let count = into.len().min(self.pending.len() - self.start);
        into[..count].copy_from_slice(&self.pending[self.start..self.start + count]);
        self.start += count;
        if self.start == self.pending.len() {
            self.pending = if count < 4096 { Vec::new() } else { std::mem::take(&mut self.pending) };
            self.start = self.pending.len();
        }
        Ok(count)
    }
}

impl Write for Gulps {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.socket.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
