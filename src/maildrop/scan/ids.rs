//! Unique-ids: a legal one for each message, and no two the same.
//!
//! Knows names alone.

use super::candidate::Candidate;
use crate::mail::UniqueId;
use crate::maildrop::listing::Name;
use crate::maildrop::name;
use std::collections::HashSet;

/// Gives a legal and unique id to each message that has none yet.
///
/// When two messages carry the same, neither keeps it: a client then fetches one a second time, where
/// otherwise it could take a new message for one it has, and never fetch it.
pub(super) fn settle(text: &mut Vec<u8>, candidates: &mut [Candidate]) {
    for (index, id) in derived(text, candidates) {
        if let Some(candidate) = candidates.get_mut(index) {
            candidate.give(text, &id);
        }
    }
}

/// The ids of those messages whose own cannot be shown. Most Maildirs have none of them.
fn derived(text: &[u8], candidates: &[Candidate]) -> Vec<(usize, UniqueId)> {
    let mut given = HashSet::with_capacity(candidates.len());
    let mut repeated = HashSet::new();
    for id in candidates.iter().map(|candidate| candidate.name.id(text)) {
        if !given.insert(id) {
            repeated.insert(id);
        }
    }
    let wants = |candidate: &Candidate| {
        let id = candidate.name.id(text);
        id.is_empty() || repeated.contains(id)
    };
    let mut made = HashSet::new();
    let mut unique = |candidate: &Candidate| {
        let base = name::base(candidate.name.text(text));
        let mut salt = candidate.salt();
        loop {
            let id = name::derived_id(base, salt);
            // Somebody may have named a file after the hash of another.
            if !given.contains(id.as_bytes()) && made.insert(id.clone()) {
                return id;
            }
            salt = salt.wrapping_add(1);
        }
    };
    let wanting = candidates.iter().enumerate().filter(|(_, candidate)| wants(candidate));
    wanting.map(|(index, candidate)| (index, unique(candidate))).collect()
}

impl Candidate {
    /// Shows it under this id from now on.
    fn give(&mut self, text: &mut Vec<u8>, id: &UniqueId) {
        let name = self.name.text(text).to_vec();
        match Name::add_with(text, self.name.place(), &name, id.as_bytes()) {
            Some(name) => self.name = name,
            None => self.rare.get_or_insert_default().long_id = Some(id.clone()),
        }
    }
}
