//! Under which unique-id, in which place and by which name each staged message will be seen.
//!
//! Knows the inventory, the ledger and the digests of what is staged; touches no file.

use super::digest::Digest;
use super::plan::origin;
use super::staging::Staged;
use crate::import::{Found, Inventory, Tag, UniqueIdOf};
use crate::mail::{Bytes, UniqueId};
use crate::maildrop::ledger::{Entry, Ledger, Origin};
use crate::maildrop::moving::Move;
use crate::maildrop::name::{self, Stamp, Written};
use crate::maildrop::tree::Place;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::time::SystemTime;

/// Microseconds in a name: six digits.
const MICROS: usize = 1_000_000;

/// What was named.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many messages.
    pub messages: usize,
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

/// Names for what is staged from the mailbox `tag`, `host` as [`name::safe_host`] writes it; newcomers to a
/// mailbox in use go behind all that was listed. `each` gets what becomes of one message after the other.
///
/// # Errors
/// Those of `each`.
pub fn batch(
    inventory: &Inventory,
    ledger: &Ledger,
    staged: &[(usize, Staged)],
    (host, tag, is_newcomers): (&str, Option<&Tag>, bool),
    now: SystemTime,
    each: &mut dyn FnMut(&Entry, &Move) -> io::Result<()>,
) -> io::Result<Batch> {
    let mut shown = Shown::of(inventory, ledger);
    let mut batch = Batch::default();
    // A ledger that notes only what was deleted at the old server says that nothing has come yet.
    let is_first = !is_newcomers && ledger.entries.iter().all(|entry| entry.base.is_empty());
    for (index, staged) in staged {
        let (Some(found), Some(origin)) = (inventory.messages.get(*index), origin(inventory, *index)) else {
            continue;
        };
        let unique_id = batch.unique_id(&mut shown, found, staged);
        let stamp = if is_first { first_stamp(*index, now) } else { Stamp::next(now) };
        let written = Written { bytes: staged.bytes, octets: staged.octets };
        let base = name::own(&stamp, host, written, unique_id.as_ref());
        batch.messages += 1;
        batch.bytes.0 += staged.bytes.0;
        let entry = Entry {
            origin,
            unique_id,
            digest: staged.digest.to_string(),
            base: base.as_encoded_bytes().to_vec(),
            mailboxes: tag.iter().map(|tag| tag.as_str().to_owned()).collect(),
        };
        each(&entry, &to_maildir(found, staged, base))?;
    }
    Ok(batch)
}

impl Batch {
    fn unique_id(&mut self, shown: &mut Shown<'_>, found: &Found, staged: &Staged) -> Option<UniqueId> {
        let UniqueIdOf::Kept(id) = &found.unique_id else {
            self.uidl.generated += 1;
            return None;
        };
        let given = shown.give(id, staged.digest);
        if given == *id {
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
struct Shown<'a> {
    /// Without those of the old server that but one message can have.
    given: HashMap<Cow<'a, UniqueId>, HashSet<Option<Digest>>>,
    /// What mail programs may know from the old server: no message gets one of these by a new number.
    old: HashSet<&'a UniqueId>,
    /// Those of them that the old server gave to several messages.
    shared: HashSet<&'a UniqueId>,
}

impl<'a> Shown<'a> {
    fn of(inventory: &'a Inventory, ledger: &'a Ledger) -> Self {
        let mut shown = Self { given: HashMap::new(), old: HashSet::new(), shared: HashSet::new() };
        for entry in &ledger.entries {
            if let Some(id) = &entry.unique_id {
                let digests = shown.given.entry(Cow::Borrowed(id)).or_default();
                digests.insert(Digest::parse(&entry.digest));
            }
            if let Origin::Kept(id) | Origin::Foreseen(id, _) = &entry.origin {
                shown.old.insert(id);
            }
        }
        for found in &inventory.messages {
            if let UniqueIdOf::Kept(id) = &found.unique_id
                && !shown.old.insert(id)
            {
                shown.shared.insert(id);
            }
        }
        shown
    }

    /// The old server's own, if no other message has it or all that have it are equal; else with the first
    /// number that nobody has.
    fn give(&mut self, id: &UniqueId, digest: Digest) -> UniqueId {
        let mut candidate = id.clone();
        for number in 2_u64.. {
            let is_old = candidate != *id && self.old.contains(&candidate);
            let bearers = self.given.get(&candidate);
            if !is_old && bearers.is_none_or(|bearers| bearers.contains(&Some(digest))) {
                break;
            }
            candidate = numbered(id, number);
        }
        if candidate != *id || self.shared.contains(id) {
            self.given.entry(Cow::Owned(candidate.clone())).or_default().insert(Some(digest));
        }
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
fn first_stamp(index: usize, now: SystemTime) -> Stamp {
    // From one: zero is where foreign names without a time stand.
    let place = index + 1;
    let micros = u32::try_from(place % MICROS).unwrap_or(0);
    Stamp { seconds: (place / MICROS) as u64, micros, ..Stamp::next(now) }
}

fn to_maildir(found: &Found, staged: &Staged, base: OsString) -> Move {
    let flags = found.flags;
    if found.is_new && flags.is_empty() {
        return Move { staged: staged.name(), place: Place::New, name: base };
    }
    let mut name = base;
    name.push(format!(":2,{flags}"));
    Move { staged: staged.name(), place: Place::Cur, name }
}

#[cfg(test)]
mod tests;
