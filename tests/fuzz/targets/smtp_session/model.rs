//! The order of commands as the RFCs tell it, in a form that can be seen to be right. Follows what
//! the session says; panics where that is not lawful.

use restante::limits;
use restante::smtp::{Reply, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    Open { recipients: usize },
    Receiving { recipients: usize, octets: u64 },
    Failed { recipients: usize },
}

#[derive(Debug)]
pub struct Model {
    pub role: Role,
    pub hello: bool,
    pub state: State,
    /// Of the line that is being answered.
    verb: String,
    last: bool,
    tls_offered: bool,
    mistakes: u32,
}

impl Model {
    pub fn new(role: Role, tls_offered: bool) -> Self {
        Self {
            role,
            hello: false,
            state: State::Idle,
            verb: String::new(),
            last: false,
            tls_offered,
            mistakes: 0,
        }
    }

    /// Takes the first word of a line, and whether the last one is LAST.
    pub fn hear(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line.trim_ascii_end()).to_ascii_uppercase();
        let mut words = line.split([' ', '\t']);
        self.verb = words.next().unwrap_or_default().to_owned();
        self.last = words.next_back() == Some("LAST");
    }

    pub fn recipients(&self) -> usize {
        match self.state {
            State::Open { recipients }
            | State::Receiving { recipients, .. }
            | State::Failed { recipients } => recipients,
            State::Idle => 0,
        }
    }

    /// A chunk was lost.
    pub fn fail(&mut self) {
        self.state = State::Failed { recipients: self.recipients() };
    }

    /// Of the chunks so far.
    pub fn octets(&self) -> u64 {
        if let State::Receiving { octets, .. } = self.state { octets } else { 0 }
    }

    /// A reply to a command, and no octets follow.
    pub fn said(&mut self, reply: &Reply) {
        let verb = self.verb.as_str();
        let greeting =
            if self.role == Role::Lmtp { verb == "LHLO" } else { verb == "HELO" || verb == "EHLO" };
        match (verb, reply.code()) {
            (_, 250) if greeting => {
                self.hello = true;
                self.state = State::Idle;
            }
            ("MAIL", 250) => {
                assert!(self.hello && self.state == State::Idle, "MAIL taken: {self:?}");
                self.state = State::Open { recipients: 0 };
            }
            ("RCPT", 250) => {
                let State::Open { recipients } = self.state else { panic!("RCPT taken: {self:?}") };
                self.state = State::Open { recipients: recipients + 1 };
            }
            ("RSET", 250) => self.state = State::Idle,
            ("NOOP", 250) | ("VRFY", 252) | ("HELP", 214) => {}
            // Its number was not understood, so what follows is not all of the message.
            ("BDAT", 501) if self.state != State::Idle => self.fail(),
            (_, code) => assert!(code >= 400, "{reply:?} answers {self:?}"),
        }
        self.is_true(reply);
        self.count(reply);
    }

    /// A refusal that names a reason has that reason.
    fn is_true(&self, reply: &Reply) {
        let truths = [
            (Reply::MAIL_FIRST, self.state == State::Idle),
            (Reply::NESTED_MAIL, matches!(self.state, State::Open { .. })),
            (Reply::CHUNKS_EXPECTED, matches!(self.state, State::Receiving { .. })),
            (Reply::RSET_EXPECTED, matches!(self.state, State::Failed { .. })),
            (Reply::HELLO_FIRST, !self.hello && self.role == Role::Mx),
            (Reply::LHLO_FIRST, !self.hello && self.role == Role::Lmtp),
            (Reply::NO_RECIPIENTS, self.has_nobody() && self.role == Role::Mx),
            (Reply::NO_RECIPIENTS_LMTP, self.has_nobody() && self.role == Role::Lmtp),
            (Reply::TOO_MANY_RECIPIENTS, self.state == State::Open { recipients: super::RECIPIENTS_MAX }),
        ];
        for (reason, is_true) in truths {
            assert!(*reply != reason || is_true, "{reply:?} in {self:?}");
        }
    }

    fn has_nobody(&self) -> bool {
        self.state == State::Open { recipients: 0 }
    }

    /// Only so many mistakes are answered by anything but the end. What the host refuses is none, nor
    /// is a DATA behind recipients that were all refused.
    fn count(&mut self, reply: &Reply) {
        let hosts = [Reply::NO_SUCH_MAILBOX, Reply::NO_RELAY];
        let pipelined =
            self.verb == "DATA" && [Reply::NO_RECIPIENTS, Reply::NO_RECIPIENTS_LMTP].contains(reply);
        if reply.code() >= 500 && !hosts.contains(reply) && !pipelined {
            self.mistakes += 1;
        }
        assert!(self.mistakes <= limits::SMTP_ERRORS_MAX, "{} mistakes", self.mistakes);
    }

    pub fn resolve(&self, most: usize) {
        assert_eq!(self.verb, "RCPT");
        assert!(self.recipients() < most && matches!(self.state, State::Open { .. }), "{self:?}");
    }

    /// A chunk, or all of a message when it comes with DATA.
    pub fn chunk(&mut self, more: u64, with_envelope: bool, most: u64) {
        assert!(["DATA", "BDAT"].contains(&self.verb.as_str()), "{self:?}");
        let (recipients, before) = match self.state {
            State::Open { recipients } => (recipients, 0),
            State::Receiving { recipients, octets } if self.verb == "BDAT" => (recipients, octets),
            _ => panic!("text is asked for in {self:?}"),
        };
        assert!(recipients > 0, "text for nobody");
        assert_eq!(with_envelope, matches!(self.state, State::Open { .. }));
        let octets = before + more;
        assert!(octets <= most, "{octets} octets");
        self.state = State::Receiving { recipients, octets };
    }

    /// A chunk that is read over: one reply, but for LMTP's last chunk one for each recipient.
    pub fn discarded(&mut self, replies: &[Reply]) {
        assert_eq!(self.verb, "BDAT");
        let each = self.role == Role::Lmtp && self.last && self.recipients() > 0;
        assert_eq!(replies.len(), if each { self.recipients() } else { 1 }, "{replies:?}");
        assert!(replies.iter().all(Reply::is_refusal), "{replies:?}");
        self.is_true(&replies[0]);
        self.count(&replies[0]);
        match self.state {
            State::Open { .. } | State::Receiving { .. } if self.last => self.state = State::Idle,
            State::Open { .. } | State::Receiving { .. } => self.fail(),
            State::Idle | State::Failed { .. } => {}
        }
    }

    pub fn start_tls(&mut self) {
        assert!(self.verb == "STARTTLS" && self.tls_offered, "{self:?}");
        self.tls_offered = false;
        self.hello = false;
        self.state = State::Idle;
    }

    pub fn hung_up(&self, reply: &Reply) {
        let reason = match reply {
            _ if *reply == Reply::BYE => self.verb == "QUIT",
            _ if *reply == Reply::TOO_MANY_ERRORS => self.mistakes == limits::SMTP_ERRORS_MAX,
            _ => *reply == Reply::NOT_HTTP,
        };
        assert!(reason, "{reply:?} ends {self:?}");
    }
}
