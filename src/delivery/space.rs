//! Is there room on the disk.
//!
//! Knows numbers; makes and opens no message, and knows no mailbox.

use super::Error;
use crate::limits;
use crate::mail::Bytes;
use nix::errno::Errno;
use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How much was free when the disk was last asked, less what was written since.
#[derive(Debug)]
pub struct Free {
    /// Kept free; `None` is as much as fits the disk.
    reserve: Option<Bytes>,
    last: Mutex<Option<(Instant, Room)>>,
}

/// A disk's free bytes, and how many of them are not for mail.
#[derive(Clone, Copy, Debug)]
struct Room {
    free: Bytes,
    reserve: Bytes,
}

impl Room {
    fn is_enough(self, expected: Bytes) -> bool {
        self.free.0 >= self.reserve.0.saturating_add(expected.0)
    }
}

impl Free {
    /// `reserve` is kept free; `None` is [`limits::MIN_FREE_DEFAULT`], or less on a small disk.
    pub fn new(reserve: Option<Bytes>) -> Self {
        Self { reserve, last: Mutex::default() }
    }

    /// Whether the disk under `mail` has `expected` bytes above the reserve, and an inode.
    ///
    /// # Errors
    /// `NoSpace`, `Temporary`.
    pub fn check(&self, mail: &Path, expected: Bytes) -> Result<(), Error> {
        let room = self.room(mail)?;
        *self.lock() = Some((Instant::now(), room));
        if room.is_enough(expected) { Ok(()) } else { Err(Error::NoSpace) }
    }

    /// Whether there was enough a moment ago. Asks nobody, so it never blocks; `false` is no answer.
    pub fn was_enough(&self, expected: Bytes) -> bool {
        self.lock().is_some_and(|(asked, room)| {
            asked.elapsed() < limits::FREE_SPACE_KNOWN_FOR && room.is_enough(expected)
        })
    }

    /// Takes off what is about to be written.
    pub fn spend(&self, bytes: Bytes) {
        if let Some((_, room)) = &mut *self.lock() {
            room.free.0 = room.free.0.saturating_sub(bytes.0);
        }
    }

    fn room(&self, mail: &Path) -> Result<Room, Error> {
        let (free, size) = disk(mail)?;
        Ok(Room { free, reserve: self.reserve(size) })
    }

    fn reserve(&self, disk: Bytes) -> Bytes {
        self.reserve.unwrap_or(Bytes(limits::MIN_FREE_DEFAULT.min(disk.0 / limits::MIN_FREE_PART)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Room)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes that are free on the disk under `mail`, none when it has no inode left; and all it has.
fn disk(mail: &Path) -> Result<(Bytes, Bytes), Error> {
    let disk = match statvfs(mail) {
        // Before the first delivery the folder is not there; the disk it will be on is.
        Err(Errno::ENOENT) => statvfs(nearest(&std::path::absolute(mail)?)),
        found => found,
    };
    let disk = disk.map_err(io::Error::from)?;
    // Wider than needed here, narrower on 32-bit systems.
    #[allow(clippy::useless_conversion, reason = "u64 already where this is linted")]
    let [free, all, size]: [u64; 3] =
        [disk.blocks_available().into(), disk.blocks().into(), disk.fragment_size().into()];
    // Disks without a table of inodes (btrfs) report no files at all.
    let out_of_inodes = disk.files() > 0 && disk.files_available() == 0;
    let free = if out_of_inodes { 0 } else { free.saturating_mul(size) };
    Ok((Bytes(free), Bytes(all.saturating_mul(size))))
}

/// The lowest folder above that is there.
fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_kept_and_a_missing_folder_is_no_matter() {
        let dir = tempfile::tempdir().unwrap();
        let check =
            |reserve, mail: &Path, expected| Free::new(Some(Bytes(reserve))).check(mail, Bytes(expected));
        for mail in [dir.path().to_owned(), dir.path().join("not/yet/there")] {
            assert_eq!(check(0, &mail, 1), Ok(()));
            assert_eq!(check(u64::MAX, &mail, 1), Err(Error::NoSpace));
            assert_eq!(check(1, &mail, u64::MAX), Err(Error::NoSpace));
        }
    }

    /// With 64 MiB kept free, a partition of 50 MiB for mail would never have taken a message.
    #[test]
    fn a_small_disk_keeps_less_unless_told() {
        let reserve = |given: Option<u64>, disk| Free::new(given.map(Bytes)).reserve(Bytes(disk)).0;
        assert_eq!(reserve(None, 1 << 40), limits::MIN_FREE_DEFAULT);
        assert_eq!(reserve(None, 1 << 30), limits::MIN_FREE_DEFAULT);
        assert_eq!(reserve(None, 16 << 20), 1 << 20);
        assert_eq!(reserve(Some(64 << 20), 16 << 20), 64 << 20);
        assert_eq!(reserve(Some(0), 1 << 40), 0);
    }

    #[test]
    fn what_was_free_is_known_for_a_moment_and_never_made_up() {
        let known = |free: Free| free.was_enough(Bytes(5));
        assert!(!known(Free::new(None)), "nobody has asked yet");
        let looked = |at, free| {
            let room = Room { free: Bytes(free), reserve: Bytes(5) };
            Free { reserve: None, last: Mutex::new(Some((at, room))) }
        };
        assert!(known(looked(Instant::now(), 10)));
        assert!(!known(looked(Instant::now(), 9)));
        let long_ago = Instant::now().checked_sub(limits::FREE_SPACE_KNOWN_FOR).unwrap();
        assert!(!known(looked(long_ago, 10)));
        assert!(!looked(Instant::now(), 10).was_enough(Bytes(u64::MAX)));
        let free = Free::new(Some(Bytes(0)));
        free.check(Path::new("/"), Bytes(0)).unwrap();
        assert!(free.was_enough(Bytes(0)));
        let free = looked(Instant::now(), 12);
        free.spend(Bytes(2));
        assert!(free.was_enough(Bytes(5)));
        free.spend(Bytes(1));
        assert!(!free.was_enough(Bytes(5)), "what was written since is not free");
        free.spend(Bytes(u64::MAX));
    }
}
