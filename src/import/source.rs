//! What is asked of an old server's mail, wherever it lies: an inventory, and the octets of one message
//! after the other.
//!
//! Knows no format and no Maildir of ours.

use super::Provenance;
use crate::mail::{Bytes, Octets, UniqueId};
use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::io;
use std::time::SystemTime;

/// The mail of one mailbox on an old server. Nothing there is changed.
pub trait Source: Send {
    /// What it is, for reports: `dovecot maildir:/var/vmail/anna`.
    fn name(&self) -> String;

    /// Which mailbox it is: mail of several may come to one account.
    fn provenance(&self) -> Provenance;

    /// All that the old server listed, in its order. Called once, first.
    ///
    /// # Errors
    /// Whenever a unique-id or the order would have to be guessed; then nothing is imported.
    fn inventory(&mut self) -> Result<Inventory, Error>;

    /// Which messages will be read (indexes of the inventory, ascending), so that a server on the wire can
    /// be asked ahead. Called before the first [`Source::read`], and again before another pass.
    fn expect(&mut self, _wanted: &[usize]) {}

    /// Gives one message in blocks: the octets the old server sent, in which a line end may be LF or
    /// CR LF. Called in ascending order within one pass.
    ///
    /// # Errors
    /// The sink's own error as it is ([`Error::Landing`]), and what happens to this message.
    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error>;
}

/// One of any kind, for what stands on top of another.
impl Source for Box<dyn Source> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn provenance(&self) -> Provenance {
        (**self).provenance()
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        (**self).inventory()
    }

    fn expect(&mut self, wanted: &[usize]) {
        (**self).expect(wanted);
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        (**self).read(index, sink)
    }
}

/// What an old server listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// In its order.
    pub messages: Vec<Found>,
    /// By index: what stays the same of a message there, whatever its unique-id becomes (a file name without
    /// its flags). Empty where there is nothing of the kind.
    pub names: Vec<Box<[u8]>>,
    /// Indexes of messages that came after the last login there: their unique-id is the one that the old
    /// server will give at the next, unless something comes between.
    pub foreseen: HashSet<usize>,
    /// Indexes of messages of folders that POP3 never showed, and that are put behind the inbox.
    pub appended: HashSet<usize>,
    /// Folders that POP3 never showed, and that were left where they are.
    pub folders_skipped: Vec<SkippedFolder>,
    /// What could not be read.
    pub skipped: Vec<SkippedItem>,
    /// For the operator to read.
    pub warnings: Vec<String>,
}

/// One message as the old server showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// By what a mail program knows it.
    pub unique_id: UniqueIdOf,
    /// What LIST said, if that is known without reading.
    pub octets: Option<Octets>,
    /// How large its file will be here, if that is known without reading.
    pub bytes: Option<Bytes>,
    /// When it came; becomes the file's time.
    pub received: Option<SystemTime>,
    /// Its flags.
    pub flags: Flags,
    /// Whether no mail program has ever seen it (new/).
    pub is_new: bool,
    /// For the operator.
    pub place: Place,
}

/// Where a message lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The name of its file.
    File(Box<str>),
    /// Its number on a server.
    Number(u32),
    /// In an mbox.
    Mbox {
        /// From 1.
        number: usize,
        /// Where its header starts.
        octet: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Number(number) => write!(f, "message {number}"),
            Self::Mbox { number, octet } => write!(f, "message {number}, at octet {octet}"),
        }
    }
}

/// The two kinds of unique-ids that come along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UniqueIdOf {
    /// The old server showed it: carried over verbatim.
    Kept(UniqueId),
    /// Nobody has seen one: ours is made. `identity` is the same at every run for the same message (a base
    /// file name, a hash of its octets), so that a second import knows it.
    Made {
        /// See above.
        identity: Box<[u8]>,
    },
}

/// The flags of a Maildir file name: a bit for each letter, the lowest for `A`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    /// Of any letters; what is no ASCII letter is left out.
    pub fn new(letters: impl IntoIterator<Item = char>) -> Self {
        let letters = letters.into_iter().filter(char::is_ascii_alphabetic);
        Self(letters.fold(0, |bits, letter| bits | Self::bit(letter)))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(letter: char) -> u64 {
        1 << (u32::from(letter) - u32::from('A'))
    }
}

/// As behind `:2,`: ascending, each letter once.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = ('A'..='z').filter(|letter| self.0 & Self::bit(*letter) != 0);
        letters.try_for_each(|letter| f.write_char(letter))
    }
}

/// A folder that was left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFolder {
    /// As the old server calls it.
    pub name: String,
    /// How many are in it.
    pub messages: usize,
}

/// Something that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedItem {
    /// Which file, or which message.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// Why a mailbox cannot be imported, in words for the operator.
#[derive(Debug)]
pub enum Error {
    /// Only the operator can say it: which server it was, which format. Wrong usage (exit 2).
    Ask {
        /// What is not known.
        what: String,
        /// The choices.
        remedy: String,
    },
    /// The source as a whole, or an index that the unique-ids need: nothing is imported (exit 1).
    Source {
        /// File and line, server and reply.
        what: String,
        /// What helps.
        remedy: String,
    },
    /// One message; the others come over, and the account stays held (exit 1).
    Message {
        /// Which, and what happened.
        what: String,
    },
    /// Our own side: a full disk, a failed write.
    Landing(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { what, remedy } | Self::Source { what, remedy } => write!(f, "{what}: {remedy}"),
            Self::Message { what } => f.write_str(what),
            Self::Landing(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_sorted_letters() {
        assert_eq!(Flags::new("zSRaS,2".chars()).to_string(), "RSaz");
        assert!(Flags::new(",2\u{e4}".chars()).is_empty());
    }
}
