//! The doorway for blocking work. Knows how many jobs run at once; knows nothing of what they do.

use super::turns::Turns;
use crate::limits;
use crate::mail::Peer;
use crate::runtime;
use async_lock::Semaphore;
use std::sync::Arc;
use std::thread;

/// The doorway for blocking work: lanes with a bounded number of jobs each, so that a flood of logins
/// (hash), or a slow old server (pull), does not hold up deliveries (disk). Work that has begun outlives
/// its session.
pub struct Doorway {
    disk: Lane,
    hash: Lane,
    pull: Lane,
    /// Who floods us with logins waits for itself: others come to their hash in between.
    turns: Turns,
}

struct Lane(Arc<Semaphore>);

impl Doorway {
    /// Hash jobs: one fewer than the cores, at least one, so that a core is left for everything
    /// else; disk jobs: `limits::DISK_JOBS_MAX`.
    #[expect(clippy::new_without_default, reason = "its size comes from the machine it runs on")]
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_lanes(limits::DISK_JOBS_MAX, cores.saturating_sub(1).max(1))
    }

    fn with_lanes(disk: usize, hash: usize) -> Self {
        // Half of the lane: an office behind one address has more than one core, and never all.
        Self {
            disk: Lane::new(disk),
            hash: Lane::new(hash),
            pull: Lane::new(limits::PULL_JOBS_MAX),
            turns: Turns::new(hash.div_ceil(2)),
        }
    }

    /// Files and SQLite.
    pub async fn disk<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.disk.pass(work).await
    }

    /// A mailbox from an old server: it waits for the network more than it works.
    pub async fn pull<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.pull.pass(work).await
    }

    /// Password hashing for `peer`.
    pub async fn hash<T: Send + 'static>(&self, peer: &Peer, work: impl FnOnce() -> T + Send + 'static) -> T {
        let turn = self.turns.take(peer).await;
        let work = move || {
            let _turn = turn; // Like the place: given back by the work, and not by who waits for it.
            work()
        };
        self.hash.pass(work).await
    }
}

impl Lane {
    fn new(jobs: usize) -> Self {
        Self(Arc::new(Semaphore::new(jobs)))
    }

    async fn pass<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = self.0.acquire_arc().await;
        runtime::spawn_blocking(move || {
            // The place belongs to the work, not to who waits for it: a session that is cut off
            // must not make room while its work still runs. A panic gives it back, too.
            let _place = place;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use futures_lite::future;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::mpsc;

    #[test]
    fn a_full_lane_makes_its_own_work_wait_and_no_other() {
        let doorway = Doorway::with_lanes(1, 1);
        let (go_on, wait) = mpsc::channel::<()>();
        block_on(async {
            let mut hashing = pin!(doorway.hash(&Peer::Unix, move || wait.recv().is_err()));
            assert!(future::poll_once(&mut hashing).await.is_none());
            let mut queued = pin!(doorway.hash(&Peer::Unix, || "after"));
            assert!(future::poll_once(&mut queued).await.is_none(), "one at a time");
            assert_eq!(doorway.disk(|| "at once").await, "at once");
            go_on.send(()).unwrap();
            assert!(!hashing.await);
            assert_eq!(queued.await, "after");
        });
    }

    #[test]
    fn a_pull_waits_for_no_disk_and_keeps_nobody_from_it() {
        let doorway = Doorway::with_lanes(1, 1);
        let (go_on, wait) = mpsc::channel::<()>();
        block_on(async {
            let mut pull = pin!(doorway.pull(move || wait.recv().is_err()));
            assert!(future::poll_once(&mut pull).await.is_none(), "the old server says nothing");
            assert_eq!(doorway.disk(|| "at once").await, "at once");
            go_on.send(()).unwrap();
            assert!(!pull.await);
        });
    }

    #[test]
    fn a_flood_from_one_address_waits_for_itself() {
        let doorway = Doorway::with_lanes(1, 1);
        let [flooder, other] = ["192.0.2.1:1", "192.0.2.2:1"].map(|text| Peer::Tcp(text.parse().unwrap()));
        let (go_on, wait) = mpsc::channel::<()>();
        block_on(async {
            let mut first = pin!(doorway.hash(&flooder, move || wait.recv().is_err()));
            assert!(future::poll_once(&mut first).await.is_none());
            let mut second = pin!(doorway.hash(&flooder, || "second"));
            assert!(future::poll_once(&mut second).await.is_none());
            let mut between = pin!(doorway.hash(&other, || "between"));
            assert!(future::poll_once(&mut between).await.is_none(), "the lane is full");
            go_on.send(()).unwrap();
            assert!(!first.await);
            assert_eq!(between.await, "between", "though the second came before it");
            assert_eq!(second.await, "second");
        });
    }

    #[test]
    fn work_keeps_its_place_when_nobody_waits_for_it_any_more() {
        let doorway = Doorway::with_lanes(1, 1);
        let (go_on, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        block_on(async {
            {
                let mut cut_off = pin!(doorway.disk(move || {
                    let _woken = wait.recv();
                    tell.send("whole").unwrap();
                }));
                assert!(future::poll_once(&mut cut_off).await.is_none());
            }
            let mut next = pin!(doorway.disk(|| "next"));
            assert!(future::poll_once(&mut next).await.is_none(), "the first still runs");
            go_on.send(()).unwrap();
            assert_eq!(next.await, "next");
        });
        assert_eq!(told.recv(), Ok("whole"));
    }

    #[test]
    fn a_panic_gives_the_place_back() {
        let doorway = Doorway::with_lanes(1, 1);
        let work = || block_on(doorway.disk(|| panic!("on purpose")));
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        assert_eq!(block_on(doorway.disk(|| 1)), 1);
    }
}
