//! What every session of the server shares. Knows no protocol.

use crate::accounts::{Accounts, Error};
use crate::config::Settings;
use crate::delivery::Delivery;
use crate::finding::Finding;
use crate::mail::{AccountAddress, SessionId};
use crate::maildrop::Maildrops;
use crate::net::{Budget, Doorway, Failures, Shutdown, Tls};
use crate::serve::pop3::Holders;
use crate::serve::smtp::LargeBlocks;
use crate::serve::upstream::Upstreams;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// What every session of the server shares.
pub struct Shared {
    settings: RwLock<Arc<Settings>>,
    /// The account database.
    pub accounts: Arc<Accounts>,
    /// The way into the Maildirs.
    pub delivery: Arc<Delivery>,
    /// The open maildrops.
    pub maildrops: Arc<Maildrops>,
    /// The certificate in force.
    pub tls: Arc<Tls>,
    /// Who has which of them open.
    pub holders: Arc<Holders>,
    /// Tells when to end.
    pub shutdown: Shutdown,
    /// The doorway for blocking work.
    pub doorway: Doorway,
    /// Memory for large messages that are coming in.
    pub large_blocks: LargeBlocks,
    /// Wrong passwords by address.
    pub failures: Failures,
    /// Wrong passwords by account.
    pub budget: Budget,
    /// The live move from old servers.
    pub upstreams: Upstreams,
    /// The last logins could not be written down the last time, and that was told.
    pub last_logins_fail: AtomicBool,
    /// Held while they are written: who ends the server waits for a write that has begun.
    pub last_logins_turn: async_lock::Mutex<()>,
    last_logins: Mutex<BTreeMap<AccountAddress, SystemTime>>,
    next_session: AtomicU64,
}

impl Shared {
    /// Opens what `settings` name.
    ///
    /// # Errors
    /// A finding that says what is in the way and how to mend it.
    pub fn open(settings: Settings, tls: Tls) -> Result<Self, Finding> {
        let accounts = open_accounts(&settings)?;
        Ok(Self {
            accounts: Arc::new(accounts),
            delivery: Arc::new(Delivery::new(settings.mail(), &settings.hostname, settings.min_free)),
            maildrops: Maildrops::new(settings.mail()),
            holders: Arc::default(),
            tls: Arc::new(tls),
            shutdown: Shutdown::new(),
            doorway: Doorway::new(),
            large_blocks: LargeBlocks::default(),
            failures: Failures::new(settings.auth.failures.clone()),
            budget: Budget::default(),
            upstreams: Upstreams::default(),
            last_logins_fail: AtomicBool::new(false),
            last_logins_turn: async_lock::Mutex::default(),
            last_logins: Mutex::default(),
            next_session: AtomicU64::new(first_session()),
            settings: RwLock::new(Arc::new(settings)),
        })
    }

    /// The settings in force; a reload does not change them under a session's feet.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force for the sessions to come.
    pub fn replace_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Whether another certificate lies where ours came from; a self-signed one is renewed for that
    /// when it comes to its end.
    pub fn certificate_changed(&self) -> bool {
        let settings = self.settings();
        if settings.tls.is_none() {
            // If it cannot be written, the old one stays in force; the next look tries again.
            let _ = crate::net::make_self_signed(&settings.tls_folder(), &settings.hostname);
        }
        self.tls.files_changed()
    }

    /// A new session's name in the log.
    pub fn session_id(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes a login, to be written down later: no login waits for a write.
    pub fn logged_in(&self, account: AccountAddress, at: SystemTime) {
        self.last_logins.lock().unwrap_or_else(PoisonError::into_inner).insert(account, at);
    }

    /// Notes again what could not be written. A login that came meanwhile is newer, and stays.
    pub fn put_back(&self, noted: Vec<(AccountAddress, SystemTime)>) {
        let mut last_logins = self.last_logins.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, at) in noted {
            last_logins.entry(account).or_insert(at);
        }
    }

    /// The logins noted since this was asked last.
    pub fn take_last_logins(&self) -> Vec<(AccountAddress, SystemTime)> {
        let mut noted = self.last_logins.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *noted).into_iter().collect()
    }
}

/// Opens the account database that the settings name; makes it when it is missing.
///
/// # Errors
/// See [`accounts_finding`]; or the data folder could not be made.
pub fn open_accounts(settings: &Settings) -> Result<Accounts, Finding> {
    crate::process::make_data_dir(settings.user.as_deref(), &settings.data_dir)?;
    Accounts::open(&settings.database(), settings.auth.pbkdf2_rounds)
        .map_err(|error| accounts_finding(settings, &error))
}

/// A fault of the account database as an operator can mend it.
pub fn accounts_finding(settings: &Settings, error: &Error) -> Finding {
    let remedy = match error {
        Error::Temporary(_) => {
            let folder = settings.data_dir.display();
            format!("see that {folder} can be written by this user and its disk is not full")
        }
        Error::Newer { .. } => "install the restante that wrote it, or a newer one".to_owned(),
        Error::Damaged(_) => "put it back from a backup, or name another data_dir".to_owned(),
    };
    Finding { what: format!("{}: {error}", settings.database().display()), remedy }
}

/// Where the session ids of this run begin: the seconds of the clock over a count of 2^16, so that
/// ids of two runs do not meet in one log.
fn first_session() -> u64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (seconds & 0xffff_ffff) << 16
}
