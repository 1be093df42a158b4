//! The unique-id of a message (RFC 1939, 7), and one that another server gave it.

use crate::limits;
use std::fmt;

/// What UIDL shows for a message.
///
/// One of ours has one to 70 characters, each from 0x21 to 0x7E. One that was carried over from another
/// server is whatever that server showed: mail programs know the message by it, legal or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<[u8]>);

impl UniqueId {
    /// `None` when `text` is not a unique-id by RFC 1939, 7.
    pub fn parse(text: &str) -> Option<Self> {
        Self::is_legal(text.as_bytes()).then(|| Self(text.as_bytes().into()))
    }

    /// As another server showed it; `None` for what no line of a listing can hold (nothing, CR, LF, NUL),
    /// and above [`limits::CARRIED_ID_MAX`].
    pub fn carried(octets: &[u8]) -> Option<Self> {
        let fits = (1..=limits::CARRIED_ID_MAX).contains(&octets.len());
        (fits && memchr::memchr3(b'\r', b'\n', 0, octets).is_none()).then(|| Self(octets.into()))
    }

    /// Whether RFC 1939, 7 allows it.
    pub fn is_legal(octets: &[u8]) -> bool {
        (1..=limits::UNIQUE_ID_MAX).contains(&octets.len()) && octets.iter().all(u8::is_ascii_graphic)
    }

    /// As UIDL sends it; not always UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rfc_1939_allows_is_a_unique_id() {
        for good in ["1", "whqtswO00WBw418f9t5JxYwZ", "!~", &"x".repeat(70)] {
            assert_eq!(UniqueId::parse(good).unwrap().as_bytes(), good.as_bytes());
        }
        for bad in ["", " ", "a b", "ä", "\u{7f}", "a\n", &"x".repeat(71)] {
            assert_eq!(UniqueId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_another_server_could_show_can_be_carried() {
        for good in [&b"a b"[..], b"\xe4", b" ", &[b'x'; limits::CARRIED_ID_MAX]] {
            assert_eq!(UniqueId::carried(good).unwrap().as_bytes(), good);
        }
        for bad in [&b""[..], b"a\r", b"\n", b"a\0b", &[b'x'; limits::CARRIED_ID_MAX + 1]] {
            assert_eq!(UniqueId::carried(bad), None, "{bad:?}");
        }
    }
}
