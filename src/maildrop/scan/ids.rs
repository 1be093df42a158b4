//! Unique-ids: what another server called a message is shown as it is; for all others a legal one, and no
//! two the same.
//!
//! Knows names and the ledger.

use super::candidate::Candidate;
use crate::mail::UniqueId;
use crate::maildrop::ledger::Ledger;
use crate::maildrop::listing::Name;
use crate::maildrop::name::{self, Carried};
use std::collections::{HashMap, HashSet};

/// Gives an id to each message whose own cannot be shown.
///
/// What another server gave is shown as it is: two messages that share one are equal, the import has seen
/// to that. Any other is shown once: when two messages are called the same, neither keeps it, and a client
/// then fetches one a second time, where otherwise it could take a new message for one it has, and never
/// fetch it. For the same reason none of them is ever one of the old server's.
///
/// That is true of those that are here together. A program that came while the first was alone knows that one
/// by the name itself; when another program then removes the first, the second, alone now, is shown by
/// that name, and the program takes it for the one it has. To know better, every unique-id that was ever shown
/// would have to be written down; but names that agree so far are made by copying, not by delivering.
pub(super) fn settle(text: &mut Vec<u8>, candidates: &mut [Candidate], ledger: &Ledger) {
    for (index, id) in changes(text, candidates, ledger) {
        if let Some(candidate) = candidates.get_mut(index) {
            candidate.give(text, &id);
        }
    }
}

/// The ids of those messages whose own cannot be shown. Most Maildirs have none of them.
fn changes(text: &[u8], candidates: &[Candidate], ledger: &Ledger) -> Vec<(usize, UniqueId)> {
    let noted = ledger.by_base();
    let mut taken: HashSet<&[u8]> = ledger.unique_ids().into_iter().map(UniqueId::as_bytes).collect();
    taken.extend(ids(text, candidates, Candidate::keeps_what_came));
    let repeated = claim(&mut taken, ids(text, candidates, |candidate| candidate.carried == Carried::Not));
    let mut made = HashSet::new();
    let change = |(index, candidate): (usize, &Candidate)| {
        candidate.change(text, &noted, &repeated, &taken, &mut made).map(|id| (index, id))
    };
    candidates.iter().enumerate().filter_map(change).collect()
}

/// The ids, as far as there are any, of some of the messages.
fn ids<'t>(
    text: &'t [u8],
    of: &[Candidate],
    which: fn(&Candidate) -> bool,
) -> impl Iterator<Item = &'t [u8]> {
    let some = of.iter().filter(move |candidate| which(candidate));
    some.map(|candidate| candidate.name.id(text)).filter(|id| !id.is_empty())
}

/// Takes ids; gives back those that were taken already.
fn claim<'t>(taken: &mut HashSet<&'t [u8]>, ids: impl Iterator<Item = &'t [u8]>) -> HashSet<&'t [u8]> {
    ids.filter(|id| !taken.insert(id)).collect()
}

impl Candidate {
    /// Whether its name carries another server's id. Of two files of one name at most one is what it says.
    fn keeps_what_came(&self) -> bool {
        self.carried == Carried::InName && self.salt() == 0
    }

    /// Another id than the one at hand, if that cannot be shown.
    fn change<'t>(
        &self,
        text: &'t [u8],
        noted: &HashMap<&[u8], &UniqueId>,
        repeated: &HashSet<&'t [u8]>,
        taken: &HashSet<&'t [u8]>,
        made: &mut HashSet<UniqueId>,
    ) -> Option<UniqueId> {
        let base = name::base(self.name.text(text));
        let id = self.name.id(text);
        let own = self.carried == Carried::Not && !repeated.contains(id);
        if !id.is_empty() && (own || self.keeps_what_came()) {
            return None;
        }
        if let (Carried::InLedger, 0, Some(&id)) = (self.carried, self.salt(), noted.get(base)) {
            return Some(id.clone());
        }
        let mut salt = self.salt();
        loop {
            let id = name::derived_id(base, salt);
            // Somebody may have named a file after the hash of another.
            if !taken.contains(id.as_bytes()) && made.insert(id.clone()) {
                return Some(id);
            }
            salt = salt.wrapping_add(1);
        }
    }

    /// Shows it under this id from now on.
    fn give(&mut self, text: &mut Vec<u8>, id: &UniqueId) {
        let name = self.name.text(text).to_vec();
        match Name::add_with(text, self.name.place(), &name, id.as_bytes()) {
            Some(name) => self.name = name,
            None => self.rare.get_or_insert_default().long_id = Some(id.clone()),
        }
    }
}
