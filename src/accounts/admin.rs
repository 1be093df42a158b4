//! What an administrator changes and lists. Each change is one transaction, on the disk when it is
//! acknowledged; a running server sees it at its next look-up.

use super::password;
use super::scheme::Secret;
use super::stored::Stored;
use super::{
    Account, Accounts, Admission, Alias, AliasName, ChangeError, Error, address_of, domain_of, moment,
    quota_read, quota_written, scheme,
};
use crate::mail::{AccountAddress, Bytes, Password};
use rusqlite::{Connection, OptionalExtension, Row, params};

const ACCOUNT: &str = "SELECT id FROM accounts WHERE local_part = ?1 AND domain = ?2";
const ALIAS: &str = "SELECT id FROM aliases WHERE local_part = ?1 AND domain = ?2";

impl Accounts {
    /// Makes an account; enabled, without a quota.
    ///
    /// # Errors
    /// `Exists`, `TakenByAlias`, `Storage`.
    pub fn add(&self, address: &AccountAddress, password: &Password) -> Result<(), ChangeError> {
        self.add_with(address, &Secret::Clear(password.clone()), Admission::default())
    }

    /// Makes an account with what an old server had for a password. Without any it is disabled: the password
    /// that is set one day shall not open it unasked.
    ///
    /// # Errors
    /// As [`Accounts::add`].
    pub fn add_with(
        &self,
        address: &AccountAddress,
        secret: &Secret,
        admission: Admission,
    ) -> Result<(), ChangeError> {
        // Hashed before the transaction begins: nobody waits for the database meanwhile.
        let stored = Stored::of(secret, self.rounds)?;
        let enabled = admission.enabled && !matches!(secret, Secret::Locked);
        self.store.write(|db| stored.add(db, address, Admission { enabled, ..admission }))
    }

    /// Whether [`Accounts::add`] would find the name free: asked before a password is prompted for.
    ///
    /// # Errors
    /// `Exists`, `TakenByAlias`, `Storage`.
    pub fn is_vacant(&self, address: &AccountAddress) -> Result<(), ChangeError> {
        self.store.read(|db| Ok(vacant(db, address)))?
    }

    /// Whether there is an account of exactly that name.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn exists(&self, address: &AccountAddress) -> Result<bool, Error> {
        self.store
            .read(|db| Ok(id_of(db, ACCOUNT, address.local_part(), address.domain().as_str())?.is_some()))
    }

    /// Sets a new password; the old one and everything remembered of it are void at once.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn set_password(&self, address: &AccountAddress, password: &Password) -> Result<(), ChangeError> {
        let stored = Stored::of(&Secret::Clear(password.clone()), self.rounds)?;
        self.store.write(|db| stored.replace(db, address))
    }

    /// Refuses logins, or takes them again. Mail is accepted all the while.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn set_enabled(&self, address: &AccountAddress, enabled: bool) -> Result<(), ChangeError> {
        self.update(
            "UPDATE accounts SET enabled = ?3 WHERE local_part = ?1 AND domain = ?2",
            params![address.local_part(), address.domain().as_str(), enabled],
        )
    }

    /// `None`, and zero bytes, is unlimited.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn set_quota(&self, address: &AccountAddress, quota: Option<Bytes>) -> Result<(), ChangeError> {
        self.update(
            "UPDATE accounts SET quota = ?3 WHERE local_part = ?1 AND domain = ?2",
            params![address.local_part(), address.domain().as_str(), quota_written(quota)],
        )
    }

    /// Removes the account; its mail, and aliases that lead to it, stay.
    ///
    /// # Errors
    /// `NoSuchAccount`, `Storage`.
    pub fn remove(&self, address: &AccountAddress) -> Result<(), ChangeError> {
        self.update(
            "DELETE FROM accounts WHERE local_part = ?1 AND domain = ?2",
            params![address.local_part(), address.domain().as_str()],
        )
    }

    /// All accounts, in the order of their addresses: by domain, then by local part.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn list(&self) -> Result<Vec<Account>, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT local_part, domain, enabled, quota, created, last, held, imported
                 FROM accounts LEFT JOIN logins ON account = id ORDER BY domain, local_part",
            )?;
            let mut rows = query.query(())?;
            let mut accounts = Vec::new();
            while let Some(row) = rows.next()? {
                accounts.push(account_of(row)?);
            }
            Ok(accounts)
        })
    }

    /// Whether there is no account yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.store
            .read(|db| Ok(db.query_row("SELECT NOT EXISTS (SELECT 1 FROM accounts)", (), |row| row.get(0))?))
    }

    /// Reads the whole file and looks whether its tables and indexes hold together; for `check`.
    ///
    /// # Errors
    /// `Damaged` with the first fault that was found.
    pub fn examine(&self) -> Result<(), Error> {
        self.store.read(|db| {
            let found: String = db.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
            if found == "ok" { Ok(()) } else { Err(Error::Damaged(found)) }
        })
    }

    /// Makes an alias. A target need not exist yet; the same one twice counts once.
    ///
    /// # Errors
    /// `Exists`, `TakenByAccount`, `Storage`.
    pub fn add_alias(&self, name: &AliasName, targets: &[AccountAddress]) -> Result<(), ChangeError> {
        let (local_part, domain) = columns(name);
        self.store.write(|db| {
            if id_of(db, ALIAS, local_part, domain)?.is_some() {
                return Err(ChangeError::Exists);
            }
            if id_of(db, ACCOUNT, local_part, domain)?.is_some() {
                return Err(ChangeError::TakenByAccount);
            }
            db.execute("INSERT INTO aliases (local_part, domain) VALUES (?1, ?2)", (local_part, domain))?;
            let alias = db.last_insert_rowid();
            let mut insert = db.prepare_cached(
                "INSERT INTO targets (alias, position, local_part, domain) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (position, target) in targets.iter().enumerate() {
                if !targets[..position].contains(target) {
                    let position = i64::try_from(position).unwrap_or(i64::MAX);
                    insert.execute((alias, position, target.local_part(), target.domain().as_str()))?;
                }
            }
            Ok(())
        })
    }

    /// Removes an alias; accounts and mail stay.
    ///
    /// # Errors
    /// `NoSuchAlias`, `Storage`.
    pub fn remove_alias(&self, name: &AliasName) -> Result<(), ChangeError> {
        self.store.write(|db| {
            let removed =
                db.execute("DELETE FROM aliases WHERE local_part = ?1 AND domain = ?2", columns(name))?;
            if removed == 0 { Err(ChangeError::NoSuchAlias) } else { Ok(()) }
        })
    }

    /// All aliases, by domain, the catch-all first, then by local part.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn aliases(&self) -> Result<Vec<Alias>, Error> {
        self.store.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT a.id, a.local_part, a.domain, t.local_part, t.domain
                 FROM aliases a LEFT JOIN targets t ON t.alias = a.id
                 ORDER BY a.domain, a.local_part, t.position",
            )?;
            let mut rows = query.query(())?;
            let mut last = None;
            let mut aliases: Vec<Alias> = Vec::new();
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if last.replace(id) != Some(id) {
                    aliases.push(Alias { name: name_of(row)?, targets: Vec::new() });
                }
                if let (Some(alias), Some(target)) = (aliases.last_mut(), target_of(row)?) {
                    alias.targets.push(target);
                }
            }
            Ok(aliases)
        })
    }

    /// A statement about one account, which must be there.
    pub(super) fn update(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), ChangeError> {
        self.store.write(|db| {
            let changed = db.execute(sql, values)?;
            if changed == 0 { Err(ChangeError::NoSuchAccount) } else { Ok(()) }
        })
    }
}

/// One address is either an account or an alias: no mail has two ways to go.
pub(super) fn vacant(db: &Connection, address: &AccountAddress) -> Result<(), ChangeError> {
    for address in [Some(address.clone()), address.in_other_form()].into_iter().flatten() {
        let (local_part, domain) = (address.local_part(), address.domain().as_str());
        if id_of(db, ACCOUNT, local_part, domain)?.is_some() {
            return Err(ChangeError::Exists);
        }
        if id_of(db, ALIAS, local_part, domain)?.is_some() {
            return Err(ChangeError::TakenByAlias);
        }
    }
    Ok(())
}

fn id_of(db: &Connection, sql: &str, local_part: &str, domain: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(sql)?.query_row((local_part, domain), |row| row.get(0)).optional()
}

/// How an alias' name stands in the table.
fn columns(name: &AliasName) -> (&str, &str) {
    match name {
        AliasName::Address(address) => (address.local_part(), address.domain().as_str()),
        AliasName::CatchAll(domain) => ("", domain.as_str()),
    }
}

fn account_of(row: &Row<'_>) -> Result<Account, Error> {
    let (local_part, domain): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(Account {
        address: address_of(&local_part, &domain)?,
        enabled: row.get(2)?,
        quota: quota_read(row.get(3)?),
        created: moment(row.get(4)?),
        last_login: row.get::<_, Option<i64>>(5)?.map(moment),
        held: row.get(6)?,
        credential: row.get::<_, Option<String>>(7)?.map_or_else(
            || password::KIND.to_owned(),
            |hash| format!("imported:{}", scheme::scheme_of(&hash)),
        ),
    })
}

fn name_of(row: &Row<'_>) -> Result<AliasName, Error> {
    let (local_part, domain): (String, String) = (row.get(1)?, row.get(2)?);
    if local_part.is_empty() {
        return domain_of(&domain).map(AliasName::CatchAll);
    }
    address_of(&local_part, &domain).map(AliasName::Address)
}

fn target_of(row: &Row<'_>) -> Result<Option<AccountAddress>, Error> {
    let (local_part, domain): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
    local_part.zip(domain).map(|(local_part, domain)| address_of(&local_part, &domain)).transpose()
}

#[cfg(test)]
mod tests;
