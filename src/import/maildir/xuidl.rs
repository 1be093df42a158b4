//! The header field X-UIDL of a message, as Dovecot takes it for `pop3_reuse_xuidl`.

use crate::limits;
use std::io::{self, BufRead};

const NAME: &[u8] = b"x-uidl";

/// The value of the first X-UIDL: without blanks in front, up to the end of its line. `None` without such
/// a field; an empty one is one.
///
/// Dovecot would show the line end of a folded field, and so tear the listing apart; mail programs
/// remember what stands on the first line.
///
/// # Errors
/// What the disk says.
pub(super) fn first(file: impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut file = file.take(limits::HEADER_LOOKED_AT);
    let mut line = Vec::new();
    loop {
        line.clear();
        file.read_until(b'\n', &mut line)?;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            return Ok(None); // The end of the header, or of the file.
        }
        if let Some(value) = value(text) {
            return Ok(Some(shown(value)));
        }
    }
}

fn value(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    let is_it = name.trim_ascii_end().eq_ignore_ascii_case(NAME);
    is_it.then(|| value.get(1..).unwrap_or_default().trim_ascii_start())
}

/// Dovecot shows U+FFFD for NUL.
fn shown(value: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(value.len());
    for octet in value {
        match octet {
            0 => shown.extend_from_slice("\u{fffd}".as_bytes()),
            octet => shown.push(*octet),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
