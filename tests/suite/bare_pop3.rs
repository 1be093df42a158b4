//! The POP3 dialogues against the bare session, each client turn cut at every octet.
//!
//! The host around the session is a few lines long and has no socket, no disk and no accounts: what
//! passes here is the protocol's own doing.

use crate::dialogue::{self, Case, Turn};
use proptest::prelude::*;
use restante::limits;
use restante::mail::{LineEnds, OctetCount, Octets, UniqueId};
use restante::pop3::{Extent, Goodbye, Listing, Refusal, Response, Session, Step, Terms};
use restante::sasl::{ChannelBindings, Login, scram};
use restante::wire::dot_encoder::DotEncoder;
use restante::wire::line::{Line, LineBuffer};

/// A session with everything it asks for.
struct Host {
    session: Session,
    lines: LineBuffer,
    messages: Vec<Vec<u8>>,
    out: Vec<u8>,
    open: bool,
    /// A handshake is waited for, and no dialogue brings one.
    handshake: bool,
}

impl Host {
    fn new(case: &Case) -> Self {
        let tls = case.setting("tls") == Some("yes");
        let bindings = ChannelBindings { exporter: None, server_end_point: Some(vec![7; 32]) };
        let terms = Terms {
            may_log_in: tls || case.setting("may_log_in") != Some("no"),
            tls: tls.then_some(bindings),
            scram: true,
        };
        let mut out = Vec::new();
        Response::GREETING.write_to(&mut out);
        Self {
            session: Session::new(terms),
            lines: LineBuffer::new(limits::POP3_LINE_MAX),
            messages: case.messages.clone(),
            out,
            open: true,
            handshake: false,
        }
    }

    fn receive(&mut self, octets: &[u8]) {
        self.open &= !self.handshake || octets.is_empty();
        self.lines.push(octets);
        while self.open {
            let step = match self.lines.next_line() {
                Some(Line::Whole(line)) => self.session.line(&line),
                Some(Line::TooLong) => self.session.line_too_long(),
                None => return,
            };
            self.carry_out(step);
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Say(response) => response.write_to(&mut self.out),
            Step::SayPart(response, ticket) => {
                response.write_to(&mut self.out);
                let step = self.session.go_on(ticket);
                self.carry_out(step);
            }
            Step::HangUp(response, _) => {
                response.write_to(&mut self.out);
                self.open = false;
            }
            Step::StartTls(_) if !self.lines.is_empty() => {
                self.carry_out(Step::HangUp(Response::BEHIND_STLS, Goodbye::BehindStls));
            }
            Step::StartTls(response) => {
                response.write_to(&mut self.out);
                self.handshake = true;
            }
            Step::LogIn(login, ticket) => {
                let step = if is_anna(&login) {
                    Step::Say(self.session.logged_in(ticket, self.listing()))
                } else {
                    self.session.refused(ticket, Refusal::Password)
                };
                self.carry_out(step);
            }
            Step::LookUp(_, ticket) => {
                let step = self.session.looked_up(ticket, nobody(), "nonce");
                self.carry_out(step);
            }
            Step::Send(number, extent, ticket) => {
                ticket.announcement().write_to(&mut self.out);
                self.send(number.index(), extent);
                self.session.sent(ticket);
            }
            Step::Update(_, ticket) => {
                self.carry_out(ticket.answer(true));
            }
        }
    }

    fn listing(&self) -> Listing {
        let ids: Vec<_> =
            (1..=self.messages.len()).map(|number| UniqueId::parse(&format!("u{number}")).unwrap()).collect();
        ids.iter().zip(self.messages.iter().map(|message| octets(message))).collect()
    }

    fn send(&mut self, index: usize, extent: Extent) {
        let mut encoder = match extent {
            Extent::Whole => DotEncoder::whole(LineEnds::AsFound),
            Extent::Top { body_lines } => DotEncoder::top(LineEnds::AsFound, body_lines),
        };
        for block in self.messages[index].chunks(3) {
            encoder.push(block, &mut self.out);
        }
        encoder.finish(&mut self.out);
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.out.windows(2).position(|pair| pair == b"\r\n")?;
        let line = self.out[..end].to_vec();
        self.out.drain(..end + 2);
        Some(line)
    }
}

fn octets(message: &[u8]) -> Octets {
    let mut count = OctetCount::new(LineEnds::AsFound);
    count.push(message);
    count.total()
}

fn is_anna(login: &Login) -> bool {
    match login {
        Login::Password(credentials) => {
            ["anna", "anna@example.org"].contains(&credentials.user.as_str())
                && credentials.password.expose() == b"secret"
        }
        Login::Proof(verdict) => verdict.proved.is_some(),
    }
}

fn nobody() -> scram::Credential {
    scram::Credential {
        salt: b"sixteen octets..".to_vec(),
        rounds: 4096,
        stored_key: [1; 32],
        server_key: [2; 32],
        account: None,
    }
}

/// Plays a case; `cut` says into which pieces a turn of the client is cut.
fn play(case: &Case, cut: impl Fn(&[u8]) -> Vec<Vec<u8>>, how: &str) {
    let mut host = Host::new(case);
    for turn in &case.turns {
        match turn {
            Turn::Client(octets) => {
                assert_eq!(shown(&host.out), "", "{}, {how}: said and not expected", case.place());
                cut(octets).iter().for_each(|piece| host.receive(piece));
            }
            Turn::Server(pattern) => {
                let line = host.next_line();
                let line = line.unwrap_or_else(|| panic!("{}, {how}: no {}", case.place(), pattern.0));
                let fits = pattern.matches(&line);
                assert!(fits, "{}, {how}: {:?} is not {:?}", case.place(), shown(&line), pattern.0);
            }
            Turn::Close => assert!(!host.open, "{}, {how}: still open", case.place()),
        }
    }
    assert_eq!(shown(&host.out), "", "{}, {how}: said and not expected", case.place());
    let closes = matches!(case.turns.last(), Some(Turn::Close));
    assert_eq!(host.open, !closes, "{}, {how}: open at the end", case.place());
}

fn shown(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn dialogues_with_the_bare_session() {
    for case in dialogue::load("pop3-") {
        play(&case, |turn| vec![turn.to_vec()], "whole");
        play(&case, |turn| turn.chunks(1).map(<[u8]>::to_vec).collect(), "octet by octet");
        let longest = case.turns.iter().map(|turn| match turn {
            Turn::Client(octets) => octets.len(),
            _ => 0,
        });
        for at in 1..longest.max().unwrap_or(0) {
            let halves = |turn: &[u8]| {
                let (first, second) = turn.split_at(at.min(turn.len()));
                vec![first.to_vec(), second.to_vec()]
            };
            play(&case, halves, &format!("cut at {at}"));
        }
    }
}

fn host_with(messages: &[&[u8]]) -> Host {
    Host::new(&Case {
        file: String::new(),
        title: String::new(),
        settings: vec![],
        messages: messages.iter().map(|message| message.to_vec()).collect(),
        turns: vec![],
    })
}

#[test]
fn octets_behind_stls_are_told_so() {
    let mut host = host_with(&[]);
    host.receive(b"CAPA\r\nSTLS\r\nUSER anna\r\n");
    let expected = format!("{}\r\n", Response::BEHIND_STLS.text());
    assert!(host.out.ends_with(expected.as_bytes()) && !host.open, "{}", shown(&host.out));
}

/// Lines that lead everywhere, and some octets that lead nowhere.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "USER anna",
        "PASS secret",
        "PASS x",
        "AUTH PLAIN",
        "AUTH LOGIN",
        "AGFubmEAc2VjcmV0",
        "*",
        "",
        "=",
        "AUTH SCRAM-SHA-256 biwsbj1hbm5hLHI9YWJj",
        "Yz1iaXdzLHI9eCxwPXg=",
        "AUTH",
        "CAPA",
        "STAT",
        "LIST",
        "LIST 1",
        "LIST 3",
        "UIDL",
        "UIDL 2",
        "RETR 1",
        "RETR 2",
        "TOP 1 0",
        "TOP 2 1",
        "DELE 1",
        "DELE 2",
        "RSET",
        "NOOP",
        "LAST",
        "LANG",
        "LANG *",
        "UTF8",
        "APOP a b",
        "USER anna\r\nPASS secret",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_is_answered_alike_at_every_cut(
        lines in proptest::collection::vec(line(), 0..30),
        at in any::<proptest::sample::Index>(),
    ) {
        let messages: [&[u8]; 2] = [b"A: 1\n\n.\nb", b"\n"];
        let stream = [b"USER anna\r\nPASS secret\r\n".to_vec(), lines.join(&b"\r\n"[..])].concat();
        let mut whole = host_with(&messages);
        whole.receive(&stream);
        let (mut parted, at) = (host_with(&messages), at.index(stream.len()));
        parted.receive(&stream[..at]);
        parted.receive(&stream[at..]);
        prop_assert_eq!(shown(&whole.out), shown(&parted.out));
        prop_assert_eq!(whole.open, parted.open);
        prop_assert!(whole.out.ends_with(b"\r\n"));
    }
}
