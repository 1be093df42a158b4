//! The live move: logins that an old server judges, sessions that it serves through us, and mailboxes that
//! are pulled from it.
//!
//! An account goes from `waiting` over `relayed` and `moving` to `moved`, as the database keeps it; a password
//! is kept in memory only, so after a restart the next login goes on. Knows no command of POP3: the
//! session that a login belongs to is driven in [`super::pop3`].

mod busy;
pub mod decide;
mod landing;
mod newcomers;
pub mod old;
mod pull;
mod refusals;
mod relay;
mod stoppable;

pub use busy::{Pull, RelayGuard};
pub use newcomers::newcomers;
pub use pull::{Opened, Order, bury, later, note, now, until_late};
pub use relay::{Ended, Ends, relay};

use crate::fetch::{Listings, Share};
use crate::limits;
use crate::mail::AccountAddress;
use async_lock::{Semaphore, SemaphoreGuardArc};
use busy::Busy;
use refusals::Refusals;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the whole server keeps of the live move.
pub struct Upstreams {
    /// Which accounts are busy.
    busy: Arc<Busy>,
    /// Connections for logins and relayed sessions.
    connections: Arc<Semaphore>,
    /// What is listed in them.
    listings: Arc<Listings>,
    /// Pulls that nobody waits for.
    background: Arc<Semaphore>,
    /// Pulls of newcomers that nobody waits for any more.
    behind: Arc<Semaphore>,
    /// Passwords that are right here and that old servers refuse.
    refusals: Refusals,
}

/// A place for one connection to an old server, held as long as anything that it has listed.
pub struct Place {
    _connection: SemaphoreGuardArc,
    /// Of what all of them may list.
    pub share: Arc<Share>,
}

impl Default for Upstreams {
    fn default() -> Self {
        Self {
            busy: Arc::default(),
            connections: Arc::new(Semaphore::new(limits::UPSTREAM_CONNECTIONS_MAX)),
            listings: Listings::new(limits::UPSTREAM_LISTINGS_MAX),
            background: Arc::new(Semaphore::new(limits::PULLS_MAX)),
            behind: Arc::new(Semaphore::new(limits::NEWCOMERS_BEHIND_MAX)),
            refusals: Refusals::default(),
        }
    }
}

impl Upstreams {
    /// A place for one connection to an old server; `None` when all are taken for too long.
    pub async fn connection(&self) -> Option<Place> {
        let acquired = self.connections.acquire_arc();
        crate::runtime::timeout(limits::UPSTREAM_ANSWER_WAIT, acquired).await.map(|held| self.place(held))
    }

    /// A place for whoever can do without: `None` when all are taken.
    fn connection_now(&self) -> Option<Place> {
        self.connections.try_acquire_arc().map(|held| self.place(held))
    }

    fn place(&self, held: SemaphoreGuardArc) -> Place {
        Place { _connection: held, share: self.listings.share() }
    }

    /// Forgets who was refused where: something may have been mended there.
    pub fn forget_refusals(&self) {
        self.refusals.forget();
    }

    /// Whether an old server is left alone for a while with what it has refused time and again.
    pub fn rests(&self, order: &Order) -> bool {
        self.refusals.rests(self.refusals.attempt(&order.address, &order.account), Instant::now())
    }

    /// Notes that the old server refuses what is right here; for how long it is left alone now, if at all.
    pub fn refused(&self, order: &Order) -> Duration {
        self.refusals.refused(self.refusals.attempt(&order.address, &order.account), Instant::now())
    }

    /// The pull that goes on for an account.
    pub fn pull_of(&self, account: &AccountAddress) -> Option<Arc<Pull>> {
        self.busy.pull_of(account)
    }

    /// Notes a session that is relayed; `None` while a pull goes on.
    pub fn relay(&self, account: &AccountAddress) -> Option<RelayGuard> {
        self.busy.relay(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;

    #[test]
    fn who_can_do_without_a_place_does_not_wait_for_one() {
        let upstreams = Upstreams::default();
        let mut places: Vec<_> = (0..limits::UPSTREAM_CONNECTIONS_MAX)
            .map(|_| block_on(upstreams.connection()).unwrap())
            .collect();
        assert!(upstreams.connection_now().is_none());
        places.pop();
        assert!(upstreams.connection_now().is_some());
    }
}
