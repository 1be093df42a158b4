//! dovecot-uidlist: which UID each file has, and what Dovecot noted beside it.
//!
//! Versions 1 (also Dovecot 1.0's) and 3. Dovecot throws a file away at its first damaged line and makes
//! new UIDs; here the line is named and nothing is guessed. Knows no folder.

use super::super::source::Error;
use super::lines::Lines;
use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

/// Its name, in the Maildir or in the folder that CONTROL= names.
pub(super) const FILE: &str = "dovecot-uidlist";

/// The list as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uidlist {
    pub(super) uid_validity: u32,
    /// What the next message gets: the header's `N` grows old, because lines are only appended.
    pub(super) next_uid: u32,
    /// By the name up to the flags, which are old ones here.
    pub(super) records: HashMap<Vec<u8>, Record>,
}

/// One message of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) uid: u32,
    /// `P`: the unique-id that POP3 shows; an empty one is the file name.
    pub(super) unique_id: Option<Vec<u8>>,
    /// `O`: the place in POP3's order. No number is no place.
    pub(super) order: Option<u32>,
    /// `G`.
    pub(super) guid: Option<Vec<u8>>,
}

impl Uidlist {
    /// Reads a list.
    ///
    /// # Errors
    /// [`Error::Source`] that names file and line.
    pub(super) fn read(file: impl BufRead, path: &Path) -> Result<Self, Error> {
        let mut lines = Lines::new(file);
        Self::from_lines(&mut lines).map_err(|why| Error::Source {
            what: format!("{}:{}: damaged, {why}", path.display(), lines.number().max(1)),
            remedy: super::without_index("take the file from a backup"),
        })
    }

    fn from_lines(lines: &mut Lines<impl BufRead>) -> Result<Self, String> {
        let first = lines.next()?.ok_or("the file is empty")?;
        let mut header = Header::parse(first)?;
        let mut list = header.list();
        while let Some(line) = lines.next()? {
            list.add(line, &mut header)?;
        }
        Ok(list)
    }

    fn add(&mut self, line: &[u8], header: &mut Header) -> Result<(), &'static str> {
        let (uid, rest) = number(line).ok_or("it does not begin with a UID")?;
        let rest = rest.strip_prefix(b" ").ok_or("there is no blank behind the UID")?;
        if uid <= header.last_uid {
            return Err("its UID is not above that of the line before");
        }
        if header.version == 1 && uid >= self.next_uid {
            return Err("its UID is not below the next one that the first line promises");
        }
        header.last_uid = uid;
        let mut record = Record { uid, ..Record::default() };
        let name = match header.version {
            1 => without_blanks(rest),
            _ => record.fields(rest)?,
        };
        let base = memchr::memchr(b':', name).map_or(name, |at| name.get(..at).unwrap_or(name));
        if base.is_empty() {
            return Err("there is no file name in it");
        }
        if base.contains(&b'/') {
            return Err("there is a `/` in its file name");
        }
        // A message that was moved away and back stands there twice; the later line holds.
        self.records.insert(base.to_vec(), record);
        self.next_uid = self.next_uid.max(uid.saturating_add(1));
        Ok(())
    }
}

impl Record {
    /// `Pvalue Ovalue :name`; gives the name.
    fn fields<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], &'static str> {
        loop {
            rest = without_blanks(rest);
            if let Some(name) = rest.strip_prefix(b":") {
                return Ok(name);
            }
            let end = memchr::memchr(b' ', rest).ok_or("there is no `:` before its file name")?;
            let (field, behind) = rest.split_at(end);
            rest = behind;
            match field.split_first() {
                Some((b'P', value)) => _ = self.unique_id.get_or_insert_with(|| value.to_vec()),
                Some((b'G', value)) if !value.is_empty() => {
                    self.guid.get_or_insert_with(|| value.to_vec());
                }
                Some((b'O', value)) if self.order.is_none() => self.order = whole_number(value),
                Some((b'A'..=b'Z', _)) => {}
                _ => return Err("one of its fields does not begin with a capital letter"),
            }
        }
    }
}

/// The first line.
struct Header {
    version: u8,
    uid_validity: u32,
    next_uid: u32,
    last_uid: u32,
}

impl Header {
    /// `1 VALIDITY NEXT` or `3 Vvalidity Nnext Gguid`.
    fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let (version, rest) = match line {
            [b'1', b' ', rest @ ..] => (1, rest),
            [b'3', b' ', rest @ ..] => (3, rest),
            _ => return Err("the first line is of no version that is known (1, 3)"),
        };
        let words = || rest.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
        let value = |place: usize, key: u8| match version {
            1 => words().nth(place).and_then(whole_number),
            _ => words().find(|word| word.first() == Some(&key)).and_then(|word| whole_number(&word[1..])),
        };
        match (value(0, b'V'), value(1, b'N')) {
            (Some(uid_validity @ 1..), Some(next_uid @ 1..)) => {
                Ok(Self { version, uid_validity, next_uid, last_uid: 0 })
            }
            _ => Err("the first line lacks UIDVALIDITY (V) or the next UID (N)"),
        }
    }

    fn list(&self) -> Uidlist {
        Uidlist { uid_validity: self.uid_validity, next_uid: self.next_uid, records: HashMap::new() }
    }
}

/// A number in front, and what follows.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn without_blanks(text: &[u8]) -> &[u8] {
    text.get(text.iter().take_while(|octet| **octet == b' ').count()..).unwrap_or_default()
}

fn whole_number(text: &[u8]) -> Option<u32> {
    number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

#[cfg(test)]
mod tests;
