//! The live move as the database knows it: which old servers stand behind which domains and addresses,
//! and how far each account has come.
//!
//! Knows no socket: what an old server says is heard elsewhere and written down here.

mod kinds;
mod meant;

pub use kinds::{
    AccountId, Here, Meant, Move, Progress, REFUSED_THERE, Scope, Security, Standing, Trust, Upstream,
    UserPattern,
};

use super::password::Credential;
use super::{Accounts, ChangeError, Error, Verdict, address_of, domain_of, moment, seconds};
use crate::mail::{AccountAddress, Password, UserName};
use meant::{behind_any_form, of_address, of_bare_name, others};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::SystemTime;

const UPSTREAM: &str = "SELECT local_part, domain, host, port, security, trust, user, accept_unknown
    FROM upstreams WHERE domain = ?2 AND local_part IN (?1, '') ORDER BY local_part DESC LIMIT 1";
const HERE: &str = "SELECT enabled, held, progress, why, id FROM accounts LEFT JOIN moves ON account = id
    WHERE local_part = ?1 AND domain = ?2";
const WHY: &str = "SELECT why FROM moves JOIN accounts ON id = account WHERE local_part = ?1 AND domain = ?2";
const ACCOUNTS_UNDER: &str =
    "SELECT a.local_part, a.domain, m.progress, m.why, m.messages, m.since, a.enabled
    FROM accounts a LEFT JOIN moves m ON m.account = a.id
    WHERE EXISTS (SELECT 1 FROM upstreams u
                  WHERE u.domain = a.domain AND u.local_part IN (a.local_part, ''))
       OR EXISTS (SELECT 1 FROM json_each(?1) other
                  WHERE other.value ->> 1 = a.domain AND other.value ->> 0 IN (a.local_part, ''))
    ORDER BY a.domain, a.local_part";

impl Accounts {
    /// Puts an old server behind a domain or an address, in the place of one that stood there.
    ///
    /// # Errors
    /// `Storage`.
    pub fn add_upstream(&self, upstream: &Upstream) -> Result<(), ChangeError> {
        let (local_part, domain) = upstream.scope.columns();
        self.store.write(|db| {
            db.execute(
                "INSERT OR REPLACE INTO upstreams
                 (local_part, domain, host, port, security, trust, user, accept_unknown)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    local_part,
                    domain,
                    upstream.host,
                    upstream.port,
                    upstream.security.as_str(),
                    upstream.trust.written(),
                    upstream.user.as_str(),
                    upstream.accept_unknown
                ],
            )?;
            Ok(())
        })
    }

    /// Takes an old server away. What was moved stays moved, and what was not stays held.
    ///
    /// # Errors
    /// `NoSuchUpstream`, `Storage`.
    pub fn remove_upstream(&self, scope: &Scope) -> Result<(), ChangeError> {
        self.store.write(|db| {
            let removed =
                db.execute("DELETE FROM upstreams WHERE local_part = ?1 AND domain = ?2", scope.columns())?;
            if removed == 0 { Err(ChangeError::NoSuchUpstream) } else { Ok(()) }
        })
    }

    /// All old servers: by domain, each domain's own before those of its addresses.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn upstreams(&self) -> Result<Vec<Upstream>, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT local_part, domain, host, port, security, trust, user, accept_unknown
                 FROM upstreams ORDER BY domain, local_part",
            )?;
            let mut rows = query.query(())?;
            let mut upstreams = Vec::new();
            while let Some(row) = rows.next()? {
                upstreams.push(upstream_of(row)?);
            }
            Ok(upstreams)
        })
    }

    /// All accounts that an old server stands behind, in the order of their addresses.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn moves(&self) -> Result<Vec<Move>, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(ACCOUNTS_UNDER)?;
            let mut rows = query.query((others(db)?,))?;
            let mut moves = Vec::new();
            while let Some(row) = rows.next()? {
                moves.push(move_of(row)?);
            }
            Ok(moves)
        })
    }

    /// What a login under this name means. A name without a domain is the one account's that is here, or else
    /// one in the one domain that has an old server.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn meant(&self, user: &UserName) -> Result<Meant, Error> {
        self.store.read(|db| {
            if !user.as_str().contains('@') {
                return of_bare_name(db, &user.as_str().to_lowercase());
            }
            // `anna+detail@…` is an address to write to and not a name to log in with.
            let Ok(address) = AccountAddress::parse(user.as_str()) else { return Ok(Meant::Ours) };
            of_address(db, &address)
        })
    }

    /// The old server has accepted this password: makes the account, or gives it the password, and holds
    /// it until its mail is here. The hash is kept if it is one of this password already.
    ///
    /// `None`, and nothing is changed, when all its mail has come while the old server was asked: thrown
    /// back, it would be shown as it was there before.
    ///
    /// # Errors
    /// `TakenByAlias`, `Storage`.
    pub fn take_in(
        &self,
        address: &AccountAddress,
        password: &Password,
    ) -> Result<Option<AccountId>, ChangeError> {
        let (local_part, domain) = (address.local_part(), address.domain().as_str());
        let verdict =
            UserName::parse(&address.to_string()).map(|user| self.verify(&user, password)).transpose()?;
        let knows_it = matches!(verdict, Some(Verdict::Welcome(_) | Verdict::Held));
        let fresh = if knows_it { None } else { Some(Credential::new(password, self.rounds)?) };
        let now = seconds(SystemTime::now());
        self.store.write(|db| {
            let here = here(db, address)?;
            if matches!(here, Some(Here { progress: Progress::Moved, .. })) {
                return Ok(None);
            }
            if let Some(Credential { salt, rounds, stored_key, server_key }) = &fresh {
                if here.is_none() {
                    super::admin::vacant(db, address)?;
                }
                db.execute(
                    "INSERT INTO accounts (local_part, domain, created, salt, rounds, stored_key, server_key)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (local_part, domain) DO UPDATE SET imported = NULL, salt = excluded.salt,
                     rounds = excluded.rounds, stored_key = excluded.stored_key,
                     server_key = excluded.server_key",
                    params![local_part, domain, now, salt, rounds, stored_key, server_key],
                )?;
            }
            db.execute(
                "UPDATE accounts SET held = 1 WHERE local_part = ?1 AND domain = ?2",
                (local_part, domain),
            )?;
            write_progress(db, address, Progress::Moving, None)?;
            Ok(found(db, address)?.map(|(id, _)| id))
        })
    }

    /// Writes down how far an account is, and tells which one that is. Moved, it is held no longer.
    ///
    /// `None`, and nothing is changed, where there is nothing to move any more: all its mail has come meanwhile (thrown
    /// back, it would be shown as it was at the old server), it was removed, or it is not `taken` but another account
    /// that was made under its name since, which must not be given the mail of the first.
    ///
    /// # Errors
    /// `Storage`.
    pub fn note_progress(
        &self,
        address: &AccountAddress,
        taken: Option<AccountId>,
        progress: Progress,
        why: Option<&str>,
    ) -> Result<Option<AccountId>, ChangeError> {
        self.store.write(|db| {
            let found = found(db, address)?.filter(|(id, _)| taken.is_none_or(|taken| taken == *id));
            let Some((id, here)) = found else { return Ok(None) };
            if progress == Progress::Moved {
                db.execute("UPDATE accounts SET held = 0 WHERE id = ?1", (id.0,))?;
            } else if here.progress == Progress::Moved {
                return Ok(None);
            }
            write_progress(db, address, progress, why)?;
            Ok(Some(id))
        })
    }

    /// Notes that the old server has refused an account that was let in by what is stored here: made here, it may never
    /// have been there. It waits all the same, in case that the old server accepts it one day.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn note_refused_there(&self, address: &AccountAddress) -> Result<(), ChangeError> {
        self.store.write(|db| match here(db, address)? {
            Some(Here { progress: Progress::Waiting, was_refused_there: false, .. }) => {
                write_progress(db, address, Progress::Waiting, Some(REFUSED_THERE))
            }
            _ => Ok(()),
        })
    }

    /// Notes that all mail of a mailbox on the wire, so many messages, has come over for this account: it is moved, if
    /// that is its mailbox at the old server behind it. Whether it is held is another matter.
    ///
    /// # Errors
    /// `Storage`.
    pub fn note_brought(
        &self,
        address: &AccountAddress,
        (host, port, user): (&str, Option<u16>, &UserName),
        messages: u64,
    ) -> Result<(), ChangeError> {
        let messages = i64::try_from(messages).unwrap_or(i64::MAX);
        self.store.write(|db| {
            let behind = behind_any_form(db, address)?;
            if !behind.is_some_and(|(upstream, _)| upstream.has_mailbox(address, host, port, user)) {
                return Ok(());
            }
            write_progress(db, address, Progress::Moved, None)?;
            db.execute(
                "UPDATE moves SET messages = max(messages, ?3) WHERE account =
                 (SELECT id FROM accounts WHERE local_part = ?1 AND domain = ?2)",
                params![address.local_part(), address.domain().as_str(), messages],
            )?;
            Ok(())
        })
    }

    /// Writes down what is in the way of mail that came to the old server of a moved account; `None`: nothing.
    /// Costs no write where it is known.
    ///
    /// # Errors
    /// `Storage`.
    pub fn note_why(&self, address: &AccountAddress, why: Option<&str>) -> Result<(), ChangeError> {
        let name = (address.local_part(), address.domain().as_str());
        let known = self.store.read(|db| {
            let mut query = db.prepare_cached(WHY)?;
            Ok(query.query_row(name, |row| row.get::<_, Option<String>>(0)).optional()?)
        })?;
        if known.is_none_or(|known| known.as_deref() == why) {
            return Ok(());
        }
        self.store.write(|db| {
            db.execute(
                "UPDATE moves SET why = ?3 WHERE account =
                 (SELECT id FROM accounts WHERE local_part = ?1 AND domain = ?2)",
                params![name.0, name.1, why],
            )?;
            Ok(())
        })
    }

    /// Counts messages that have come over.
    ///
    /// # Errors
    /// `Storage`.
    pub fn note_messages(&self, address: &AccountAddress, more: u64) -> Result<(), ChangeError> {
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        self.store.write(|db| {
            db.execute(
                "UPDATE moves SET messages = messages + ?3 WHERE account =
                 (SELECT id FROM accounts WHERE local_part = ?1 AND domain = ?2)",
                params![address.local_part(), address.domain().as_str(), more],
            )?;
            Ok(())
        })
    }
}

fn write_progress(
    db: &Connection,
    address: &AccountAddress,
    progress: Progress,
    why: Option<&str>,
) -> Result<(), ChangeError> {
    let written = db.execute(
        "INSERT INTO moves (account, progress, why, since)
         SELECT id, ?3, ?4, ?5 FROM accounts WHERE local_part = ?1 AND domain = ?2
         ON CONFLICT (account) DO UPDATE SET progress = excluded.progress, why = excluded.why,
         since = CASE progress WHEN excluded.progress THEN since ELSE excluded.since END",
        params![
            address.local_part(),
            address.domain().as_str(),
            progress.as_str(),
            why,
            seconds(SystemTime::now())
        ],
    )?;
    if written == 0 { Err(ChangeError::NoSuchAccount) } else { Ok(()) }
}

/// The old server behind an address in just this form: its own, or that of its domain.
pub(super) fn upstream_behind(db: &Connection, address: &AccountAddress) -> Result<Option<Upstream>, Error> {
    let mut query = db.prepare_cached(UPSTREAM)?;
    let mut rows = query.query((address.local_part(), address.domain().as_str()))?;
    rows.next()?.map(upstream_of).transpose()
}

fn here(db: &Connection, address: &AccountAddress) -> Result<Option<Here>, Error> {
    Ok(found(db, address)?.map(|(_, here)| here))
}

fn found(db: &Connection, address: &AccountAddress) -> Result<Option<(AccountId, Here)>, Error> {
    let mut query = db.prepare_cached(HERE)?;
    let row = query
        .query_row((address.local_part(), address.domain().as_str()), |row| {
            let text = |column| row.get::<_, Option<String>>(column);
            Ok((row.get(0)?, row.get(1)?, text(2)?, text(3)?, row.get(4)?))
        })
        .optional()?;
    let Some((enabled, held, progress, why, id)) = row else { return Ok(None) };
    let progress = Progress::read(progress.as_deref())?;
    let was_refused_there = progress == Progress::Waiting && why.as_deref() == Some(REFUSED_THERE);
    Ok(Some((AccountId(id), Here { enabled, held, progress, was_refused_there })))
}

fn upstream_of(row: &Row<'_>) -> Result<Upstream, Error> {
    let (local_part, domain): (String, String) = (row.get(0)?, row.get(1)?);
    let scope = match local_part.is_empty() {
        true => Scope::Domain(domain_of(&domain)?),
        false => Scope::Address(address_of(&local_part, &domain)?),
    };
    Ok(Upstream {
        scope,
        host: row.get(2)?,
        port: row.get(3)?,
        security: Security::read(&row.get::<_, String>(4)?)?,
        trust: Trust::read(&row.get::<_, String>(5)?)?,
        user: UserPattern::read(&row.get::<_, String>(6)?)?,
        accept_unknown: row.get(7)?,
    })
}

fn move_of(row: &Row<'_>) -> Result<Move, Error> {
    let (local_part, domain): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Move {
        address: address_of(&local_part, &domain)?,
        progress: Progress::read(row.get::<_, Option<String>>(2)?.as_deref())?,
        why: row.get(3)?,
        messages: row.get::<_, Option<i64>>(4)?.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        since: row.get::<_, Option<i64>>(5)?.map(moment),
        enabled: row.get(6)?,
    })
}

#[cfg(test)]
mod tests;
