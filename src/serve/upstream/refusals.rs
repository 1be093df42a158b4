//! Passwords that are right here and refused at old servers, of moved accounts and of our own: after a few times they
//! are asked there less and less often.
//!
//! A mail program looks every few minutes, and each look would be a wrong password there: in the end the old
//! server would shut its door to us, and so to everybody who is not moved yet. Another password, another name
//! or another server is another matter, and asked at once. In memory alone.

use super::old::Account;
use crate::limits;
use crate::mail::AccountAddress;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See above.
#[derive(Default)]
pub struct Refusals {
    secret: RandomState,
    rests: Mutex<HashMap<Attempt, Rest>>,
}

/// Who asks where, as whom and with which password: a hash under a key that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt(u64);

#[derive(Clone, Copy)]
struct Rest {
    /// In a row.
    refused: u32,
    until: Instant,
}

impl Refusals {
    /// What is to be remembered of an attempt.
    pub fn attempt(&self, address: &AccountAddress, account: &Account) -> Attempt {
        let Account { server, login } = account;
        let (user, password) = (login.user.as_str(), login.password.expose());
        Attempt(self.secret.hash_one((address, &server.host, server.port, user, password)))
    }

    /// Whether the old server is to be left alone with this.
    pub fn rests(&self, attempt: Attempt, now: Instant) -> bool {
        self.lock().get(&attempt).is_some_and(|rest| now < rest.until)
    }

    /// Notes a refusal; for how long the old server is left alone now, if at all.
    pub fn refused(&self, attempt: Attempt, now: Instant) -> Duration {
        let mut rests = self.lock();
        let refused = rests.get(&attempt).map_or(1, |rest| rest.refused.saturating_add(1));
        let lasts = rest_after(refused);
        if rests.len() >= limits::REFUSED_MAX {
            rests.retain(|_, rest| now < rest.until);
        }
        if rests.len() < limits::REFUSED_MAX || rests.contains_key(&attempt) {
            rests.insert(attempt, Rest { refused, until: now + lasts });
        }
        lasts
    }

    /// Forgets them.
    pub fn accepted(&self, attempt: Attempt) {
        self.lock().remove(&attempt);
    }

    /// Forgets all.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Attempt, Rest>> {
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rest_after(refused: u32) -> Duration {
    let Some(doubled) = refused.checked_sub(limits::REFUSED_BEFORE_REST) else { return Duration::ZERO };
    let times = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
    limits::REFUSED_REST_FIRST.saturating_mul(times).min(limits::REFUSED_REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Login, Server};
    use crate::mail::{Password, UserName};

    fn attempt(refusals: &Refusals, address: &str, host: &str, password: &str) -> Attempt {
        let server = Server { host: host.to_owned(), ..Server::default() };
        let user = UserName::parse(address).unwrap();
        let login = Login { user, password: Password::new(password).unwrap() };
        refusals.attempt(&AccountAddress::parse(address).unwrap(), &Account { server, login })
    }

    #[test]
    fn who_is_refused_time_and_again_is_asked_less_often_and_an_acceptance_ends_it() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let anna = attempt(&refusals, "anna@a.org", "pop.a.org", "secret");
        for _ in 1..limits::REFUSED_BEFORE_REST {
            assert_eq!(refusals.refused(anna, start), Duration::ZERO);
            assert!(!refusals.rests(anna, start));
        }
        let first = refusals.refused(anna, start);
        assert_eq!(first, limits::REFUSED_REST_FIRST);
        assert!(refusals.rests(anna, start + first - Duration::from_secs(1)));
        assert!(!refusals.rests(anna, start + first));
        assert_eq!(refusals.refused(anna, start), 2 * first);
        for _ in 0..100 {
            refusals.refused(anna, start);
        }
        assert_eq!(refusals.refused(anna, start), limits::REFUSED_REST_MAX);
        refusals.accepted(anna);
        assert!(!refusals.rests(anna, start));
        assert_eq!(refusals.refused(anna, start), Duration::ZERO);
    }

    #[test]
    fn another_account_server_or_password_is_another_matter_and_all_is_forgotten_when_asked() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let known = attempt(&refusals, "anna@a.org", "pop.a.org", "secret");
        assert_eq!(known, attempt(&refusals, "anna@a.org", "pop.a.org", "secret"));
        for _ in 0..limits::REFUSED_BEFORE_REST {
            refusals.refused(known, start);
        }
        for (address, host, password) in [
            ("bert@a.org", "pop.a.org", "secret"),
            ("anna@a.org", "pop.b.org", "secret"),
            ("anna@a.org", "pop.a.org", "other"),
        ] {
            assert!(!refusals.rests(attempt(&refusals, address, host, password), start));
        }
        assert!(refusals.rests(known, start));
        refusals.forget();
        assert!(!refusals.rests(known, start));
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let attempt = |n: usize| Attempt(n as u64);
        for n in 0..=limits::REFUSED_MAX {
            for _ in 0..limits::REFUSED_BEFORE_REST {
                refusals.refused(attempt(n), start);
            }
        }
        assert_eq!(refusals.lock().len(), limits::REFUSED_MAX);
        assert!(!refusals.rests(attempt(limits::REFUSED_MAX), start));
        let later = start + limits::REFUSED_REST_FIRST;
        for _ in 0..limits::REFUSED_BEFORE_REST {
            refusals.refused(attempt(limits::REFUSED_MAX), later);
        }
        assert!(refusals.rests(attempt(limits::REFUSED_MAX), later));
    }
}
