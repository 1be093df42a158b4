//! What is in an open maildrop, as a session and its storage share it.

use super::octets::Octets;
use std::fmt;

/// The messages of an open maildrop in the order of their numbers, each by its index from 0.
///
/// Kept once, by the storage, in the form that suits it: a session of a hundred thousand messages has no
/// second copy of their unique-ids.
pub trait Contents: fmt::Debug + Send + Sync {
    /// How many messages there are.
    fn count(&self) -> usize;

    /// What LIST shows of a message: exactly what RETR sends, before dot-stuffing; 0 beyond the last.
    fn octets(&self, index: usize) -> Octets;

    /// What UIDL shows of a message (RFC 1939, 7); empty beyond the last.
    fn unique_id(&self, index: usize) -> &[u8];
}
