//! Moved accounts whose password, right here, is refused at their old servers: they are asked there less and
//! less often.
//!
//! A mail program looks every few minutes, and each look would be a wrong password there: in the end the old
//! server would shut its door to us, and so to everybody who is not moved yet. In memory alone.

use crate::limits;
use crate::mail::AccountAddress;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See above.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<AccountAddress, Rest>>);

#[derive(Clone, Copy)]
struct Rest {
    until: Instant,
    lasts: Duration,
}

impl Refusals {
    /// Whether the old server is to be left alone with this account.
    pub fn rests(&self, account: &AccountAddress, now: Instant) -> bool {
        self.lock().get(account).is_some_and(|rest| now < rest.until)
    }

    /// Notes a refusal; for how long the old server is left alone now.
    pub fn refused(&self, account: &AccountAddress, now: Instant) -> Duration {
        let mut rests = self.lock();
        let before = rests.get(account).map(|rest| rest.lasts.saturating_mul(2));
        let lasts = before.unwrap_or(limits::REFUSED_REST_FIRST).min(limits::REFUSED_REST_MAX);
        if rests.len() >= limits::REFUSED_MAX {
            rests.retain(|_, rest| now < rest.until);
        }
        if rests.len() < limits::REFUSED_MAX || rests.contains_key(account) {
            rests.insert(account.clone(), Rest { until: now + lasts, lasts });
        }
        lasts
    }

    /// Forgets them.
    pub fn accepted(&self, account: &AccountAddress) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountAddress, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_again_is_asked_less_often_and_an_acceptance_ends_it() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let [anna, bert] = ["anna@a.org", "bert@a.org"].map(|text| AccountAddress::parse(text).unwrap());
        assert!(!refusals.rests(&anna, start));
        let first = refusals.refused(&anna, start);
        assert_eq!(first, limits::REFUSED_REST_FIRST);
        assert!(refusals.rests(&anna, start + first - Duration::from_secs(1)));
        assert!(!refusals.rests(&anna, start + first) && !refusals.rests(&bert, start));
        assert_eq!(refusals.refused(&anna, start), 2 * first);
        for _ in 0..100 {
            refusals.refused(&anna, start);
        }
        assert!(!refusals.rests(&anna, start + limits::REFUSED_REST_MAX));
        refusals.accepted(&anna);
        assert!(!refusals.rests(&anna, start));
        assert_eq!(refusals.refused(&anna, start), first);
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let name = |n: usize| AccountAddress::parse(&format!("u{n}@a.org")).unwrap();
        for n in 0..=limits::REFUSED_MAX {
            refusals.refused(&name(n), start);
        }
        assert_eq!(refusals.lock().len(), limits::REFUSED_MAX);
        let later = start + limits::REFUSED_REST_FIRST;
        refusals.refused(&name(limits::REFUSED_MAX), later);
        assert!(refusals.rests(&name(limits::REFUSED_MAX), later));
    }
}
