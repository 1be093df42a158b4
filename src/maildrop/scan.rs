//! The scan: what lies in new/ and cur/, joined, in order, with unique-ids and sizes.
//!
//! One pass over two folders, if nobody renames meanwhile; nothing of our own is opened or stat-ed. Knows no
//! lock and no session.

mod candidate;
mod ids;
mod measure;

use super::disk::Disk;
use super::folder::Folder;
use super::gather::{Found, Names, gather};
use super::ledger::{self, Ledger};
use super::listing::{Listing, Location};
use super::name::{self, Carried};
use super::sizes::{Mark, Sizes};
use super::tree::Folders;
use crate::mail::{LineEnds, Octets};
use candidate::Candidate;
use std::io;

/// Lists a Maildir. A foreign file that cannot be read for good is left out: the others are still served.
///
/// # Errors
/// What the disk says about the folders, and about messages if it may say something else next time.
pub fn scan<D: Disk>(disk: &D, folders: &Folders) -> io::Result<Listing> {
    let mut names = gather(disk, folders, None)?.names;
    names.sort();
    let ledger = names.ledger(&folders.root)?;
    let mut candidates = candidate::join(folders, &names);
    if !(names.all_differ() && ledger.entries.is_empty()) {
        ids::settle(&mut names.text, &mut candidates, &ledger);
    }
    let (known, text) = (Sizes::load(&folders.root), &names.text);
    // A name of ours in the cache belonged to a file that was not what its name said. Mostly nothing is in
    // there, and then the name is not looked at: it lies anywhere in memory by now, and is slow to come.
    let is_distrusted = |candidate: &Candidate| !known.is_empty() && known.knows(&candidate.key(text));
    let own = |candidate: &Candidate| {
        candidate.written.filter(|_| candidate.salt() == 0 && !is_distrusted(candidate))
    };
    let keep = measure::measure(disk, folders, text, &candidates, |it| own(it).is_none(), &known)?;
    let mut listing = Listing::with_capacity(candidates.len());
    for candidate in candidates {
        let sizes = match own(&candidate) {
            Some(written) => Some((written.bytes, written.octets, LineEnds::OwnLf)),
            None => {
                keep.sizes(&candidate.key(text)).map(|(bytes, octets)| (bytes, octets, LineEnds::AsFound))
            }
        };
        if let Some(sizes) = sizes {
            listing.push(candidate.name, candidate.rare.map(|rare| *rare), sizes);
        }
    }
    listing.set_text(names.text);
    // Only what is there now is kept, so the file never outgrows the Maildir.
    if keep != known {
        keep.save(&folders.root);
    }
    Ok(listing)
}

impl Names {
    /// The ledger, if somebody's unique-id stands there, or a foreign name might be one of those in it. Names
    /// of our own need none of that, so an ordinary login does not look for it.
    fn ledger(&self, root: &Folder) -> io::Result<Ledger> {
        if self.found.iter().any(|found| found.carried == Carried::InLedger) {
            return if Ledger::is_there(root) { Ledger::load(root) } else { Err(ledger::missing(root)) };
        }
        // A damaged one is told when it is needed; that a foreign file is called as a message of the old
        // server was is not worth a refused login.
        let has_foreign = self.found.iter().any(|found| found.written.is_none());
        Ok(if has_foreign { Ledger::load(root).unwrap_or_default() } else { Ledger::default() })
    }

    /// Whether all have a unique-id, and each another: true of what our delivery brings, and found out
    /// at a hundredth of the cost of comparing the unique-ids themselves.
    ///
    /// A unique-id that is the beginning of its name settles the order, so other orders are other ids.
    fn all_differ(&self) -> bool {
        let legible = self.found.iter().all(|found| found.name.begins_with_id());
        legible && self.found.windows(2).all(|pair| matches!(pair, [one, next] if one.order != next.order))
    }

    /// By time, then by counter, then by name, new/ before cur/: a client that remembers "I have 1 to 40" does not fetch 39 twice.
    fn sort(&mut self) {
        let text = &self.text;
        let by_name = |found: &Found| {
            let name = found.name.text(text);
            (name::base(name), found.name.place(), name)
        };
        self.found.sort_unstable_by(|a, b| a.order.cmp(&b.order).then_with(|| by_name(a).cmp(&by_name(b))));
    }
}

/// Marks a message as one whose name or cached size lied, so that the next scan counts it.
pub fn distrust(root: &Folder, at: &Location) {
    let mut sizes = Sizes::load(root);
    sizes.put(at.base(), Mark::NEVER, Octets(0));
    sizes.save(root);
}

#[cfg(test)]
pub mod tests;
