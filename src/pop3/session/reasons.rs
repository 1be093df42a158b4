//! Why there is no login, and why a session hangs up, each with its word for the log: what is said to the client
//! may be said better one day, and these stay.

/// Why there is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A wrong one, or an unknown user.
    Password,
    /// Another session has the maildrop.
    InUse,
    /// The mail is on its way from an old server.
    Held,
    /// Ours.
    Fault,
    /// An old server did not let us in, whatever it meant.
    Refused,
    /// One without a domain that more than one account may have.
    Name,
    /// It cannot be done with every account now.
    Scram,
    /// The peer's address is refused for a while.
    Banned,
}

/// Why a session hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// The client said QUIT.
    Quit,
    /// Nothing but mistakes came.
    Errors,
    /// Too many wrong ones.
    Passwords,
    /// The peer's address is refused for a while.
    Banned,
    /// A browser.
    Http,
    /// Octets before the handshake that belong to nobody.
    BehindStls,
}

impl Refusal {
    /// Its word in the log; stable.
    pub fn why(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::InUse => "in-use",
            Self::Held => "held",
            Self::Fault => "fault",
            Self::Refused => "refused",
            Self::Name => "name",
            Self::Scram => "scram",
            Self::Banned => "banned",
        }
    }
}

impl Goodbye {
    /// Its word in the log; stable.
    pub fn why(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Errors => "errors",
            Self::Passwords => "passwords",
            Self::Banned => "banned",
            Self::Http => "http",
            Self::BehindStls => "behind-stls",
        }
    }
}
