//! How old servers, and the accounts that move away from them, are shown.

use crate::accounts::upstream::{Move, Progress, Upstream};
use crate::commands::database::json;
use crate::commands::table::{self, Align, Column};
use crate::finding::Finding;
use crate::import::words::counted;
use crate::mail::date;
use serde::Serialize;

/// Two tables, and between them how many accounts are how far.
pub(super) fn as_text(upstreams: &[Upstream], moves: &[Move]) -> String {
    let columns = [
        Column("DOMAIN", Align::Left),
        Column("OLD SERVER", Align::Left),
        Column("TLS", Align::Left),
        Column("USER", Align::Left),
        Column("MAIL FOR UNKNOWN", Align::Left),
    ];
    let row = |upstream: &Upstream| {
        vec![
            upstream.scope.to_string(),
            upstream.server(),
            upstream.security.as_str().to_owned(),
            upstream.user.as_str().to_owned(),
            if upstream.accept_unknown { "accepted" } else { "put off" }.to_owned(),
        ]
    };
    let servers = table::render(&columns, &upstreams.iter().map(row).collect::<Vec<_>>());
    format!("{servers}\n{}\n{}", summary(moves), accounts(moves))
}

const ALL: [Progress; 5] =
    [Progress::Waiting, Progress::Relayed, Progress::Moving, Progress::Moved, Progress::Failing];

/// Who is looked for first has the least: what fails, what is on its way, who has not come yet.
pub(super) fn urgency(progress: Progress) -> u8 {
    match progress {
        Progress::Failing => 0,
        Progress::Moving => 1,
        Progress::Relayed => 2,
        Progress::Waiting => 3,
        Progress::Moved => 4,
    }
}

/// `3 accounts: 1 waiting, 2 moved`
fn summary(moves: &[Move]) -> String {
    let count = |progress| moves.iter().filter(|account| account.progress == progress).count();
    let words: Vec<String> = ALL
        .map(|progress| (count(progress), progress.as_str()))
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match words.is_empty() {
        true => "nobody has logged in yet\n".to_owned(),
        false => format!("{}: {}\n", counted(moves.len(), "account"), words.join(", ")),
    }
}

fn accounts(moves: &[Move]) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let columns = [
        Column("ADDRESS", Align::Left),
        Column("STATE", Align::Left),
        Column("MESSAGES", Align::Right),
        Column("SINCE", Align::Left),
        Column("WHY", Align::Left),
    ];
    let row = |account: &Move| {
        vec![
            account.address.to_string(),
            account.progress.as_str().to_owned(),
            account.messages.to_string(),
            account.since.map_or_else(String::new, date::rfc3339),
            account.why.clone().unwrap_or_default(),
        ]
    };
    table::render(&columns, &moves.iter().map(row).collect::<Vec<_>>())
}

/// The names and forms are a promise to scripts.
#[derive(Serialize)]
struct Shown<'a> {
    upstreams: Vec<Server<'a>>,
    accounts: Vec<Account<'a>>,
}

#[derive(Serialize)]
struct Server<'a> {
    /// Or an address.
    domain: String,
    host: &'a str,
    /// `null` when none was given.
    port: Option<u16>,
    tls: &'a str,
    user: &'a str,
    accept_unknown: bool,
}

#[derive(Serialize)]
struct Account<'a> {
    address: String,
    state: &'a str,
    /// `null` when nothing is in the way.
    why: Option<&'a str>,
    /// That have come over.
    messages: u64,
    /// RFC 3339; `null` while it waits.
    since: Option<String>,
}

pub(super) fn as_json(upstreams: &[Upstream], moves: &[Move]) -> Result<String, Finding> {
    let server = |upstream| {
        let Upstream { scope, host, port, security, user, accept_unknown, .. }: &Upstream = upstream;
        let (domain, tls, user) = (scope.to_string(), security.as_str(), user.as_str());
        Server { domain, host, port: *port, tls, user, accept_unknown: *accept_unknown }
    };
    let account = |account| {
        let Move { address, progress, why, messages, since, .. }: &Move = account;
        let (state, since) = (progress.as_str(), since.map(date::rfc3339));
        Account { address: address.to_string(), state, why: why.as_deref(), messages: *messages, since }
    };
    json(&Shown {
        upstreams: upstreams.iter().map(server).collect(),
        accounts: moves.iter().map(account).collect(),
    })
}
