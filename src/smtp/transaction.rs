//! One mail transaction, from MAIL to its last reply (RFC 5321, 3.3), and the tickets that tie
//! answers to questions.
//!
//! Knows the order of a transaction. Knows no reply text but what it hands on.

use super::command::Mail;
use crate::mail::{Envelope, ForwardPath, Recipient};

/// How far a transaction has come.
#[derive(Debug)]
pub(super) enum Transaction<M> {
    /// No MAIL yet.
    None,
    /// MAIL was accepted; the recipients come in.
    Open(Envelope<M>),
    /// The first chunk was taken, or text is on its way.
    Receiving(Progress),
    /// A chunk has failed: nothing of this message may be taken until RSET (RFC 3030, 2), or the
    /// next chunk would be stored as a message of its own. How many recipients it had: LMTP answers a last
    /// chunk for each of them, though it comes too late (RFC 2033, 4.3).
    Failed(usize),
}

/// What is remembered of a message whose envelope has been handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// RCPTs that were accepted: LMTP answers for each.
    pub recipients: usize,
    /// Octets announced by its chunks so far.
    pub octets: u64,
}

/// Asks for the answer to MAIL.
#[derive(Debug)]
pub struct MailTicket(pub(super) Mail);

/// Asks for the answer to RCPT.
#[derive(Debug)]
pub struct RcptTicket(pub(super) ForwardPath);

/// Asks for the answer to a message: DATA, or BDAT LAST.
#[derive(Debug)]
pub struct DataTicket(pub(super) Progress);

/// Asks for the answer to a chunk that is not the last.
#[derive(Debug)]
pub struct ChunkTicket(pub(super) u64);

/// Octets that follow a BDAT line.
#[derive(Debug)]
pub struct Chunk<M> {
    /// How many; they are read whatever becomes of them (RFC 3030, 2).
    pub octets: u64,
    /// The envelope, with the first chunk of a message.
    pub envelope: Option<Envelope<M>>,
    /// What has to be answered when they are read.
    pub answer: ChunkAnswer,
}

/// Which answer a chunk waits for.
#[derive(Debug)]
pub enum ChunkAnswer {
    /// More chunks follow.
    More(ChunkTicket),
    /// The message is complete.
    Last(DataTicket),
}

impl<M> Transaction<M> {
    /// Starts with MAIL.
    pub(super) fn open(mail: Mail) -> Self {
        Self::Open(Envelope {
            reverse_path: mail.reverse_path,
            smtputf8: mail.smtputf8,
            declared_size: mail.size,
            recipients: Vec::new(),
        })
    }

    /// Adds a recipient; the session has made sure that there is an envelope.
    pub(super) fn add(&mut self, recipient: Recipient<M>) {
        if let Self::Open(envelope) = self {
            envelope.recipients.push(recipient);
        }
    }

    /// Recipients accepted so far.
    pub(super) fn recipients(&self) -> usize {
        match self {
            Self::Open(envelope) => envelope.recipients.len(),
            Self::Receiving(progress) => progress.recipients,
            Self::Failed(recipients) => *recipients,
            Self::None => 0,
        }
    }

    /// Nothing of it may be taken any more.
    pub(super) fn fail(&mut self) {
        *self = Self::Failed(self.recipients());
    }

    /// Hands the envelope over, if it has recipients: from now on text comes in.
    pub(super) fn receive(&mut self) -> Option<(Envelope<M>, Progress)> {
        match std::mem::replace(self, Self::None) {
            Self::Open(envelope) if !envelope.recipients.is_empty() => {
                let progress = Progress { recipients: envelope.recipients.len(), octets: 0 };
                *self = Self::Receiving(progress);
                Some((envelope, progress))
            }
            other => {
                *self = other;
                None
            }
        }
    }
}
