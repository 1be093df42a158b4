//! Where an old server is, how it is spoken to, and how long it is waited for.

use super::problem::Problem;
use crate::limits;
use crate::mail::{Password, UserName};
use crate::net::{self, Stream, Trust};
use crate::pop3::client::TlsWish;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// An old server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    /// `None`: 995 with TLS from the beginning, 110 otherwise.
    pub port: Option<u16>,
    /// `None`: TLS as the port has it, which only a server on this machine may do without.
    pub security: Option<Security>,
    /// `None`: the authorities of this machine, unless TLS is not asked for and not needed.
    pub trust: Option<Trust>,
}

/// How the connection is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet.
    Tls,
    /// STLS before the password.
    Stls,
    /// Not at all.
    Plain,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// As the old server knows the user.
    pub user: UserName,
    /// As it stands there.
    pub password: Password,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To be connected, at each address.
    pub connect: Duration,
    /// From one octet to the next.
    pub answer: Duration,
    /// For a mailbox that is in use; nothing: it is tried once.
    pub in_use: Duration,
    /// Between two tries.
    pub pause: Duration,
}

impl Patience {
    /// As long as the server has not been asked for a mailbox, from one octet to the next.
    pub(super) fn greeting(&self) -> Duration {
        self.answer.min(limits::FETCH_GREETING_TIMEOUT)
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_TIMEOUT,
            answer: limits::FETCH_ANSWER_TIMEOUT,
            in_use: limits::FETCH_IN_USE_PATIENCE,
            pause: limits::FETCH_IN_USE_PAUSE,
        }
    }
}

/// A connection that is made, and what its session may still do about TLS.
pub(super) struct Opened {
    pub stream: Stream,
    pub wish: TlsWish,
    pub trust: Trust,
}

impl Server {
    /// `mail.example.org`, `192.0.2.1:110`, `[2001:db8::1]:995`, `2001:db8::1`.
    ///
    /// # Errors
    /// A text that reads `what: remedy`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no server: write HOST or HOST:PORT, as in mail.example.org:995");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            // More than one colon is an IPv6 address.
            None => match text.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (text, None),
            },
        };
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong));
        let named = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
        if !named {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port: port.transpose()?, security: None, trust: None })
    }

    /// Whether it is on this machine.
    pub(super) async fn is_local(&self) -> Result<bool, Problem> {
        Ok(are_local(&self.addresses().await?))
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, Problem> {
        let found = net::resolve(&self.host, self.port.unwrap_or(POP3)).await;
        found.map_err(|error| Problem::connect(self, error))
    }

    /// Connects, and makes the handshake where TLS comes first.
    pub(super) async fn open(&self, patience: &Patience) -> Result<Opened, Problem> {
        let mut addresses = self.addresses().await?;
        let is_local = are_local(&addresses);
        let tls_first = self.tls_first(is_local);
        let port = self.port.unwrap_or(if tls_first { POP3S } else { POP3 });
        addresses.iter_mut().for_each(|address: &mut SocketAddr| address.set_port(port));
        let trust = match &self.trust {
            Some(trust) => trust.clone(),
            None if self.security == Some(Security::Plain) => Trust::anybody(),
            // A password may go in the clear there, so a certificate of no authority is better than none.
            None if is_local && self.security.is_none() => Trust::anybody(),
            None => Trust::system().map_err(Problem::Ours)?,
        };
        let stream = net::connect(&addresses, patience.connect).await;
        let stream = stream.map_err(|error| Problem::connect(self, error))?;
        let stream = if tls_first { self.secure(stream, &trust).await? } else { stream };
        Ok(Opened { stream, wish: self.wish(is_local), trust })
    }

    /// The handshake. Whoever asked for any certificate is told each time what that means.
    pub(super) async fn secure(&self, stream: Stream, trust: &Trust) -> Result<Stream, Problem> {
        if self.trust.as_ref().is_some_and(Trust::is_anybody) {
            log::warn!("fetch.insecure server={self} why=\"its certificate is not checked\"");
        }
        let secured = stream.secure_as_client(trust, &self.host).await;
        secured.map_err(|error| Problem::connect(self, error))
    }

    fn tls_first(&self, is_local: bool) -> bool {
        match self.security {
            Some(security) => security == Security::Tls,
            None => self.port.map_or(!is_local, |port| port == POP3S),
        }
    }

    fn wish(&self, is_local: bool) -> TlsWish {
        // Who names a certificate wants to see it.
        let is_named = self.trust.as_ref().is_some_and(|trust| !trust.is_anybody());
        match self.security {
            Some(Security::Plain) => TlsWish::Never,
            None if is_local && !is_named => TlsWish::IfOffered,
            _ => TlsWish::Required,
        }
    }
}

fn are_local(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
}

const POP3: u16 = 110;
const POP3S: u16 = 995;

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("mail.example.org", "mail.example.org", None),
            ("mail.example.org:995", "mail.example.org", Some(995)),
            ("192.0.2.1:110", "192.0.2.1", Some(110)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[::1]:2110", "::1", Some(2110)),
        ] {
            let server = Server::parse(text).unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
        }
        for bad in ["", ":110", "host:", "host:pop3", "host:0", "host:65536", "a b", "[::1]x", "[]:1"] {
            assert!(Server::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_goes_over_the_network_in_the_clear_only_when_told_to() {
        let server = |text: &str, security, trust| Server { security, trust, ..Server::parse(text).unwrap() };
        let fingerprint = "0".repeat(64).parse().unwrap();
        for (server, is_local, tls_first, wish) in [
            (server("a", None, None), false, true, TlsWish::Required),
            (server("a:995", None, None), false, true, TlsWish::Required),
            (server("a:110", None, None), false, false, TlsWish::Required),
            (server("a:2110", None, Some(Trust::anybody())), false, false, TlsWish::Required),
            (server("a:995", Some(Security::Stls), None), false, false, TlsWish::Required),
            (server("a:110", Some(Security::Tls), None), false, true, TlsWish::Required),
            (server("a", Some(Security::Plain), None), false, false, TlsWish::Never),
            (server("a", None, None), true, false, TlsWish::IfOffered),
            (server("a:995", None, None), true, true, TlsWish::IfOffered),
            (server("a:110", None, Some(Trust::anybody())), true, false, TlsWish::IfOffered),
            (server("a:110", None, Some(Trust::one(fingerprint))), true, false, TlsWish::Required),
            (server("a:110", Some(Security::Stls), None), true, false, TlsWish::Required),
        ] {
            assert_eq!((server.tls_first(is_local), server.wish(is_local)), (tls_first, wish), "{server:?}");
        }
    }
}
