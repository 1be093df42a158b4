//! What a header in an mbox says of its message: flags, numbers, a unique-id, a length.
//!
//! Works on pieces of lines. Says what stands there; what of it is believed is decided elsewhere.

use super::fingerprint::{name_of, value_of};
use super::pieces::Piece;
use crate::limits;

/// Marks of a message, as Status and X-Status have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `R`
    pub read: bool,
    /// `O`: an earlier session has seen that it is there.
    pub old: bool,
    /// `A`
    pub answered: bool,
    /// `F`
    pub flagged: bool,
    /// `T`
    pub draft: bool,
    /// `D`
    pub deleted: bool,
    /// `D` in Status itself, where mailutils has it.
    pub deleted_in_status: bool,
}

/// A field that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// X-IMAPbase, or X-IMAP in a message that is none (`pseudo`): the value.
    Base {
        /// See above.
        pseudo: bool,
        /// `VALIDITY LAST …`
        value: Vec<u8>,
    },
    /// X-UID: the value.
    Uid(Vec<u8>),
    /// X-UIDL: the value without blanks in front of it.
    Uidl(Vec<u8>),
    /// Content-Length, if it is a number.
    ContentLength(u64),
    /// Status or X-Status.
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Base,
    PseudoBase,
    Uid,
    Uidl,
    ContentLength,
    Status,
    XStatus,
}

/// Reads a header, line by line.
#[derive(Debug)]
pub struct Reader {
    exact_names: bool,
    name: Option<Name>,
    value: Vec<u8>,
    /// The marks so far.
    pub status: Status,
}

impl Reader {
    /// `exact_names`: other spellings of a name do not count.
    pub fn new(exact_names: bool) -> Self {
        Self { exact_names, name: None, value: Vec::new(), status: Status::default() }
    }

    /// Takes a piece of a header line; gives the field in front of it, which is complete now.
    pub fn push(&mut self, piece: Piece) -> Option<Field> {
        let continues = !piece.starts || matches!(piece.octets.first(), Some(b' ' | b'\t'));
        let complete = if continues { None } else { self.finish() };
        if !continues {
            self.name = name_of(piece.octets).and_then(|name| known(name, self.exact_names));
        }
        if self.name.is_some() {
            let part = if piece.starts { value_of(piece.octets) } else { piece.octets };
            let room = limits::MBOX_LINE_HEAD.saturating_sub(self.value.len());
            self.value.extend_from_slice(&part[..part.len().min(room)]);
        }
        complete
    }

    /// The header is over: the last field.
    pub fn finish(&mut self) -> Option<Field> {
        let value = std::mem::take(&mut self.value);
        let number = || value.trim_ascii();
        let name = self.name.take()?;
        Some(match name {
            Name::Base => Field::Base { pseudo: false, value },
            Name::PseudoBase => Field::Base { pseudo: true, value },
            Name::Uid => Field::Uid(value),
            Name::Uidl => Field::Uidl(without_line_end(value.trim_ascii_start()).to_vec()),
            Name::ContentLength => Field::ContentLength(std::str::from_utf8(number()).ok()?.parse().ok()?),
            Name::Status | Name::XStatus => {
                value.iter().for_each(|letter| self.status.mark(*letter));
                self.status.deleted_in_status |= name == Name::Status && value.contains(&b'D');
                Field::Status
            }
        })
    }
}

impl Status {
    fn mark(&mut self, letter: u8) {
        match letter {
            b'R' => self.read = true,
            b'O' => self.old = true,
            b'A' => self.answered = true,
            b'F' => self.flagged = true,
            b'T' => self.draft = true,
            b'D' => self.deleted = true,
            _ => {}
        }
    }

    /// As letters of a Maildir file name.
    pub fn letters(self) -> impl Iterator<Item = char> {
        let marks = [
            (self.read, 'S'),
            (self.answered, 'R'),
            (self.flagged, 'F'),
            (self.draft, 'D'),
            (self.deleted, 'T'),
        ];
        marks.into_iter().filter_map(|(set, letter)| set.then_some(letter))
    }
}

fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

/// The names, as servers write them.
const NAMES: [(&[u8], Name); 7] = [
    (b"Content-Length", Name::ContentLength),
    (b"Status", Name::Status),
    (b"X-IMAP", Name::PseudoBase),
    (b"X-IMAPbase", Name::Base),
    (b"X-Status", Name::XStatus),
    (b"X-UID", Name::Uid),
    (b"X-UIDL", Name::Uidl),
];

fn known(name: &[u8], exact: bool) -> Option<Name> {
    let same = |known: &[u8]| if exact { name == known } else { name.eq_ignore_ascii_case(known) };
    NAMES.iter().find_map(|(known, what)| same(known).then_some(*what))
}
