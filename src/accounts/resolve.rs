//! "Is it for one of ours?": which mailboxes a forward-path leads to.
//!
//! One address is looked for as: account, alias, account without `+detail`, alias without it,
//! postmaster, catch-all, what an old server may have; a domain with two forms in both, as it was written
//! first. An alias' targets are looked for in the same way, so nothing depends on how mail came to an
//! address. All from one state of the database, by indexed look-ups alone.

use super::upstream::{Scope, upstream_behind};
use super::{Accounts, Error, Mailbox, Unresolved, Version, address_of, quota_read};
use crate::limits;
use crate::mail::{AccountAddress, Address, Bytes, Domain, ForwardPath};
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashSet;

const ACCOUNT: &str = "SELECT id, quota FROM accounts WHERE local_part = ?1 AND domain = ?2";
const ALIAS: &str = "SELECT id FROM aliases WHERE local_part = ?1 AND domain = ?2";
const TARGETS: &str = "SELECT local_part, domain FROM targets WHERE alias = ?1 ORDER BY position";
const OLDEST: &str = "SELECT id, local_part, domain, quota FROM accounts ORDER BY id LIMIT 1";
const IS_LOCAL: &str = "SELECT EXISTS (SELECT 1 FROM accounts WHERE domain = ?1)
    OR EXISTS (SELECT 1 FROM aliases WHERE domain = ?1) OR EXISTS (SELECT 1 FROM upstreams WHERE domain = ?1)";

impl Accounts {
    /// Every mailbox a forward-path leads to, each once; never an empty list.
    ///
    /// # Errors
    /// See [`Error`]. Aliases that lead on and on, or to more mailboxes than one recipient may have,
    /// are `Temporary`: the sender keeps the message until they are mended.
    pub fn resolve(
        &self,
        to: &ForwardPath,
        hostname: &Domain,
    ) -> Result<Result<Vec<Mailbox>, Unresolved>, Error> {
        self.store.read(|db| {
            let mut walk =
                Walk { db, to, hostname, mailboxes: Vec::new(), seen: HashSet::new(), maybe: false };
            match to {
                // RFC 5321, 4.1.1.3: the one recipient without a domain; it is the host's.
                ForwardPath::Postmaster => {
                    if let Some(address) = AccountAddress::new(POSTMASTER, hostname.clone()) {
                        walk.follow(&address, 0)?;
                    }
                    walk.oldest_if_nobody()?;
                }
                ForwardPath::Address(address) => match walk.start(address)? {
                    Ok(()) => {}
                    Err(unresolved) => return Ok(Err(unresolved)),
                },
            }
            let found = walk.mailboxes;
            if found.is_empty() {
                let unresolved = if walk.maybe { Unresolved::NotYetKnown } else { Unresolved::UnknownUser };
                return Ok(Err(unresolved));
            }
            if let Some(version) = self.store.version() {
                self.known.keep(version, to, hostname, &found);
            }
            Ok(Ok(found))
        })
    }

    /// What [`Accounts::resolve`] has found before and would find again, for who must not wait: one look at
    /// the file's header, which is in memory. `None` is no answer.
    pub fn known(&self, to: &ForwardPath, hostname: &Domain) -> Option<Vec<Mailbox>> {
        let version = self.store.version_at_hand()?;
        self.known.get(&version, to, hostname)
    }

    /// The state of the database, for who must not wait: as long as it is the same, an answer that was given
    /// holds. `None` is no answer.
    pub fn version_at_hand(&self) -> Option<Version> {
        self.store.version_at_hand()
    }
}

/// RFC 5321, 4.5.1.
const POSTMASTER: &str = "postmaster";

/// What stands under a name.
enum Found {
    Account {
        id: i64,
        address: AccountAddress,
        quota: Option<Bytes>,
    },
    Alias {
        id: i64,
    },
    /// No account yet: it comes with the first login.
    AtOldServer {
        address: AccountAddress,
    },
    Nothing,
}

/// One recipient on the way through its aliases.
struct Walk<'a> {
    db: &'a Connection,
    /// For the log: which recipient's aliases need mending.
    to: &'a ForwardPath,
    hostname: &'a Domain,
    mailboxes: Vec<Mailbox>,
    /// Accounts (`true`) and aliases that were met: a circle ends, and a mailbox is found once.
    seen: HashSet<(bool, i64)>,
    /// An old server was met that may know the address.
    maybe: bool,
}

impl Walk<'_> {
    /// The refusals are decided here, at the address that was asked for; a target further on that
    /// is foreign or unknown is passed over, as long as another one leads somewhere.
    fn start(&mut self, address: &Address) -> Result<Result<(), Unresolved>, Error> {
        let Some(domain) = address.domain() else {
            return Ok(Err(Unresolved::ForeignDomain)); // An address literal names no domain of ours.
        };
        if !self.is_local(domain)? {
            return Ok(Err(Unresolved::ForeignDomain));
        }
        match AccountAddress::of(address) {
            Some(account) => {
                self.follow(&account, 0)?;
                if is_postmaster(&account) {
                    self.oldest_if_nobody()?;
                }
            }
            // `user%other@ours` and the like are routes of old: whoever takes them, if only into a
            // catch-all, is taken for an open relay by those who test for one.
            None if address.local_part().contains(['@', '%', '!']) => {}
            // No account can be called so, and "everything else" is what a catch-all is for.
            None => {
                let catch_all = self.catch_all(domain)?;
                self.take(catch_all, 0)?;
            }
        }
        Ok(Ok(()))
    }

    fn follow(&mut self, address: &AccountAddress, depth: usize) -> Result<(), Error> {
        let found = self.find(address)?;
        self.take(found, depth)
    }

    /// Notes a mailbox, or goes on to an alias' targets in the order they were given.
    fn take(&mut self, found: Found, depth: usize) -> Result<(), Error> {
        // Before any step further down: the way back up is on the stack.
        let found_so_far = self.seen.len().max(self.mailboxes.len());
        if depth > limits::ALIAS_DEPTH_MAX || found_so_far > limits::ALIAS_EXPANSION_MAX {
            return Err(Error::Temporary(format!(
                "aliases of {} lead too far, or to too many mailboxes",
                self.to
            )));
        }
        match found {
            Found::Account { id, address, quota } => {
                if self.seen.insert((true, id)) {
                    self.mailboxes.push(Mailbox { address, quota });
                }
            }
            Found::Alias { id } => {
                if self.seen.insert((false, id)) {
                    for target in self.targets(id)? {
                        self.follow(&target, depth + 1)?;
                    }
                }
            }
            Found::AtOldServer { address } => {
                let mailbox = Mailbox { address, quota: None };
                if !self.mailboxes.contains(&mailbox) {
                    self.mailboxes.push(mailbox);
                }
            }
            Found::Nothing => {}
        }
        Ok(())
    }

    /// The table at the head of this file, from top to bottom.
    fn find(&mut self, address: &AccountAddress) -> Result<Found, Error> {
        let forms: Vec<_> = [Some(address.clone()), address.in_other_form()].into_iter().flatten().collect();
        for name in forms.iter().flat_map(|form| [Some(form.clone()), form.without_detail()]).flatten() {
            let account = self.account(&name)?;
            if !matches!(account, Found::Nothing) {
                return Ok(account);
            }
            let alias = self.alias(name.local_part(), name.domain())?;
            if !matches!(alias, Found::Nothing) {
                return Ok(alias);
            }
        }
        // Before the catch-all, which is no alias of that name: a postmaster is somebody who answers.
        if is_postmaster(address) && self.is_local(address.domain())? {
            let oldest = self.oldest()?;
            // Before the first account has come from an old server there is nobody: it may know one itself.
            if !matches!(oldest, Found::Nothing) {
                return Ok(oldest);
            }
        }
        let catch_all = self.catch_all(address.domain())?;
        if !matches!(catch_all, Found::Nothing) {
            return Ok(catch_all);
        }
        for form in &forms {
            let found = self.at_old_server(form)?;
            if !matches!(found, Found::Nothing) {
                return Ok(found);
            }
        }
        Ok(Found::Nothing)
    }

    /// POP3 tells nobody without a password whether there is such a user. So an address with an old server
    /// of its own is one that the administrator vouches for; of the others in a domain with one, nobody can
    /// say more than "not yet", unless all are taken.
    fn at_old_server(&mut self, address: &AccountAddress) -> Result<Found, Error> {
        let base = address.without_detail();
        for name in [Some(address), base.as_ref()].into_iter().flatten() {
            let Some(upstream) = upstream_behind(self.db, name)? else { continue };
            if matches!(upstream.scope, Scope::Address(_)) || upstream.accept_unknown {
                let address = base.as_ref().unwrap_or(address).clone();
                return Ok(Found::AtOldServer { address });
            }
            self.maybe = true;
        }
        Ok(Found::Nothing)
    }

    /// Also where an alias called postmaster leads to nobody: RFC 5321, 4.5.1 leaves no choice.
    fn oldest_if_nobody(&mut self) -> Result<(), Error> {
        if self.mailboxes.is_empty() {
            let oldest = self.oldest()?;
            self.take(oldest, 0)?;
        }
        Ok(())
    }

    /// RFC 5321, 4.5.1 makes the host's own name local, though no account may be there.
    fn is_local(&self, domain: &Domain) -> Result<bool, Error> {
        let is_used = |domain: &Domain| {
            self.db.prepare_cached(IS_LOCAL)?.query_row((domain.as_str(),), |row| row.get::<_, bool>(0))
        };
        let is_one = |domain: &Domain| Ok::<_, Error>(domain == self.hostname || is_used(domain)?);
        Ok(is_one(domain)? || domain.other_form().map_or(Ok(false), |other| is_one(&other))?)
    }

    /// Whatever has no name of its own in a domain.
    fn catch_all(&self, domain: &Domain) -> Result<Found, Error> {
        let found = self.alias("", domain)?;
        match (found, domain.other_form()) {
            (Found::Nothing, Some(other)) => self.alias("", &other),
            (found, _) => Ok(found),
        }
    }

    fn account(&self, name: &AccountAddress) -> Result<Found, Error> {
        let mut query = self.db.prepare_cached(ACCOUNT)?;
        let row = query
            .query_row((name.local_part(), name.domain().as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(row.map_or(Found::Nothing, |(id, quota)| Found::Account {
            id,
            address: name.clone(),
            quota: quota_read(quota),
        }))
    }

    /// `local_part` is empty for the catch-all.
    fn alias(&self, local_part: &str, domain: &Domain) -> Result<Found, Error> {
        let mut query = self.db.prepare_cached(ALIAS)?;
        let id = query.query_row((local_part, domain.as_str()), |row| row.get(0)).optional()?;
        Ok(id.map_or(Found::Nothing, |id| Found::Alias { id }))
    }

    fn targets(&self, alias: i64) -> Result<Vec<AccountAddress>, Error> {
        let mut query = self.db.prepare_cached(TARGETS)?;
        let mut rows = query.query((alias,))?;
        let mut targets = Vec::new();
        while let Some(row) = rows.next()? {
            let (local_part, domain): (String, String) = (row.get(0)?, row.get(1)?);
            targets.push(address_of(&local_part, &domain)?);
        }
        Ok(targets)
    }

    /// Reads one row at the end of the table's own order: ids only grow.
    fn oldest(&self) -> Result<Found, Error> {
        let mut query = self.db.prepare_cached(OLDEST)?;
        let mut rows = query.query(())?;
        let Some(row) = rows.next()? else {
            return Ok(Found::Nothing);
        };
        let (local_part, domain): (String, String) = (row.get(1)?, row.get(2)?);
        let address = address_of(&local_part, &domain)?;
        Ok(Found::Account { id: row.get(0)?, address, quota: quota_read(row.get(3)?) })
    }
}

/// `postmaster+anything` is written to postmaster.
fn is_postmaster(address: &AccountAddress) -> bool {
    let base = address.without_detail();
    base.as_ref().unwrap_or(address).local_part() == POSTMASTER
}

#[cfg(test)]
mod tests;
