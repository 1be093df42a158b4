//! Finding the messages of one session again in another, where their numbers may have changed. What is not
//! certain is not found.

use super::connection::Message;
use std::collections::{HashMap, HashSet};

/// The numbers, in a session that lists `now`, of the messages that are `known`; `None` is gone.
///
/// By number where what tells messages apart is the same there, else by that alone if it is there once.
pub(super) fn renumbered(known: &[Message], now: &[Message]) -> Vec<Option<u32>> {
    let twins = changed_twins(known, now);
    let by_number: HashMap<u32, &Message> = now.iter().map(|message| (message.number, message)).collect();
    let mut by_name: HashMap<Name<'_>, Option<&Message>> = HashMap::new();
    for message in now {
        by_name.entry(name(message)).and_modify(|other| *other = None).or_insert(Some(message));
    }
    let find = |message: &Message| {
        let there = match by_number.get(&message.number).copied() {
            Some(there) if name(there) == name(message) => Some(there),
            _ => by_name.get(&name(message)).copied().flatten(),
        };
        let is_same = |there: &&Message| message.is_same_as(there) && !twins.contains(message.header());
        there.filter(is_same).map(|there| there.number)
    };
    known.iter().map(find).collect()
}

/// A unique-id; where there is none, the identity.
type Name<'a> = (Option<&'a [u8]>, &'a [u8]);

fn name(message: &Message) -> Name<'_> {
    (message.unique_id.as_deref(), &message.identity)
}

/// Headers that several messages without unique-ids have, which are told apart by their order alone: if one of
/// them may be gone, nobody knows which of them is left.
fn changed_twins<'a>(known: &'a [Message], now: &'a [Message]) -> HashSet<&'a [u8]> {
    let (before, after) = (places(known), places(now));
    let is_changed = |(header, places): &(&&[u8], &Vec<u32>)| {
        let there = after.get(*header).map_or(&[][..], Vec::as_slice);
        (places.len() > 1 || there.len() > 1) && !there.starts_with(places)
    };
    before.iter().filter(is_changed).map(|(header, _)| *header).collect()
}

/// The numbers of messages without unique-ids, by their headers.
fn places(messages: &[Message]) -> HashMap<&[u8], Vec<u32>> {
    let mut places: HashMap<&[u8], Vec<u32>> = HashMap::new();
    for message in messages.iter().filter(|message| message.unique_id.is_none()) {
        places.entry(message.header()).or_default().push(message.number);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(messages: &[(u32, &str, u64)]) -> Vec<Message> {
        let message = |(number, id, octets): &(u32, &str, u64)| Message {
            number: *number,
            unique_id: (!id.is_empty()).then(|| id.as_bytes().to_vec()),
            octets: Some(*octets),
            identity: Vec::new(),
        };
        messages.iter().map(message).collect()
    }

    #[test]
    fn messages_are_found_by_their_unique_ids() {
        let known = list(&[(1, "a", 1), (2, "b", 1), (3, "c", 1), (4, "d", 1), (5, "d", 1)]);
        assert_eq!(renumbered(&known, &known), [Some(1), Some(2), Some(3), Some(4), Some(5)]);
        let one_less = list(&[(1, "a", 1), (2, "c", 1), (3, "d", 1), (4, "d", 1), (5, "e", 1)]);
        assert_eq!(renumbered(&known, &one_less), [Some(1), None, Some(2), Some(4), None]);
    }

    /// `(number, header, octets)`
    fn nameless(messages: &[(u32, u8, u64)]) -> Vec<Message> {
        let mut before = [0_u32; 256];
        let message = |(number, header, octets): &(u32, u8, u64)| {
            before[usize::from(*header)] += 1;
            let nth = before[usize::from(*header)];
            let identity = Message::identity([*header; 32], nth);
            Message { number: *number, unique_id: None, octets: Some(*octets), identity }
        };
        messages.iter().map(message).collect()
    }

    #[test]
    fn without_unique_ids_messages_are_found_by_their_headers_and_sizes() {
        let known = nameless(&[(1, 1, 10), (2, 2, 20), (3, 3, 30)]);
        assert_eq!(renumbered(&known, &known), [Some(1), Some(2), Some(3)]);
        let less = nameless(&[(1, 2, 20), (2, 3, 30), (3, 4, 9)]);
        assert_eq!(renumbered(&known, &less), [None, Some(1), Some(2)]);
        let other = nameless(&[(1, 9, 10), (2, 2, 21), (3, 3, 30)]);
        assert_eq!(renumbered(&known, &other), [None, None, Some(3)], "another header, another size");
    }

    #[test]
    fn of_equal_headers_none_is_taken_for_another() {
        let known = nameless(&[(1, 1, 10), (2, 1, 10), (3, 3, 30)]);
        let more = nameless(&[(1, 1, 10), (2, 1, 10), (3, 3, 30), (4, 1, 10)]);
        assert_eq!(renumbered(&known, &more), [Some(1), Some(2), Some(3)]);
        let less = nameless(&[(1, 1, 10), (2, 3, 30)]);
        assert_eq!(renumbered(&known, &less), [None, None, Some(2)]);
        let exchanged = nameless(&[(1, 1, 10), (2, 3, 30), (3, 1, 10)]);
        assert_eq!(renumbered(&known, &exchanged), [None, None, Some(2)]);
    }
}
