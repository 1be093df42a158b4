//! Under which unique-id, in which place and by which name each staged message will be seen.
//!
//! Knows the inventory, the ledger and the digests of what is staged; touches no file.

use super::plan::{certain, origin};
use super::staging::Staged;
use crate::import::{Found, Inventory, Tag};
use crate::mail::{Bytes, UniqueId};
use crate::maildrop::ledger::{Entry, Ledger, Origin};
use crate::maildrop::moving::Move;
use crate::maildrop::name::{self, Stamp, Written};
use crate::maildrop::tree::Place;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::time::SystemTime;

/// Microseconds in a name: six digits.
const MICROS: usize = 1_000_000;

/// What is ready to be committed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// From the staging folder into the Maildir.
    pub moves: Vec<Move>,
    /// With what came over before.
    pub next: Ledger,
    /// How many of each kind.
    pub uidl: Uidl,
    /// Of the files.
    pub bytes: Bytes,
    /// For the operator.
    pub warnings: Vec<String>,
}

/// How many messages came with which kind of unique-id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uidl {
    /// The old server's, verbatim.
    pub kept: usize,
    /// Ours: nobody had seen another.
    pub generated: usize,
    /// The old server's with a number behind it, for it gave the same to different messages.
    pub renamed: usize,
}

/// Names for what is staged from the mailbox `tag`, `host` as [`name::safe_host`] writes it.
pub fn batch(
    inventory: &Inventory,
    ledger: &Ledger,
    staged: &[(usize, Staged)],
    (host, tag): (&str, Option<&Tag>),
    now: SystemTime,
) -> Batch {
    let mut shown = Shown::of(inventory, ledger);
    let mut batch = Batch { next: ledger.clone(), ..Batch::default() };
    for (index, staged) in staged {
        let (Some(found), Some(origin)) = (inventory.messages.get(*index), origin(inventory, *index)) else {
            continue;
        };
        let unique_id = batch.unique_id(&mut shown, found, staged);
        let stamp = stamp(ledger, *index, now);
        let written = Written { bytes: staged.bytes, octets: staged.octets };
        let base = name::own(&stamp, host, written, unique_id.as_ref());
        batch.bytes.0 += staged.bytes.0;
        batch.next.entries.push(Entry {
            origin,
            unique_id,
            digest: staged.digest.clone(),
            base: base.clone().into_encoded_bytes(),
            mailboxes: tag.iter().map(|tag| tag.as_str().to_owned()).collect(),
        });
        batch.moves.push(to_maildir(found, staged, base));
    }
    batch
}

impl Batch {
    fn unique_id(&mut self, shown: &mut Shown, found: &Found, staged: &Staged) -> Option<UniqueId> {
        let Origin::Kept(id) = certain(found) else {
            self.uidl.generated += 1;
            return None;
        };
        let given = shown.give(&id, &staged.digest);
        if given == id {
            self.uidl.kept += 1;
        } else {
            self.uidl.renamed += 1;
            let place = &found.place;
            self.warnings
                .push(format!("{place}: the unique-id {id} is another message's too, so it becomes {given}"));
        }
        Some(given)
    }
}

/// The unique-ids that are given, and the digests of the messages that have them.
struct Shown {
    given: HashMap<UniqueId, HashSet<String>>,
    /// What mail programs may know from the old server: no message gets one of these by a new number.
    old: HashSet<UniqueId>,
}

impl Shown {
    fn of(inventory: &Inventory, ledger: &Ledger) -> Self {
        let mut given = HashMap::<UniqueId, HashSet<String>>::new();
        for entry in &ledger.entries {
            if let Some(id) = &entry.unique_id {
                given.entry(id.clone()).or_default().insert(entry.digest.clone());
            }
        }
        let origins = inventory.messages.iter().map(certain);
        let origins = origins.chain(ledger.entries.iter().map(|entry| entry.origin.clone()));
        let old = origins.filter_map(|origin| match origin {
            Origin::Kept(id) | Origin::Foreseen(id, _) => Some(id),
            Origin::Made(_) => None,
        });
        Self { old: old.collect(), given }
    }

    /// The old server's own, if no other message has it or all that have it are equal; else with the first
    /// number that nobody has.
    fn give(&mut self, id: &UniqueId, digest: &str) -> UniqueId {
        let mut candidate = id.clone();
        for number in 2_u64.. {
            let is_old = candidate != *id && self.old.contains(&candidate);
            let bearers = self.given.get(&candidate);
            if !is_old && bearers.is_none_or(|bearers| bearers.contains(digest)) {
                break;
            }
            candidate = numbered(id, number);
        }
        self.given.entry(candidate.clone()).or_default().insert(digest.to_owned());
        candidate
    }
}

fn numbered(id: &UniqueId, number: u64) -> UniqueId {
    let octets = [id.as_bytes(), format!("-{number}").as_bytes()].concat();
    // One that is as long as can be has no room for a number.
    UniqueId::carried(&octets).unwrap_or_else(|| name::derived_id(&octets, 0))
}

/// The first import comes before all that was delivered here, in the old order; what comes later is new to
/// everybody and comes behind what there is.
fn stamp(ledger: &Ledger, index: usize, now: SystemTime) -> Stamp {
    let stamp = Stamp::next(now);
    if !ledger.entries.is_empty() {
        return stamp;
    }
    // From one: zero is where foreign names without a time stand.
    let place = index + 1;
    Stamp { seconds: (place / MICROS) as u64, micros: u32::try_from(place % MICROS).unwrap_or(0), ..stamp }
}

fn to_maildir(found: &Found, staged: &Staged, base: OsString) -> Move {
    let flags = found.flags.as_str();
    if found.is_new && flags.is_empty() {
        return Move { staged: staged.name(), place: Place::New, name: base };
    }
    let mut name = base;
    name.push(":2,");
    name.push(flags);
    Move { staged: staged.name(), place: Place::Cur, name }
}

#[cfg(test)]
mod tests;
