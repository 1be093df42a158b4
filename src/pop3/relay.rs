//! A session that is relayed to another server: what is going on in it, told from the octets of both
//! sides.
//!
//! Changes nothing and holds nothing back. Knows where an answer ends, and which messages were deleted;
//! every octet of a message passes unlooked at, but for the dot that ends it.

use crate::limits;
use crate::wire::line::{Line, LineBuffer};
use std::collections::{BTreeSet, VecDeque};

/// What is known of a relayed session, from the login on.
#[derive(Debug)]
pub struct Relayed {
    lines: LineBuffer,
    answers: Answers,
    /// Commands that wait for their answers.
    waiting: VecDeque<Asked>,
    marked: BTreeSet<u32>,
    deleted: BTreeSet<u32>,
    retrieved: usize,
    has_quit: bool,
    is_over: bool,
}

/// A command, as far as its answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// A status line.
    Status,
    /// After +OK, lines up to the dot.
    Lines,
    /// The same.
    Retr,
    Dele(u32),
    Rset,
    Quit,
}

/// The old server's octets, cut into status lines and what follows them.
#[derive(Debug, Default)]
struct Answers {
    /// The beginning of the line that is being read, and how long it is.
    start: [u8; START],
    length: usize,
    /// The octet before was a CR.
    cr: bool,
    /// Inside a multi-line answer.
    inside: bool,
}

/// As much of a line as is looked at: `+OK`, or the final dot.
const START: usize = 3;

impl Default for Relayed {
    fn default() -> Self {
        Self {
            lines: LineBuffer::new(limits::POP3_LINE_MAX),
            answers: Answers::default(),
            waiting: VecDeque::new(),
            marked: BTreeSet::new(),
            deleted: BTreeSet::new(),
            retrieved: 0,
            has_quit: false,
            is_over: false,
        }
    }
}

impl Relayed {
    /// Takes notice of what the mail program says.
    pub fn said(&mut self, octets: &[u8]) {
        self.lines.push(octets);
        while let Some(line) = self.lines.next_line() {
            let asked = match line {
                Line::Whole(line) => Asked::of(&line),
                Line::TooLong => Asked::Status,
            };
            self.has_quit |= asked == Asked::Quit;
            self.waiting.push_back(asked);
        }
    }

    /// Takes notice of what the old server answers.
    pub fn answered(&mut self, octets: &[u8]) {
        for &octet in octets {
            if let Some(ended) = self.answers.push(octet) {
                self.line_ended(&ended);
            }
        }
    }

    /// How many commands wait for their answers.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the old server has said all it was asked for, so that a word of ours would be heard as one.
    pub fn is_between(&self) -> bool {
        self.waiting.is_empty() && self.answers.length == 0 && !self.answers.inside
    }

    /// Whether the mail program has said QUIT.
    pub fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// Whether the old server has answered it.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many messages were sent by RETR, or begun.
    pub fn retrieved(&self) -> usize {
        self.retrieved
    }

    /// The numbers of the messages that the old server said it has deleted, at QUIT.
    pub fn deleted(&self) -> impl Iterator<Item = u32> + '_ {
        self.deleted.iter().copied()
    }

    fn line_ended(&mut self, line: &Ended) {
        if self.answers.inside {
            self.answers.inside = !line.is_dot();
            return;
        }
        // An old server that says something unasked says goodbye.
        let Some(asked) = self.waiting.pop_front() else { return };
        self.is_over |= asked == Asked::Quit;
        if !line.is_ok() {
            return;
        }
        match asked {
            Asked::Status => {}
            Asked::Lines => self.answers.inside = true,
            Asked::Retr => {
                self.answers.inside = true;
                self.retrieved += 1;
            }
            Asked::Dele(number) => {
                self.marked.insert(number);
            }
            Asked::Rset => self.marked.clear(),
            Asked::Quit => self.deleted = std::mem::take(&mut self.marked),
        }
    }
}

impl Asked {
    fn of(line: &[u8]) -> Self {
        let mut words = line.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
        let command = words.next().unwrap_or_default().to_ascii_uppercase();
        let argument = words.next();
        match (&command[..], argument) {
            (b"RETR", _) => Self::Retr,
            (b"TOP", _) | (b"LIST" | b"UIDL" | b"CAPA" | b"LANG", None) => Self::Lines,
            (b"DELE", Some(number)) => number_of(number).map_or(Self::Status, Self::Dele),
            (b"RSET", _) => Self::Rset,
            (b"QUIT", _) => Self::Quit,
            _ => Self::Status,
        }
    }
}

/// Servers take `DELE 007`, too.
fn number_of(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A line that has come to its end.
struct Ended {
    start: [u8; START],
    length: usize,
}

impl Ended {
    fn is_ok(&self) -> bool {
        self.length >= START && self.start.eq_ignore_ascii_case(b"+OK")
    }

    fn is_dot(&self) -> bool {
        self.length == 1 && self.start[0] == b'.'
    }
}

impl Answers {
    /// A line ends with LF; a CR before it belongs to the end.
    fn push(&mut self, octet: u8) -> Option<Ended> {
        let cr = std::mem::replace(&mut self.cr, octet == b'\r');
        if octet == b'\n' {
            let length = self.length - usize::from(cr);
            let start = std::mem::take(&mut self.start);
            self.length = 0;
            return Some(Ended { start, length });
        }
        if let Some(place) = self.start.get_mut(self.length) {
            *place = octet;
        }
        self.length = self.length.saturating_add(1);
        None
    }
}

#[cfg(test)]
mod tests;
