//! What can go wrong with an old server, each by its name, and what an operator can do about it.

use super::server::Server;
use crate::finding::Finding;
use crate::net::ConnectError;
use crate::pop3::client::{Failure, Session, Words};
use std::fmt;
use std::io;

/// Why something was not fetched.
#[derive(Debug)]
pub enum Problem {
    /// There is no connection, or none that is safe.
    Connect {
        /// The server's name and port.
        server: String,
        /// What happened.
        error: ConnectError,
    },
    /// The session ended before its time.
    Session {
        /// The server's name and port.
        server: String,
        /// What it said.
        failure: Failure,
    },
    /// The server does not know UIDL, or not for each message.
    NoUidl {
        /// The server's name and port.
        server: String,
        /// What it said, or what is missing.
        words: String,
    },
    /// The connection broke, or nothing came for too long.
    BrokenOff {
        /// The server's name and port.
        server: String,
        /// The command that had no whole answer.
        asked: &'static str,
        /// `None`: the server closed it.
        error: Option<io::Error>,
    },
    /// Not all that was asked to be deleted was.
    NotDeleted {
        /// The server's name and port.
        server: String,
        /// What it said.
        words: Words,
    },
    /// What takes the message in cannot.
    Sink(io::Error),
    /// Nothing about the server.
    Ours(Finding),
}

impl Problem {
    pub(super) fn connect(server: &Server, error: ConnectError) -> Self {
        Self::Connect { server: server.to_string(), error }
    }

    pub(super) fn no_room(server: &str) -> Self {
        Self::Ours(Finding {
            what: format!("{server}: it lists more than there is room for beside what others hold"),
            remedy: "it is asked again at the next login".to_owned(),
        })
    }

    /// Whether the same again, a moment later, may do better: the network's faults and the server's own,
    /// but not a wrong password or a certificate.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::BrokenOff { .. } => true,
            Self::Connect { error, .. } => matches!(error, ConnectError::NoAnswer(_)),
            Self::Session { failure, .. } => {
                matches!(failure, Failure::InUse(_) | Failure::Temporary(_) | Failure::Refused(_))
            }
            _ => false,
        }
    }

    /// Whether the server refuses user name or password.
    pub fn is_wrong_password(&self) -> bool {
        matches!(self, Self::Session { failure: Failure::WrongPassword(_), .. })
    }

    /// Whether the server refuses the login, and may do so because of the password.
    pub fn is_refused_login(&self) -> bool {
        matches!(self, Self::Session { failure: Failure::Refused(_), .. })
    }

    /// Whether another session has the mailbox.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Session { failure: Failure::InUse(_), .. })
    }

    /// What an operator can do about it.
    fn remedy(&self) -> String {
        match self {
            Self::Connect { error, .. } => connect_remedy(error),
            Self::Session { failure, .. } => session_remedy(failure).to_owned(),
            Self::NoUidl { .. } => {
                "with --no-uidl the mail comes over under new unique-ids, and mail programs download all of \
                 it again"
                    .to_owned()
            }
            Self::BrokenOff { asked, .. } if *asked == Session::ARRIVAL => {
                "see that host and port are right, and whether the port wants --tls".to_owned()
            }
            Self::BrokenOff { .. } => "run the same command again: it goes on where it stopped".to_owned(),
            Self::NotDeleted { .. } => "run the same command again; nothing is lost".to_owned(),
            Self::Sink(_) => "see that the disk has room and can be written to".to_owned(),
            Self::Ours(finding) => finding.remedy.clone(),
        }
    }
}

fn connect_remedy(error: &ConnectError) -> String {
    match error {
        ConnectError::NoSuchHost(_) => "see that the name is right, or give the address".to_owned(),
        ConnectError::NoAnswer(_) => "see that the server runs, and that host and port are right".to_owned(),
        ConnectError::Certificate { shown: Some(shown), .. } => format!(
            "if this is the server's own certificate, say so with --fingerprint {shown}, or name its \
             authority with --ca FILE; --insecure takes any"
        ),
        ConnectError::Certificate { shown: None, .. } => {
            "name its authority with --ca FILE; --insecure takes any".to_owned()
        }
        ConnectError::Handshake(_) => {
            "see whether the port wants --tls or --stls; a server that knows nothing newer than TLS 1.1 \
             can only be asked with --plain, best through a tunnel"
                .to_owned()
        }
    }
}

fn session_remedy(failure: &Failure) -> &'static str {
    match failure {
        Failure::NotPop3(_) => "see that the port is right, and whether it wants --tls",
        Failure::NoStls(_) => "use --tls with the port for it (995), or --plain where nobody listens",
        Failure::NeedsTls(_) => "use --stls, or --tls with the port for it (995)",
        Failure::WrongPassword(_) => {
            "see that both are right; some servers want the whole address as user name, others only the \
             part before the @"
        }
        Failure::InUse(_) => "close the mail programs that read it, and run the same command again",
        Failure::Temporary(_) | Failure::Refused(_) => {
            "run the same command again later; the old server's log says more"
        }
        Failure::NoLogin => "no password can be given to it in a way that we know",
        Failure::Nonsense { .. } | Failure::TooMuch { .. } => {
            "nothing is guessed from it: see the old server's log, or bring its files over with \
             `restante import maildir` or `restante import mbox`"
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { server, error } => write!(f, "{server}: {error}"),
            Self::Session { server, failure } => write!(f, "{server}: {failure}"),
            Self::NoUidl { server, words } => write!(f, "{server} has no unique-ids (UIDL): {words}"),
            Self::BrokenOff { server, asked, error: None } => {
                write!(f, "{server}: broken off: it closed the connection before it had answered {asked}")
            }
            Self::BrokenOff { server, asked, error: Some(error) } => {
                let silent = error.kind() == io::ErrorKind::TimedOut;
                let why = if silent { "it fell silent".to_owned() } else { error.to_string() };
                write!(f, "{server}: broken off before it had answered {asked}: {why}")
            }
            Self::NotDeleted { server, words } => write!(f, "{server} has not deleted all: {words}"),
            Self::Sink(error) => write!(f, "the message cannot be taken in: {error}"),
            Self::Ours(finding) => f.write_str(&finding.what),
        }
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self { what: problem.to_string(), remedy: problem.remedy() }
    }
}
