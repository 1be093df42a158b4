//! An old POP3 server as it is written on a command line: how it is reached, and who logs in.

use super::cli::wrong_usage;
use super::prompt;
use crate::fetch::{Login, Security, Server};
use crate::finding::Finding;
use crate::mail::UserName;
use crate::net::{Fingerprint, Trust};
use clap::Args;
use std::path::PathBuf;

/// Who logs in there, and how the connection is made safe.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The old server")]
pub struct Access {
    /// The name that the old server knows the user by
    #[arg(long, value_name = "USER", value_parser = user)]
    pub user: Option<UserName>,
    /// Read the password there as one line from standard input
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub security: Secured,
}

/// How the connection is made safe. Without any of these: TLS from the beginning on port 995, STLS on any
/// other; on this machine a server may do without.
#[derive(Clone, Debug, Default, Args)]
pub struct Secured {
    /// TLS from the beginning (port 995)
    #[arg(long, group = "security")]
    pub tls: bool,
    /// TLS by STLS (port 110)
    #[arg(long, group = "security")]
    pub stls: bool,
    /// No TLS: the password goes over the network as it is
    #[arg(long, group = "security")]
    pub plain: bool,
    /// The certificate of the server or of its authority, as PEM [default: the authorities that this
    /// machine trusts]
    #[arg(long, value_name = "FILE", group = "trust", conflicts_with = "plain")]
    pub ca: Option<PathBuf>,
    /// The SHA-256 fingerprint of the server's certificate
    #[arg(long, value_name = "SHA256", group = "trust", conflicts_with = "plain")]
    pub fingerprint: Option<Fingerprint>,
    /// Take any certificate: whoever sits in between can read the password
    #[arg(long, group = "trust")]
    pub insecure: bool,
}

impl Access {
    /// Who logs in; asks for the password where there is a terminal.
    ///
    /// # Errors
    /// A finding for a password that is empty or cannot be read; without `--user` it is wrong usage.
    pub fn login(&self) -> Result<Login, Finding> {
        let Some(user) = self.user.clone() else {
            wrong_usage("the name that the old server knows the user by is missing: say it with --user")
        };
        Ok(Login { password: prompt::old_password(self.password_stdin, user.as_str())?, user })
    }
}

impl Secured {
    /// The server, spoken to in this way.
    ///
    /// # Errors
    /// A finding for a file without a certificate.
    pub fn server(&self, at: &Server) -> Result<Server, Finding> {
        Ok(Server { security: self.security(), trust: self.trust()?, ..at.clone() })
    }

    fn security(&self) -> Option<Security> {
        [(self.tls, Security::Tls), (self.stls, Security::Stls), (self.plain, Security::Plain)]
            .into_iter()
            .find_map(|(given, security)| given.then_some(security))
    }

    fn trust(&self) -> Result<Option<Trust>, Finding> {
        if self.insecure {
            return Ok(Some(Trust::anybody()));
        }
        let pinned = self.fingerprint.map(Trust::one);
        Ok(match &self.ca {
            Some(file) => Some(Trust::file(file)?),
            None => pinned,
        })
    }
}

/// HOST[:PORT]
///
/// # Errors
/// A text that reads `what: remedy`.
pub fn server(text: &str) -> Result<Server, String> {
    Server::parse(text)
}

fn user(text: &str) -> Result<UserName, String> {
    UserName::parse(text).ok_or_else(|| "no user name: write it as in the mail program".to_owned())
}
