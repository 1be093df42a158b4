//! Where storage meets the protocol: what a refusal or a fault below is called in SMTP and LMTP.
//!
//! Knows no session. What is wrong with our own disk is for the log and never for the peer.

use crate::smtp::Reply;
use crate::{accounts, delivery};

/// A no for the peer, and what the administrator should read about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the peer is told.
    pub reply: Reply,
    /// What has gone wrong here, if it was our fault.
    pub fault: Option<String>,
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Self { reply, fault: None }
    }
}

/// 452 or 451, never 5xx: the message itself is fine (RFC 3463, 3.3 and 3.4).
impl From<delivery::Error> for Refusal {
    fn from(error: delivery::Error) -> Self {
        match error {
            delivery::Error::OverQuota => Reply::MAILBOX_FULL.into(),
            delivery::Error::GivenUp => Reply::RECIPIENT_CHANGED.into(),
            // Temporary for the sender, urgent for the administrator.
            delivery::Error::NoSpace => {
                Self { reply: Reply::NO_SPACE, fault: Some("no space left for mail".to_owned()) }
            }
            delivery::Error::Temporary(fault) => Self { reply: Reply::LOCAL_FAULT, fault: Some(fault) },
        }
    }
}

/// 5xx: trying again will not make a user of ours appear, unless they are about to move here.
impl From<accounts::Unresolved> for Refusal {
    fn from(unresolved: accounts::Unresolved) -> Self {
        match unresolved {
            accounts::Unresolved::UnknownUser => Reply::NO_SUCH_MAILBOX.into(),
            accounts::Unresolved::NotYetKnown => Reply::NOT_YET_KNOWN.into(),
            accounts::Unresolved::ForeignDomain => Reply::NO_RELAY.into(),
        }
    }
}

/// Never a 5xx: the sender must keep the message while our database is out of order.
impl From<accounts::Error> for Refusal {
    fn from(error: accounts::Error) -> Self {
        let fault = match error {
            accounts::Error::Temporary(fault) | accounts::Error::Damaged(fault) => fault,
            accounts::Error::Newer { found, known } => {
                format!("the account database has version {found}, this program knows {known}")
            }
        };
        Self { reply: Reply::LOCAL_FAULT, fault: Some(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_is_temporary_for_the_peer_and_told_to_the_log() {
        for refusal in [
            Refusal::from(delivery::Error::NoSpace),
            Refusal::from(delivery::Error::Temporary("EIO".to_owned())),
            Refusal::from(accounts::Error::Temporary("busy".to_owned())),
            Refusal::from(accounts::Error::Damaged("not a database".to_owned())),
            Refusal::from(accounts::Error::Newer { found: 9, known: 1 }),
        ] {
            assert_eq!(refusal.reply.code() / 100, 4, "{refusal:?}");
            assert!(refusal.fault.is_some(), "{refusal:?}");
        }
    }

    #[test]
    fn a_mistake_of_the_peers_is_no_fault() {
        for (refusal, code) in [
            (Refusal::from(delivery::Error::OverQuota), 452),
            (Refusal::from(delivery::Error::GivenUp), 451),
            (Refusal::from(accounts::Unresolved::UnknownUser), 550),
            (Refusal::from(accounts::Unresolved::NotYetKnown), 450),
            (Refusal::from(accounts::Unresolved::ForeignDomain), 550),
        ] {
            assert_eq!((refusal.reply.code(), refusal.fault), (code, None));
        }
    }
}
