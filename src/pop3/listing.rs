//! The messages of one session: their numbers and marks, and the lists that LIST and UIDL send.
//!
//! Two octets of marks for each message; what the messages are is kept by whoever keeps the messages.

use super::command::Number;
use super::response::{Lines, Response};
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

    /// The scan listing of all messages that are not marked.
    pub(super) fn sizes(&self) -> Response {
        let mut lines = Lines::begin(&self.summary().text());
        self.each_present(|number, index| {
            lines.line(format_args!("{number} {}", self.contents.octets(index)));
        });
        lines.end()
    }

    /// The unique-id listing of all messages that are not marked.
    pub(super) fn unique_ids(&self) -> Response {
        let mut lines = Lines::begin("+OK unique-ids follow");
        self.each_present(|number, index| {
            lines.unique_id(number, self.contents.unique_id(index));
        });
        lines.end()
    }

    /// Shows number and index of each message that is not marked.
    fn each_present(&self, mut show: impl FnMut(usize, usize)) {
        for (index, marks) in self.marks.iter().enumerate() {
            if !marks.deleted {
                show(index + 1, index);
            }
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
            listing.sizes().text(),
            "+OK 3 messages (4294967416 octets)\r\n1 120\r\n2 0\r\n3 4294967296\r\n."
        );
        assert_eq!(
            listing.unique_ids().text(),
            "+OK unique-ids follow\r\n1 u1\r\n2 a-longer-one\r\n3 u3\r\n."
        );
        assert_eq!(listing.unique_id(number(2)).text(), "+OK 2 a-longer-one");
        assert_eq!(Listing::default().sizes().text(), "+OK 0 messages (0 octets)\r\n.");
    }

    #[test]
    fn a_marked_message_is_out_of_everything_until_reset() {
        let mut listing = listing(&[("u1", 1), ("u2", 20), ("u3", 300)]);
        listing.delete(number(2));
        listing.delete(number(2));
        assert_eq!(listing.stat().text(), "+OK 2 301");
        assert_eq!(listing.find(Number(2)), None);
        assert_eq!(listing.find(Number(3)), Some(number(3)));
        assert_eq!(listing.unique_ids().text(), "+OK unique-ids follow\r\n1 u1\r\n3 u3\r\n.");
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
