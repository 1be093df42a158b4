//! What of an old server's mail is still to be brought here.
//!
//! Knows the inventory and the ledger; reads no message and no folder.

use crate::import::{Found, Inventory, UniqueIdOf};
use crate::maildrop::ledger::{Ledger, Origin};
use crate::maildrop::name;
use std::collections::HashMap;

/// What there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the inventory.
    pub wanted: Vec<Wanted>,
    /// Messages that came over before, whether they are still here or were deleted since.
    pub already: usize,
}

/// One message that has not come over yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its index in the inventory.
    pub index: usize,
    /// The same at every run for the same message: what it is called in the staging folder.
    pub key: String,
    /// Whether another message has the same unique-id. Then a copy that an earlier run has staged might be
    /// of that one, and it is read anew.
    pub is_ambiguous: bool,
}

impl Plan {
    /// A message is known by its unique-id. Where several share one, the first so many of them are those that
    /// came over, for an old server lists what it had before what came since.
    pub fn of(inventory: &Inventory, ledger: &Ledger) -> Self {
        let mut known = HashMap::<&Origin, usize>::with_capacity(ledger.entries.len());
        for entry in &ledger.entries {
            *known.entry(&entry.origin).or_default() += 1;
        }
        let origins: Vec<Origin> = inventory.messages.iter().map(origin).collect();
        let mut bearers = HashMap::<&Origin, usize>::with_capacity(origins.len());
        for origin in &origins {
            *bearers.entry(origin).or_default() += 1;
        }
        let mut met = HashMap::<&Origin, usize>::with_capacity(origins.len());
        let mut plan = Self::default();
        for (index, origin) in origins.iter().enumerate() {
            let nth = met.entry(origin).or_default();
            if known.get(origin).is_some_and(|known| *nth < *known) {
                plan.already += 1;
            } else {
                let is_ambiguous = bearers.get(origin).is_some_and(|bearers| *bearers > 1);
                plan.wanted.push(Wanted { index, key: key(origin, *nth), is_ambiguous });
            }
            *nth += 1;
        }
        plan
    }
}

/// By what the ledger knows a message again.
pub fn origin(found: &Found) -> Origin {
    match &found.unique_id {
        UniqueIdOf::Kept(id) => Origin::Kept(id.clone()),
        UniqueIdOf::Made { identity } => Origin::Made(identity.clone()),
    }
}

fn key(origin: &Origin, nth: usize) -> String {
    let (kind, known_as) = match origin {
        Origin::Kept(id) => ("kept", id.as_bytes()),
        Origin::Made(identity) => ("made", &identity[..]),
    };
    let mut key = name::sha256_hex(&[format!("{kind} {nth} ").as_bytes(), known_as].concat());
    key.truncate(super::DIGEST_LEN);
    key
}

#[cfg(test)]
mod tests {
    use super::super::testing::{inventory, made};
    use super::*;
    use crate::mail::UniqueId;
    use crate::maildrop::ledger::Entry;

    fn ledger(origins: &[Origin]) -> Ledger {
        let entry = |origin: &Origin| Entry {
            origin: origin.clone(),
            unique_id: None,
            digest: String::new(),
            base: Vec::new(),
        };
        Ledger { entries: origins.iter().map(entry).collect() }
    }

    fn kept(id: &str) -> Origin {
        Origin::Kept(UniqueId::parse(id).unwrap())
    }

    fn indexes(plan: &Plan) -> Vec<usize> {
        plan.wanted.iter().map(|wanted| wanted.index).collect()
    }

    #[test]
    fn what_came_over_is_not_wanted_and_what_was_called_alike_is_counted() {
        let mut old = inventory(&["a", "b", "a", "c", "a"]);
        old.messages.push(made(b"b"));
        let first = Plan::of(&old, &Ledger::default());
        assert_eq!((indexes(&first), first.already), (vec![0, 1, 2, 3, 4, 5], 0));
        let ambiguous: Vec<bool> = first.wanted.iter().map(|wanted| wanted.is_ambiguous).collect();
        assert_eq!(ambiguous, [true, false, true, false, true, false]);
        let mut keys: Vec<_> = first.wanted.iter().map(|wanted| &wanted.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
        let again = Plan::of(&old, &ledger(&[kept("a"), kept("c"), kept("a"), kept("gone")]));
        assert_eq!((indexes(&again), again.already), (vec![1, 4, 5], 3));
        assert_eq!(again.wanted[1].key, first.wanted[4].key, "the third of them, in every run");
        let all =
            ledger(&[kept("a"), kept("a"), kept("a"), kept("b"), kept("c"), Origin::Made(b"b".to_vec())]);
        assert_eq!(Plan::of(&old, &all), Plan { wanted: Vec::new(), already: 6 });
    }
}
