//! Tickets: each question of a session carries one, and the answer takes it away.
//!
//! They are made by the session alone, so an answer to no question does not compile.

use super::{Goodbye, Step};
use crate::mail::{MessageNumber, Octets};
use crate::pop3::command::Extent;
use crate::pop3::listing::List;
use crate::pop3::response::Response;
use crate::sasl::{Mechanism, scram};

/// For the answer to [`super::Step::LogIn`].
#[derive(Debug)]
pub struct LoginTicket {
    pub(super) how: &'static str,
}

/// For the answer to [`super::Step::LookUp`].
#[derive(Debug)]
pub struct LookUpTicket {
    pub(super) mechanism: Mechanism,
    pub(super) pending: scram::Pending,
}

/// For the answer to [`super::Step::Send`]; dropped, the message was not sent.
#[derive(Debug)]
pub struct SendTicket {
    pub(super) number: MessageNumber,
    pub(super) extent: Extent,
    pub(super) octets: Octets,
}

/// For what follows a [`super::Step::SayPart`].
#[derive(Debug)]
pub struct PartTicket {
    pub(super) list: List,
    pub(super) next: usize,
}

/// For the answer to [`super::Step::Update`].
#[derive(Debug)]
pub struct UpdateTicket(());

impl LoginTicket {
    /// How the login was asked for, for the log: `USER` or the mechanism's name.
    pub fn how(&self) -> &'static str {
        self.how
    }
}

impl LookUpTicket {
    /// The mechanism's name, for the log.
    pub fn how(&self) -> &'static str {
        self.mechanism.name()
    }
}

impl SendTicket {
    /// The line that stands before the message.
    pub fn announcement(&self) -> Response {
        match self.extent {
            Extent::Whole => Response::octets(self.octets),
            Extent::Top { .. } => Response::TOP_FOLLOWS,
        }
    }

    /// What LIST said of the message: RETR must send as many octets.
    pub fn octets(&self) -> Octets {
        self.octets
    }
}

impl UpdateTicket {
    pub(super) fn new() -> Self {
        Self(())
    }

    /// The marks were carried out; `complete`: all of them.
    pub fn answer(self, complete: bool) -> Step {
        let response = if complete { Response::GOODBYE } else { Response::NOT_ALL_REMOVED };
        Step::HangUp(response, Goodbye::Quit)
    }
}
