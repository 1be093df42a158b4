//! Landing: the mail of an old server comes into a Maildir here, all of it at once or none.
//!
//! 1. `plan`: what has not come over yet, by the ledger.
//! 2. `staging`, `gather`: each such message into a folder beside new/ and cur/, synced.
//! 3. `naming`: unique-ids, order, file names.
//! 4. The commit mark, then the moves ([`crate::maildrop::moving`]), which a login also makes if it comes
//!    first.
//!
//! Broken off anywhere, the same import goes on where it stopped. Knows no format of an old server, no
//! account database and no command line.

mod burial;
mod gather;
mod naming;
mod plan;
mod proof;
mod staging;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use naming::Uidl;
pub use proof::{Difference, Here, Pair, There};

use super::{Error, Found, Inventory, SkippedFolder, SkippedItem, Source};
use crate::limits;
use crate::mail::{AccountAddress, Bytes, Domain};
use crate::maildrop::disk::{Disk, OwnedDisk, Owner};
use crate::maildrop::ledger::Ledger;
use crate::maildrop::tree::{Folders, Tree};
use crate::maildrop::{self, Maildrops, moving, name};
use gather::Gathered;
use plan::Plan;
use staging::Staging;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Hex digits of a digest: 128 bits, for messages that nobody made to collide with his own.
const DIGEST_LEN: usize = 32;

/// Brings mail into the Maildirs below DATA_DIR/mail.
#[derive(Debug)]
pub struct Landing<D = OwnedDisk> {
    tree: Tree<D>,
    maildrops: Arc<Maildrops>,
    /// As it may stand in a file name.
    host: String,
    /// Threads that wait for the disk; without any, whoever writes waits.
    syncers: usize,
    /// How long a session that has the mailbox open is waited for.
    patience: Duration,
    /// The mailbox is shown as it is meanwhile, though no message be in it.
    is_in_use: bool,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What it is.
    pub source: String,
    /// How many messages the old server listed.
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
}

impl Imported {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.skipped.is_empty()
    }
}

/// What an import begins with.
struct Ready {
    inventory: Inventory,
    ledger: Ledger,
    plan: Plan,
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

impl Landing {
    /// `mail` is DATA_DIR/mail, `hostname` ends in file names, `owner` is whose the files will be (`None`:
    /// whoever runs this). `maildrops` are those of this process.
    pub fn new(mail: PathBuf, hostname: &Domain, maildrops: Arc<Maildrops>, owner: Option<Owner>) -> Self {
        Self {
            tree: Tree::new(OwnedDisk(owner), mail),
            maildrops,
            host: name::safe_host(hostname.as_str()),
            syncers: limits::IMPORT_SYNCERS,
            patience: limits::IMPORT_PATIENCE,
            is_in_use: false,
        }
    }
}

impl<D: Disk> Landing<D> {
    /// For a mailbox whose old mail is here already: what has come to the old server since holds nobody up,
    /// also where all was read and deleted.
    #[must_use]
    pub fn in_use(mut self) -> Self {
        self.is_in_use = true;
        self
    }

    /// Brings over what has not come yet, and shows it. `watch` is told how far it is.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn import(
        &self,
        account: &AccountAddress,
        source: &mut dyn Source,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Imported, Failure> {
        // Made for good first: what is put into a folder lasts no longer than the folder.
        self.tree.for_delivery(account, "new")?;
        let folders = self.tree.existing_folders(account)?;
        let disk = &self.tree.disk;
        let mut staging = Staging::open(disk, &folders, !self.is_in_use)?;
        let mut imported = Imported { source: source.name(), ..Imported::default() };
        if let Some(earlier) = self.finish_earlier(account, &folders, &staging)? {
            imported.add_earlier(&earlier);
            drop(staging); // Or it would keep itself out.
            staging = Staging::open(disk, &folders, !self.is_in_use)?;
        }
        let ready = self.prepare(source, &folders);
        let Ready { inventory, ledger, plan } = match ready {
            Ok(ready) => ready,
            Err(failure) => {
                self.give_up(&folders, &staging);
                return Err(failure);
            }
        };
        let gathered = gather::gather(disk, &mut staging, source, (&inventory, &plan), self.syncers, watch)?;
        imported.count(&inventory, &plan, &gathered);
        if gathered.staged.is_empty() {
            moving::clear(disk, &folders.root, &staging.folder)?;
            return Ok(imported);
        }
        // Shown without it, the others would keep it from its place for good.
        if !imported.is_complete() && ledger.entries.iter().all(|entry| entry.base.is_empty()) {
            imported.warnings.push("none of it is shown until all of it can be read".to_owned());
            return Ok(imported);
        }
        let batch = naming::batch(&inventory, &ledger, &gathered.staged, &self.host, SystemTime::now());
        moving::commit(disk, &staging.folder, &batch.next, &batch.moves)?;
        imported.add(batch);
        if !self.publish(account, &folders, &staging)? {
            imported
                .warnings
                .push("a session has the mailbox open: the next login shows the mail".to_owned());
        }
        Ok(imported)
    }

    /// Whether the old server lists anything that has not come over yet. Writes nothing.
    ///
    /// # Errors
    /// What the disk says; `InvalidData` for a damaged ledger.
    pub fn lacks(&self, account: &AccountAddress, inventory: &Inventory) -> io::Result<bool> {
        let ledger = self.ledger(account)?;
        Ok(!Plan::of(inventory, &ledger).wanted.is_empty())
    }

    /// Says what an import would do, and writes nothing. Messages that share a unique-id are read, since it
    /// depends on their octets what becomes of it.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn rehearse(&self, account: &AccountAddress, source: &mut dyn Source) -> Result<Imported, Failure> {
        let mut imported = Imported { source: source.name(), ..Imported::default() };
        let inventory = source.inventory()?;
        let ledger = self.ledger(account)?;
        let plan = Plan::of(&inventory, &ledger);
        let gathered = gather::rehearse(source, &inventory, &plan)?;
        imported.count(&inventory, &plan, &gathered);
        imported.add(naming::batch(&inventory, &ledger, &gathered.staged, &self.host, SystemTime::now()));
        Ok(imported)
    }

    fn ledger(&self, account: &AccountAddress) -> io::Result<Ledger> {
        match self.tree.existing(account) {
            Ok(root) => Ledger::load(&root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(error) => Err(error),
        }
    }

    fn prepare(&self, source: &mut dyn Source, folders: &Folders) -> Result<Ready, Failure> {
        let ledger = Ledger::load(&folders.root)?;
        let inventory = source.inventory()?;
        let plan = Plan::of(&inventory, &ledger);
        Ok(Ready { inventory, ledger, plan })
    }

    /// An import that has not staged anything leaves the mailbox as open as it was.
    fn give_up(&self, folders: &Folders, staging: &Staging) {
        if staging.left.is_empty() {
            // If it stays, logins are put off until the next import has ended.
            let _ = moving::clear(&self.tree.disk, &folders.root, &staging.folder);
        }
    }

    /// Makes the moves of an import that was committed and then broken off; gives them.
    fn finish_earlier(
        &self,
        account: &AccountAddress,
        folders: &Folders,
        staging: &Staging,
    ) -> Result<Option<Vec<moving::Move>>, Failure> {
        let Some(moves) = moving::committed(&staging.folder)? else { return Ok(None) };
        if self.publish(account, folders, staging)? {
            return Ok(Some(moves));
        }
        Err(Failure::Disk(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "a session has the mailbox open, and mail of an earlier import waits for its end",
        )))
    }

    /// `false` when a session has the mailbox open and does not end: then the next login makes the moves.
    fn publish(
        &self,
        account: &AccountAddress,
        folders: &Folders,
        staging: &Staging,
    ) -> Result<bool, Failure> {
        let until = Instant::now() + self.patience;
        loop {
            match self.maildrops.keep_out(account, &folders.root) {
                Ok(_kept_out) => {
                    moving::finish(&self.tree.disk, folders, &staging.folder)?;
                    // What stays is in nobody's way; the next import takes it away.
                    let _ = moving::clear(&self.tree.disk, &folders.root, &staging.folder);
                    return Ok(true);
                }
                Err(maildrop::Error::Temporary(error)) => return Err(error.into()),
                Err(_) if Instant::now() >= until => return Ok(false),
                Err(_) => std::thread::sleep(limits::IMPORT_LOCK_POLL),
            }
        }
    }
}

impl Imported {
    fn count(&mut self, inventory: &Inventory, plan: &Plan, gathered: &Gathered) {
        self.found = inventory.messages.len();
        // What this run has only brought to its end came over in this run.
        self.already = plan.already.saturating_sub(self.imported);
        self.folders_skipped.clone_from(&inventory.folders_skipped);
        self.skipped = inventory.skipped.iter().chain(&gathered.skipped).cloned().collect();
        self.warnings.extend_from_slice(&inventory.warnings);
        self.listed.clone_from(&inventory.messages);
        // What a source did not say beforehand was counted when it was read.
        for (index, staged) in &gathered.staged {
            if let Some(found) = self.listed.get_mut(*index) {
                found.octets = found.octets.or(Some(staged.octets));
            }
        }
    }

    fn add(&mut self, batch: naming::Batch) {
        self.imported += batch.moves.len();
        self.bytes.0 += batch.bytes.0;
        self.uidl.kept += batch.uidl.kept;
        self.uidl.generated += batch.uidl.generated;
        self.uidl.renamed += batch.uidl.renamed;
        self.warnings.extend(batch.warnings);
    }

    fn add_earlier(&mut self, moves: &[moving::Move]) {
        use std::os::unix::ffi::OsStrExt;
        for step in moves {
            let parsed = name::parse(name::base(step.name.as_bytes()));
            self.imported += 1;
            self.bytes.0 += parsed.written.map_or(0, |written| written.bytes.0);
            match parsed.carried {
                name::Carried::Not => self.uidl.generated += 1,
                _ => self.uidl.kept += 1,
            }
        }
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
            Self::Disk(error) => error.fmt(f),
        }
    }
}
