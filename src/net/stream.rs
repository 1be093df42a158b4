//! One connection, plain or over TLS: reading, writing and closing, each with a limit to waiting.
//! Knows no protocol; what was agreed on in the handshake is told as [`TlsFacts`].

use super::outgoing::ConnectError;
use super::socket::Socket;
use super::tls::{Tickets, Tls};
use super::trust::Trust;
use super::waits::Waits;
use super::x509;
use crate::limits;
use crate::mail::Peer;
use crate::runtime;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use futures_rustls::{TlsConnector, TlsStream};
use rustls::pki_types::ServerName;
use rustls::{CommonState, ServerConnection};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// One connection, plain or over TLS.
pub struct Stream {
    peer: Peer,
    channel: Channel,
    waits: Waits,
}

enum Channel {
    Plain(Socket),
    // Boxed: a TLS connection is a hundred times the size of a socket.
    Tls(Box<TlsStream<Socket>>, TlsFacts),
}

/// What a handshake agreed on.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// `TLSv1.3`
    pub version: &'static str,
    /// `TLS13_AES_256_GCM_SHA384`
    pub cipher: String,
    /// Channel binding `tls-exporter` (RFC 9266); only over TLS 1.3, since over TLS 1.2 it is safe
    /// only together with an extension that not every peer has.
    pub exporter: Option<Vec<u8>>,
    /// Channel binding `tls-server-end-point` (RFC 5929, 4): hash of our certificate.
    pub server_end_point: Option<Vec<u8>>,
}

impl fmt::Display for TlsFacts {
    /// Version and cipher, as the log and `Received` lines tell them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.version, self.cipher)
    }
}

impl Stream {
    /// A connection that has just been accepted.
    pub fn new(peer: Peer, socket: Socket) -> Self {
        Self { peer, channel: Channel::Plain(socket), waits: Waits::default() }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// What the handshake agreed on; `None` without TLS.
    pub fn tls(&self) -> Option<&TlsFacts> {
        match &self.channel {
            Channel::Plain(_) => None,
            Channel::Tls(_, facts) => Some(facts),
        }
    }

    /// Reads some octets; 0 is the end.
    ///
    /// # Errors
    /// `TimedOut` after `limit`, or what the network says.
    pub async fn read_some(&mut self, into: &mut [u8], limit: Duration) -> io::Result<usize> {
        at_its_end(or_too_late(self.waits.within(limit, self.channel.read(into)).await))
    }

    /// Reads some octets and adds them to `into`; how many, and 0 is the end. While none come there is no
    /// buffer for them: most connections are idle most of the time.
    ///
    /// # Errors
    /// As [`Stream::read_some`].
    pub async fn read_more(&mut self, into: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
        let channel = &mut self.channel;
        let read = future::poll_fn(|context| {
            let mut octets = [0; limits::COMMANDS_CHUNK];
            let count = ready!(Pin::new(&mut *channel).poll_read(context, &mut octets))?;
            into.extend_from_slice(&octets[..count]);
            Poll::Ready(Ok(count))
        });
        at_its_end(or_too_late(self.waits.within(limit, read).await))
    }

    /// Writes and flushes all.
    ///
    /// # Errors
    /// `TimedOut` when the peer takes nothing for `limit`, or what the network says. A peer that
    /// takes a little at a time is slow, not gone.
    pub async fn send(&mut self, octets: &[u8], limit: Duration) -> io::Result<()> {
        self.send_telling(octets, limit, || ()).await
    }

    /// The same; `took` is called whenever the peer has taken some.
    ///
    /// # Errors
    /// As [`Stream::send`].
    pub async fn send_telling(
        &mut self,
        octets: &[u8],
        limit: Duration,
        mut took: impl FnMut(),
    ) -> io::Result<()> {
        let (waits, channel) = (&mut self.waits, &mut self.channel);
        let times = (limit, limits::WRITE_TRIED_EVERY);
        write(waits, channel, octets, times, &mut took).await?;
        match channel {
            // What a socket has taken is on its way.
            Channel::Plain(_) => Ok(()),
            // TLS takes 64 KiB and more of which the socket has nothing yet.
            Channel::Tls(..) => flush(waits, channel, Channel::taken, times, took).await,
        }
    }

    /// The handshake as server, within `limits::HANDSHAKE_TIMEOUT`.
    ///
    /// # Errors
    /// When the peer fails in it, or when there is TLS already.
    pub async fn secure(self, tls: &Tls, tickets: Tickets) -> io::Result<Self> {
        let Channel::Plain(socket) = self.channel else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        let (acceptor, certificate) = tls.acceptor(tickets);
        // Boxed: a handshake's state would be part of every session's task, also of those without TLS.
        let handshake = Box::pin(acceptor.accept(socket));
        let stream = or_too_late(runtime::timeout(limits::HANDSHAKE_TIMEOUT, handshake).await)?;
        let facts = TlsFacts::of_server(stream.get_ref().1, x509::server_end_point(&certificate));
        Ok(Self { peer: self.peer, channel: Channel::Tls(Box::new(stream.into()), facts), waits: self.waits })
    }

    /// The handshake as client, within `limits::HANDSHAKE_TIMEOUT`; `host` is the name that the
    /// certificate must be for, or the address.
    ///
    /// # Errors
    /// [`ConnectError::Certificate`] or [`ConnectError::Handshake`].
    pub async fn secure_as_client(self, trust: &Trust, host: &str) -> Result<Self, ConnectError> {
        let other = |error: &dyn fmt::Display| ConnectError::Handshake(io::Error::other(error.to_string()));
        let Channel::Plain(socket) = self.channel else { return Err(other(&"TLS inside TLS")) };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
        let (config, seen) = trust.client().map_err(|error| other(&error))?;
        let handshake = Box::pin(TlsConnector::from(config).connect(name, socket));
        match or_too_late(runtime::timeout(limits::HANDSHAKE_TIMEOUT, handshake).await) {
            Ok(stream) => {
                let facts = TlsFacts::of(stream.get_ref().1);
                Ok(Self {
                    peer: self.peer,
                    channel: Channel::Tls(Box::new(stream.into()), facts),
                    waits: self.waits,
                })
            }
            Err(error) => Err(match certificate_error(&error) {
                Some(why) => ConnectError::Certificate { why, shown: seen.fingerprint() },
                None => ConnectError::Handshake(error),
            }),
        }
    }

    /// Says goodbye: flush, TLS close_notify, shutdown of the writing side; then reads what the peer
    /// still sends for a moment, or a reset would eat our last reply.
    ///
    /// Boxed: what lies across an await is part of every session's task, from its beginning.
    pub fn close(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let goodbye = async {
            let mut stream = self;
            if AsyncWriteExt::close(&mut stream.channel).await.is_ok() {
                stream.linger().await;
            }
        };
        Box::pin(async {
            // Whether the peer hears it in time is its own affair.
            let _heard = runtime::timeout(limits::LINGER_TIME, goodbye).await;
        })
    }

    async fn linger(self) {
        let mut socket = match self.channel {
            Channel::Plain(socket) => socket,
            // Nobody will look at what comes.
            Channel::Tls(stream, _) => match *stream {
                TlsStream::Server(stream) => stream.into_inner().0,
                TlsStream::Client(stream) => stream.into_inner().0,
            },
        };
        let mut scrap = vec![0; 4096];
        let mut left = limits::LINGER_OCTETS;
        while left > 0 {
            match socket.read(&mut scrap).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }
}

impl TlsFacts {
    fn of_server(connection: &ServerConnection, server_end_point: Option<Vec<u8>>) -> Self {
        // RFC 9266, 2: 32 octets for this label and a context of no length.
        let exported =
            || connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok();
        let exporter = if is_13(connection) { exported() } else { None };
        Self { exporter, server_end_point, ..Self::of(connection) }
    }

    /// Without channel bindings, which a client of ours does not use.
    fn of(connection: &CommonState) -> Self {
        let suite = connection.negotiated_cipher_suite();
        Self {
            version: if is_13(connection) { "TLSv1.3" } else { "TLSv1.2" },
            cipher: suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            exporter: None,
            server_end_point: None,
        }
    }
}

/// Writes all, and waits for room no longer than the limit each time. Meanwhile it is tried now and then: the
/// system says that there is room when a third of its own is free, and takes some long before.
async fn write(
    waits: &mut Waits,
    to: &mut (impl AsyncWrite + Unpin),
    mut octets: &[u8],
    (limit, each): (Duration, Duration),
    mut took: impl FnMut(),
) -> io::Result<()> {
    let mut left = limit;
    while !octets.is_empty() {
        let wait = left.min(each);
        match waits.within(wait, to.write(octets)).await {
            Some(taken) => match taken? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                taken => {
                    octets = &octets[taken..];
                    left = limit;
                    took();
                }
            },
            None if left == wait => return Err(io::ErrorKind::TimedOut.into()),
            None => left -= wait,
        }
    }
    Ok(())
}

/// Flushes all, in the same way; `taken` says how much has gone out so far.
async fn flush<W: AsyncWrite + Unpin>(
    waits: &mut Waits,
    to: &mut W,
    taken: impl Fn(&W) -> u64,
    (limit, each): (Duration, Duration),
    mut took: impl FnMut(),
) -> io::Result<()> {
    let (mut left, mut before) = (limit, taken(to));
    loop {
        let wait = left.min(each);
        let flushed = waits.within(wait, to.flush()).await;
        let now = taken(to);
        let is_taking = now != before;
        if is_taking {
            (left, before) = (limit, now);
            took();
        }
        match flushed {
            Some(flushed) => return flushed,
            None if is_taking => {}
            None if left == wait => return Err(io::ErrorKind::TimedOut.into()),
            None => left -= wait,
        }
    }
}

/// `TimedOut` for a wait of which nothing came.
fn or_too_late<T>(outcome: Option<io::Result<T>>) -> io::Result<T> {
    outcome.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
}

fn is_13(connection: &CommonState) -> bool {
    connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
}

/// What was wrong with the other side's certificate, if that was it.
fn certificate_error(error: &io::Error) -> Option<rustls::CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(why) => Some(why.clone()),
        _ => None,
    }
}

/// A TLS peer may hang up without saying so: 0 octets. Our protocols say themselves where a message ends,
/// so nothing can be cut short unnoticed.
fn at_its_end(read: io::Result<usize>) -> io::Result<usize> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        read => read,
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Channel::Plain(socket) => Pin::new(socket).poll_read(context, into),
            Channel::Tls(stream, _) => Pin::new(stream.as_mut()).poll_read(context, into),
        }
    }
}

impl Channel {
    /// How many octets have gone out, with those of TLS itself.
    fn taken(&self) -> u64 {
        match self {
            Self::Plain(socket) => socket.taken(),
            Self::Tls(stream, _) => stream.get_ref().0.taken(),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        Pin::new(match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream, _) => stream.as_mut(),
        })
    }
}

impl AsyncWrite for Channel {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().writer().poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_close(context)
    }
}

#[cfg(test)]
mod tests;
