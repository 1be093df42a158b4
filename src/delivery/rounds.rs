//! One sync of a folder for all deliveries that wait for it.
//!
//! A sync that begins after a name was made covers that name, whoever asked for it. So while one runs,
//! all who come wait for the next one together, and one of them does it for all. Knows no message.

use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// The folders that are being synced now, by what they are on the disk: two handles of one folder share,
/// and a folder that was moved away shares with nobody who means the one in its place.
#[derive(Debug, Default)]
pub struct Rounds(Mutex<HashMap<Identity, Arc<Waiting>>>);

/// Device and inode.
type Identity = (u64, u64);

/// Those who wait for one folder.
#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_running: bool,
    /// The round that has not begun: it covers all that was done until it does.
    next: Arc<Round>,
}

/// One sync, and what came of it.
#[derive(Debug, Default)]
struct Round(OnceLock<Result<(), Fault>>);

/// An error that many are told.
#[derive(Clone, Debug)]
struct Fault(io::ErrorKind, String);

impl Rounds {
    /// Makes the names in a folder durable, those that were there when this was called.
    ///
    /// # Errors
    /// What the disk says; never to be tried again in the hope of a better answer. It is told to everybody
    /// who waits at that moment, for this round or the next: the disk may tell it once only.
    pub fn sync<D: Disk>(&self, disk: &D, folder: &Folder) -> io::Result<()> {
        let stat = folder.stat_self()?;
        // Wider than needed here, narrower on other systems.
        #[allow(clippy::useless_conversion, reason = "u64 already where this is linted")]
        let identity = (stat.st_dev.into(), stat.st_ino.into());
        let waiting = Arc::clone(lock(&self.0).entry(identity).or_default());
        let outcome = waiting.sync(|| disk.sync_folder(folder));
        drop(waiting);
        // Whoever comes last takes the entry away: nobody else has it but this map.
        let mut folders = lock(&self.0);
        if folders.get(&identity).is_some_and(|waiting| Arc::strong_count(waiting) == 1) {
            folders.remove(&identity);
        }
        outcome
    }
}

impl Waiting {
    fn sync(&self, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = lock(&self.state);
        let mine = Arc::clone(&state.next);
        loop {
            if let Some(outcome) = mine.0.get() {
                return outcome.clone().map_err(|Fault(kind, text)| io::Error::new(kind, text));
            }
            if state.is_running {
                state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.is_running = true;
            let round = std::mem::take(&mut state.next);
            drop(state);
            let outcome = work().map_err(|error| Fault(error.kind(), error.to_string()));
            state = lock(&self.state);
            state.is_running = false;
            if outcome.is_err() {
                let failed_too = std::mem::take(&mut state.next);
                let _ = failed_too.0.set(outcome.clone()); // Its only outcome: it never begins.
            }
            let _ = round.0.set(outcome); // Its only outcome: we took it away.
            self.over.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::twin::{Fails, Twin, folder};
    use nix::errno::Errno;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn who_comes_alone_syncs_alone_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (twin, rounds) = (Twin::sound(), Rounds::default());
        for round in 1..=3 {
            rounds.sync(&twin, &folder(dir.path())).unwrap();
            assert_eq!((twin.steps(), rounds.0.lock().unwrap().len()), (round, 0));
        }
    }

    #[test]
    fn a_fault_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (twin, rounds) = (Twin::new(Fails::Once(0), Errno::ENOSPC), Rounds::default());
        let told = rounds.sync(&twin, &folder(dir.path())).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::StorageFull);
        rounds.sync(&twin, &folder(dir.path())).unwrap();
        assert!(rounds.0.lock().unwrap().is_empty());
    }

    /// A first sync that runs until it is let go, and so many others that came meanwhile: their outcomes, and
    /// how many syncs there were.
    fn meanwhile(others: usize, first_fails: bool) -> (Vec<io::Result<()>>, u32) {
        let (waiting, syncs) = (Arc::new(Waiting::default()), AtomicU32::new(0));
        let (tell, told) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let outcomes = thread::scope(|scope| {
            let first = scope.spawn(|| {
                waiting.sync(|| {
                    syncs.fetch_add(1, Ordering::SeqCst);
                    tell.send(()).unwrap();
                    wait.lock().unwrap().recv().unwrap();
                    if first_fails { Err(Errno::EIO.into()) } else { Ok(()) }
                })
            });
            told.recv().unwrap();
            let next = Arc::clone(&waiting.state.lock().unwrap().next);
            let sync = || {
                waiting.sync(|| {
                    syncs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            };
            let others: Vec<_> = (0..others).map(|_| scope.spawn(sync)).collect();
            // Each that waits holds the next round; we and the state hold it too.
            while Arc::strong_count(&next) < others.len() + 2 {
                thread::yield_now();
            }
            go_on.send(()).unwrap();
            let all = std::iter::once(first).chain(others);
            all.map(|thread| thread.join().unwrap()).collect()
        });
        (outcomes, syncs.into_inner())
    }

    #[test]
    fn all_who_come_while_one_runs_share_the_next() {
        let (outcomes, syncs) = meanwhile(5, false);
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(syncs, 2, "never the one that had begun before they came");
    }

    #[test]
    fn a_fault_is_everybodys_who_waits() {
        let (outcomes, syncs) = meanwhile(5, true);
        assert!(outcomes.iter().all(Result::is_err), "the disk may tell it once only");
        assert_eq!(syncs, 1, "and nobody asks again for what was lost");
    }
}
