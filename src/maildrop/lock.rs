//! One session for a maildrop (RFC 1939, 4): who has which, and when another may take it over.
//!
//! Within the process a table says so; against other processes the Maildir's own folder is locked
//! (`flock`), which needs no file on a full disk and which a crash cannot leave behind. Knows no
//! message. Deliveries never ask here.

use super::Error;
use super::folder::Folder;
use crate::limits;
use crate::mail::{AccountAddress, Peer};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// All locks of this process.
#[derive(Debug, Default)]
pub struct Locks(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    holders: HashMap<AccountAddress, Holder>,
    /// Never used twice: an old guard must not release what a new one holds.
    next_generation: u64,
}

#[derive(Debug)]
struct Holder {
    generation: u64,
    /// `None` over a Unix socket, where nobody's connection breaks unnoticed: no take-over.
    ip: Option<IpAddr>,
    heard: Instant,
    /// At work on the disk: not to be disturbed.
    updating: bool,
    /// Locked against other processes; closing it unlocks.
    _folder: Option<File>,
}

/// A lock that is held, or was until another session took over. Dropping it releases.
#[derive(Debug)]
pub struct Lock {
    locks: Arc<Locks>,
    account: AccountAddress,
    generation: u64,
}

impl Locks {
    /// Takes the lock of an account, at the time `now`.
    ///
    /// # Errors
    /// `InUse`.
    pub fn take(self: &Arc<Self>, account: &AccountAddress, peer: Peer, now: Instant) -> Result<Lock, Error> {
        let mut table = self.table();
        if table.holders.get(account).is_some_and(|holder| !holder.gives_way(peer, now)) {
            return Err(Error::InUse);
        }
        let generation = table.next_generation;
        table.next_generation += 1;
        let holder = Holder { generation, ip: peer.ip(), heard: now, updating: false, _folder: None };
        // The old holder goes, and with it its lock on the folder.
        table.holders.insert(account.clone(), holder);
        Ok(Lock { locks: Arc::clone(self), account: account.clone(), generation })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    /// A telephone that changed its network comes back before TCP notices that it was gone. Anybody
    /// else at another address waits, and so does whoever comes while a QUIT is at work.
    fn gives_way(&self, peer: Peer, now: Instant) -> bool {
        let same = self.ip.is_some() && self.ip == peer.ip();
        same && !self.updating && now.saturating_duration_since(self.heard) >= limits::TAKE_OVER_AFTER
    }
}

impl Lock {
    /// Locks the Maildir against other processes as well.
    ///
    /// # Errors
    /// `InUse`, `TakenOver`, `Temporary`.
    pub fn attach(&self, root: &Folder) -> Result<(), Error> {
        let file = File::from(root.reopen().map_err(Error::Temporary)?);
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Error::InUse),
            // A disk that has no locks (some network file systems): the table still guards this
            // process, and that is all there is to be had.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Error::Temporary(error)),
            Ok(()) => {}
        }
        self.if_held(|holder| holder._folder = Some(file)).ok_or(Error::TakenOver)
    }

    /// The session was heard from; `false` when another has taken over.
    pub fn touch(&self, now: Instant) -> bool {
        self.if_held(|holder| holder.heard = now).is_some()
    }

    /// Whether the session still has the maildrop.
    pub fn is_held(&self) -> bool {
        self.if_held(|_| ()).is_some()
    }

    /// From here to the drop nobody takes over.
    ///
    /// # Errors
    /// `TakenOver`.
    pub fn begin_update(&self) -> Result<(), Error> {
        self.if_held(|holder| holder.updating = true).ok_or(Error::TakenOver)
    }

    /// Acts on the holder's entry, if it is still this one's.
    fn if_held<T>(&self, act: impl FnOnce(&mut Holder) -> T) -> Option<T> {
        let mut table = self.locks.table();
        let holder = table.holders.get_mut(&self.account)?;
        (holder.generation == self.generation).then(|| act(holder))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut table = self.locks.table();
        if table.holders.get(&self.account).is_some_and(|holder| holder.generation == self.generation) {
            table.holders.remove(&self.account); // Closes the folder, which unlocks it.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn account() -> AccountAddress {
        AccountAddress::parse("anna@example.org").unwrap()
    }

    fn tcp(text: &str) -> Peer {
        Peer::Tcp(text.parse().unwrap())
    }

    #[test]
    fn one_session_at_a_time_and_a_drop_releases() {
        let (locks, now) = (Arc::new(Locks::default()), Instant::now());
        let held = locks.take(&account(), Peer::Unix, now).unwrap();
        assert!(matches!(locks.take(&account(), Peer::Unix, now), Err(Error::InUse)));
        let other = AccountAddress::parse("bert@example.org").unwrap();
        assert!(locks.take(&other, Peer::Unix, now).is_ok());
        drop(held);
        assert!(locks.take(&account(), Peer::Unix, now).is_ok());
    }

    #[test]
    fn only_the_same_address_takes_over_and_only_from_a_silent_session() {
        let silent = limits::TAKE_OVER_AFTER;
        let almost = silent - Duration::from_millis(1);
        for (holder, taker, after, taken) in [
            (tcp("192.0.2.1:1"), tcp("192.0.2.1:2"), silent, true),
            (tcp("192.0.2.1:1"), tcp("[::ffff:192.0.2.1]:2"), silent, true),
            (tcp("192.0.2.1:1"), tcp("192.0.2.1:2"), almost, false),
            (tcp("192.0.2.1:1"), tcp("192.0.2.2:1"), silent * 9, false),
            (tcp("192.0.2.1:1"), Peer::Unix, silent * 9, false),
            (Peer::Unix, Peer::Unix, silent * 9, false),
        ] {
            let (locks, start) = (Arc::new(Locks::default()), Instant::now());
            let old = locks.take(&account(), holder, start).unwrap();
            let new = locks.take(&account(), taker, start + after);
            assert_eq!(new.is_ok(), taken, "{holder} {taker} {after:?}");
            assert_eq!(old.touch(start + after), !taken);
            assert_eq!(old.is_held(), !taken);
        }
    }

    #[test]
    fn a_session_that_is_heard_from_or_at_work_is_left_alone() {
        let (locks, start) = (Arc::new(Locks::default()), Instant::now());
        let old = locks.take(&account(), tcp("192.0.2.1:1"), start).unwrap();
        let later = start + limits::TAKE_OVER_AFTER;
        assert!(old.touch(later));
        assert!(locks.take(&account(), tcp("192.0.2.1:2"), later + Duration::from_secs(1)).is_err());
        old.begin_update().unwrap();
        assert!(locks.take(&account(), tcp("192.0.2.1:2"), later + limits::TAKE_OVER_AFTER).is_err());
    }

    #[test]
    fn whoever_was_taken_over_releases_nothing_and_changes_nothing() {
        let (locks, start) = (Arc::new(Locks::default()), Instant::now());
        let later = start + limits::TAKE_OVER_AFTER;
        let old = locks.take(&account(), tcp("192.0.2.1:1"), start).unwrap();
        let new = locks.take(&account(), tcp("192.0.2.1:2"), later).unwrap();
        assert!(matches!(old.begin_update(), Err(Error::TakenOver)));
        drop(old);
        assert!(new.is_held());
        assert!(matches!(locks.take(&account(), Peer::Unix, later), Err(Error::InUse)));
    }

    #[test]
    fn the_folder_is_locked_against_other_processes_until_the_drop() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        // A second table stands for a second process: flock goes by open file, not by process.
        let (here, there) = (Arc::new(Locks::default()), Arc::new(Locks::default()));
        let start = Instant::now();
        let held = here.take(&account(), tcp("192.0.2.1:1"), start).unwrap();
        held.attach(&root).unwrap();
        let other = there.take(&account(), tcp("192.0.2.1:2"), start).unwrap();
        assert!(matches!(other.attach(&root), Err(Error::InUse)));
        // Taking over within the process takes the lock on the folder along.
        let taker = here.take(&account(), tcp("192.0.2.1:3"), start + limits::TAKE_OVER_AFTER).unwrap();
        taker.attach(&root).unwrap();
        assert!(matches!(held.attach(&root), Err(Error::InUse)));
        drop(taker);
        other.attach(&root).unwrap();
    }
}
