//! The orders in which old servers put Maildir names.
//!
//! All of them compare octets as C's `char` does on the machines they ran on: with a sign, so that 8-bit
//! letters come before the end of a name, and that before all others.

use super::entry::Entry;
use std::cmp::Ordering;

/// Dovecot's, for messages that have no UID yet: seconds, microseconds, the rest of the name.
pub(super) fn by_arrival(entries: &[Entry], mut indexes: Vec<usize>) -> Vec<usize> {
    let mut timed = Vec::new();
    let mut untimed = Vec::new();
    indexes.sort_unstable();
    for index in indexes {
        let Some(entry) = entries.get(index) else { continue };
        let key = Arrival::of(&entry.sorted_by());
        if key.micros.is_some() { timed.push((key, index)) } else { untimed.push((key, index)) }
    }
    // Two names are compared by their microseconds only if both have some. That is no order that a sort
    // could work with, so each kind is sorted by itself, and then both are merged.
    timed.sort_by(|(one, _), (other, _)| one.cmp(other));
    untimed.sort_by(|(one, _), (other, _)| one.cmp(other));
    merge(timed, untimed)
}

/// Courier's: the number in front, as C's `atol` reads it, then the octets.
pub(super) fn by_number(entries: &[Entry]) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..entries.len()).collect();
    indexes.sort_by_cached_key(|index| {
        let name = entries.get(*index).map(Entry::sorted_by).unwrap_or_default();
        (atol(&name), signed(&name))
    });
    indexes
}

/// solid-pop3d's: the file's time in whole seconds; of one second, as the folder has them.
pub(super) fn by_time(entries: &[Entry]) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..entries.len()).collect();
    indexes.sort_by_key(|index| entries.get(*index).map(Entry::seconds));
    indexes
}

/// The parts of a name that Dovecot compares.
#[derive(Debug)]
struct Arrival {
    seconds: u64,
    micros: Option<u64>,
    rest: Vec<u8>,
}

impl Arrival {
    fn of(name: &[u8]) -> Self {
        let (seconds, rest) = digits(name);
        Self { seconds, micros: micros(rest), rest: signed(rest) }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let micros = || match (self.micros, other.micros) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => Ordering::Equal,
        };
        self.seconds.cmp(&other.seconds).then_with(micros).then_with(|| self.rest.cmp(&other.rest))
    }
}

/// `M` and a number, in the part between the first dot and the second.
fn micros(rest: &[u8]) -> Option<u64> {
    let part = rest.strip_prefix(b".")?.split(|octet| matches!(octet, b'.' | b':')).next()?;
    let at = memchr::memchr(b'M', part)?;
    Some(digits(part.get(at + 1..)?).0)
}

fn merge(one: Vec<(Arrival, usize)>, other: Vec<(Arrival, usize)>) -> Vec<usize> {
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    let mut merged = Vec::with_capacity(one.len() + other.len());
    loop {
        let from_one = match (one.peek(), other.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b) != Ordering::Greater,
            (here, _) => here.is_some(),
        };
        match if from_one { one.next() } else { other.next() } {
            Some((_, index)) => merged.push(index),
            None => return merged,
        }
    }
}

/// Octets that compare as signed ones with an end that is zero.
fn signed(text: &[u8]) -> Vec<u8> {
    text.iter().chain([&0]).map(|octet| octet ^ 0x80).collect()
}

fn digits(text: &[u8]) -> (u64, &[u8]) {
    let end = text.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    let number = digits.iter().fold(0_u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
    });
    (number, rest)
}

/// Blanks, a sign, digits; without digits it is 0, and what is too large is the largest.
fn atol(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let (number, _) = digits(text);
    match i64::try_from(number) {
        Ok(number) if negative => -number,
        Ok(number) => number,
        Err(_) if negative => i64::MIN,
        Err(_) => i64::MAX,
    }
}

#[cfg(test)]
mod tests;
