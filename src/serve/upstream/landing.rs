//! Where pulled mail lands: the account's Maildir, all of it at once.

use super::busy::Pull;
use super::stoppable::Stoppable;
use crate::fetch::Mailbox;
use crate::import::landing::{Failure, Imported, Landing};
use crate::import::{Provenance, Source};
use crate::mail::{AccountAddress, Bytes, UniqueId};
use crate::serve::shared::Shared;
use std::sync::Arc;

/// What has landed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landed {
    /// Messages that were not here before.
    pub messages: u64,
    /// The size of their files.
    pub bytes: Bytes,
    /// What the old server did not give, and why; for the administrator.
    pub left_there: Option<String>,
}

/// Brings a whole mailbox over; nobody may open it here meanwhile.
///
/// # Errors
/// Words for the administrator. What has come so far is staged, and the next pull goes on behind it.
pub fn whole(
    shared: &Shared,
    address: &AccountAddress,
    source: &mut Stoppable<Mailbox>,
) -> Result<Landed, String> {
    landing(shared).import(address, source, &mut |_| ()).map_err(words).map(Landed::from)
}

/// Brings over what has come to the old server since, and tells `pull` if there is any. Costs the disk nothing if
/// there is none.
///
/// # Errors
/// As [`whole`].
pub fn newcomers(
    shared: &Shared,
    address: &AccountAddress,
    source: &mut Stoppable<Mailbox>,
    pull: &Pull,
) -> Result<Landed, String> {
    let landing = landing(shared).in_use().unless_left(pull.landing());
    let inventory = source.inventory().map_err(|error| error.to_string())?;
    let tag = source.provenance().tag();
    if !landing.lacks(address, &inventory, tag.as_ref()).map_err(|error| error.to_string())? {
        return Ok(Landed::default());
    }
    pull.find();
    let first = landing.import(address, source, &mut |_| ()).map_err(words).map(Landed::from)?;
    // What is called like something here was left for behind that.
    if !landing.lacks(address, &inventory, tag.as_ref()).map_err(|error| error.to_string())? {
        return Ok(first);
    }
    match landing.import(address, source, &mut |_| ()).map(Landed::from) {
        Ok(Landed { messages, bytes, left_there }) => {
            let bytes = Bytes(first.bytes.0 + bytes.0);
            Ok(Landed { messages: first.messages + messages, bytes, left_there })
        }
        // The next login makes the moves of the first, and goes on behind them.
        Err(Failure::InUse) => Ok(first),
        Err(_) if source.is_stopped() => Ok(first),
        Err(failure) => Err(words(failure)),
    }
}

/// Notes messages of that mailbox that are never to come over.
///
/// # Errors
/// As [`whole`].
pub fn bury(
    shared: &Shared,
    address: &AccountAddress,
    gone: &[UniqueId],
    mailbox: &Provenance,
) -> Result<(), String> {
    landing(shared).bury(address, gone, mailbox.tag().as_ref()).map_err(words)
}

fn landing(shared: &Shared) -> Landing {
    let settings = shared.settings();
    Landing::new(settings.mail(), &settings.hostname, Arc::clone(&shared.maildrops), None)
}

fn words(failure: Failure) -> String {
    failure.to_string()
}

impl From<Imported> for Landed {
    fn from(imported: Imported) -> Self {
        let left_there = imported.skipped.first().map(|first| {
            let words = format!("{}: {}", first.what, first.why);
            match imported.skipped.len().saturating_sub(1) {
                0 => words,
                more => format!("{words} (and {more} more)"),
            }
        });
        Self { messages: imported.imported as u64, bytes: imported.bytes, left_there }
    }
}
