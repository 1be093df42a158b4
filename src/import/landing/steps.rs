//! The steps of one import, one after the other: what an earlier one has left, the plan, the messages into the
//! staging folder, and all of them shown.
//!
//! Each may be the last: the disk may fail, the source may end, the power may go. What it leaves is what the
//! same import finds when it begins again.

use super::gather::{self, Gathered};
use super::naming::{self, Batch};
use super::outcome::{Earlier, Failure, Imported, Progress};
use super::plan::{self, Plan};
use super::staging::Staging;
use super::{Landing, recognise, twice};
use crate::import::{Inventory, Source};
use crate::limits;
use crate::mail::AccountAddress;
use crate::maildrop::disk::Disk;
use crate::maildrop::ledger::{Entry, Ledger};
use crate::maildrop::tree::Folders;
use crate::maildrop::{self, moving};
use std::ops::ControlFlow;
use std::time::{Instant, SystemTime};
use std::{io, mem};

/// One import on its way.
pub(super) struct Import<'a, D> {
    landing: &'a Landing<D>,
    account: &'a AccountAddress,
    folders: Folders,
    /// Nobody else has it as long as this lives.
    staging: Staging,
    /// What is told of it so far.
    imported: Imported,
}

/// What is to come, and what is here.
pub(super) struct Ready {
    inventory: Inventory,
    ledger: Ledger,
    plan: Plan,
    /// Entries that are noted too early as long as the rest has not come.
    shared: Vec<usize>,
}

/// What names are made from.
pub(super) struct Collected<'a> {
    pub inventory: &'a Inventory,
    pub ledger: &'a Ledger,
    pub gathered: &'a Gathered,
}

/// What is said of mail that came over, and that a session has not made room for yet.
const WAITS: &str = "a session has the mailbox open: the next login shows the mail";

impl<'a, D: Disk> Import<'a, D> {
    /// Makes and locks what is needed.
    pub(super) fn begin(
        landing: &'a Landing<D>,
        account: &'a AccountAddress,
        source: &dyn Source,
    ) -> Result<Self, Failure> {
        // The folder is synced first: a file in it survives a power cut only if the folder does.
        landing.tree.for_delivery(account, "new")?;
        let folders = landing.tree.existing_folders(account)?;
        let staging = Staging::open(&landing.tree.disk, &folders, !landing.is_in_use)?;
        let tag = source.provenance().tag();
        let imported = Imported { source: source.name(), tag, ..Imported::default() };
        Ok(Self { landing, account, folders, staging, imported })
    }

    /// Shows what an earlier import has brought whole. If that has to wait for a session, this one is over.
    pub(super) fn finish_earlier(
        mut self,
        source: &mut dyn Source,
    ) -> Result<ControlFlow<Imported, Self>, Failure> {
        let Some(earlier) = Earlier::of(&self.staging.folder)? else {
            return Ok(ControlFlow::Continue(self));
        };
        if !self.publish()? {
            return self.waiting(source, &earlier).map(ControlFlow::Break);
        }
        if !earlier.is_told {
            self.imported.add_earlier(&earlier);
        }
        let Self { landing, account, folders, staging, imported } = self;
        drop(staging); // Or it would keep itself out.
        let staging = Staging::open(&landing.tree.disk, &folders, !landing.is_in_use)?;
        Ok(ControlFlow::Continue(Self { landing, account, folders, staging, imported }))
    }

    /// All of it is here, and a session that does not end keeps it from being shown. Where nothing has come
    /// since, there is nothing to be done.
    fn waiting(mut self, source: &mut dyn Source, earlier: &Earlier) -> Result<Imported, Failure> {
        let inventory = source.inventory()?;
        let plan = Plan::of(&inventory, &earlier.next, self.imported.tag.as_ref());
        if !plan.wanted.is_empty() || !plan.doubted.is_empty() {
            return Err(Failure::InUse);
        }
        if !earlier.is_told && self.imported.add_earlier(earlier) {
            moving::note_told(self.disk(), &self.staging.folder)?;
        }
        let gathered = Gathered::default();
        self.imported.count(&inventory, &plan, &gathered);
        self.imported.warnings.push(WAITS.to_owned());
        Ok(self.imported.listing(inventory, &gathered))
    }

    /// Says what is to come.
    pub(super) fn prepare(&self, source: &mut dyn Source) -> Result<Ready, Failure> {
        self.plan(source).inspect_err(|_| self.landing.give_up(&self.folders, &self.staging))
    }

    fn plan(&self, source: &mut dyn Source) -> Result<Ready, Failure> {
        let tag = self.imported.tag.as_ref();
        twice::refuse_itself(&self.folders.root, source)?;
        let inventory = source.inventory()?;
        let mut ledger = Ledger::load(&self.folders.root)?;
        let mut plan = Plan::of(&inventory, &ledger, tag);
        // A large mailbox may take many logins to compare: what is called like nothing here does not wait for
        // that. What is called like another message does, or it would be taken for the other one.
        let is_in_use = self.landing.is_in_use;
        if is_in_use && !plan.wanted.is_empty() && !plan.wanted.iter().any(|wanted| wanted.is_ambiguous) {
            plan.doubted.clear();
        }
        let settled = match tag {
            Some(tag) => recognise::settle(source, &mut ledger, &mut plan, tag),
            None => Ok(Vec::new()),
        };
        match settled {
            Ok(shared) => Ok(Ready { inventory, ledger, plan, shared }),
            Err(failure) => {
                self.keep_looks(&plan, &ledger);
                Err(failure)
            }
        }
    }

    /// Brings what is to come into the staging folder.
    pub(super) fn gather(
        &mut self,
        source: &mut dyn Source,
        ready: &mut Ready,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Gathered, Failure> {
        let Ready { inventory, ledger, plan, shared } = ready;
        let (disk, syncers) = (&self.landing.tree.disk, self.landing.syncers);
        let wanted = (&*inventory, &*plan);
        let gathered = gather::gather(disk, &mut self.staging, source, wanted, syncers, watch);
        if gathered.as_ref().map_or(true, |gathered| gathered.holds_back) {
            recognise::unsettle(ledger, shared);
        }
        if gathered.is_err() {
            self.keep_looks(plan, ledger);
        }
        gathered
    }

    /// Commits what was gathered, and shows it.
    pub(super) fn show(mut self, ready: Ready, gathered: Gathered) -> Result<Imported, Failure> {
        let Ready { inventory, ledger, plan, .. } = ready;
        self.imported.count(&inventory, &plan, &gathered);
        // Who asks for newcomers has seen all that the mailbox had, whichever way it came.
        let mailbox = self.imported.tag.as_ref().filter(|_| !self.landing.is_in_use);
        let judged = twice::refuse_renumbered(&inventory, (&ledger, &plan), &gathered, mailbox);
        if judged.is_err() {
            moving::clear(self.disk(), &self.folders.root, &self.staging.folder)?;
        }
        self.imported.warnings.extend(judged?);
        // What was looked at is noted, though nothing come over.
        let notes_any = !plan.equal.is_empty();
        drop(plan);
        if gathered.staged.is_empty() && !notes_any {
            moving::clear(self.disk(), &self.folders.root, &self.staging.folder)?;
            return Ok(self.imported.listing(inventory, &gathered));
        }
        // Shown without it, the others would keep it from its place for good.
        let is_newcomers = self.landing.is_in_use || plan::has_landed(&ledger, mailbox);
        if !self.imported.is_complete() && !is_newcomers {
            self.imported.warnings.push("none of it is shown until all of it can be read".to_owned());
            return Ok(self.imported.listing(inventory, &gathered));
        }
        let collected = Collected { inventory: &inventory, ledger: &ledger, gathered: &gathered };
        let batch = self.commit(&collected)?;
        self.imported.add(batch);
        let mut imported = mem::take(&mut self.imported).listing(inventory, &gathered);
        drop((ledger, gathered)); // The moves need none of it.
        if !self.publish()? {
            moving::note_told(self.disk(), &self.staging.folder)?;
            imported.warnings.push(WAITS.to_owned());
        }
        Ok(imported)
    }

    /// What came over is named and committed, message by message.
    fn commit(&self, collected: &Collected<'_>) -> io::Result<Batch> {
        let mut commit = moving::Commit::begin(self.disk(), &self.staging.folder)?;
        collected.ledger.entries.iter().try_for_each(|entry| commit.note(entry))?;
        let batch = self.landing.batch(&self.imported, collected, &mut |entry, step| {
            commit.note(entry)?;
            commit.step(step)
        })?;
        commit.finish()?;
        Ok(batch)
    }

    /// What was recognised is noted though the import has failed, or a source that is cut off each time would be
    /// read from its beginning for ever. If that fails too, it costs time alone.
    fn keep_looks(&self, plan: &Plan, ledger: &Ledger) {
        if !plan.equal.is_empty() {
            let _ = moving::replace_ledger(self.disk(), &self.folders.root, &self.staging.folder, ledger);
        }
    }

    fn publish(&self) -> Result<bool, Failure> {
        self.landing.publish(self.account, &self.folders, &self.staging)
    }

    fn disk(&self) -> &'a D {
        &self.landing.tree.disk
    }
}

impl<D: Disk> Landing<D> {
    /// `false` when a session has the mailbox open and does not end: then the next login makes the moves.
    pub(super) fn publish(
        &self,
        account: &AccountAddress,
        folders: &Folders,
        staging: &Staging,
    ) -> Result<bool, Failure> {
        let until = Instant::now() + self.patience;
        loop {
            let step = self.left.as_ref().map(|left| left.last_step());
            if matches!(step, Some(None)) {
                return Ok(false);
            }
            match self.maildrops.keep_out(account, &folders.root) {
                Ok(_kept_out) => {
                    moving::finish(&self.tree.disk, folders, &staging.folder)?;
                    // What stays is in nobody's way; the next import takes it away.
                    let _ = moving::clear(&self.tree.disk, &folders.root, &staging.folder);
                    return Ok(true);
                }
                Err(maildrop::Error::Temporary(error)) => return Err(error.into()),
                Err(_) if Instant::now() >= until => return Ok(false),
                Err(_) => {
                    drop(step);
                    std::thread::sleep(limits::IMPORT_LOCK_POLL);
                }
            }
        }
    }

    /// An import that has not staged anything leaves the mailbox as open as it was.
    pub(super) fn give_up(&self, folders: &Folders, staging: &Staging) {
        if staging.left.is_empty() {
            // If it stays, logins are put off until the next import has ended.
            let _ = moving::clear(&self.tree.disk, &folders.root, &staging.folder);
        }
    }

    /// Unique-ids, order and file names of what was gathered; `each` is told one after the other.
    pub(super) fn batch(
        &self,
        imported: &Imported,
        collected: &Collected<'_>,
        each: &mut dyn FnMut(&Entry, &moving::Move) -> io::Result<()>,
    ) -> io::Result<Batch> {
        let Collected { inventory, ledger, gathered } = *collected;
        let names = (&self.host[..], imported.tag.as_ref(), self.is_in_use);
        naming::batch(inventory, ledger, &gathered.staged, names, SystemTime::now(), each)
    }
}
