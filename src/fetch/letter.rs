//! What a message is known by where there is no unique-id: hashes of its header and of the whole, and its
//! size on the wire.
//!
//! Lines that an old server writes into its own files (`Status`, `X-UID`) are left out of the hashes: one
//! server shows them and the next hides them, and they change when a message is read.

use crate::import::essence::is_note;
use crate::limits;
use sha2::{Digest, Sha256};

/// See above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Letter {
    pub header: [u8; 32],
    pub whole: [u8; 32],
    /// As LIST counts them.
    pub octets: u64,
}

/// A message being read.
#[derive(Default)]
pub(super) struct Reader {
    hash: Sha256,
    /// The hash at the blank line.
    header: Option<[u8; 32]>,
    /// The line of the header that is not whole yet, up to [`limits::FETCH_LINE_KEPT`] octets of it.
    line: Vec<u8>,
    /// The beginning of this line was hashed, or passed over, already.
    inside: bool,
    /// The field that goes on is one that is left out.
    passed_over: bool,
    octets: u64,
    last: Option<u8>,
}

impl Reader {
    /// Takes text with LF line ends.
    pub(super) fn push(&mut self, text: &[u8]) {
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            let ends = line.ends_with(b"\n");
            self.octets += line.len() as u64 + u64::from(ends);
            self.last = line.last().copied();
            if self.header.is_some() { self.hash.update(line) } else { self.header_piece(line, ends) }
        }
    }

    /// The end of the message. A last line without its end has one on the wire.
    pub(super) fn finish(mut self) -> Letter {
        if self.last.is_some_and(|last| last != b'\n') {
            self.push(b"\n");
        }
        let header = self.header.unwrap_or_else(|| self.hash.clone().finalize().into());
        Letter { header, whole: self.hash.finalize().into(), octets: self.octets }
    }

    fn header_piece(&mut self, piece: &[u8], ends: bool) {
        self.line.extend_from_slice(piece);
        if !ends && self.line.len() <= limits::FETCH_LINE_KEPT {
            return;
        }
        let line = std::mem::take(&mut self.line);
        if line == b"\n" && !self.inside {
            self.header = Some(self.hash.clone().finalize().into());
            return;
        }
        let goes_on = self.inside || line.starts_with(b" ") || line.starts_with(b"\t");
        if !goes_on {
            self.passed_over = is_of_the_file(&line);
        }
        self.inside = !ends;
        if !self.passed_over {
            self.hash.update(&line);
        }
    }
}

fn is_of_the_file(line: &[u8]) -> bool {
    line.split(|octet| *octet == b':').next().is_some_and(|name| name.len() < line.len() && is_note(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str, pieces: usize) -> Letter {
        let mut reader = Reader::default();
        text.as_bytes().chunks(pieces).for_each(|piece| reader.push(piece));
        reader.finish()
    }

    #[test]
    fn a_letter_is_the_same_however_it_is_cut() {
        let long =
            format!("Subject: {}\nX-UIDL: {}\nTo: a\n\nbody\nX-UIDL: z\n", "s".repeat(300), "u".repeat(300));
        for text in ["", "\n", "a", "Subject: x\n y\n\nbody", "Status: RO\n", &long] {
            let whole = letter(text, 1 << 20);
            for pieces in [1, 2, 3, 7, 64, 65] {
                assert_eq!(letter(text, pieces), whole, "{text:?} in pieces of {pieces}");
            }
        }
    }

    #[test]
    fn what_belongs_to_the_file_does_not_count_and_all_else_does() {
        let plain = letter("Subject: x\n\nbody\n", 99);
        for same in [
            "Subject: x\nStatus: RO\n\nbody\n",
            "X-UID: 1\n 2\nSubject: x\n\nbody",
            "status:\nSubject: x\n\nbody\n",
        ] {
            assert_eq!(letter(same, 99).whole, plain.whole, "{same:?}");
            assert_eq!(letter(same, 99).header, plain.header);
        }
        let long = format!("X-Keywords: {}\nSubject: x\n\nbody\n", "k".repeat(500));
        assert_eq!(letter(&long, 9).whole, plain.whole);
        for other in ["Subject: y\n\nbody\n", "Subject: x\n\nStatus: RO\nbody\n", "Subject: x\n\nbody\n\n"] {
            assert_ne!(letter(other, 99).whole, plain.whole, "{other:?}");
        }
        assert_eq!(letter("Subject: x\n\n", 99).header, plain.header);
        assert_eq!(plain.octets, 20);
        assert_eq!(letter("a", 99).octets, 3);
        assert_eq!(letter("", 99).octets, 0);
    }
}
