//! Who is at the other end of a connection, and what the connection is called in the log.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A TCP connection from this address and port.
    Tcp(SocketAddr),
    /// A program on this machine, over a Unix socket.
    Unix,
}

impl Peer {
    /// The IP address; an IPv4 address mapped into IPv6 is shown as IPv4, or limits and bans would
    /// know one peer under two names.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }

    /// Whether the peer is this machine itself.
    pub fn is_loopback(&self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }

    /// Whether the peer is this machine or in a private network: RFC 1918, RFC 4193, link-local.
    pub fn is_private(&self) -> bool {
        self.is_loopback()
            || match self.ip() {
                Some(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local(),
                Some(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
                None => true,
            }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The name of one session in the log; a message's id is made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The id of the session's `nth` message, which stands in its `Received` line and in the log.
    pub fn message(&self, nth: u32) -> String {
        format!("{self}.{nth}")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Peer {
        Peer::Tcp(text.parse().unwrap())
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_carries() {
        assert_eq!(tcp("[::ffff:192.0.2.1]:25").ip(), tcp("192.0.2.1:25").ip());
        assert_eq!(tcp("[::ffff:192.0.2.1]:25").to_string(), "192.0.2.1:25");
    }

    #[test]
    fn loopback_lies_inside_private_and_private_inside_always() {
        for (peer, loopback, private) in [
            ("127.0.0.2:1", true, true),
            ("[::1]:1", true, true),
            ("192.168.1.9:1", false, true),
            ("[fd00::1]:1", false, true),
            ("[fe80::1]:1", false, true),
            ("198.51.100.1:1", false, false),
            ("[2001:db8::1]:1", false, false),
        ] {
            assert_eq!((tcp(peer).is_loopback(), tcp(peer).is_private()), (loopback, private), "{peer}");
        }
    }
}
