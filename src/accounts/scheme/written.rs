//! How a hash is written down: `{SCHEME.ENCODING}data`, base64, hexadecimal, and crypt(3)'s own alphabet.

use super::Unusable;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// With or without padding: directories and scripts leave it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// crypt(3)'s digits, by their value.
pub const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What is said about the data behind it, as Dovecot writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `.HEX`
    Hex,
    /// `.B64`, `.BASE64`
    Base64,
}

/// A hash taken apart, not yet understood.
pub struct Written<'a> {
    /// In capitals; `CRYPT` when none is said.
    pub scheme: String,
    /// `None` leaves it to the scheme.
    pub encoding: Option<Encoding>,
    /// What follows.
    pub data: &'a [u8],
}

impl Encoding {
    /// As it stands behind the scheme.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Hex => ".HEX",
            Self::Base64 => ".B64",
        }
    }
}

/// Takes `{SCHEME.ENCODING}` off.
///
/// # Errors
/// For a scheme that is none, and an encoding that is not known.
pub fn split(text: &[u8]) -> Result<Written<'_>, Unusable> {
    let braced = text.strip_prefix(b"{").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'}')?;
        Some((&rest[..end], &rest[end + 1..]))
    });
    let Some((name, data)) = braced else {
        return Ok(Written { scheme: bare_scheme(text).to_owned(), encoding: None, data: text });
    };
    let name = std::str::from_utf8(name).ok().filter(|name| is_name(name));
    let name =
        name.ok_or_else(|| Unusable("what stands in {} is no scheme".to_owned()))?.to_ascii_uppercase();
    let (scheme, encoding) = match name.rsplit_once('.') {
        None => (name.as_str(), None),
        Some((scheme, "HEX")) => (scheme, Some(Encoding::Hex)),
        Some((scheme, "B64" | "BASE64")) => (scheme, Some(Encoding::Base64)),
        Some((_, other)) => return Err(Unusable(format!("the encoding {other} is not known"))),
    };
    Ok(Written { scheme: scheme.to_owned(), encoding, data })
}

/// Some write argon2 without its scheme; crypt(3) knows none.
fn bare_scheme(text: &[u8]) -> &'static str {
    if text.starts_with(b"$argon2id$") {
        "ARGON2ID"
    } else if text.starts_with(b"$argon2i$") {
        "ARGON2I"
    } else {
        "CRYPT"
    }
}

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `SSHA` of `{SSHA.HEX}…`.
pub fn scheme_of(stored: &str) -> &str {
    stored.strip_prefix('{').and_then(|rest| rest.split(['.', '}']).next()).unwrap_or("?")
}

/// The octets that the data stands for.
///
/// # Errors
/// When it is not written in that encoding.
pub fn octets(encoding: Option<Encoding>, data: &[u8]) -> Result<Vec<u8>, Unusable> {
    match encoding {
        None => Ok(data.to_vec()),
        Some(Encoding::Hex) => from_hex(data).ok_or_else(|| Unusable("not hexadecimal".to_owned())),
        Some(Encoding::Base64) => from_base64(data).ok_or_else(|| Unusable("not base64".to_owned())),
    }
}

/// `None` for what is no base64.
pub fn from_base64(data: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(data).ok()
}

/// `None` for what is not hexadecimal, in either case.
pub fn from_hex(data: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, []) = data.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// A number in crypt(3)'s digits, the lowest first.
pub fn number64(digits: &[u8]) -> Option<u32> {
    digits.iter().rev().try_fold(0u32, |number, digit| {
        let value = u32::try_from(ITOA64.iter().position(|known| known == digit)?).ok()?;
        number.checked_mul(64)?.checked_add(value)
    })
}

/// Octets in crypt(3)'s digits: three become four, the lowest bits first.
pub fn to_crypt64(octets: &[u8]) -> String {
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits = group.iter().rev().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet));
        digits64(bits, group.len() + 1, &mut text);
    }
    text
}

/// The lowest `count` digits of a number.
pub fn digits64(mut bits: u32, count: usize, text: &mut String) {
    for _ in 0..count {
        text.push(char::from(ITOA64[(bits & 63) as usize]));
        bits >>= 6;
    }
}

/// The inverse of [`to_crypt64`]; `None` for other digits, or a length that it never has.
pub fn from_crypt64(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    for group in text.chunks(4) {
        let bits = number64(group)?;
        let whole = group.len().checked_sub(1).filter(|whole| *whole > 0)?;
        octets.extend_from_slice(&bits.to_le_bytes()[..whole]);
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_encoding_are_taken_off_in_any_case() {
        for (text, scheme, encoding, data) in [
            ("{ssha}x", "SSHA", None, "x"),
            ("{Sha256.Hex}x}", "SHA256", Some(Encoding::Hex), "x}"),
            ("{CRYPT.base64}", "CRYPT", Some(Encoding::Base64), ""),
            ("$6$x", "CRYPT", None, "$6$x"),
            ("$argon2id$x", "ARGON2ID", None, "$argon2id$x"),
            ("", "CRYPT", None, ""),
            ("{", "CRYPT", None, "{"),
        ] {
            let split = split(text.as_bytes()).unwrap();
            let found = (split.scheme.as_str(), split.encoding, split.data);
            assert_eq!(found, (scheme, encoding, data.as_bytes()), "{text}");
        }
        for bad in ["{}x", "{SSHA.ROT13}x", "{a b}x", "{\u{e9}}x"] {
            assert!(split(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn hexadecimal_is_read_in_either_case_and_nothing_else() {
        assert_eq!(from_hex(b"00fFa1"), Some(vec![0, 255, 0xa1]));
        for bad in ["0", "0g", "+1", "\u{e9}"] {
            assert_eq!(from_hex(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_alphabet_of_crypt_goes_both_ways() {
        for octets in [&b""[..], b"a", b"ab", b"abc", b"\xff\x00\x80\x7f", &[7; 32]] {
            assert_eq!(from_crypt64(to_crypt64(octets).as_bytes()).as_deref(), Some(octets));
        }
        assert_eq!(from_crypt64(b"a"), None);
        assert_eq!(from_crypt64(b"a!"), None);
        assert_eq!((number64(b"CU.."), number64(b"zzzzzz")), (Some(14 + 32 * 64), None));
    }
}
