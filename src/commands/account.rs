//! `restante account …`: makes, changes, lists and removes accounts. A running `serve` sees each
//! change at its next look-up.

use super::database::{address, existing, json, nothing_in, open, refused, storage};
use super::prompt::new_password;
use super::table::{self, Align, Column};
use crate::accounts::{Account, Accounts, ChangeError};
use crate::config::{Settings, units};
use crate::finding::Finding;
use crate::import::words::{counted, of_number};
use crate::mail::{AccountAddress, Bytes, date};
use crate::maildrop::disk::OsDisk;
use crate::maildrop::tree::Tree;
use crate::maildrop::{self, Usage, moving};
use serde::Serialize;
use std::io;

/// `account add ADDRESS`
///
/// # Errors
/// A finding for a bad address, one that is taken, an empty password, or a database fault.
pub fn add(settings: &Settings, name: &str, password_stdin: bool) -> Result<(), Finding> {
    let account = address(name)?;
    let accounts = open(settings)?;
    // Asked before the password is: nobody likes to type one twice for nothing.
    accounts.is_vacant(&account).map_err(|error| not_added(settings, &account, &error))?;
    let password = new_password(password_stdin)?;
    // Counted before mail comes for the new one.
    let earlier = usage_of(settings, &account).map_or(0, |usage| usage.messages);
    accounts.add(&account, &password).map_err(|error| not_added(settings, &account, &error))?;
    if earlier > 0 {
        table::warn(&of_an_earlier(&account, earlier));
    }
    table::print(&format!("added {account}"))
}

/// `account passwd ADDRESS`
///
/// # Errors
/// A finding for an address that is no account, an empty password, or a database fault.
pub fn passwd(settings: &Settings, name: &str, password_stdin: bool) -> Result<(), Finding> {
    let account = address(name)?;
    let accounts = open(settings)?;
    if !accounts.exists(&account).map_err(|error| storage(settings, &error))? {
        return Err(refused(settings, &account, &ChangeError::NoSuchAccount));
    }
    let password = new_password(password_stdin)?;
    accounts.set_password(&account, &password).map_err(|error| refused(settings, &account, &error))?;
    table::print(&format!("password of {account} changed"))
}

/// `account disable ADDRESS`
///
/// # Errors
/// A finding for an address that is no account, or a database fault.
pub fn disable(settings: &Settings, name: &str) -> Result<(), Finding> {
    change(settings, name, |accounts, account| accounts.set_enabled(account, false)).and_then(|account| {
        table::print(&format!("disabled {account}: mail is accepted, logins are refused"))
    })
}

/// `account enable ADDRESS`
///
/// # Errors
/// As [`disable`].
pub fn enable(settings: &Settings, name: &str) -> Result<(), Finding> {
    change(settings, name, |accounts, account| accounts.set_enabled(account, true))
        .and_then(|account| table::print(&format!("enabled {account}")))
}

/// `account release ADDRESS`
///
/// # Errors
/// As [`disable`].
pub fn release(settings: &Settings, name: &str) -> Result<(), Finding> {
    let account = change(settings, name, Accounts::release)?;
    let tree = Tree::new(OsDisk, settings.mail());
    let released = match tree.existing(&account) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        root => root.and_then(|root| moving::release(&OsDisk, &root)),
    };
    released.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Finding {
            what: format!("an import of {account} is running, and nobody can log in before its end"),
            remedy: "wait for it, or stop it and run this command again".to_owned(),
        },
        _ => Finding {
            what: format!("the mailbox of {account} cannot be opened to logins: {error}"),
            remedy: "run this command as a user that may write there".to_owned(),
        },
    })?;
    table::print(&format!("released {account}: logins are taken"))
}

/// `account quota ADDRESS SIZE`
///
/// # Errors
/// As [`disable`], and for a size that is none.
pub fn quota(settings: &Settings, name: &str, size: &str) -> Result<(), Finding> {
    let bytes = units::size(size).map_err(|why| {
        let (what, remedy) = why.split_once(": ").unwrap_or((&why, "write it like \"50 MiB\""));
        Finding { what: what.to_owned(), remedy: format!("{remedy}; 0 is unlimited") }
    })?;
    let quota = (bytes > 0).then_some(Bytes(bytes));
    let account = change(settings, name, |accounts, account| accounts.set_quota(account, quota))?;
    table::print(&format!("quota of {account}: {}", quota_shown(quota)))
}

/// `account remove ADDRESS`; the mail goes with it only when `purge` is set.
///
/// # Errors
/// As [`disable`], and when the mail could not be removed: the account is gone then all the same.
pub fn remove(settings: &Settings, name: &str, purge: bool) -> Result<(), Finding> {
    // In this order: mail that is left over can be removed later, an account without its mail
    // would go on taking more.
    let account = change(settings, name, Accounts::remove)?;
    warn_of_aliases(settings, &account);
    if !purge {
        return table::print(&format!("removed {account}; its mail stays in {}", settings.mail().display()));
    }
    maildrop::purge(&settings.mail(), &account).map_err(|error| Finding {
        what: format!("{account} is removed, but its mail could not be: {error}"),
        remedy: format!("remove its folder under {}", settings.mail().display()),
    })?;
    table::print(&format!("removed {account} and its mail"))
}

/// `account list [--json]`
///
/// # Errors
/// A finding for a database fault. A Maildir that cannot be counted is warned of and listed.
pub fn list(settings: &Settings, as_json: bool) -> Result<(), Finding> {
    let mut accounts = match existing(settings)? {
        Some(accounts) => accounts.list().map_err(|error| storage(settings, &error))?,
        None => Vec::new(),
    };
    let tree = Tree::new(OsDisk, settings.mail());
    for account in &mut accounts {
        // Its owner is told the same words, whatever the reason.
        let puts_off =
            tree.existing(&account.address).and_then(|root| moving::puts_logins_off(&OsDisk, &root));
        account.held |= puts_off.unwrap_or(false);
    }
    let counted: Vec<_> =
        accounts.iter().map(|account| (account, usage_of(settings, &account.address))).collect();
    if as_json {
        return table::print(&listed_json(&counted)?);
    }
    if counted.is_empty() {
        let place = nothing_in(settings);
        return table::print(&format!("no account {place}; make one with `restante account add ADDRESS`"));
    }
    table::print(&listed(&counted))
}

fn change(
    settings: &Settings,
    name: &str,
    make: impl FnOnce(&Accounts, &AccountAddress) -> Result<(), ChangeError>,
) -> Result<AccountAddress, Finding> {
    let account = address(name)?;
    make(&open(settings)?, &account).map_err(|error| refused(settings, &account, &error))?;
    Ok(account)
}

fn not_added(settings: &Settings, account: &AccountAddress, error: &ChangeError) -> Finding {
    let mut finding = refused(settings, account, error);
    if matches!(error, ChangeError::Exists) {
        finding.remedy = format!("set a new password with `restante account passwd {account}`");
    }
    finding
}

/// Removing an account leaves its mail, and whoever gets the address next would read it.
fn of_an_earlier(account: &AccountAddress, messages: usize) -> String {
    let (are, they_are, them) = of_number(messages, ("is", "it is", "it"), ("are", "they are", "them"));
    format!(
        "{} of an earlier account of that name {are} in its mailbox: if {they_are} another person's, take \
         {them} away with \"restante account remove --purge {account}\" and add it again",
        counted(messages, "message")
    )
}

/// An alias that leads to nobody refuses mail, and nobody would think of it later.
fn warn_of_aliases(settings: &Settings, removed: &AccountAddress) {
    let aliases = open(settings).ok().and_then(|accounts| accounts.aliases().ok()).unwrap_or_default();
    for alias in aliases.iter().filter(|alias| alias.targets.contains(removed)) {
        table::warn(&format!("alias {} leads to {removed}, which is no account any more", alias.name));
    }
}

/// `None`, and a warning, where it cannot be counted.
pub(super) fn usage_of(settings: &Settings, account: &AccountAddress) -> Option<Usage> {
    maildrop::usage(&settings.mail(), account)
        .inspect_err(|error| table::warn(&format!("the mail of {account} cannot be counted: {error}")))
        .ok()
}

fn enabled_shown(account: &Account) -> &'static str {
    match (account.enabled, account.held) {
        (false, _) => "no",
        (true, true) => "held",
        (true, false) => "yes",
    }
}

fn quota_shown(quota: Option<Bytes>) -> String {
    quota.map_or_else(|| "unlimited".to_owned(), |bytes| table::size(bytes.0))
}

/// What stands for a number that is not known.
const UNKNOWN: &str = "?";

fn listed(accounts: &[(&Account, Option<Usage>)]) -> String {
    let columns = [
        Column("ADDRESS", Align::Left),
        Column("ENABLED", Align::Left),
        Column("MESSAGES", Align::Right),
        Column("BYTES", Align::Right),
        Column("QUOTA", Align::Right),
        Column("LAST LOGIN", Align::Left),
    ];
    let row = |(account, usage): &(&Account, Option<Usage>)| {
        vec![
            account.address.to_string(),
            enabled_shown(account).to_owned(),
            usage.map_or_else(|| UNKNOWN.to_owned(), |usage| usage.messages.to_string()),
            usage.map_or_else(|| UNKNOWN.to_owned(), |usage| table::size(usage.bytes.0)),
            quota_shown(account.quota),
            account.last_login.map_or_else(|| "never".to_owned(), date::rfc3339),
        ]
    };
    table::render(&columns, &accounts.iter().map(row).collect::<Vec<_>>())
}

/// One object of `account list --json`; the names and forms are a promise to scripts.
#[derive(Serialize)]
struct Row {
    address: String,
    enabled: bool,
    /// Whether logins are put off until the mail of an old server is here.
    held: bool,
    /// `null` when the Maildir could not be counted, as is `bytes`.
    messages: Option<usize>,
    bytes: Option<u64>,
    /// `0` is unlimited, as in `account quota`.
    quota: u64,
    /// RFC 3339; `null` before the first.
    last_login: Option<String>,
    credential: String,
}

fn listed_json(accounts: &[(&Account, Option<Usage>)]) -> Result<String, Finding> {
    let row = |(account, usage): &(&Account, Option<Usage>)| Row {
        address: account.address.to_string(),
        enabled: account.enabled,
        held: account.held,
        messages: usage.map(|usage| usage.messages),
        bytes: usage.map(|usage| usage.bytes.0),
        quota: account.quota.map_or(0, |bytes| bytes.0),
        last_login: account.last_login.map(date::rfc3339),
        credential: account.credential.clone(),
    };
    json(&accounts.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
