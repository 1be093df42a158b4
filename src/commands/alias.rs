//! `restante alias …`: makes, lists and removes aliases. `@example.org` is the catch-all there.

use super::database::{address, existing, json, nothing_in, open, refused, storage};
use super::table::{self, Align, Column};
use crate::accounts::{Accounts, Alias, AliasName, ChangeError};
use crate::config::Settings;
use crate::finding::Finding;
use crate::mail::{AccountAddress, Address, Domain, ForwardPath};
use serde::Serialize;

/// `alias add ADDRESS TARGET...`
///
/// # Errors
/// A finding for a bad address, a name that is taken, no target, or a database fault.
pub fn add(settings: &Settings, alias: &str, targets: &[String]) -> Result<(), Finding> {
    let name = alias_name(alias)?;
    let targets = targets.iter().map(|target| address(target)).collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Err(Finding {
            what: format!("alias {name} leads nowhere"),
            remedy: "name at least one account after it".to_owned(),
        });
    }
    let accounts = open(settings)?;
    accounts.add_alias(&name, &targets).map_err(|error| not_added(settings, &name, &error))?;
    for target in &targets {
        warn_if_nobody(settings, &accounts, target);
    }
    table::print(&format!("added {name} for {}", joined(&targets)))
}

/// `alias remove ADDRESS`
///
/// # Errors
/// A finding for a name that is no alias, or a database fault.
pub fn remove(settings: &Settings, alias: &str) -> Result<(), Finding> {
    let name = alias_name(alias)?;
    open(settings)?.remove_alias(&name).map_err(|error| refused(settings, &name, &error))?;
    table::print(&format!("removed {name}"))
}

/// `alias list [--json]`
///
/// # Errors
/// A finding for a database fault.
pub fn list(settings: &Settings, as_json: bool) -> Result<(), Finding> {
    let aliases = match existing(settings)? {
        Some(accounts) => accounts.aliases().map_err(|error| storage(settings, &error))?,
        None => Vec::new(),
    };
    if as_json {
        return table::print(&listed_json(&aliases)?);
    }
    if aliases.is_empty() {
        let place = nothing_in(settings);
        return table::print(&format!("no alias {place}; make one with `restante alias add ADDRESS TARGET`"));
    }
    table::print(&listed(&aliases))
}

fn alias_name(text: &str) -> Result<AliasName, Finding> {
    let Some(domain) = text.trim().strip_prefix('@') else {
        return address(text).map(AliasName::Address);
    };
    Domain::parse(domain).map(AliasName::CatchAll).map_err(|_| Finding {
        what: format!("{text:?}: what follows the @ is not a domain"),
        remedy: "write a catch-all like @example.org".to_owned(),
    })
}

fn not_added(settings: &Settings, name: &AliasName, error: &ChangeError) -> Finding {
    let mut finding = refused(settings, name, error);
    if matches!(error, ChangeError::Exists) {
        finding.remedy = format!("remove it first with `restante alias remove {name}`");
    }
    finding
}

/// The target may be made later, so this is no error; but a typing mistake is seen at once.
fn warn_if_nobody(settings: &Settings, accounts: &Accounts, target: &AccountAddress) {
    let Ok(path) = Address::parse(&target.to_string()).map(ForwardPath::Address) else {
        return;
    };
    if let Ok(Err(_)) = accounts.resolve(&path, &settings.hostname) {
        table::warn(&format!("{target} leads to no account here yet, and gets no mail until it does"));
    }
}

fn joined(targets: &[AccountAddress]) -> String {
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn listed(aliases: &[Alias]) -> String {
    let columns = [Column("ALIAS", Align::Left), Column("TARGETS", Align::Left)];
    let row = |alias: &Alias| vec![alias.name.to_string(), joined(&alias.targets)];
    table::render(&columns, &aliases.iter().map(row).collect::<Vec<_>>())
}

/// One object of `alias list --json`; the names and forms are a promise to scripts.
#[derive(Serialize)]
struct Row {
    /// `info@example.org`, or `@example.org` for a catch-all.
    address: String,
    targets: Vec<String>,
}

fn listed_json(aliases: &[Alias]) -> Result<String, Finding> {
    let row = |alias: &Alias| Row {
        address: alias.name.to_string(),
        targets: alias.targets.iter().map(ToString::to_string).collect(),
    };
    json(&aliases.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
