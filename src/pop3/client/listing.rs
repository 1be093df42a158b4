//! The lists of LIST and UIDL: a number and what belongs to it, line by line.
//!
//! A list decides which message is which, so what makes no sense is an error and never passed over; only
//! a line that says again what was said is.

use super::answer::Words;
use super::failure::Failure;
use crate::limits;
use crate::wire::dot_decoder::DotDecoder;
use std::collections::BTreeMap;

/// By message number, which is the server's order.
pub type Numbered<T> = BTreeMap<u32, T>;

/// Lines that are coming in, each read as soon as it is whole.
#[derive(Debug, Default)]
pub(super) struct Lines {
    decoder: DotDecoder,
    text: Vec<u8>,
}

impl Lines {
    /// Takes octets; how many were used. `true` when the list is at its end.
    pub(super) fn take(&mut self, input: &[u8], asked: &'static str) -> Result<(usize, bool), Failure> {
        let used = self.decoder.push(input, &mut self.text);
        if self.decoder.octets() > limits::FETCH_LISTING_MAX {
            return Err(Failure::TooMuch { asked });
        }
        Ok((used, self.decoder.is_over()))
    }

    /// Octets that have come so far.
    pub(super) fn octets(&self) -> u64 {
        self.decoder.octets()
    }

    /// All that came.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.text
    }
}

/// `1 120`: what some servers write behind the size is theirs (RFC 1939, 5: scan listing). A size that no
/// message has is one of the largest: all of them can be added up.
pub(super) fn sizes(text: &[u8]) -> Result<Numbered<u64>, Failure> {
    numbered(text, "LIST", |rest| {
        let word = rest.split(|octet| octet.is_ascii_whitespace()).find(|word| !word.is_empty())?;
        let size: u64 = std::str::from_utf8(word).ok()?.parse().ok()?;
        Some(size.min(limits::FETCH_MESSAGE_MAX))
    })
}

/// `1 whqtswO00WBw418f9t5JxYwZ`: all behind the one blank, as it is (blanks, 8-bit octets). A message
/// without a unique-id is not in the list.
pub(super) fn unique_ids(text: &[u8]) -> Result<Numbered<Vec<u8>>, Failure> {
    let mut found = numbered(text, "UIDL", |rest| Some(rest.to_vec()))?;
    found.retain(|_, id| !id.is_empty());
    Ok(found)
}

fn numbered<T: PartialEq>(
    text: &[u8],
    asked: &'static str,
    value: impl Fn(&[u8]) -> Option<T>,
) -> Result<Numbered<T>, Failure> {
    let mut found = Numbered::new();
    for line in text.split(|octet| *octet == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let nonsense = || Failure::Nonsense { asked, words: Words::of(line) };
        let (number, rest) = split(line).ok_or_else(nonsense)?;
        let value = value(rest).ok_or_else(nonsense)?;
        // Said twice is said once; but two answers to one question are none.
        if found.get(&number).is_some_and(|before| *before != value) {
            return Err(nonsense());
        }
        found.insert(number, value);
        if found.len() > limits::FETCH_MESSAGES_MAX {
            return Err(Failure::TooMuch { asked });
        }
    }
    Ok(found)
}

/// The message number, and what stands behind the one blank.
fn split(line: &[u8]) -> Option<(u32, &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|octet| b" \t".contains(octet)).unwrap_or(line.len());
    let (number, rest) = line.split_at(end);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    // RFC 1939, 5: from 1.
    (number > 0).then_some((number, rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
        unique_ids(text).ok().map(|found| found.into_iter().collect())
    }

    #[test]
    fn unique_ids_are_taken_as_they_are() {
        let text = b"1 a b \n2 \xe4\xff\n 3 x\n10  y\n4 z\r\n";
        let found = ids(text).unwrap();
        let wanted: [(u32, &[u8]); 5] = [(1, b"a b "), (2, b"\xe4\xff"), (3, b"x"), (4, b"z\r"), (10, b" y")];
        assert_eq!(found, wanted.map(|(number, id)| (number, id.to_vec())));
    }

    #[test]
    fn said_twice_is_said_once_and_a_contradiction_is_an_error() {
        assert_eq!(ids(b"1 a\n1 a\n2 a\n").unwrap().len(), 2);
        assert!(ids(b"1 a\n1 b\n").is_none());
        assert_eq!(sizes(b"1 5 (and more)\n2 0\n1 5\n").unwrap(), Numbered::from([(1, 5), (2, 0)]));
    }

    #[test]
    fn sizes_that_no_message_has_can_be_added_up() {
        let found = sizes(format!("1 {0}\n2 {0}\n3 7\n", u64::MAX).as_bytes()).unwrap();
        assert_eq!(found.values().sum::<u64>(), 2 * limits::FETCH_MESSAGE_MAX + 7);
        assert!((limits::FETCH_MESSAGES_MAX as u64).checked_mul(limits::FETCH_MESSAGE_MAX).is_some());
    }

    #[test]
    fn what_is_no_list_is_told_with_its_line() {
        for text in [&b"0 a"[..], b"x a", b"-1 a", b"4294967296 a", b"+OK", b"\xff", b"1.5 a"] {
            assert!(unique_ids(text).is_err(), "{text:?}");
        }
        for text in [&b"1"[..], b"1 x", b"1 -5", b"1 99999999999999999999"] {
            assert!(sizes(text).is_err(), "{text:?}");
        }
        assert_eq!(ids(b"1 \n2\n").unwrap(), []);
    }
}
