//! Connections that we make: finding the host, connecting, the handshake as a client, each with a limit to
//! waiting. Knows no protocol.

use super::stream::Stream;
use super::trust::Fingerprint;
use crate::limits;
use crate::mail::Peer;
use crate::net::socket::Socket;
use crate::runtime;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Why there is no connection, or none that is safe.
#[derive(Debug)]
pub enum ConnectError {
    /// The name leads nowhere.
    NoSuchHost(io::Error),
    /// Refused, unreachable, or silent.
    NoAnswer(io::Error),
    /// The server's certificate is not one that is trusted.
    Certificate {
        /// In rustls' words.
        why: rustls::CertificateError,
        /// Of what it has shown.
        shown: Option<Fingerprint>,
    },
    /// The handshake failed otherwise: no TLS there, or one too old.
    Handshake(io::Error),
}

/// All addresses of a host.
///
/// # Errors
/// [`ConnectError::NoSuchHost`].
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let host = host.to_owned();
    let found = runtime::spawn_blocking(move || {
        (host.as_str(), port).to_socket_addrs().map(|addresses| addresses.collect::<Vec<_>>())
    });
    let addresses = found.await.map_err(ConnectError::NoSuchHost)?;
    if addresses.is_empty() {
        let why = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(ConnectError::NoSuchHost(why));
    }
    Ok(addresses)
}

/// Tries one address after the other, each no longer than `limit`.
///
/// # Errors
/// [`ConnectError::NoAnswer`] of the last one.
pub async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<Stream, ConnectError> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().take(limits::CONNECT_ADDRESSES_MAX) {
        match runtime::timeout(limit, runtime::connect(*address)).await {
            Some(Ok(socket)) => {
                // What is said in a few octets is waited for; without it, it would wait for more.
                socket.set_nodelay(true).map_err(ConnectError::NoAnswer)?;
                return Ok(Stream::new(Peer::Tcp(*address), Socket::from(socket)));
            }
            Some(Err(error)) => last = error,
            None => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(ConnectError::NoAnswer(last))
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHost(error) => write!(f, "no such host: {error}"),
            Self::NoAnswer(error) => write!(f, "no answer: {error}"),
            Self::Certificate { why, .. } => write!(f, "its certificate is not trusted: {why}"),
            Self::Handshake(error) => write!(f, "the TLS handshake failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use std::net::TcpListener;

    const PATIENT: Duration = Duration::from_secs(30);

    /// One that refuses, whoever asks: nobody listens on it any more.
    fn closed() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn a_host_is_reached_by_whichever_of_its_addresses_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let stream = block_on(connect(&[closed(), closed(), open], PATIENT)).unwrap();
        assert_eq!(stream.peer(), Peer::Tcp(open));
    }

    #[test]
    fn a_host_with_no_end_of_addresses_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut addresses = vec![closed(); limits::CONNECT_ADDRESSES_MAX];
        addresses.push(listener.local_addr().unwrap());
        for tried in [&addresses[..], &[]] {
            assert!(matches!(block_on(connect(tried, PATIENT)), Err(ConnectError::NoAnswer(_))));
        }
    }
}
