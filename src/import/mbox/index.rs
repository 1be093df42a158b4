//! The index of an mbox in the making: lines come in, messages open and close.
//!
//! Knows where it is in the file and what the server at hand takes for a message; knows no blocks.

use super::fingerprint::Fingerprint;
use super::from_line::{self, Behind, Separator};
use super::habits::{End, Habits, Hides, Identity};
use super::header::{Field, Reader, Status};
use super::identity::Lasting;
use super::numbers::{Number, Numbers, Rules};
use super::pieces::Piece;
use std::time::SystemTime;

/// One message: all that is needed to read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where its header starts, behind the From line.
    pub start: u64,
    /// Behind its last octet.
    pub end: u64,
    /// Its marks.
    pub status: Status,
    /// The first X-UIDL that is not empty.
    pub uidl: Option<Box<[u8]>>,
}

/// One message of the index, with what an inventory tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// It.
    pub message: Message,
    /// By the From line.
    pub received: Option<SystemTime>,
    /// Its number by X-UID, or the one that the server would give it.
    pub uid: u32,
    /// Whether it is the latter.
    pub foreseen: bool,
    /// What stays the same of it in the mbox.
    pub name: [u8; 32],
    /// Whether its header has an X-UID at all.
    pub numbered: bool,
    /// A hash of its header, where unique-ids are made of one.
    pub hash: Option<[u8; 16]>,
}

/// What a piece has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    More,
    /// Text where a From line had to be.
    NoMbox,
    /// A header is over whose message claims to end at this offset.
    Claim(u64),
}

#[derive(Debug)]
pub(super) struct Index {
    habits: Habits,
    messages: Vec<Indexed>,
    numbers: Numbers,
    /// The offset behind the last piece.
    at: u64,
    open: Option<Open>,
    before: Before,
}

/// A message whose end has not been seen.
#[derive(Debug)]
struct Open {
    indexed: Indexed,
    place: Place,
    reader: Reader,
    name: Lasting,
    hash: Option<Fingerprint>,
    /// Where the body starts.
    body: Option<u64>,
    /// Behind the last octet of the body that is of no line end.
    text: u64,
    content_length: Option<u64>,
    /// Where a claim that was borne out ends it.
    ends_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FromLine,
    Header,
    Body,
}

/// How the last line ended.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// Octets of its line end.
    line_end: u64,
    /// What it was.
    behind: Behind,
    /// Whether the last piece ended with a CR.
    carriage_return: bool,
}

impl Index {
    pub(super) fn new(habits: Habits) -> Self {
        let rules = if habits.identity == Identity::UwNumbers { Rules::Uw } else { Rules::Dovecot };
        let before = Before::START_OF_FILE;
        Self { habits, messages: Vec::new(), numbers: Numbers::new(rules), at: 0, open: None, before }
    }

    pub(super) fn piece(&mut self, piece: Piece) -> Outcome {
        let start = self.at;
        self.at += piece.octets.len() as u64;
        if self.separates(piece, start) {
            self.close(start);
            self.begin(piece);
            return Outcome::More;
        }
        let Some(open) = &mut self.open else {
            // Some delivery programs left an empty line at the start.
            return if piece.octets.trim_ascii().is_empty() { Outcome::More } else { Outcome::NoMbox };
        };
        match open.place {
            Place::FromLine => {
                open.name.separator(piece);
                open.indexed.message.start = self.at;
                open.place = if piece.ends { Place::Header } else { Place::FromLine };
                Outcome::More
            }
            Place::Header if self.habits.ends_header(piece) => {
                self.before = self.before.then(piece, Behind::Header);
                self.header_is_over()
            }
            Place::Header => {
                self.header_line(piece);
                self.before = self.before.then(piece, Behind::Text);
                Outcome::More
            }
            Place::Body => {
                let text = piece.octets.len() - line_ends_behind(piece.octets);
                if text > 0 {
                    open.text = start + text as u64;
                }
                let empty = self.habits.ends_header(piece);
                self.before =
                    self.before.then(piece, if empty { Behind::EmptyLineOfBody } else { Behind::Text });
                Outcome::More
            }
        }
    }

    pub(super) fn jump(&mut self, end: u64, text: u64) {
        self.at = end;
        if let Some(open) = &mut self.open {
            open.ends_at = Some(end);
            open.text = text;
        }
    }

    pub(super) fn messages(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn finish(mut self) -> (Vec<Indexed>, Numbers) {
        self.close(self.at);
        (self.messages, self.numbers)
    }

    fn separates(&self, piece: Piece, start: u64) -> bool {
        let separator = self.habits.separator;
        let possible = self.open.as_ref().is_none_or(|open| match open.place {
            Place::FromLine => false,
            // The line behind a From line belongs to it, unless any From line does for this server.
            Place::Header if open.indexed.message.start == start => separator == Separator::Long,
            Place::Header => self.habits.splits_headers,
            Place::Body => true,
        });
        possible && piece.starts && separator.is_in(piece.octets, self.before.behind)
    }

    fn begin(&mut self, from_line: Piece) {
        let message = Message { start: self.at, ..Message::default() };
        let received = from_line::received(from_line.octets);
        let hash = match self.habits.identity {
            Identity::Hash(recipe) | Identity::DovecotNumbers(Some(recipe)) => Some(Fingerprint::new(recipe)),
            _ => None,
        };
        self.open = Some(Open {
            indexed: Indexed { message, received, ..Indexed::default() },
            place: if from_line.ends { Place::Header } else { Place::FromLine },
            reader: Reader::new(self.habits.exact_names),
            name: Lasting::of(from_line),
            body: None,
            text: 0,
            hash,
            content_length: None,
            ends_at: None,
        });
        self.before = Before::FROM_LINE;
    }

    fn header_line(&mut self, piece: Piece) {
        let Some(open) = &mut self.open else { return };
        if let Some(hash) = &mut open.hash {
            hash.push(piece);
        }
        open.name.header_line(piece);
        let field = open.reader.push(piece);
        self.note(field);
    }

    fn note(&mut self, field: Option<Field>) {
        let (Some(open), Some(field)) = (&mut self.open, field) else { return };
        match field {
            Field::Base { pseudo, value } => self.numbers.base(pseudo, &value),
            Field::Uid(value) => {
                open.indexed.numbered = true;
                self.numbers.uid(&value);
            }
            Field::Uidl(value) if open.indexed.message.uidl.is_none() && !value.is_empty() => {
                open.indexed.message.uidl = Some(value.into());
            }
            Field::ContentLength(length) if open.content_length.is_none() => {
                open.content_length = Some(length)
            }
            Field::Uidl(_) | Field::ContentLength(_) | Field::Status => {}
        }
    }

    fn header_is_over(&mut self) -> Outcome {
        let field = self.open.as_mut().and_then(|open| open.reader.finish());
        self.note(field);
        let Some(open) = &mut self.open else { return Outcome::More };
        open.place = Place::Body;
        open.body = Some(self.at);
        let claim = open.content_length.filter(|_| self.habits.content_length);
        claim.map_or(Outcome::More, |length| Outcome::Claim(self.at.saturating_add(length)))
    }

    /// A From line or the end of the file is at `at`.
    fn close(&mut self, at: u64) {
        if self.open.as_ref().is_some_and(|open| open.place != Place::Body) {
            self.header_is_over();
        }
        let Some(open) = self.open.take() else { return };
        let cut = match self.habits.end {
            End::LineBreak => self.before.line_end,
            End::EmptyLine if self.before.behind == Behind::EmptyLineOfBody => self.before.line_end,
            End::EmptyLine | End::All => 0,
        };
        let end = open.ends_at.unwrap_or(at - cut).max(open.indexed.message.start);
        let text = open.text.saturating_sub(open.body.unwrap_or(at));
        let indexed = Indexed {
            message: Message { end, status: open.reader.status, ..open.indexed.message },
            name: open.name.finish(text, self.habits.end.usual()),
            hash: open.hash.map(Fingerprint::finish),
            ..open.indexed
        };
        // What holds the base alone is no message, for those who look for a base.
        match (self.numbers.end_header(), self.habits.identity) {
            (Some(Number { uid, foreseen }), _) => self.messages.push(Indexed { uid, foreseen, ..indexed }),
            (None, Identity::Hash(_) | Identity::Written) => self.messages.push(indexed),
            (None, _) => {}
        }
    }
}

/// How many octets of line ends are the last ones.
pub(super) fn line_ends_behind(octets: &[u8]) -> usize {
    octets.iter().rev().take_while(|octet| matches!(octet, b'\r' | b'\n')).count()
}

impl End {
    /// Octets behind the text of a message of which one line end and an empty line part the next one.
    fn usual(self) -> u64 {
        match self {
            Self::LineBreak | Self::EmptyLine => 1,
            Self::All => 2,
        }
    }
}

impl Habits {
    /// Whether the server did not list a message.
    pub(super) fn hides(&self, message: &Message) -> bool {
        match self.hides {
            Hides::Nothing => false,
            Hides::Deleted => message.status.deleted,
            Hides::DeletedInStatus => message.status.deleted_in_status,
        }
    }

    /// Whether a line is empty, which ends a header.
    pub(super) fn ends_header(&self, piece: Piece) -> bool {
        piece.starts && (piece.octets == b"\n" || self.crlf_ends_header && piece.octets == b"\r\n")
    }
}

impl Before {
    /// As if an empty line stood there.
    const START_OF_FILE: Self = Self { line_end: 0, behind: Behind::EmptyLineOfBody, carriage_return: false };
    /// Its line end is none of the message's.
    const FROM_LINE: Self = Self { line_end: 0, behind: Behind::Text, carriage_return: false };

    /// Behind one more piece.
    fn then(self, piece: Piece, behind: Behind) -> Self {
        let only_lf = piece.octets == b"\n" && !piece.starts;
        let crlf = piece.octets.ends_with(b"\r\n") || self.carriage_return && only_lf;
        Self {
            line_end: if crlf { 2 } else { u64::from(piece.ends) },
            behind,
            carriage_return: piece.octets.ends_with(b"\r"),
        }
    }
}
