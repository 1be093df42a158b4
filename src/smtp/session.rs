//! One SMTP or LMTP session: takes a line, gives a step.
//!
//! Decides order, limits and TLS policy. Never reads, writes, waits or looks at a clock; what a
//! recipient turns into (`M`) is carried and never looked at.

use super::command::{Command, Greeting, Mail};
use super::reply::Reply;
use super::step::{Hello, Role, Step, Terms};
use super::transaction::{
    Chunk, ChunkAnswer, ChunkTicket, DataTicket, MailTicket, Progress, RcptTicket, Transaction,
};
use crate::limits;
use crate::mail::{Address, Envelope, ForwardPath, Recipient};

/// The state of one conversation.
#[derive(Debug)]
pub struct Session<M> {
    terms: Terms,
    /// `None` until the peer has introduced itself, and again after a handshake.
    hello: Option<Hello>,
    transaction: Transaction<M>,
    /// Against [`limits::SMTP_ERRORS_MAX`]; never counted down, or a peer could pay for each
    /// mistake with a NOOP.
    mistakes: u32,
    /// The very first octets: TLS begins with two that no command begins with.
    first: Vec<u8>,
}

impl<M> Session<M> {
    /// A conversation that has not begun.
    pub fn new(terms: Terms) -> Self {
        Self { terms, hello: None, transaction: Transaction::None, mistakes: 0, first: Vec::new() }
    }

    /// What is said first.
    pub fn greeting(&self) -> Reply {
        let protocol = if self.terms.role == Role::Lmtp { "LMTP" } else { "ESMTP" };
        Reply::greeting(self.terms.hostname.as_str(), protocol)
    }

    /// Looks at octets as they arrive, before they are lines: a TLS hello (RFC 8446, 5.1) has no
    /// line end to wait for, and its sender waits as well.
    pub fn arrived(&mut self, octets: &[u8]) -> Option<Step<M>> {
        // Kept over calls: the two octets may come in two packets.
        let missing = 2_usize.saturating_sub(self.first.len());
        if missing == 0 {
            return None;
        }
        self.first.extend(octets.iter().take(missing));
        (self.first == [0x16, 0x03]).then_some(Step::HangUp(Reply::TLS_TOO_EARLY))
    }

    /// Takes a command line without its line end: first "is it a command?", then "may it be said
    /// now?", then what it asks for.
    pub fn line(&mut self, line: &[u8]) -> Step<M> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(reply) => return self.misunderstood(reply),
        };
        match self.refusal_of(&command) {
            Some(refusal) => self.refuse(&command, refusal),
            None => self.proceed(command),
        }
    }

    /// A line came that is over the limit.
    pub fn line_too_long(&mut self) -> Step<M> {
        self.mistake(Reply::LINE_TOO_LONG)
    }

    /// The answer to [`Step::CheckRoom`].
    pub fn sender_checked(&mut self, ticket: MailTicket, room: Result<(), Reply>) -> Reply {
        match room {
            Ok(()) => self.open(ticket.0),
            Err(reply) => reply,
        }
    }

    /// The answer to [`Step::Resolve`].
    pub fn resolved(&mut self, ticket: RcptTicket, found: Result<Vec<M>, Reply>) -> Reply {
        match found {
            Ok(mailboxes) => {
                self.transaction.add(Recipient { forward_path: ticket.0, mailboxes });
                Reply::RECIPIENT_OK
            }
            Err(reply) => reply,
        }
    }

    /// The answer to [`Step::Receive`] when the text is not even asked for: one reply, in LMTP too.
    pub fn refused(&mut self, _ticket: DataTicket, reply: Reply) -> Reply {
        self.transaction = Transaction::None;
        reply
    }

    /// The answer to a chunk that was not the last.
    pub fn chunk_received(&mut self, ticket: ChunkTicket, outcome: Result<(), Reply>) -> Reply {
        match outcome {
            Ok(()) => Reply::chunk_ok(ticket.0),
            Err(reply) => {
                self.transaction.fail();
                reply
            }
        }
    }

    /// The answer to a message: one reply for each recipient in the order of their RCPTs, or one
    /// for all. SMTP says one, and a refusal counts for all (RFC 5321, 4.2.5); LMTP says each.
    pub fn received(&mut self, ticket: DataTicket, outcome: Result<Vec<Reply>, Reply>) -> Vec<Reply> {
        self.transaction = Transaction::None;
        match (self.terms.role, outcome) {
            (Role::Mx, Ok(replies)) => {
                let refusal = replies.iter().position(Reply::is_refusal).unwrap_or(0);
                vec![replies.into_iter().nth(refusal).unwrap_or(Reply::LOCAL_FAULT)]
            }
            (Role::Mx, Err(reply)) => vec![reply],
            (Role::Lmtp, Ok(replies)) => replies,
            (Role::Lmtp, Err(reply)) => vec![reply; ticket.0.recipients],
        }
    }

    /// The handshake is done: everything said before is forgotten (RFC 3207, 4.2).
    pub fn secured(&mut self) {
        self.terms.secure = true;
        self.hello = None;
        self.transaction = Transaction::None;
    }

    /// What was said of the message, while recipients come in.
    pub fn envelope(&self) -> Option<&Envelope<M>> {
        match &self.transaction {
            Transaction::Open(envelope) => Some(envelope),
            _ => None,
        }
    }

    /// How the peer introduced itself.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Whether a message is half received by chunks: without this, what there is of it is to be
    /// thrown away.
    pub fn is_receiving(&self) -> bool {
        matches!(self.transaction, Transaction::Receiving(_))
    }

    /// The size over which a message is refused, in octets.
    pub fn max_message_size(&self) -> u64 {
        self.terms.offer.max_message_size
    }

    /// Why a command may not be said now.
    fn refusal_of(&self, command: &Command) -> Option<Reply> {
        match command {
            Command::Hello(greeting, _) => {
                let lmtp = *greeting == Greeting::Lhlo;
                (lmtp != (self.terms.role == Role::Lmtp)).then_some(Reply::UNKNOWN_COMMAND)
            }
            Command::Mail(mail) => self.refusal_of_mail(mail),
            Command::Rcpt(path) => self.refusal_of_rcpt(path),
            Command::Data => match &self.transaction {
                Transaction::Receiving(_) => Some(Reply::CHUNKS_EXPECTED),
                _ => self.refusal_of_text(),
            },
            Command::Bdat { octets, .. } => self.refusal_of_text().or_else(|| self.refusal_of_size(*octets)),
            Command::Expn => Some(Reply::NOT_IMPLEMENTED),
            Command::StartTls if self.terms.secure => Some(Reply::ALREADY_TLS),
            _ => None,
        }
    }

    /// RFC 5321, 4.1.4: MAIL comes behind a greeting and outside of a transaction.
    fn refusal_of_mail(&self, mail: &Mail) -> Option<Reply> {
        match self.transaction {
            Transaction::Open(_) => return Some(Reply::NESTED_MAIL),
            Transaction::Receiving(_) => return Some(Reply::CHUNKS_EXPECTED),
            Transaction::Failed(_) => return Some(Reply::RSET_EXPECTED),
            Transaction::None => {}
        }
        if self.hello.is_none() {
            let lmtp = self.terms.role == Role::Lmtp;
            return Some(if lmtp { Reply::LHLO_FIRST } else { Reply::HELLO_FIRST });
        }
        self.refusal_of_size(mail.size.unwrap_or(0))
    }

    /// Whether somebody lives there is not asked here: see [`Step::Resolve`].
    fn refusal_of_rcpt(&self, path: &ForwardPath) -> Option<Reply> {
        match &self.transaction {
            Transaction::None => Some(Reply::MAIL_FIRST),
            Transaction::Receiving(_) => Some(Reply::CHUNKS_EXPECTED),
            Transaction::Failed(_) => Some(Reply::RSET_EXPECTED),
            Transaction::Open(envelope) if envelope.recipients.len() >= self.terms.offer.max_recipients => {
                Some(Reply::TOO_MANY_RECIPIENTS)
            }
            Transaction::Open(envelope) => {
                let needs_utf8 = path.address().is_some_and(Address::needs_utf8);
                (needs_utf8 && !envelope.smtputf8).then_some(Reply::NEEDS_SMTPUTF8)
            }
        }
    }

    /// Of DATA and BDAT: text needs an envelope with somebody to get it.
    fn refusal_of_text(&self) -> Option<Reply> {
        match &self.transaction {
            Transaction::None => Some(Reply::MAIL_FIRST),
            Transaction::Failed(_) => Some(Reply::RSET_EXPECTED),
            Transaction::Open(envelope) => envelope.recipients.is_empty().then(|| self.no_recipients()),
            Transaction::Receiving(_) => None,
        }
    }

    fn no_recipients(&self) -> Reply {
        match self.terms.role {
            Role::Mx => Reply::NO_RECIPIENTS,
            Role::Lmtp => Reply::NO_RECIPIENTS_LMTP,
        }
    }

    /// Of a message that has so many octets more. The sum of its chunks counts, or a message of any
    /// size would come in pieces that are each small enough.
    fn refusal_of_size(&self, more: u64) -> Option<Reply> {
        let before = match self.transaction {
            Transaction::Receiving(progress) => progress.octets,
            _ => 0,
        };
        let fits = before.saturating_add(more) <= self.terms.offer.max_message_size;
        (!fits).then_some(Reply::TOO_LARGE)
    }

    fn refuse(&mut self, command: &Command, refusal: Reply) -> Step<M> {
        match *command {
            // Its octets follow, refused or not.
            Command::Bdat { octets, last } => self.refuse_chunk(octets, last, refusal),
            // Not mistakes: a list's sender has many recipients, and a pipelined DATA follows
            // recipients that were all refused.
            Command::Rcpt(_) | Command::Data if refusal.code() == 452 || refusal == self.no_recipients() => {
                Step::Say(refusal)
            }
            _ => self.mistake(refusal),
        }
    }

    /// The octets come whatever we say, and must not be taken for commands.
    fn refuse_chunk(&mut self, octets: u64, last: bool, refusal: Reply) -> Step<M> {
        let replies = match (self.terms.role, self.transaction.recipients()) {
            (Role::Lmtp, recipients @ 1..) if last => vec![refusal; recipients],
            _ => vec![refusal],
        };
        match self.transaction {
            Transaction::Open(_) | Transaction::Receiving(_) if last => self.transaction = Transaction::None,
            Transaction::Open(_) | Transaction::Receiving(_) => self.transaction.fail(),
            Transaction::None | Transaction::Failed(_) => {}
        }
        self.mistakes += 1;
        if self.mistakes > limits::SMTP_ERRORS_MAX {
            return Step::HangUp(Reply::TOO_MANY_ERRORS);
        }
        Step::Discard(octets, replies)
    }

    /// Does what is lawful now.
    fn proceed(&mut self, command: Command) -> Step<M> {
        match command {
            Command::Hello(greeting, name) => Step::Say(self.hello_said(greeting, name)),
            Command::Mail(mail) => match mail.size {
                Some(size) => Step::CheckRoom(size, MailTicket(mail)),
                None => Step::Say(self.open(mail)),
            },
            Command::Rcpt(path) => Step::Resolve(path.clone(), RcptTicket(path)),
            Command::Data => match self.transaction.receive() {
                Some((envelope, progress)) => Step::Receive(Box::new(envelope), DataTicket(progress)),
                // Not reached: `refusal_of` has seen to it. A reply is better than an assertion.
                None => self.mistake(self.no_recipients()),
            },
            Command::Bdat { octets, last } => self.chunk(octets, last),
            Command::Rset => {
                self.transaction = Transaction::None;
                Step::Say(Reply::OK)
            }
            Command::Noop => Step::Say(Reply::OK),
            Command::Vrfy => Step::Say(Reply::VRFY),
            Command::Expn => Step::Say(Reply::NOT_IMPLEMENTED),
            Command::Help => Step::Say(Reply::HELP),
            Command::Quit => Step::Quit(Reply::BYE),
            Command::StartTls => Step::StartTls(Reply::READY_FOR_TLS),
            Command::Http => Step::HangUp(Reply::NOT_HTTP),
        }
    }

    /// RFC 5321, 4.1.1.1. The name is kept as it was said; it decides nothing.
    fn hello_said(&mut self, greeting: Greeting, name: String) -> Reply {
        let extended = greeting != Greeting::Helo;
        self.hello = Some(Hello { name, extended });
        self.transaction = Transaction::None; // RFC 5321, 4.1.4: as if RSET was said.
        let hostname = self.terms.hostname.as_str();
        if extended {
            Reply::extended_hello(hostname, &self.terms.offer.lines(!self.terms.secure))
        } else {
            Reply::hello(hostname)
        }
    }

    fn open(&mut self, mail: Mail) -> Reply {
        self.transaction = Transaction::open(mail);
        Reply::SENDER_OK
    }

    /// RFC 3030, 2: the first chunk brings the envelope, all of them count towards the size.
    fn chunk(&mut self, octets: u64, last: bool) -> Step<M> {
        let (envelope, before) = match self.transaction.receive() {
            Some((envelope, progress)) => (Some(envelope), progress),
            None => match self.transaction {
                Transaction::Receiving(progress) => (None, progress),
                _ => return self.refuse_chunk(octets, last, Reply::MAIL_FIRST),
            },
        };
        let progress = Progress { octets: before.octets.saturating_add(octets), ..before };
        self.transaction = Transaction::Receiving(progress);
        let answer = if last {
            ChunkAnswer::Last(DataTicket(progress))
        } else {
            ChunkAnswer::More(ChunkTicket(octets))
        };
        Step::ReceiveChunk(Box::new(Chunk { octets, envelope, answer }))
    }

    fn misunderstood(&mut self, reply: Reply) -> Step<M> {
        // How much of the message follows is not known, so what comes later is not all of it.
        if reply == Reply::BDAT_SYNTAX && !matches!(self.transaction, Transaction::None) {
            self.transaction.fail();
        }
        self.mistake(reply)
    }

    /// Says what was wrong, until it was too often.
    fn mistake(&mut self, reply: Reply) -> Step<M> {
        self.mistakes += 1;
        if self.mistakes > limits::SMTP_ERRORS_MAX {
            return Step::HangUp(Reply::TOO_MANY_ERRORS);
        }
        Step::Say(reply)
    }
}

#[cfg(test)]
mod tests;
