//! How a POP3 connection came to its end: what is still said, and what the log calls it.

use crate::pop3::{Goodbye, Response};
use std::borrow::Cow;
use std::io;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The session wanted it; all is said.
    HungUp(Goodbye),
    /// The client closed, without QUIT.
    Gone,
    /// The client was silent, or nobody logged in, for too long: closed without a word (RFC 1939, 3).
    Silent,
    /// The connection broke.
    Lost,
    /// The TLS handshake failed.
    Handshake(io::Error),
    /// A TLS handshake where plain text is spoken first.
    TlsHello,
    /// The old server has said goodbye to a relayed session.
    Relayed,
    /// It has closed before that.
    OldServerGone,
    /// Another session took the maildrop over.
    TakenOver,
    /// The same in the middle of a message.
    TakenOverInside,
    /// An administrator changed the password, or disabled or removed the account.
    Revoked,
    /// A message could not be read to its end, or is not as it was listed.
    Unreadable,
    /// The server ends, between two commands.
    ShutDown,
    /// The server ends now.
    Cut,
}

impl End {
    /// Whether the connection is dropped as it is. In the middle of a message that is the only honest
    /// way: after a final dot, the client would take the half for the whole and delete it.
    pub(super) fn is_abrupt(&self) -> bool {
        matches!(
            self,
            Self::Lost
                | Self::Handshake(_)
                | Self::OldServerGone
                | Self::TakenOverInside
                | Self::Unreadable
                | Self::Cut
        )
    }

    /// What is said to the client, if it was not said before.
    pub(super) fn last_words(&self) -> Option<Response> {
        match self {
            Self::TlsHello => Some(Response::TLS_HELLO),
            Self::TakenOver => Some(Response::TAKEN_OVER),
            Self::Revoked => Some(Response::REVOKED),
            Self::ShutDown => Some(Response::SHUTTING_DOWN),
            _ => None,
        }
    }

    /// The word for it in the log; stable. Behind `handshake` stands what TLS says of it: an
    /// administrator has no other place to see a client refuse the certificate.
    pub(super) fn why(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::HungUp(why) => why.why(),
            Self::Gone => "gone",
            Self::Silent => "timeout",
            Self::Lost => "lost",
            Self::Handshake(error) => return Cow::Owned(format!("handshake: {error}")),
            Self::TlsHello => "tls-hello",
            Self::Relayed => "quit",
            Self::OldServerGone => "upstream",
            Self::TakenOver | Self::TakenOverInside => "taken-over",
            Self::Revoked => "revoked",
            Self::Unreadable => "unreadable",
            Self::ShutDown => "shutdown",
            Self::Cut => "cut",
        })
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Silent,
            io::ErrorKind::UnexpectedEof => Self::Gone,
            _ => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_into_the_middle_of_a_message() {
        for end in [End::TakenOverInside, End::Unreadable, End::Cut] {
            assert!(end.is_abrupt() && end.last_words().is_none(), "{end:?}");
        }
        assert!(!End::TakenOver.is_abrupt() && !End::ShutDown.is_abrupt());
    }

    #[test]
    fn the_log_has_a_word_for_every_goodbye() {
        for (end, why) in [
            (End::HungUp(Goodbye::Quit), "quit"),
            (End::HungUp(Goodbye::Errors), "errors"),
            (End::HungUp(Goodbye::Banned), "banned"),
            (End::from(io::Error::from(io::ErrorKind::TimedOut)), "timeout"),
            (End::from(io::Error::from(io::ErrorKind::ConnectionReset)), "lost"),
            (End::Handshake(io::Error::other("bad certificate")), "handshake: bad certificate"),
        ] {
            assert_eq!(end.why(), why);
        }
    }
}
