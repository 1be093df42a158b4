//! Telling every session to end: first between two commands, then at once. Knows nothing of what a
//! session is.

use event_listener::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// Told once to all sessions: begun (end between two commands), then cut (end now).
#[derive(Clone)]
pub struct Shutdown(Arc<Inner>);

#[derive(Default)]
struct Inner {
    begun: AtomicBool,
    cut: AtomicBool,
    sessions: AtomicUsize,
    changed: Event,
}

/// A running session, or a listener; counted until it is dropped.
#[must_use]
pub struct SessionGuard(Arc<Inner>);

impl Shutdown {
    /// Nothing is ending yet.
    #[expect(clippy::new_without_default, reason = "a default shutdown reads as one that has happened")]
    pub fn new() -> Self {
        Self(Arc::new(Inner::default()))
    }

    /// Sessions shall end at the next moment that costs nobody anything.
    pub fn begin(&self) {
        self.0.begun.store(true, SeqCst);
        self.0.changed.notify(usize::MAX);
    }

    /// Sessions shall end now. Begins the shutdown, too.
    pub fn cut(&self) {
        self.0.cut.store(true, SeqCst);
        self.begin();
    }

    /// Whether `begin` or `cut` was called.
    pub fn has_begun(&self) -> bool {
        self.0.begun.load(SeqCst)
    }

    /// Resolves when `begin` (or `cut`) was called, at once if it was before.
    pub async fn begun(&self) {
        self.0.wait(|inner| inner.begun.load(SeqCst)).await;
    }

    /// Resolves when `cut` was called, at once if it was before.
    pub async fn was_cut(&self) {
        self.0.wait(|inner| inner.cut.load(SeqCst)).await;
    }

    /// Counts a running session, or whatever else the end is to wait for, until the guard is dropped.
    pub fn session(&self) -> SessionGuard {
        self.0.sessions.fetch_add(1, SeqCst);
        SessionGuard(Arc::clone(&self.0))
    }

    /// Resolves when no session runs.
    pub async fn all_ended(&self) {
        self.0.wait(|inner| inner.sessions.load(SeqCst) == 0).await;
    }
}

impl Inner {
    async fn wait(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let change = self.changed.listen();
            // Asked again: what changed before we listened woke nobody.
            if holds(self) {
                return;
            }
            change.await;
        }
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        if self.0.sessions.fetch_sub(1, SeqCst) == 1 {
            self.0.changed.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{block_on, spawn};
    use futures_lite::future;
    use std::pin::pin;
    use std::sync::mpsc;

    fn is_ready(future: impl Future) -> bool {
        block_on(future::poll_once(pin!(future))).is_some()
    }

    #[test]
    fn it_begins_and_then_it_cuts() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.has_begun() && !is_ready(shutdown.begun()) && !is_ready(shutdown.was_cut()));
        shutdown.begin();
        assert!(shutdown.has_begun() && is_ready(shutdown.begun()) && !is_ready(shutdown.was_cut()));
        shutdown.cut();
        assert!(is_ready(shutdown.was_cut()));
    }

    #[test]
    fn cutting_begins() {
        let shutdown = Shutdown::new();
        shutdown.clone().cut();
        assert!(shutdown.has_begun() && is_ready(shutdown.begun()));
    }

    #[test]
    fn everyone_who_waits_is_told() {
        let shutdown = Shutdown::new();
        let (tell, told) = mpsc::channel();
        for _ in 0..10 {
            let (shutdown, tell) = (shutdown.clone(), tell.clone());
            spawn(async move {
                shutdown.begun().await;
                tell.send(()).unwrap();
            });
        }
        drop(tell);
        shutdown.begin();
        assert_eq!(told.iter().count(), 10);
    }

    #[test]
    fn it_has_ended_when_the_last_session_has() {
        let shutdown = Shutdown::new();
        assert!(is_ready(shutdown.all_ended()), "nobody was there");
        let (first, second) = (shutdown.session(), shutdown.session());
        drop(first);
        assert!(!is_ready(shutdown.all_ended()));
        block_on(async {
            let mut ended = pin!(shutdown.all_ended());
            assert!(future::poll_once(&mut ended).await.is_none());
            drop(second);
            ended.await;
        });
    }
}
