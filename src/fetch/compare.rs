//! Whether a mail program would notice the move: what the old server lists beside what is listed here.

use super::connection::Message;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// One message as it is listed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// What UIDL shows.
    pub unique_id: Vec<u8>,
    /// What LIST shows.
    pub octets: u64,
}

/// Something that a mail program would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The message's number on the old server; `None` for one that is here alone.
    pub number: Option<u32>,
    /// Its unique-id, as text.
    pub unique_id: String,
    /// What it is.
    pub kind: Kind,
}

/// What a difference is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Listed there and not here.
    Missing,
    /// Here it stands behind messages that are behind it there.
    Order,
    /// Here stands a message before it that is not there.
    Before,
    /// Other octets.
    Size {
        /// On the old server.
        there: u64,
        /// Here.
        here: u64,
    },
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// In the order of the old server.
    pub differences: Vec<Difference>,
    /// Messages whose sizes differ in the listings; RETR decides ([`Compared::of`] leaves them out).
    pub sizes: Vec<(Message, u64)>,
    /// That had come over and were deleted here since: no difference.
    pub deleted: usize,
}

impl Compared {
    /// Compares. `gone` are the unique-ids that came over and are not here any more. What is here behind
    /// all that came over is new mail, and no difference.
    pub fn of(there: &[Message], here: &[Here], gone: &HashSet<Vec<u8>>) -> Self {
        let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
        // From behind, so that the first of equal ones is popped first.
        for (place, message) in here.iter().enumerate().rev() {
            places.entry(&message.unique_id).or_default().push(place);
        }
        let mut found = Self::default();
        let (mut taken, mut last) = (vec![false; here.len()], None);
        for message in there {
            let id = message.unique_id.as_deref().unwrap_or_default();
            let Some(place) = places.get_mut(id).and_then(Vec::pop) else {
                if gone.contains(id) {
                    found.deleted += 1;
                } else {
                    found.note(message, Kind::Missing);
                }
                continue;
            };
            taken[place] = true;
            if last.is_some_and(|last| place < last) {
                found.note(message, Kind::Order);
            }
            last = last.max(Some(place));
            let octets = here[place].octets;
            if message.octets.is_some_and(|there| there != octets) {
                found.sizes.push((message.clone(), octets));
            }
        }
        let end = last.unwrap_or(0);
        let strangers = here.iter().zip(&taken).take(end).filter(|(_, taken)| !**taken);
        found.differences.extend(strangers.map(|(message, _)| Difference {
            number: None,
            unique_id: text(&message.unique_id),
            kind: Kind::Before,
        }));
        found
    }

    /// Notes what RETR has told of a message whose listed sizes differ.
    pub fn retrieved(&mut self, message: &Message, there: u64, here: u64) {
        // A server that leaves out the last line end of a message that has none counts two less, and an
        // empty message has two octets at some and none at others; what mail programs get is the same.
        if there != here && !(there <= 2 && here <= 2) {
            self.note(message, Kind::Size { there, here });
        }
    }

    fn note(&mut self, message: &Message, kind: Kind) {
        let unique_id = text(message.unique_id.as_deref().unwrap_or_default());
        self.differences.push(Difference { number: Some(message.number), unique_id, kind });
    }
}

fn text(id: &[u8]) -> String {
    id.escape_ascii().to_string()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "message {number} ({}) ", self.unique_id)?,
            None => write!(f, "message {} ", self.unique_id)?,
        }
        match self.kind {
            Kind::Missing => f.write_str("is not here"),
            Kind::Order => f.write_str("stands at another place here"),
            Kind::Before => f.write_str("is only here, and stands before mail of the old server"),
            Kind::Size { there, here } => write!(f, "has {there} octets there and {here} here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(
        there: &[(&str, u64)],
        here: &[(&str, u64)],
        gone: &[&str],
    ) -> (Vec<String>, Vec<u32>, usize) {
        let message = |(index, (id, octets)): (usize, &(&str, u64))| Message {
            number: index as u32 + 1,
            unique_id: Some(id.as_bytes().to_vec()),
            octets: Some(*octets),
            identity: Vec::new(),
        };
        let there: Vec<Message> = there.iter().enumerate().map(message).collect();
        let here: Vec<Here> = here
            .iter()
            .map(|(id, octets)| Here { unique_id: id.as_bytes().to_vec(), octets: *octets })
            .collect();
        let gone = gone.iter().map(|id| id.as_bytes().to_vec()).collect();
        let found = Compared::of(&there, &here, &gone);
        let sizes = found.sizes.iter().map(|(message, _)| message.number).collect();
        (found.differences.iter().map(ToString::to_string).collect(), sizes, found.deleted)
    }

    #[test]
    fn what_no_mail_program_notices_is_no_difference() {
        let there = [("a", 1), ("b", 2), ("b", 2)];
        let none = (vec![], vec![], 0);
        assert_eq!(compared(&there, &there, &[]), none);
        assert_eq!(compared(&there, &[&there[..], &[("new", 9)]].concat(), &[]), none);
        assert_eq!(compared(&there, &[("a", 1), ("b", 2), ("new", 9)], &["b"]), (vec![], vec![], 1));
        assert_eq!(compared(&[], &[("new", 9)], &[]), none);
    }

    #[test]
    fn each_difference_is_named() {
        let there = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(
            compared(&there, &[("b", 2), ("x", 1), ("a", 1)], &[]).0,
            [
                "message 2 (b) stands at another place here",
                "message 3 (c) is not here",
                "message x is only here, and stands before mail of the old server"
            ]
        );
        assert_eq!(compared(&there, &[("a", 1), ("b", 5), ("c", 3)], &[]).1, [2]);
        let mut found = Compared::default();
        let message =
            Message { number: 2, unique_id: Some(b"b\xe4".to_vec()), octets: None, identity: vec![] };
        found.retrieved(&message, 2, 5);
        found.retrieved(&message, 2, 0);
        found.retrieved(&message, 5, 5);
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].to_string(), "message 2 (b\\xe4) has 2 octets there and 5 here");
    }
}
