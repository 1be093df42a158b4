//! What can be asked of a server, and the line that asks it.

use crate::mail::{Password, UserName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;

/// A line to send, its CR LF included. It may hold a password: nothing shows it but [`Line::octets`].
pub struct Line(Vec<u8>);

/// A command of the TRANSACTION state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// All sizes.
    List,
    /// All unique-ids.
    Uidl,
    /// A whole message.
    Retr(u32),
    /// A message's header.
    Header(u32),
    /// Marks a message as deleted.
    Dele(u32),
    /// Goodbye: only now are marks carried out.
    Quit,
}

impl Request {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Header(_) => "TOP",
            Self::Dele(_) => "DELE",
            Self::Quit => "QUIT",
        }
    }

    pub(super) fn line(self) -> Line {
        match self {
            Self::List | Self::Uidl | Self::Quit => Line::of(self.name()),
            Self::Retr(number) | Self::Dele(number) => Line::of(&format!("{} {number}", self.name())),
            Self::Header(number) => Line::of(&format!("TOP {number} 0")),
        }
    }
}

impl Line {
    pub(super) fn of(text: &str) -> Self {
        Self::join(&[text.as_bytes()])
    }

    pub(super) fn user(user: &UserName) -> Self {
        Self::join(&[b"USER ", user.as_str().as_bytes()])
    }

    pub(super) fn pass(password: &Password) -> Self {
        Self::join(&[b"PASS ", password.expose()])
    }

    /// RFC 4616's one message, as the response to an empty challenge.
    pub(super) fn plain(user: &UserName, password: &Password) -> Self {
        let message = [b"\0", user.as_str().as_bytes(), b"\0", password.expose()].concat();
        Self::of(&BASE64.encode(message))
    }

    fn join(parts: &[&[u8]]) -> Self {
        Self([&parts.concat()[..], b"\r\n"].concat())
    }

    /// To be sent as they are.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(..)")
    }
}
