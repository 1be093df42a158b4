//! One session with an old server: takes octets, says what to do.
//!
//! Never reads, writes, waits or looks at a clock. Commands may be asked ahead of the answers; each answer
//! is given with the command that it belongs to.

use super::answer::{Refusal, Status, Words};
use super::capabilities::Capabilities;
use super::failure::Failure;
use super::line::{Collected, Found};
use super::listing::{self, Lines, Numbered};
use super::login::{Login, Turn};
use super::request::{Line, Request};
use crate::limits;
use crate::mail::{Password, UserName};
use crate::wire::dot_decoder::DotDecoder;
use std::collections::VecDeque;

/// The session of one connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    body: Body,
    line: Collected,
    capabilities: Capabilities,
    /// Asked and not answered.
    asked: VecDeque<Request>,
}

/// How much TLS is wanted on a connection that has none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsWish {
    /// STLS, or no password is said.
    Required,
    /// STLS if it is offered.
    IfOffered,
    /// No STLS.
    Never,
}

/// What a session wants after octets.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// All octets were used; more are needed.
    Read,
    /// Send this.
    Say(Line),
    /// Make the handshake, then [`Session::secured`]. Octets that came behind are thrown away.
    StartTls,
    /// The maildrop is open: ask.
    LoggedIn,
    /// The answer to the oldest command that had none.
    Answered(Request, Answer),
    /// The session is over.
    Failed(Failure),
}

/// The answer to a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// `-ERR`. The session goes on.
    Refused(Refusal),
    /// `+OK` to DELE and QUIT.
    Done,
    /// To LIST.
    Sizes(Numbered<u64>),
    /// To UIDL; messages without one are not in it.
    UniqueIds(Numbered<Vec<u8>>),
    /// The message has come to its end; its text was given before.
    Message {
        /// As LIST should have counted them.
        octets: u64,
    },
}

#[derive(Debug)]
enum State {
    LoggingIn(Box<Login>),
    /// Nothing that comes is heard.
    HandShake(Box<Login>),
    LoggedIn,
    Over(Failure),
}

/// What the next octets are.
#[derive(Debug)]
enum Body {
    Status,
    List(Lines),
    Message(DotDecoder),
}

impl Session {
    /// What [`Session::asked`] says while the greeting is waited for.
    pub const ARRIVAL: &str = "our arrival";

    /// A session on a new connection; `is_secure` if the TLS handshake came first (port 995).
    pub fn new(user: UserName, password: Password, wish: TlsWish, is_secure: bool) -> Self {
        Self {
            state: State::LoggingIn(Box::new(Login::new(user, password, wish, is_secure))),
            body: Body::Status,
            line: Collected::default(),
            capabilities: Capabilities::default(),
            asked: VecDeque::new(),
        }
    }

    /// Takes octets that came: how many were used, and what is to be done. Octets that were not used must
    /// be given again. The text of a message, with LF line ends, is appended to `text` as it comes.
    pub fn take(&mut self, input: &[u8], text: &mut Vec<u8>) -> (usize, Step) {
        let mut used = 0;
        while let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) {
            match self.advance(rest, text) {
                Ok((more, None)) => used += more,
                Ok((more, Some(step))) => return (used + more, step),
                Err(failure) => {
                    self.state = State::Over(failure.clone());
                    return (input.len(), Step::Failed(failure));
                }
            }
        }
        (used, Step::Read)
    }

    /// The handshake is done: what to send next.
    pub fn secured(&mut self) -> Option<Line> {
        let over = State::Over(Failure::NoStls(Words::default()));
        match std::mem::replace(&mut self.state, over) {
            State::HandShake(mut login) => {
                let line = login.secured();
                self.state = State::LoggingIn(login);
                Some(line)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Asks something: the line to send. Only after [`Step::LoggedIn`]; without
    /// [`Capabilities::pipelining`] only when [`Session::waiting`] is 0.
    pub fn ask(&mut self, request: Request) -> Line {
        self.asked.push_back(request);
        request.line()
    }

    /// How many commands have no answer yet.
    pub fn waiting(&self) -> usize {
        self.asked.len()
    }

    /// What the server said of itself before the login.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// The command whose answer is coming, for the words of a connection that breaks.
    pub fn asked(&self) -> &'static str {
        match &self.state {
            State::LoggingIn(login) | State::HandShake(login) => login.asked(),
            State::LoggedIn | State::Over(_) => self.asked.front().map_or("nothing", |asked| asked.name()),
        }
    }

    /// Octets of the list that is coming, which is held until it is whole.
    pub fn listing_octets(&self) -> u64 {
        match &self.body {
            Body::List(lines) => lines.octets(),
            Body::Status | Body::Message(_) => 0,
        }
    }

    /// Whether the server is only being met: its answers need neither a mailbox nor a message.
    pub fn is_at_the_door(&self) -> bool {
        match &self.state {
            State::LoggingIn(login) | State::HandShake(login) => !login.opens(),
            State::LoggedIn | State::Over(_) => false,
        }
    }

    /// One thing at a time: how many octets were used, never none without a step.
    fn advance(&mut self, input: &[u8], text: &mut Vec<u8>) -> Result<(usize, Option<Step>), Failure> {
        match &self.state {
            State::HandShake(_) => return Ok((input.len(), None)),
            State::Over(failure) => return Err(failure.clone()),
            State::LoggingIn(_) | State::LoggedIn => {}
        }
        let asked = self.asked();
        match &mut self.body {
            Body::Status => match self.line.take(input) {
                Found::Part => Ok((input.len(), None)),
                Found::TooLong => Err(Failure::TooMuch { asked }),
                Found::Whole(used, line) => Ok((used, self.status(Status::parse(&line))?)),
            },
            Body::List(lines) => {
                let (used, is_over) = lines.take(input, asked)?;
                Ok((used, if is_over { Some(self.listed()?) } else { None }))
            }
            Body::Message(decoder) => {
                let used = decoder.push(input, text);
                let (octets, is_over) = (decoder.octets(), decoder.is_over());
                if octets > limits::FETCH_MESSAGE_MAX {
                    return Err(Failure::TooMuch { asked });
                }
                Ok((used, is_over.then(|| self.answered(Answer::Message { octets })).flatten()))
            }
        }
    }

    fn status(&mut self, status: Status) -> Result<Option<Step>, Failure> {
        match &mut self.state {
            State::LoggingIn(login) => {
                let turn = login.status(status)?;
                Ok(self.turn(turn))
            }
            _ => self.answer(status),
        }
    }

    /// The first line of an answer to the oldest command.
    fn answer(&mut self, status: Status) -> Result<Option<Step>, Failure> {
        let Some(request) = self.asked.front() else { return Err(unasked(status)) };
        match (status, request) {
            (Status::Ok(_), Request::List | Request::Uidl) => self.body = Body::List(Lines::default()),
            (Status::Ok(_), Request::Retr(_) | Request::Header(_)) => {
                self.body = Body::Message(DotDecoder::default());
            }
            (Status::Ok(_), Request::Dele(_) | Request::Quit) => return Ok(self.answered(Answer::Done)),
            (Status::Refused(refusal), _) => return Ok(self.answered(Answer::Refused(refusal))),
            (Status::GoOn, request) => {
                return Err(Failure::Nonsense { asked: request.name(), words: Words::of(b"+") });
            }
            (Status::Nonsense(words), request) => {
                return Err(Failure::Nonsense { asked: request.name(), words });
            }
        }
        Ok(None)
    }

    /// A list has come to its end.
    fn listed(&mut self) -> Result<Step, Failure> {
        let Body::List(lines) = std::mem::replace(&mut self.body, Body::Status) else {
            return Ok(Step::Read);
        };
        let text = lines.into_text();
        if let State::LoggingIn(login) = &mut self.state {
            let turn = login.listed(Capabilities::parse(&text))?;
            return Ok(self.turn(turn).unwrap_or(Step::Read));
        }
        let answer = match self.asked.front() {
            Some(Request::List) => Answer::Sizes(listing::sizes(&text)?),
            _ => Answer::UniqueIds(listing::unique_ids(&text)?),
        };
        Ok(self.answered(answer).unwrap_or(Step::Read))
    }

    fn answered(&mut self, answer: Answer) -> Option<Step> {
        self.body = Body::Status;
        self.asked.pop_front().map(|request| Step::Answered(request, answer))
    }

    fn turn(&mut self, turn: Turn) -> Option<Step> {
        match turn {
            Turn::Say(line) => Some(Step::Say(line)),
            Turn::List => {
                self.body = Body::List(Lines::default());
                None
            }
            Turn::StartTls => {
                if let State::LoggingIn(login) = std::mem::replace(&mut self.state, State::LoggedIn) {
                    self.state = State::HandShake(login);
                }
                Some(Step::StartTls)
            }
            Turn::LoggedIn => {
                if let State::LoggingIn(login) = std::mem::replace(&mut self.state, State::LoggedIn) {
                    self.capabilities = login.capabilities();
                }
                Some(Step::LoggedIn)
            }
        }
    }
}

/// A server that says something by itself says goodbye: `-ERR Disconnected for inactivity`.
fn unasked(status: Status) -> Failure {
    match status {
        Status::Refused(refusal) => Failure::Temporary(refusal.words),
        Status::Ok(words) | Status::Nonsense(words) => Failure::Nonsense { asked: "nothing", words },
        Status::GoOn => Failure::Nonsense { asked: "nothing", words: Words::of(b"+") },
    }
}
