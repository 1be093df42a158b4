//! Where to listen, as it stands in the configuration and in the log. Knows nothing of sockets.

use crate::limits;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// `"127.0.0.1:25"`, `"[::]:25"`, `"unix:/run/restante/lmtp.sock"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether only one of the two can be listened on: the same address, or a port on all addresses of a
    /// family (`[::]` is IPv6 only) and on one of them. Port 0 is another one each time.
    pub fn clashes_with(&self, other: &Self) -> bool {
        let (Self::Tcp(one), Self::Tcp(two)) = (self, other) else { return self == other };
        let overlap = one.ip() == two.ip() || one.ip().is_unspecified() || two.ip().is_unspecified();
        one.port() == two.port() && one.port() != 0 && one.is_ipv4() == two.is_ipv4() && overlap
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    /// Errors read `what: remedy`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.len() > limits::SOCKET_PATH_MAX => Err(format!(
                "`{text}` is no path of a socket, which has {} octets at most: shorten it",
                limits::SOCKET_PATH_MAX
            )),
            Some(path) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            // A relative path would depend on the folder that the service happens to start in.
            Some(_) => Err(format!("`{text}` is no path of a socket: let it begin with `unix:/`")),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!(
                    "`{text}` is no address to listen on: write an IP address and a port, \
                     as in \"0.0.0.0:25\" or \"[::1]:25\""
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_shown_the_same() {
        for text in ["127.0.0.1:25", "[::]:25", "0.0.0.0:0", "unix:/run/restante/lmtp.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_port_can_be_taken_once_on_each_address() {
        let clash = |one: &str, two: &str| {
            let (one, two): (ListenAddress, ListenAddress) = (one.parse().unwrap(), two.parse().unwrap());
            assert_eq!(one.clashes_with(&two), two.clashes_with(&one), "{one} {two}");
            one.clashes_with(&two)
        };
        assert!(clash("127.0.0.1:25", "127.0.0.1:25") && clash("unix:/run/a", "unix:/run/a"));
        assert!(clash("0.0.0.0:25", "127.0.0.1:25") && clash("[::]:25", "[::1]:25"));
        assert!(!clash("127.0.0.1:25", "127.0.0.1:26") && !clash("127.0.0.1:25", "127.0.0.2:25"));
        assert!(!clash("0.0.0.0:25", "[::]:25") && !clash("0.0.0.0:0", "0.0.0.0:0"));
        assert!(!clash("unix:/run/a", "unix:/run/b") && !clash("unix:/run/a", "127.0.0.1:25"));
    }

    #[test]
    fn what_cannot_be_listened_on_is_refused() {
        for text in ["", "25", "localhost:25", "127.0.0.1", "::1:25", "127.0.0.1:65536", "unix:", "unix:a"] {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is no ")), "{error}");
        }
    }

    /// The system's own bound, and not one octet less.
    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().display().to_string();
        for (length, fits) in [(limits::SOCKET_PATH_MAX, true), (limits::SOCKET_PATH_MAX + 1, false)] {
            let path = format!("{folder}/{}", "x".repeat(length - folder.len() - 1));
            assert_eq!(format!("unix:{path}").parse::<ListenAddress>().is_ok(), fits);
            assert_eq!(std::os::unix::net::UnixListener::bind(path).is_ok(), fits);
        }
    }
}
