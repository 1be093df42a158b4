//! From the greeting to the maildrop: CAPA, STLS, USER and PASS or AUTH PLAIN.
//!
//! Knows the order and what each answer means; no octets and no lists.

use super::answer::{Refusal, Status, Words};
use super::capabilities::Capabilities;
use super::failure::Failure;
use super::meaning::Why;
use super::request::Line;
use super::session::{Session, TlsWish};
use crate::limits;
use crate::mail::{Password, UserName};

/// A login under way.
#[derive(Debug)]
pub(super) struct Login {
    user: UserName,
    password: Password,
    wish: TlsWish,
    is_secure: bool,
    stage: Stage,
    capabilities: Capabilities,
}

/// What the next answer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Capa,
    Stls,
    User,
    Pass,
    /// With the response in the command, or without.
    Auth,
    Response,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Turn {
    Say(Line),
    /// A list follows, for [`Login::listed`].
    List,
    StartTls,
    LoggedIn,
}

impl Login {
    pub(super) fn new(user: UserName, password: Password, wish: TlsWish, is_secure: bool) -> Self {
        let capabilities = Capabilities::default();
        Self { user, password, wish, is_secure, stage: Stage::Greeting, capabilities }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// The command whose answer is waited for.
    pub(super) fn asked(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => Session::ARRIVAL,
            Stage::Capa => "CAPA",
            Stage::Stls => "STLS",
            Stage::User => "USER",
            Stage::Pass => "PASS",
            Stage::Auth | Stage::Response => "AUTH",
        }
    }

    /// Whether the server opens the maildrop for its answer, which may take a while.
    pub(super) fn opens(&self) -> bool {
        matches!(self.stage, Stage::Pass | Stage::Auth | Stage::Response)
    }

    /// Takes a status line.
    pub(super) fn status(&mut self, status: Status) -> Result<Turn, Failure> {
        match (self.stage, status) {
            (Stage::Greeting, Status::Ok(_)) => Ok(self.say(Stage::Capa, Line::of("CAPA"))),
            (Stage::Greeting, Status::Refused(refusal)) => Err(self.unwelcome(refusal)),
            (Stage::Greeting, Status::Nonsense(words)) => Err(Failure::NotPop3(words)),
            (Stage::Capa, Status::Ok(_)) => Ok(Turn::List),
            (Stage::Capa, Status::Refused(_)) => self.secure_or_log_in(),
            (Stage::Stls, Status::Ok(_)) => Ok(Turn::StartTls),
            (Stage::Stls, Status::Refused(refusal)) => self.without_stls(refusal.words),
            (Stage::User, Status::Ok(_)) => Ok(self.say(Stage::Pass, Line::pass(&self.password))),
            (Stage::Auth, Status::GoOn) => {
                Ok(self.say(Stage::Response, Line::plain(&self.user, &self.password)))
            }
            (Stage::Pass | Stage::Auth | Stage::Response, Status::Ok(_)) => Ok(Turn::LoggedIn),
            (Stage::User, Status::Refused(refusal)) if self.offers_nothing(&refusal) => Err(Failure::NoLogin),
            (Stage::User | Stage::Pass | Stage::Auth | Stage::Response, Status::Refused(refusal)) => {
                Err(self.refused(refusal))
            }
            (_, Status::GoOn) => Err(self.nonsense(Words::of(b"+"))),
            (_, Status::Nonsense(words)) => Err(self.nonsense(words)),
        }
    }

    /// Takes the list of CAPA.
    pub(super) fn listed(&mut self, capabilities: Capabilities) -> Result<Turn, Failure> {
        self.capabilities = capabilities;
        self.secure_or_log_in()
    }

    /// The handshake is done: what was said before it may have been said by anybody.
    pub(super) fn secured(&mut self) -> Line {
        self.is_secure = true;
        self.capabilities = Capabilities::default();
        self.stage = Stage::Capa;
        Line::of("CAPA")
    }

    fn secure_or_log_in(&mut self) -> Result<Turn, Failure> {
        let known = self.capabilities;
        if self.is_secure || self.wish == TlsWish::Never {
            return Ok(self.log_in());
        }
        // A server that knows no CAPA may know STLS.
        if known.stls || (self.wish == TlsWish::Required && !known.told) {
            return Ok(self.say(Stage::Stls, Line::of("STLS")));
        }
        self.without_stls(Words::of(b"it is not among its capabilities"))
    }

    fn without_stls(&mut self, words: Words) -> Result<Turn, Failure> {
        if self.wish == TlsWish::Required { Err(Failure::NoStls(words)) } else { Ok(self.log_in()) }
    }

    /// USER and PASS, which every server knows, unless it says that it does not, or the name has a blank
    /// in it, where some servers end it.
    fn log_in(&mut self) -> Turn {
        let known = self.capabilities;
        if known.plain && (!known.user || self.user.as_str().contains(' ')) {
            let response = Line::plain(&self.user, &self.password);
            let text = String::from_utf8_lossy(response.octets());
            let at_once = format!("AUTH PLAIN {}", text.trim_end());
            // RFC 2449, 4: what is longer waits for the server's invitation.
            let fits = at_once.len() + 2 <= limits::POP3_COMMAND_MAX;
            return self.say(Stage::Auth, Line::of(if fits { &at_once } else { "AUTH PLAIN" }));
        }
        self.say(Stage::User, Line::user(&self.user))
    }

    fn say(&mut self, stage: Stage, line: Line) -> Turn {
        self.stage = stage;
        Turn::Say(line)
    }

    fn why(&self, words: &Words) -> Why {
        Why::of(words.as_str(), &self.user)
    }

    /// Neither way was in the list, and indeed.
    fn offers_nothing(&self, refusal: &Refusal) -> bool {
        let known = self.capabilities;
        matches!(self.why(&refusal.words), Why::Other | Why::Bare)
            && known.told
            && !known.user
            && !known.plain
    }

    /// A server that has a code for a wrong password, and neither says it nor the plain word, means something
    /// else.
    fn refused(&self, Refusal { words }: Refusal) -> Failure {
        let has_code = self.capabilities.tells_wrong;
        // Most servers that say nothing at all to a password do not like it.
        let is_silent = words.as_str().is_empty() && self.opens();
        match self.why(&words) {
            Why::InUse => Failure::InUse(words),
            Why::NeedsTls | Why::CredentialsOrTls if !self.is_secure => Failure::NeedsTls(words),
            Why::Credentials | Why::CredentialsOrTls => Failure::WrongPassword(words),
            Why::Wrong if !has_code => Failure::WrongPassword(words),
            Why::Bare if self.opens() && !has_code => Failure::WrongPassword(words),
            Why::Other if is_silent && !has_code => Failure::WrongPassword(words),
            Why::Temporary => Failure::Temporary(words),
            Why::Wrong | Why::Bare | Why::Fault | Why::NeedsTls | Why::Other => Failure::Refused(words),
        }
    }

    /// `-ERR` as greeting: too many connections, a ban, a server that is being repaired.
    fn unwelcome(&self, Refusal { words }: Refusal) -> Failure {
        match self.why(&words) {
            Why::InUse => Failure::InUse(words),
            Why::NeedsTls => Failure::NeedsTls(words),
            _ => Failure::Temporary(words),
        }
    }

    fn nonsense(&self, words: Words) -> Failure {
        Failure::Nonsense { asked: self.asked(), words }
    }
}
