//! Addresses that mail was taken for though they have no account yet: it waits in their Maildirs for the first login.
//!
//! The folders are looked at and nothing else: no message, and no session.

use super::super::account::usage_of;
use super::table;
use crate::accounts::upstream::{Move, Progress, Scope, Upstream};
use crate::accounts::{Accounts, AliasName, Error};
use crate::config::Settings;
use crate::mail::{AccountAddress, Domain};
use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

/// Those behind old servers that nobody has yet, with as many messages as wait. What cannot be looked at is told on
/// standard error and passed over: one folder in the way hides no other.
///
/// # Errors
/// See [`Error`].
pub(super) fn addresses(
    settings: &Settings,
    accounts: &Accounts,
    upstreams: &[Upstream],
) -> Result<Vec<Move>, Error> {
    let mail = settings.mail();
    let taken = taken(accounts)?;
    // An international domain is one domain in both its forms.
    let is_taken = |address: &AccountAddress| {
        taken.contains(address) || address.in_other_form().is_some_and(|other| taken.contains(&other))
    };
    let mut candidates = Vec::new();
    for upstream in upstreams {
        match &upstream.scope {
            Scope::Address(address) => candidates.push(address.clone()),
            Scope::Domain(domain) => candidates.extend(of_domain(&mail, domain)),
        }
    }
    candidates.sort();
    candidates.dedup();
    let mut found = Vec::new();
    for address in candidates.into_iter().filter(|address| !is_taken(address)) {
        let messages = usage_of(settings, &address).map_or(0, |usage| usage.messages);
        if messages > 0 {
            let path = mail.join(address.domain().as_str()).join(address.local_part());
            let why = Some(format!("its mail waits in {} for the first login", path.display()));
            let (progress, messages) = (Progress::Waiting, messages as u64);
            found.push(Move { address, enabled: true, progress, why, messages, since: None });
        }
    }
    Ok(found)
}

/// Accounts, and aliases: whom nobody can log in as is not waited for.
fn taken(accounts: &Accounts) -> Result<HashSet<AccountAddress>, Error> {
    let aliases = accounts.aliases()?.into_iter().filter_map(|alias| match alias.name {
        AliasName::Address(address) => Some(address),
        AliasName::CatchAll(_) => None,
    });
    Ok(accounts.list()?.into_iter().map(|account| account.address).chain(aliases).collect())
}

/// The folders of a domain; none if nothing was ever delivered there.
fn of_domain(mail: &Path, domain: &Domain) -> Vec<AccountAddress> {
    let path = mail.join(domain.as_str());
    let passed_over = |error: &io::Error| {
        if error.kind() != io::ErrorKind::NotFound {
            table::warn(&format!("{} cannot be looked at: {error}", path.display()));
        }
    };
    let Ok(entries) = fs::read_dir(&path).inspect_err(passed_over) else { return Vec::new() };
    // A fault in the middle may be there for ever.
    let entries = entries.map_while(|entry| entry.inspect_err(passed_over).ok());
    entries.filter_map(|entry| owner_of(&entry, domain)).collect()
}

/// Mail is delivered into folders alone: not into a file that lies beside them, nor through a link.
fn owner_of(entry: &fs::DirEntry, domain: &Domain) -> Option<AccountAddress> {
    entry.file_type().ok().filter(fs::FileType::is_dir)?;
    let name = entry.file_name();
    let address = AccountAddress::new(name.to_str()?, domain.clone())?;
    // A folder that is called otherwise is nobody's.
    (address.local_part() == name).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_are_mailboxes() {
        let mail = tempfile::tempdir().unwrap();
        let domain = Domain::parse("a.org").unwrap();
        assert_eq!(of_domain(mail.path(), &domain), []);
        let folder = mail.path().join("a.org");
        fs::create_dir_all(folder.join("anna/new")).unwrap();
        fs::create_dir(folder.join("Bert")).unwrap();
        fs::write(folder.join("notes.txt"), "call bert").unwrap();
        std::os::unix::fs::symlink(folder.join("anna"), folder.join("link")).unwrap();
        assert_eq!(of_domain(mail.path(), &domain), [AccountAddress::parse("anna@a.org").unwrap()]);
    }
}
