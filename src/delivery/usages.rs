//! How much lies in the mailboxes that have a quota, as far as it is known without counting again.
//!
//! Two kinds of questions: the judge of a message asks for the figure of this moment, and RCPT for an advice,
//! which may be a moment old. Knows numbers; makes and opens no message.

use crate::limits;
use crate::mail::{AccountAddress, Bytes};
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::maildrop::tree::Tree;
use crate::maildrop::{Usage, usage};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What was counted in mailboxes with a quota: several looks at one message must not read a large Maildir
/// as often.
#[derive(Debug, Default)]
pub struct Usages(Mutex<HashMap<AccountAddress, Known>>);

#[derive(Debug, Default)]
struct Known {
    figure: Option<Figure>,
    /// Held by who counts for an advice; others who want one wait for that count.
    turn: Arc<Mutex<()>>,
}

/// One count.
#[derive(Clone, Copy, Debug)]
struct Figure {
    bytes: Bytes,
    /// Of the folders, before they were counted; `None` when something was delivered since.
    times: Option<Times>,
    /// They had been quiet for so long that any change since would show in these times.
    settled: bool,
    at: Instant,
}

/// When the names in new/ and cur/ changed last.
type Times = [Option<Duration>; 2];

impl Figure {
    fn is_recent(&self) -> bool {
        self.at.elapsed() < limits::USAGE_KNOWN_FOR
    }
}

impl Usages {
    /// How much lies in a mailbox now: counted, unless its folders have been the same for a while. One that is
    /// not there is empty.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of<D: Disk>(
        &self,
        tree: &Tree<D>,
        account: &AccountAddress,
        now: SystemTime,
    ) -> io::Result<Bytes> {
        self.look(tree, account, now, |figure| figure.settled)
    }

    /// How much lay there at most a moment ago, or lies there since the folders changed last. Those who ask for
    /// one mailbox at the same time share one count.
    ///
    /// # Errors
    /// What the disk says.
    pub fn lately<D: Disk>(
        &self,
        tree: &Tree<D>,
        account: &AccountAddress,
        now: SystemTime,
    ) -> io::Result<Bytes> {
        let asked = Instant::now();
        let turn = self.entry(account, |known| Arc::clone(&known.turn));
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.figure(account) {
            Some(figure) if figure.at >= asked => Ok(figure.bytes), // Counted while we waited.
            _ => self.look(tree, account, now, |figure| figure.settled || figure.is_recent()),
        }
    }

    /// How much lay there a moment ago, if that is known. Asks nobody, so it never blocks.
    pub fn recent(&self, account: &AccountAddress) -> Option<Bytes> {
        self.figure(account).filter(Figure::is_recent).map(|figure| figure.bytes)
    }

    /// What we have put there ourselves: a mailbox that it has filled is full from now on.
    pub fn add(&self, account: &AccountAddress, bytes: Bytes) {
        if let Some(figure) = self.lock().get_mut(account).and_then(|known| known.figure.as_mut()) {
            figure.bytes.0 = figure.bytes.0.saturating_add(bytes.0);
            figure.times = None; // Or it would be counted in twice by who saw it there already.
        }
    }

    /// Counts, unless there is a figure for the folders as they are, and it `will_do`.
    fn look<D: Disk>(
        &self,
        tree: &Tree<D>,
        account: &AccountAddress,
        now: SystemTime,
        will_do: impl Fn(&Figure) -> bool,
    ) -> io::Result<Bytes> {
        let root = match tree.existing(account) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes(0)),
            root => root?,
        };
        let folders = [open(tree, &root, "new")?, open(tree, &root, "cur")?];
        // Before counting: what changes meanwhile makes the figure old, never the other way round.
        let times = [time(&folders[0])?, time(&folders[1])?];
        let known = self.figure(account).filter(|figure| figure.times == Some(times) && will_do(figure));
        if let Some(figure) = known {
            return Ok(figure.bytes);
        }
        let mut counted = Usage::default();
        for folder in folders.iter().flatten() {
            usage::add(&tree.disk, folder, &mut counted)?;
        }
        let settled = times.iter().flatten().all(|time| is_settled(*time, now));
        let figure = Figure { bytes: counted.bytes, times: Some(times), settled, at: Instant::now() };
        self.entry(account, |known| known.figure = Some(figure));
        Ok(counted.bytes)
    }

    fn figure(&self, account: &AccountAddress) -> Option<Figure> {
        self.lock().get(account).and_then(|known| known.figure)
    }

    /// Does something with what is known of a mailbox; the first time that is nothing.
    fn entry<T>(&self, account: &AccountAddress, work: impl FnOnce(&mut Known) -> T) -> T {
        let mut all = self.lock();
        if all.len() >= limits::USAGES_MAX && !all.contains_key(account) {
            let mut left = limits::USAGES_FORGOTTEN;
            all.retain(|_, _| left.checked_sub(1).map(|fewer| left = fewer).is_none());
        }
        work(all.entry(account.clone()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountAddress, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    use crate::maildrop::twin::Twin;
    use std::path::PathBuf;

    /// anna's mailbox, with five bytes in new/.
    struct Box {
        dir: tempfile::TempDir,
        tree: Tree<Twin>,
        anna: AccountAddress,
        usages: Usages,
    }

    impl Box {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let tree = Tree::new(Twin::sound(), dir.path().to_owned());
            let anna = AccountAddress::parse("anna@example.org").unwrap();
            let this = Self { dir, tree, anna, usages: Usages::default() };
            std::fs::create_dir_all(this.new_folder()).unwrap();
            this.write("1", "five\n");
            this
        }

        fn new_folder(&self) -> PathBuf {
            self.dir.path().join("example.org/anna/new")
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.new_folder().join(name), text).unwrap();
        }

        fn of(&self, now: SystemTime) -> u64 {
            self.usages.of(&self.tree, &self.anna, now).unwrap().0
        }

        fn lately(&self) -> u64 {
            self.usages.lately(&self.tree, &self.anna, SystemTime::now()).unwrap().0
        }

        /// Whether `look` read the folder that is there.
        fn counts(&self, look: impl FnOnce(&Self)) -> bool {
            let before = self.tree.disk.steps();
            look(self);
            self.tree.disk.steps() - before > 4 // domain, Maildir, new/, no cur/
        }

        /// As if so much time had passed since it was counted.
        fn age(&self, by: Duration) {
            let mut all = self.usages.lock();
            let figure = all.get_mut(&self.anna).unwrap().figure.as_mut().unwrap();
            figure.at = figure.at.checked_sub(by).unwrap();
        }
    }

    #[test]
    fn a_mailbox_is_counted_anew_when_it_changed() {
        let anna = Box::new();
        for round in 1..=3_u64 {
            anna.write(&round.to_string(), "five\n");
            // Fresh changes are never taken from memory, however coarse the disk's clock is.
            assert_eq!(anna.of(SystemTime::now()), 5 * round);
            assert!(anna.counts(|anna| assert_eq!(anna.of(SystemTime::now()), 5 * round)));
        }
        let later = SystemTime::now() + limits::FOLDER_TIME_GRAIN * 2;
        assert_eq!(anna.of(later), 15);
        anna.write("1", "longer than it was");
        assert!(
            !anna.counts(|anna| assert_eq!(anna.of(later), 15)),
            "the names are the same, so the figure is"
        );
        anna.age(limits::USAGE_KNOWN_FOR);
        assert!(!anna.counts(|anna| assert_eq!(anna.of(later), 15)));
        let nobody = AccountAddress::parse("nobody@example.org").unwrap();
        assert_eq!(anna.usages.of(&anna.tree, &nobody, later).unwrap(), Bytes(0));
    }

    #[test]
    fn an_advice_is_not_counted_again_for_a_moment() {
        let anna = Box::new();
        assert_eq!(anna.usages.recent(&anna.anna), None);
        assert!(anna.counts(|anna| assert_eq!(anna.lately(), 5)));
        assert!(!anna.counts(|anna| assert_eq!(anna.lately(), 5)), "fresh as the folder's change is");
        assert_eq!(anna.usages.recent(&anna.anna), Some(Bytes(5)));
        anna.age(limits::USAGE_KNOWN_FOR);
        assert_eq!(anna.usages.recent(&anna.anna), None);
        assert!(anna.counts(|anna| assert_eq!(anna.lately(), 5)));
    }

    #[test]
    fn who_looks_sees_a_mailbox_that_was_emptied() {
        let anna = Box::new();
        assert_eq!(anna.lately(), 5);
        std::fs::remove_file(anna.new_folder().join("1")).unwrap();
        // Another time than before on any disk, however coarse its clock is.
        let folder = std::fs::File::open(anna.new_folder()).unwrap();
        folder.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
        assert_eq!(anna.lately(), 0, "a no is never told by memory alone");
    }

    #[test]
    fn what_we_deliver_is_added() {
        let anna = Box::new();
        anna.usages.add(&anna.anna, Bytes(7));
        assert_eq!(anna.usages.recent(&anna.anna), None, "nobody has counted yet");
        assert_eq!(anna.lately(), 5);
        anna.usages.add(&anna.anna, Bytes(7));
        assert_eq!(anna.usages.recent(&anna.anna), Some(Bytes(12)));
        assert_eq!(anna.lately(), 5, "and is not believed against the folder");
    }

    #[test]
    fn who_waited_for_a_count_takes_it() {
        let anna = Box::new();
        let turn = anna.usages.entry(&anna.anna, |known| Arc::clone(&known.turn));
        let counting = turn.lock().unwrap();
        std::thread::scope(|scope| {
            let advice = scope.spawn(|| anna.lately());
            while Arc::strong_count(&turn) < 3 {
                std::thread::yield_now(); // It has asked, and waits or is about to.
            }
            let figure = Figure { bytes: Bytes(777), times: None, settled: false, at: Instant::now() };
            anna.usages.entry(&anna.anna, |known| known.figure = Some(figure));
            drop(counting);
            assert_eq!(advice.join().unwrap(), 777);
        });
    }

    #[test]
    fn what_is_remembered_is_bounded_and_most_of_it_stays() {
        let usages = Usages::default();
        for number in 0..=limits::USAGES_MAX {
            let account = AccountAddress::parse(&format!("a{number}@example.org")).unwrap();
            usages.entry(&account, |_| ());
        }
        assert_eq!(usages.lock().len(), limits::USAGES_MAX - limits::USAGES_FORGOTTEN + 1);
    }
}
