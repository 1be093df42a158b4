//! What stands in an account's row for its password, and how it gets there: our own keys, an old server's
//! hash beside keys that fit nothing, or such keys alone.
//!
//! Knows the row and no login.

use super::admin::vacant;
use super::password::{Credential, random};
use super::scheme::Secret;
use super::{Admission, ChangeError, Error, seconds};
use crate::limits;
use crate::mail::AccountAddress;
use rusqlite::{Connection, params};
use std::time::SystemTime;

/// What is stored for a password.
pub(super) struct Stored {
    imported: Option<String>,
    credential: Credential,
}

impl Stored {
    /// A clear password becomes our own keys, at the cost of a login, and is stored in no other form.
    ///
    /// # Errors
    /// `Temporary` when the system gives no randomness.
    pub fn of(secret: &Secret, rounds: u32) -> Result<Self, Error> {
        Ok(match secret {
            Secret::Clear(password) => {
                Self { imported: None, credential: Credential::new(password, rounds)? }
            }
            // Keys of SCRAM-SHA-256 are our own form and stand where ours do. Beside others stand keys as
            // strange as those of a new password: what is remembered of a verified one is bound to them.
            Secret::Hash(hash) => Self {
                imported: Some(hash.stored().to_owned()),
                credential: hash.keys().map_or_else(|| fitting_nothing(rounds), Ok)?,
            },
            Secret::Locked => Self { imported: None, credential: fitting_nothing(rounds)? },
        })
    }

    /// Makes the account.
    ///
    /// # Errors
    /// `Exists`, `TakenByAlias`, `Storage`.
    pub fn add(
        &self,
        db: &Connection,
        address: &AccountAddress,
        admission: Admission,
    ) -> Result<(), ChangeError> {
        vacant(db, address)?;
        let Credential { salt, rounds, stored_key, server_key } = &self.credential;
        let mut insert = db.prepare_cached(
            "INSERT INTO accounts
                (local_part, domain, created, salt, rounds, stored_key, server_key, imported, enabled, held)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        insert.execute(params![
            address.local_part(),
            address.domain().as_str(),
            seconds(SystemTime::now()),
            salt,
            rounds,
            stored_key,
            server_key,
            self.imported,
            admission.enabled,
            admission.held,
        ])?;
        Ok(())
    }

    /// Takes the place of what the account has; everything remembered of that is void at once.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn replace(&self, db: &Connection, address: &AccountAddress) -> Result<(), ChangeError> {
        let Credential { salt, rounds, stored_key, server_key } = &self.credential;
        let mut update = db.prepare_cached(
            "UPDATE accounts SET salt = ?3, rounds = ?4, stored_key = ?5, server_key = ?6, imported = ?7
             WHERE local_part = ?1 AND domain = ?2",
        )?;
        let (local_part, domain) = (address.local_part(), address.domain().as_str());
        let changed = update.execute(params![
            local_part,
            domain,
            salt,
            rounds,
            stored_key,
            server_key,
            self.imported
        ])?;
        if changed == 0 { Err(ChangeError::NoSuchAccount) } else { Ok(()) }
    }
}

/// Random octets in the place of keys: that a password leads there is as likely as to guess them.
fn fitting_nothing(rounds: u32) -> Result<Credential, Error> {
    let (mut salt, mut keys) = (vec![0; limits::SALT_LEN], [[0; 32]; 2]);
    random(&mut salt)?;
    keys.iter_mut().try_for_each(|key| random(key))?;
    let [stored_key, server_key] = keys;
    Ok(Credential { salt, rounds, stored_key, server_key })
}
