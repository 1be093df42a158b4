//! A budget of wrong passwords for each account: many addresses that guess at one account together
//! are slowed, and its owner is not.
//!
//! Pure bookkeeping: time is handed in. It slows and never refuses, so nobody can lock an owner
//! out; an address from which the account was logged into before is not even slowed.

use super::network::subscriber;
use crate::limits;
use crate::mail::{Peer, UserName};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The wrong passwords of all accounts, by the user name that was typed.
#[derive(Default)]
pub struct Budget {
    accounts: Mutex<HashMap<String, Tally>>,
}

struct Tally {
    failures: u32,
    last: Instant,
    /// Addresses from which a login succeeded, the latest last; an IPv6 address by its /64, since
    /// programs take a new one in it every day.
    known: Vec<IpAddr>,
}

impl Budget {
    /// How long a login has to wait before it is looked at.
    pub fn delay(&self, user: &UserName, peer: &Peer, now: Instant) -> Duration {
        let accounts = self.lock();
        let Some(tally) = accounts.get(&key(user)) else { return Duration::ZERO };
        let over = tally.failures_at(now).saturating_sub(limits::ACCOUNT_FAILURES_BEFORE_DELAY);
        let is_known = peer.ip().is_none_or(|ip| tally.known.contains(&subscriber(ip)));
        if over == 0 || is_known {
            return Duration::ZERO;
        }
        Duration::from_secs(u64::from(over)).min(limits::LOGIN_DELAY_MAX)
    }

    /// Notes a wrong password.
    pub fn failed(&self, user: &UserName, now: Instant) {
        let mut accounts = self.lock();
        make_room(&mut accounts, now);
        let tally = accounts.entry(key(user)).or_insert_with(|| Tally::new(now));
        tally.failures = tally.failures_at(now).saturating_add(1);
        tally.last = now;
    }

    /// Notes a login: the address is known from now on. The failures stay: they were not the owner's.
    pub fn succeeded(&self, user: &UserName, peer: &Peer, now: Instant) {
        let Some(ip) = peer.ip().map(subscriber) else { return };
        let mut accounts = self.lock();
        make_room(&mut accounts, now);
        let known = &mut accounts.entry(key(user)).or_insert_with(|| Tally::new(now)).known;
        known.retain(|known| *known != ip);
        known.push(ip);
        if known.len() > limits::KNOWN_ADDRESSES_MAX {
            known.remove(0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tally>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn new(now: Instant) -> Self {
        Self { failures: 0, last: now, known: Vec::new() }
    }

    /// Failures are forgotten when nobody has guessed for a while.
    fn failures_at(&self, now: Instant) -> u32 {
        let quiet = now.saturating_duration_since(self.last) >= limits::FAILURES_FORGOTTEN_AFTER;
        if quiet { 0 } else { self.failures }
    }
}

fn key(user: &UserName) -> String {
    user.as_str().to_lowercase()
}

/// Names that nobody has are guessed too: when the map is full, those without a login go first.
fn make_room(accounts: &mut HashMap<String, Tally>, now: Instant) {
    if accounts.len() < limits::FAILING_PEERS_MAX {
        return;
    }
    accounts.retain(|_, tally| !tally.known.is_empty() || tally.failures_at(now) > 0);
    if accounts.len() >= limits::FAILING_PEERS_MAX {
        accounts.retain(|_, tally| !tally.known.is_empty());
    }
    if accounts.len() >= limits::FAILING_PEERS_MAX {
        accounts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::Tcp((text.parse::<IpAddr>().unwrap(), 1000).into())
    }

    fn guessed(times: u32, now: Instant) -> (Budget, UserName) {
        let (budget, anna) = (Budget::default(), UserName::parse("Anna").unwrap());
        for _ in 0..times {
            budget.failed(&anna, now);
        }
        (budget, anna)
    }

    #[test]
    fn strangers_are_slowed_over_the_budget_and_never_more_than_the_bound() {
        let now = Instant::now();
        let stranger = peer("192.0.2.1");
        let (budget, anna) = guessed(limits::ACCOUNT_FAILURES_BEFORE_DELAY, now);
        assert_eq!(budget.delay(&anna, &stranger, now), Duration::ZERO);
        budget.failed(&UserName::parse("ANNA").unwrap(), now);
        assert_eq!(budget.delay(&anna, &stranger, now), Duration::from_secs(1));
        let (budget, anna) = guessed(10_000, now);
        assert_eq!(budget.delay(&anna, &stranger, now), limits::LOGIN_DELAY_MAX);
    }

    #[test]
    fn the_owner_is_not_slowed_where_they_were_before() {
        let now = Instant::now();
        let (budget, anna) = guessed(10_000, now);
        budget.succeeded(&anna, &peer("192.0.2.7"), now);
        assert_eq!(budget.delay(&anna, &peer("192.0.2.7"), now), Duration::ZERO);
        assert_eq!(budget.delay(&anna, &peer("192.0.2.8"), now), limits::LOGIN_DELAY_MAX);
        budget.succeeded(&anna, &peer("2001:db8::7"), now);
        assert_eq!(budget.delay(&anna, &peer("2001:db8::8"), now), Duration::ZERO, "the same /64");
        assert_eq!(budget.delay(&anna, &peer("2001:db8:0:1::7"), now), limits::LOGIN_DELAY_MAX);
    }

    #[test]
    fn failures_are_forgotten_after_a_while() {
        let now = Instant::now();
        let (budget, anna) = guessed(10_000, now);
        let later = now + limits::FAILURES_FORGOTTEN_AFTER;
        assert_eq!(budget.delay(&anna, &peer("192.0.2.1"), later), Duration::ZERO);
    }

    #[test]
    fn names_that_are_made_up_fill_no_memory_and_push_no_owner_out() {
        let now = Instant::now();
        let (budget, anna) = guessed(10_000, now);
        budget.succeeded(&anna, &peer("192.0.2.7"), now);
        for name in 0..=limits::FAILING_PEERS_MAX {
            budget.failed(&UserName::parse(&name.to_string()).unwrap(), now);
        }
        assert!(budget.lock().len() <= limits::FAILING_PEERS_MAX);
        assert_eq!(budget.delay(&anna, &peer("192.0.2.7"), now), Duration::ZERO, "known as before");
        assert_eq!(budget.delay(&anna, &peer("192.0.2.8"), now), limits::LOGIN_DELAY_MAX);
    }

    #[test]
    fn only_so_many_addresses_are_known_and_the_latest_stay() {
        let now = Instant::now();
        let (budget, anna) = guessed(10_000, now);
        for last in 0..=limits::KNOWN_ADDRESSES_MAX {
            budget.succeeded(&anna, &peer(&format!("192.0.2.{last}")), now);
        }
        assert_ne!(budget.delay(&anna, &peer("192.0.2.0"), now), Duration::ZERO);
        assert_eq!(budget.delay(&anna, &peer("192.0.2.1"), now), Duration::ZERO);
    }
}
