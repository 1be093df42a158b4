//! The maildrop: one account's Maildir, locked and numbered for one POP3 session.
//!
//! The Maildir is the index: every fact that POP3 needs stands in the file names, and a maildrop opens
//! with one look at two folders. Knows files and locks. Knows no socket, no command and no account
//! database.

mod cold;
pub mod disk;
mod find;
pub mod folder;
mod gather;
pub mod ledger;
mod listing;
mod lock;
pub mod moving;
pub mod name;
mod scan;
pub mod sealed;
mod sizes;
pub mod tree;
#[cfg(test)]
pub mod twin;
mod update;
pub mod usage;

pub use usage::{purge, usage};

use crate::mail::{AccountAddress, Bytes, Contents, LineEnds, MessageNumber, Octets, Peer, UniqueId};
use disk::{Disk, OsDisk};
use listing::{Listing, Stored};
use lock::{Lock, Locks};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tree::{Folders, Tree};

/// All maildrops of this process: knows which are open, by whom, and since when their session is silent.
#[derive(Debug)]
pub struct Maildrops {
    tree: Tree<OsDisk>,
    locks: Arc<Locks>,
}

/// One open maildrop. Dropping it releases the lock and changes nothing else.
#[derive(Debug)]
pub struct Maildrop {
    lock: Lock,
    /// `None` for an empty maildrop whose folders could not be made on a full disk.
    folders: Option<Folders>,
    listing: Arc<Listing>,
}

/// A maildrop that no session can open. Dropping it lets them in again.
#[derive(Debug)]
pub struct KeptOut {
    _lock: Lock,
}

/// One message, as the scan listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What UIDL shows (RFC 1939, 7).
    pub unique_id: UniqueId,
    /// What LIST shows: exactly what RETR sends, before dot-stuffing.
    pub octets: Octets,
}

/// What QUIT asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Marked by DELE.
    pub deleted: Vec<MessageNumber>,
    /// Retrieved and kept: to cur/, with the flag S.
    pub seen: Vec<MessageNumber>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Marked messages that are gone, on the disk too.
    pub removed: usize,
    /// Marked messages that may still be there, now or after a power cut.
    pub failed: usize,
}

/// Why a maildrop cannot be opened, read or updated.
#[derive(Debug)]
pub enum Error {
    /// Another session has it.
    InUse,
    /// This session had it, and another one took it over.
    TakenOver,
    /// An import gathers the mail of a mailbox that was empty: what there is must not be shown alone.
    BeingMoved,
    /// A neighbour removed the message.
    Gone,
    /// The file is not what its name said when it was listed; the next login counts it anew.
    Changed,
    /// The disk; the text is for the log.
    Temporary(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("another session has the maildrop"),
            Self::TakenOver => f.write_str("another session took the maildrop over"),
            Self::BeingMoved => f.write_str("an import of its mail is under way, or was broken off"),
            Self::Gone => f.write_str("somebody else removed the message"),
            Self::Changed => f.write_str("the message is not the one that was listed"),
            Self::Temporary(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Temporary(error)
    }
}

/// One message, opened. Reads are blocking.
#[derive(Debug)]
pub struct Message {
    /// At its first byte.
    pub file: std::fs::File,
    /// How its line ends become CR LF.
    pub line_ends: LineEnds,
    /// The size that was listed, and that the file had when it was opened.
    pub bytes: Bytes,
}

/// Messages and bytes of one account, for `account list` and quotas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files in new/ and cur/.
    pub messages: usize,
    /// Their sizes, added up.
    pub bytes: Bytes,
}

impl Maildrops {
    /// `mail` is DATA_DIR/mail; missing folders are made when needed, 0700.
    pub fn new(mail: PathBuf) -> Arc<Self> {
        Arc::new(Self { tree: Tree::new(OsDisk, mail), locks: Arc::default() })
    }

    /// Locks and scans; makes the Maildir if it is missing.
    ///
    /// # Errors
    /// `InUse`, `BeingMoved`, `Temporary`; `TakenOver` if that happened during a very long scan.
    pub fn open(self: &Arc<Self>, account: &AccountAddress, holder: Peer) -> Result<Maildrop, Error> {
        self.open_at(account, holder, Instant::now())
    }

    /// Keeps sessions out, as long as the value lives, without looking at any message: for an import's
    /// last step.
    ///
    /// # Errors
    /// `InUse`, `Temporary`.
    pub fn keep_out(&self, account: &AccountAddress, root: &folder::Folder) -> Result<KeptOut, Error> {
        let lock = self.locks.take(account, Peer::Unix, Instant::now())?;
        lock.attach(root)?;
        Ok(KeptOut { _lock: lock })
    }

    fn open_at(&self, account: &AccountAddress, holder: Peer, now: Instant) -> Result<Maildrop, Error> {
        let lock = self.locks.take(account, holder, now)?;
        let Some(folders) = folders_if_any(&self.tree, account)? else {
            return Ok(Maildrop { lock, folders: None, listing: Arc::default() });
        };
        lock.attach(&folders.root)?;
        moving::settle(&self.tree.disk, &folders)?;
        let listing = scan::scan(&self.tree.disk, &folders)?;
        Ok(Maildrop { lock, folders: Some(folders), listing: Arc::new(listing) })
    }
}

/// `None` for a Maildir that cannot be made because the disk is full or read-only, while no message is
/// in what there is of it: it is empty, and that can be said truthfully.
fn folders_if_any<D: Disk>(tree: &Tree<D>, account: &AccountAddress) -> Result<Option<Folders>, Error> {
    match tree.folders(account) {
        Ok(folders) => Ok(Some(folders)),
        Err(error) if no_room(&error) && is_empty(tree, account) => Ok(None),
        Err(error) => Err(Error::Temporary(error)),
    }
}

/// Whether no message can be there: not the Maildir, or neither new/ nor cur/, or nothing in either. The
/// disk may have had room for the first folders and not for the next.
fn is_empty<D: Disk>(tree: &Tree<D>, account: &AccountAddress) -> bool {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let root = match tree.existing(account) {
        Ok(root) => root,
        Err(error) => return is_missing(&error),
    };
    ["new", "cur"].iter().all(|name| match tree.disk.open_folder(&root, OsStr::new(name)) {
        Ok(folder) => {
            let mut files = 0;
            tree.disk.each_file(&folder, &mut |_| files += 1).is_ok() && files == 0
        }
        Err(error) => is_missing(&error),
    })
}

fn no_room(error: &io::Error) -> bool {
    disk::is_full(error) || error.kind() == io::ErrorKind::ReadOnlyFilesystem
}

impl Maildrop {
    /// What a session shows of the messages; shared, not copied.
    pub fn contents(&self) -> Arc<dyn Contents> {
        Arc::clone(&self.listing) as Arc<dyn Contents>
    }

    /// How many octets there are in all.
    pub fn total(&self) -> Octets {
        self.listing.total()
    }

    /// The scan listing, in the order of the message numbers, copied: for those who look at few.
    pub fn entries(&self) -> Vec<Entry> {
        self.listing.entries()
    }

    /// The names of the files without their flags, in the same order.
    pub fn bases(&self) -> Vec<Vec<u8>> {
        let stored = (0..self.listing.count()).filter_map(|index| self.listing.stored(index));
        stored.map(|stored| stored.at.base().to_vec()).collect()
    }

    /// The client was heard from (or takes octets). `false` once another session has taken over.
    pub fn touch(&self) -> bool {
        self.lock.touch(Instant::now())
    }

    /// Opens a message, wherever a neighbour has moved it meanwhile.
    ///
    /// # Errors
    /// `TakenOver`, `Gone`, `Changed`, `Temporary`.
    pub fn read(&self, number: MessageNumber) -> Result<Message, Error> {
        if !self.lock.is_held() {
            return Err(Error::TakenOver);
        }
        let folders = self.folders.as_ref().ok_or(Error::Gone)?;
        let stored = self.listing.stored(number.index()).ok_or(Error::Gone)?;
        let file = find::open(&OsDisk, folders, &stored.at, &stored.sought())?.ok_or(Error::Gone)?;
        let Stored { at, bytes, line_ends, .. } = stored;
        // RETR must send what LIST said, or the client waits for octets that never come.
        if file.metadata()?.len() != bytes.0 {
            scan::distrust(&folders.root, &at);
            return Err(Error::Changed);
        }
        Ok(Message { file, line_ends, bytes })
    }

    /// Removes and flags, on the disk when it returns; the lock is free when it returns.
    ///
    /// # Errors
    /// `TakenOver`, and then nothing was done.
    pub fn update(self, changes: &Changes) -> Result<Updated, Error> {
        self.lock.begin_update()?;
        let Some(folders) = &self.folders else { return Ok(Updated::default()) };
        Ok(update::update(&OsDisk, folders, &self.listing, changes))
    }
}

#[cfg(test)]
mod tests;
