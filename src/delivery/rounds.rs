//! One sync of a folder for all deliveries that wait for it.
//!
//! A sync that begins after a name was made covers that name, whoever asked for it. So while one runs,
//! all who come wait for the next one together, and one of them does it for all. Who needs several folders
//! does first what nobody else is doing. Knows no message.

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
}

#[derive(Debug, Default)]
struct State {
    is_running: bool,
    /// Threads that sleep until a round is over: to wake is a system call, also where nobody sleeps.
    sleepers: usize,
    /// The round that has not begun: it covers all that was done until it does.
    next: Arc<Round>,
}

/// One sync, and what came of it.
#[derive(Debug, Default)]
struct Round {
    outcome: OnceLock<Result<(), Fault>>,
    /// It is over, or somebody must do it.
    over: Condvar,
}

/// An error that many are told.
#[derive(Clone, Debug)]
struct Fault(io::ErrorKind, String);

/// A folder to be synced, and the round that this will be.
struct Due<'a> {
    folder: &'a Folder,
    identity: Identity,
    waiting: Arc<Waiting>,
    round: Arc<Round>,
}

impl Rounds {
    /// Makes the names in folders durable, those that were there when this was called. For each folder, in
    /// order.
    ///
    /// # Errors
    /// What the disk says; never to be tried again in the hope of a better answer. It is told to everybody
    /// who waits at that moment, for this round or the next: the disk may tell it once only.
    pub fn sync_all<D: Disk>(&self, disk: &D, folders: &[&Folder]) -> Vec<io::Result<()>> {
        let due: Vec<_> = folders.iter().map(|folder| self.join(folder)).collect();
        let mut left: Vec<_> = due.iter().flatten().collect();
        while let Some(first) = left.first().copied() {
            // A folder that another delivery syncs just now waits until the others are done: deliveries to
            // the same mailboxes would go from folder to folder in step, and the disk would have one sync at
            // a time.
            let before = left.len();
            left.retain(|due| !due.waiting.lead(&due.round, || disk.sync_folder(due.folder)));
            if left.len() == before {
                first.waiting.wait(&first.round);
            }
        }
        let outcomes = due.into_iter().map(|due| {
            let due = due?;
            self.leave(due.identity, due.waiting);
            due.round.outcome()
        });
        outcomes.collect()
    }

    fn join<'a>(&self, folder: &'a Folder) -> io::Result<Due<'a>> {
        let stat = folder.stat_self()?;
        // Wider than needed here, narrower on other systems.
        #[allow(clippy::useless_conversion, reason = "u64 already where this is linted")]
        let identity = (stat.st_dev.into(), stat.st_ino.into());
        let waiting = Arc::clone(lock(&self.0).entry(identity).or_default());
        let round = Arc::clone(&lock(&waiting.state).next);
        Ok(Due { folder, identity, waiting, round })
    }

    /// Whoever comes last takes the entry away: nobody else has it but the map.
    fn leave(&self, identity: Identity, waiting: Arc<Waiting>) {
        drop(waiting);
        let mut folders = lock(&self.0);
        if folders.get(&identity).is_some_and(|waiting| Arc::strong_count(waiting) == 1) {
            folders.remove(&identity);
        }
    }
}

impl Waiting {
    /// Does the sync that `round` waits for, unless it is done or another one is running; whether it is done.
    /// Of those who wait for the next one, one is woken to do it, and the others when it is done.
    fn lead(&self, round: &Arc<Round>, work: impl Fn() -> io::Result<()>) -> bool {
        let mut state = lock(&self.state);
        if round.is_over() {
            return true;
        }
        if state.is_running {
            return false;
        }
        state.is_running = true;
        let mine = std::mem::take(&mut state.next); // It is `round`: who joined it has not seen it begin.
        drop(state);
        let outcome = work().map_err(|error| Fault(error.kind(), error.to_string()));
        state = lock(&self.state);
        state.is_running = false;
        let next = if outcome.is_err() { std::mem::take(&mut state.next) } else { Arc::clone(&state.next) };
        if outcome.is_err() {
            let _ = next.outcome.set(outcome.clone()); // Its only outcome: it never begins.
        }
        let _ = mine.outcome.set(outcome); // Its only outcome: we took it away.
        let has_sleepers = state.sleepers > 0;
        drop(state); // Or those who are woken would wait for us at once.
        if has_sleepers {
            mine.over.notify_all();
            if next.is_over() { next.over.notify_all() } else { next.over.notify_one() }
        }
        true
    }

    /// Waits until a sync that runs is over, be it the one `round` waits for or the one before it.
    fn wait(&self, round: &Round) {
        let mut state = lock(&self.state);
        while state.is_running && !round.is_over() {
            state.sleepers += 1;
            state = round.over.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
    }
}

impl Round {
    fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// What came of it; to be asked when it is over.
    fn outcome(&self) -> io::Result<()> {
        let never = || Err(Fault(io::ErrorKind::Other, "the folder was not synced".to_owned()));
        let outcome = self.outcome.get().cloned().unwrap_or_else(never);
        outcome.map_err(|Fault(kind, text)| io::Error::new(kind, text))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::disk::Step;
    use crate::maildrop::twin::{Fails, Twin, folder};
    use nix::errno::Errno;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    fn sync(rounds: &Rounds, twin: &Twin, path: &Path) -> io::Result<()> {
        rounds.sync_all(twin, &[&folder(path)]).remove(0)
    }

    #[test]
    fn who_comes_alone_syncs_alone_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (twin, rounds) = (Twin::sound(), Rounds::default());
        for round in 1..=3 {
            sync(&rounds, &twin, dir.path()).unwrap();
            assert_eq!((twin.steps(), rounds.0.lock().unwrap().len()), (round, 0));
        }
    }

    #[test]
    fn a_fault_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (twin, rounds) = (Twin::new(Fails::Once(0), Errno::ENOSPC), Rounds::default());
        let told = sync(&rounds, &twin, dir.path()).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::StorageFull);
        sync(&rounds, &twin, dir.path()).unwrap();
        assert!(rounds.0.lock().unwrap().is_empty());
    }

    /// A disk that tells of each sync of a folder, and holds the first one up until it is let go.
    struct Held {
        tell: mpsc::Sender<PathBuf>,
        go_on: Mutex<Option<mpsc::Receiver<()>>>,
        first_fails: bool,
    }

    impl Held {
        fn new(first_fails: bool) -> (Self, mpsc::Receiver<PathBuf>, mpsc::Sender<()>) {
            let ((tell, told), (let_go, go_on)) = (mpsc::channel(), mpsc::channel());
            (Self { tell, go_on: Mutex::new(Some(go_on)), first_fails }, told, let_go)
        }
    }

    impl Disk for Held {
        fn before(&self, step: Step<'_>) -> io::Result<()> {
            let Step::SyncFolder(folder) = step else { return Ok(()) };
            self.tell.send(folder.path().to_owned()).unwrap();
            let Some(go_on) = lock(&self.go_on).take() else { return Ok(()) };
            go_on.recv().unwrap();
            if self.first_fails { Err(Errno::EIO.into()) } else { Ok(()) }
        }
    }

    /// A first sync that is held up, and so many others that came meanwhile: their outcomes, and how many
    /// syncs there were.
    fn meanwhile(others: usize, first_fails: bool) -> (Vec<io::Result<()>>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let (rounds, (disk, told, let_go)) = (Rounds::default(), Held::new(first_fails));
        let sync = || rounds.sync_all(&disk, &[&folder(dir.path())]).remove(0);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let first = scope.spawn(sync);
            told.recv().unwrap();
            let next = Arc::clone(&lock(&lock(&rounds.0).values().next().unwrap().state).next);
            let others: Vec<_> = (0..others).map(|_| scope.spawn(sync)).collect();
            // Each that waits holds the next round; we and the state hold it too.
            while Arc::strong_count(&next) < others.len() + 2 {
                thread::yield_now();
            }
            let_go.send(()).unwrap();
            let all = std::iter::once(first).chain(others);
            all.map(|thread| thread.join().unwrap()).collect()
        });
        assert!(lock(&rounds.0).is_empty());
        (outcomes, 1 + told.try_iter().count())
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

    #[test]
    fn who_needs_several_folders_does_the_others_while_one_is_busy() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| dir.path().join(name));
        paths.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let folders = paths.each_ref().map(|path| folder(path));
        let (rounds, (disk, told, let_go)) = (Rounds::default(), Held::new(false));
        thread::scope(|scope| {
            let first = scope.spawn(|| rounds.sync_all(&disk, &[&folders[0]]).remove(0));
            let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(next(), paths[0]);
            let several = scope.spawn(|| rounds.sync_all(&disk, &folders.each_ref()));
            assert_eq!([next(), next()], [paths[1].clone(), paths[2].clone()]);
            let_go.send(()).unwrap();
            assert_eq!(next(), paths[0], "the sync that was running had begun before");
            assert!(first.join().unwrap().is_ok() && several.join().unwrap().iter().all(Result::is_ok));
        });
    }

    /// A disk that takes long enough for others to come meanwhile.
    struct Slow;

    impl Disk for Slow {
        fn before(&self, _: Step<'_>) -> io::Result<()> {
            thread::sleep(Duration::from_micros(200));
            Ok(())
        }
    }

    #[test]
    fn nobody_is_left_waiting() {
        const THREADS: usize = 8;
        const EACH: usize = 100;
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| dir.path().join(name));
        paths.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let rounds = Arc::new(Rounds::default());
        let (done, all_done) = mpsc::channel();
        for thread in 0..THREADS {
            let (paths, rounds, done) = (paths.clone(), Arc::clone(&rounds), done.clone());
            thread::spawn(move || {
                for round in 0..EACH {
                    // One folder, two or all, beginning with another one each time.
                    let folders: Vec<_> =
                        (0..=round % 3).map(|at| folder(&paths[(thread + round + at) % 3])).collect();
                    let outcomes = rounds.sync_all(&Slow, &folders.iter().collect::<Vec<_>>());
                    assert!(outcomes.iter().all(Result::is_ok));
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..THREADS {
            all_done.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        assert!(lock(&rounds.0).is_empty());
    }
}
