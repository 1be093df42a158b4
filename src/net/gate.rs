//! The gate: how many connections may be open at once, in all and from one address. Knows peers;
//! knows no socket and no words to refuse with.

use super::network::subscriber;
use crate::mail::Peer;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connection limits of one protocol: all, and each IPv4 address or IPv6 /64.
pub struct Gate {
    state: Mutex<State>,
}

struct State {
    all: usize,
    per_peer: usize,
    inside: usize,
    peers: HashMap<IpAddr, usize>,
}

/// One connection's place; given back on drop.
#[must_use]
pub struct Permit {
    gate: Arc<Gate>,
    /// `None` over a Unix socket: programs on this machine count only in all.
    peer: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The limit for all connections is reached.
    All,
    /// The limit for this peer's address is reached.
    Peer,
}

impl Gate {
    /// A gate for `all` connections at once and `per_peer` from one address.
    pub fn new(all: usize, per_peer: usize) -> Arc<Self> {
        let state = State { all, per_peer, inside: 0, peers: HashMap::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// At a reload; those who are in stay in.
    pub fn set_limits(&self, all: usize, per_peer: usize) {
        let mut state = self.lock();
        (state.all, state.per_peer) = (all, per_peer);
    }

    #[cfg(test)]
    fn inside(&self) -> usize {
        self.lock().inside
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `Peer` before `All`: who is over the own limit should not read that the server is busy.
    pub fn enter(self: &Arc<Self>, peer: &Peer) -> Result<Permit, Full> {
        let mut state = self.lock();
        let peer = peer.ip().map(subscriber);
        // Asked and counted under one lock: of two that come together, one gets the last place.
        let from_peer = peer.and_then(|peer| state.peers.get(&peer)).copied().unwrap_or(0);
        if peer.is_some() && from_peer >= state.per_peer {
            return Err(Full::Peer);
        }
        if state.inside >= state.all {
            return Err(Full::All);
        }
        state.inside += 1;
        if let Some(peer) = peer {
            state.peers.insert(peer, from_peer + 1);
        }
        Ok(Permit { gate: Arc::clone(self), peer })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.inside -= 1;
        let Some(peer) = self.peer else { return };
        if let Entry::Occupied(mut count) = state.peers.entry(peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove(); // Or every address ever seen stays.
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp(text: &str) -> Peer {
        Peer::Tcp(text.parse().unwrap())
    }

    #[test]
    fn the_limit_of_one_address_is_not_that_of_another() {
        let gate = Gate::new(3, 1);
        let _first = gate.enter(&tcp("192.0.2.1:1")).ok().unwrap();
        assert_eq!(gate.enter(&tcp("192.0.2.1:2")).err(), Some(Full::Peer));
        assert_eq!(gate.enter(&tcp("[::ffff:192.0.2.1]:2")).err(), Some(Full::Peer));
        let _second = gate.enter(&tcp("192.0.2.2:1")).ok().unwrap();
        let third = gate.enter(&tcp("[2001:db8::1]:1")).ok().unwrap();
        assert_eq!(gate.enter(&tcp("[2001:db8::ffff]:1")).err(), Some(Full::Peer), "the same /64");
        assert_eq!(gate.enter(&tcp("192.0.2.3:1")).err(), Some(Full::All));
        drop(third);
        assert!(gate.enter(&tcp("[2001:db8::ffff]:1")).is_ok());
    }

    #[test]
    fn programs_on_this_machine_count_only_in_all() {
        let gate = Gate::new(2, 1);
        let _inside = [gate.enter(&Peer::Unix).ok().unwrap(), gate.enter(&Peer::Unix).ok().unwrap()];
        assert_eq!(gate.enter(&Peer::Unix).err(), Some(Full::All));
    }

    #[test]
    fn lower_limits_throw_nobody_out() {
        let gate = Gate::new(2, 2);
        let inside = [gate.enter(&tcp("192.0.2.1:1")).ok().unwrap(), gate.enter(&Peer::Unix).ok().unwrap()];
        gate.set_limits(1, 1);
        assert_eq!(gate.inside(), 2);
        assert_eq!(gate.enter(&Peer::Unix).err(), Some(Full::All));
        drop(inside);
        assert!(gate.enter(&tcp("192.0.2.1:1")).is_ok());
    }

    proptest! {
        /// Whoever comes and goes: the counts are those of who is inside, and nobody is remembered.
        #[test]
        fn every_place_is_given_back(visits in proptest::collection::vec((0u8..4, 0usize..8), 0..200)) {
            let gate = Gate::new(6, 2);
            let mut inside: Vec<(u8, Permit)> = Vec::new();
            for (host, leaving) in visits {
                let from_host = inside.iter().filter(|(other, _)| *other == host).count();
                match gate.enter(&tcp(&format!("192.0.2.{host}:25"))) {
                    Ok(permit) => inside.push((host, permit)),
                    Err(Full::Peer) => prop_assert_eq!(from_host, 2),
                    Err(Full::All) => prop_assert_eq!(inside.len(), 6),
                }
                prop_assert!(inside.len() <= 6);
                if leaving < inside.len() {
                    drop(inside.swap_remove(leaving));
                }
                prop_assert_eq!(gate.inside(), inside.len());
            }
            inside.clear();
            prop_assert_eq!(gate.inside(), 0);
            prop_assert!(gate.lock().peers.is_empty());
        }
    }
}
