//! Numbers that must not meet: octets on the wire, bytes on the disk, message numbers.
//!
//! Octets count CR LF at each line end, bytes count the bare LF of a Maildir file; a message number
//! counts from 1, an index from 0.

use std::fmt;
use std::num::NonZeroU32;

/// Octets as a peer counts them: every line ends with CR LF, before dot-stuffing (RFC 1939, 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(pub u64);

/// Bytes as the disk counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A message's number in one POP3 session, from 1 (RFC 1939, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

/// What becomes of the line ends of a stored message when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnds {
    /// Each LF was CR LF when the message came and becomes CR LF again, also behind a CR that
    /// belongs to the text: true only of files that our own delivery wrote.
    OwnLf,
    /// A file of unknown origin: CR LF stays as it is, a lone LF becomes CR LF.
    AsFound,
}

/// Counts the octets of a message on the wire, block by block: the one rule that LIST, the file
/// name's `W=` and the encoder of RETR share.
///
/// A message that does not end with a line end is sent with one; an empty message stays empty.
#[derive(Clone, Copy, Debug)]
pub struct OctetCount {
    line_ends: LineEnds,
    octets: u64,
    last: Option<u8>,
}

impl OctetCount {
    /// Starts at zero.
    pub fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, octets: 0, last: None }
    }

    /// Counts the next block of the file.
    pub fn push(&mut self, block: &[u8]) {
        let line_ends = memchr::memchr_iter(b'\n', block);
        let before = |at: &usize| at.checked_sub(1).map_or(self.last, |before| block.get(before).copied());
        let added = match self.line_ends {
            LineEnds::OwnLf => line_ends.count(), // Many octets at once, where each would be looked at.
            LineEnds::AsFound => line_ends.filter(|at| before(at) != Some(b'\r')).count(),
        };
        self.octets += (block.len() + added) as u64;
        self.last = block.last().copied().or(self.last);
    }

    /// The octets of the whole message, the line end that is added to its last line included.
    pub fn total(self) -> Octets {
        let unfinished = self.last.is_some_and(|last| last != b'\n');
        Octets(self.octets + if unfinished { 2 } else { 0 })
    }
}

impl MessageNumber {
    /// The number of the entry at `index`; `None` past `u32`.
    pub fn from_index(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    /// The index, from 0, of the entry with this number.
    pub fn index(self) -> usize {
        // Never below 1, so never underflows; u32 fits usize on every platform we build for.
        self.0.get() as usize - 1
    }

    /// The number itself, from 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::iter::Sum for Octets {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|octets| octets.0).sum())
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|bytes| bytes.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_counted_as_they_are_sent() {
        use LineEnds::{AsFound, OwnLf};
        for (file, own, as_found) in [
            (&b""[..], 0, 0),
            (b"a", 3, 3),
            (b"a\n", 3, 3),
            (b"a\r\n", 4, 3),
            (b"\n\n", 4, 4),
            (b"\r", 3, 3),
            (b"a\rb\n", 5, 5),
            (b".\n", 3, 3), // Dot-stuffing is not counted (RFC 1939, 11).
        ] {
            for cut in 0..=file.len() {
                let count = |line_ends| {
                    let mut count = OctetCount::new(line_ends);
                    count.push(&file[..cut]);
                    count.push(&file[cut..]);
                    count.total()
                };
                assert_eq!(
                    (count(OwnLf), count(AsFound)),
                    (Octets(own), Octets(as_found)),
                    "{file:?} at {cut}"
                );
            }
        }
    }

    #[test]
    fn a_number_and_its_index_are_one_apart() {
        let first = MessageNumber::from_index(0).unwrap();
        assert_eq!((first.get(), first.index()), (1, 0));
        assert_eq!(MessageNumber::from_index(u32::MAX as usize), None);
    }
}
