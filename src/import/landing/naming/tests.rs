//! Unique-ids that are given twice, at their limits.

use super::super::testing::{inventory, made};
use super::*;
use crate::limits;
use crate::mail::Octets;
use sha2::{Digest as _, Sha256};

/// What was named: the counts, the ledger after it, and the moves.
struct Named {
    batch: Batch,
    next: Ledger,
    moves: Vec<Move>,
}

fn staged(text: &str) -> Staged {
    let digest = Digest::of(Sha256::new().chain_update(text));
    Staged { key: Digest::unread(0), bytes: Bytes(2), octets: Octets(3), digest }
}

fn named(inventory: &Inventory, ledger: &Ledger, texts: &[&str]) -> Named {
    let staged: Vec<_> = texts.iter().enumerate().map(|(index, text)| (index, staged(text))).collect();
    let (mut next, mut moves) = (ledger.clone(), Vec::new());
    let batch =
        batch(inventory, ledger, &staged, ("host", None, false), SystemTime::now(), &mut |entry, step| {
            next.entries.push(entry.clone());
            moves.push(step.clone());
            Ok(())
        });
    Named { batch: batch.unwrap(), next, moves }
}

fn ids(named: &Named) -> Vec<String> {
    named
        .next
        .entries
        .iter()
        .map(|entry| entry.unique_id.as_ref().map_or(String::new(), |id| id.to_string()))
        .collect()
}

#[test]
fn a_new_number_is_nobodys_of_now_and_of_ever() {
    let old = inventory(&["a", "a", "a-3"]);
    let first = named(&old, &Ledger::default(), &["x", "y", "z"]);
    assert_eq!(ids(&first), ["a", "a-2", "a-3"]);
    // Now a message is called as one was renamed to.
    let later = inventory(&["a-2", "a"]);
    let again = named(&later, &first.next, &["v", "w"]);
    assert_eq!(ids(&again)[3..], ["a-2-2", "a-4"]);
    let Named { batch, moves, .. } = again;
    assert_eq!((batch.uidl.renamed, batch.warnings.len(), batch.messages, moves.len()), (2, 2, 2, 2));
}

#[test]
fn one_without_room_for_a_number_is_renamed_too() {
    let long = "x".repeat(limits::CARRIED_ID_MAX);
    let ids = ids(&named(&inventory(&[&long, &long]), &Ledger::default(), &["x", "y"]));
    assert_eq!((ids[0].len(), ids[1].len()), (limits::CARRIED_ID_MAX, 64));
}

#[test]
fn the_first_import_is_the_oldest_mail_and_the_next_is_new() {
    let old = inventory(&["a", "b"]);
    let first = named(&old, &Ledger::default(), &["x", "y"]);
    let base = |named: &Named, at: usize| String::from_utf8(named.next.entries[at].base.clone()).unwrap();
    assert!(base(&first, 0).starts_with("0.M000001P") && base(&first, 1).starts_with("0.M000002P"));
    let next = named(&inventory(&["c"]), &first.next, &["z"]);
    assert!(!base(&next, 2).starts_with("0."));
    let far = first_stamp(2_000_000 - 1, SystemTime::now());
    assert_eq!((far.seconds, far.micros), (2, 0));
}

#[test]
fn flags_and_places_are_those_of_the_old_server() {
    let mut old = inventory(&["a"]);
    old.messages.push(made(b"new"));
    let Named { moves, .. } = named(&old, &Ledger::default(), &["x", "y"]);
    let place = |at: usize| (moves[at].place, moves[at].name.to_str().unwrap().split(':').nth(1));
    assert_eq!((place(0), place(1)), ((Place::Cur, Some("2,RS")), (Place::New, None)));
}
