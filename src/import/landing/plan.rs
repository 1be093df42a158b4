//! What of an old server's mail is still to be brought here.
//!
//! Knows the inventory and the ledger; reads no message and no folder.

use super::digest::Digest;
use crate::import::{Found, Inventory, Tag, UniqueIdOf};
use crate::mail::UniqueId;
use crate::maildrop::ledger::{Entry, Ledger, Origin};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};

/// What there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the inventory.
    pub wanted: Vec<Wanted>,
    /// Messages that came over before, whether they are still here or were deleted since.
    pub already: usize,
    /// Messages that are called like some that came over from another mailbox, in the order of the inventory.
    pub doubted: Vec<Doubted>,
    /// Indexes of those that were read and found to be what came over.
    pub equal: Vec<usize>,
}

/// One message that has not come over yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its index in the inventory.
    pub index: usize,
    /// The same at every run for the same message: what it is called in the staging folder.
    pub key: Digest,
    /// Whether another message has the same unique-id. Then a copy that an earlier run has staged might be
    /// of that one, and it is read anew.
    pub is_ambiguous: bool,
}

/// One message of which only a look can tell whether it has come over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubted {
    /// If it has not.
    pub wanted: Wanted,
    /// Entries of the ledger that are called the same: one of them is it, if it has.
    pub rivals: Vec<usize>,
}

impl Plan {
    /// A message is known by its unique-id. Where several share one, the first so many of them are those that
    /// came over, for an old server lists what it had before what came since. Where the unique-id was not
    /// certain yet, it is known by its name there: the number may have gone to another message since.
    /// Two mailboxes (`tag`) may have given one unique-id to two messages.
    pub fn of(inventory: &Inventory, ledger: &Ledger, tag: Option<&Tag>) -> Self {
        let known = Known::of(inventory, ledger, tag);
        let origins = || inventory.messages.iter().map(certain);
        let mut bearers = HashMap::<Certain<'_>, usize>::with_capacity(inventory.messages.len());
        for origin in origins() {
            *bearers.entry(origin).or_default() += 1;
        }
        let mut met = HashMap::<Certain<'_>, usize>::new();
        let mut plan = Self::default();
        for (index, certain) in origins().enumerate() {
            let is_ambiguous = bearers.get(&certain).is_some_and(|bearers| *bearers > 1);
            let name = inventory.names.get(index).map(|name| &name[..]);
            if name.is_some_and(|name| known.names.contains(name)) {
                plan.already += 1;
                continue;
            }
            let nth = if is_ambiguous { met.get(&certain).copied().unwrap_or(0) } else { 0 };
            let is_certain = !inventory.foreseen.contains(&index);
            if is_certain && known.origins.get(&certain).is_some_and(|known| nth < *known) {
                plan.already += 1;
            } else if let Some(origin) = origin(inventory, index) {
                let wanted = Wanted { index, key: key(&origin, nth, tag), is_ambiguous };
                match known.rivals(name, Some(certain).filter(|_| is_certain)) {
                    rivals if rivals.is_empty() => plan.wanted.push(wanted),
                    rivals => plan.doubted.push(Doubted { wanted, rivals }),
                }
            }
            if is_ambiguous {
                met.insert(certain, nth + 1);
            }
        }
        plan
    }
}

/// What came over, by what it is known by.
#[derive(Default)]
struct Known<'a> {
    /// From this mailbox: how many under each unique-id.
    origins: HashMap<Certain<'a>, usize>,
    /// From this mailbox: where the unique-id was not certain.
    names: HashSet<&'a [u8]>,
    /// From other mailboxes: entries of the ledger by unique-id, and by name.
    origins_elsewhere: HashMap<Certain<'a>, Vec<usize>>,
    names_elsewhere: HashMap<&'a [u8], Vec<usize>>,
}

impl<'a> Known<'a> {
    fn of(inventory: &Inventory, ledger: &'a Ledger, tag: Option<&Tag>) -> Self {
        let mut known = Self::default();
        for (at, entry) in ledger.entries.iter().enumerate() {
            let is_from_here = is_from(entry, tag);
            if let Some(name) = name_of(&entry.origin) {
                if is_from_here {
                    known.names.insert(name);
                } else {
                    known.names_elsewhere.entry(name).or_default().push(at);
                }
            }
            // With names on both sides the name decides.
            if matches!(entry.origin, Origin::Foreseen(..)) && !inventory.names.is_empty() {
                continue;
            }
            let origin = Certain::from(&entry.origin);
            if is_from_here {
                *known.origins.entry(origin).or_default() += 1;
            } else {
                known.origins_elsewhere.entry(origin).or_default().push(at);
            }
        }
        known
    }

    fn rivals(&self, name: Option<&[u8]>, origin: Option<Certain<'_>>) -> Vec<usize> {
        let by_name = name.and_then(|name| self.names_elsewhere.get(name));
        let by_origin = origin.and_then(|origin| self.origins_elsewhere.get(&origin));
        by_name.or(by_origin).cloned().unwrap_or_default()
    }
}

/// Whether an entry is of a mailbox by its name alone: it was met there, there is but one mailbox that it could
/// be of, or neither its mailbox nor anything to look at was noted.
pub fn is_from(entry: &Entry, tag: Option<&Tag>) -> bool {
    let is_anybodys = entry.digest.is_empty() && entry.mailboxes.is_empty();
    is_anybodys || tag.is_none_or(|tag| tag.is_among(&entry.mailboxes))
}

/// Whether anything of a mailbox has come over, so that what is new in it are newcomers. What came before
/// mailboxes were noted may be of any.
pub fn has_landed(ledger: &Ledger, tag: Option<&Tag>) -> bool {
    let is_of_it = |entry: &Entry| entry.mailboxes.is_empty() || is_from(entry, tag);
    ledger.entries.iter().any(|entry| !entry.base.is_empty() && is_of_it(entry))
}

/// The name under which a message is known whose unique-id was not certain.
pub fn name_of(origin: &Origin) -> Option<&[u8]> {
    match origin {
        Origin::Foreseen(_, name) | Origin::Made(name) => Some(name),
        Origin::Kept(_) => None,
    }
}

/// By what the ledger will know a message of the inventory again.
pub fn origin(inventory: &Inventory, index: usize) -> Option<Origin> {
    Some(match (certain(inventory.messages.get(index)?), inventory.names.get(index)) {
        (Certain::Kept(id), Some(name)) if inventory.foreseen.contains(&index) => {
            Origin::Foreseen(id.clone(), name.to_vec())
        }
        (Certain::Kept(id), _) => Origin::Kept(id.clone()),
        (Certain::Made(identity), _) => Origin::Made(identity.to_vec()),
    })
}

/// An [`Origin`] as if every unique-id were certain, lent by whoever has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Certain<'a> {
    /// The old server showed it, or was to.
    Kept(&'a UniqueId),
    /// Nobody had seen one.
    Made(&'a [u8]),
}

impl<'a> From<&'a Origin> for Certain<'a> {
    fn from(origin: &'a Origin) -> Self {
        match origin {
            Origin::Kept(id) | Origin::Foreseen(id, _) => Self::Kept(id),
            Origin::Made(identity) => Self::Made(identity),
        }
    }
}

/// That of a message of the inventory.
pub fn certain(found: &Found) -> Certain<'_> {
    match &found.unique_id {
        UniqueIdOf::Kept(id) => Certain::Kept(id),
        UniqueIdOf::Made { identity } => Certain::Made(identity),
    }
}

fn key(origin: &Origin, nth: usize, tag: Option<&Tag>) -> Digest {
    let (kind, known_as) = match origin {
        Origin::Kept(id) => ("kept", id.as_bytes()),
        // Not by the number, which another message may have by the next run.
        Origin::Foreseen(_, name) => ("foreseen", &name[..]),
        Origin::Made(identity) => ("made", &identity[..]),
    };
    let mailbox = tag.map_or("", Tag::as_str);
    let hash = Sha256::new().chain_update(format!("{kind} {nth} {mailbox} "));
    Digest::of(hash.chain_update(known_as))
}

#[cfg(test)]
mod tests;
