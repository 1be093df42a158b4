//! What a person logs in with. A secret has no way into the log: no `Display`, a `Debug` that tells
//! nothing.

use crate::limits;
use std::fmt;

/// The name typed into a mail program: an address, or its local part alone.
///
/// Trimmed, as typed otherwise; which account it means is decided by `accounts`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserName(String);

impl UserName {
    /// `None` for an empty name, one with control characters, or one longer than an address can be.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.len() <= limits::LOCAL_PART_MAX + 1 + limits::DOMAIN_MAX;
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password as it was typed: any octets, since old programs send other charsets than UTF-8.
#[derive(Clone)]
pub struct Password(Vec<u8>);

impl Password {
    /// `None` for an empty password, one with NUL, CR or LF (no protocol could carry it), or one
    /// above [`limits::PASSWORD_MAX`].
    pub fn new(octets: impl Into<Vec<u8>>) -> Option<Self> {
        let octets = octets.into();
        let fits = (1..=limits::PASSWORD_MAX).contains(&octets.len());
        (fits && !octets.iter().any(|byte| b"\0\r\n".contains(byte))).then_some(Self(octets))
    }

    /// The octets, for the hash alone.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show_itself() {
        let password = Password::new("hunter2").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }

    #[test]
    fn what_no_protocol_can_carry_is_no_password() {
        for bad in ["", "a\0b", "a\nb", "a\rb", &"x".repeat(limits::PASSWORD_MAX + 1)] {
            assert!(Password::new(bad).is_none(), "{bad:?}");
        }
        assert_eq!(Password::new(" two words ").unwrap().expose(), b" two words ");
    }

    #[test]
    fn a_user_name_is_trimmed_and_without_control_characters() {
        assert_eq!(UserName::parse(" anna ").unwrap().as_str(), "anna");
        for bad in ["", "  ", "a\u{1b}[2J", "a\nb"] {
            assert_eq!(UserName::parse(bad), None, "{bad:?}");
        }
    }
}
