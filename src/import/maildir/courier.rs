//! What Courier showed: courierpop3dsizelist, in the order of the names.

use super::super::source::Error;
use super::entry::Entry;
use super::folder::Root;
use super::lines::Lines;
use super::{Shown, kept, made, order};
use crate::import::words::{counted, of_number};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};

/// Its list.
pub(super) const FILE: &str = "courierpop3dsizelist";

/// ```text
/// /3 <next number> <uidv>
/// <name> <size> <number>:<uidv>:<0, or 1 for 8-bit letters in the header>
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
struct SizeList {
    next: u64,
    /// The oldest lists have none.
    uidv: Option<u64>,
    /// By the name up to the flags.
    records: HashMap<Vec<u8>, Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    number: u64,
    uidv: u64,
    is_eight_bit: bool,
}

/// See the head of this file.
pub(super) fn shown(root: &Root, entries: &[Entry]) -> Result<Shown, Error> {
    let Some(list) = list(root)? else { return without_list(root, entries) };
    let mut shown = Shown::default();
    let (mut next, mut wrapped) = (list.next, 0);
    for index in order::by_number(entries) {
        let Some(entry) = entries.get(index) else { continue };
        // Courier itself takes a name that got its first flags since for a new message. Mail programs know
        // it under the old number, so it keeps that.
        let record = list.records.get(entry.base()).filter(|_| !entry.is_double).copied();
        wrapped += usize::from(record.is_some_and(|record| record.is_eight_bit));
        let record = record.or_else(|| {
            let number = next;
            next = next.saturating_add(1);
            shown.foreseen.insert(index);
            list.uidv.map(|uidv| Record { number, uidv, is_eight_bit: false })
        });
        let id = match record {
            Some(record) => kept(&unique_id(record, entry), entry, &mut shown.warnings),
            None => made(entry),
        };
        shown.messages.push((index, id));
    }
    shown.warnings.extend(warning(wrapped));
    Ok(shown)
}

fn unique_id(record: Record, entry: &Entry) -> Vec<u8> {
    match record {
        Record { number: 0, .. } => encoded(entry.base()),
        Record { number, uidv: 0, .. } => format!("UID{number}").into_bytes(),
        Record { number, uidv, .. } => format!("UID{number}-{uidv}").into_bytes(),
    }
}

/// A name in a listing: odd octets as `+XX`.
fn encoded(name: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.len());
    for octet in name {
        match octet {
            b'\'' | b'"' | b'+' => text.extend_from_slice(format!("+{octet:02X}").as_bytes()),
            0x21..=0x7e => text.push(*octet),
            _ => text.extend_from_slice(format!("+{octet:02X}").as_bytes()),
        }
    }
    text
}

fn warning(wrapped: usize) -> Option<String> {
    (wrapped > 0).then(|| {
        let (have, comes) =
            of_number(wrapped, ("has", "it comes as it is"), ("have", "they come as they are"));
        format!(
            "{} {have} 8-bit letters in the header. Courier showed each inside an error mail, another one at \
             each RETR; here {comes}",
            counted(wrapped, "message")
        )
    })
}

fn list(root: &Root) -> Result<Option<SizeList>, Error> {
    let path = root.path().join(FILE);
    let Some(file) = root.index(FILE)? else { return Ok(None) };
    let mut lines = Lines::new(BufReader::new(file));
    SizeList::read(&mut lines).map(Some).map_err(|why| Error::Source {
        what: format!("{}:{}: damaged, {why}", path.display(), lines.number().max(1)),
        remedy: super::without_index("take the file from a backup"),
    })
}

fn without_list(root: &Root, entries: &[Entry]) -> Result<Shown, Error> {
    let seen = entries.iter().filter(|entry| !entry.is_new()).count();
    if seen == 0 {
        return Ok(super::plain::shown(entries)); // Nobody has ever logged in.
    }
    Err(Error::Source {
        what: format!(
            "{}: it is missing, and there {} {} in cur/",
            root.path().join(FILE).display(),
            of_number(seen, "is", "are"),
            counted(seen, "message")
        ),
        remedy: super::without_index("take the file from a backup"),
    })
}

impl SizeList {
    fn read(lines: &mut Lines<impl BufRead>) -> Result<Self, String> {
        let mut list = Self::default();
        list.header(lines.next()?.ok_or("the file is empty")?)
            .ok_or("its first line is none of Courier's (/2, /3)")?;
        while let Some(line) = lines.next()? {
            list.add(line).ok_or("it is not as Courier writes it")?;
        }
        Ok(list)
    }

    fn header(&mut self, line: &[u8]) -> Option<()> {
        let mut words = words(line.strip_prefix(b"/")?);
        let version: u64 = number(words.next()?)?;
        self.next = number(words.next()?)?;
        self.uidv = words.next().map(number).unwrap_or(None);
        (2..=3).contains(&version).then_some(())
    }

    /// Names may have blanks: the other two words are the last ones.
    fn add(&mut self, line: &[u8]) -> Option<()> {
        let (rest, numbers) = rsplit_blank(line)?;
        let (name, size) = rsplit_blank(rest)?;
        number(size)?;
        let mut parts = numbers.split(|octet| *octet == b':');
        let record = Record {
            number: number(parts.next()?)?,
            uidv: number(parts.next()?)?,
            is_eight_bit: parts.next().map_or(Some(0), number)? != 0,
        };
        let base = name.split(|octet| *octet == b':').next().filter(|base| !base.is_empty())?;
        self.records.entry(base.to_vec()).or_insert(record);
        Some(())
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn rsplit_blank(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, behind) = line.split_at_checked(memchr::memrchr(b' ', line)?)?;
    Some((before, behind.get(1..)?))
}

fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests;
