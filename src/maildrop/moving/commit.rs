//! Writing the commit mark of an import, and the ledger that goes with it, message by message.
//!
//! Knows what the files are called and in which order they must be on the disk; nothing of what is in the messages.

use super::{COMMIT, COMMIT_DRAFT, HEAD, LEDGER, Move, TOLD, has};
use crate::limits;
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::maildrop::tree::Place;
use crate::maildrop::{ledger, name, sealed};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// A commit in the making: the ledger and the list of moves, both written message by message.
#[derive(Debug)]
pub struct Commit<'a, D> {
    disk: &'a D,
    staging: &'a Folder,
    ledger: ledger::Draft,
    list: sealed::Draft,
}

impl<'a, D: Disk> Commit<'a, D> {
    /// Begins one in a staging folder without a commit mark.
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin(disk: &'a D, staging: &'a Folder) -> io::Result<Self> {
        if has(staging, TOLD)? {
            disk.unlink(staging, OsStr::new(TOLD))?; // Of an import whose moves were made since.
        }
        let ledger = ledger::Draft::create(disk, staging, OsStr::new(LEDGER))?;
        let list = sealed::Draft::create(disk, staging, OsStr::new(COMMIT_DRAFT), HEAD)?;
        Ok(Self { disk, staging, ledger, list })
    }

    /// Writes a message into the ledger, with the rest of what ever came over.
    ///
    /// # Errors
    /// What the disk says.
    pub fn note(&mut self, entry: &ledger::Entry) -> io::Result<()> {
        self.ledger.push(self.disk, entry)
    }

    /// Writes down what becomes of a staged file, which has been synced.
    ///
    /// # Errors
    /// What the disk says.
    pub fn step(&mut self, step: &Move) -> io::Result<()> {
        self.list.line(self.disk, &to_line(step))
    }

    /// Commits: when this returns, the staged files and the ledger are on the disk, and so is the word that
    /// they are to be shown.
    ///
    /// # Errors
    /// What the disk says. If it was the very last sync, the import may be committed all the same.
    pub fn finish(self) -> io::Result<()> {
        let Self { disk, staging, ledger, list } = self;
        // A mark that nobody can read would refuse every login.
        if ledger.finish(disk)?.max(list.finish(disk)?) > limits::LEDGER_FILE_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "more messages than one mailbox may bring along",
            ));
        }
        // What the mark speaks of must be there for good before the mark is.
        disk.sync_folder(staging)?;
        disk.replace(staging, OsStr::new(COMMIT_DRAFT), OsStr::new(COMMIT))?;
        disk.sync_folder(staging)
    }
}

fn to_line(Move { staged, place, name }: &Move) -> String {
    let place = if *place == Place::New { "new" } else { "cur" };
    format!("{place} {} {}\n", name::encode(staged.as_bytes()), name::encode(name.as_bytes()))
}
