//! Is there room: on the disk, and in a mailbox.
//!
//! Knows numbers; makes and opens no message.

use super::Error;
use crate::limits;
use crate::mail::{AccountAddress, Bytes};
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::maildrop::tree::Tree;
use crate::maildrop::{Usage, usage};
use nix::errno::Errno;
use nix::sys::statvfs::statvfs;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// What was counted in mailboxes with a quota, for as long as their folders stay the same: three looks
/// at one message must not read a large Maildir three times.
#[derive(Debug, Default)]
pub struct Usages(Mutex<HashMap<AccountAddress, (Times, Usage)>>);

/// When the names in new/ and cur/ changed last.
type Times = [Option<Duration>; 2];

impl Usages {
    /// How much lies in a mailbox. One that is not there is empty.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of<D: Disk>(
        &self,
        tree: &Tree<D>,
        account: &AccountAddress,
        now: SystemTime,
    ) -> io::Result<Usage> {
        let root = match tree.existing(account) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Usage::default()),
            root => root?,
        };
        let folders = [open(tree, &root, "new")?, open(tree, &root, "cur")?];
        // Before counting: what changes meanwhile makes the figure old, never the other way round.
        let times = [time(&folders[0])?, time(&folders[1])?];
        if let Some(usage) = self.known(account, times) {
            return Ok(usage);
        }
        let mut counted = Usage::default();
        for folder in folders.iter().flatten() {
            usage::add(&tree.disk, folder, &mut counted)?;
        }
        if times.iter().flatten().all(|time| is_settled(*time, now)) {
            self.keep(account, times, counted);
        }
        Ok(counted)
    }

    fn known(&self, account: &AccountAddress, times: Times) -> Option<Usage> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(account).filter(|(at, _)| *at == times).map(|(_, usage)| *usage)
    }

    fn keep(&self, account: &AccountAddress, times: Times, usage: Usage) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::USAGES_MAX {
            known.clear(); // Rare, and all of it can be counted again.
        }
        known.insert(account.clone(), (times, usage));
    }
}

fn open<D: Disk>(tree: &Tree<D>, root: &Folder, name: &str) -> io::Result<Option<Folder>> {
    match tree.disk.open_folder(root, OsStr::new(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        folder => folder.map(Some),
    }
}

fn time(folder: &Option<Folder>) -> io::Result<Option<Duration>> {
    let Some(folder) = folder else { return Ok(None) };
    let stat = folder.stat_self()?;
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    Ok(Some(Duration::new(seconds, u32::try_from(stat.st_mtime_nsec).unwrap_or(0))))
}

/// Whether the next change is sure to show in the folder's time.
fn is_settled(time: Duration, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(time).is_some_and(|age| age >= limits::FOLDER_TIME_GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::disk::OsDisk;

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

    #[test]
    fn a_mailbox_is_counted_anew_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let account = AccountAddress::parse("anna@example.org").unwrap();
        let root = dir.path().join("example.org/anna");
        let (tree, usages) = (Tree::new(OsDisk, dir.path().to_owned()), Usages::default());
        let bytes = |now| usages.of(&tree, &account, now).unwrap().bytes;
        assert_eq!(bytes(SystemTime::now()), Bytes(0));
        std::fs::create_dir_all(root.join("new")).unwrap();
        for round in 1..=3_u64 {
            std::fs::write(root.join("new").join(round.to_string()), "five\n").unwrap();
            // Fresh changes are never taken from memory, however coarse the disk's clock is.
            assert_eq!(bytes(SystemTime::now()), Bytes(5 * round));
        }
        let later = SystemTime::now() + limits::FOLDER_TIME_GRAIN * 2;
        assert_eq!(bytes(later), Bytes(15));
        assert!(usages.known(&account, [None, None]).is_none());
        assert_eq!(usages.0.lock().unwrap().len(), 1);
        std::fs::write(root.join("new/1"), "longer than it was").unwrap();
        assert_eq!(bytes(later), Bytes(15), "the names are the same, so the figure is");
    }
}
