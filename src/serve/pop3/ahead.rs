//! Reading ahead: whoever fetches one message after the other finds the next small ones read already.
//!
//! Most of what a small message costs is the way to a disk thread and back; here several share one.
//! Only a client that asks for consecutive messages has others read for it. Knows no socket.

use crate::limits;
use crate::mail::{MessageNumber, Octets};
use crate::pop3::Extent;
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// What one session has had read ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// What was sent last.
    last: Option<(MessageNumber, Extent)>,
    /// The messages behind it, in their order.
    ready: VecDeque<Ready>,
}

/// A message as it is sent, final dot and all.
#[derive(Debug)]
pub(super) struct Ready {
    /// With the dots stuffed.
    pub wire: Vec<u8>,
    /// Without.
    pub sent: Octets,
}

impl Ahead {
    /// The message, if it was read ahead. Asked for any other, all that was read is given up.
    pub(super) fn take(&mut self, number: MessageNumber, extent: Extent) -> Option<Ready> {
        if !self.continues(number, extent) {
            self.ready.clear();
        }
        let ready = self.ready.pop_front()?;
        self.last = Some((number, extent));
        Some(ready)
    }

    /// Whether this is the message behind the last one, asked for in the same way.
    pub(super) fn continues(&self, number: MessageNumber, extent: Extent) -> bool {
        self.last.is_some_and(|(last, before)| before == extent && last.index() + 1 == number.index())
    }

    /// Notes what was sent from the disk, and what was read behind it on the same way.
    pub(super) fn sent(&mut self, number: MessageNumber, extent: Extent, behind: VecDeque<Ready>) {
        self.last = Some((number, extent));
        self.ready = behind;
    }
}

/// Reads on behind a message of `first` octets, as long as the listed sizes leave room: `listed` by
/// index, `read` by index. What cannot be read ends it, and is told when it is asked for.
pub(super) fn read_on(
    first: usize,
    after: MessageNumber,
    listed: impl Fn(usize) -> Option<Octets>,
    mut read: impl FnMut(usize) -> Option<Ready>,
) -> VecDeque<Ready> {
    let mut behind = VecDeque::new();
    let mut room = limits::OUTPUT_MAX.saturating_sub(first);
    let mut step = |index: usize| {
        let ready = listed(index).filter(|octets| octets.0 <= room as u64).and_then(|_| read(index));
        let Some(ready) = ready else { return ControlFlow::Break(()) };
        room = room.saturating_sub(ready.wire.len());
        behind.push_back(ready);
        ControlFlow::Continue(())
    };
    let _ended = (after.index() + 1..).take(limits::READ_AHEAD_MAX).try_for_each(&mut step);
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> MessageNumber {
        MessageNumber::from_index(number as usize - 1).unwrap()
    }

    fn ready(text: &[u8]) -> Ready {
        Ready { wire: text.to_vec(), sent: Octets(text.len() as u64) }
    }

    #[test]
    fn what_was_read_is_given_out_in_order_and_to_nobody_who_asks_for_something_else() {
        const TOP: Extent = Extent::Top { body_lines: 0 };
        let read = || VecDeque::from([ready(b"2"), ready(b"3")]);
        let take =
            |ahead: &mut Ahead, asked, extent| ahead.take(number(asked), extent).map(|ready| ready.wire);
        for (asked, found) in [
            (
                vec![(2, Extent::Whole), (3, Extent::Whole), (4, Extent::Whole)],
                vec![Some("2"), Some("3"), None],
            ),
            (vec![(3, Extent::Whole), (2, Extent::Whole)], vec![None, None]),
            (vec![(1, Extent::Whole), (2, Extent::Whole)], vec![None, None]),
            (vec![(2, TOP), (2, Extent::Whole)], vec![None, None]),
            (vec![(2, Extent::Whole), (2, Extent::Whole), (3, Extent::Whole)], vec![Some("2"), None, None]),
        ] {
            let mut ahead = Ahead::default();
            assert!(!ahead.continues(number(1), Extent::Whole));
            ahead.sent(number(1), Extent::Whole, read());
            for ((asked, extent), found) in asked.into_iter().zip(found) {
                assert_eq!(take(&mut ahead, asked, extent).as_deref(), found.map(str::as_bytes), "{asked}");
            }
        }
    }

    #[test]
    fn so_much_is_read_ahead_and_no_more() {
        let read = |first: usize, sizes: &[usize], unreadable: usize| {
            let listed = |index: usize| sizes.get(index).map(|size| Octets(*size as u64));
            let one = |index: usize| (index != unreadable).then(|| ready(&vec![b'x'; sizes[index]]));
            read_on(first, number(1), listed, one).len()
        };
        let none = usize::MAX;
        let third = limits::OUTPUT_MAX / 3;
        assert_eq!(read(third, &[third; 9], none), 2, "one block in all");
        assert_eq!(read(1, &[1, 1, limits::OUTPUT_MAX, 1], none), 1, "a large one ends it");
        assert_eq!(read(1, &[1; 4], none), 3, "to the last message");
        assert_eq!(read(1, &[1; 4], 2), 1, "to one that cannot be read");
        assert_eq!(read(1, &[1; 100], none), limits::READ_AHEAD_MAX);
        assert_eq!(read(2 * limits::OUTPUT_MAX, &[0, 1], none), 0);
    }
}
