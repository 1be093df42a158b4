//! The account database as a command meets it: opening it, and saying what went wrong.

use crate::accounts::Accounts;
use crate::accounts::ChangeError;
use crate::config::Settings;
use crate::finding::Finding;
use crate::mail::AccountAddress;
pub use crate::serve::shared::{accounts_finding as storage, open_accounts as open};
use std::fmt::Display;

/// The database, if there is one: for whoever only looks. `None` where nothing was ever made; it stays so.
///
/// # Errors
/// As [`open`].
pub fn existing(settings: &Settings) -> Result<Option<Accounts>, Finding> {
    match settings.database().try_exists() {
        Ok(false) => Ok(None),
        // Opening it says what is wrong where that cannot be known.
        _ => open(settings).map(Some),
    }
}

/// Where nothing was found: `in ./restante-data/accounts.sqlite (no configuration file was found)`. Who has
/// forgotten --config sees that this is another folder than the server's.
pub fn nothing_in(settings: &Settings) -> String {
    let unconfigured = if settings.file.is_none() { " (no configuration file was found)" } else { "" };
    format!("in {}{unconfigured}", settings.database().display())
}

/// A change that was not made, to the account or alias `name`.
pub fn refused(settings: &Settings, name: &impl Display, error: &ChangeError) -> Finding {
    let (what, remedy) = match error {
        ChangeError::Exists => {
            ("exists already", "see `restante account list` and `restante alias list`".to_owned())
        }
        ChangeError::NoSuchAccount => ("is not an account", "see `restante account list`".to_owned()),
        ChangeError::NoSuchAlias => ("is not an alias", "see `restante alias list`".to_owned()),
        ChangeError::NoSuchUpstream => ("has no old server", "see `restante upstream list`".to_owned()),
        ChangeError::TakenByAlias => {
            ("is an alias", format!("take another name, or remove it with `restante alias remove {name}`"))
        }
        ChangeError::TakenByAccount => (
            "is an account",
            format!("take another name, or remove it with `restante account remove {name}`"),
        ),
        ChangeError::Storage(error) => return storage(settings, error),
    };
    Finding { what: format!("{name} {what}"), remedy }
}

/// An account's address as an administrator typed it.
///
/// # Errors
/// A finding that says what is wrong with it.
pub fn address(text: &str) -> Result<AccountAddress, Finding> {
    AccountAddress::parse(text).map_err(|error| Finding {
        what: format!("{text:?}: {error}"),
        remedy: "write it like anna@example.org".to_owned(),
    })
}

/// JSON with a line end, indented: read by scripts, and by people who debug them.
pub fn json(rows: &impl serde::Serialize) -> Result<String, Finding> {
    serde_json::to_string_pretty(rows).map_err(|error| Finding {
        what: format!("the list could not be written as JSON: {error}"),
        remedy: "leave --json out".to_owned(),
    })
}
