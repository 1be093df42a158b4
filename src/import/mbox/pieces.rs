//! Blocks in, pieces of lines out, however the blocks are cut.
//!
//! The first piece of a line holds the whole line, or its first [`limits::MBOX_LINE_HEAD`] octets: enough
//! for every decision about a line. What is longer follows in further pieces, cut as the blocks are. Knows
//! nothing of mail.

use crate::limits;
use memchr::memchr;

/// A line, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The octets, the line's LF included.
    pub octets: &'a [u8],
    /// Whether the line starts with it.
    pub starts: bool,
    /// Whether the line ends with it, that is with its LF.
    pub ends: bool,
}

/// Cuts a stream into pieces of lines.
#[derive(Debug, Default)]
pub struct Pieces {
    /// The start of a line that has not come in full.
    held: Vec<u8>,
    /// Whether `held` has been given away.
    given: bool,
    /// Whether the first piece of this line is gone.
    inside: bool,
}

impl Pieces {
    /// Takes the next piece off the front of `block`; `None` when the block is used up.
    pub fn next<'a, 'b: 'a>(&'a mut self, block: &mut &'b [u8]) -> Option<Piece<'a>> {
        self.drop_given();
        if block.is_empty() {
            return None;
        }
        let line_end = memchr(b'\n', block).map(|lf| lf + 1);
        let available = line_end.unwrap_or(block.len());
        if self.inside {
            let octets = take(block, available);
            self.inside = line_end.is_none();
            return Some(Piece { octets, starts: false, ends: line_end.is_some() });
        }
        let room = limits::MBOX_LINE_HEAD - self.held.len();
        let ends = line_end.is_some_and(|end| end <= room);
        let octets = take(block, available.min(room));
        let whole = ends || octets.len() == room;
        self.inside = whole && !ends;
        if whole && self.held.is_empty() {
            return Some(Piece { octets, starts: true, ends });
        }
        self.held.extend_from_slice(octets);
        self.given = whole;
        whole.then_some(Piece { octets: &self.held, starts: true, ends })
    }

    /// No more will come: the start of a line without LF, if one is held.
    pub fn finish(&mut self) -> Option<Piece<'_>> {
        self.drop_given();
        self.given = true;
        (!self.held.is_empty()).then_some(Piece { octets: &self.held, starts: true, ends: false })
    }

    fn drop_given(&mut self) {
        if std::mem::take(&mut self.given) {
            self.held.clear();
        }
    }
}

fn take<'a>(block: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = block.split_at(count);
    *block = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// First pieces as they are, further ones joined: cuts show only there.
    fn cut(blocks: &[&[u8]]) -> Vec<(Vec<u8>, bool, bool)> {
        let mut found = Vec::<(Vec<u8>, bool, bool)>::new();
        let mut note = |piece: Piece| match found.last_mut() {
            Some(last) if !piece.starts && !last.1 => {
                last.0.extend_from_slice(piece.octets);
                last.2 = piece.ends;
            }
            _ => found.push((piece.octets.to_vec(), piece.starts, piece.ends)),
        };
        let mut pieces = Pieces::default();
        for block in blocks {
            let mut block = *block;
            while let Some(piece) = pieces.next(&mut block) {
                note(piece);
            }
        }
        if let Some(piece) = pieces.finish() {
            note(piece);
        }
        found
    }

    #[test]
    fn lines_long_lines_and_an_end_without_lf_at_every_cut() {
        let long = "x".repeat(limits::MBOX_LINE_HEAD);
        for text in [
            "",
            "a",
            "a\n",
            "a\nb\n\n\nc",
            "\n",
            &long,
            &format!("a\n{long}\nb"),
            &format!("{long}tail\nb\n"),
        ] {
            let octets = text.as_bytes();
            let whole = cut(&[octets]);
            assert_eq!(whole.iter().flat_map(|piece| piece.0.clone()).collect::<Vec<_>>(), octets);
            for at in 0..=octets.len() {
                assert_eq!(
                    cut(&[&octets[..at], &octets[at..]]),
                    whole,
                    "{} octets cut at {at}",
                    octets.len()
                );
            }
        }
    }

    #[test]
    fn a_first_piece_is_a_line_or_its_head() {
        let text = format!("{}\nb\n", "x".repeat(limits::MBOX_LINE_HEAD + 3));
        let lines = cut(&[text.as_bytes()]);
        let shape: Vec<_> =
            lines.iter().map(|(octets, starts, ends)| (octets.len(), *starts, *ends)).collect();
        assert_eq!(shape, [(limits::MBOX_LINE_HEAD, true, false), (4, false, true), (2, true, true)]);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_stream(blocks in prop::collection::vec("[a\\n]{0,9}", 0..9)) {
            let slices: Vec<&[u8]> = blocks.iter().map(|block| block.as_bytes()).collect();
            let joined: Vec<u8> = cut(&slices).into_iter().flat_map(|piece| piece.0).collect();
            prop_assert_eq!(joined, blocks.concat().into_bytes());
            prop_assert_eq!(cut(&slices), cut(&[blocks.concat().as_bytes()]));
        }
    }
}
