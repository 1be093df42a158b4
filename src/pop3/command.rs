//! One line of a client as a command: names in any case, numbers checked as numbers.
//!
//! Knows nothing of a session: whether a command may be said now is decided there.

use super::response::Response;
use crate::mail::{Password, UserName};

/// What a client asks for.
#[derive(Debug)]
pub enum Command {
    /// RFC 1939, 7.
    User(UserName),
    /// The rest of the line, blanks and all.
    Pass(Password),
    /// RFC 5034, 4; the initial response is still base64.
    Auth {
        /// As written: it need not be one of ours.
        mechanism: String,
        /// `None` is none, `=` an empty one.
        initial: Option<String>,
    },
    /// AUTH alone: which mechanisms are there? Not in any RFC, and asked for by Outlook.
    AuthList,
    /// RFC 1939, 7. Never granted.
    Apop,
    /// RFC 1939, 5: how many, and how large.
    Stat,
    /// RFC 1939, 5: the scan listing, of all or of one.
    List(Option<Number>),
    /// RFC 1939, 5: the whole message.
    Retr(Number),
    /// RFC 1939, 7: the header and some lines.
    Top {
        /// Which message.
        number: Number,
        /// Lines behind the blank one.
        body_lines: u32,
    },
    /// RFC 1939, 7: the unique-ids, of all or of one.
    Uidl(Option<Number>),
    /// RFC 1939, 5: marks a message.
    Dele(Number),
    /// RFC 1939, 5: takes all marks back.
    Rset,
    /// RFC 1939, 5: nothing.
    Noop,
    /// RFC 1460, 4: gone from RFC 1939, and fetchmail still asks.
    Last,
    /// RFC 1939, 4 and 6: goodbye, and only then are marks carried out.
    Quit,
    /// RFC 2449.
    Capa,
    /// RFC 2595, 4.
    Stls,
    /// RFC 6856, 2.
    Utf8,
    /// RFC 6856, 3.
    Lang(Option<String>),
}

/// How much of a message is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// RETR.
    Whole,
    /// TOP: the header and this many lines of the body.
    Top {
        /// 0 is the header and the blank line alone.
        body_lines: u32,
    },
}

/// A message's number as it was written; no such message need be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u32);

/// What is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Answer it; the client may go on.
    Tell(Response),
    /// It is a browser, or somebody using one against us: nothing else it says is read.
    Http,
}

impl Command {
    /// Reads one line, its line end taken off.
    pub fn parse(line: &[u8]) -> Result<Self, Mistake> {
        let (name, rest) = match line.iter().position(|octet| *octet == b' ') {
            Some(blank) => (&line[..blank], &line[blank + 1..]),
            None => (line, &[][..]),
        };
        let name = name.to_ascii_uppercase();
        // First of all, since a password need not be text and may begin with a blank.
        if name == b"PASS" {
            return Password::new(rest).map(Self::Pass).ok_or(Mistake::Tell(Response::USAGE_PASS));
        }
        if is_http(&name, rest) {
            return Err(Mistake::Http);
        }
        let rest = std::str::from_utf8(rest).map_err(|_| Mistake::Tell(Response::NOT_UTF8))?;
        Self::with_text(&name, rest)
    }

    /// All commands but PASS are text, their words parted by any number of blanks.
    fn with_text(name: &[u8], rest: &str) -> Result<Self, Mistake> {
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let (parsed, usage) = match (name, words.as_slice()) {
            (b"USER", _) => (UserName::parse(rest).map(Self::User), Response::USAGE_USER),
            (b"AUTH", words) => (auth(words), Response::USAGE_AUTH),
            (b"APOP", _) => (Some(Self::Apop), Response::UNKNOWN),
            (b"LIST", words) => (optional(words).map(Self::List), Response::USAGE_NUMBER),
            (b"UIDL", words) => (optional(words).map(Self::Uidl), Response::USAGE_NUMBER),
            (b"RETR", words) => (single(words).map(Self::Retr), Response::USAGE_NUMBER),
            (b"DELE", words) => (single(words).map(Self::Dele), Response::USAGE_NUMBER),
            (b"TOP", words) => (top(words), Response::USAGE_TOP),
            (b"LANG", []) => (Some(Self::Lang(None)), Response::USAGE_LANG),
            (b"LANG", [tag]) => (Some(Self::Lang(Some((*tag).to_owned()))), Response::USAGE_LANG),
            (b"LANG", _) => (None, Response::USAGE_LANG),
            (name, words) => match bare(name) {
                Some(command) => (words.is_empty().then_some(command), Response::USAGE_BARE),
                None => (None, Response::UNKNOWN),
            },
        };
        parsed.ok_or(Mistake::Tell(usage))
    }
}

/// The commands that stand alone.
fn bare(name: &[u8]) -> Option<Command> {
    Some(match name {
        b"STAT" => Command::Stat,
        b"RSET" => Command::Rset,
        b"NOOP" => Command::Noop,
        b"LAST" => Command::Last,
        b"QUIT" => Command::Quit,
        b"CAPA" => Command::Capa,
        b"STLS" => Command::Stls,
        b"UTF8" => Command::Utf8,
        _ => return None,
    })
}

/// A third word would be a second initial response.
fn auth(words: &[&str]) -> Option<Command> {
    match words {
        [] => Some(Command::AuthList),
        [mechanism] => Some(Command::Auth { mechanism: (*mechanism).to_owned(), initial: None }),
        [mechanism, initial] => {
            Some(Command::Auth { mechanism: (*mechanism).to_owned(), initial: Some((*initial).to_owned()) })
        }
        _ => None,
    }
}

/// Both numbers are asked for (RFC 1939, 7): `TOP 1` alone is a mistake, not the header.
fn top(words: &[&str]) -> Option<Command> {
    let [number, lines] = words else { return None };
    // More lines than can be counted are all of them.
    let body_lines = is_number(lines).then(|| lines.parse().unwrap_or(u32::MAX))?;
    Some(Command::Top { number: single(&[number])?, body_lines })
}

/// LIST and UIDL: of all, or of one.
fn optional(words: &[&str]) -> Option<Option<Number>> {
    if words.is_empty() { Some(None) } else { single(words).map(Some) }
}

/// One number, from 1.
fn single(words: &[&str]) -> Option<Number> {
    let [word] = words else { return None };
    digits(word).filter(|number| *number > 0).map(Number)
}

/// Digits alone, within `u32`: `str::parse` would take a plus sign, and C's `atoi` 4294967298 as 2.
fn digits(word: &str) -> Option<u32> {
    is_number(word).then(|| word.parse().ok()).flatten()
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit())
}

/// A browser can be made to post to our port what reads like POP3 further down.
fn is_http(name: &[u8], rest: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PATCH", b"PRI"];
    METHODS.contains(&name) && !rest.is_empty()
}

#[cfg(test)]
mod tests;
