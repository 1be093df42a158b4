//! What of an old server's mail is still to be brought here.
//!
//! Knows the inventory and the ledger; reads no message and no folder.

use crate::import::{Found, Inventory, Tag, UniqueIdOf};
use crate::maildrop::ledger::{Entry, Ledger, Origin};
use crate::maildrop::name;
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
        let origins: Vec<Origin> = inventory.messages.iter().map(certain).collect();
        let mut bearers = HashMap::<&Origin, usize>::with_capacity(origins.len());
        for origin in &origins {
            *bearers.entry(origin).or_default() += 1;
        }
        let mut met = HashMap::<&Origin, usize>::with_capacity(origins.len());
        let mut plan = Self::default();
        for (index, certain) in origins.iter().enumerate() {
            let name = inventory.names.get(index).map(Vec::as_slice);
            if name.is_some_and(|name| known.names.contains(name)) {
                plan.already += 1;
                continue;
            }
            let nth = met.entry(certain).or_default();
            let is_certain = !inventory.foreseen.contains(&index);
            if is_certain && known.origins.get(certain).is_some_and(|known| *nth < *known) {
                plan.already += 1;
            } else if let Some(origin) = origin(inventory, index) {
                let is_ambiguous = bearers.get(certain).is_some_and(|bearers| *bearers > 1);
                let wanted = Wanted { index, key: key(&origin, *nth, tag), is_ambiguous };
                match known.rivals(name, Some(certain).filter(|_| is_certain)) {
                    rivals if rivals.is_empty() => plan.wanted.push(wanted),
                    rivals => plan.doubted.push(Doubted { wanted, rivals }),
                }
            }
            *nth += 1;
        }
        plan
    }
}

/// What came over, by what it is known by.
#[derive(Default)]
struct Known<'a> {
    /// From this mailbox: how many under each unique-id.
    origins: HashMap<Origin, usize>,
    /// From this mailbox: where the unique-id was not certain.
    names: HashSet<&'a [u8]>,
    /// From other mailboxes: entries of the ledger by unique-id, and by name.
    origins_elsewhere: HashMap<Origin, Vec<usize>>,
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
            let origin = match &entry.origin {
                // With names on both sides the name decides.
                Origin::Foreseen(..) if !inventory.names.is_empty() => continue,
                Origin::Foreseen(id, _) => Origin::Kept(id.clone()),
                origin => origin.clone(),
            };
            if is_from_here {
                *known.origins.entry(origin).or_default() += 1;
            } else {
                known.origins_elsewhere.entry(origin).or_default().push(at);
            }
        }
        known
    }

    fn rivals(&self, name: Option<&[u8]>, origin: Option<&Origin>) -> Vec<usize> {
        let by_name = name.and_then(|name| self.names_elsewhere.get(name));
        let by_origin = origin.and_then(|origin| self.origins_elsewhere.get(origin));
        by_name.or(by_origin).cloned().unwrap_or_default()
    }
}

/// Whether an entry may be of a mailbox: by its tag, or because nobody knows.
pub fn is_from(entry: &Entry, tag: Option<&Tag>) -> bool {
    entry.mailboxes.is_empty() || tag.is_none_or(|tag| entry.mailboxes.iter().any(|met| met == tag.as_str()))
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

fn key(origin: &Origin, nth: usize, tag: Option<&Tag>) -> String {
    let (kind, known_as) = match origin {
        Origin::Kept(id) => ("kept", id.as_bytes()),
        // Not by the number, which another message may have by the next run.
        Origin::Foreseen(_, name) => ("foreseen", &name[..]),
        Origin::Made(identity) => ("made", &identity[..]),
    };
    let mailbox = tag.map_or("", Tag::as_str);
    let mut key = name::sha256_hex(&[format!("{kind} {nth} {mailbox} ").as_bytes(), known_as].concat());
    key.truncate(super::DIGEST_LEN);
    key
}

#[cfg(test)]
mod tests {
    use super::super::testing::{inventory, made};
    use super::*;
    use crate::mail::UniqueId;

    fn ledger(origins: &[Origin]) -> Ledger {
        let entry = |origin: &Origin| Entry {
            origin: origin.clone(),
            unique_id: None,
            digest: String::new(),
            base: Vec::new(),
            mailboxes: Vec::new(),
        };
        Ledger { entries: origins.iter().map(entry).collect() }
    }

    fn planned(inventory: &Inventory, ledger: &Ledger) -> Plan {
        Plan::of(inventory, ledger, None)
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
        let first = planned(&old, &Ledger::default());
        assert_eq!((indexes(&first), first.already), (vec![0, 1, 2, 3, 4, 5], 0));
        let ambiguous: Vec<bool> = first.wanted.iter().map(|wanted| wanted.is_ambiguous).collect();
        assert_eq!(ambiguous, [true, false, true, false, true, false]);
        let mut keys: Vec<_> = first.wanted.iter().map(|wanted| &wanted.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
        let again = planned(&old, &ledger(&[kept("a"), kept("c"), kept("a"), kept("gone")]));
        assert_eq!((indexes(&again), again.already), (vec![1, 4, 5], 3));
        assert_eq!(again.wanted[1].key, first.wanted[4].key, "the third of them, in every run");
        let all =
            ledger(&[kept("a"), kept("a"), kept("a"), kept("b"), kept("c"), Origin::Made(b"b".to_vec())]);
        assert_eq!(planned(&old, &all), Plan { already: 6, ..Plan::default() });
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
        assert_eq!(planned(&first, &after(&first)), Plan { already: 2, ..Plan::default() });
        // x was deleted before anybody logged in, or y came before it.
        let then = named(&[("1", "a", false), ("2", "y", false), ("3", "x", false)]);
        let plan = planned(&then, &after(&first));
        assert_eq!((indexes(&plan), plan.already), (vec![1], 2));
        assert_ne!(plan.wanted[0].key, planned(&first, &Ledger::default()).wanted[1].key);
        // Numbers that begin anew hide nothing either.
        let reset = named(&[("1", "b", true)]);
        assert_eq!(indexes(&planned(&reset, &after(&first))), [0]);
    }

    #[test]
    fn what_had_no_unique_id_there_is_known_when_it_has_one() {
        let mut first = named(&[("x", "a", false)]);
        first.messages[0] = made(b"a");
        let then = named(&[("1", "a", false), ("2", "b", false)]);
        let plan = planned(&then, &after(&first));
        assert_eq!((indexes(&plan), plan.already), (vec![1], 1));
    }

    #[test]
    fn without_names_the_unique_id_decides() {
        let first = named(&[("1", "a", false), ("2", "x", true)]);
        assert_eq!(planned(&inventory(&["1", "2"]), &after(&first)).already, 2);
    }

    #[test]
    fn what_came_from_another_mailbox_is_doubted() {
        let [here, there] = ["f1", "f2"].map(Tag::noted);
        let mut old = inventory(&["a", "b", "a", "a"]);
        old.messages.push(made(b"file"));
        old.names = ["1", "2", "3", "4", "file"].map(|name| name.as_bytes().to_vec()).to_vec();
        let mut before = ledger(&[kept("a"), kept("a"), Origin::Made(b"file".to_vec()), kept("c")]);
        before.entries[0].mailboxes = vec!["f1".to_owned()];
        before.entries[1].mailboxes = vec!["f1".to_owned(), "f2".to_owned()];
        before.entries[2].mailboxes = vec!["f1".to_owned()];
        let doubted = |plan: &Plan| -> Vec<(usize, Vec<usize>)> {
            plan.doubted.iter().map(|doubted| (doubted.wanted.index, doubted.rivals.clone())).collect()
        };
        let plan = Plan::of(&old, &before, Some(&here));
        assert_eq!((indexes(&plan), doubted(&plan), plan.already), (vec![1, 3], vec![], 3));
        let elsewhere = Plan::of(&old, &before, Some(&there));
        let expected = vec![(2, vec![0]), (3, vec![0]), (4, vec![2])];
        assert_eq!((indexes(&elsewhere), doubted(&elsewhere), elsewhere.already), (vec![1], expected, 1));
        assert_ne!(plan.wanted[0].key, elsewhere.wanted[0].key, "what is staged is of one mailbox");
        // What nobody knows the mailbox of is believed, and so is who has but one.
        before.entries.iter_mut().for_each(|entry| entry.mailboxes.clear());
        assert_eq!(Plan::of(&old, &before, Some(&there)).already, 3);
        assert_eq!(Plan::of(&old, &before, None).already, 3);
    }
}
