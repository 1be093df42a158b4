//! What ends a session with an old server before its time.

use super::answer::Words;
use std::fmt;

/// Why a session cannot go on. `Display` says it to an operator, the server's own words included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Something else answers there, or the greeting is a refusal without a meaning.
    NotPop3(Words),
    /// TLS was asked for and STLS is not there.
    NoStls(Words),
    /// The server takes no password without TLS.
    NeedsTls(Words),
    /// Name or password are wrong.
    WrongPassword(Words),
    /// Another session has the maildrop.
    InUse(Words),
    /// The server's own fault: later it may work.
    Temporary(Words),
    /// The login is refused, in words that speak of something else than the password, or that nobody knows:
    /// it may have been a guess all the same.
    Refused(Words),
    /// It neither knows USER nor AUTH PLAIN.
    NoLogin,
    /// An answer that is none.
    Nonsense {
        /// To which command.
        asked: &'static str,
        /// The beginning of it.
        words: Words,
    },
    /// More than anybody needs: endless lines, lists, messages.
    TooMuch {
        /// Of what.
        asked: &'static str,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPop3(words) => write!(f, "what answers there is no POP3 server: {words}"),
            Self::NoStls(words) => write!(f, "it does not offer STLS: {words}"),
            Self::NeedsTls(words) => write!(f, "it wants TLS before a password: {words}"),
            Self::WrongPassword(words) => write!(f, "it refuses user name or password: {words}"),
            Self::InUse(words) => write!(f, "the mailbox is in use: {words}"),
            Self::Temporary(words) | Self::Refused(words) => {
                write!(f, "it cannot serve this mailbox now: {words}")
            }
            Self::NoLogin => f.write_str("it offers neither USER nor AUTH PLAIN"),
            Self::Nonsense { asked, words } => write!(f, "its answer to {asked} makes no sense: {words}"),
            Self::TooMuch { asked } => write!(f, "its answer to {asked} has no end"),
        }
    }
}
