//! Turns: so many jobs at once for each address, that of everybody else is not counted.
//!
//! A flood from one address queues up before its own door; whoever comes from elsewhere waits behind
//! as many jobs as there are addresses, not connections. Knows nothing of the jobs.

use super::network::subscriber;
use crate::mail::Peer;
use async_lock::{Semaphore, SemaphoreGuardArc};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A bounded number of turns at once for each address, an IPv6 address by its /64.
pub struct Turns {
    each: usize,
    /// Alive while somebody has a turn or waits for one.
    addresses: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// A turn, until it is dropped.
pub struct Turn(#[expect(dead_code, reason = "held for its drop")] Option<SemaphoreGuardArc>);

impl Turns {
    /// `each`: turns at once for one address.
    pub fn new(each: usize) -> Self {
        Self { each, addresses: Mutex::default() }
    }

    /// Waits for a turn; programs on this machine that have no address do not wait.
    pub async fn take(&self, peer: &Peer) -> Turn {
        match peer.ip().map(subscriber) {
            Some(ip) => Turn(Some(self.of(ip).acquire_arc().await)),
            None => Turn(None),
        }
    }

    fn of(&self, ip: IpAddr) -> Arc<Semaphore> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = addresses.get(&ip).and_then(Weak::upgrade) {
            return known;
        }
        // Or every address ever seen stays; so there are never more than connections, and one.
        addresses.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(self.each));
        addresses.insert(ip, Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use futures_lite::future;
    use std::pin::pin;

    fn tcp(text: &str) -> Peer {
        Peer::Tcp(text.parse().unwrap())
    }

    #[test]
    fn who_has_its_turns_waits_and_nobody_else() {
        let turns = Turns::new(2);
        block_on(async {
            let first = turns.take(&tcp("192.0.2.1:1")).await;
            let _second = turns.take(&tcp("192.0.2.1:2")).await;
            let third_peer = tcp("[::ffff:192.0.2.1]:3");
            let mut third = pin!(turns.take(&third_peer));
            assert!(future::poll_once(&mut third).await.is_none());
            for other in [tcp("192.0.2.2:1"), tcp("[2001:db8::1]:1"), Peer::Unix, Peer::Unix, Peer::Unix] {
                assert!(future::poll_once(pin!(turns.take(&other))).await.is_some(), "{other}");
            }
            drop(first);
            assert!(future::poll_once(&mut third).await.is_some());
        });
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_turn() {
        let turns = Turns::new(1);
        block_on(async {
            for last in 0..100 {
                drop(turns.take(&tcp(&format!("192.0.2.{last}:1"))).await);
            }
            let given_up = tcp("192.0.2.200:1");
            let _held = turns.take(&given_up).await;
            assert!(future::poll_once(pin!(turns.take(&given_up))).await.is_none());
            let _one_more = turns.take(&tcp("192.0.2.201:1")).await;
        });
        assert_eq!(turns.addresses.lock().unwrap().len(), 2);
    }
}
