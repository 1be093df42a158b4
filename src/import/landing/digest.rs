//! What tells one message, or the text of one, from all others.
//!
//! Knows no message.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// 128 bits of a SHA-256: enough for messages that nobody made to collide with his own. Octets and no text,
/// for an import holds two for each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Of all that the hash has seen.
    pub fn of(hash: Sha256) -> Self {
        let octets: [u8; 32] = hash.finalize().into();
        Self(std::array::from_fn(|at| octets[at]))
    }

    /// One that no text has but by a chance of 1 in 2^64: for the message with this index, which was not read.
    pub fn unread(index: usize) -> Self {
        Self((index as u128).to_be_bytes())
    }

    /// What [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let digest = Self(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
        (digest.to_string() == text).then_some(digest)
    }
}

/// 32 hex digits, lower case.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::name::sha256_hex;

    #[test]
    fn it_is_written_as_the_first_half_of_the_hash_and_read_back() {
        for text in ["", "a", "b", "twelve"] {
            let digest = Digest::of(Sha256::new().chain_update(text));
            assert_eq!(digest.to_string(), sha256_hex(text.as_bytes())[..32]);
            assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        }
        let zeros = "0".repeat(32);
        assert_eq!(Digest::parse(&zeros), Some(Digest::unread(0)));
        for bad in ["", "0", &zeros[1..], &"A".repeat(32), &format!("+{}", &zeros[1..]), "commit.draft"] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
