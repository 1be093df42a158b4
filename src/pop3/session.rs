//! One POP3 session: takes a line, says what it wants.
//!
//! Never reads, writes, waits or looks at a clock. A step that asks carries the ticket for its
//! answer: moved into the answer, it allows no second one.

mod reasons;
mod tickets;
mod transaction;

use super::capabilities;
use super::command::{Command, Extent, Mistake};
use super::listing::{Listing, Marked};
use super::response::Response;
use crate::limits;
use crate::mail::{MessageNumber, Password, UserName};
use crate::sasl::{ChannelBindings, Credentials, Exchange, Login, Mechanism, Turn, scram};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
pub use reasons::{Goodbye, Refusal};
pub use tickets::{LoginTicket, LookUpTicket, PartTicket, SendTicket, UpdateTicket};

/// The session of one connection; after a TLS handshake a new one takes its place.
#[derive(Debug)]
pub struct Session {
    terms: Terms,
    state: State,
    /// UTF8 was said: RFC 6856, 2.1 puts STLS before it.
    utf8: bool,
    mistakes: u32,
    wrong_passwords: u32,
}

/// What the connection allows, as the settings and the handshake have it.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whether USER, PASS and AUTH may be said here and now.
    pub may_log_in: bool,
    /// `None`: without TLS, and STLS is offered.
    pub tls: Option<ChannelBindings>,
    /// Whether SCRAM is among the mechanisms.
    pub scram: bool,
}

impl Terms {
    /// What AUTH takes here.
    pub(super) fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let (bindings, scram) = (self.tls.clone().unwrap_or_default(), self.scram);
        Mechanism::offered(&bindings).filter(move |mechanism| scram || !mechanism.is_scram())
    }
}

#[derive(Debug)]
enum State {
    /// RFC 1939, 4, with the name that USER gave.
    Authorization(Option<UserName>),
    /// AUTH has begun: the next line is a response, not a command.
    Exchange(Mechanism, Exchange),
    /// A ticket is out that leads on to a login, or to the end.
    Asking,
    /// RFC 1939, 5.
    Transaction(Listing),
}

/// What a session wants after a line.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Answer this.
    Say(Response),
    /// Answer this, and what [`Session::go_on`] gives for the ticket: a long list, part by part.
    SayPart(Response, PartTicket),
    /// Judge this login, and open the maildrop.
    LogIn(Login, LoginTicket),
    /// Find what SCRAM needs to know of this user.
    LookUp(UserName, LookUpTicket),
    /// Send this message, [`SendTicket::announcement`] first.
    Send(MessageNumber, Extent, SendTicket),
    /// Remove and flag these messages.
    Update(Marked, UpdateTicket),
    /// Answer this, and begin the handshake.
    StartTls(Response),
    /// Answer this, and close.
    HangUp(Response, Goodbye),
}

impl Session {
    /// Begins; [`Response::GREETING`] is said first, but not behind STLS.
    pub fn new(terms: Terms) -> Self {
        Self { terms, state: State::Authorization(None), utf8: false, mistakes: 0, wrong_passwords: 0 }
    }

    /// Takes one line, its line end taken off.
    pub fn line(&mut self, line: &[u8]) -> Step {
        if let State::Exchange(..) = self.state {
            return self.response_in_exchange(line);
        }
        match Command::parse(line) {
            Ok(command) => match self.refusal_of(&command) {
                Some(refusal) => self.mistake(refusal),
                None => self.proceed(command),
            },
            Err(Mistake::Tell(response)) => self.mistake(response),
            Err(Mistake::Http) => Step::HangUp(Response::HTTP, Goodbye::Http),
        }
    }

    /// Takes notice of a line that was longer than `limits::POP3_LINE_MAX`.
    pub fn line_too_long(&mut self) -> Step {
        if let State::Exchange(..) = self.state {
            self.state = State::Authorization(None);
        }
        self.mistake(Response::LINE_TOO_LONG)
    }

    /// The maildrop is open.
    pub fn logged_in(&mut self, _ticket: LoginTicket, listing: Listing) -> Response {
        let summary = listing.summary();
        self.state = State::Transaction(listing);
        summary
    }

    /// There is no login. The client may try again, but not for ever.
    pub fn refused(&mut self, _ticket: LoginTicket, why: Refusal) -> Step {
        self.refuse(why)
    }

    /// The accounts have answered. `nonce`: printable, without a comma, never used before.
    pub fn looked_up(&mut self, ticket: LookUpTicket, found: scram::Credential, nonce: &str) -> Step {
        self.turn(ticket.mechanism, ticket.pending.answer(found, nonce))
    }

    /// The accounts were not asked, or could not answer.
    pub fn not_looked_up(&mut self, _ticket: LookUpTicket, why: Refusal) -> Step {
        self.refuse(why)
    }

    /// A part of a list was said: the next one.
    pub fn go_on(&mut self, ticket: PartTicket) -> Step {
        match &self.state {
            State::Transaction(listing) => transaction::list(listing, ticket.list, ticket.next),
            _ => self.mistake(Response::LOG_IN_FIRST),
        }
    }

    /// The message was sent to its end. Only RETR marks it as retrieved.
    pub fn sent(&mut self, ticket: SendTicket) {
        if let (State::Transaction(listing), Extent::Whole) = (&mut self.state, ticket.extent) {
            listing.retrieved(ticket.number);
        }
    }

    /// Whether the command may be said now; all rules of order and policy stand here.
    fn refusal_of(&self, command: &Command) -> Option<Response> {
        use Command::*;
        let logged_in = matches!(self.state, State::Transaction(_));
        match command {
            Quit | Capa | Lang(_) => None,
            User(_) | Pass(_) | Auth { .. } | AuthList | Stls | Utf8 | Apop if logged_in => {
                Some(Response::LOGGED_IN_ALREADY)
            }
            User(_) | Pass(_) | Auth { .. } | AuthList if !self.terms.may_log_in => Some(Response::NEED_TLS),
            Pass(_) if !matches!(self.state, State::Authorization(Some(_))) => Some(Response::USER_FIRST),
            Stls if self.terms.tls.is_some() => Some(Response::NO_STLS),
            Stls if self.utf8 => Some(Response::STLS_BEFORE_UTF8),
            User(_) | Pass(_) | Auth { .. } | AuthList | Stls | Utf8 => None,
            Apop => Some(Response::UNKNOWN),
            Stat | List(_) | Retr(_) | Top { .. } | Uidl(_) | Dele(_) | Rset | Noop | Last => {
                (!logged_in).then_some(Response::LOG_IN_FIRST)
            }
        }
    }

    /// Does what [`Self::refusal_of`] has allowed.
    fn proceed(&mut self, command: Command) -> Step {
        match command {
            Command::User(user) => {
                self.state = State::Authorization(Some(user));
                Step::Say(Response::PASSWORD_PLEASE)
            }
            Command::Pass(password) => self.user_and_password(password),
            Command::Auth { mechanism, initial } => self.begin_exchange(&mechanism, initial.as_deref()),
            Command::AuthList => Step::Say(Response::mechanisms(self.terms.mechanisms())),
            Command::Quit => self.quit(),
            Command::Capa => {
                let logged_in = matches!(self.state, State::Transaction(_));
                Step::Say(capabilities::list(&self.terms, logged_in))
            }
            Command::Stls => Step::StartTls(Response::BEGIN_TLS),
            Command::Utf8 => {
                self.utf8 = true;
                Step::Say(Response::UTF8)
            }
            Command::Lang(None) => Step::Say(Response::languages()),
            Command::Lang(Some(tag)) => {
                Step::Say(Response::language(&tag).unwrap_or(Response::NO_SUCH_LANGUAGE))
            }
            in_transaction => match &mut self.state {
                State::Transaction(listing) => transaction::answer(listing, in_transaction),
                _ => self.mistake(Response::LOG_IN_FIRST),
            },
        }
    }

    /// USER's name is used up: after a wrong password it is said anew (RFC 1939, 7).
    fn user_and_password(&mut self, password: Password) -> Step {
        match std::mem::replace(&mut self.state, State::Asking) {
            State::Authorization(Some(user)) => {
                let login = Login::Password(Credentials { user, password });
                Step::LogIn(login, LoginTicket { how: "USER" })
            }
            other => {
                self.state = other;
                self.mistake(Response::USER_FIRST)
            }
        }
    }

    /// Before the login there is nothing to carry out (RFC 1939, 4).
    fn quit(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Asking) {
            State::Transaction(listing) => Step::Update(listing.marked(), UpdateTicket::new()),
            _ => Step::HangUp(Response::GOODBYE, Goodbye::Quit),
        }
    }

    /// AUTH with a mechanism (RFC 5034, 4): its invitation, or at once the initial response.
    fn begin_exchange(&mut self, mechanism: &str, initial: Option<&str>) -> Step {
        let bindings = self.bindings();
        let Some(mechanism) = Mechanism::parse(mechanism)
            .filter(|wanted| self.terms.mechanisms().any(|offered| offered == *wanted))
        else {
            return self.mistake(Response::NO_SUCH_MECHANISM);
        };
        let exchange = Exchange::begin(mechanism, &bindings);
        let Some(initial) = initial else {
            let invitation = Response::challenge(exchange.invitation());
            self.state = State::Exchange(mechanism, exchange);
            return Step::Say(invitation);
        };
        // RFC 5034, 4: `=` is an initial response that is empty, unlike none.
        let initial = if initial == "=" { "" } else { initial };
        self.respond(mechanism, exchange, initial.as_bytes())
    }

    /// A line inside an exchange is no command; `*` gives up (RFC 5034, 4).
    fn response_in_exchange(&mut self, line: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Authorization(None)) {
            State::Exchange(..) if line == b"*" => self.mistake(Response::EXCHANGE_CANCELLED),
            State::Exchange(mechanism, exchange) => self.respond(mechanism, exchange, line),
            other => {
                self.state = other;
                self.mistake(Response::UNKNOWN)
            }
        }
    }

    /// Hands a response to the mechanism. Padding and alphabet are those of RFC 4648, 4, strictly: two
    /// spellings of one secret are one more than a filter expects.
    fn respond(&mut self, mechanism: Mechanism, exchange: Exchange, base64: &[u8]) -> Step {
        self.state = State::Authorization(None);
        match BASE64.decode(base64) {
            Ok(response) => self.turn(mechanism, exchange.respond(&response)),
            Err(_) => self.mistake(Response::NOT_BASE64),
        }
    }

    /// What the mechanism wants, as a step.
    fn turn(&mut self, mechanism: Mechanism, turn: Turn) -> Step {
        match turn {
            Turn::Challenge(challenge, exchange) => {
                self.state = State::Exchange(mechanism, exchange);
                Step::Say(Response::challenge(&challenge))
            }
            Turn::LookUp(user, pending) => {
                self.state = State::Asking;
                Step::LookUp(user, LookUpTicket { mechanism, pending })
            }
            Turn::Judge(login) => {
                self.state = State::Asking;
                Step::LogIn(login, LoginTicket { how: mechanism.name() })
            }
            Turn::Failed => self.mistake(Response::EXCHANGE_FAILED),
        }
    }

    /// Back to the AUTHORIZATION state, unless the client has guessed enough.
    fn refuse(&mut self, why: Refusal) -> Step {
        self.state = State::Authorization(None);
        match why {
            Refusal::InUse => Step::Say(Response::IN_USE),
            Refusal::Held => Step::Say(Response::BEING_MOVED),
            Refusal::Fault | Refusal::Refused => Step::Say(Response::TEMPORARY),
            Refusal::Name => Step::Say(Response::NO_DOMAIN),
            Refusal::Scram => self.mistake(Response::NO_SUCH_MECHANISM),
            Refusal::Banned => Step::HangUp(Response::BANNED, Goodbye::Banned),
            Refusal::Password => {
                self.wrong_passwords += 1;
                if self.wrong_passwords > limits::POP3_LOGIN_FAILURES_MAX {
                    return Step::HangUp(Response::TOO_MANY_PASSWORDS, Goodbye::Passwords);
                }
                Step::Say(Response::WRONG_PASSWORD)
            }
        }
    }

    /// Answers a mistake, and ends a session that makes nothing else.
    fn mistake(&mut self, response: Response) -> Step {
        self.mistakes += 1;
        if self.mistakes > limits::POP3_ERRORS_MAX {
            return Step::HangUp(Response::TOO_MANY_ERRORS, Goodbye::Errors);
        }
        Step::Say(response)
    }

    fn bindings(&self) -> ChannelBindings {
        self.terms.tls.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
