//! A large folder that is not in memory: read in several places at once, ahead of who lists it.
//!
//! ext4 reads a folder's blocks one by one and waits for each. 20,000 names are 600 blocks, scattered over the
//! disk, and a disk serves several readers in the time of one. What the readers here find they drop: it
//! is in the system's memory then, where the one reader that counts meets it. So nothing depends on what
//! a position in a folder means to the file system; where it means nothing, they have read in vain.

use super::folder::Folder;
use crate::limits;
use nix::sys::resource::{UsageWho, getrusage};
use rustix::fs::{RawDir, SeekFrom, seek};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::thread::{Builder, Scope};

/// Octets of names that are taken from the system at once.
const BATCH: usize = 32 * 1024;

/// What this thread had had to wait for the disk for when somebody began to look on.
pub struct Waits(i64);

impl Waits {
    /// Looks on from here.
    pub fn begin() -> Self {
        Self(blocks_waited_for())
    }

    /// Whether anything had to come from the disk since. Where the system does not count that: no.
    pub fn have_grown(&self) -> bool {
        blocks_waited_for() > self.0
    }
}

fn blocks_waited_for() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.block_reads())
}

/// Sets readers at work on all parts of a folder but the first, where the caller is. It is a help and no
/// duty: without descriptors or threads to spare the caller reads on alone.
pub fn read_along<'scope>(scope: &'scope Scope<'scope, '_>, folder: &Folder) {
    for part in 1..limits::COLD_READERS {
        let Ok(fd) = folder.reopen() else { return };
        if Builder::new().spawn_scoped(scope, move || read_part(&fd, part)).is_err() {
            return;
        }
    }
}

/// Reads one part to its end; how many names that were.
fn read_part(fd: &OwnedFd, part: u64) -> usize {
    // ext4 orders names by a hash, and its positions are spread evenly over all there are.
    let length = u64::MAX / 2 / limits::COLD_READERS;
    let end = if part + 1 == limits::COLD_READERS { u64::MAX } else { length * (part + 1) };
    if seek(fd, SeekFrom::Start(length * part)).is_err() {
        return 0;
    }
    let mut batch = [const { MaybeUninit::uninit() }; BATCH];
    let mut entries = RawDir::new(fd, &mut batch);
    let mut names = 0;
    while let Some(Ok(entry)) = entries.next() {
        names += 1;
        if entry.next_entry_cookie() >= end {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::twin::folder;
    use super::*;
    use std::collections::BTreeSet;
    use std::fs::File;

    const NAMES: usize = 300;

    fn many() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..NAMES {
            File::create(dir.path().join(number.to_string())).unwrap();
        }
        dir
    }

    #[test]
    fn no_name_is_left_to_wait_for() {
        let dir = many();
        let read = |part| read_part(&folder(dir.path()).reopen().unwrap(), part);
        let parts: Vec<_> = (0..limits::COLD_READERS).map(read).collect();
        assert!(parts.iter().sum::<usize>() >= NAMES, "{parts:?}");
    }

    #[test]
    fn who_lists_beside_the_readers_finds_each_name_once() {
        let dir = many();
        let place = folder(dir.path());
        let mut found = BTreeSet::new();
        std::thread::scope(|scope| {
            read_along(scope, &place);
            place.each_file(&mut |name| assert!(found.insert(name.to_owned()), "{name:?}")).unwrap();
        });
        assert_eq!(found.len(), NAMES);
    }
}
