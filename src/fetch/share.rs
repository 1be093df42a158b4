//! How much of what old servers list is held in memory at once, by all sessions that share it.
//!
//! One listing has its own bound, but a whole town of users may log in on the same morning. Counts octets;
//! knows no server.

use crate::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// What all of them hold.
#[derive(Debug)]
pub struct Listings {
    held: AtomicU64,
    most: u64,
}

/// What one session holds of it, until this is dropped.
#[derive(Debug)]
pub struct Share {
    all: Arc<Listings>,
    held: AtomicU64,
}

impl Listings {
    /// Room for so many octets, and for the small listings of all.
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), most })
    }

    /// For one more session, which holds nothing yet.
    pub fn share(self: &Arc<Self>) -> Arc<Share> {
        Arc::new(Share { all: Arc::clone(self), held: AtomicU64::new(0) })
    }
}

impl Share {
    /// Whether there is room for a listing that has come so far; a small one has it always. It is not given back
    /// before the end: what is made of a listing is larger than its text.
    pub fn grow_to(&self, octets: u64) -> bool {
        let wanted = octets.saturating_sub(limits::UPSTREAM_LISTING_SMALL);
        let held = self.held.load(SeqCst);
        let Some(more) = wanted.checked_sub(held) else { return true };
        let fits = |all: u64| all.checked_add(more).filter(|all| *all <= self.all.most);
        if self.all.held.fetch_update(SeqCst, SeqCst, fits).is_err() {
            return false;
        }
        self.held.fetch_add(more, SeqCst);
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.held.fetch_sub(self.held.load(SeqCst), SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::UPSTREAM_LISTING_SMALL as SMALL;

    #[test]
    fn large_listings_share_what_there_is_and_small_ones_always_fit() {
        let all = Listings::new(100);
        let [first, second, third] = [all.share(), all.share(), all.share()];
        assert!(first.grow_to(SMALL + 60) && first.grow_to(SMALL + 70) && first.grow_to(5));
        assert!(second.grow_to(SMALL + 30));
        assert!(!second.grow_to(SMALL + 31) && !first.grow_to(SMALL + 71) && !first.grow_to(u64::MAX));
        assert!(third.grow_to(SMALL) && !third.grow_to(SMALL + 1));
        drop(first);
        assert!(third.grow_to(SMALL + 70) && !third.grow_to(SMALL + 71));
        drop((second, third));
        assert!(all.share().grow_to(SMALL + 100) && all.held.load(SeqCst) == 0);
    }
}
