//! `restante ban …`: lists and lifts the bans of addresses that guessed at passwords.

use super::database::{existing, json, nothing_in, open, storage};
use super::table::{self, Align, Column};
use crate::accounts::Ban;
use crate::config::Settings;
use crate::finding::Finding;
use crate::mail::date;
use serde::Serialize;
use std::net::IpAddr;
use std::time::SystemTime;

/// `ban list [--json]`: those that hold now.
///
/// # Errors
/// A finding for a database fault.
pub fn list(settings: &Settings, as_json: bool) -> Result<(), Finding> {
    let bans = match existing(settings)? {
        Some(accounts) => accounts.bans(SystemTime::now()).map_err(|error| storage(settings, &error))?,
        None => Vec::new(),
    };
    if as_json {
        return table::print(&json(&bans.iter().map(row).collect::<Vec<_>>())?);
    }
    if bans.is_empty() {
        return table::print(&format!("no address is banned {}", nothing_in(settings)));
    }
    table::print(&listed(&bans))
}

/// `ban remove ADDRESS`
///
/// # Errors
/// A finding for what is no IP address or not banned, or a database fault.
pub fn remove(settings: &Settings, address: &str) -> Result<(), Finding> {
    let address: IpAddr = address.trim().parse().map_err(|_| Finding {
        what: format!("{address:?} is not an IP address"),
        remedy: "write it as `restante ban list` shows it".to_owned(),
    })?;
    if open(settings)?.lift_ban(address).map_err(|error| storage(settings, &error))? {
        return table::print(&format!("removed the ban of {address}"));
    }
    Err(Finding { what: format!("{address} is not banned"), remedy: "see `restante ban list`".to_owned() })
}

fn listed(bans: &[Ban]) -> String {
    let columns = [Column("ADDRESS", Align::Left), Column("UNTIL", Align::Left)];
    let row = |ban: &Ban| vec![ban.address.to_string(), date::rfc3339(ban.until)];
    table::render(&columns, &bans.iter().map(row).collect::<Vec<_>>())
}

/// One object of `ban list --json`.
#[derive(Serialize)]
struct Row {
    address: String,
    /// RFC 3339.
    until: String,
}

fn row(ban: &Ban) -> Row {
    Row { address: ban.address.to_string(), until: date::rfc3339(ban.until) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::place;
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_ban_is_removed_once_and_by_the_same_name_however_written() {
        let (_folder, settings) = place();
        let until = SystemTime::now() + Duration::from_secs(3600);
        let address = "2001:db8::".parse().unwrap();
        open(&settings).unwrap().ban(&Ban { address, until }).unwrap();
        remove(&settings, "2001:DB8:0::").unwrap();
        assert_eq!(remove(&settings, "2001:db8::").unwrap_err().what, "2001:db8:: is not banned");
        assert!(remove(&settings, "example.org").unwrap_err().what.contains("not an IP address"));
    }

    #[test]
    fn the_list_shows_whom_and_until_when() {
        let ban =
            Ban { address: [192, 0, 2, 9].into(), until: UNIX_EPOCH + Duration::from_secs(951_782_400) };
        assert_eq!(listed(std::slice::from_ref(&ban)), "ADDRESS    UNTIL\n192.0.2.9  2000-02-29T00:00:00Z\n");
        let value = serde_json::to_value([row(&ban)]).unwrap();
        assert_eq!(value, serde_json::json!([{"address": "192.0.2.9", "until": "2000-02-29T00:00:00Z"}]));
    }

    #[test]
    fn an_empty_list_is_no_error() {
        let (_folder, settings) = place();
        list(&settings, false).unwrap();
        list(&settings, true).unwrap();
    }
}
