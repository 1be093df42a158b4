//! All names of a Maildir, also of one in which others rename while it is read.
//!
//! The system reads a folder piece by piece, and POSIX leaves open whether a name shows that comes or goes
//! meanwhile. A file that is renamed may get a name where the reader has been, and lose the one where it has
//! not: it was there all the time, and is not seen. A client that is not shown a message for one
//! session forgets its unique-id, and fetches it once more in the next.
//!
//! So the folder's time of change is looked at before and after. Almost always it has stayed, and that
//! is all; else the folder is read again. Knows no message, only names.

use super::disk::Disk;
use super::folder::Folder;
use super::listing::Name;
use super::name::{self, Carried, Order, Written};
use super::tree::{Folders, Place};
use crate::limits;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, UNIX_EPOCH};

/// Names, as the folders gave them.
#[derive(Default)]
pub(super) struct Names {
    /// One behind the other.
    pub text: Vec<u8>,
    pub found: Vec<Found>,
}

/// A name, and what is read in it.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub name: Name,
    pub order: Order,
    pub written: Option<Written>,
    pub carried: Carried,
}

/// What was found, and what that is worth.
pub(super) struct Gathered {
    pub names: Names,
    /// What is not among them was not there. Otherwise it may have been renamed at each look.
    pub is_whole: bool,
}

/// Reads both folders: all names, or those with one of the `wanted` bases. While others rename, a message may
/// come with a name that it no longer has, and with several.
///
/// Of new/ less is asked than of cur/, for there each delivery is a change: that a second look finds all
/// that the first found is enough. What renames is at work in cur/, or goes there or comes from there.
///
/// # Errors
/// What the disk says about the folders.
pub(super) fn gather<D: Disk>(
    disk: &D,
    folders: &Folders,
    wanted: Option<&HashSet<&[u8]>>,
) -> io::Result<Gathered> {
    let (mut names, mut lost) = (Names::default(), Names::default());
    let mut cur = Before::of(disk, &folders.cur)?;
    let (mut only_new, mut is_whole) = (false, false);
    for look in 1..=limits::FOLDER_LOOKS_MAX {
        let new = Before::of(disk, &folders.new)?;
        let earlier = std::mem::take(&mut names);
        // A message moves from new/ to cur/, so in this order it is met there, or here.
        names.read(disk, folders, Place::New, wanted)?;
        match only_new {
            true => names.add_some(&earlier, |found| found.name.place() == Place::Cur)?,
            false => names.read(disk, folders, Place::Cur, wanted)?,
        }
        let (new, in_cur) = (new.until_now(&folders.new)?, cur.until_now(&folders.cur)?);
        let lost_now = if look == 1 { 0 } else { lost.add_missing(&earlier, &names)? };
        only_new = in_cur == Since::Still;
        if only_new && (new == Since::Still || look > 1 && lost_now == 0) {
            return Ok(Gathered { names, is_whole: true });
        }
        // Until the clock has caught up, more looks would say no more, at each login.
        if cur.is_ahead && in_cur == Since::Perhaps && look > 1 && lost_now == 0 {
            return Ok(Gathered { names, is_whole: true });
        }
        // The best that can be had where the clock is too coarse to tell.
        is_whole = in_cur != Since::Changed && lost_now == 0;
        if !only_new {
            cur = Before::of(disk, &folders.cur)?;
        }
    }
    if !is_whole {
        // Better a message that is gone, of which a client is told so, than to leave out one that is there.
        let mut all = Names::default();
        all.add_some(&names, |_| true)?;
        all.add_missing(&lost, &names)?;
        names = all;
    }
    Ok(Gathered { names, is_whole })
}

impl Names {
    /// Adds a folder's names.
    fn read<D: Disk>(
        &mut self,
        disk: &D,
        folders: &Folders,
        place: Place,
        wanted: Option<&HashSet<&[u8]>>,
    ) -> io::Result<()> {
        let mut is_full = false;
        disk.each_file(folders.of(place), &mut |name| {
            let name = name.as_bytes();
            if wanted.is_none_or(|wanted| wanted.contains(name::base(name))) {
                is_full |= !self.add(place, name);
            }
        })?;
        if is_full { Err(too_many()) } else { Ok(()) }
    }

    /// `false` if it has no room any more.
    pub fn add(&mut self, place: Place, name: &[u8]) -> bool {
        let name::Parsed { written, unique_id, carried, order } = name::parse(name::base(name));
        let added = match unique_id {
            Some(std::borrow::Cow::Owned(id)) => Name::add_with(&mut self.text, place, name, &id),
            own => Name::add(&mut self.text, place, name, own.map_or(0, |id| id.len())),
        };
        self.found.extend(added.map(|name| Found { name, order, written, carried }));
        added.is_some()
    }

    fn add_some(&mut self, from: &Self, mut which: impl FnMut(&Found) -> bool) -> io::Result<()> {
        let mut some = from.found.iter().filter(|found| which(found));
        let all = some.all(|found| self.add(found.name.place(), found.name.text(&from.text)));
        if all { Ok(()) } else { Err(too_many()) }
    }

    /// Adds those names of earlier ones whose base is not among the later ones, each once; how many.
    fn add_missing(&mut self, earlier: &Self, later: &Self) -> io::Result<usize> {
        let bases: HashSet<&[u8]> = later.found.iter().map(|found| later.base(found)).collect();
        let mut added = BTreeSet::new();
        self.add_some(earlier, |found| {
            let name = (found.name.place(), found.name.text(&earlier.text));
            !bases.contains(earlier.base(found)) && added.insert(name)
        })?;
        Ok(added.len())
    }

    /// A name without flags.
    pub fn base(&self, found: &Found) -> &[u8] {
        name::base(found.name.text(&self.text))
    }
}

fn too_many() -> io::Error {
    io::Error::other("names of more than 4 GiB in one Maildir")
}

/// A folder's time of change, before it was read.
struct Before {
    changed: Duration,
    /// The next change cannot have the same time.
    is_past: bool,
    /// It has not come yet: the clock was set back, or is another's. The next change has this time only by chance.
    is_ahead: bool,
}

/// What became of a folder since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Still,
    /// Its time is the same, and is too coarse to say more.
    Perhaps,
    Changed,
}

impl Before {
    fn of<D: Disk>(disk: &D, folder: &Folder) -> io::Result<Self> {
        // First: what changes behind this line has this time, or a later one.
        let now = disk.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = changed(folder)?;
        // A time without a fraction comes from a disk that has none.
        let grain = if changed.subsec_nanos() == 0 { limits::FOLDER_TIME_GRAIN } else { limits::CLOCK_TICK };
        let is_past = now.checked_sub(changed).is_some_and(|age| age >= grain);
        Ok(Self { changed, is_past, is_ahead: changed > now })
    }

    fn until_now(&self, folder: &Folder) -> io::Result<Since> {
        Ok(match changed(folder)? == self.changed {
            true if self.is_past => Since::Still,
            true => Since::Perhaps,
            false => Since::Changed,
        })
    }
}

/// The ctime: it moves with each name, as the mtime does, and nobody can set it back.
fn changed(folder: &Folder) -> io::Result<Duration> {
    let stat = folder.stat_self()?;
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    Ok(Duration::new(seconds, u32::try_from(stat.st_ctime_nsec).unwrap_or(0)))
}

#[cfg(test)]
pub mod tests;
