//! An mbox in blocks becomes an index: where each message starts and ends, and what its header says.
//!
//! Holds one line and the index, however large the file and its messages are. Does no I/O: where a
//! Content-Length claims a message to end, it asks its caller to look there.

use super::from_line::Behind;
use super::habits::{Habits, Identity};
use super::index::{Index, Indexed, Outcome};
use super::numbers::Numbers;
use super::pieces::Pieces;

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All octets of the block are taken.
    More,
    /// So many are taken. A Content-Length says that this message ends at `end`; if what stands there bears
    /// it out, [`Splitter::jump`], else go on behind the octets that are taken.
    Claim {
        /// Octets of the block that are taken.
        taken: usize,
        /// Offset in the file.
        end: u64,
    },
    /// The file does not start with a From line.
    NoMbox,
}

/// See the module.
#[derive(Debug)]
pub struct Splitter {
    habits: Habits,
    pieces: Pieces,
    index: Index,
}

impl Splitter {
    /// At the start of a file; `identity` in the place of that of the habits.
    pub fn new(habits: Habits, identity: Identity) -> Self {
        let habits = Habits { identity, ..habits };
        Self { habits, pieces: Pieces::default(), index: Index::new(habits) }
    }

    /// Takes a block.
    pub fn push(&mut self, block: &[u8]) -> Step {
        let mut rest = block;
        while let Some(piece) = self.pieces.next(&mut rest) {
            match self.index.piece(piece) {
                Outcome::More => {}
                Outcome::NoMbox => return Step::NoMbox,
                Outcome::Claim(end) => return Step::Claim { taken: block.len() - rest.len(), end },
            }
        }
        Step::More
    }

    /// Whether the octets at the place of a claim bear it out: a From line behind a line end, or a line end
    /// and the end of the file.
    pub fn bears_out(&self, octets: &[u8], is_end_of_file: bool) -> bool {
        match octets.strip_prefix(b"\r\n").or_else(|| octets.strip_prefix(b"\n")) {
            Some(b"") => is_end_of_file,
            Some(behind) => self.habits.separator.is_in(first_line(behind), Behind::EmptyLineOfBody),
            None => false,
        }
    }

    /// A claim was borne out: the next block is what stands at `end`. `text` is behind the last octet in front of
    /// it that is of no line end.
    pub fn jump(&mut self, end: u64, text: u64) {
        self.index.jump(end, text);
    }

    /// How many messages have come to their end.
    pub fn messages(&self) -> usize {
        self.index.messages()
    }

    /// The file is over: the index and the numbers, or `None` if it is no mbox.
    pub fn finish(mut self) -> Option<(Vec<Indexed>, Numbers)> {
        if let Some(piece) = self.pieces.finish()
            && matches!(self.index.piece(piece), Outcome::NoMbox)
        {
            return None;
        }
        Some(self.index.finish())
    }
}

fn first_line(octets: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', octets).map_or(octets, |lf| &octets[..=lf])
}
