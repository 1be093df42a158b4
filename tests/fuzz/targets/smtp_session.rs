//! Lines and BDAT octets into the SMTP and LMTP session, beside a model of the order of commands
//! (RFC 5321, 4.1.4; RFC 3030, 2; RFC 2033, 4.2): what the session wants must be lawful at that
//! point, what it says must be legal replies, and the same wherever TCP cuts the stream.
//!
//! The first octet chooses role and offers and where to cut; the rest is what the peer sends. Knows
//! no accounts and no disk: the host below refuses by the looks of a name or a number.
#![no_main]

#[path = "smtp_session/model.rs"]
mod model;
#[path = "smtp_session/replies.rs"]
mod replies;

use libfuzzer_sys::fuzz_target;
use model::{Model, State};
use restante::limits;
use restante::mail::{Domain, Envelope, ForwardPath};
use restante::smtp::{ChunkAnswer, DataTicket, Offer, Reply, Role, Session, Step, Terms};
use restante::wire::dot_decoder::DotDecoder;
use restante::wire::line::{Line, LineBuffer};

const RECIPIENTS_MAX: usize = 3;
/// Small, so that the fuzzer reaches it, also with the sum of several chunks.
const MESSAGE_SIZE_MAX: u64 = 40;

/// What the octets that come next are.
enum Expecting {
    Lines,
    Dots(DotDecoder, DataTicket),
    Chunk(u64, ChunkAnswer),
    Nothing(u64, Vec<Reply>),
}

struct Host {
    session: Session<String>,
    model: Model,
    lines: LineBuffer,
    expecting: Expecting,
    messages: usize,
    said: Vec<u8>,
    closed: bool,
}

impl Host {
    fn new(options: u8) -> Self {
        let role = if options & 1 == 0 { Role::Mx } else { Role::Lmtp };
        let secure = options & 2 != 0;
        let terms = Terms {
            hostname: Domain::parse("mail.example.org").unwrap(),
            role,
            offer: Offer { max_message_size: MESSAGE_SIZE_MAX, max_recipients: RECIPIENTS_MAX },
            secure,
        };
        Self {
            session: Session::new(terms),
            model: Model::new(role, !secure),
            lines: LineBuffer::new(limits::SMTP_LINE_MAX),
            expecting: Expecting::Lines,
            messages: 0,
            said: Vec::new(),
            closed: false,
        }
    }

    fn feed(&mut self, octets: &[u8]) {
        if self.closed {
            return;
        }
        if let Some(step) = self.session.arrived(octets) {
            assert!(matches!(&step, Step::HangUp(reply) if *reply == Reply::TLS_TOO_EARLY));
            return self.hang_up(&Reply::TLS_TOO_EARLY);
        }
        self.lines.push(octets);
        while self.advance() && !self.closed {
            self.compare();
        }
    }

    /// Whether something was done, and there may be more to do.
    fn advance(&mut self) -> bool {
        match std::mem::replace(&mut self.expecting, Expecting::Lines) {
            Expecting::Lines => match self.lines.next_line() {
                Some(Line::Whole(line)) => {
                    self.model.hear(&line);
                    let step = self.session.line(&line);
                    self.grant(step);
                }
                Some(Line::TooLong) => {
                    self.model.hear(b"");
                    let step = self.session.line_too_long();
                    self.grant(step);
                }
                None => return false,
            },
            Expecting::Dots(decoder, ticket) => return self.dots(decoder, ticket),
            Expecting::Chunk(left, answer) => {
                let left = left - self.take(left);
                if left > 0 {
                    self.expecting = Expecting::Chunk(left, answer);
                    return false;
                }
                self.chunk_over(answer);
            }
            Expecting::Nothing(left, replies) => {
                let left = left - self.take(left);
                if left > 0 {
                    self.expecting = Expecting::Nothing(left, replies);
                    return false;
                }
                replies.iter().for_each(|reply| self.say(reply));
            }
        }
        true
    }

    fn take(&mut self, octets: u64) -> u64 {
        self.lines.take(usize::try_from(octets).unwrap_or(usize::MAX)).len() as u64
    }

    fn dots(&mut self, mut decoder: DotDecoder, ticket: DataTicket) -> bool {
        let octets = self.lines.take(usize::MAX);
        let used = decoder.push(&octets, &mut Vec::new());
        if !decoder.is_over() {
            self.expecting = Expecting::Dots(decoder, ticket);
            return false;
        }
        self.lines.push(&octets[used..]);
        self.message_over(ticket);
        true
    }

    fn chunk_over(&mut self, answer: ChunkAnswer) {
        match answer {
            ChunkAnswer::Last(ticket) => self.message_over(ticket),
            ChunkAnswer::More(ticket) => {
                let failed = self.model.octets() % 7 == 3;
                let outcome = if failed { Err(Reply::NO_SPACE) } else { Ok(()) };
                let reply = self.session.chunk_received(ticket, outcome);
                if failed {
                    self.model.fail();
                }
                self.say(&reply);
            }
        }
    }

    /// Each third message fails as a whole, and in each the second mailbox is full.
    fn message_over(&mut self, ticket: DataTicket) {
        self.messages += 1;
        let each = |nth| if nth == 1 { Reply::MAILBOX_FULL } else { Reply::accepted("1.1") };
        let recipients = self.model.recipients();
        let outcome = match self.messages % 3 {
            0 => Err(Reply::LOCAL_FAULT),
            _ => Ok((0..recipients).map(each).collect()),
        };
        let replies = self.session.received(ticket, outcome);
        let answers = if self.model.role == Role::Lmtp { recipients } else { 1 };
        assert_eq!(replies.len(), answers, "{replies:?}");
        let refused = self.messages.is_multiple_of(3) || recipients > 1;
        assert_eq!(replies.iter().any(Reply::is_refusal), refused, "a failure is told: {replies:?}");
        replies.iter().for_each(|reply| self.say(reply));
        self.model.state = State::Idle;
    }

    fn grant(&mut self, step: Step<String>) {
        match step {
            Step::Say(reply) => {
                self.model.said(&reply);
                self.say(&reply);
            }
            Step::CheckRoom(size, ticket) => {
                assert!(size <= MESSAGE_SIZE_MAX, "{size} octets are refused before room is looked for");
                let room = if size % 5 == 1 { Err(Reply::NO_SPACE) } else { Ok(()) };
                let reply = self.session.sender_checked(ticket, room);
                self.model.said(&reply);
                self.say(&reply);
            }
            Step::Resolve(path, ticket) => {
                self.model.resolve(RECIPIENTS_MAX);
                let reply = self.session.resolved(ticket, resolve(&path));
                self.model.said(&reply);
                self.say(&reply);
            }
            Step::Receive(envelope, ticket) => self.receive(&envelope, ticket),
            Step::ReceiveChunk(chunk) => {
                if let Some(envelope) = &chunk.envelope {
                    self.has_all_recipients(envelope);
                }
                self.model.chunk(chunk.octets, chunk.envelope.is_some(), MESSAGE_SIZE_MAX);
                self.expecting = Expecting::Chunk(chunk.octets, chunk.answer);
            }
            Step::Discard(octets, replies) => {
                self.model.discarded(&replies);
                self.expecting = Expecting::Nothing(octets, replies);
            }
            Step::StartTls(reply) => {
                self.model.start_tls();
                self.say(&reply);
                // What follows is taken for what comes through TLS, so that a cut changes nothing.
                self.session.secured();
            }
            Step::Quit(reply) | Step::HangUp(reply) => {
                self.model.hung_up(&reply);
                self.hang_up(&reply);
            }
        }
    }

    fn receive(&mut self, envelope: &Envelope<String>, ticket: DataTicket) {
        self.has_all_recipients(envelope);
        self.model.chunk(0, true, MESSAGE_SIZE_MAX);
        if envelope.recipients[0].mailboxes[0].starts_with('x') {
            let reply = self.session.refused(ticket, Reply::NO_SPACE);
            self.model.state = State::Idle;
            return self.say(&reply);
        }
        self.say(&Reply::GO_AHEAD);
        self.expecting = Expecting::Dots(DotDecoder::default(), ticket);
    }

    fn has_all_recipients(&self, envelope: &Envelope<String>) {
        assert_eq!(envelope.recipients.len(), self.model.recipients());
        assert!(envelope.declared_size.unwrap_or(0) <= MESSAGE_SIZE_MAX);
    }

    /// The session and the model stand at the same point.
    fn compare(&self) {
        let (session, model) = (&self.session, &self.model);
        assert_eq!(session.is_receiving(), matches!(model.state, State::Receiving { .. }), "{model:?}");
        let recipients = session.envelope().map(|envelope| envelope.recipients.len());
        let expected = if let State::Open { recipients } = model.state { Some(recipients) } else { None };
        assert_eq!(recipients, expected, "{model:?}");
        assert_eq!(session.hello().is_some(), model.hello, "{model:?}");
    }

    fn say(&mut self, reply: &Reply) {
        replies::check(reply);
        reply.write_to(&mut self.said);
    }

    fn hang_up(&mut self, reply: &Reply) {
        self.say(reply);
        self.closed = true;
    }
}

fn resolve(path: &ForwardPath) -> Result<Vec<String>, Reply> {
    let Some(address) = path.address() else { return Ok(vec!["postmaster".to_owned()]) };
    match address.local_part().as_bytes()[0] {
        b'f' => Err(Reply::MAILBOX_FULL),
        b'n' => Err(Reply::NO_SUCH_MAILBOX),
        b'r' => Err(Reply::NO_RELAY),
        _ => Ok(vec![address.local_part().to_owned()]),
    }
}

fn play(options: u8, pieces: &mut dyn Iterator<Item = &[u8]>) -> (Vec<u8>, bool) {
    let mut host = Host::new(options);
    pieces.for_each(|piece| host.feed(piece));
    (host.said, host.closed)
}

fuzz_target!(|input: &[u8]| {
    let Some((&options, stream)) = input.split_first() else { return };
    let whole = play(options, &mut std::iter::once(stream));
    let size = usize::from(options >> 2) + 1;
    assert_eq!(play(options, &mut stream.chunks(size)), whole, "cut into pieces of {size}");
});
