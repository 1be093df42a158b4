//! The first line of an answer: `+OK`, `-ERR`, and what a refusal means to whoever asked.
//!
//! Servers that know no response codes (RFC 2449, 8) say it in words, and the words decide between "try
//! again later" and "wrong password": a mail program that is told the latter throws its password away.

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

/// `-ERR`, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// As far as it can be told.
    pub why: Why,
    /// The server's own words.
    pub words: Words,
}

/// What `-ERR` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Another session has the maildrop, or the last one was a moment ago (RFC 2449, 8.1).
    InUse,
    /// The server's own fault (RFC 3206, 4).
    Temporary,
    /// It wants TLS first.
    NeedsTls,
    /// `[AUTH]` (RFC 3206, 5): name or password are wrong.
    Credentials,
    /// Nothing that could be told.
    Other,
}

impl Status {
    /// Reads a line whose line end was taken off.
    pub(super) fn parse(line: &[u8]) -> Self {
        if let Some(rest) = status_word(line, b"+OK") {
            Self::Ok(Words::of(rest))
        } else if let Some(rest) = status_word(line, b"-ERR") {
            Self::Refused(Refusal::parse(rest))
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

impl Refusal {
    fn parse(rest: &[u8]) -> Self {
        let words = Words::of(rest);
        let text = words.0.to_ascii_lowercase();
        let why = Why::of_code(&text).unwrap_or_else(|| Why::of_words(&text));
        Self { why, words }
    }
}

impl Why {
    /// By the response code, which stands first.
    fn of_code(text: &str) -> Option<Self> {
        let (code, words) = text.strip_prefix('[')?.split_once(']')?;
        match code.trim() {
            "in-use" | "login-delay" => Some(Self::InUse),
            "sys/temp" | "sys/perm" => Some(Self::Temporary),
            // Dovecot says `[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) …`.
            "auth" if Self::of_words(words) == Self::NeedsTls => Some(Self::NeedsTls),
            "auth" => Some(Self::Credentials),
            _ => None,
        }
    }

    /// By what popa3d, Courier, UW, qpopper, solid-pop3d and mailutils say.
    fn of_words(text: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["plaintext", "cleartext", "tls", "ssl", "encrypt", "secure"]) {
            Self::NeedsTls
        } else if says(&["in use", "locked", "busy", "already"]) {
            Self::InUse
        } else if says(&[
            "temporar",
            "try again",
            "later",
            "unavailable",
            "internal",
            "too many",
            "shutting",
            "disconnect",
            "system error",
            "can't open",
            "cannot open",
            "could not",
            "unable to",
            "exceed",
            "limit",
            "database",
            "backend",
            "not respond",
            "no such file",
        ]) {
            Self::Temporary
        } else {
            Self::Other
        }
    }
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

    fn why(line: &str) -> Why {
        match Status::parse(line.as_bytes()) {
            Status::Refused(refusal) => refusal.why,
            other => panic!("{line}: {other:?}"),
        }
    }

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

    #[test]
    fn what_real_servers_say_is_understood() {
        for (line, meaning) in [
            ("-ERR [AUTH] Authentication failed.", Why::Credentials), // Dovecot
            (
                "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
                Why::NeedsTls,
            ),
            ("-ERR [IN-USE] Mailbox is locked by another POP3 session.", Why::InUse),
            ("-ERR [SYS/TEMP] Temporary authentication failure. [mail:2026]", Why::Temporary),
            ("-ERR [LOGIN-DELAY] minimum time between mail checks violation", Why::InUse), // qpopper
            ("-ERR Authentication failed (bad password?)", Why::Other),                    // popa3d
            ("-ERR Login failed.", Why::Other),                                            // Courier
            ("-ERR Bad login", Why::Other),                                                // UW
            ("-ERR TLS required to log in", Why::NeedsTls),
            ("-ERR maildrop already locked", Why::InUse), // RFC 1939
            ("-ERR Unable to lock maildrop: mailbox is locked by POP server", Why::InUse),
            ("-ERR Server temporarily out of order", Why::Temporary),
            ("-ERR Disconnected: Server shutting down.", Why::Temporary), // Dovecot
            ("-ERR", Why::Other),
        ] {
            assert_eq!(why(line), meaning, "{line}");
        }
    }
}
