//! `restante upstream …`: names old servers, and tells how far the move away from them is. A running
//! `serve` sees each change at its next login.

mod shown;
mod unclaimed;

use super::cli::UpstreamArguments;
use super::database::{existing, nothing_in, open, refused, storage};
use super::old_server::Secured;
use super::table;
use crate::accounts::upstream::{Move, Progress, Scope, Security, Trust, Upstream, UserPattern};
use crate::config::Settings;
use crate::fetch::{self, Server};
use crate::finding::Finding;
use crate::import::words::cannot_be_read;
use crate::limits;
use crate::mail::{AccountAddress, Domain};
use crate::net;
use std::path::Path;
use std::{fs, thread};

/// `upstream add DOMAIN|ADDRESS HOST[:PORT]`
///
/// # Errors
/// A finding for what is neither domain nor address, for a host that is none, a file without a
/// certificate, or a database fault.
pub fn add(settings: &Settings, arguments: &UpstreamArguments) -> Result<(), Finding> {
    let server = Server::parse(&arguments.host).map_err(|text| finding(&text))?;
    let asked = arguments.secured.server(&server)?;
    let upstream = keep(settings, arguments, &server)?;
    if upstream.trust == Trust::Anything {
        table::warn(&format!("the certificate of {} is not checked", upstream.host));
    }
    warn_if_silent(&asked);
    table::print(&format!("{} moves here from {}", upstream.scope, upstream.server()))
}

fn keep(settings: &Settings, arguments: &UpstreamArguments, server: &Server) -> Result<Upstream, Finding> {
    let upstream = Upstream {
        scope: scope(&arguments.scope)?,
        host: server.host.clone(),
        port: server.port,
        security: security(&arguments.secured),
        trust: trust(&arguments.secured)?,
        user: UserPattern::parse(&arguments.user).unwrap_or(UserPattern::AsTyped),
        accept_unknown: arguments.accept_unknown,
    };
    let accounts = open(settings)?;
    accounts.add_upstream(&upstream).map_err(|error| refused(settings, &upstream.scope, &error))?;
    Ok(upstream)
}

/// A typing mistake is seen at once. It may also be a server that is not up yet: that is no error.
fn warn_if_silent(server: &Server) {
    if let Err(problem) = fetch::answers(server, limits::UPSTREAM_ADD_WAIT) {
        let Finding { what, remedy } = problem.into();
        let why = what.strip_prefix(&format!("{server}: ")).unwrap_or(&what);
        table::warn(&format!(
            "{server} does not answer now: {why}: nobody can move before it does; {remedy}"
        ));
    }
}

/// `upstream list [--json]`
///
/// # Errors
/// A finding for a database fault.
pub fn list(settings: &Settings, as_json: bool) -> Result<(), Finding> {
    let (upstreams, moves) = found(settings)?;
    table::print(&if as_json {
        shown::as_json(&upstreams, &moves)?
    } else {
        as_text(settings, &upstreams, &moves)
    })
}

/// `upstream list --watch`: until it is interrupted, or nobody reads any more.
///
/// # Errors
/// As [`list`].
pub fn watch(settings: &Settings) -> Result<(), Finding> {
    loop {
        let (upstreams, mut moves) = found(settings)?;
        // What there is to do stands on top, for there may be more than a screen has lines.
        moves.sort_by_key(|account| shown::urgency(account.progress));
        let text = as_text(settings, &upstreams, &moves);
        // From the top of an empty screen; into a file, one list follows the other.
        let is_read = if let Some((lines, columns)) = table::terminal() {
            let every = limits::UPSTREAM_LIST_EVERY.as_secs();
            let text = format!("every {every} seconds, until Ctrl-C\n\n{text}");
            table::clear();
            table::is_read(&table::fitted(&text, lines, columns))?
        } else {
            table::is_read(&text)?
        };
        if !is_read {
            return Ok(());
        }
        thread::sleep(limits::UPSTREAM_LIST_EVERY);
    }
}

/// `upstream remove DOMAIN|ADDRESS [--force]`
///
/// # Errors
/// A finding for one that is not there, for accounts that are not moved yet, or a database fault.
pub fn remove(settings: &Settings, name: &str, force: bool) -> Result<(), Finding> {
    let scope = scope(name)?;
    let accounts = open(settings)?;
    let (upstreams, moves) = found(settings)?;
    let (never, left): (Vec<&Move>, Vec<&Move>) = left_behind(&scope, &upstreams, &moves)
        .into_iter()
        .partition(|account| never_comes(account).is_some());
    if !left.is_empty() && !force {
        return Err(Finding {
            what: format!("{scope} is not moved: {}", named(&left)),
            remedy:
                "let them log in here while the old server answers (see `restante upstream list`; whom it \
                     never had needs one login as well), or give --force"
                    .to_owned(),
        });
    }
    accounts.remove_upstream(&scope).map_err(|error| refused(settings, &scope, &error))?;
    for (address, why) in never.iter().filter_map(|account| Some((&account.address, never_comes(account)?))) {
        table::warn(&format!("{address} was never moved ({why}): what the old server has of it stays there"));
    }
    for account in left {
        let address = &account.address;
        match account.progress {
            Progress::Waiting if account.why.is_some() => table::warn(&format!(
                "mail for {address} stays without an account; `restante account add {address}` shows it"
            )),
            Progress::Waiting => {}
            Progress::Moved => table::warn(&format!("{address} is {}", how_far(account))),
            _ => table::warn(&format!(
                "{address} stays held; `restante account release {address}` lets it in without its old mail"
            )),
        }
    }
    table::print(&format!("{scope} has no old server any more"))
}

fn as_text(settings: &Settings, upstreams: &[Upstream], moves: &[Move]) -> String {
    if upstreams.is_empty() {
        let place = nothing_in(settings);
        return format!("no old server {place}; name one with `restante upstream add DOMAIN HOST`\n");
    }
    shown::as_text(upstreams, moves)
}

/// Old servers, and who moves away from them: accounts, and addresses that mail was taken for though they have none
/// yet.
fn found(settings: &Settings) -> Result<(Vec<Upstream>, Vec<Move>), Finding> {
    let Some(accounts) = existing(settings)? else { return Ok(Default::default()) };
    let fault = |error| storage(settings, &error);
    let upstreams = accounts.upstreams().map_err(fault)?;
    let mut moves = accounts.moves().map_err(fault)?;
    moves.extend(unclaimed::addresses(settings, &accounts, &upstreams).map_err(fault)?);
    let order = |account: &Move| {
        (account.address.domain().as_str().to_owned(), account.address.local_part().to_owned())
    };
    moves.sort_by_cached_key(order);
    Ok((upstreams, moves))
}

/// Why an account that waits is not worth waiting for: a login would bring nothing over.
fn never_comes(account: &Move) -> Option<&'static str> {
    match account.progress {
        Progress::Waiting if !account.enabled => Some("it is disabled"),
        Progress::Waiting if account.was_refused_there() => Some("the old server refuses its password"),
        _ => None,
    }
}

/// Accounts that would lose their old server: those that it stands behind, unless another one does.
fn left_behind<'a>(scope: &Scope, upstreams: &[Upstream], moves: &'a [Move]) -> Vec<&'a Move> {
    let others = |account: &&Move| {
        !upstreams.iter().any(|other| other.scope != *scope && other.scope.covers(&account.address))
    };
    let unmoved = |account: &&Move| !account.is_all_here() && scope.covers(&account.address);
    moves.iter().filter(unmoved).filter(others).collect()
}

/// The list has them all.
fn named(left: &[&Move]) -> String {
    table::first_few(left, limits::UNMOVED_SHOWN_MAX, |account| {
        format!("{} ({})", account.address, how_far(account))
    })
}

/// Of a moved account, what it has left behind; of an address without an account, where its mail lies.
fn how_far(account: &Move) -> String {
    let state = account.progress.as_str();
    match (account.progress, &account.why) {
        (Progress::Moved, Some(why)) => format!("{state}, but {why}"),
        (Progress::Waiting, Some(why)) => format!("{state}: {why}"),
        _ => state.to_owned(),
    }
}

/// A domain, or an address.
fn scope(text: &str) -> Result<Scope, Finding> {
    let parsed = match text.contains('@') {
        true => AccountAddress::parse(text).map(Scope::Address),
        false => Domain::parse(text).map(Scope::Domain),
    };
    parsed.map_err(|error| Finding {
        what: format!("{text:?}: {error}"),
        remedy: "write it like example.org, or like anna@example.org".to_owned(),
    })
}

fn security(secured: &Secured) -> Security {
    match secured {
        Secured { tls: true, .. } => Security::Tls,
        Secured { stls: true, .. } => Security::Stls,
        Secured { plain: true, .. } => Security::Plain,
        _ => Security::Default,
    }
}

fn trust(secured: &Secured) -> Result<Trust, Finding> {
    match secured {
        Secured { ca: Some(file), .. } => authority(file).map(Trust::Authority),
        Secured { fingerprint: Some(fingerprint), .. } => Ok(Trust::Fingerprint(fingerprint.to_string())),
        Secured { insecure: true, .. } => Ok(Trust::Anything),
        _ => Ok(Trust::Roots),
    }
}

/// The file's text: it is kept in the database, since `serve` shuts itself away from other files.
fn authority(file: &Path) -> Result<String, Finding> {
    net::Trust::file(file)?;
    fs::read_to_string(file).map_err(|error| Finding {
        what: cannot_be_read(file, error),
        remedy: "name a file with certificates in PEM".to_owned(),
    })
}

/// What reads `what: remedy`.
fn finding(text: &str) -> Finding {
    let (what, remedy) = text.split_once(": ").unwrap_or((text, "see `restante upstream add --help`"));
    Finding { what: what.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests;
