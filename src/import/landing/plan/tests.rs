//! What is wanted, what has come over, and what is doubted.

use super::super::testing::{inventory, made};
use super::*;
use crate::import::Provenance;

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
    let all = ledger(&[kept("a"), kept("a"), kept("a"), kept("b"), kept("c"), Origin::Made(b"b".to_vec())]);
    assert_eq!(planned(&old, &all), Plan { already: 6, ..Plan::default() });
}

/// `(unique-id, name, foreseen)`.
fn named(messages: &[(&str, &str, bool)]) -> Inventory {
    let ids: Vec<&str> = messages.iter().map(|(id, ..)| *id).collect();
    let mut old = inventory(&ids);
    old.names = messages.iter().map(|(_, name, _)| name.as_bytes().into()).collect();
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
    let [here, there] = ["/1", "/2"].map(|path| Provenance::Files(path.into()).tag().unwrap());
    let mut old = inventory(&["a", "b", "a", "a"]);
    old.messages.push(made(b"file"));
    old.names = ["1", "2", "3", "4", "file"].map(|name| name.as_bytes().into()).to_vec();
    let mut before = ledger(&[kept("a"), kept("a"), Origin::Made(b"file".to_vec()), kept("c")]);
    let noted = |tags: &[&Tag]| tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>();
    before.entries.iter_mut().for_each(|entry| entry.digest = "digest".to_owned());
    before.entries[0].mailboxes = noted(&[&here]);
    before.entries[1].mailboxes = noted(&[&here, &there]);
    before.entries[2].mailboxes = noted(&[&here]);
    let doubted = |plan: &Plan| -> Vec<(usize, Vec<usize>)> {
        plan.doubted.iter().map(|doubted| (doubted.wanted.index, doubted.rivals.clone())).collect()
    };
    let plan = Plan::of(&old, &before, Some(&here));
    assert_eq!((indexes(&plan), doubted(&plan), plan.already), (vec![1, 3], vec![], 3));
    let elsewhere = Plan::of(&old, &before, Some(&there));
    let expected = vec![(2, vec![0]), (3, vec![0]), (4, vec![2])];
    assert_eq!((indexes(&elsewhere), doubted(&elsewhere), elsewhere.already), (vec![1], expected, 1));
    assert_ne!(plan.wanted[0].key, elsewhere.wanted[0].key, "what is staged is of one mailbox");
    // What nobody knows the mailbox of is doubted too; who has but one is believed.
    before.entries.iter_mut().for_each(|entry| entry.mailboxes.clear());
    let unknown = Plan::of(&old, &before, Some(&there));
    assert_eq!((unknown.doubted.len(), unknown.already), (4, 0));
    assert_eq!(Plan::of(&old, &before, None).already, 3);
    // There is no text to compare with.
    before.entries.iter_mut().for_each(|entry| entry.digest.clear());
    assert_eq!(Plan::of(&old, &before, Some(&there)).already, 3);
}
