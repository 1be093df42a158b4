//! The first line of an answer: `+OK`, `-ERR`, and the words behind it. What they mean stands in [`super::meaning`].

use crate::limits;
use std::fmt;

/// What a server wrote behind `+OK` or `-ERR`, made fit to be shown: one line without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(String);

/// A status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok(Words),
    Refused(Refusal),
    /// `+` and a blank: RFC 5034, 4.
    GoOn,
    /// Not POP3.
    Nonsense(Words),
}

/// `-ERR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The server's own words.
    pub words: Words,
}

impl Status {
    /// Reads a line whose line end was taken off.
    pub(super) fn parse(line: &[u8]) -> Self {
        if let Some(rest) = status_word(line, b"+OK") {
            Self::Ok(Words::of(rest))
        } else if let Some(rest) = status_word(line, b"-ERR") {
            Self::Refused(Refusal { words: Words::of(rest) })
        } else if line == b"+" || line.starts_with(b"+ ") {
            Self::GoOn
        } else {
            Self::Nonsense(Words::of(line))
        }
    }
}

/// What follows `word`. RFC 1939, 3 wants upper case, and not every server knows.
fn status_word<'a>(line: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(word.len())?;
    let ends = rest.first().is_none_or(|octet| !octet.is_ascii_alphanumeric());
    (ends && start.eq_ignore_ascii_case(word)).then_some(rest)
}

impl Words {
    /// Of any octets: cut, and each control character a blank, or a server could write to the log and to
    /// the terminal what it likes.
    pub(super) fn of(octets: &[u8]) -> Self {
        let text = String::from_utf8_lossy(octets);
        let shown = text.trim().chars().take(limits::FETCH_WORDS_MAX);
        Self(shown.map(|c| if c.is_control() { ' ' } else { c }).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(no reason given)" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_known_in_any_case_and_with_nothing_behind_them() {
        assert_eq!(Status::parse(b"+OK"), Status::Ok(Words::default()));
        assert_eq!(
            Status::parse(b"+ok Hello\x07 there\xff "),
            Status::Ok(Words("Hello  there\u{fffd}".into()))
        );
        assert_eq!(Status::parse(b"+ "), Status::GoOn);
        assert_eq!(Status::parse(b"+"), Status::GoOn);
        for other in [&b""[..], b"220 mail.example.org ESMTP", b"SSH-2.0-x", b"+OKAY", b"-ERROR"] {
            assert!(matches!(Status::parse(other), Status::Nonsense(_)), "{other:?}");
        }
    }
}
