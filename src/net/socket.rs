//! A connected socket without TLS, TCP or Unix. Knows the runtime's two kinds of sockets and makes
//! one of them.

use crate::runtime::{TcpStream, UnixStream};
use futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A connected socket.
pub struct Socket {
    kind: Kind,
    taken: u64,
}

enum Kind {
    /// From the network, or from this machine over TCP.
    Tcp(TcpStream),
    /// From a program on this machine.
    Unix(UnixStream),
}

impl Socket {
    /// How many octets it has taken since it was connected: under TLS it takes them behind the writer's back.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        Pin::new(match &mut self.kind {
            Kind::Tcp(stream) => stream,
            Kind::Unix(stream) => stream,
        })
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self { kind: Kind::Tcp(stream), taken: 0 }
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self { kind: Kind::Unix(stream), taken: 0 }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Kind::Unix(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let taken = ready!(socket.writer().poll_write(context, octets))?;
        socket.taken += taken as u64;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_flush(context)
    }

    /// Closes our side; the peer's last octets can still be read.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not the socket's own `poll_close`: async-std's only flushes, and the peer waits on.
        Poll::Ready(match &mut self.get_mut().kind {
            Kind::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Kind::Unix(stream) => stream.shutdown(Shutdown::Write),
        })
    }
}
