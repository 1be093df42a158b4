//! What a SCRAM exchange is done with, and whether it can be done with everybody.
//!
//! Knows the keys in the database and no message of the exchange.

use super::login::find;
use super::password::Credential;
use super::sqlite::Version;
use super::{Accounts, Error, Grant, Login, ScramCredential, Verdict};
use crate::mail::{AccountAddress, UserName};
use std::sync::{Mutex, PoisonError};

/// Imported hashes of this kind stand together in the index: from this text on, and before the next.
pub(super) const IMPORTED: &str = "{SCRAM-SHA-256";
/// See [`IMPORTED`].
pub(super) const IMPORTED_END: &str = "{SCRAM-SHA-256~";

/// The last answer to [`Accounts::all_know_scram`], and the state of the database that it is true of.
#[derive(Default)]
pub(super) struct Answer(Mutex<Option<(Version, bool)>>);

impl Accounts {
    /// What a SCRAM exchange is done with. It takes all its steps whoever `user` is.
    ///
    /// Who gives it up here has guessed nothing and learnt nothing, and it counts as no wrong password: it is what
    /// a connection looks like that broke, and the next one may be the owner's.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn scram(&self, user: &UserName) -> Result<ScramCredential, Error> {
        // Both whoever is asked for, or the time would tell.
        let (found, nobodys) =
            self.store.read(|db| Ok((find(db, user)?, self.stand_in(db, user)?.credential)))?;
        Ok(match found {
            Some(login) if may_prove(&login) => shown(login.credential, Some(login.address)),
            // A disabled account keeps its salt, or the change would tell of it; its keys are hidden. So does
            // one with an imported hash, whose keys belong to no password.
            Some(login) => {
                let Credential { salt, rounds, .. } = login.credential;
                shown(Credential { salt, rounds, ..nobodys }, None)
            }
            None => shown(nobodys, None),
        })
    }

    /// Judges a login by a proof that was right for `stored_key`: if the password was changed, or the account
    /// disabled, between challenge and proof, it proves nothing any more.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn confirm(&self, user: &UserName, stored_key: &[u8; 32]) -> Result<Verdict, Error> {
        let (found, as_of) = self.look_up(user)?;
        Ok(match found.filter(|login| may_prove(login) && login.credential.stored_key == *stored_key) {
            Some(login) if login.held => Verdict::Held,
            Some(login) => Verdict::Welcome(Grant::of(login, as_of)),
            None => Verdict::Wrong,
        })
    }

    /// Whether SCRAM can be done with every account. It cannot while one waits with an imported hash of
    /// another kind, or while an old server knows passwords that we do not: their owners would be told that
    /// the password is wrong, and mail programs throw it away then.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn all_know_scram(&self) -> Result<bool, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE imported < ?1 AND enabled)
                    AND NOT EXISTS (SELECT 1 FROM accounts WHERE imported >= ?2 AND enabled)
                    AND NOT EXISTS (SELECT 1 FROM upstreams)",
            )?;
            let answer = query.query_row((IMPORTED, IMPORTED_END), |row| row.get(0))?;
            if let Some(version) = self.store.version() {
                *self.all_know_scram.0.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((version, answer));
            }
            Ok(answer)
        })
    }

    /// What [`Accounts::all_know_scram`] has found before and would find again, for who must not wait.
    pub fn all_known_to_know_scram(&self) -> Option<bool> {
        let now = self.store.version_at_hand()?;
        let found = *self.all_know_scram.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.and_then(|(version, answer)| (version == now).then_some(answer))
    }
}

/// Whether the account's keys let in who proves them.
fn may_prove(login: &Login) -> bool {
    login.enabled && login.imported.as_deref().is_none_or(is_scram)
}

/// Whether the keys beside an imported hash are its own, which SCRAM can be done with.
fn is_scram(imported: &str) -> bool {
    (IMPORTED..IMPORTED_END).contains(&imported)
}

fn shown(credential: Credential, account: Option<AccountAddress>) -> ScramCredential {
    let Credential { salt, rounds, stored_key, server_key } = credential;
    ScramCredential { salt, rounds, stored_key, server_key, account }
}
