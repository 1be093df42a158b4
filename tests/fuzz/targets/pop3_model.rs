//! Differential: the same lines go to the POP3 session, logged in, and to a model so simple that it
//! can be seen to be right (a list of messages with a mark each). Every answer must be the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::limits;
use restante::mail::{MessageNumber, Octets, UniqueId};
use restante::pop3::{Extent, Response, Session, Step, Terms};

const SIZES: [u64; 5] = [0, 3, 120, 5_000_000_000, 77];

/// Refusals that are not counted against the client.
const NOT_THERE: [&str; 2] = ["-ERR no message ", "-ERR no such language"];

/// A message of the model.
#[derive(Clone, Copy)]
struct Message {
    octets: u64,
    deleted: bool,
    retrieved: bool,
}

/// RFC 1939, 5 in its plainest form.
struct Model {
    messages: Vec<Message>,
    last: usize,
}

impl Model {
    fn new() -> Self {
        let messages = SIZES
            .iter()
            .map(|octets| Message { octets: *octets, deleted: false, retrieved: false })
            .collect();
        Self { messages, last: 0 }
    }

    fn present(&self) -> Vec<(usize, u64)> {
        let numbered = self.messages.iter().enumerate().filter(|(_, message)| !message.deleted);
        numbered.map(|(index, message)| (index + 1, message.octets)).collect()
    }

    fn numbers(&self, which: impl Fn(&Message) -> bool) -> Vec<u32> {
        let numbered = self.messages.iter().zip(1..);
        numbered.filter(|(message, _)| which(message)).map(|(_, number)| number).collect()
    }

    fn totals(&self) -> (usize, u64) {
        let present = self.present();
        (present.len(), present.iter().map(|(_, octets)| octets).sum())
    }

    /// What must be answered: the whole text, or no more than that it is `-ERR`.
    fn answer(&mut self, line: &str) -> Option<String> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let listing = |what: &str, lines: Vec<String>| {
            let all: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            Some(format!("{what}\r\n{all}."))
        };
        let (count, octets) = self.totals();
        match (name.to_ascii_uppercase().as_str(), words.as_slice()) {
            ("STAT", []) => Some(format!("+OK {count} {octets}")),
            ("NOOP", []) => Some("+OK".to_owned()),
            ("LAST", []) => Some(format!("+OK {}", self.last)),
            ("LIST", []) => {
                let lines = self.present().iter().map(|(n, octets)| format!("{n} {octets}")).collect();
                listing(&format!("+OK {count} messages ({octets} octets)"), lines)
            }
            ("UIDL", []) => {
                let lines = self.present().iter().map(|(n, _)| format!("{n} u{n}")).collect();
                listing("+OK unique-ids follow", lines)
            }
            ("LIST", [n]) => self.find(n).map(|n| format!("+OK {n} {}", self.messages[n - 1].octets)),
            ("UIDL", [n]) => self.find(n).map(|n| format!("+OK {n} u{n}")),
            ("DELE", [n]) => {
                let n = self.find(n)?;
                self.messages[n - 1].deleted = true;
                Some("+OK marked as deleted".to_owned())
            }
            ("RETR", [n]) => {
                let n = self.find(n)?;
                self.messages[n - 1].retrieved = true;
                self.last = self.last.max(n);
                Some(format!("send {n} whole"))
            }
            ("TOP", [n, lines]) => {
                let n = self.find(n)?;
                let lines = if is_number(lines) { lines.parse().unwrap_or(u32::MAX) } else { return None };
                Some(format!("send {n} top {lines}"))
            }
            ("RSET", []) => {
                self.messages.iter_mut().for_each(|message| message.deleted = false);
                self.last = 0;
                let (count, octets) = self.totals();
                Some(format!("+OK {count} messages ({octets} octets)"))
            }
            _ => None,
        }
    }

    fn find(&self, text: &str) -> Option<usize> {
        let n = number(text)? as usize;
        self.present().iter().any(|(present, _)| *present == n).then_some(n)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits and nothing else, as far as 32 bits go.
fn number(text: &str) -> Option<u32> {
    is_number(text).then(|| text.parse().ok()).flatten()
}

fn logged_in() -> Session {
    let mut session = Session::new(Terms { may_log_in: true, tls: None, scram: true });
    let Step::Say(_) = session.line(b"USER anna") else { panic!("USER is answered") };
    let Step::LogIn(_, ticket) = session.line(b"PASS x") else { panic!("PASS asks for a login") };
    let ids: Vec<_> =
        (1..=SIZES.len()).map(|number| UniqueId::parse(&format!("u{number}")).unwrap()).collect();
    let _ = session.logged_in(ticket, ids.iter().zip(SIZES.map(Octets)).collect());
    session
}

fuzz_target!(|stream: &[u8]| {
    let (mut session, mut model, mut mistakes) = (logged_in(), Model::new(), 0);
    for line in stream.split(|octet| *octet == b'\n') {
        let Ok(text) = std::str::from_utf8(line) else { continue };
        let (before, expected) = (model.totals(), model.answer(text));
        match session.line(line) {
            Step::Say(response) if response.text().starts_with("-ERR") => {
                assert_eq!(expected, None, "{text:?}");
                assert_eq!(model.totals(), before);
                // What is well-formed and merely not there, a message or a language, is no mistake.
                mistakes += u32::from(!NOT_THERE.iter().any(|text| response.text().starts_with(text)));
                assert!(mistakes <= limits::POP3_ERRORS_MAX);
            }
            Step::Say(response) => match &expected {
                Some(expected) => assert_eq!(response.text(), expected.as_str(), "{text:?}"),
                // CAPA and LANG have no part in the model, and no effect.
                None => assert!(response.text().starts_with("+OK"), "{text:?}: {}", response.text()),
            },
            Step::Send(number, extent, ticket) => {
                let shown = match extent {
                    Extent::Whole => format!("send {number} whole"),
                    Extent::Top { body_lines } => format!("send {number} top {body_lines}"),
                };
                assert_eq!(Some(shown), expected, "{text:?}");
                session.sent(ticket);
            }
            Step::Update(marked, _) => {
                let numbers =
                    |numbers: &[MessageNumber]| numbers.iter().map(|n| n.get()).collect::<Vec<u32>>();
                assert_eq!(numbers(&marked.deleted), model.numbers(|message| message.deleted));
                let seen = model.numbers(|message| message.retrieved && !message.deleted);
                assert_eq!(numbers(&marked.seen), seen);
                return;
            }
            Step::HangUp(response, _) => {
                assert!(mistakes == limits::POP3_ERRORS_MAX || response == Response::HTTP, "{response:?}");
                return;
            }
            step => panic!("{text:?}: {step:?} after a login"),
        }
    }
});
