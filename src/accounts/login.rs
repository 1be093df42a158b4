//! Who is it, and is that the password? A wrong password, an unknown user and a disabled account get the same
//! answer, at the cost of one of the accounts: what hashes they have is not told by the time either.

use super::password::Credential;
use super::scheme::OldHash;
use super::scram::{IMPORTED, IMPORTED_END};
use super::sqlite::Version;
use super::{Accounts, Error, Grant, Login, Recognition, Verdict, address_of, seconds};
use crate::limits;
use crate::mail::{AccountAddress, Password, UserName};
use rusqlite::{Connection, Row, params};
use std::sync::PoisonError;
use std::time::{Instant, SystemTime};

/// A credential of today's cost, for the account whose credential was of another.
pub(super) struct Rehashed {
    /// What it takes the place of. If that is not there any more, the password was changed meanwhile.
    replaces: [u8; 32],
    credential: Credential,
}

/// The index of UNIQUE (local_part, domain) answers both.
const BY_ADDRESS: &str =
    "SELECT id, local_part, domain, enabled, held, salt, rounds, stored_key, server_key, imported,
        EXISTS (SELECT 1 FROM logins WHERE account = id)
    FROM accounts WHERE local_part = ?1 AND domain = ?2";
/// Two rows are enough to know that the name is not the name of one.
const BY_LOCAL_PART: &str =
    "SELECT id, local_part, domain, enabled, held, salt, rounds, stored_key, server_key, imported,
        EXISTS (SELECT 1 FROM logins WHERE account = id)
    FROM accounts WHERE local_part = ?1 LIMIT 2";

impl Accounts {
    /// One look-up and one keyed digest; never a hash. A held account is never recognised, so that
    /// [`Accounts::verify`] has the word about it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn recognise(&self, user: &UserName, password: &Password) -> Result<Recognition, Error> {
        let (found, as_of) = self.look_up(user)?;
        let known = found.filter(|login| {
            login.enabled && !login.held && self.verified.recognises(login, password, Instant::now())
        });
        Ok(known.map_or(Recognition::Unknown, |login| Recognition::Known(Grant::of(login, as_of))))
    }

    /// One hash at the cost of the account's, or one at today's beside its imported one; for a name that nobody
    /// has, what the account that stands in for it has.
    ///
    /// A second hash follows, once, when the stored one is of another cost than the configured. The first
    /// password that fits an imported hash takes its place, hashed as our own and written at once, as typed
    /// and whole. If it cannot be written the login is good all the same, and it is tried again.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn verify(&self, user: &UserName, password: &Password) -> Result<Verdict, Error> {
        let (found, as_of) = self.look_up(user)?;
        // Hashed before anything is decided, or the time to answer is a list of our users.
        let (matches, own) = match &found {
            Some(Login { imported: Some(imported), .. }) => self.verify_imported(imported, password)?,
            Some(login) => (login.credential.matches(password), None),
            None => {
                self.verify_nobodys(user, password)?;
                (false, None)
            }
        };
        let Some(mut login) = found.filter(|login| matches && login.enabled) else {
            return Ok(Verdict::Wrong);
        };
        if login.held {
            return Ok(Verdict::Held);
        }
        self.verified.remember(&login, password, Instant::now());
        match own {
            Some(own) => login.has_logged_in |= self.replace_imported(&login, own, password),
            None if login.credential.rounds != self.rounds => self.rehash(&login, password),
            None => {}
        }
        Ok(Verdict::Welcome(Grant::of(login, as_of)))
    }

    /// The account of that name, and the state of the database that it was found in.
    pub(super) fn look_up(&self, user: &UserName) -> Result<(Option<Login>, Option<Version>), Error> {
        self.store.read(|db| Ok((find(db, user)?, self.store.version())))
    }

    /// Whether an old server's hash fits, and what takes its place: made for a wrong password too, so that
    /// the old hash, which may cost nothing, does not tell by its time that the name is somebody's.
    fn verify_imported(
        &self,
        imported: &str,
        password: &Password,
    ) -> Result<(bool, Option<Credential>), Error> {
        let old = OldHash::parse_stored(imported).map_err(|why| Error::Damaged(why.to_string()))?;
        let matches = old.matches(password);
        Ok((matches, Some(Credential::new(password, self.rounds)?)))
    }

    /// Takes the time that a wrong password takes with the account that stands in for this name. An imported
    /// hash may cost a hundred times as much as ours or next to nothing, and ours may be of an earlier cost.
    fn verify_nobodys(&self, user: &UserName, password: &Password) -> Result<(), Error> {
        let stand_in = self.store.read(|db| self.stand_in(db, user))?;
        let rounds = stand_in.rounds_of_a_login(self.rounds);
        if let Some(old) = stand_in.imported.and_then(|imported| OldHash::parse_stored(&imported).ok()) {
            let _nobodys_business = old.matches(password);
        }
        let _never = Credential { rounds, ..stand_in.credential }.matches(password);
        Ok(())
    }

    /// Not left to the next [`Accounts::record_logins`]: a weak old hash shall be gone, and what
    /// `account list` says be true, when the user is in; the time of the login goes with it, so that no
    /// second import takes the old hash again. A full disk only puts it off, and is told by `false`.
    fn replace_imported(&self, login: &Login, own: Credential, password: &Password) -> bool {
        self.put_off(login, own.clone());
        let is_written = self.record_logins(&[(login.address.clone(), SystemTime::now())]).is_ok();
        if is_written {
            let login = Login { imported: None, credential: own, ..login.clone() };
            self.verified.remember(&login, password, Instant::now());
        }
        is_written
    }

    /// Writes down last logins, in one transaction, and with them the credentials that were hashed
    /// anew. Accounts that are gone meanwhile are passed over.
    ///
    /// # Errors
    /// See [`Error`]; nothing is lost but the last logins, and they may be written again.
    pub fn record_logins(&self, logins: &[(AccountAddress, SystemTime)]) -> Result<(), Error> {
        let mut waiting = std::mem::take(&mut *self.rehashed.lock().unwrap_or_else(PoisonError::into_inner));
        if logins.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        let written = self.store.write(|db| {
            for (address, at) in logins {
                write_login(db, address, *at)?;
            }
            waiting.iter().try_for_each(|(id, rehashed)| self.write_rehashed(db, *id, rehashed))
        });
        if written.is_err() {
            let mut rehashed = self.rehashed.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(rehashed.drain()); // What came meanwhile is newer.
            *rehashed = waiting;
        }
        written
    }

    /// Whether a credential that was hashed anew waits for [`Accounts::record_logins`].
    pub fn has_rehashed(&self) -> bool {
        !self.rehashed.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Kept until the next [`Accounts::record_logins`]: a login waits for no write, and a full disk
    /// refuses none. Without randomness the old hash simply stays.
    fn rehash(&self, login: &Login, password: &Password) {
        if let Ok(credential) = Credential::new(password, self.rounds) {
            self.put_off(login, credential);
        }
    }

    fn put_off(&self, login: &Login, credential: Credential) {
        let rehashed = Rehashed { replaces: login.credential.stored_key, credential };
        self.rehashed.lock().unwrap_or_else(PoisonError::into_inner).insert(login.id, rehashed);
    }

    /// Only in the place of what was verified: a password set meanwhile is not undone.
    fn write_rehashed(&self, db: &Connection, id: i64, rehashed: &Rehashed) -> Result<(), Error> {
        let Rehashed { replaces, credential: Credential { salt, rounds, stored_key, server_key } } = rehashed;
        let mut write = db.prepare_cached(
            "UPDATE accounts SET imported = NULL, salt = ?3, rounds = ?4, stored_key = ?5, server_key = ?6
             WHERE id = ?1 AND stored_key = ?2",
        )?;
        if write.execute(params![id, replaces, salt, rounds, stored_key, server_key])? > 0 {
            // Before anybody can read the new keys: who is logged in by the old ones stays so.
            self.successors.note(*replaces, *stored_key);
        }
        Ok(())
    }
}

/// The account a user name means: its address, or its local part while nobody else has the same.
/// `anna+detail@…` is an address to write to and not a name to log in with.
pub(super) fn find(db: &Connection, user: &UserName) -> Result<Option<Login>, Error> {
    if user.as_str().contains('@') {
        let Ok(address) = AccountAddress::parse(user.as_str()) else {
            return Ok(None);
        };
        for address in [Some(address.clone()), address.in_other_form()].into_iter().flatten() {
            let found = only_row(db, BY_ADDRESS, (address.local_part(), address.domain().as_str()))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        return Ok(None);
    }
    only_row(db, BY_LOCAL_PART, (user.as_str().to_lowercase(),))
}

/// `None` as well when there is a second one.
fn only_row(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Option<Login>, Error> {
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query(values)?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let login = login_of(row)?;
    Ok(rows.next()?.is_none().then_some(login))
}

fn login_of(row: &Row<'_>) -> Result<Login, Error> {
    let rounds: u32 = row.get(6)?;
    if !(1..=limits::PBKDF2_ROUNDS_MAX).contains(&rounds) {
        return Err(Error::Damaged(format!("a password is said to be hashed in {rounds} rounds")));
    }
    let (local_part, domain): (String, String) = (row.get(1)?, row.get(2)?);
    Ok(Login {
        id: row.get(0)?,
        address: address_of(&local_part, &domain)?,
        enabled: row.get(3)?,
        held: row.get(4)?,
        imported: row.get(9)?,
        has_logged_in: row.get(10)?,
        credential: Credential {
            salt: row.get(5)?,
            rounds,
            stored_key: row.get(7)?,
            server_key: row.get(8)?,
        },
    })
}

fn write_login(db: &Connection, address: &AccountAddress, at: SystemTime) -> Result<(), Error> {
    let mut write = db.prepare_cached(
        "INSERT INTO logins (account, last)
         SELECT id, ?3 FROM accounts WHERE local_part = ?1 AND domain = ?2
         ON CONFLICT (account) DO UPDATE SET last = excluded.last",
    )?;
    write.execute((address.local_part(), address.domain().as_str(), seconds(at)))?;
    // Whoever logged in by SCRAM has proved the keys beside the imported text: from now on they are our own.
    let mut adopt = db.prepare_cached(
        "UPDATE accounts SET imported = NULL
         WHERE local_part = ?1 AND domain = ?2 AND imported >= ?3 AND imported < ?4",
    )?;
    adopt.execute((address.local_part(), address.domain().as_str(), IMPORTED, IMPORTED_END))?;
    Ok(())
}

#[cfg(test)]
mod tests;
