//! What came of an import, and why one came to no end.
//!
//! Counts; touches no file.

use super::gather::Gathered;
use super::naming::{Batch, Uidl};
use super::plan::Plan;
use crate::import::{Error, Found, Inventory, SkippedFolder, SkippedItem, Tag};
use crate::mail::Bytes;
use crate::maildrop::folder::Folder;
use crate::maildrop::ledger::{Ledger, Origin};
use crate::maildrop::{moving, name};
use std::collections::HashMap;
use std::fmt;
use std::io;

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What it is.
    pub source: String,
    /// How many messages the old server listed, those that could not be read among them.
    pub found: usize,
    /// How many of them came over, in this run or in one that it brought to its end.
    pub imported: usize,
    /// How many had come over before, whether they are still here or were deleted since.
    pub already: usize,
    /// Of the files of those that came over.
    pub bytes: Bytes,
    /// The unique-ids of those that came over.
    pub uidl: Uidl,
    /// Folders that POP3 never showed.
    pub folders_skipped: Vec<SkippedFolder>,
    /// What could not be read.
    pub skipped: Vec<SkippedItem>,
    /// For the operator.
    pub warnings: Vec<String>,
    /// What the old server listed.
    pub listed: Vec<Found>,
    /// By index of `listed`: what this run has read, and found or made to be here.
    pub read: Vec<bool>,
    /// Of which mailbox it is.
    pub tag: Option<Tag>,
}

impl Imported {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.skipped.is_empty()
    }
}

/// Why an import came to no end. The same import again goes on where this one stopped.
#[derive(Debug)]
pub enum Failure {
    /// Only the operator can say it: which server it was, which format.
    Ask {
        /// What is not known.
        what: String,
        /// The choices.
        remedy: String,
    },
    /// The source as a whole; nothing is shown here.
    Source {
        /// File and line, server and reply.
        what: String,
        /// What helps.
        remedy: String,
    },
    /// Another import of the same account.
    Running,
    /// A session has the mailbox open, and what an earlier import has brought waits for its end: nothing
    /// can come behind that before.
    InUse,
    /// Our own side: a full disk, a failed write, a damaged ledger (`InvalidData`).
    Disk(io::Error),
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Read, or there from an earlier run.
    pub messages: usize,
    /// That are to come over.
    pub of: usize,
    /// Written so far.
    pub bytes: Bytes,
}

impl Imported {
    pub(super) fn count(&mut self, inventory: &Inventory, plan: &Plan, gathered: &Gathered) {
        self.found = inventory.messages.len() + inventory.skipped.len();
        self.read = vec![false; inventory.messages.len()];
        let staged = gathered.staged.iter().map(|(index, _)| index);
        for index in plan.equal.iter().chain(staged) {
            if let Some(read) = self.read.get_mut(*index) {
                *read = true;
            }
        }
        // What this run has only brought to its end came over in this run.
        self.already = plan.already.saturating_sub(self.imported);
        self.folders_skipped.clone_from(&inventory.folders_skipped);
        self.skipped = inventory.skipped.iter().chain(&gathered.skipped).cloned().collect();
        self.warnings.extend_from_slice(&inventory.warnings);
    }

    /// With what the old server listed.
    pub(super) fn listing(mut self, inventory: Inventory, gathered: &Gathered) -> Self {
        self.listed = inventory.messages;
        // What a source did not say beforehand was counted when it was read.
        for (index, staged) in &gathered.staged {
            if let Some(found) = self.listed.get_mut(*index) {
                found.octets = found.octets.or(Some(staged.octets));
            }
        }
        self
    }

    pub(super) fn add(&mut self, batch: Batch) {
        self.imported += batch.messages;
        self.bytes.0 += batch.bytes.0;
        self.uidl.kept += batch.uidl.kept;
        self.uidl.generated += batch.uidl.generated;
        self.uidl.renamed += batch.uidl.renamed;
        self.warnings.extend(batch.warnings);
    }

    /// What an earlier import of this mailbox has committed and not told anybody of. Whether there is any:
    /// that of another mailbox is for its own next import to tell.
    pub(super) fn add_earlier(&mut self, earlier: &Earlier) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let entries: HashMap<&[u8], _> =
            earlier.next.entries.iter().map(|entry| (&entry.base[..], entry)).collect();
        for step in earlier.moves.iter() {
            let base = name::base(step.name.as_bytes());
            let entry = entries.get(base);
            if !entry.is_some_and(|entry| entry.mailboxes.iter().eq(self.tag.iter().map(Tag::as_str))) {
                continue;
            }
            self.imported += 1;
            self.bytes.0 += name::parse(base).written.map_or(0, |written| written.bytes.0);
            match entry.map(|entry| (&entry.unique_id, &entry.origin)) {
                Some((Some(given), Origin::Kept(id) | Origin::Foreseen(id, _))) if given == id => {
                    self.uidl.kept += 1;
                }
                Some((Some(_), _)) => self.uidl.renamed += 1,
                _ => self.uidl.generated += 1,
            }
        }
        self.imported > 0
    }
}

/// An import that was committed and not brought to its end.
#[derive(Debug)]
pub(super) struct Earlier {
    /// What it has still to do.
    pub moves: moving::Moves,
    /// The ledger that comes with it.
    pub next: Ledger,
    /// Whether its end was told as a good one.
    pub is_told: bool,
}

impl Earlier {
    /// The one in this staging folder.
    pub fn of(staging: &Folder) -> io::Result<Option<Self>> {
        let Some(moves) = moving::committed(staging)? else { return Ok(None) };
        Ok(Some(Self { moves, next: moving::next(staging)?, is_told: moving::is_told(staging)? }))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Ask { what, remedy } => Self::Ask { what, remedy },
            Error::Source { what, remedy } => Self::Source { what, remedy },
            Error::Message { what } => Self::Source { what, remedy: "run it again".to_owned() },
            Error::Landing(error) => Self::Disk(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { what, remedy } | Self::Source { what, remedy } => write!(f, "{what}: {remedy}"),
            Self::Running => f.write_str("another import of this account is running"),
            Self::InUse => {
                f.write_str("a session has the mailbox open, and mail of an earlier import waits for its end")
            }
            Self::Disk(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::inventory;
    use super::*;

    #[test]
    fn what_could_not_be_read_was_found() {
        let item = |what: &str| SkippedItem { what: what.to_owned(), why: "not followed".to_owned() };
        let old = Inventory { skipped: ["a", "b", "c"].map(item).to_vec(), ..inventory(&["1", "2"]) };
        let mut imported = Imported::default();
        imported.count(&old, &Plan::default(), &Gathered::default());
        assert_eq!((imported.found, imported.skipped.len(), imported.read.len()), (5, 3, 2));
    }
}
