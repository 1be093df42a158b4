//! Addresses that mail was taken for though they have no account yet: it waits in their Maildirs for the first login.
//!
//! The folders are looked at and nothing else: no message, and no session.

use crate::accounts::upstream::{Move, Progress, Scope, Upstream};
use crate::config::Settings;
use crate::finding::Finding;
use crate::mail::{AccountAddress, Domain};
use crate::maildrop;
use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

/// Those behind old servers that are none of `moves`, with as many messages as wait.
///
/// # Errors
/// A finding for a folder that cannot be looked at.
pub(super) fn addresses(
    settings: &Settings,
    upstreams: &[Upstream],
    moves: &[Move],
) -> Result<Vec<Move>, Finding> {
    let mail = settings.mail();
    let known: HashSet<&AccountAddress> = moves.iter().map(|account| &account.address).collect();
    let mut candidates = Vec::new();
    for upstream in upstreams {
        match &upstream.scope {
            Scope::Address(address) => candidates.push(address.clone()),
            Scope::Domain(domain) => candidates.extend(of_domain(&mail, domain)?),
        }
    }
    candidates.sort();
    candidates.dedup();
    let mut found = Vec::new();
    for address in candidates.into_iter().filter(|address| !known.contains(address)) {
        let path = mail.join(address.domain().as_str()).join(address.local_part());
        let messages = maildrop::usage(&mail, &address).map_err(|error| unreadable(&path, &error))?.messages;
        if messages > 0 {
            let why = Some(format!("its mail waits in {} for the first login", path.display()));
            let (progress, messages) = (Progress::Waiting, messages as u64);
            found.push(Move { address, enabled: true, progress, why, messages, since: None });
        }
    }
    Ok(found)
}

/// The folders of a domain; none if nothing was ever delivered there.
fn of_domain(mail: &Path, domain: &Domain) -> Result<Vec<AccountAddress>, Finding> {
    let path = mail.join(domain.as_str());
    let fault = |error: io::Error| unreadable(&path, &error);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fault)?,
    };
    let mut addresses = Vec::new();
    for entry in entries {
        let name = entry.map_err(fault)?.file_name();
        let address = name.to_str().and_then(|name| AccountAddress::new(name, domain.clone()));
        // A folder that is called otherwise is nobody's.
        addresses.extend(address.filter(|address| address.local_part() == name));
    }
    Ok(addresses)
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding {
        what: format!("{}: {error}", path.display()),
        remedy: "run this as the user that restante runs as, or as root".to_owned(),
    }
}
