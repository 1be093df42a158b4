//! The messages of one session: their numbers and marks, and the lists that LIST and UIDL send.
//!
//! Two octets of marks for each message; what the messages are is kept by whoever keeps the messages.

use super::command::Number;
use super::response::{Lines, Response};
use crate::limits;
use crate::mail::{Contents, MessageNumber, Octets, UniqueId};
use std::sync::Arc;

/// A maildrop as one session sees it, from login to QUIT.
#[derive(Debug)]
pub struct Listing {
    contents: Arc<dyn Contents>,
    marks: Vec<Marks>,
    /// Messages that are not marked as deleted, and their octets.
    present: usize,
    octets: Octets,
    /// The highest number that was retrieved; 0 is none.
    last: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    deleted: bool,
    retrieved: bool,
}

/// One of the two lists of all messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum List {
    /// LIST: the scan listing.
    Sizes,
    /// UIDL: the unique-id listing.
    UniqueIds,
}

/// What QUIT has to carry out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// To be removed.
    pub deleted: Vec<MessageNumber>,
    /// Retrieved and kept.
    pub seen: Vec<MessageNumber>,
}

impl Listing {
    /// Of what lies in an open maildrop.
    pub fn of(contents: Arc<dyn Contents>) -> Self {
        let marks = vec![Marks::default(); contents.count()];
        let mut listing = Self { contents, marks, present: 0, octets: Octets(0), last: 0 };
        listing.reset();
        listing
    }

    /// The message of that number, unless there is none or it is marked as deleted.
    pub(super) fn find(&self, number: Number) -> Option<MessageNumber> {
        let index = usize::try_from(number.0).ok()?.checked_sub(1)?;
        self.marks.get(index).filter(|marks| !marks.deleted)?;
        MessageNumber::from_index(index)
    }

    /// The octets of a message that was found.
    pub(super) fn octets(&self, number: MessageNumber) -> Octets {
        self.contents.octets(number.index())
    }

    /// Marks a message as deleted (RFC 1939, 5: DELE).
    pub(super) fn delete(&mut self, number: MessageNumber) {
        let Some(marks) = self.marks.get_mut(number.index()) else { return };
        if !std::mem::replace(&mut marks.deleted, true) {
            self.present -= 1;
            self.octets.0 -= self.contents.octets(number.index()).0;
        }
    }

    /// Notes that a message was sent whole.
    pub(super) fn retrieved(&mut self, number: MessageNumber) {
        if let Some(marks) = self.marks.get_mut(number.index()) {
            marks.retrieved = true;
            self.last = self.last.max(number.get());
        }
    }

    /// Takes back all marks of deletion (RFC 1939, 5: RSET; RFC 1460, 4 for LAST).
    pub(super) fn reset(&mut self) {
        self.marks.iter_mut().for_each(|marks| marks.deleted = false);
        self.present = self.marks.len();
        self.octets = (0..self.present).map(|index| self.contents.octets(index)).sum();
        self.last = 0;
    }

    /// What is left to do at QUIT.
    pub(super) fn marked(&self) -> Marked {
        let numbers = |wanted: fn(&Marks) -> bool| {
            let found = self.marks.iter().enumerate().filter(move |(_, marks)| wanted(marks));
            found.filter_map(|(index, _)| MessageNumber::from_index(index)).collect()
        };
        Marked {
            deleted: numbers(|marks| marks.deleted),
            seen: numbers(|marks| marks.retrieved && !marks.deleted),
        }
    }

    /// "n messages (m octets)": to a login and to RSET.
    pub(super) fn summary(&self) -> Response {
        Response::maildrop(self.present, self.octets)
    }

    /// To STAT; both numbers are kept up to date, not counted anew.
    pub(super) fn stat(&self) -> Response {
        Response::stat(self.present, self.octets)
    }

    /// To LAST.
    pub(super) fn last(&self) -> Response {
        Response::last(self.last)
    }

    /// To `LIST n`.
    pub(super) fn size(&self, number: MessageNumber) -> Response {
        Response::size(number, self.octets(number))
    }

    /// To `UIDL n`.
    pub(super) fn unique_id(&self, number: MessageNumber) -> Response {
        Response::unique_id(number, self.contents.unique_id(number.index()))
    }

    /// A part of a list of all messages that are not marked: from the message with that index on, and from
    /// which index the next part goes on. `None`: this was the last one, the final dot is in it.
    pub(super) fn part(&self, list: List, from: usize) -> (Response, Option<usize>) {
        let mut lines = match list {
            _ if from > 0 => Lines::go_on(),
            List::Sizes => Lines::begin(&self.summary().text()),
            List::UniqueIds => Lines::begin("+OK unique-ids follow"),
        };
        let behind = self.marks.get(from..).unwrap_or_default();
        let mut present = (from..).zip(behind).filter(|(_, marks)| !marks.deleted).map(|(index, _)| index);
        for index in present.by_ref().take(limits::LIST_PART) {
            match list {
                List::Sizes => {
                    lines.line(format_args!("{} {}", index + 1, self.contents.octets(index)));
                }
                List::UniqueIds => lines.unique_id(index + 1, self.contents.unique_id(index)),
            }
        }
        match present.next() {
            Some(next) => (lines.break_off(), Some(next)),
            None => (lines.end(), None),
        }
    }
}

impl Default for Listing {
    fn default() -> Self {
        Self::of(Arc::new(Few(Vec::new())))
    }
}

impl<'a> FromIterator<(&'a UniqueId, Octets)> for Listing {
    fn from_iter<I: IntoIterator<Item = (&'a UniqueId, Octets)>>(messages: I) -> Self {
        let messages = messages.into_iter().map(|(unique_id, octets)| (unique_id.clone(), octets));
        Self::of(Arc::new(Few(messages.collect())))
    }
}

/// Messages that are few enough to be kept one by one.
#[derive(Debug)]
struct Few(Vec<(UniqueId, Octets)>);

impl Contents for Few {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn octets(&self, index: usize) -> Octets {
        self.0.get(index).map_or(Octets(0), |(_, octets)| *octets)
    }

    fn unique_id(&self, index: usize) -> &[u8] {
        self.0.get(index).map_or(&[], |(unique_id, _)| unique_id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(messages: &[(&str, u64)]) -> Listing {
        let messages: Vec<_> =
            messages.iter().map(|(id, octets)| (UniqueId::parse(id).unwrap(), Octets(*octets))).collect();
        messages.iter().map(|(id, octets)| (id, *octets)).collect()
    }

    fn number(number: u32) -> MessageNumber {
        MessageNumber::from_index(number as usize - 1).unwrap()
    }

    #[test]
    fn lists_are_written_line_by_line() {
        let listing = listing(&[("u1", 120), ("a-longer-one", 0), ("u3", 4_294_967_296)]);
        assert_eq!(
            whole(&listing, List::Sizes),
            "+OK 3 messages (4294967416 octets)\r\n1 120\r\n2 0\r\n3 4294967296\r\n."
        );
        assert_eq!(
            whole(&listing, List::UniqueIds),
            "+OK unique-ids follow\r\n1 u1\r\n2 a-longer-one\r\n3 u3\r\n."
        );
        assert_eq!(listing.unique_id(number(2)).text(), "+OK 2 a-longer-one");
        assert_eq!(whole(&Listing::default(), List::Sizes), "+OK 0 messages (0 octets)\r\n.");
    }

    /// All parts, as they are sent, and how many there are.
    fn parts(listing: &Listing, list: List) -> (String, usize) {
        let (mut sent, mut count, mut from) = (Vec::new(), 0, Some(0));
        while let Some(index) = from {
            let (response, next) = listing.part(list, index);
            response.write_to(&mut sent);
            (count, from) = (count + 1, next);
        }
        (String::from_utf8(sent).unwrap(), count)
    }

    /// A list that is one part, without its last CR LF.
    fn whole(listing: &Listing, list: List) -> String {
        let (sent, count) = parts(listing, list);
        assert_eq!(count, 1);
        sent.strip_suffix("\r\n").unwrap().to_owned()
    }

    #[test]
    fn long_lists_come_in_parts_without_a_seam() {
        const PART: usize = limits::LIST_PART;
        for (count, in_parts) in [(PART - 1, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2), (2 * PART + 1, 3)] {
            let ids: Vec<_> = (1..=count).map(|n| UniqueId::parse(&format!("u{n}")).unwrap()).collect();
            let mut listing: Listing = ids.iter().map(|id| (id, Octets(7))).collect();
            let lines: String = (1..=count).map(|n| format!("{n} u{n}\r\n")).collect();
            let expected = format!("+OK unique-ids follow\r\n{lines}.\r\n");
            assert_eq!(parts(&listing, List::UniqueIds), (expected, in_parts));
            let lines: String = (1..=count).map(|n| format!("{n} 7\r\n")).collect();
            let expected = format!("+OK {count} messages ({} octets)\r\n{lines}.\r\n", 7 * count);
            assert_eq!(parts(&listing, List::Sizes), (expected, in_parts));
            // Whatever is marked, no part is empty: that would be an empty line.
            for n in 2..=count {
                listing.delete(MessageNumber::from_index(n - 1).unwrap());
            }
            assert_eq!(whole(&listing, List::UniqueIds), "+OK unique-ids follow\r\n1 u1\r\n.");
        }
    }

    #[test]
    fn a_marked_message_is_out_of_everything_until_reset() {
        let mut listing = listing(&[("u1", 1), ("u2", 20), ("u3", 300)]);
        listing.delete(number(2));
        listing.delete(number(2));
        assert_eq!(listing.stat().text(), "+OK 2 301");
        assert_eq!(listing.find(Number(2)), None);
        assert_eq!(listing.find(Number(3)), Some(number(3)));
        assert_eq!(whole(&listing, List::UniqueIds), "+OK unique-ids follow\r\n1 u1\r\n3 u3\r\n.");
        listing.reset();
        assert_eq!(listing.stat().text(), "+OK 3 321");
        assert_eq!(listing.find(Number(2)), Some(number(2)));
        assert_eq!(listing.marked(), Marked::default());
    }

    #[test]
    fn numbers_that_no_message_has() {
        let listing = listing(&[("u1", 1)]);
        for absent in [0, 2, u32::MAX] {
            assert_eq!(listing.find(Number(absent)), None);
        }
    }

    #[test]
    fn what_was_retrieved_and_kept_is_seen_also_after_reset() {
        let mut listing = listing(&[("u1", 1), ("u2", 20), ("u3", 300)]);
        listing.retrieved(number(3));
        listing.retrieved(number(1));
        assert_eq!(listing.last().text(), "+OK 3");
        listing.delete(number(3));
        assert_eq!(listing.marked(), Marked { deleted: vec![number(3)], seen: vec![number(1)] });
        listing.reset();
        assert_eq!(listing.last().text(), "+OK 0");
        assert_eq!(listing.marked().seen, [number(1), number(3)]);
    }

    #[test]
    fn a_message_costs_little_memory() {
        assert_eq!(size_of::<Marks>(), 2);
    }
}
