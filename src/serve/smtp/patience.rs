//! How long a peer may take and how long it is made to wait: the times of one connection.
//!
//! Knows who is a stranger. Values only: nothing waits here.

use crate::limits;
use crate::mail::Peer;
use crate::smtp::Role;
use std::time::Duration;

/// The times of one connection; a test has shorter ones than [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// The greeting is held back so long, to see whether the peer talks before it.
    pub before_greeting: Duration,
    /// How long who talked too early waits for the answer.
    pub early_talker: Duration,
    /// How long the answer to one more unknown recipient waits; `None`: they are not counted.
    pub unknown_recipient: Option<Duration>,
    /// A whole message takes no longer.
    pub message: Duration,
    /// How long the peer may take to accept one piece of output.
    pub output: Duration,
}

impl Patience {
    /// What is due to that peer, where messages of up to `largest` octets are taken.
    pub fn towards(peer: &Peer, role: Role, largest: u64) -> Self {
        // Our own machines do not send spam by talking blindly, and mail among them is many
        // connections in a row: nobody there shall wait.
        let stranger = role == Role::Mx && !peer.is_private();
        Self {
            before_greeting: if stranger { limits::EARLY_TALKER_WAIT } else { Duration::ZERO },
            early_talker: limits::EARLY_TALKER_DELAY,
            // LMTP comes from a mail server of our own house, one connection for everybody's mail:
            // names that strangers made up are not its mistakes.
            unknown_recipient: (role == Role::Mx).then_some(limits::UNKNOWN_RECIPIENT_DELAY),
            message: limits::MESSAGE_TIME_MAX.max(Duration::from_secs(largest / limits::MESSAGE_RATE_MIN)),
            output: limits::WRITE_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stranger_waits_for_the_greeting() {
        let waits = |peer: &str, role| {
            let peer = Peer::Tcp(peer.parse().unwrap());
            !Patience::towards(&peer, role, 0).before_greeting.is_zero()
        };
        assert!(waits("198.51.100.1:1", Role::Mx) && waits("[2001:db8::1]:1", Role::Mx));
        assert!(!waits("127.0.0.1:1", Role::Mx) && !waits("[fd00::1]:1", Role::Mx));
        assert!(!waits("[::ffff:192.168.1.1]:1", Role::Mx));
        assert!(!waits("198.51.100.1:1", Role::Lmtp));
        assert!(Patience::towards(&Peer::Unix, Role::Lmtp, 0).unknown_recipient.is_none());
    }

    #[test]
    fn a_larger_message_may_take_longer_and_none_has_less_than_the_hour() {
        let time = |largest| Patience::towards(&Peer::Unix, Role::Mx, largest).message;
        for largest in [0, limits::MESSAGE_SIZE_MIN, limits::MESSAGE_SIZE_DEFAULT] {
            assert_eq!(time(largest), limits::MESSAGE_TIME_MAX);
        }
        assert_eq!(time(1 << 30), Duration::from_secs((1 << 30) / limits::MESSAGE_RATE_MIN));
        assert!(time(u64::MAX) > time(1 << 30));
    }
}
