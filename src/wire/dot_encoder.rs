//! A stored message as the lines that RETR and TOP send: CR LF line ends, dots stuffed, the final
//! dot (RFC 1939, 3).
//!
//! Takes the file in blocks, cut anywhere. Knows nothing of files, of message numbers or of who
//! listens.

use crate::mail::{LineEnds, Octets};

/// Octets that a caller holds back until [`DotEncoder::finish`] was called: the last CR LF of the
/// text has to leave in one write with the final dot, or node-pop3 waits for ever.
pub const HOLD_BACK: usize = 2;

/// Turns the blocks of a file into the lines of a multi-line response.
#[derive(Debug)]
pub struct DotEncoder {
    line_ends: LineEnds,
    line: LineSoFar,
    wanted: Wanted,
    /// Octets sent, the stuffed dots not counted.
    octets: u64,
}

/// What the line that is being read holds until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineSoFar {
    /// Nothing: the next octet begins it, and a dot there is stuffed.
    Nothing,
    /// One CR: with a LF behind it, it is an empty line that has CR LF on the disk.
    OneCr,
    /// Some text; `true` if its last octet is a CR.
    Text { ends_with_cr: bool },
}

/// How much of the message is still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// The header, and `body_lines` lines behind the blank line.
    Header {
        body_lines: u32,
    },
    /// This many lines of the body, at least one.
    Body {
        lines_left: u32,
    },
    Nothing,
}

impl DotEncoder {
    /// Sends the whole message: RETR.
    pub fn whole(line_ends: LineEnds) -> Self {
        Self::new(line_ends, Wanted::All)
    }

    /// Sends the header, the blank line and `body_lines` lines of the body: TOP (RFC 1939, 7).
    ///
    /// A message without a blank line is all header.
    pub fn top(line_ends: LineEnds, body_lines: u32) -> Self {
        Self::new(line_ends, Wanted::Header { body_lines })
    }

    /// Adds what the next block of the file becomes to `out`.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        // One octet more for each line of ordinary length; a block of bare line ends grows it again.
        out.reserve(block.len() + block.len() / 32);
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', block) {
            if self.is_complete() {
                return;
            }
            self.text(&block[start..lf], out);
            self.line_end(out);
            start = lf + 1;
        }
        if !self.is_complete() {
            self.text(&block[start..], out);
        }
    }

    /// Whether TOP has all its lines, so that no further block need be read.
    pub fn is_complete(&self) -> bool {
        self.wanted == Wanted::Nothing
    }

    /// Ends the last line if the file did not, and adds the final dot. Gives the octets that were
    /// sent, before dot-stuffing: what LIST promised, if the message was sent whole.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Octets {
        if self.line != LineSoFar::Nothing {
            self.send(b"\r\n", out);
        }
        out.extend_from_slice(b".\r\n");
        Octets(self.octets)
    }

    fn new(line_ends: LineEnds, wanted: Wanted) -> Self {
        Self { line_ends, line: LineSoFar::Nothing, wanted, octets: 0 }
    }

    /// A piece of a line, without a LF.
    fn text(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(last) = piece.last() else { return };
        if self.line == LineSoFar::Nothing && piece.first() == Some(&b'.') {
            out.push(b'.');
        }
        self.line = match (self.line, piece) {
            (LineSoFar::Nothing, b"\r") => LineSoFar::OneCr,
            _ => LineSoFar::Text { ends_with_cr: *last == b'\r' },
        };
        self.send(piece, out);
    }

    /// The LF behind a line.
    fn line_end(&mut self, out: &mut Vec<u8>) {
        // `.` at a line start was stuffed in `text`; what is decided here is whether LF has its CR.
        let has_cr = matches!(self.line, LineSoFar::OneCr | LineSoFar::Text { ends_with_cr: true });
        let ended = self.line_ends == LineEnds::AsFound && has_cr;
        let blank = self.line == LineSoFar::Nothing || (ended && self.line == LineSoFar::OneCr);
        self.send(if ended { b"\n" } else { b"\r\n" }, out);
        self.line = LineSoFar::Nothing;
        self.count_line(blank);
    }

    /// Octets that LIST counts; a stuffed dot is not one of them (RFC 1939, 11).
    fn send(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        self.octets += octets.len() as u64;
        out.extend_from_slice(octets);
    }

    /// Counts down what TOP still wants.
    fn count_line(&mut self, blank: bool) {
        self.wanted = match self.wanted {
            Wanted::Header { body_lines: 0 } if blank => Wanted::Nothing,
            Wanted::Header { body_lines } if blank => Wanted::Body { lines_left: body_lines },
            Wanted::Body { lines_left: 0 | 1 } => Wanted::Nothing,
            Wanted::Body { lines_left } => Wanted::Body { lines_left: lines_left - 1 },
            same => same,
        };
    }
}

#[cfg(test)]
mod tests;
