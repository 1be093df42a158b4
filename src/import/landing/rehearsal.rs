//! What an import would do, or whether it would do anything. Writes nothing.

use super::plan::{self, Plan};
use super::steps::Collected;
use super::{Failure, Imported, Landing, gather, recognise, twice};
use crate::import::{Inventory, Source, Tag};
use crate::mail::AccountAddress;
use crate::maildrop::disk::Disk;
use crate::maildrop::ledger::Ledger;
use std::io;

impl<D: Disk> Landing<D> {
    /// Whether the old server lists anything in the mailbox `tag` that has not come over yet, or of which only
    /// a look can tell. Writes nothing.
    ///
    /// # Errors
    /// What the disk says; `InvalidData` for a damaged ledger.
    pub fn lacks(
        &self,
        account: &AccountAddress,
        inventory: &Inventory,
        tag: Option<&Tag>,
    ) -> io::Result<bool> {
        let plan = Plan::of(inventory, &self.ledger(account)?, tag);
        Ok(!plan.wanted.is_empty() || !plan.doubted.is_empty())
    }

    /// Says what an import would do, and writes nothing. Messages are read where it depends on their text what
    /// becomes of them: those that share a unique-id, and those of a mailbox that seems to be here already.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn rehearse(&self, account: &AccountAddress, source: &mut dyn Source) -> Result<Imported, Failure> {
        let tag = source.provenance().tag();
        let mut imported = Imported { source: source.name(), tag, ..Imported::default() };
        if let Ok(root) = self.tree.existing(account) {
            twice::refuse_itself(&root, source)?;
        }
        let inventory = source.inventory()?;
        let mut ledger = self.ledger(account)?;
        let mut plan = Plan::of(&inventory, &ledger, imported.tag.as_ref());
        if let Some(tag) = &imported.tag {
            recognise::settle(source, &mut ledger, &mut plan, tag)?;
        }
        let mailbox = imported.tag.as_ref();
        let may_be_here = plan.wanted.len() > plan.already && plan::has_landed(&ledger, mailbox);
        let gathered = gather::rehearse(source, &inventory, &plan, may_be_here)?;
        let warning = twice::refuse_renumbered(&inventory, (&ledger, &plan), &gathered, mailbox)?;
        imported.count(&inventory, &plan, &gathered);
        imported.warnings.extend(warning);
        let collected = Collected { inventory: &inventory, ledger: &ledger, gathered: &gathered };
        let batch = self.batch(&imported, &collected, &mut |_, _| Ok(()))?;
        imported.add(batch);
        Ok(imported.listing(inventory, &gathered))
    }

    fn ledger(&self, account: &AccountAddress) -> io::Result<Ledger> {
        match self.tree.existing(account) {
            Ok(root) => Ledger::load(&root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(error) => Err(error),
        }
    }
}
