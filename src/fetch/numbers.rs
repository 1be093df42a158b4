//! Finding the messages of one session again in another, where their numbers may have changed.

use super::connection::Message;
use std::collections::HashMap;

/// The numbers, in a session that lists `now`, of the messages that are `known`; `None` is gone.
///
/// By number where the unique-id is the same there, else by the unique-id if it is there once. Without
/// unique-ids a number means what it meant only if all before is the same.
pub(super) fn renumbered(known: &[Message], now: &[Message]) -> Vec<Option<u32>> {
    if known.iter().chain(now).any(|message| message.unique_id.is_none()) {
        let same = now.len() >= known.len() && known.iter().zip(now).all(|(a, b)| a.is_same_by_size(b));
        return known.iter().map(|message| same.then_some(message.number)).collect();
    }
    let by_number: HashMap<u32, &Message> = now.iter().map(|message| (message.number, message)).collect();
    let mut by_id: HashMap<&[u8], Option<u32>> = HashMap::new();
    for message in now {
        let id = message.unique_id.as_deref().unwrap_or_default();
        by_id.entry(id).and_modify(|number| *number = None).or_insert(Some(message.number));
    }
    let find = |message: &Message| match by_number.get(&message.number) {
        Some(there) if there.unique_id == message.unique_id => Some(message.number),
        _ => by_id.get(message.unique_id.as_deref().unwrap_or_default()).copied().flatten(),
    };
    known.iter().map(find).collect()
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

    #[test]
    fn without_unique_ids_nothing_may_have_changed_but_the_end() {
        let known = list(&[(1, "", 10), (2, "", 20)]);
        assert_eq!(renumbered(&known, &list(&[(1, "", 10), (2, "", 20), (3, "", 5)])), [Some(1), Some(2)]);
        for other in [&[(1, "", 10)][..], &[(1, "", 10), (2, "", 21)], &[(1, "", 10), (3, "", 20)]] {
            assert_eq!(renumbered(&known, &list(other)), [None, None]);
        }
    }
}
