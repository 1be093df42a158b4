//! Accounts, aliases and credentials in SQLite: who is here, who may log in, and where an address
//! leads.
//!
//! Knows no socket, no reply, no settings file and no mail. Everything blocks; callers go through
//! the doorway for blocking work.
//!
//! - `admin`, `hold`: what an administrator changes and lists; logins that are put off
//! - `import`, `bulk`: an old server's account files, and what is done with their users
//! - `login`, `scram`, `grant`: who is it, is that the password, and does it still let in
//! - `stand_in`: what is shown for names that nobody has
//! - `resolve`, `known`: which mailboxes an address leads to, and what is remembered of it
//! - `bans`: addresses refused for a while
//! - `scheme`: what old servers stored for a password, and whether one fits
//! - `password`, `verified`: what is stored for a password, and what is remembered of it
//! - `stored`: what stands in an account's row for its password
//! - `upstream`: old servers, and how far the move away from them is
//! - `sqlite`, `schema`: the file and its tables

mod admin;
mod bans;
mod bulk;
mod grant;
mod hold;
pub mod import;
mod known;
mod login;
mod password;
mod resolve;
mod schema;
pub mod scheme;
mod scram;
mod sqlite;
mod stand_in;
mod stored;
pub mod upstream;
mod verified;

#[cfg(test)]
mod testing;

pub use bulk::{Report, Wish};
pub use grant::Grant;
pub use sqlite::Version;

use crate::limits;
use crate::mail::{AccountAddress, Bytes, Domain};
use password::Credential;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The account database. One value serves all threads (`&self`, `Send + Sync`), and several
/// processes may have the file open.
pub struct Accounts {
    store: sqlite::Store,
    /// PBKDF2 rounds of new credentials.
    rounds: u32,
    /// Makes up what is shown for users who do not exist; kept in the database, so that it is the
    /// same after a restart.
    seed: [u8; 32],
    verified: verified::Verified,
    all_know_scram: scram::Answer,
    known: known::Known,
    /// As of which state of the database the bans were read.
    bans_read: Mutex<Option<sqlite::Version>>,
    /// Credentials of today's cost that wait to be written, by account.
    rehashed: Mutex<HashMap<i64, login::Rehashed>>,
    successors: grant::Successors,
}

/// A storage fault: never a peer's or an administrator's mistake.
#[derive(Debug)]
pub enum Error {
    /// Trying again may help (busy, I/O, full disk); the text is for the log.
    Temporary(String),
    /// The database was written by a newer restante.
    Newer {
        /// The version of the tables in the file.
        found: u32,
        /// The newest version this program can use.
        known: u32,
    },
    /// Not a database, or damaged.
    Damaged(String),
}

/// Why an administrator's change was not made.
#[derive(Debug)]
pub enum ChangeError {
    /// `add` of what is there.
    Exists,
    /// `passwd` and the like of what is not.
    NoSuchAccount,
    /// `alias remove` of what is not.
    NoSuchAlias,
    /// `upstream remove` of what is not.
    NoSuchUpstream,
    /// `account add` of an address that is an alias.
    TakenByAlias,
    /// `alias add` of an address that is an account.
    TakenByAccount,
    /// Not a mistake: the database could not do it.
    Storage(Error),
}

/// One row of `account list`.
#[derive(Clone, Debug)]
pub struct Account {
    /// What it is called.
    pub address: AccountAddress,
    /// Whether logins are taken; mail always is.
    pub enabled: bool,
    /// `None` is unlimited.
    pub quota: Option<Bytes>,
    /// When it was made.
    pub created: SystemTime,
    /// `None` before the first login.
    pub last_login: Option<SystemTime>,
    /// Whether logins are put off until the mail of an old server is here.
    pub held: bool,
    /// `pbkdf2-sha256`, or `imported:SSHA` while an old server's hash waits for the first login.
    pub credential: String,
}

/// How a new account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether it takes logins at all.
    pub enabled: bool,
    /// Whether they are put off until the mail of an old server is here.
    pub held: bool,
}

/// Enabled and not held.
impl Default for Admission {
    fn default() -> Self {
        Self { enabled: true, held: false }
    }
}

/// What an alias is called: an address, or `@domain` for everything else there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AliasName {
    /// `info@example.org`
    Address(AccountAddress),
    /// `@example.org`
    CatchAll(Domain),
}

/// One row of `alias list`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// What it is called.
    pub name: AliasName,
    /// Where it leads, in the order given.
    pub targets: Vec<AccountAddress>,
}

/// A mailbox that a forward-path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Whose it is.
    pub address: AccountAddress,
    /// `None` is unlimited.
    pub quota: Option<Bytes>,
}

/// Why a forward-path leads to no mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Our domain, nobody of that name: 550 5.1.1.
    UnknownUser,
    /// Nobody of that name yet, in a domain that is moving here from an old server: 450 4.1.1.
    NotYetKnown,
    /// Not our domain: 550 5.7.1.
    ForeignDomain,
}

/// The outcome of asking whether a password is known from memory.
#[derive(Debug)]
pub enum Recognition {
    /// Verified lately against the credential that is stored now; the account is enabled.
    Known(Grant),
    /// A hash is needed to tell: call [`Accounts::verify`].
    Unknown,
}

/// The outcome of a login.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// The right password.
    Welcome(Grant),
    /// The right one, but the account is held: its mail is on the way from an old server.
    Held,
    /// Unknown, disabled or wrong, not told apart.
    Wrong,
}

/// What SCRAM-SHA-256 needs (RFC 5802, 3); for an unknown or disabled user, values that lead nowhere.
#[derive(Clone)]
pub struct ScramCredential {
    /// For a name the same until its password is changed or hashed anew; for one that nobody has, as long as the
    /// account that stands in for it is what it is.
    pub salt: Vec<u8>,
    /// The `i=` of the challenge: accounts differ in it, and names that nobody has do as they do.
    pub rounds: u32,
    /// SHA-256 of the client's key.
    pub stored_key: [u8; 32],
    /// What the server proves itself with.
    pub server_key: [u8; 32],
    /// `None` when nobody may log in under that name: the proof must then be refused, after all steps.
    pub account: Option<AccountAddress>,
}

/// An address that is refused for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Whose connections.
    pub address: IpAddr,
    /// Until when; kept to the second.
    pub until: SystemTime,
}

/// An account as a login sees it.
#[derive(Clone)]
struct Login {
    id: i64,
    address: AccountAddress,
    enabled: bool,
    held: bool,
    /// Whether a login of the account is written down.
    has_logged_in: bool,
    /// An old server's hash, as it is stored. As long as it stands no password leads to `credential`, but for
    /// keys of SCRAM-SHA-256, which are both.
    imported: Option<String>,
    credential: Credential,
}

impl Accounts {
    /// Opens, makes or migrates the database. `rounds`: PBKDF2 cost of new credentials.
    ///
    /// # Errors
    /// `Newer`, `Damaged` for a file that is no database of ours, `Temporary` for the rest.
    pub fn open(file: &Path, rounds: u32) -> Result<Self, Error> {
        let store = sqlite::Store::open(file)?;
        let seed = store.read(|db| {
            Ok(db.query_row("SELECT value FROM meta WHERE key = 'seed'", (), |row| row.get(0))?)
        })?;
        Ok(Self {
            store,
            rounds: rounds.clamp(limits::PBKDF2_ROUNDS_MIN, limits::PBKDF2_ROUNDS_MAX),
            seed,
            verified: verified::Verified::new()?,
            all_know_scram: scram::Answer::default(),
            bans_read: Mutex::default(),
            known: known::Known::default(),
            rehashed: Mutex::default(),
            successors: grant::Successors::default(),
        })
    }
}

/// Puts an address together that the database holds in two columns, folded when it was written.
fn address_of(local_part: &str, domain: &str) -> Result<AccountAddress, Error> {
    domain_of(domain)
        .ok()
        .and_then(|domain| AccountAddress::new(local_part, domain))
        .ok_or_else(|| Error::Damaged(format!("{local_part}@{domain} is not an address")))
}

fn domain_of(text: &str) -> Result<Domain, Error> {
    Domain::parse(text).map_err(|_| Error::Damaged(format!("{text} is not a domain")))
}

/// Seconds since 1970, as the tables keep time; a clock before that reads as 1970.
fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A moment that no clock can show reads as 1970.
fn moment(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// SQLite counts in `i64`: a quota beyond it is one nobody reaches.
fn quota_written(quota: Option<Bytes>) -> Option<i64> {
    quota.filter(|bytes| bytes.0 > 0).map(|bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX))
}

fn quota_read(quota: Option<i64>) -> Option<Bytes> {
    quota.and_then(|bytes| u64::try_from(bytes).ok()).map(Bytes)
}

impl From<Error> for ChangeError {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary(why) => write!(f, "the account database cannot be used now: {why}"),
            Self::Newer { found, known } => {
                write!(f, "the account database has version {found}, and this program knows {known} at most")
            }
            Self::Damaged(why) => write!(f, "the account database is damaged, or is none: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// `@example.org` for a catch-all.
impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::CatchAll(domain) => write!(f, "@{domain}"),
        }
    }
}

/// The keys are secrets: whoever has them can play the server or guess at the password.
impl fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramCredential(..)")
    }
}

#[cfg(test)]
mod tests;
