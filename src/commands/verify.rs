//! `restante verify`: whether a mail program would notice the move, as far as the old server can still be
//! asked.
//!
//! Unique-ids and order are compared as UIDL shows them, sizes as LIST does; where those differ RETR decides,
//! since Dovecot and Courier list a message without its last line end.

use super::database::{address, json};
use super::landed::there_is;
use super::old_server::Access;
use super::table;
use crate::config::Settings;
use crate::fetch::{Compared, Connection, Here, Login, Patience, Server};
use crate::finding::Finding;
use crate::import::words::{counted, of_number};
use crate::mail::{AccountAddress, Peer};
use crate::maildrop::disk::OsDisk;
use crate::maildrop::folder::Folder;
use crate::maildrop::ledger::{Ledger, Origin};
use crate::maildrop::tree::Tree;
use crate::maildrop::{self, Maildrops};
use crate::{limits, runtime};
use clap::Args;
use serde::Serialize;
use std::collections::HashSet;
use std::io;
use std::time::Instant;

/// `restante verify ADDRESS --against HOST:PORT …`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The account here
    pub address: String,
    /// The old server
    #[arg(long, value_name = "HOST[:PORT]", value_parser = super::old_server::server)]
    pub against: Server,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub access: Access,
}

/// What came of it; the names are a promise to scripts.
#[derive(Debug, Serialize)]
pub struct Verdict {
    address: String,
    against: String,
    there: usize,
    here: usize,
    /// That had come over and were deleted here since.
    deleted_here: usize,
    /// How many differences there are in all.
    different: usize,
    /// The first of them.
    differences: Vec<String>,
}

/// Compares and says so.
///
/// # Errors
/// A finding with the first difference; one for whatever could not be asked.
pub fn run(settings: &Settings, arguments: &VerifyArgs) -> Result<(), Finding> {
    let address = address(&arguments.address)?;
    let server = arguments.access.security.server(&arguments.against)?;
    let verdict = verify(settings, &address, &server, &arguments.access.login()?)?;
    table::print(&if arguments.json { json(&verdict)? } else { verdict.told() })?;
    verdict.judge()
}

/// Asks both sides.
///
/// # Errors
/// A finding for an account that is not there, a mailbox that is in use, and what the old server refuses.
pub fn verify(
    settings: &Settings,
    address: &AccountAddress,
    server: &Server,
    login: &Login,
) -> Result<Verdict, Finding> {
    there_is(settings, address)?;
    let there = runtime::block_on(async {
        let mut connection = Connection::log_in(server, login, &Patience::default()).await?;
        let messages = connection.listing(false).await?;
        Ok::<_, crate::fetch::Problem>((connection, messages))
    });
    let (mut connection, there) = there?;
    let here = listed(settings, address)?;
    let mut compared = Compared::of(&there, &here, &gone(settings, address)?);
    let numbers: Vec<u32> = compared.sizes.iter().map(|(message, _)| message.number).collect();
    let retrieved = runtime::block_on(async {
        let retrieved = connection.retrieved_sizes(&numbers).await;
        // What was wanted is known; nothing was marked for deletion.
        let _goodbye = connection.quit().await;
        retrieved
    });
    for ((message, here), octets) in std::mem::take(&mut compared.sizes).into_iter().zip(retrieved?) {
        let there = octets.or(message.octets).unwrap_or_default();
        compared.retrieved(&message, there, here);
    }
    let shown = compared.differences.iter().take(limits::DIFFERENCES_SHOWN_MAX);
    Ok(Verdict {
        address: address.to_string(),
        against: server.to_string(),
        there: there.len(),
        here: here.len(),
        deleted_here: compared.deleted,
        different: compared.differences.len(),
        differences: shown.map(ToString::to_string).collect(),
    })
}

impl Verdict {
    /// For a person.
    pub fn told(&self) -> String {
        let Self { address, against, there, here, different, .. } = self;
        let (there, different) = (counted(*there, "message"), counted(*different, "difference"));
        let mut text = format!("{address}: {there} at {against}, {here} here, {different}\n");
        if self.deleted_here > 0 {
            let were = of_number(self.deleted_here, "was", "were");
            text += &format!("{} came over and {were} deleted here since\n", self.deleted_here);
        }
        text.extend(self.differences.iter().map(|difference| format!("  {difference}\n")));
        text
    }

    /// Success, if no mail program would notice.
    ///
    /// # Errors
    /// A finding with the first difference.
    pub fn judge(&self) -> Result<(), Finding> {
        let Some(first) = self.differences.first() else { return Ok(()) };
        Err(Finding {
            what: format!(
                "{}: {} from {}, the first: {first}",
                self.address,
                counted(self.different, "difference"),
                self.against
            ),
            remedy: "let nobody log in before it is clear why; what is only there comes with \
                     `restante import pop3`"
                .to_owned(),
        })
    }
}

/// What a mail program would see here now.
fn listed(settings: &Settings, address: &AccountAddress) -> Result<Vec<Here>, Finding> {
    // One that is not there is empty, and opening it would make it.
    if root(settings, address)?.is_none() {
        return Ok(Vec::new());
    }
    let maildrops = Maildrops::new(settings.mail());
    let since = Instant::now();
    let maildrop = loop {
        match maildrops.open(address, Peer::Unix) {
            Err(maildrop::Error::InUse) if since.elapsed() < limits::FETCH_IN_USE_PATIENCE => {
                std::thread::sleep(limits::FETCH_IN_USE_PAUSE);
            }
            Err(error) => return Err(unread(address, &error)),
            Ok(maildrop) => break maildrop,
        }
    };
    let here = |entry: maildrop::Entry| Here {
        unique_id: entry.unique_id.as_bytes().to_vec(),
        octets: entry.octets.0,
    };
    Ok(maildrop.entries().into_iter().map(here).collect())
}

/// The unique-ids of all that ever came over.
fn gone(settings: &Settings, address: &AccountAddress) -> Result<HashSet<Vec<u8>>, Finding> {
    let ledger = match root(settings, address)? {
        Some(root) => Ledger::load(&root).map_err(|error| unread(address, &error))?,
        None => Ledger::default(),
    };
    let kept = ledger.entries.into_iter().filter_map(|entry| match entry.origin {
        Origin::Kept(id) | Origin::Foreseen(id, _) => Some(id.as_bytes().to_vec()),
        Origin::Made(_) => None,
    });
    Ok(kept.collect())
}

/// The Maildir, if it is there.
fn root(settings: &Settings, address: &AccountAddress) -> Result<Option<Folder>, Finding> {
    match Tree::new(OsDisk, settings.mail()).existing(address) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(|error| unread(address, &error)),
    }
}

fn unread(address: &AccountAddress, error: &dyn std::fmt::Display) -> Finding {
    Finding {
        what: format!("the mailbox of {address} cannot be read: {error}"),
        remedy: "run the command again when no mail program reads it, as a user that may read it".to_owned(),
    }
}
