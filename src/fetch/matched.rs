//! Mail from files, known by the unique-ids that only the old server can tell.
//!
//! The files give the octets, the server the order and the unique-ids. Which message is which is told by
//! the hash of the header; where several have the same one, by the size; where that is the same too, by all
//! of their octets, and then it does not matter.

use super::connection::{Connection, Message};
use super::letter::{Letter, Reader};
use super::mailbox::{found, place};
use super::problem::Problem;
use super::server::{Login, Patience, Server};
use crate::import::words::{counted, of_number};
use crate::import::{Error, Found, Inventory, Provenance, SkippedItem, Source};
use crate::pop3::client::Request;
use crate::runtime;
use crate::wire::dot_decoder::LineEndDecoder;
use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::mem;

/// See above. `S` is made for a server whose unique-ids are not computed (`plain`).
pub struct Matched<S> {
    files: S,
    server: Server,
    login: Login,
    patience: Patience,
    /// By index of our inventory: the index in that of the files.
    places: Vec<usize>,
}

impl<S: Source> Matched<S> {
    /// Nothing is done yet.
    pub fn new(files: S, server: Server, login: Login, patience: Patience) -> Self {
        Self { files, server, login, patience, places: Vec::new() }
    }

    /// What each file is known by; `None` for one that cannot be read.
    fn letters(&mut self, count: usize) -> Result<Vec<Option<Letter>>, Error> {
        let mut letters = Vec::with_capacity(count);
        for index in 0..count {
            let (mut reader, mut decoder, mut text) =
                (Reader::default(), LineEndDecoder::default(), Vec::new());
            let read = self.files.read(index, &mut |octets| {
                text.clear();
                decoder.push(octets, &mut text);
                reader.push(&text);
                Ok(())
            });
            text.clear();
            decoder.finish(&mut text);
            reader.push(&text);
            letters.push(match read {
                Ok(()) => Some(reader.finish()),
                Err(Error::Message { .. }) => None,
                Err(error) => return Err(error),
            });
        }
        Ok(letters)
    }

    /// What the server lists, and for each message the file that it is.
    async fn ask(&self, files: &[Option<Letter>]) -> Result<(Vec<Message>, Vec<Option<usize>>), Problem> {
        let mut connection = Connection::log_in(&self.server, &self.login, &self.patience).await?;
        let messages = connection.listing(false).await?;
        let numbers: Vec<u32> = messages.iter().map(|message| message.number).collect();
        let mut there = connection.letters(&numbers, Request::Header).await?;
        if there.iter().any(Option::is_none) {
            there = connection.letters(&numbers, Request::Retr).await?;
        } else {
            for (letter, message) in there.iter_mut().flatten().zip(&messages) {
                letter.octets = message.octets.unwrap_or_default();
            }
        }
        let mut matching = Matching::new(files, there.len());
        matching.by(&there, |letter| letter.header, false);
        matching.by(&there, |letter| (letter.header, letter.octets), false);
        // What is left has neighbours with the same header and size, or sizes that lie.
        let open: Vec<usize> = matching.open().collect();
        let numbers: Vec<u32> = open.iter().filter_map(|index| numbers.get(*index).copied()).collect();
        let read = connection.letters(&numbers, Request::Retr).await?;
        for (index, letter) in open.into_iter().zip(read) {
            if let Some(place) = there.get_mut(index) {
                *place = letter;
            }
        }
        matching.by(&there, |letter| letter.whole, true);
        // All that it was asked for is known.
        let _goodbye = connection.quit().await;
        Ok((messages, matching.found))
    }

    /// In the server's order: each file with the unique-id that it has there.
    fn put_listed<'a>(
        &mut self,
        inventory: &mut Inventory,
        files: &mut [Option<Found>],
        matched: impl Iterator<Item = (&'a Message, Option<usize>)>,
    ) -> Result<(), Error> {
        for (message, place) in matched {
            let Some((place, file)) = place.and_then(|place| Some((place, files.get_mut(place)?.take()?)))
            else {
                inventory.skipped.push(SkippedItem {
                    what: format!("{} of {}", self::place(message), self.server),
                    why: "no file holds it".to_owned(),
                });
                continue;
            };
            inventory.messages.push(Found { unique_id: found(message)?.unique_id, ..file });
            self.places.push(place);
        }
        Ok(())
    }

    /// Behind them, as they are: the files that the server does not list.
    fn put_others(&mut self, inventory: &mut Inventory, files: Vec<Option<Found>>) {
        let known = inventory.messages.len();
        for (place, file) in files.into_iter().enumerate() {
            if let Some(file) = file {
                inventory.messages.push(file);
                self.places.push(place);
            }
        }
        let unknown = inventory.messages.len() - known;
        if unknown > 0 {
            let (are, stand) = of_number(
                unknown,
                ("is", "it stands at the end, under a new unique-id"),
                ("are", "they stand at the end, under new unique-ids"),
            );
            let messages = counted(unknown, "message");
            inventory.warnings.push(format!("{messages} {are} not listed by {}: {stand}", self.server));
        }
    }

    /// Names and foreseen numbers by our index, like the messages. What the server has listed, the first
    /// `known`, is not foreseen any more.
    fn renumber(&self, inventory: &mut Inventory, known: usize) {
        let (names, foreseen) = (mem::take(&mut inventory.names), mem::take(&mut inventory.foreseen));
        inventory.names = self.places.iter().filter_map(|place| names.get(*place).cloned()).collect();
        let is_foreseen =
            |index: &usize| self.places.get(*index).is_some_and(|place| foreseen.contains(place));
        inventory.foreseen = (known..self.places.len()).filter(is_foreseen).collect();
    }
}

impl<S: Source> Source for Matched<S> {
    fn name(&self) -> String {
        format!("{}, unique-ids of {}", self.files.name(), self.server)
    }

    fn provenance(&self) -> Provenance {
        self.files.provenance()
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let mut inventory = self.files.inventory()?;
        let mut files: Vec<Option<Found>> =
            mem::take(&mut inventory.messages).into_iter().map(Some).collect();
        let letters = self.letters(files.len())?;
        let (messages, matched) = runtime::block_on(self.ask(&letters))?;
        self.places.clear();
        self.put_listed(&mut inventory, &mut files, messages.iter().zip(matched))?;
        let known = inventory.messages.len();
        self.put_others(&mut inventory, files);
        self.renumber(&mut inventory, known);
        Ok(inventory)
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        match self.places.get(index) {
            Some(place) => self.files.read(*place, sink),
            None => Err(Error::Message { what: format!("there is no message {}", index + 1) }),
        }
    }
}

/// Which file each message is, as far as that is known.
struct Matching<'a> {
    files: &'a [Option<Letter>],
    used: Vec<bool>,
    /// By index of the server's list.
    found: Vec<Option<usize>>,
}

impl<'a> Matching<'a> {
    fn new(files: &'a [Option<Letter>], messages: usize) -> Self {
        Self { files, used: vec![false; files.len()], found: vec![None; messages] }
    }

    /// Indexes of messages whose file is not known.
    fn open(&self) -> impl Iterator<Item = usize> {
        self.found.iter().enumerate().filter(|(_, file)| file.is_none()).map(|(index, _)| index)
    }

    /// Puts together what has the same key. Several of one key are told apart by another one, unless
    /// `equals` says that they are all the same.
    fn by<K: Hash + Eq>(&mut self, there: &[Option<Letter>], key: impl Fn(&Letter) -> K, equals: bool) {
        let mut groups: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for index in self.open() {
            if let Some(Some(letter)) = there.get(index) {
                groups.entry(key(letter)).or_default().0.push(index);
            }
        }
        for (place, letter) in self.files.iter().enumerate().filter(|(place, _)| !self.used[*place]) {
            if let Some(letter) = letter {
                groups.entry(key(letter)).and_modify(|group| group.1.push(place));
            }
        }
        for (messages, files) in groups.into_values() {
            if equals || (messages.len() == 1 && files.len() == 1) {
                for (index, place) in messages.into_iter().zip(files) {
                    self.found[index] = Some(place);
                    self.used[place] = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header, body, size.
    fn letters(of: &[(u8, u8, u64)]) -> Vec<Option<Letter>> {
        let letter = |(header, whole, octets): &(u8, u8, u64)| {
            Some(Letter { header: [*header; 32], whole: [*whole; 32], octets: *octets })
        };
        of.iter().map(letter).collect()
    }

    #[test]
    fn messages_find_their_files_by_header_then_size_then_all_octets() {
        let files =
            letters(&[(1, 10, 5), (2, 20, 6), (2, 21, 7), (3, 30, 8), (3, 31, 8), (3, 30, 8), (9, 90, 1)]);
        let there =
            letters(&[(3, 31, 8), (2, 21, 7), (1, 11, 4), (2, 20, 6), (3, 30, 8), (8, 80, 1), (3, 30, 8)]);
        let mut matching = Matching::new(&files, there.len());
        matching.by(&there, |letter| letter.header, false);
        assert_eq!(matching.found, [None, None, Some(0), None, None, None, None]);
        matching.by(&there, |letter| (letter.header, letter.octets), false);
        assert_eq!(matching.open().collect::<Vec<_>>(), [0, 4, 5, 6]);
        matching.by(&there, |letter| letter.whole, true);
        assert_eq!(matching.found, [Some(4), Some(2), Some(0), Some(1), Some(3), None, Some(5)]);
    }
}
