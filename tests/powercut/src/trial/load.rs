//! What all clients of one round share: the mailboxes, the ledger, the disk's power and the end.

use super::ledger::Ledger;
use crate::shared::Shared;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An account that mail is sent to.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// Its address, which is its user name.
    pub address: String,
    /// Its password.
    pub password: String,
}

/// The shared things.
pub struct Load {
    /// Who gets mail.
    pub mailboxes: Vec<Mailbox>,
    ledger: Mutex<Ledger>,
    disk: Shared,
    ended: AtomicBool,
}

impl Load {
    /// Nothing sent yet.
    pub fn new(mailboxes: Vec<Mailbox>, disk: Shared) -> Self {
        Self { mailboxes, ledger: Mutex::default(), disk, ended: AtomicBool::new(false) }
    }

    /// The ledger.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk.
    pub fn disk(&self) -> &Shared {
        &self.disk
    }

    /// A failure that only a cut excuses.
    pub fn accuse(&self, what: String) {
        // The power is looked at after the failure, so a cut in between excuses too much, never
        // too little.
        if !self.disk.lock().is_off() {
            self.ledger().broken(what);
        }
    }

    /// Tells the clients to begin or to stop.
    pub fn set_ended(&self, ended: bool) {
        self.ended.store(ended, Ordering::SeqCst);
    }

    /// True if clients shall stop.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// A breath between two tries, or an empty mailbox would be asked for as fast as can be.
    pub fn pause(&self) {
        std::thread::sleep(Duration::from_millis(5));
    }
}
