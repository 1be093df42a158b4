//! Landing: the mail of an old server comes into a Maildir here, all of it at once or none.
//!
//! 1. `plan`: what has not come over yet, by the ledger; `recognise`: or by a look at it, where the ledger
//!    may speak of another mailbox.
//! 2. `staging`, `gather`: each such message into a folder beside new/ and cur/, synced.
//! 3. `naming`: unique-ids, order, file names.
//! 4. The commit mark, then the moves ([`crate::maildrop::moving`]), which a login also makes if it comes
//!    first.
//!
//! Broken off anywhere, the same import goes on where it stopped. Knows no format of an old server, no
//! account database and no command line.

mod burial;
mod digest;
mod gather;
mod naming;
mod outcome;
mod plan;
mod proof;
mod recognise;
mod rehearsal;
mod staging;

#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use naming::Uidl;
pub use outcome::{Failure, Imported, Progress};
pub use proof::{Difference, Here, Pair, There};

use super::{Inventory, Source, Tag};
use crate::limits;
use crate::mail::{AccountAddress, Domain};
use crate::maildrop::disk::{Disk, OwnedDisk, Owner};
use crate::maildrop::ledger::{Entry, Ledger};
use crate::maildrop::tree::{Folders, Tree};
use crate::maildrop::{self, Maildrops, moving, name};
use gather::Gathered;
use naming::Batch;
use outcome::Earlier;
use plan::Plan;
use staging::Staging;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

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

/// What an import begins with.
struct Ready {
    inventory: Inventory,
    ledger: Ledger,
    plan: Plan,
    /// Entries that are noted too early as long as the rest has not come.
    shared: Vec<usize>,
}

/// What is said of mail that came over, and that a session has not made room for yet.
const WAITS: &str = "a session has the mailbox open: the next login shows the mail";

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
        let tag = source.provenance().tag();
        let mut imported = Imported { source: source.name(), tag, ..Imported::default() };
        if let Some(earlier) = Earlier::of(&staging.folder)? {
            if !self.publish(account, &folders, &staging)? {
                return self.waiting(source, imported, &earlier, &staging);
            }
            if !earlier.is_told {
                imported.add_earlier(&earlier);
            }
            drop(staging); // Or it would keep itself out.
            staging = Staging::open(disk, &folders, !self.is_in_use)?;
        }
        let ready = self.prepare(source, (&folders, &staging), imported.tag.as_ref());
        let Ready { inventory, mut ledger, plan, shared } = match ready {
            Ok(ready) => ready,
            Err(failure) => {
                self.give_up(&folders, &staging);
                return Err(failure);
            }
        };
        let gathered = gather::gather(disk, &mut staging, source, (&inventory, &plan), self.syncers, watch);
        if gathered.is_err() {
            recognise::unsettle(&mut ledger, &shared);
            self.keep_looks(&folders, &staging, &plan, &ledger);
        }
        let gathered = gathered?;
        if gathered.holds_back {
            recognise::unsettle(&mut ledger, &shared);
        }
        imported.count(&inventory, &plan, &gathered);
        // What was looked at is noted, though nothing come over.
        let notes_any = !plan.equal.is_empty();
        drop(plan);
        if gathered.staged.is_empty() && !notes_any {
            moving::clear(disk, &folders.root, &staging.folder)?;
            return Ok(imported.listing(inventory, &gathered));
        }
        // Shown without it, the others would keep it from its place for good.
        if !imported.is_complete() && ledger.entries.iter().all(|entry| entry.base.is_empty()) {
            imported.warnings.push("none of it is shown until all of it can be read".to_owned());
            return Ok(imported.listing(inventory, &gathered));
        }
        let batch = self.commit(&imported, (&inventory, &ledger, &gathered), &staging)?;
        imported.add(batch);
        let mut imported = imported.listing(inventory, &gathered);
        drop((ledger, gathered)); // The moves need none of it.
        if !self.publish(account, &folders, &staging)? {
            moving::note_told(disk, &staging.folder)?;
            imported.warnings.push(WAITS.to_owned());
        }
        Ok(imported)
    }

    fn prepare(
        &self,
        source: &mut dyn Source,
        (folders, staging): (&Folders, &Staging),
        tag: Option<&Tag>,
    ) -> Result<Ready, Failure> {
        let inventory = source.inventory()?;
        let mut ledger = Ledger::load(&folders.root)?;
        let mut plan = Plan::of(&inventory, &ledger, tag);
        // A large mailbox may take many logins to compare: what is called like nothing here does not wait for
        // that. What is called like another message does, or it would be taken for the other one.
        if self.is_in_use && !plan.wanted.is_empty() && !plan.wanted.iter().any(|wanted| wanted.is_ambiguous)
        {
            plan.doubted.clear();
        }
        let settled = match tag {
            Some(tag) => recognise::settle(source, &mut ledger, &mut plan, tag),
            None => Ok(Vec::new()),
        };
        match settled {
            Ok(shared) => Ok(Ready { inventory, ledger, plan, shared }),
            Err(failure) => {
                self.keep_looks(folders, staging, &plan, &ledger);
                Err(failure)
            }
        }
    }

    /// What was recognised is noted though the import has failed, or a source that is cut off each time would be
    /// read from its beginning for ever. If that fails too, it costs time alone.
    fn keep_looks(&self, folders: &Folders, staging: &Staging, plan: &Plan, ledger: &Ledger) {
        if !plan.equal.is_empty() {
            let _ = moving::replace_ledger(&self.tree.disk, &folders.root, &staging.folder, ledger);
        }
    }

    /// What came over is named and committed, message by message.
    fn commit(
        &self,
        imported: &Imported,
        (inventory, ledger, gathered): (&Inventory, &Ledger, &Gathered),
        staging: &Staging,
    ) -> io::Result<Batch> {
        let mut commit = moving::Commit::begin(&self.tree.disk, &staging.folder)?;
        ledger.entries.iter().try_for_each(|entry| commit.note(entry))?;
        let batch = self.batch(imported, (inventory, ledger, gathered), &mut |entry, step| {
            commit.note(entry)?;
            commit.step(step)
        })?;
        commit.finish()?;
        Ok(batch)
    }

    fn batch(
        &self,
        imported: &Imported,
        (inventory, ledger, gathered): (&Inventory, &Ledger, &Gathered),
        each: &mut dyn FnMut(&Entry, &moving::Move) -> io::Result<()>,
    ) -> io::Result<Batch> {
        let names = (&self.host[..], imported.tag.as_ref(), self.is_in_use);
        naming::batch(inventory, ledger, &gathered.staged, names, SystemTime::now(), each)
    }

    /// An import that has not staged anything leaves the mailbox as open as it was.
    fn give_up(&self, folders: &Folders, staging: &Staging) {
        if staging.left.is_empty() {
            // If it stays, logins are put off until the next import has ended.
            let _ = moving::clear(&self.tree.disk, &folders.root, &staging.folder);
        }
    }

    /// All of it is here, and a session that does not end keeps it from being shown. Where nothing has come
    /// since, there is nothing to be done.
    fn waiting(
        &self,
        source: &mut dyn Source,
        mut imported: Imported,
        earlier: &Earlier,
        staging: &Staging,
    ) -> Result<Imported, Failure> {
        let inventory = source.inventory()?;
        let plan = Plan::of(&inventory, &earlier.next, imported.tag.as_ref());
        if !plan.wanted.is_empty() || !plan.doubted.is_empty() {
            return Err(Failure::InUse);
        }
        if !earlier.is_told && imported.add_earlier(earlier) {
            moving::note_told(&self.tree.disk, &staging.folder)?;
        }
        let gathered = Gathered::default();
        imported.count(&inventory, &plan, &gathered);
        imported.warnings.push(WAITS.to_owned());
        Ok(imported.listing(inventory, &gathered))
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
