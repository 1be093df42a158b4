//! Logins that are put off until the mail of an old server is here.
//!
//! Knows the switch in the database; what a held user is told is said elsewhere.

use super::{Accounts, ChangeError, Error};
use crate::mail::AccountAddress;
use rusqlite::params;

impl Accounts {
    /// Puts logins off: `[SYS/TEMP]`, which costs a mail program nothing. Mail is accepted meanwhile.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn hold(&self, address: &AccountAddress) -> Result<(), ChangeError> {
        self.set_held(address, true)
    }

    /// Takes logins again; no mistake for an account that was not held.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn release(&self, address: &AccountAddress) -> Result<(), ChangeError> {
        self.set_held(address, false)
    }

    /// Whether logins are put off; `false` for an account that is not there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn is_held(&self, address: &AccountAddress) -> Result<bool, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM accounts WHERE local_part = ?1 AND domain = ?2 AND held)",
            )?;
            Ok(query.query_row((address.local_part(), address.domain().as_str()), |row| row.get(0))?)
        })
    }

    fn set_held(&self, address: &AccountAddress, held: bool) -> Result<(), ChangeError> {
        self.update(
            "UPDATE accounts SET held = ?3 WHERE local_part = ?1 AND domain = ?2",
            params![address.local_part(), address.domain().as_str(), held],
        )
    }
}
