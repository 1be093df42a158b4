//! The UPDATE state's work (RFC 1939, 6): what was marked is removed, what was read is moved to cur/,
//! and all of it is on the disk when it returns.
//!
//! Knows files and folders; that the session may still do this is the caller's concern.

use super::disk::Disk;
use super::find::{self, Whereabouts};
use super::folder::Folder;
use super::listing::{Listing, Location, Stored};
use super::tree::{Folders, Place};
use super::{Changes, Updated, name};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Removes and flags. Numbers beyond the listing are no messages and are passed over.
pub fn update<D: Disk>(disk: &D, folders: &Folders, listing: &Listing, changes: &Changes) -> Updated {
    let deleted: BTreeSet<usize> = changes.deleted.iter().map(|number| number.index()).collect();
    let seen: BTreeSet<usize> = changes.seen.iter().map(|number| number.index()).collect();
    let listed = |indexes: &mut dyn Iterator<Item = &usize>| -> Vec<Stored> {
        indexes.filter_map(|&index| listing.stored(index)).collect()
    };
    let (deleted, seen) = (listed(&mut deleted.iter()), listed(&mut seen.difference(&deleted)));
    let mut removals: Vec<_> = deleted.iter().map(Removal::of).collect();
    let mut moves: Vec<_> = seen.iter().filter_map(Move::of).collect();

    // Removals first: if the disk fails on the way, what the client asked for outranks a flag.
    for removal in &mut removals {
        removal.remove(disk, folders);
    }
    for step in &mut moves {
        step.link(disk, folders);
    }
    look_again(disk, folders, &mut removals, &mut moves);
    make_durable(disk, folders, &removals, &moves)
}

/// What became of one name, or one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// A neighbour renamed or removed it: ENOENT, which is not "deleted".
    Missing,
    Failed,
}

/// One message that was marked.
struct Removal<'a> {
    stored: &'a Stored,
    fate: Fate,
    /// The folders that must be synced before it may be called removed.
    from: BTreeSet<Place>,
}

/// A second name in cur/, then the first goes: link all, sync cur/, unlink all. With a rename the
/// message would be lost if a delivery synced new/ in between and the power went: gone from new/ for
/// good, and not yet in cur/.
struct Move<'a> {
    stored: &'a Stored,
    to: OsString,
    fate: Fate,
    /// The names that go once the new one is durable.
    leave: Vec<Location>,
}

impl<'a> Removal<'a> {
    fn of(stored: &'a Stored) -> Self {
        Self { stored, fate: Fate::Done, from: BTreeSet::new() }
    }

    fn remove<D: Disk>(&mut self, disk: &D, folders: &Folders) {
        self.remove_names(disk, folders, std::iter::once(&self.stored.at).chain(&self.stored.also));
    }

    fn remove_names<'n, D: Disk>(
        &mut self,
        disk: &D,
        folders: &Folders,
        names: impl Iterator<Item = &'n Location>,
    ) {
        for location in names {
            match unlink(disk, folders, self.stored, location) {
                Ok(()) => {
                    self.from.insert(location.place);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.fate == Fate::Done => {
                    self.fate = Fate::Missing;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => self.fate = Fate::Failed,
            }
        }
    }

    /// The second try, where it is now. Nowhere means that somebody else removed it, which is what the
    /// client wanted; both folders are synced, for that neighbour may not have done it.
    fn retry<D: Disk>(&mut self, disk: &D, folders: &Folders, found: &Whereabouts) {
        self.fate = Fate::Done;
        match found {
            Whereabouts::At(names) => self.remove_names(disk, folders, names.iter()),
            Whereabouts::Nowhere => self.from.extend([Place::New, Place::Cur]),
            Whereabouts::Unclear | Whereabouts::Empty(_) => self.fate = Fate::Failed,
        }
        if self.fate == Fate::Missing {
            self.fate = Fate::Failed; // Renamed once more under our hands: it may still be there.
        }
    }
}

impl<'a> Move<'a> {
    /// `None` when there is nothing to do.
    fn of(stored: &'a Stored) -> Option<Self> {
        let at = &stored.at;
        let seen = name::with_seen(at.name.as_bytes());
        if seen.is_none() && at.place == Place::Cur && stored.also.is_empty() {
            return None;
        }
        let to = seen.unwrap_or_else(|| at.name.clone());
        let mut leave = stored.also.clone();
        leave.push(at.clone());
        // The new name may be one that it has already: that one must be the last to go.
        leave.retain(|location| location.place != Place::Cur || location.name != to);
        Some(Self { stored, to, fate: Fate::Done, leave })
    }

    fn link<D: Disk>(&mut self, disk: &D, folders: &Folders) {
        self.fate = link(disk, folders, self.stored, &self.stored.at, &self.to);
    }

    /// The second try, where it is now; a neighbour may have set other flags.
    fn retry<D: Disk>(&mut self, disk: &D, folders: &Folders, found: &Whereabouts) {
        self.fate = Fate::Failed;
        let Whereabouts::At(names) = found else { return };
        let Some(at) = names.last() else { return };
        let Some(to) = name::with_seen(at.name.as_bytes()) else { return };
        self.fate = link(disk, folders, self.stored, at, &to);
        self.to = to;
        self.leave = vec![at.clone()];
    }
}

/// Removes one name of a message, `NotFound` if it is another's by now: a neighbour that renames two messages
/// of one base may give the one the name that the other had.
fn unlink<D: Disk>(disk: &D, folders: &Folders, stored: &Stored, at: &Location) -> io::Result<()> {
    match stored.sought().may_be(folders, at)? {
        true => disk.unlink(folders.of(at.place), &at.name),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Gives a message a second name in cur/.
fn link<D: Disk>(disk: &D, folders: &Folders, stored: &Stored, at: &Location, to: &OsStr) -> Fate {
    let (from, to) = ((folders.of(at.place), at.name.as_os_str()), (&folders.cur, to));
    let linked = match stored.sought().may_be(folders, at) {
        Ok(false) => return Fate::Missing,
        Ok(true) => disk.link(from, to),
        Err(error) => Err(error),
    };
    match linked {
        Ok(()) => Fate::Done,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fate::Missing,
        // Never replaced. Our own link from a QUIT that was broken off is as good as a new one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_file(from, to) => Fate::Done,
        Err(_) => Fate::Failed,
    }
}

/// Whether two names are one file's. In doubt they are not, and nothing is unlinked.
pub(super) fn same_file(a: (&Folder, &OsStr), b: (&Folder, &OsStr)) -> bool {
    let inode = |(folder, name): (&Folder, &OsStr)| folder.stat(name).map(|stat| (stat.st_dev, stat.st_ino));
    matches!((inode(a), inode(b)), (Ok(a), Ok(b)) if a == b)
}

/// One look at both folders, however many are missing, for all that were not where they had been listed.
fn look_again<D: Disk>(disk: &D, folders: &Folders, removals: &mut [Removal<'_>], moves: &mut [Move<'_>]) {
    let missing = removals.iter().filter(|removal| removal.fate == Fate::Missing).map(|it| it.stored);
    let missing = missing.chain(moves.iter().filter(|step| step.fate == Fate::Missing).map(|it| it.stored));
    let sought: Vec<_> = missing.map(Stored::sought).collect();
    if sought.is_empty() {
        return;
    }
    let found =
        find::again(disk, folders, &sought).unwrap_or_else(|_| vec![Whereabouts::Unclear; sought.len()]);
    let mut found = found.iter();
    let missing = removals.iter_mut().filter(|removal| removal.fate == Fate::Missing);
    for (removal, found) in missing.zip(found.by_ref()) {
        removal.retry(disk, folders, found);
    }
    for (step, found) in moves.iter_mut().filter(|step| step.fate == Fate::Missing).zip(found) {
        step.retry(disk, folders, found);
    }
}

/// The order of the syncs is the point: new names in cur/, then the old ones go, then that is synced.
/// What is called removed has its folder synced behind it, or it is counted as failed.
fn make_durable<D: Disk>(
    disk: &D,
    folders: &Folders,
    removals: &[Removal<'_>],
    moves: &[Move<'_>],
) -> Updated {
    let removed_from = |place| removals.iter().any(|removal| removal.from.contains(&place));
    let linked: Vec<_> = moves.iter().filter(|step| step.fate == Fate::Done).collect();

    let cur_touched = removed_from(Place::Cur) || !linked.is_empty();
    let cur_durable = !cur_touched || disk.sync_folder(&folders.cur).is_ok();
    let mut left = BTreeSet::new();
    if cur_durable {
        // Without that, both names stay: the scan knows them for one message, and nothing is lost.
        let names = linked.iter().flat_map(|step| step.leave.iter().map(|location| (step.stored, location)));
        for (stored, location) in names {
            // One that is gone was moved by a neighbour; the message has its name in cur/ all the same.
            if unlink(disk, folders, stored, location).is_ok() {
                left.insert(location.place);
            }
        }
    }
    let new_touched = removed_from(Place::New) || left.contains(&Place::New);
    let new_durable = !new_touched || disk.sync_folder(&folders.new).is_ok();
    if left.contains(&Place::Cur) {
        let _ = disk.sync_folder(&folders.cur); // At worst an old name comes back beside the new one.
    }

    // A folder that could not be synced may bring back at the next start what was removed from it.
    let is_durable = |place: &Place| match place {
        Place::New => new_durable,
        Place::Cur => cur_durable,
    };
    let removed =
        removals.iter().filter(|it| it.fate == Fate::Done && it.from.iter().all(is_durable)).count();
    Updated { removed, failed: removals.len() - removed }
}

#[cfg(test)]
mod tests;
