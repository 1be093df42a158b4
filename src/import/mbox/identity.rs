//! By what a message is known at the next run, whatever unique-id it has by then: a hash of what stays the same
//! while it lies in the mbox, and a number where several are alike.
//!
//! Of a body only the length counts, so that no octet is hashed for it: two messages of one second, with one
//! header and one length, are told apart by their order. Line ends behind the text do not count: at the end of
//! the file the next delivery, or the server's next login, adds those that are missing, and a message of
//! another name would come over twice. Knows no file.

use super::fingerprint::name_of;
use super::index::Indexed;
use super::pieces::Piece;
use crate::import::essence::is_note;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The hash of one message in the making.
#[derive(Clone, Debug)]
pub(super) struct Lasting {
    hash: Sha256,
    /// Whether this header line, and those that continue it, stay the same.
    lasts: bool,
    /// Whether what was hashed last is a line without its end.
    is_cut_off: bool,
}

impl Lasting {
    /// Begins with the first piece of the From line, which has the time to the second.
    pub(super) fn of(from_line: Piece) -> Self {
        let mut begun = Self { hash: Sha256::new(), lasts: true, is_cut_off: false };
        begun.separator(from_line);
        begun
    }

    pub(super) fn separator(&mut self, piece: Piece) {
        self.hash.update(piece.octets);
        self.is_cut_off = !piece.ends;
    }

    pub(super) fn header_line(&mut self, piece: Piece) {
        if piece.starts && !matches!(piece.octets.first(), Some(b' ' | b'\t')) {
            self.lasts = !is_note(name_of(piece.octets).unwrap_or_default());
        }
        if self.lasts {
            self.separator(piece);
        }
    }

    /// The message is over; `text` is the length of its body without the line ends behind it, `usual` how many
    /// octets of line ends most messages have there, so that those are called what they were always called.
    pub(super) fn finish(mut self, text: u64, usual: u64) -> [u8; 32] {
        if self.is_cut_off {
            self.hash.update(b"\n");
        }
        let length = if text > 0 { text + usual } else { 0 };
        self.hash.update([0]);
        self.hash.update(length.to_be_bytes());
        self.hash.finalize().into()
    }
}

/// For each message which of those it is that are alike, from 1. They are counted beforehand, so that nothing
/// but the numbers is left of it when an inventory is made.
pub(super) fn copies<'a>(messages: impl Iterator<Item = &'a Indexed>) -> Vec<u64> {
    let mut met = HashMap::<&[u8; 32], u64>::new();
    let mut copy = |message: &'a Indexed| {
        let copies = met.entry(&message.name).or_default();
        *copies += 1;
        *copies
    };
    messages.map(&mut copy).collect()
}

/// The identity of one of them.
pub(super) fn of(name: &[u8; 32], copy: u64) -> Box<[u8]> {
    match copy {
        1 => name[..].into(),
        number => [&name[..], &number.to_be_bytes()].concat().into(),
    }
}
