//! The envelope of one message: who sends it, to whom, and what was said about it.

use super::{ForwardPath, ReversePath};

/// What MAIL and RCPT said (RFC 5321, 2.3.1). `M` is what a resolved recipient turned into: the
/// protocol carries it and never looks inside.
#[derive(Clone, Debug)]
pub struct Envelope<M> {
    /// Where a bounce would go.
    pub reverse_path: ReversePath,
    /// Whether MAIL said `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `SIZE=` (RFC 1870), in octets.
    pub declared_size: Option<u64>,
    /// The recipients that were accepted, in the order of their RCPT commands; never empty.
    pub recipients: Vec<Recipient<M>>,
}

/// One RCPT that was answered 250.
#[derive(Clone, Debug)]
pub struct Recipient<M> {
    /// The path as the peer wrote it.
    pub forward_path: ForwardPath,
    /// The mailboxes it leads to.
    pub mailboxes: Vec<M>,
}
