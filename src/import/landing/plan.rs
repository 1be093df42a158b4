//! What of an old server's mail is still to be brought here.
//!
//! Knows the inventory and the ledger; reads no message and no folder.

use crate::import::{Found, Inventory, UniqueIdOf};
use crate::maildrop::ledger::{Ledger, Origin};
use crate::maildrop::name;
use std::collections::{HashMap, HashSet};

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
    /// came over, for an old server lists what it had before what came since. Where the unique-id was not
    /// certain yet, it is known by its name there: the number may have gone to another message since.
    pub fn of(inventory: &Inventory, ledger: &Ledger) -> Self {
        let names: HashSet<&[u8]> =
            ledger.entries.iter().filter_map(|entry| name_of(&entry.origin)).collect();
        let is_here =
            |index: usize| inventory.names.get(index).is_some_and(|name| names.contains(name.as_slice()));
        let known = known(inventory, ledger);
        let origins: Vec<Origin> = inventory.messages.iter().map(certain).collect();
        let mut bearers = HashMap::<&Origin, usize>::with_capacity(origins.len());
        for origin in &origins {
            *bearers.entry(origin).or_default() += 1;
        }
        let mut met = HashMap::<&Origin, usize>::with_capacity(origins.len());
        let mut plan = Self::default();
        for (index, certain) in origins.iter().enumerate() {
            if is_here(index) {
                plan.already += 1;
                continue;
            }
            let nth = met.entry(certain).or_default();
            let is_certain = !inventory.foreseen.contains(&index);
            if is_certain && known.get(certain).is_some_and(|known| *nth < *known) {
                plan.already += 1;
            } else if let Some(origin) = origin(inventory, index) {
                let is_ambiguous = bearers.get(certain).is_some_and(|bearers| *bearers > 1);
                plan.wanted.push(Wanted { index, key: key(&origin, *nth), is_ambiguous });
            }
            *nth += 1;
        }
        plan
    }
}

/// How many messages came over under each unique-id.
fn known(inventory: &Inventory, ledger: &Ledger) -> HashMap<Origin, usize> {
    let mut known = HashMap::with_capacity(ledger.entries.len());
    for entry in &ledger.entries {
        let origin = match &entry.origin {
            // With names on both sides the name decides.
            Origin::Foreseen(..) if !inventory.names.is_empty() => continue,
            Origin::Foreseen(id, _) => Origin::Kept(id.clone()),
            origin => origin.clone(),
        };
        *known.entry(origin).or_default() += 1;
    }
    known
}

/// The name under which a message is known whose unique-id was not certain.
fn name_of(origin: &Origin) -> Option<&[u8]> {
    match origin {
        Origin::Foreseen(_, name) | Origin::Made(name) => Some(name),
        Origin::Kept(_) => None,
    }
}

/// By what the ledger will know a message of the inventory again.
pub fn origin(inventory: &Inventory, index: usize) -> Option<Origin> {
    let certain = certain(inventory.messages.get(index)?);
    match (certain, inventory.names.get(index)) {
        (Origin::Kept(id), Some(name)) if inventory.foreseen.contains(&index) => {
            Some(Origin::Foreseen(id, name.clone()))
        }
        (certain, _) => Some(certain),
    }
}

/// The same as if every unique-id were certain.
pub fn certain(found: &Found) -> Origin {
    match &found.unique_id {
        UniqueIdOf::Kept(id) => Origin::Kept(id.clone()),
        UniqueIdOf::Made { identity } => Origin::Made(identity.clone()),
    }
}

fn key(origin: &Origin, nth: usize) -> String {
    let (kind, known_as) = match origin {
        Origin::Kept(id) => ("kept", id.as_bytes()),
        // Not by the number, which another message may have by the next run.
        Origin::Foreseen(_, name) => ("foreseen", &name[..]),
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

    /// `(unique-id, name, foreseen)`.
    fn named(messages: &[(&str, &str, bool)]) -> Inventory {
        let ids: Vec<&str> = messages.iter().map(|(id, ..)| *id).collect();
        let mut old = inventory(&ids);
        old.names = messages.iter().map(|(_, name, _)| name.as_bytes().to_vec()).collect();
        old.foreseen = (0..messages.len()).filter(|index| messages[*index].2).collect();
        old
    }

    fn after(old: &Inventory) -> Ledger {
        ledger(&(0..old.messages.len()).filter_map(|index| origin(old, index)).collect::<Vec<_>>())
    }

    #[test]
    fn a_number_that_was_foreseen_and_went_to_another_message_hides_none() {
        let first = named(&[("1", "a", false), ("2", "x", true)]);
        assert_eq!(Plan::of(&first, &after(&first)), Plan { wanted: Vec::new(), already: 2 });
        // x was deleted before anybody logged in, or y came before it.
        let then = named(&[("1", "a", false), ("2", "y", false), ("3", "x", false)]);
        let plan = Plan::of(&then, &after(&first));
        assert_eq!((indexes(&plan), plan.already), (vec![1], 2));
        assert_ne!(plan.wanted[0].key, Plan::of(&first, &Ledger::default()).wanted[1].key);
        // Numbers that begin anew hide nothing either.
        let reset = named(&[("1", "b", true)]);
        assert_eq!(indexes(&Plan::of(&reset, &after(&first))), [0]);
    }

    #[test]
    fn what_had_no_unique_id_there_is_known_when_it_has_one() {
        let mut first = named(&[("x", "a", false)]);
        first.messages[0] = made(b"a");
        let then = named(&[("1", "a", false), ("2", "b", false)]);
        let plan = Plan::of(&then, &after(&first));
        assert_eq!((indexes(&plan), plan.already), (vec![1], 1));
    }

    #[test]
    fn without_names_the_unique_id_decides() {
        let first = named(&[("1", "a", false), ("2", "x", true)]);
        assert_eq!(Plan::of(&inventory(&["1", "2"]), &after(&first)).already, 2);
    }
}
