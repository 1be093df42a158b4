//! Passwords that were verified lately: a program that polls every minute must not cost a hash
//! each time.
//!
//! In memory only, and no password is kept: a digest keyed with octets that this process made up at
//! its start, bound to the credential that was stored when the password was verified. A new password
//! is a new credential, so nothing has to be told to this memory, by no process.

use super::password::{keyed_digest, random};
use super::{Error, Login};
use crate::limits;
use crate::mail::Password;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use subtle::ConstantTimeEq;

/// One entry for each account: a wrong password never drives the right one out.
pub(super) struct Verified {
    key: [u8; 32],
    entries: Mutex<HashMap<i64, Entry>>,
}

struct Entry {
    digest: [u8; 32],
    used: Instant,
}

impl Verified {
    /// # Errors
    /// `Temporary` when the system gives no randomness.
    pub fn new() -> Result<Self, Error> {
        let mut key = [0; 32];
        random(&mut key)?;
        Ok(Self { key, entries: Mutex::default() })
    }

    /// Remembers a password that was right for what `login` holds.
    pub fn remember(&self, login: &Login, password: &Password, now: Instant) {
        let digest = self.digest(login, password);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= limits::VERIFIED_MAX && !entries.contains_key(&login.id) {
            // A walk over the whole memory, beside the hash that was just paid: not worth a list.
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id);
            oldest.map(|id| entries.remove(&id));
        }
        entries.insert(login.id, Entry { digest, used: now });
    }

    /// Whether this password was verified lately for exactly what `login` holds now.
    pub fn recognises(&self, login: &Login, password: &Password, now: Instant) -> bool {
        let digest = self.digest(login, password);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(&login.id) else {
            return false;
        };
        if now.saturating_duration_since(entry.used) > limits::VERIFIED_FOR {
            entries.remove(&login.id);
            return false;
        }
        let known = bool::from(entry.digest.ct_eq(&digest));
        if known {
            entry.used = now;
        }
        known
    }

    /// Neither an address nor a password has a NUL, so no two triples run together the same way.
    fn digest(&self, login: &Login, password: &Password) -> [u8; 32] {
        let address = login.address.to_string();
        let parts = [
            address.as_bytes(),
            b"\0",
            password.expose(),
            b"\0",
            &login.credential.stored_key,
            &login.credential.salt,
        ];
        keyed_digest(&self.key, &parts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::password::Credential;
    use super::*;
    use crate::mail::AccountAddress;
    use std::time::Duration;

    fn login(id: i64, stored_key: u8) -> Login {
        Login {
            id,
            address: AccountAddress::parse("anna@example.org").unwrap(),
            enabled: true,
            held: false,
            has_logged_in: false,
            imported: None,
            credential: Credential {
                salt: vec![1; 16],
                rounds: 4096,
                stored_key: [stored_key; 32],
                server_key: [0; 32],
            },
        }
    }

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    #[test]
    fn only_what_was_verified_is_recognised() {
        let (verified, now) = (Verified::new().unwrap(), Instant::now());
        assert!(!verified.recognises(&login(1, 7), &password("right"), now));
        verified.remember(&login(1, 7), &password("right"), now);
        assert!(!verified.recognises(&login(1, 7), &password("wrong"), now));
        assert!(!verified.recognises(&login(1, 8), &password("right"), now), "the password was changed");
        assert!(!verified.recognises(&login(2, 7), &password("right"), now), "somebody else");
        assert!(verified.recognises(&login(1, 7), &password("right"), now));
    }

    #[test]
    fn it_is_forgotten_when_it_was_not_used_for_a_while() {
        let (verified, start) = (Verified::new().unwrap(), Instant::now());
        verified.remember(&login(1, 7), &password("right"), start);
        let used = start + limits::VERIFIED_FOR;
        assert!(verified.recognises(&login(1, 7), &password("right"), used));
        let later = used + limits::VERIFIED_FOR;
        assert!(verified.recognises(&login(1, 7), &password("right"), later), "counted from the last use");
        let too_late = later + limits::VERIFIED_FOR + Duration::from_secs(1);
        assert!(!verified.recognises(&login(1, 7), &password("right"), too_late));
        assert!(verified.entries.lock().unwrap().is_empty());
    }

    #[test]
    fn when_it_is_full_the_one_used_longest_ago_goes() {
        let (verified, start) = (Verified::new().unwrap(), Instant::now());
        let at = |n: usize| start + Duration::from_millis(n as u64);
        for n in 0..=limits::VERIFIED_MAX {
            verified.remember(&login(n as i64, 7), &password("right"), at(n));
        }
        assert_eq!(verified.entries.lock().unwrap().len(), limits::VERIFIED_MAX);
        let now = at(limits::VERIFIED_MAX);
        assert!(!verified.recognises(&login(0, 7), &password("right"), now));
        assert!(verified.recognises(&login(1, 7), &password("right"), now));
    }
}
