//! Where pulled mail lands: the account's Maildir, all of it at once.

use super::stoppable::Stoppable;
use crate::fetch::Mailbox;
use crate::import::landing::{Failure, Imported, Landing};
use crate::import::{Provenance, Source};
use crate::mail::{AccountAddress, Bytes, UniqueId};
use crate::serve::shared::Shared;
use std::sync::Arc;

/// What has landed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Landed {
    /// Messages that were not here before.
    pub messages: u64,
    /// The size of their files.
    pub bytes: Bytes,
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

/// Brings over what has come to the old server since. Costs the disk nothing if there is nothing.
///
/// # Errors
/// As [`whole`].
pub fn newcomers(
    shared: &Shared,
    address: &AccountAddress,
    source: &mut Stoppable<Mailbox>,
) -> Result<Landed, String> {
    let landing = landing(shared).in_use();
    let inventory = source.inventory().map_err(|error| error.to_string())?;
    let tag = source.provenance().tag();
    if !landing.lacks(address, &inventory, tag.as_ref()).map_err(|error| error.to_string())? {
        return Ok(Landed::default());
    }
    let first = landing.import(address, source, &mut |_| ()).map_err(words).map(Landed::from)?;
    // What is called like something here was left for behind that.
    if !landing.lacks(address, &inventory, tag.as_ref()).map_err(|error| error.to_string())? {
        return Ok(first);
    }
    match landing.import(address, source, &mut |_| ()).map(Landed::from) {
        Ok(Landed { messages, bytes }) => {
            Ok(Landed { messages: first.messages + messages, bytes: Bytes(first.bytes.0 + bytes.0) })
        }
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
        Self { messages: imported.imported as u64, bytes: imported.bytes }
    }
}
