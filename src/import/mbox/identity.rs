//! By what a message without a unique-id is known at the next run: a hash of what does not change while it
//! lies in the mbox, and a number if there are several alike.
//!
//! Knows no file.

use super::habits::Habits;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The lines that mail programs and servers write into a message that lies in an mbox.
const CHANGING: &[&[u8]] = &[
    b"content-length",
    b"lines",
    b"status",
    b"x-imap",
    b"x-imapbase",
    b"x-keywords",
    b"x-status",
    b"x-uid",
    b"x-uidl",
];

/// The same message, without what changes.
pub fn lasting(habits: Habits) -> Habits {
    Habits { hidden: CHANGING, moves_uidl: false, adds_status: false, unquotes: false, ..habits }
}

/// Counts messages that are alike.
#[derive(Debug, Default)]
pub struct Identities(HashMap<[u8; 32], u64>);

impl Identities {
    /// For the message with this hash, in the order of the file.
    pub fn next(&mut self, hash: Sha256) -> Vec<u8> {
        let hash = <[u8; 32]>::from(hash.finalize());
        let copies = self.0.entry(hash).or_default();
        *copies += 1;
        match *copies {
            1 => hash.to_vec(),
            number => [&hash[..], &number.to_be_bytes()].concat(),
        }
    }
}
