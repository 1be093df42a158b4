//! An import's last step, which whoever finds it begun brings to its end: all staged messages move into
//! the Maildir, or none has.
//!
//! An import gathers messages in a folder of its own inside the Maildir, where no tool looks for mail. Once
//! they and the ledger that goes with them are on the disk, it writes the list of moves: that file is the
//! commit mark. From then on nothing stands between the messages and their owner but the moves, and a
//! login that finds the mark makes them first. Every step may be done twice, so it may be broken off anywhere.
//! Knows no source and no account.

mod commit;

pub use commit::Commit;

use super::disk::Disk;
use super::folder::Folder;
use super::tree::{Folders, Place};
use super::update::same_file;
use super::{Error, ledger, name, sealed};
use crate::limits;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStringExt;

/// The folder, in the Maildir. No dot in front: that would be a Maildir++ folder.
pub const STAGING: &str = "restante-import";
/// In it: the list of moves, and the commit mark.
const COMMIT: &str = "commit";
/// In it: the list while it is written.
const COMMIT_DRAFT: &str = "commit.draft";
/// In it: the ledger that takes the old one's place.
const LEDGER: &str = "ledger";
/// In it: says that no message was in the Maildir when the import began. What came since must not be
/// shown alone: a mail program that saw that would forget what it knows of the old server's mail.
const WAS_EMPTY: &str = "was-empty";
/// In it: says that whoever ran the import was told that all went well, though the moves wait for a session.
const TOLD: &str = "told";
const HEAD: &str = "restante-import 1\n";

/// One staged file and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its name in the staging folder.
    pub staged: OsString,
    /// Where it goes.
    pub place: Place,
    /// Its name there, flags included.
    pub name: OsString,
}

/// Whether a file in the staging folder is one of those named here, and no message.
pub fn is_our_own(name: &OsStr) -> bool {
    [COMMIT, COMMIT_DRAFT, LEDGER, WAS_EMPTY, TOLD].iter().any(|own| name == *own)
}

/// What a login does before it lists: nothing, usually; it finishes what was committed.
///
/// # Errors
/// `BeingMoved` while an import gathers the mail of a mailbox that was empty; `Temporary`.
pub fn settle<D: Disk>(disk: &D, folders: &Folders) -> Result<(), Error> {
    let staging = match disk.open_folder(&folders.root, OsStr::new(STAGING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    if has(&staging, COMMIT)? {
        finish(disk, folders, &staging)?;
        tidy(disk, folders, &staging);
    } else if has(&staging, WAS_EMPTY)? {
        return Err(Error::BeingMoved);
    }
    Ok(())
}

/// Whether [`settle`] puts logins off: until an import into a Maildir that was empty ends well, or [`release`].
///
/// # Errors
/// What the disk says.
pub fn puts_logins_off<D: Disk>(disk: &D, root: &Folder) -> io::Result<bool> {
    match disk.open_folder(root, OsStr::new(STAGING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        staging => staging.and_then(|staging| Ok(!has(&staging, COMMIT)? && has(&staging, WAS_EMPTY)?)),
    }
}

/// Removes the folder behind the moves, unless another import is at it: what that has put there must stay.
/// What stays is in nobody's way; the next import takes it away.
fn tidy<D: Disk>(disk: &D, folders: &Folders, staging: &Folder) {
    let Ok(lock) = staging.reopen().map(File::from) else { return };
    if lock.try_lock().is_ok() && has(staging, COMMIT).is_ok_and(|committed| !committed) {
        let _ = clear(disk, &folders.root, staging);
    }
}

/// Lets logins in again where an import was given up: its staged messages stay for the next one.
///
/// # Errors
/// `WouldBlock` while an import is running; what the disk says.
pub fn release<D: Disk>(disk: &D, root: &Folder) -> io::Result<()> {
    let staging = match disk.open_folder(root, OsStr::new(STAGING)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let lock = File::from(staging.reopen()?);
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    // A committed one is finished by the next login.
    if !has(&staging, COMMIT)? && has(&staging, WAS_EMPTY)? {
        disk.unlink(&staging, OsStr::new(WAS_EMPTY))?;
        disk.sync_folder(&staging)?;
    }
    Ok(())
}

/// Notes that the Maildir was empty when the import began. Durable with the folder's next sync.
///
/// # Errors
/// What the disk says.
pub fn note_empty<D: Disk>(disk: &D, staging: &Folder) -> io::Result<()> {
    note(disk, staging, WAS_EMPTY)
}

/// Notes that what is committed was told to have come over. If it is forgotten, it is told once more.
///
/// # Errors
/// What the disk says.
pub fn note_told<D: Disk>(disk: &D, staging: &Folder) -> io::Result<()> {
    note(disk, staging, TOLD)
}

/// Whether it was.
///
/// # Errors
/// What the disk says.
pub fn is_told(staging: &Folder) -> io::Result<bool> {
    has(staging, TOLD)
}

fn note<D: Disk>(disk: &D, staging: &Folder, what: &str) -> io::Result<()> {
    match disk.create(staging, OsStr::new(what)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The ledger that comes with what is committed.
///
/// # Errors
/// `InvalidData` for a damaged one; what the disk says.
pub fn next(staging: &Folder) -> io::Result<ledger::Ledger> {
    ledger::Ledger::read(staging, OsStr::new(LEDGER))
}

/// The moves of an import that was committed and not finished; `None` when there is none.
///
/// # Errors
/// `InvalidData` for a damaged list; what the disk says.
pub fn committed(staging: &Folder) -> io::Result<Option<Moves>> {
    let file = OsStr::new(COMMIT);
    let Some(lines) = sealed::read(staging, file, HEAD, limits::LEDGER_FILE_MAX)? else { return Ok(None) };
    if lines.lines().any(|line| parse_line(line).is_none()) {
        return Err(sealed::damaged(staging, file));
    }
    Ok(Some(Moves(lines)))
}

/// Moves as lines, which is the shortest way to hold many.
#[derive(Debug)]
pub struct Moves(String);

impl Moves {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Move> {
        self.0.lines().filter_map(parse_line)
    }
}

/// Moves what was committed and puts the ledger in force; what is left of the staging folder means nothing
/// then, and whoever has locked it may [`clear`] it. The maildrop must be locked.
///
/// # Errors
/// What the disk says; the mark stays, and the next one to look goes on.
pub fn finish<D: Disk>(disk: &D, folders: &Folders, staging: &Folder) -> io::Result<()> {
    let Some(moves) = committed(staging)? else { return Ok(()) };
    for step in moves.iter() {
        link(disk, folders, staging, &step)?;
    }
    for place in [Place::New, Place::Cur] {
        if moves.iter().any(|step| step.place == place) {
            disk.sync_folder(folders.of(place))?;
        }
    }
    ledger::install(disk, &folders.root, staging, OsStr::new(LEDGER))?;
    // Before the mark: without the mark, and with this, logins would be refused for ever.
    if has(staging, WAS_EMPTY)? {
        disk.unlink(staging, OsStr::new(WAS_EMPTY))?;
        disk.sync_folder(staging)?;
    }
    // Before anybody can delete a message: a mark that came back would bring it back.
    disk.unlink(staging, OsStr::new(COMMIT))?;
    disk.sync_folder(staging)
}

/// Puts a ledger in the place of the old one, without any move. The staging folder must be locked, and without
/// a commit mark.
///
/// # Errors
/// What the disk says; then the old one is in force, or the new one.
pub fn replace_ledger<D: Disk>(
    disk: &D,
    root: &Folder,
    staging: &Folder,
    next: &ledger::Ledger,
) -> io::Result<()> {
    let mut draft = ledger::Draft::create(disk, staging, OsStr::new(LEDGER))?;
    next.entries.iter().try_for_each(|entry| draft.push(disk, entry))?;
    draft.finish(disk)?;
    ledger::install(disk, root, staging, OsStr::new(LEDGER))
}

/// Removes the staging folder and what is left in it; without a commit mark it means nothing.
///
/// # Errors
/// What the disk says.
pub fn clear<D: Disk>(disk: &D, root: &Folder, staging: &Folder) -> io::Result<()> {
    let mut names = Vec::new();
    disk.each_file(staging, &mut |name| names.push(name.to_owned()))?;
    // Last, or a crash in between shows the mailbox while the import has not begun again.
    names.sort_by_key(|name| name == WAS_EMPTY);
    for name in names {
        disk.unlink(staging, &name)?;
    }
    disk.remove_folder(root, OsStr::new(STAGING))?;
    disk.sync_folder(root)
}

/// A second name and not a rename: with that, a message could be gone from the one folder for good and not
/// yet be in the other.
fn link<D: Disk>(disk: &D, folders: &Folders, staging: &Folder, step: &Move) -> io::Result<()> {
    let (from, to) = ((staging, &step.staged[..]), (folders.of(step.place), &step.name[..]));
    match disk.link(from, to) {
        // This was done before, and broken off behind it; done anew, because the sync behind it may have
        // failed, and another sync of what was written then proves nothing.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_file(from, to) => {
            disk.unlink(to.0, to.1)?;
            disk.link(from, to)
        }
        linked => linked,
    }
}

fn has(folder: &Folder, name: &str) -> io::Result<bool> {
    match folder.stat(OsStr::new(name)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn parse_line(line: &str) -> Option<Move> {
    let mut fields = line.split(' ');
    let place = match fields.next()? {
        "new" => Place::New,
        "cur" => Place::Cur,
        _ => return None,
    };
    let mut name =
        || name::decode(fields.next()?.as_bytes()).filter(|name| is_name(name)).map(OsString::from_vec);
    Some(Move { staged: name()?, place, name: name()? })
}

/// A list that somebody put into the Maildir must not lead out of it.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'/') && name != b"." && name != b".."
}

#[cfg(test)]
mod tests;
