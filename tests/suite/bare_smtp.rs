//! The SMTP and LMTP dialogues, played against the bare session: once turn by turn, then with the
//! client's octets cut at every position. What the server says must be the same.
//!
//! A host of a few lines stands in for accounts and disks: anna, bert and full at example.org.

use crate::dialogue::{self, Case, Turn};
use restante::limits;
use restante::mail::{Domain, ForwardPath};
use restante::smtp::{ChunkAnswer, ChunkTicket, DataTicket, Offer, Reply, Role, Session, Step, Terms};
use restante::wire::dot_decoder::{DotDecoder, LineEndDecoder};
use restante::wire::header_filter::HeaderFilter;
use restante::wire::line::{Line, LineBuffer};

/// What the octets that come next are.
enum Expecting {
    Lines,
    /// Text up to its dot.
    Dots(DotDecoder, DataTicket),
    /// So many octets of a chunk.
    Chunk(u64, ChunkAnswer),
    /// So many octets that nobody wants, then these replies.
    Nothing(u64, Vec<Reply>),
    /// The handshake: any plain text behind STARTTLS ends the connection.
    Handshake,
}

struct Host {
    session: Session<String>,
    reject_bare_newline: bool,
    lines: LineBuffer,
    expecting: Expecting,
    chunks: LineEndDecoder,
    filter: HeaderFilter,
    recipients: usize,
    said: Vec<u8>,
    closed: bool,
}

impl Host {
    fn new(case: &Case) -> Self {
        let number = |key, default| case.setting(key).map_or(default, |value| value.parse().unwrap());
        let terms = Terms {
            hostname: Domain::parse("mail.example.org").unwrap(),
            role: if case.setting("role") == Some("lmtp") { Role::Lmtp } else { Role::Mx },
            offer: Offer {
                max_message_size: number("max_message_size", limits::MESSAGE_SIZE_DEFAULT),
                max_recipients: usize::try_from(number("max_recipients", 100)).unwrap(),
            },
            secure: false,
        };
        let mut host = Self {
            session: Session::new(terms),
            reject_bare_newline: case.setting("bare_newline") == Some("reject"),
            lines: LineBuffer::new(limits::SMTP_LINE_MAX),
            expecting: Expecting::Lines,
            chunks: LineEndDecoder::default(),
            filter: HeaderFilter::default(),
            recipients: 0,
            said: Vec::new(),
            closed: false,
        };
        host.say(&host.session.greeting());
        host
    }

    fn feed(&mut self, octets: &[u8]) {
        if self.closed {
            return;
        }
        if let Some(step) = self.session.arrived(octets) {
            return self.grant(step);
        }
        self.lines.push(octets);
        while !self.closed && self.advance() {}
    }

    /// Whether something was done, and there may be more to do.
    fn advance(&mut self) -> bool {
        match std::mem::replace(&mut self.expecting, Expecting::Lines) {
            Expecting::Lines => match self.lines.next_line() {
                Some(Line::Whole(line)) => {
                    let step = self.session.line(&line);
                    self.grant(step);
                }
                Some(Line::TooLong) => {
                    let step = self.session.line_too_long();
                    self.grant(step);
                }
                None => return false,
            },
            Expecting::Dots(decoder, ticket) => return self.dots(decoder, ticket),
            Expecting::Chunk(left, answer) => return self.chunk(left, answer),
            Expecting::Nothing(left, replies) => {
                let left = left - self.lines.take(usize::try_from(left).unwrap_or(usize::MAX)).len() as u64;
                if left > 0 {
                    self.expecting = Expecting::Nothing(left, replies);
                    return false;
                }
                replies.iter().for_each(|reply| self.say(reply));
            }
            Expecting::Handshake => {
                self.expecting = Expecting::Handshake;
                self.closed = !self.lines.is_empty();
                return false;
            }
        }
        true
    }

    fn dots(&mut self, mut decoder: DotDecoder, ticket: DataTicket) -> bool {
        let (octets, mut text) = (self.lines.take(usize::MAX), Vec::new());
        let used = decoder.push(&octets, &mut text);
        self.filter.push(&text, &mut Vec::new());
        if !decoder.is_over() {
            self.expecting = Expecting::Dots(decoder, ticket);
            return false;
        }
        self.lines.push(&octets[used..]);
        self.end(ticket, decoder.octets(), decoder.saw_bare_lf());
        true
    }

    fn chunk(&mut self, left: u64, answer: ChunkAnswer) -> bool {
        let octets = self.lines.take(usize::try_from(left).unwrap());
        let mut text = Vec::new();
        self.chunks.push(&octets, &mut text);
        self.filter.push(&text, &mut Vec::new());
        let left = left - octets.len() as u64;
        if left > 0 {
            self.expecting = Expecting::Chunk(left, answer);
            return false;
        }
        match answer {
            ChunkAnswer::More(ticket) => self.more(ticket),
            ChunkAnswer::Last(ticket) => {
                self.chunks.finish(&mut Vec::new());
                self.end(ticket, self.chunks.octets(), self.chunks.saw_bare_lf());
            }
        }
        true
    }

    fn more(&mut self, ticket: ChunkTicket) {
        let reply = self.session.chunk_received(ticket, Ok(()));
        self.say(&reply);
    }

    fn end(&mut self, ticket: DataTicket, octets: u64, saw_bare_lf: bool) {
        let outcome = if octets > self.session.max_message_size() {
            Err(Reply::TOO_LARGE)
        } else if saw_bare_lf && self.reject_bare_newline {
            Err(Reply::BARE_NEWLINE)
        } else if self.filter.received() > limits::RECEIVED_LINES_MAX {
            Err(Reply::MAIL_LOOP)
        } else {
            Ok(vec![Reply::accepted("1.1"); self.recipients])
        };
        for reply in self.session.received(ticket, outcome) {
            self.say(&reply);
        }
    }

    fn grant(&mut self, step: Step<String>) {
        match step {
            Step::Say(reply) => self.say(&reply),
            Step::CheckRoom(_, ticket) => {
                let reply = self.session.sender_checked(ticket, Ok(()));
                self.say(&reply);
            }
            Step::Resolve(path, ticket) => {
                let reply = self.session.resolved(ticket, resolve(&path));
                self.say(&reply);
            }
            Step::Receive(envelope, ticket) => {
                self.begin(envelope.recipients.len());
                self.say(&Reply::GO_AHEAD);
                self.expecting = Expecting::Dots(DotDecoder::default(), ticket);
            }
            Step::ReceiveChunk(chunk) => {
                if let Some(envelope) = &chunk.envelope {
                    self.begin(envelope.recipients.len());
                }
                self.expecting = Expecting::Chunk(chunk.octets, chunk.answer);
            }
            Step::Discard(octets, replies) => self.expecting = Expecting::Nothing(octets, replies),
            Step::StartTls(reply) => {
                self.say(&reply);
                self.expecting = Expecting::Handshake;
            }
            Step::Quit(reply) | Step::HangUp(reply) => {
                self.say(&reply);
                self.closed = true;
            }
        }
    }

    fn begin(&mut self, recipients: usize) {
        self.recipients = recipients;
        self.filter = HeaderFilter::default();
        self.chunks = LineEndDecoder::default();
    }

    fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.said);
    }
}

fn resolve(path: &ForwardPath) -> Result<Vec<String>, Reply> {
    let Some(address) = path.address() else { return Ok(vec!["anna".to_owned()]) };
    let domain = address.domain().map(Domain::as_str);
    if domain != Some("example.org") && domain != Some("mail.example.org") {
        return Err(Reply::NO_RELAY);
    }
    let name = address.local_part().to_lowercase();
    match name.split('+').next() {
        Some("anna" | "postmaster") => Ok(vec!["anna".to_owned()]),
        Some("bert") => Ok(vec!["bert".to_owned()]),
        Some("full") => Err(Reply::MAILBOX_FULL),
        _ => Err(Reply::NO_SUCH_MAILBOX),
    }
}

/// Turn by turn: each answer is there before the next turn. Gives all that was said.
fn play(case: &Case) -> (Vec<u8>, bool) {
    let mut host = Host::new(case);
    let mut heard = 0;
    for turn in &case.turns {
        match turn {
            Turn::Client(octets) => host.feed(octets),
            Turn::Close => assert!(host.closed, "{}: still open", case.place()),
            Turn::Server(pattern) => {
                let rest = &host.said[heard..];
                let end = rest.windows(2).position(|pair| pair == b"\r\n");
                let end = end.unwrap_or_else(|| panic!("{}: silent, not {:?}", case.place(), pattern.0));
                let line = String::from_utf8_lossy(&rest[..end]);
                assert!(pattern.matches(&rest[..end]), "{}: {line:?}, not {:?}", case.place(), pattern.0);
                heard += end + 2;
            }
        }
    }
    let unexpected = String::from_utf8_lossy(&host.said[heard..]);
    assert!(unexpected.is_empty(), "{}: {unexpected:?} too much", case.place());
    (host.said, host.closed)
}

fn check(prefix: &str) {
    for case in dialogue::load(prefix) {
        let whole = play(&case);
        let turns = case.turns.iter();
        let octets: Vec<u8> = turns
            .filter_map(|turn| if let Turn::Client(octets) = turn { Some(octets.as_slice()) } else { None })
            .collect::<Vec<_>>()
            .concat();
        for cut in 0..=octets.len() {
            let mut host = Host::new(&case);
            host.feed(&octets[..cut]);
            host.feed(&octets[cut..]);
            assert_eq!((host.said, host.closed), whole, "{} cut at {cut}", case.place());
        }
        let mut host = Host::new(&case);
        octets.chunks(1).for_each(|octet| host.feed(octet));
        assert_eq!((host.said, host.closed), whole, "{} octet by octet", case.place());
    }
}

#[test]
fn smtp_dialogues_at_every_cut() {
    check("smtp-");
}

#[test]
fn lmtp_dialogues_at_every_cut() {
    check("lmtp-");
}
