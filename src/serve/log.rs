//! The log's lines: `event key=value …`, one home for the keys.
//!
//! Keys of a session: `session peer account user id from to size octets messages refused retr
//! deleted kept tls auth reply why ms`; of the server: `protocol address connections removed grace
//! panics key user confined calls version`. README.md says what each means, and a test sees that none
//! is missing there.
//! A value with blanks, quotes or control characters is quoted and escaped, so nobody writes a log
//! line of their own through a HELO or a user name. Never a password, never mail text.

use std::fmt::{self, Display, Write};

/// One line of the log. `Line::new("pop3.login").with("session", id).info()`.
#[must_use]
pub struct Line(String);

impl Line {
    /// A line that tells of `event` (`smtp.message`, `pop3.login`, …).
    pub fn new(event: &str) -> Self {
        Self(event.to_owned())
    }

    /// Adds ` key=value`.
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        let value = value.to_string();
        let plain = !value.is_empty()
            && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"\\=".contains(c));
        let written =
            if plain { write!(self.0, " {key}={value}") } else { write!(self.0, " {key}={value:?}") };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        self
    }

    /// Adds ` key=value` if there is a value.
    pub fn with_some(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Writes it at the level of ordinary events.
    pub fn info(self) {
        ::log::info!("{self}");
    }

    /// Writes it at the level of what an administrator should see.
    pub fn warn(self) {
        ::log::warn!("{self}");
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_a_line_of_their_own() {
        let line = Line::new("smtp.refused").with("from", "a\nsmtp.message b=c").with("size", 3);
        assert_eq!(line.to_string(), "smtp.refused from=\"a\\nsmtp.message b=c\" size=3");
    }
}
