//! One user's mailbox among many: whether it is there, and as what it is read.

use super::arguments::Habits;
use super::place::{Kind, OldMailbox};
use crate::import::{Doveconf, Error, Inventory, Provenance, Source, maildir, mbox};
use std::io;

/// Whether there is nothing at all at that place.
pub fn is_missing(old: &OldMailbox) -> bool {
    matches!(old.path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// What was said of all mailboxes.
#[derive(Clone, Copy, Debug)]
pub struct OfAll<'a> {
    /// The options.
    pub habits: &'a Habits,
    /// `--server`
    pub server: Option<&'a str>,
    /// What `doveconf -n` says.
    pub dovecot: &'a Doveconf,
    /// The file of accounts is a Dovecot's: among thousands there is always somebody who has never logged in,
    /// and in whose Maildir Dovecot has left no index.
    pub accounts_are_dovecots: bool,
}

/// Opens it. One that is not there is empty: its user never got mail.
///
/// # Errors
/// As those of the kinds; [`Error::Ask`] for a server that never showed mail of that kind.
pub fn source(old: &OldMailbox, of_all: &OfAll<'_>) -> Result<Box<dyn Source>, Error> {
    let OfAll { habits, server, dovecot, accounts_are_dovecots } = *of_all;
    if is_missing(old) {
        return Ok(Box::new(Nothing(old.path.display().to_string())));
    }
    let other = || Error::Ask {
        what: format!("--server {} shows not {}", server.unwrap_or_default(), old.kind.of_one()),
        remedy: format!("name one of {}", old.kind.servers().join(", ")),
    };
    match old.kind {
        Kind::Maildir => {
            let named = server.map(|name| maildir::Server::parse(name).ok_or_else(other)).transpose()?;
            let mut options = habits.of_maildir(named, dovecot);
            options.uidlist = options.uidlist.or_else(|| old.uidlist());
            options.if_unseen = accounts_are_dovecots.then_some(maildir::Server::Dovecot);
            maildir::open(&old.path, &options)
        }
        Kind::Mbox => {
            let named = server.map(|name| mbox::Server::parse(name).ok_or_else(other)).transpose()?;
            mbox::open(&old.path, &habits.of_mbox(named, dovecot))
        }
    }
}

/// The mailbox of a user who never got mail.
struct Nothing(String);

impl Source for Nothing {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn provenance(&self) -> Provenance {
        Provenance::Sole // There is no mail.
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let warnings = vec![format!("{} is not there: no mail was imported", self.0)];
        Ok(Inventory { warnings, ..Inventory::default() })
    }

    fn read(&mut self, _: usize, _: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        Ok(())
    }
}
