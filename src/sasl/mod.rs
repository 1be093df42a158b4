//! SASL, the server's side: who is it, and how do they prove it (RFC 4422).
//!
//! Each mechanism is an [`Exchange`] that takes the client's responses as plain octets and says what
//! comes next. Knows no base64, no POP3, no accounts; has no randomness of its own: a nonce is handed in.

pub mod login;
pub mod plain;
pub mod scram;

use crate::mail::{Password, UserName};

/// A mechanism that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login: Outlook's way.
    Login,
    /// RFC 5802 with the hash of RFC 7677.
    ScramSha256,
    /// The same, bound to the TLS channel it runs in.
    ScramSha256Plus,
}

/// What ties an exchange to the TLS connection around it, so that nobody in between can relay it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// RFC 9266: `tls-exporter`.
    pub exporter: Option<Vec<u8>>,
    /// RFC 5929, 4: `tls-server-end-point`.
    pub server_end_point: Option<Vec<u8>>,
}

/// A name and the password that shall prove it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// As typed.
    pub user: UserName,
    /// As typed; its `Debug` tells nothing.
    pub password: Password,
}

/// What a client offers in the end, for the accounts to judge.
#[derive(Clone, Debug)]
pub enum Login {
    /// A password, to be verified.
    Password(Credentials),
    /// A proof that SCRAM has judged already.
    Proof(scram::Verdict),
}

/// An exchange that has begun.
#[derive(Debug)]
pub enum Exchange {
    /// PLAIN waits for its one message.
    Plain,
    /// LOGIN waits for the name or the password.
    Login(login::Login),
    /// SCRAM waits for one of its messages.
    Scram(scram::Server),
}

/// What comes next in an exchange.
#[derive(Debug)]
#[must_use]
pub enum Turn {
    /// Send this, and take the client's response to it.
    Challenge(Vec<u8>, Exchange),
    /// Ask the accounts for what SCRAM needs.
    LookUp(UserName, scram::Pending),
    /// All is said: judge it.
    Judge(Login),
    /// The client broke the mechanism's rules, or asked for what is not granted.
    Failed,
}

impl Login {
    /// The name that was given.
    pub fn user(&self) -> &UserName {
        match self {
            Self::Password(credentials) => &credentials.user,
            Self::Proof(verdict) => &verdict.user,
        }
    }
}

impl Mechanism {
    /// By its registered name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// Whether it proves a password without sending it, with keys that were made for it.
    pub fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256 | Self::ScramSha256Plus)
    }

    /// Those that work on this connection; without TLS there is no channel to bind to.
    pub fn offered(bindings: &ChannelBindings) -> impl Iterator<Item = Self> + use<> {
        let plus = bindings.any();
        Self::ALL.into_iter().filter(move |mechanism| plus || *mechanism != Self::ScramSha256Plus)
    }

    const ALL: [Self; 4] = [Self::Plain, Self::Login, Self::ScramSha256, Self::ScramSha256Plus];
}

impl ChannelBindings {
    /// Whether there is a channel to bind to.
    pub fn any(&self) -> bool {
        self.exporter.is_some() || self.server_end_point.is_some()
    }
}

impl Exchange {
    /// Begins. SCRAM is told the connection's bindings, and whether its client asked for the PLUS.
    pub fn begin(mechanism: Mechanism, bindings: &ChannelBindings) -> Self {
        match mechanism {
            Mechanism::Plain => Self::Plain,
            Mechanism::Login => Self::Login(login::Login::User),
            Mechanism::ScramSha256 => Self::Scram(scram::Server::new(bindings.clone(), false)),
            Mechanism::ScramSha256Plus => Self::Scram(scram::Server::new(bindings.clone(), true)),
        }
    }

    /// What to send to a client that gave no initial response.
    pub fn invitation(&self) -> &'static [u8] {
        match self {
            Self::Login(_) => login::USER_CHALLENGE,
            Self::Plain | Self::Scram(_) => b"",
        }
    }

    /// Takes the client's next response, base64 already taken off.
    pub fn respond(self, response: &[u8]) -> Turn {
        match self {
            Self::Plain => plain::respond(response),
            Self::Login(login) => login.respond(response),
            Self::Scram(server) => server.respond(response),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_are_named_in_any_case_and_bound_only_to_a_channel() {
        assert_eq!(Mechanism::parse("scram-sha-256"), Some(Mechanism::ScramSha256));
        assert_eq!(Mechanism::parse("CRAM-MD5"), None);
        let plain = ChannelBindings::default();
        let tls = ChannelBindings { server_end_point: Some(vec![1]), ..plain.clone() };
        assert!(Mechanism::offered(&plain).all(|mechanism| mechanism != Mechanism::ScramSha256Plus));
        assert!(Mechanism::offered(&tls).any(|mechanism| mechanism == Mechanism::ScramSha256Plus));
    }

    #[test]
    fn only_login_speaks_first() {
        let bindings = ChannelBindings::default();
        for (mechanism, invitation) in [
            (Mechanism::Plain, &b""[..]),
            (Mechanism::Login, b"Username:"),
            (Mechanism::ScramSha256, b""),
            (Mechanism::ScramSha256Plus, b""),
        ] {
            assert_eq!(Exchange::begin(mechanism, &bindings).invitation(), invitation);
        }
    }
}
