//! Delivery: a message goes onto the disk of each mailbox, whole, once, durable before it is acknowledged.
//!
//! Knows Maildirs and quotas. Knows no socket, no reply code, and not who sends.

mod abreast;
mod draft;
mod leftovers;
mod publish;
mod rounds;
mod space;
mod usages;

pub use draft::Drafts;
pub use leftovers::Leftovers;

use crate::mail::{AccountAddress, Bytes, Domain, Octets};
use crate::maildrop::disk::{self, Disk, OsDisk};
use crate::maildrop::name;
use crate::maildrop::tree::Tree;
use rounds::Rounds;
use space::Free;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use usages::Usages;

/// Delivers into the Maildirs below DATA_DIR/mail.
#[derive(Debug)]
pub struct Delivery<D = OsDisk> {
    shared: Arc<Shared<D>>,
}

/// What a delivery shares with its drafts.
#[derive(Debug)]
struct Shared<D> {
    tree: Tree<D>,
    /// As it may stand in a file name.
    host: String,
    usages: Usages,
    free: Free,
    rounds: Rounds,
    /// The clock; a test has one that jumps.
    now: fn() -> SystemTime,
}

/// One copy to make.
#[derive(Clone, Debug)]
pub struct Target {
    /// The account whose Maildir it goes to.
    pub address: AccountAddress,
    /// How much may lie there; `None` is unlimited.
    pub quota: Option<Bytes>,
    /// Trace lines for the top, LF ends ([`crate::mail::trace::Lines`]).
    pub trace: String,
}

/// All or none (SMTP has one answer), or each by itself (LMTP has an answer for each).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// One fault is everybody's.
    AllOrNone,
    /// A fault is the one mailbox's.
    Each,
}

/// One copy that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Of the file.
    pub bytes: Bytes,
    /// On the wire, when POP3 sends it.
    pub octets: Octets,
}

/// Why a message cannot be taken now. Trying again later may help with each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The mailbox would pass its quota.
    OverQuota,
    /// No space, no inodes, or less than the reserve.
    NoSpace,
    /// Nobody is to have this copy any more: see [`Drafts::give_up`].
    GivenUp,
    /// Anything else; the text is for the log.
    Temporary(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if disk::is_full(&error) { Self::NoSpace } else { Self::Temporary(error.to_string()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OverQuota => f.write_str("the mailbox is over its quota"),
            Self::NoSpace => f.write_str("the disk is full"),
            Self::GivenUp => f.write_str("nobody is to have it any more"),
            Self::Temporary(why) => f.write_str(why),
        }
    }
}

impl Delivery {
    /// `mail` is DATA_DIR/mail, `hostname` ends in file names, `min_free` is kept free on the disk: as much as
    /// fits it if nobody has said.
    pub fn new(mail: PathBuf, hostname: &Domain, min_free: Option<Bytes>) -> Self {
        Self::on(OsDisk, mail, hostname, min_free, SystemTime::now)
    }
}

impl<D: Disk> Delivery<D> {
    /// The same on another disk and by another clock.
    fn on(
        disk: D,
        mail: PathBuf,
        hostname: &Domain,
        min_free: Option<Bytes>,
        now: fn() -> SystemTime,
    ) -> Self {
        let host = name::safe_host(hostname.as_str());
        let shared = Shared {
            tree: Tree::new(disk, mail),
            host,
            usages: Usages::default(),
            free: Free::new(min_free),
            rounds: Rounds::default(),
            now,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether a message of `expected` bytes would fit on the disk (MAIL SIZE=, and before 354).
    ///
    /// # Errors
    /// `NoSpace`, `Temporary`.
    pub fn space(&self, expected: Option<Bytes>) -> Result<(), Error> {
        self.shared.check_space(expected.unwrap_or_default())
    }

    /// Whether it would have fitted a moment ago, without asking the disk: for who must not wait. `false`
    /// is no answer; [`Delivery::space`] has one.
    pub fn had_space(&self, expected: Bytes) -> bool {
        self.shared.had_space(expected)
    }

    /// Whether a mailbox has room for `expected` more bytes (RCPT); not knowing how many, for one. An advice:
    /// a yes may be as old as [`crate::limits::USAGE_KNOWN_FOR`], and the message is judged by itself at its end.
    ///
    /// # Errors
    /// `OverQuota`, `Temporary`.
    pub fn room(
        &self,
        account: &AccountAddress,
        quota: Option<Bytes>,
        expected: Option<Bytes>,
    ) -> Result<(), Error> {
        self.shared.room_lately(account, quota, expected.unwrap_or_default())
    }

    /// Whether it had room a moment ago, without asking the disk: for who must not wait. `false` is no answer;
    /// [`Delivery::room`] has one.
    pub fn had_room(&self, account: &AccountAddress, quota: Option<Bytes>, expected: Option<Bytes>) -> bool {
        self.shared.had_room(account, quota, expected.unwrap_or_default())
    }

    /// Begins a copy for each target, if there is room for it. A target that fails is remembered as
    /// failed; the others go on.
    pub fn open(&self, targets: Vec<Target>, expected: Option<Bytes>) -> Drafts<D> {
        Drafts::open(&self.shared, targets, expected.unwrap_or_default())
    }

    /// The same without asking the disk, for who must not wait.
    ///
    /// # Errors
    /// The targets, when the disk must be asked: nobody has asked lately.
    pub fn open_unseen(
        &self,
        targets: Vec<Target>,
        expected: Option<Bytes>,
    ) -> Result<Drafts<D>, Vec<Target>> {
        Drafts::open_unseen(&self.shared, targets, expected.unwrap_or_default())
    }
}

impl<D: Disk> Shared<D> {
    fn check_space(&self, expected: Bytes) -> Result<(), Error> {
        self.free.check(self.tree.mail(), expected)
    }

    fn had_space(&self, expected: Bytes) -> bool {
        self.free.was_enough(expected)
    }

    /// By what lies there now.
    fn room(&self, account: &AccountAddress, quota: Option<Bytes>, more: Bytes) -> Result<(), Error> {
        let Some(quota) = quota else { return Ok(()) };
        fits(self.usages.of(&self.tree, account, (self.now)())?, more, quota)
    }

    /// By what lay there a moment ago: good enough for a yes that is not the last word.
    fn room_lately(&self, account: &AccountAddress, quota: Option<Bytes>, more: Bytes) -> Result<(), Error> {
        let Some(quota) = quota.filter(|_| !self.had_room(account, quota, more)) else { return Ok(()) };
        fits(self.usages.lately(&self.tree, account, (self.now)())?, more, quota)
    }

    fn had_room(&self, account: &AccountAddress, quota: Option<Bytes>, more: Bytes) -> bool {
        let Some(quota) = quota else { return true };
        self.usages.recent(account).is_some_and(|used| fits(used, more, quota).is_ok())
    }
}

fn fits(used: Bytes, more: Bytes, quota: Bytes) -> Result<(), Error> {
    // No message is empty: it has trace lines. A mailbox that is full to the byte takes none.
    let after = used.0.saturating_add(more.0.max(1));
    if after > quota.0 { Err(Error::OverQuota) } else { Ok(()) }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod powercut;
#[cfg(test)]
mod tests;
