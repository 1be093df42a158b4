//! What is left after the power went: the two models of a file system.
//!
//! `strict` is the promise of POSIX and nothing else: a server that survives it survives every file
//! system that keeps to POSIX. `ext4` is narrower, but has habits of its own that a strict disk rarely
//! shows: a long journal that is lost as a whole, and new files without a byte in them.
//! Knows the pending changes and chance; decides nothing about what is live.

use super::Pending;
use super::image::{Change, Image, Ino};
use crate::rng::Rng;
use std::collections::{HashMap, HashSet};

/// A platter writes whole sectors: a write may be torn between two of them, never inside one.
/// SQLite relies on the same ("powersafe overwrite").
const SECTOR: usize = 512;

/// ext4 writes new bytes back in whole pages, and the size on the platter follows page by page.
const PAGE: usize = 4096;

/// How much of the un-synced a cut keeps, in percent. One leaning holds for a whole cut: with a coin
/// for each change "all but one" and "none but one", which find the most, would never come up.
const LEANINGS: [usize; 5] = [0, 10, 50, 90, 100];

/// Everything is kept or dropped by itself. One leaning for names and one for bytes: "all names
/// and no bytes" is the cut that finds a missing fsync.
pub fn strict(pending: &[Pending], rng: &mut Rng) -> Vec<Change> {
    let (names, bytes) = (*rng.pick(&LEANINGS), *rng.pick(&LEANINGS));
    let mut kept = Vec::new();
    for Pending { change, .. } in pending {
        match change {
            // A change that is kept although an earlier one was dropped still applies: a name may
            // come from nowhere, a removal may meet no name.
            Change::Names { .. } if rng.chance(names) => kept.push(change.clone()),
            Change::Names { .. } => {}
            _ if rng.chance(bytes) => kept.push(change.clone()),
            Change::Bytes { file, offset, data } => match rng.below(3) {
                // Torn: the head moved on before all of it was written, and not in order.
                0 => kept.extend(sectors(*file, *offset, data, rng)),
                // The size without the bytes: zeros, as XFS was once known for.
                1 => kept.push(Change::Bytes { file: *file, offset: offset + data.len(), data: Vec::new() }),
                // Not at all.
                _ => {}
            },
            Change::Size { .. } => {}
        }
    }
    kept
}

/// Some of the sectors of one write. The first is cut short where the write begins inside one.
fn sectors(file: Ino, offset: usize, data: &[u8], rng: &mut Rng) -> Vec<Change> {
    let mut kept = Vec::new();
    let mut start = 0;
    while start < data.len() {
        let end = (start + SECTOR - (offset + start) % SECTOR).min(data.len());
        if rng.chance(50) {
            kept.push(Change::Bytes { file, offset: offset + start, data: data[start..end].to_owned() });
        }
        start = end;
    }
    kept
}

/// Splits off what an fsync of `ino` commits in ext4: all names and sizes, and the bytes of `ino`.
/// Nothing if `ino` did not change: ext4 asks which transaction changed it last, and that one is
/// on the platter already.
pub fn committed(pending: Vec<Pending>, ino: Ino) -> (Vec<Pending>, Vec<Pending>) {
    if !pending.iter().any(|it| concerns(&it.change, ino)) {
        return (Vec::new(), pending);
    }
    let (mut commit, mut stay): (Vec<Pending>, Vec<Pending>) = (Vec::new(), Vec::new());
    for it in pending {
        match &it.change {
            Change::Bytes { file, .. } if *file != ino => stay.push(it),
            Change::Size { file, size } => {
                // Bytes beyond a cut are forgotten with it, or they would come back after it.
                stay.iter_mut().for_each(|earlier| clip(&mut earlier.change, *file, *size));
                commit.push(it);
            }
            _ => commit.push(it),
        }
    }
    (commit, stay)
}

/// Whether the transaction of this change is one that fsync of `ino` waits for: its own bytes or
/// names, or a new name for it, which changes its count of links.
fn concerns(change: &Change, ino: Ino) -> bool {
    let is_named = match change {
        Change::Names { names, .. } => names.iter().any(|(_, to)| *to == Some(ino)),
        _ => false,
    };
    is_named || change.of() == ino
}

/// Takes away what a pending write would put beyond a cut at `size`.
fn clip(change: &mut Change, cut: Ino, size: usize) {
    if let Change::Bytes { file, offset, data } = change
        && *file == cut
    {
        data.truncate(size.saturating_sub(*offset));
        *offset = (*offset).min(size);
    }
}

/// Names and sizes: the journal up to some point. Bytes within the lasting size are written in
/// place at any time; new ones in order, for each file up to some point (often none at all).
pub fn ext4(pending: &[Pending], lasting: &Image, rng: &mut Rng) -> Vec<Change> {
    let last = journal_end(pending, rng);
    let leaning = *rng.pick(&LEANINGS);
    // Files of which a piece in the middle is missing: nothing after it can be there.
    let mut stopped: HashSet<Ino> = HashSet::new();
    // Where new bytes begin, as the changes before this one left it.
    let mut sizes: HashMap<Ino, usize> = HashMap::new();
    let mut kept = Vec::new();
    for Pending { serial, change } in pending {
        let is_committed = *serial <= last;
        match change {
            Change::Names { .. } if is_committed => kept.push(change.clone()),
            Change::Names { .. } => {}
            Change::Size { file, size } if is_committed && !stopped.contains(file) => {
                sizes.insert(*file, *size);
                kept.push(change.clone());
            }
            Change::Size { file, .. } => {
                // What was written after a cut that is lost went to blocks that are lost, too.
                stopped.insert(*file);
            }
            Change::Bytes { file, offset, data } => {
                let size = sizes.entry(*file).or_insert_with(|| lasting.file(*file).map_or(0, <[u8]>::len));
                let grows = offset + data.len() > *size;
                if stopped.contains(file) {
                    continue;
                }
                // Written back by the kernel before the cut, without being asked.
                if rng.chance(leaning) {
                    *size = (*size).max(offset + data.len());
                    kept.push(change.clone());
                } else if grows {
                    stopped.insert(*file);
                    kept.extend(pages(*file, *offset, data, rng));
                }
            }
        }
    }
    kept
}

/// The serial number of the last journal entry that reached the platter: none, all, or some of
/// them. By serial and not by change, so that a rename is never half committed.
fn journal_end(pending: &[Pending], rng: &mut Rng) -> u64 {
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else { return 0 };
    match rng.below(4) {
        0 => 0,
        1 => last.serial,
        _ => first.serial + rng.below((last.serial - first.serial + 1) as usize) as u64,
    }
}

/// The first pages of a write that was being written back.
fn pages(file: Ino, offset: usize, data: &[u8], rng: &mut Rng) -> Option<Change> {
    let whole = rng.below(data.len() / PAGE + 1) * PAGE;
    let kept = whole.saturating_sub(offset % PAGE).min(data.len());
    (kept > 0).then(|| Change::Bytes { file, offset, data: data[..kept].to_owned() })
}
