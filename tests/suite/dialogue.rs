//! Dialogues as text: what a client says and what the server must answer.
//!
//! ```text
//! # a comment
//! === deleted messages keep their number     (starts a case)
//! set plaintext_login = always               (anything a player must prepare)
//! message From: a\n\nhello\n                 (a file of the maildrop, byte for byte)
//! C: DELE 1                                  (the client's line; CR LF is added)
//! c: \x16\x03\x01                            (the client's octets; nothing is added)
//! S: +OK [...]                               (the server's line; [...] is any text)
//! ```
//! Escapes: `\r \n \t \0 \\ \xHH`. The word `!close` on an `S:` line: the server closes.

use std::path::{Path, PathBuf};

/// One conversation.
#[derive(Clone, Debug)]
pub struct Case {
    pub file: String,
    pub title: String,
    pub settings: Vec<(String, String)>,
    pub messages: Vec<Vec<u8>>,
    pub turns: Vec<Turn>,
}

#[derive(Clone, Debug)]
pub enum Turn {
    /// Octets that the client sends.
    Client(Vec<u8>),
    /// One line that the server must send, without its CR LF.
    Server(Pattern),
    Close,
}

/// A line with gaps.
#[derive(Clone, Debug)]
pub struct Pattern(pub String);

impl Case {
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    pub fn place(&self) -> String {
        format!("{}: {}", self.file, self.title)
    }
}

impl Pattern {
    pub fn matches(&self, line: &[u8]) -> bool {
        let pieces: Vec<Vec<u8>> = self.0.split("[...]").map(unescape).collect();
        let [first, middle @ ..] = pieces.as_slice() else { return false };
        let Some((last, middle)) = middle.split_last() else { return line == first.as_slice() };
        let Some(mut rest) = line.strip_prefix(first.as_slice()) else { return false };
        for piece in middle {
            let found = rest.windows(piece.len().max(1)).position(|window| window == piece.as_slice());
            let Some(at) = found else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }
}

/// All cases of the files in tests/dialogues whose names begin with `prefix`.
pub fn load(prefix: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|file| parse(file)).collect();
    assert!(!cases.is_empty(), "no dialogue begins with {prefix}");
    cases
}

fn parse(path: &Path) -> Vec<Case> {
    let file = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in std::fs::read_to_string(path).unwrap().lines().enumerate() {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push(Case {
                file: file.clone(),
                title: title.to_owned(),
                settings: vec![],
                messages: vec![],
                turns: vec![],
            });
            continue;
        }
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("{file}:{}: no case yet", number + 1));
        // `S:` alone is an empty line.
        let (kind, text) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "C:" => case.turns.push(Turn::Client([unescape(text), b"\r\n".to_vec()].concat())),
            "c:" => case.turns.push(Turn::Client(unescape(text))),
            "S:" if text == "!close" => case.turns.push(Turn::Close),
            "S:" => case.turns.push(Turn::Server(Pattern(text.to_owned()))),
            "message" => case.messages.push(unescape(text)),
            "set" => {
                let (key, value) =
                    text.split_once('=').unwrap_or_else(|| panic!("{file}:{}: set key = value", number + 1));
                case.settings.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            _ => panic!("{file}:{}: what is {line:?}?", number + 1),
        }
    }
    cases
}

pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            octets.push(*first);
            continue;
        }
        let (octet, used) = match tail {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'0', ..] => (0, 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', high, low, ..] => {
                let digits = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap(), 3)
            }
            other => panic!("unknown escape before {:?}", String::from_utf8_lossy(other)),
        };
        octets.push(octet);
        rest = &tail[used..];
    }
    octets
}

#[test]
fn patterns_have_gaps() {
    for (pattern, line, fits) in [
        ("+OK", "+OK", true),
        ("+OK", "+OK x", false),
        ("+OK [...]", "+OK 2 messages", true),
        ("[...]SIZE[...]", "250-SIZE 1", true),
        ("a[...]b[...]c", "a1b2c", true),
        ("a[...]b[...]c", "a1c2", false),
        ("a\\x00", "a\0", true),
    ] {
        assert_eq!(Pattern(pattern.to_owned()).matches(line.as_bytes()), fits, "{pattern} / {line}");
    }
}
