//! One line of a server, collected from wherever TCP cut it.
//!
//! Unlike [`crate::wire::line::LineBuffer`] it takes no octet behind the line: what follows a status line
//! may be a message, which goes another way.

use crate::limits;

/// The line that is being collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected(Vec<u8>);

/// What was found in a piece of input.
pub(super) enum Found {
    /// All of it was used, and more is needed.
    Part,
    /// So much of it was used, for this line, its CR LF or LF taken off.
    Whole(usize, Vec<u8>),
    /// No line of POP3 is so long.
    TooLong,
}

impl Collected {
    /// Takes octets up to the end of the line.
    pub(super) fn take(&mut self, input: &[u8]) -> Found {
        let end = memchr::memchr(b'\n', input);
        let piece = &input[..end.unwrap_or(input.len())];
        if self.0.len() + piece.len() > limits::FETCH_LINE_MAX {
            return Found::TooLong;
        }
        self.0.extend_from_slice(piece);
        let Some(end) = end else { return Found::Part };
        let mut line = std::mem::take(&mut self.0);
        if line.ends_with(b"\r") {
            line.pop();
        }
        Found::Whole(end + 1, line)
    }
}
