//! What a format does to a value on its way into the unique-id.

use md5::{Digest, Md5};
use sha2::Sha256;
use std::fmt::Write;

/// One step. Letters are those of ASCII, as in Dovecot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Lower,
    Upper,
    Reverse,
    /// Without blanks at the end.
    Trim,
    /// A number in hex digits, lower case; what is no number is 0.
    Hex,
    /// The octets of a digest.
    Md5,
    /// The octets of a digest.
    Sha256,
    /// Each octet as two hex digits.
    Hexlify,
    /// Without the first ones; a negative number leaves so many at the end.
    Skip(i64),
    /// The first ones; a negative number leaves away so many at the end.
    First(i64),
    /// The last ones.
    Last(usize),
    /// Filled up in front.
    PadLeft(usize, u8),
    /// Filled up behind.
    PadRight(usize, u8),
}

impl Filter {
    pub(super) fn apply(&self, mut value: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Lower => value.make_ascii_lowercase(),
            Self::Upper => value.make_ascii_uppercase(),
            Self::Reverse => value.reverse(),
            Self::Trim => value.truncate(value.trim_ascii_end().len()),
            Self::Hex => return hex_of_number(&value),
            Self::Md5 => return Md5::digest(&value).to_vec(),
            Self::Sha256 => return Sha256::digest(&value).to_vec(),
            Self::Hexlify => return hexlify(&value),
            Self::Skip(count) => return skip(value, *count),
            Self::First(count) => value.truncate(first(value.len(), *count)),
            Self::Last(count) => return value.split_off(value.len().saturating_sub(*count)),
            Self::PadLeft(width, filler) => {
                let missing = width.saturating_sub(value.len());
                return [vec![*filler; missing], value].concat();
            }
            Self::PadRight(width, filler) => value.resize(value.len().max(*width), *filler),
        }
        value
    }
}

fn hex_of_number(value: &[u8]) -> Vec<u8> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    format!("{:x}", number.unwrap_or(0_u64)).into_bytes()
}

pub(super) fn hexlify(value: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(value.len() * 2);
    for octet in value {
        let _ = write!(text, "{octet:02x}"); // Writing to a String cannot fail.
    }
    text.into_bytes()
}

fn skip(mut value: Vec<u8>, count: i64) -> Vec<u8> {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let at = if count < 0 { value.len().saturating_sub(size) } else { size.min(value.len()) };
    value.split_off(at)
}

/// Dovecot takes more than all away as "nothing away".
fn first(length: usize, count: i64) -> usize {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 { length.checked_sub(size).unwrap_or(length) } else { size }
}
