//! Landing: the mail of an old server comes into a Maildir here, all of it at once or none.
//!
//! 1. `plan`: what has not come over yet, by the ledger; `recognise`: or by a look at it, where the ledger
//!    may speak of another mailbox.
//! 2. `staging`, `gather`: each such message into a folder beside new/ and cur/, synced.
//! 3. `naming`: unique-ids, order, file names.
//! 4. The commit mark, then the moves ([`crate::maildrop::moving`]), which a login also makes if it comes
//!    first.
//!
//! In this order they stand in `steps`. Broken off anywhere, the same import goes on where it stopped. Knows no
//! format of an old server, no account database and no command line.

mod burial;
mod digest;
mod gather;
mod left;
mod naming;
mod outcome;
mod plan;
mod proof;
mod recognise;
mod rehearsal;
mod staging;
mod steps;
mod twice;

#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use left::Left;
pub use naming::Uidl;
pub use outcome::{Failure, Imported, Progress};
pub use proof::{Difference, Here, Pair, There};

use super::Source;
use crate::limits;
use crate::mail::{AccountAddress, Domain};
use crate::maildrop::disk::{Disk, OwnedDisk, Owner};
use crate::maildrop::tree::Tree;
use crate::maildrop::{Maildrops, name};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use steps::Import;

/// Brings mail into the Maildirs below DATA_DIR/mail.
#[derive(Debug)]
pub struct Landing<D = OwnedDisk> {
    tree: Tree<D>,
    maildrops: Arc<Maildrops>,
    /// As it may stand in a file name.
    host: String,
    /// Threads that wait for the disk; without any, whoever writes waits.
    syncers: usize,
    /// How long a session that has the mailbox open is waited for.
    patience: Duration,
    /// The mailbox is shown as it is meanwhile, though no message be in it.
    is_in_use: bool,
    /// Whether sessions are kept out no more, and the next login makes the moves.
    left: Option<Arc<Left>>,
}

impl Landing {
    /// `mail` is DATA_DIR/mail, `hostname` ends in file names, `owner` is whose the files will be (`None`:
    /// whoever runs this). `maildrops` are those of this process.
    pub fn new(mail: PathBuf, hostname: &Domain, maildrops: Arc<Maildrops>, owner: Option<Owner>) -> Self {
        Self {
            tree: Tree::new(OwnedDisk(owner), mail),
            maildrops,
            host: name::safe_host(hostname.as_str()),
            syncers: limits::IMPORT_SYNCERS,
            patience: limits::IMPORT_PATIENCE,
            is_in_use: false,
            left: None,
        }
    }
}

impl<D: Disk> Landing<D> {
    /// For a mailbox whose old mail is here already: what has come to the old server since holds nobody up,
    /// also where all was read and deleted.
    #[must_use]
    pub fn in_use(mut self) -> Self {
        self.is_in_use = true;
        self
    }

    /// Once it is left, what came over is shown by the next login: a login that does not wait any more would find the
    /// mailbox in use by our own last step.
    #[must_use]
    pub fn unless_left(mut self, left: Arc<Left>) -> Self {
        self.left = Some(left);
        self
    }

    /// Brings over what has not come yet, and shows it. `watch` is told how far it is.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn import(
        &self,
        account: &AccountAddress,
        source: &mut dyn Source,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Imported, Failure> {
        let begun = Import::begin(self, account, source)?;
        let mut import = match begun.finish_earlier(source)? {
            ControlFlow::Continue(import) => import,
            ControlFlow::Break(imported) => return Ok(imported),
        };
        let mut ready = import.prepare(source)?;
        let gathered = import.gather(source, &mut ready, watch)?;
        import.show(ready, gathered)
    }
}
