//! The unique-id of a message (RFC 1939, 7).

use crate::limits;
use std::fmt;

/// What UIDL shows for a message: one to 70 characters, each from 0x21 to 0x7E.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(String);

impl UniqueId {
    /// `None` when `text` is not a unique-id by RFC 1939, 7.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=limits::UNIQUE_ID_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The text of it, as UIDL sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rfc_1939_allows_is_a_unique_id() {
        for good in ["1", "whqtswO00WBw418f9t5JxYwZ", "!~", &"x".repeat(70)] {
            assert_eq!(UniqueId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "ä", "\u{7f}", "a\n", &"x".repeat(71)] {
            assert_eq!(UniqueId::parse(bad), None, "{bad:?}");
        }
    }
}
