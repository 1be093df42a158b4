//! What a format does to a value on its way into the unique-id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use sha1::Sha1;
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
    Sha1,
    /// The octets of a digest.
    Sha256,
    /// Padded, in the alphabet of RFC 4648, 4.
    Base64,
    /// Each octet as two hex digits.
    Hexlify,
    /// Without the first ones; a negative number leaves so many at the end.
    Skip(i64),
    /// From an offset on so many, or all; a negative offset counts from the end, a negative number leaves away so
    /// many there.
    Part(i64, Option<i64>),
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
            Self::Sha1 => return Sha1::digest(&value).to_vec(),
            Self::Sha256 => return Sha256::digest(&value).to_vec(),
            Self::Base64 => return BASE64.encode(&value).into_bytes(),
            Self::Hexlify => return hexlify(&value),
            Self::Skip(count) => return skip(value, *count),
            Self::Part(offset, count) => return part(value, *offset, *count),
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

/// Where Dovecot refuses to go beyond the text, and nobody can log in, there is nothing to be right about: this ends
/// with it.
fn part(mut value: Vec<u8>, offset: i64, count: Option<i64>) -> Vec<u8> {
    let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let from = if offset < 0 { length.saturating_add(offset) } else { offset };
    let behind = match count {
        Some(count) if count < 0 => length.saturating_add(count),
        Some(count) => from.saturating_add(count),
        None => length,
    };
    let at = |place: i64| usize::try_from(place.clamp(0, length)).unwrap_or(0);
    value.truncate(at(behind));
    value.split_off(at(from).min(value.len()))
}

/// Dovecot takes more than all away as "nothing away".
fn first(length: usize, count: i64) -> usize {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 { length.checked_sub(size).unwrap_or(length) } else { size }
}
