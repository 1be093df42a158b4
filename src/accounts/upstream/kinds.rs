//! The words of the live move: old servers, whom they stand behind, and how far an account has come; each as
//! the tables have it.

use crate::accounts::Error;
use crate::mail::{AccountAddress, Domain, UserName};
use std::fmt;
use std::time::SystemTime;

/// An old server, and whom it stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// A domain, or one address in it.
    pub scope: Scope,
    /// Its name, or its address.
    pub host: String,
    /// Its POP3 port; `None`: as the way of securing it has it.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub security: Security,
    /// What its certificate must be.
    pub trust: Trust,
    /// As whom it knows its users.
    pub user: UserPattern,
    /// Whether mail is taken for addresses that nobody has shown to exist.
    pub accept_unknown: bool,
}

/// What an upstream is for. One for an address goes before one for its domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody there.
    Domain(Domain),
    /// One mailbox.
    Address(AccountAddress),
}

/// How a connection to an old server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing was asked for: TLS, which only an old server on this machine may do without.
    Default,
    /// From the first octet.
    Tls,
    /// After STLS.
    Stls,
    /// Not at all, on purpose.
    Plain,
}

/// What the certificate of an old server must be. Kept whole: a running server may read no other file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Signed by one of the system's roots.
    Roots,
    /// Signed by one of these, in PEM.
    Authority(String),
    /// The one of this SHA-256, in hexadecimal digits.
    Fingerprint(String),
    /// Anything, on purpose.
    Anything,
}

/// As whom an old server knows its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserPattern {
    /// `%u`: by the name as it was typed.
    AsTyped,
    /// `%n`: by what stands before the `@`.
    LocalPart,
}

/// How far an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It has an account here, and nobody has logged in since the upstream stands.
    Waiting,
    /// The old server serves it, through us.
    Relayed,
    /// Its mail is on the way.
    Moving,
    /// Its mail is here.
    Moved,
    /// Its mail could not be brought over; the next login tries again.
    Failing,
}

/// One account, as long as it lives: one that is made under its name later is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountId(pub(super) i64);

/// Why an account waits that was made here and let in here, since the old server refused it: it may never have had
/// it.
pub const REFUSED_THERE: &str =
    "the old server refuses its password, and the one that is stored here lets it in";

/// An account under an upstream, for `upstream list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose.
    pub address: AccountAddress,
    /// Whether logins are taken.
    pub enabled: bool,
    /// How far it is.
    pub progress: Progress,
    /// What is in the way, or was at the last attempt.
    pub why: Option<String>,
    /// Messages that have come over.
    pub messages: u64,
    /// Since when it is so far; `None` while it waits.
    pub since: Option<SystemTime>,
}

/// What a login at an address with an upstream has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which account it is, or will be.
    pub address: AccountAddress,
    /// The old server.
    pub upstream: Upstream,
    /// The account, if there is one yet.
    pub here: Option<Here>,
    /// Whether the name is an alias', so that no account can come over under it.
    pub is_alias: bool,
}

/// What a login under a name means while old servers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// No old server has anything to do with it.
    Ours,
    /// One account, here already or not.
    Behind(Box<Standing>),
    /// A name without a domain that more than one may have. None of them is tried: the password would be
    /// told to strangers, and one who has the same there would be given the account of another.
    Unclear,
}

/// An account that is here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// Whether logins are taken.
    pub enabled: bool,
    /// Whether its mail is not yet to be shown.
    pub held: bool,
    /// How far it is.
    pub progress: Progress,
    /// Whether the old server has refused it before, and it was let in by what is stored here.
    pub was_refused_there: bool,
}

impl Move {
    /// Whether the old server has nothing that is not here, as far as anybody knows.
    pub fn is_all_here(&self) -> bool {
        self.progress == Progress::Moved && self.why.is_none()
    }

    /// Whether the old server has refused it, and it was let in by what is stored here.
    pub fn was_refused_there(&self) -> bool {
        self.progress == Progress::Waiting && self.why.as_deref() == Some(REFUSED_THERE)
    }
}

impl Scope {
    /// How it stands in the table: no address has an empty local part.
    pub(super) fn columns(&self) -> (&str, &str) {
        match self {
            Self::Domain(domain) => ("", domain.as_str()),
            Self::Address(address) => (address.local_part(), address.domain().as_str()),
        }
    }

    /// Whether it stands behind that address, in either form of its domain.
    pub fn covers(&self, address: &AccountAddress) -> bool {
        let is = |address: &AccountAddress| match self {
            Self::Domain(domain) => domain == address.domain(),
            Self::Address(own) => own == address,
        };
        is(address) || address.in_other_form().is_some_and(|other| is(&other))
    }
}

impl Upstream {
    /// `pop.example.net:110`, as it was typed.
    pub fn server(&self) -> String {
        match self.port {
            Some(port) if self.host.contains(':') => format!("[{}]:{port}", self.host),
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether `user`'s mailbox at that server is the one that this old server has for an account here. A server is
    /// the same by either of its usual ports; behind another one may be anything.
    pub fn has_mailbox(
        &self,
        address: &AccountAddress,
        host: &str,
        port: Option<u16>,
        user: &UserName,
    ) -> bool {
        let unusual = |port: Option<u16>| port.filter(|port| ![110, 995].contains(port));
        // `anna*admin`: Dovecot's master user, in anna's mailbox.
        let name = user.as_str().split('*').next().unwrap_or_default().to_lowercase();
        let is_in_other_form = || address.in_other_form().is_some_and(|other| name == other.to_string());
        let is_hers = name == address.local_part() || name == address.to_string() || is_in_other_form();
        is_hers && self.host.eq_ignore_ascii_case(host) && unusual(self.port) == unusual(port)
    }

    /// The name that its users have there.
    pub fn user_of(&self, typed: &UserName) -> String {
        let local_part = typed.as_str().rsplit_once('@').map_or(typed.as_str(), |(local_part, _)| local_part);
        match self.user {
            UserPattern::AsTyped => typed.as_str().to_owned(),
            UserPattern::LocalPart => local_part.to_owned(),
        }
    }
}

impl Security {
    /// As the tables and `upstream list` have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Tls => "tls",
            Self::Stls => "stls",
            Self::Plain => "plain",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let all = [Self::Default, Self::Tls, Self::Stls, Self::Plain];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| unknown("security", text))
    }
}

impl Trust {
    pub(super) fn written(&self) -> String {
        match self {
            Self::Roots => "roots".to_owned(),
            Self::Authority(pem) => format!("authority {pem}"),
            Self::Fingerprint(digits) => format!("fingerprint {digits}"),
            Self::Anything => "anything".to_owned(),
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        match text.split_once(' ') {
            None if text == "roots" => Ok(Self::Roots),
            None if text == "anything" => Ok(Self::Anything),
            Some(("authority", pem)) => Ok(Self::Authority(pem.to_owned())),
            Some(("fingerprint", digits)) => Ok(Self::Fingerprint(digits.to_owned())),
            _ => Err(unknown("trust", text)),
        }
    }
}

impl UserPattern {
    /// As it is typed: `%u` or `%n`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsTyped => "%u",
            Self::LocalPart => "%n",
        }
    }

    /// `None` for what is no pattern.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AsTyped, Self::LocalPart].into_iter().find(|one| one.as_str() == text)
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| unknown("user pattern", text))
    }
}

impl Progress {
    /// As the tables and `upstream list` have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Relayed => "relayed",
            Self::Moving => "moving",
            Self::Moved => "moved",
            Self::Failing => "failing",
        }
    }

    /// Without a row, nobody has logged in yet.
    pub(super) fn read(text: Option<&str>) -> Result<Self, Error> {
        let Some(text) = text else { return Ok(Self::Waiting) };
        let all = [Self::Waiting, Self::Relayed, Self::Moving, Self::Moved, Self::Failing];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| unknown("progress", text))
    }
}

fn unknown(what: &str, text: &str) -> Error {
    Error::Damaged(format!("{text:?} is no {what} of a move"))
}

/// As it is typed behind `upstream add`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}
