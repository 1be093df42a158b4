//! Accounts by the thousand: what is done with the users of an old server's file.
//!
//! Clear passwords are hashed on all cores, and accounts are written in batches, each one transaction on the
//! disk: an import that is cut off goes on where it stopped when it is run again.

use super::import::{Record, Refused};
use super::scheme::Secret;
use super::stored::Stored;
use super::{Accounts, Admission, ChangeError, Error};
use crate::limits;
use crate::mail::AccountAddress;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use std::thread;
use std::time::SystemTime;

/// What an import is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Puts logins off for the accounts that it makes.
    pub hold: bool,
    /// Takes the file's hash for accounts that nobody has logged in to.
    pub update: bool,
    /// Only says what would be done.
    pub dry_run: bool,
}

/// What was done: each user of the file is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Accounts made.
    pub added: usize,
    /// Accounts whose hash was replaced.
    pub updated: usize,
    /// Accounts that were there and were left alone.
    pub unchanged: usize,
    /// Accounts made, closed or updated that nobody can log in to.
    pub disabled: usize,
    /// Those of them that only an administrator can open: the file has a password, and they were closed before.
    #[serde(skip)]
    pub still_closed: Vec<AccountAddress>,
    /// Users that were not taken.
    pub refused: Vec<Refused>,
}

/// What is done about one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Add,
    Update,
    /// The account is closed, and no file opens it.
    UpdateClosed,
    Leave,
    RefuseAlias,
}

impl Accounts {
    /// Makes, updates or leaves alone an account for each user. `told` hears how many are done.
    ///
    /// # Errors
    /// See [`Error`]; the batches before are kept.
    pub fn import(&self, users: &[Record], wish: Wish, told: &mut dyn FnMut(usize)) -> Result<Report, Error> {
        let mut report = Report::default();
        for (done, batch) in users.chunks(limits::IMPORT_BATCH).enumerate() {
            told(done * limits::IMPORT_BATCH);
            let mut deeds: Vec<Deed> =
                self.store.read(|db| batch.iter().map(|user| deed(db, user, wish)).collect())?;
            if !wish.dry_run {
                self.carry_out(batch, &mut deeds, wish)?;
            }
            batch.iter().zip(&deeds).for_each(|(user, deed)| report.count(user, *deed));
        }
        told(users.len());
        Ok(report)
    }

    /// Hashing takes up to a minute, in which somebody may log in with the password that would be replaced: what is
    /// to be done is decided anew where it is written, and told in `deeds`.
    fn carry_out(&self, batch: &[Record], deeds: &mut [Deed], wish: Wish) -> Result<(), Error> {
        let mut due: Vec<(&Record, &mut Deed)> =
            batch.iter().zip(deeds).filter(|(_, deed)| deed.is_written()).collect();
        let users: Vec<&Record> = due.iter().map(|(user, _)| *user).collect();
        let stored = hashed(&users, self.rounds)?;
        self.store.write(|db| {
            for ((user, due), stored) in due.iter_mut().zip(&stored) {
                **due = deed(db, user, wish)?;
                if due.is_written() {
                    write(db, user, **due, stored, wish)?;
                }
            }
            Ok(())
        })
    }
}

impl Deed {
    fn is_written(self) -> bool {
        matches!(self, Self::Add | Self::Update | Self::UpdateClosed)
    }
}

impl Accounts {
    /// Writes the first login of an account down at once ([`super::Grant::is_first`]), before its user is in: once a second
    /// is too late for an import that runs right behind it, which would take the place of a password in use, and a
    /// crash within that second would lose it for good. A disk that takes no write only puts it off.
    pub fn note_first_login(&self, address: &AccountAddress) {
        // Noted in memory as well, by who answers the user, and written with the others.
        let _ = self.record_logins(&[(address.clone(), SystemTime::now())]);
    }
}

impl Report {
    /// What an import would do where there is no account yet.
    pub fn of_an_empty_database(users: &[Record]) -> Self {
        let mut report = Self::default();
        users.iter().for_each(|user| report.count(user, Deed::Add));
        report
    }

    fn count(&mut self, user: &Record, deed: Deed) {
        match deed {
            Deed::Add | Deed::Update if matches!(user.secret, Secret::Locked) => self.disabled += 1,
            Deed::Add => self.added += 1,
            Deed::Update => self.updated += 1,
            Deed::UpdateClosed => {
                self.disabled += 1;
                self.still_closed.push(user.address.clone());
            }
            Deed::Leave => self.unchanged += 1,
            Deed::RefuseAlias => self.refused.push(Refused {
                line: user.line,
                address: user.address.to_string(),
                why: "is an alias here: remove it first with `restante alias remove`".to_owned(),
            }),
        }
    }
}

/// Looks what stands under a user's address.
fn deed(db: &Connection, user: &Record, wish: Wish) -> Result<Deed, Error> {
    let (local_part, domain) = (user.address.local_part(), user.address.domain().as_str());
    let mut query = db.prepare_cached(
        "SELECT imported, enabled, last IS NOT NULL FROM accounts LEFT JOIN logins ON account = id
         WHERE local_part = ?1 AND domain = ?2",
    )?;
    let row = query.query_row((local_part, domain), |row| {
        Ok((row.get::<_, Option<String>>(0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?))
    });
    let Some((imported, enabled, has_logged_in)) = row.optional()? else {
        return Ok(if is_alias(db, &user.address)? { Deed::RefuseAlias } else { Deed::Add });
    };
    let is_the_same = match &user.secret {
        Secret::Hash(hash) => imported.as_deref() == Some(hash.stored()),
        Secret::Locked => !enabled,
        Secret::Clear(_) => false,
    };
    Ok(match (&user.secret, enabled) {
        _ if !wish.update || has_logged_in || is_the_same => Deed::Leave,
        (Secret::Hash(_) | Secret::Clear(_), false) => Deed::UpdateClosed,
        _ => Deed::Update,
    })
}

fn is_alias(db: &Connection, address: &AccountAddress) -> Result<bool, Error> {
    let mut query =
        db.prepare_cached("SELECT EXISTS (SELECT 1 FROM aliases WHERE local_part = ?1 AND domain = ?2)")?;
    Ok(query.query_row((address.local_part(), address.domain().as_str()), |row| row.get(0))?)
}

/// Each as it will be stored, on all cores.
fn hashed(due: &[&Record], rounds: u32) -> Result<Vec<Stored>, Error> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(limits::IMPORT_THREADS_MAX);
    let share = due.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let work = |users: &[&Record]| -> Result<Vec<Stored>, Error> {
            users.iter().map(|user| Stored::of(&user.secret, rounds)).collect()
        };
        let hands: Vec<_> = due.chunks(share).map(|users| scope.spawn(move || work(users))).collect();
        let mut stored = Vec::with_capacity(due.len());
        for hand in hands {
            let share = hand.join().map_err(|_| Error::Temporary("hashing broke off".to_owned()))??;
            stored.extend(share);
        }
        Ok(stored)
    })
}

/// By what was decided in the same transaction.
fn write(db: &Connection, user: &Record, deed: Deed, stored: &Stored, wish: Wish) -> Result<(), Error> {
    let is_locked = matches!(user.secret, Secret::Locked);
    let written = match deed {
        Deed::Add => stored.add(db, &user.address, Admission { enabled: !is_locked, held: wish.hold }),
        _ => stored.replace(db, &user.address).and_then(|()| close_and_hold(db, user, is_locked, wish)),
    };
    match written {
        Err(ChangeError::Storage(error)) => Err(error),
        _ => Ok(()),
    }
}

/// A door that the file closes is closed; one that an administrator closed is opened by no file.
fn close_and_hold(db: &Connection, user: &Record, is_locked: bool, wish: Wish) -> Result<(), ChangeError> {
    let mut update = db.prepare_cached(
        "UPDATE accounts SET enabled = enabled AND NOT ?3, held = held OR ?4
         WHERE local_part = ?1 AND domain = ?2",
    )?;
    update.execute((user.address.local_part(), user.address.domain().as_str(), is_locked, wish.hold))?;
    Ok(())
}

#[cfg(test)]
mod tests;
