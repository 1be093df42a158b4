//! Wrong passwords by address: growing delay, then a ban. Pure bookkeeping: time is handed in, and
//! who waits or is refused is decided by the caller. Knows no account and no password.
//!
//! Behind one address there may be an office, in which one telephone repeats an old password all day: as long as
//! anybody else gets in, that counts as one failure. Many names that fail are no telephone: of each other name one
//! failure stays, or whoever has one account could try all others with it in between. Who guesses at one other name
//! alone, with an own login in between, looks like that telephone and is not stopped here: the account's own budget
//! slows them, unless its owner logs in from that address, too.

use super::network::{Network, subscriber};
use crate::limits;
use crate::mail::{Peer, UserName};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords by address, an IPv6 address by its /64.
pub struct Failures {
    state: Mutex<State>,
}

struct State {
    policy: FailurePolicy,
    /// Makes numbers of names: nobody outside can find two names of one number.
    names: RandomState,
    peers: HashMap<IpAddr, Record>,
}

/// What a wrong password costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailurePolicy {
    /// So many are free, further ones are slowed; 0 is never.
    pub before_delay: u32,
    /// So many bring the ban; 0 is never.
    pub before_ban: u32,
    /// How long a ban lasts.
    pub ban_time: Duration,
    /// Never delayed or banned.
    pub exempt: Vec<Network>,
}

/// What a wrong password leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// How long the answer shall wait.
    pub delay: Duration,
    /// The ban begins with this failure; said once for each ban.
    pub banned: bool,
}

struct Record {
    failures: u32,
    /// Those of them that a right password may make up for.
    names: Vec<FailedName>,
    last: Instant,
    banned_until: Option<Instant>,
    /// Since when the ban stands in the database, where an administrator may lift it. `None`: not
    /// yet, or not at all on a full disk, so that its absence there means nothing.
    kept: Option<Instant>,
}

/// A name, as a number, under which passwords were wrong.
struct FailedName {
    name: u64,
    failures: u32,
    last: Instant,
}

impl Failures {
    /// Nobody has failed yet.
    pub fn new(policy: FailurePolicy) -> Self {
        let names = RandomState::new();
        Self { state: Mutex::new(State { policy, names, peers: HashMap::new() }) }
    }

    /// At a reload; what was counted stays, and so does a running ban.
    pub fn set_policy(&self, policy: FailurePolicy) {
        self.lock().policy = policy;
    }

    /// A wrong password from there, for that name.
    pub fn failed(&self, peer: &Peer, user: &UserName, now: Instant) -> Penalty {
        let mut state = self.lock();
        let Some(ip) = state.concerned(peer) else {
            return Penalty { delay: Duration::ZERO, banned: false };
        };
        state.make_room(ip, now);
        let name = state.number(user);
        let State { policy, peers, .. } = &mut *state;
        peers.entry(ip).or_insert(Record::new(now)).failed(policy, name, now)
    }

    /// A right password from there, for that name: forgets the failures of the name, and how often others were
    /// repeated.
    pub fn succeeded(&self, peer: &Peer, user: &UserName, now: Instant) {
        let Some(ip) = peer.ip().map(subscriber) else { return };
        let mut state = self.lock();
        if !state.peers.contains_key(&ip) {
            return; // Nearly always: no name is looked at.
        }
        let name = state.number(user);
        let Some(record) = state.peers.get_mut(&ip) else { return };
        record.make_up(name, now);
        // Guessing one password right does not end a ban for the wrong ones.
        if record.failures == 0 && record.banned_until.is_none() {
            state.peers.remove(&ip);
        }
    }

    /// How long the address stays refused from now; `None`: it is not.
    pub fn banned(&self, peer: &Peer, now: Instant) -> Option<Duration> {
        let state = self.lock();
        let until = state.peers.get(&state.concerned(peer)?)?.banned_until?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Whether nothing is ever held against an address.
    pub fn is_exempt(&self, peer: &Peer) -> bool {
        self.lock().concerned(peer).is_none()
    }

    /// Bans an address from outside: at a start, the bans that were kept.
    pub fn ban_until(&self, ip: IpAddr, until: Instant, now: Instant) {
        let mut state = self.lock();
        let ip = subscriber(ip);
        state.make_room(ip, now);
        let record = state.peers.entry(ip).or_insert(Record::new(now));
        (record.banned_until, record.kept) = (Some(until), Some(now));
    }

    /// The ban of that address stands in the database from `now` on.
    pub fn kept(&self, ip: IpAddr, now: Instant) {
        if let Some(record) = self.lock().peers.get_mut(&subscriber(ip)) {
            record.kept = Some(now);
        }
    }

    /// Makes the running bans those that stood in the database at `read`, each with the time it had
    /// left: a ban that was lifted there ends here. One that was not kept by then holds on.
    pub fn set_bans(&self, bans: impl Iterator<Item = (IpAddr, Duration)>, read: Instant) {
        let bans: HashMap<IpAddr, Duration> = bans.map(|(ip, left)| (subscriber(ip), left)).collect();
        self.lock().peers.retain(|ip, record| bans.contains_key(ip) || !record.was_kept_before(read));
        for (ip, left) in bans {
            self.ban_until(ip, read.checked_add(left).unwrap_or(read), read);
        }
    }

    /// Whether any ban holds.
    pub fn any_banned(&self, now: Instant) -> bool {
        self.lock().peers.values().any(|record| record.banned_until.is_some_and(|until| until > now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The address to book under; `None` for whoever is exempt or has no address.
    fn concerned(&self, peer: &Peer) -> Option<IpAddr> {
        let ip = peer.ip()?;
        let exempt = self.policy.exempt.iter().any(|network| network.contains(ip));
        (!exempt).then(|| subscriber(ip))
    }

    /// As the budget has it: one name in upper and lower case.
    fn number(&self, user: &UserName) -> u64 {
        self.names.hash_one(user.as_str().to_lowercase())
    }

    /// Keeps the table bounded: who could fail from a million addresses would fill the memory.
    fn make_room(&mut self, newcomer: IpAddr, now: Instant) {
        if self.peers.len() < limits::FAILING_PEERS_MAX || self.peers.contains_key(&newcomer) {
            return;
        }
        self.peers.retain(|_, record| !record.is_forgotten(now));
        if self.peers.len() < limits::FAILING_PEERS_MAX {
            return;
        }
        // The oldest tenth at once, or in a flood each newcomer would cost a pass over all.
        let mut ages: Vec<Instant> = self.peers.values().map(|record| record.last).collect();
        let (_, oldest_to_stay, _) = ages.select_nth_unstable(limits::FAILING_PEERS_MAX / 10);
        let oldest_to_stay = *oldest_to_stay;
        self.peers.retain(|_, record| record.last > oldest_to_stay);
    }
}

impl Record {
    fn new(now: Instant) -> Self {
        Self { failures: 0, names: Vec::new(), last: now, banned_until: None, kept: None }
    }

    fn failed(&mut self, policy: &FailurePolicy, name: u64, now: Instant) -> Penalty {
        if self.is_forgotten(now) {
            *self = Self::new(now);
        }
        self.last = now;
        if self.banned_until.is_some_and(|until| until > now) {
            // A connection from before the ban: it may stay, but it learns nothing quickly.
            return Penalty { delay: limits::LOGIN_DELAY_MAX, banned: false };
        }
        self.failures = self.failures.saturating_add(1);
        self.note(name, now);
        let penalty = Penalty {
            delay: delay(self.failures, policy.before_delay),
            banned: policy.before_ban != 0 && self.failures >= policy.before_ban,
        };
        if penalty.banned {
            *self = Self { banned_until: now.checked_add(policy.ban_time), ..Self::new(now) };
        }
        penalty
    }

    fn note(&mut self, name: u64, now: Instant) {
        if let Some(failed) = self.names.iter_mut().find(|failed| failed.name == name) {
            failed.failures = failed.failures.saturating_add(1);
            failed.last = now;
        } else if self.names.len() < limits::FAILED_NAMES_MAX {
            self.names.push(FailedName { name, failures: 1, last: now });
        }
    }

    /// All failures of the name, and of any other one, however many there were, all but one.
    fn make_up(&mut self, name: u64, now: Instant) {
        for failed in &mut self.names {
            let forgotten = now.saturating_duration_since(failed.last) > limits::FAILURES_FORGOTTEN_AFTER;
            let stay = u32::from(failed.name != name && !forgotten);
            self.failures = self.failures.saturating_sub(failed.failures.saturating_sub(stay));
            failed.failures = stay;
        }
        self.names.retain(|failed| failed.failures > 0);
    }

    fn was_kept_before(&self, read: Instant) -> bool {
        self.banned_until.is_some() && self.kept.is_some_and(|kept| kept <= read)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let silent = now.saturating_duration_since(self.last);
        silent > limits::FAILURES_FORGOTTEN_AFTER && self.banned_until.is_none_or(|until| until <= now)
    }
}

/// Nothing for the first ones, then a second, doubled each time, up to the limit.
fn delay(failures: u32, before_delay: u32) -> Duration {
    let slowed = failures.saturating_sub(before_delay);
    if before_delay == 0 || slowed == 0 {
        return Duration::ZERO;
    }
    let factor = 1_u32.checked_shl(slowed - 1).unwrap_or(u32::MAX);
    limits::LOGIN_DELAY_FIRST.saturating_mul(factor).min(limits::LOGIN_DELAY_MAX)
}

#[cfg(test)]
mod tests;
