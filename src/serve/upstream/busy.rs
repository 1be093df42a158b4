//! Which accounts are busy with their old servers: by sessions that are relayed, or by one pull.
//!
//! Never by both: what a relayed session deletes must not be copied behind its back, and an old server
//! may have one maildrop for one session. Knows neither server.

use crate::import::landing::Left;
use crate::limits;
use crate::mail::AccountAddress;
use event_listener::Event;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All that are busy.
#[derive(Default)]
pub struct Busy(Mutex<HashMap<AccountAddress, Work>>);

enum Work {
    /// So many sessions.
    Relayed(usize),
    Pulled(Arc<Pull>),
}

/// One mailbox that is being pulled, for those who wait for it.
pub struct Pull {
    stopped: AtomicBool,
    ended: AtomicBool,
    /// It has seen mail that is to come.
    found: AtomicBool,
    /// Whoever reads how far the account is can see that it goes on.
    told: AtomicBool,
    /// Nobody waits for it any more.
    left: AtomicBool,
    /// The same for the landing, which keeps sessions out for a moment.
    landing: Arc<Left>,
    done: AtomicU64,
    total: AtomicU64,
    began: Instant,
    changed: Event,
}

/// A pull that goes on; it has ended when this is dropped.
pub struct PullGuard {
    busy: Arc<Busy>,
    account: AccountAddress,
    pull: Arc<Pull>,
}

/// A relayed session.
pub struct RelayGuard {
    busy: Arc<Busy>,
    account: AccountAddress,
}

impl Busy {
    /// `None` while a session is relayed, or another pull goes on.
    pub fn pull(self: &Arc<Self>, account: &AccountAddress) -> Option<PullGuard> {
        let mut works = self.lock();
        if works.contains_key(account) {
            return None;
        }
        let pull = Arc::new(Pull::new());
        works.insert(account.clone(), Work::Pulled(Arc::clone(&pull)));
        Some(PullGuard { busy: Arc::clone(self), account: account.clone(), pull })
    }

    /// `None` while a pull goes on.
    pub fn relay(self: &Arc<Self>, account: &AccountAddress) -> Option<RelayGuard> {
        match self.lock().entry(account.clone()).or_insert(Work::Relayed(0)) {
            Work::Pulled(_) => return None,
            Work::Relayed(sessions) => *sessions += 1,
        }
        Some(RelayGuard { busy: Arc::clone(self), account: account.clone() })
    }

    /// The pull that goes on for an account.
    pub fn pull_of(&self, account: &AccountAddress) -> Option<Arc<Pull>> {
        match self.lock().get(account) {
            Some(Work::Pulled(pull)) => Some(Arc::clone(pull)),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountAddress, Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pull {
    fn new() -> Self {
        Self {
            stopped: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            found: AtomicBool::new(false),
            told: AtomicBool::new(false),
            left: AtomicBool::new(false),
            landing: Arc::default(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            began: Instant::now(),
            changed: Event::new(),
        }
    }

    /// Asks it to end soon; what has come so far is not lost.
    pub fn stop(&self) {
        self.stopped.store(true, SeqCst);
    }

    /// Whether it shall end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }

    /// Octets that are to come.
    pub fn expect(&self, octets: u64) {
        self.total.store(octets, SeqCst);
    }

    /// Octets that have come.
    pub fn add(&self, octets: u64) {
        self.done.fetch_add(octets, SeqCst);
    }

    /// Octets that have come, octets in all, and in what time.
    pub fn progress(&self) -> (u64, u64, Duration) {
        (self.done.load(SeqCst), self.total.load(SeqCst), self.began.elapsed())
    }

    /// Resolves when it has ended, one way or the other.
    pub async fn ended(&self) {
        self.until(|| self.ended.load(SeqCst)).await;
    }

    /// Notes that there is mail to come.
    pub fn find(&self) {
        self.set(&self.found);
    }

    /// Whether there is mail to come.
    pub fn has_found(&self) -> bool {
        self.found.load(SeqCst)
    }

    /// Resolves when there is mail to come.
    pub async fn found(&self) {
        self.until(|| self.has_found()).await;
    }

    /// Notes that it was written down that it goes on.
    pub fn tell(&self) {
        self.set(&self.told);
    }

    /// Resolves when that was written down.
    pub async fn told(&self) {
        self.until(|| self.told.load(SeqCst)).await;
    }

    /// Lets it go on by itself: from here on it begins no step that keeps sessions out. If it is on such a one at this
    /// very moment, that is waited for, no longer than `wait`.
    pub async fn leave(&self, wait: Duration) {
        self.landing.leave();
        let since = Instant::now();
        while self.landing.is_on_last_step() && since.elapsed() < wait {
            crate::runtime::sleep(limits::NEWCOMERS_STOP_POLL).await;
        }
        self.set(&self.left);
    }

    /// Resolves when nobody waits for it any more.
    pub async fn left(&self) {
        self.until(|| self.left.load(SeqCst)).await;
    }

    /// For the landing, which asks it before it keeps sessions out.
    pub fn landing(&self) -> Arc<Left> {
        Arc::clone(&self.landing)
    }

    fn set(&self, flag: &AtomicBool) {
        flag.store(true, SeqCst);
        self.changed.notify(usize::MAX);
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            let change = self.changed.listen();
            // Asked again: what changed before we listened woke nobody.
            if !is_so() {
                change.await;
            }
        }
    }
}

impl PullGuard {
    /// For those who wait for it.
    pub fn shared(&self) -> Arc<Pull> {
        Arc::clone(&self.pull)
    }
}

impl Drop for PullGuard {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.account);
        self.pull.set(&self.pull.ended);
    }
}

impl Drop for RelayGuard {
    fn drop(&mut self) {
        let mut works = self.busy.lock();
        if let Some(Work::Relayed(sessions)) = works.get_mut(&self.account) {
            *sessions -= 1;
            if *sessions == 0 {
                works.remove(&self.account); // Or every account ever relayed stays.
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;

    #[test]
    fn relayed_sessions_and_a_pull_keep_each_other_out() {
        let busy = Arc::new(Busy::default());
        let [anna, bert] = ["anna@a.org", "bert@a.org"].map(|text| AccountAddress::parse(text).unwrap());
        let first = busy.relay(&anna).unwrap();
        let second = busy.relay(&anna).unwrap();
        drop(first);
        assert!(busy.pull(&anna).is_none());
        let other = busy.pull(&bert).unwrap();
        drop(second);
        let pull = busy.pull(&anna).unwrap();
        assert!(busy.relay(&anna).is_none() && busy.pull(&anna).is_none());
        assert!(busy.pull_of(&anna).is_some());
        drop((pull, other));
        assert!(busy.pull_of(&anna).is_none() && busy.lock().is_empty());
    }

    #[test]
    fn whoever_waits_for_a_pull_hears_of_its_end() {
        let busy = Arc::new(Busy::default());
        let guard = busy.pull(&AccountAddress::parse("anna@a.org").unwrap()).unwrap();
        let pull = guard.shared();
        pull.expect(10);
        pull.add(4);
        assert_eq!((pull.progress().0, pull.progress().1), (4, 10));
        pull.stop();
        assert!(guard.pull.is_stopped());
        let waiting = std::thread::spawn(move || block_on(pull.ended()));
        drop(guard);
        waiting.join().unwrap();
    }

    #[test]
    fn one_that_is_left_on_its_last_step_keeps_no_session_out_by_another() {
        let busy = Arc::new(Busy::default());
        let guard = busy.pull(&AccountAddress::parse("anna@a.org").unwrap()).unwrap();
        let (pull, landing) = (guard.shared(), guard.pull.landing());
        let step = landing.last_step();
        assert!(step.is_some());
        block_on(pull.leave(Duration::ZERO));
        drop(step);
        assert!(landing.last_step().is_none());
        block_on(pull.left());
    }
}
