//! The scan listing: what the client sees of each message, and where it lies on the disk.
//!
//! Flat, since a maildrop of a hundred thousand messages is nothing unusual: all names in one text, of
//! which the unique-ids are parts, and 20 bytes for each message beside it. Knows no disk.

use super::Entry;
use super::find::Sought;
use super::name;
use super::tree::Place;
use crate::mail::{Bytes, Contents, LineEnds, Octets, UniqueId};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Where a message was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder.
    pub place: Place,
    /// The name in it, flags included.
    pub name: OsString,
}

/// One message of the listing, as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where to look for it first.
    pub at: Location,
    /// Further names of the same file: a move that a power cut broke off. They go when it goes.
    pub also: Vec<Location>,
    /// The file, where another one has the same name up to the `:`.
    pub inode: Option<u64>,
    /// The size of the file.
    pub bytes: Bytes,
    /// Whether our own delivery wrote it.
    pub line_ends: LineEnds,
}

/// The messages, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Listing {
    text: Vec<u8>,
    octets: Vec<Octets>,
    files: Vec<File>,
    rare: BTreeMap<usize, Rare>,
}

#[derive(Clone, Copy, Debug)]
struct File {
    name: Name,
    /// Octets that the line ends add to the bytes.
    added: u32,
}

/// What few messages have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rare {
    /// See [`Stored::also`].
    pub also: Vec<Location>,
    /// A unique-id that is too long for the text of names.
    pub long_id: Option<UniqueId>,
    /// The file's inode when another file has the same name up to the `:`, else zero.
    pub salt: u64,
}

/// A file's name and its unique-id in the text of all names, and two things that are known of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    start: u32,
    /// The name begins with its unique-id, or has it in front of it ([`Name::APART`]); 0 is none.
    id_len: u8,
    name_len: u8,
    flags: u8,
}

impl Location {
    /// The name without flags.
    pub fn base(&self) -> &[u8] {
        name::base(self.name.as_bytes())
    }
}

impl Stored {
    /// What it is known by when it is no longer where it was.
    pub fn sought(&self) -> Sought<'_> {
        Sought { base: self.at.base(), inode: self.inode, bytes: Some(self.bytes) }
    }
}

impl Name {
    const APART: u8 = 1;
    const CUR: u8 = 2;
    const OWN_LF: u8 = 4;

    /// Adds a name to the text; its first `id_len` octets are its unique-id. `None` if the text is full.
    pub fn add(text: &mut Vec<u8>, place: Place, name: &[u8], id_len: usize) -> Option<Self> {
        let start = u32::try_from(text.len()).ok()?;
        let (id_len, name_len) = (u8::try_from(id_len).ok()?, u8::try_from(name.len()).ok()?);
        text.extend_from_slice(name);
        Some(Self { start, id_len, name_len, flags: if place == Place::Cur { Self::CUR } else { 0 } })
    }

    /// Adds a name with a unique-id that is no part of it; `None` for one that is too long, too.
    pub fn add_with(text: &mut Vec<u8>, place: Place, name: &[u8], id: &[u8]) -> Option<Self> {
        let start = text.len();
        text.extend_from_slice(id);
        let added = Self::add(text, place, name, id.len())?;
        Some(Self { start: u32::try_from(start).ok()?, flags: added.flags | Self::APART, ..added })
    }

    /// The name, flags included.
    pub fn text(self, text: &[u8]) -> &[u8] {
        let start = self.start as usize + if self.has(Self::APART) { usize::from(self.id_len) } else { 0 };
        text.get(start..start + usize::from(self.name_len)).unwrap_or_default()
    }

    /// The unique-id; empty if there is none.
    pub fn id(self, text: &[u8]) -> &[u8] {
        let start = self.start as usize;
        text.get(start..start + usize::from(self.id_len)).unwrap_or_default()
    }

    /// Whether it has a unique-id, and that is a part of it.
    pub fn begins_with_id(self) -> bool {
        self.id_len > 0 && !self.has(Self::APART)
    }

    pub fn place(self) -> Place {
        if self.has(Self::CUR) { Place::Cur } else { Place::New }
    }

    pub fn location(self, text: &[u8]) -> Location {
        Location { place: self.place(), name: OsStr::from_bytes(self.text(text)).to_owned() }
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Listing {
    /// A listing of messages whose names will stand in `text`.
    pub(super) fn with_capacity(messages: usize) -> Self {
        let (octets, files) = (Vec::with_capacity(messages), Vec::with_capacity(messages));
        Self { octets, files, ..Self::default() }
    }

    /// Adds the message with the next number; not one to which its line ends add four billion octets.
    pub(super) fn push(&mut self, name: Name, rare: Option<Rare>, sizes: (Bytes, Octets, LineEnds)) {
        let (bytes, octets, line_ends) = sizes;
        let added = octets.0.checked_sub(bytes.0).and_then(|added| u32::try_from(added).ok());
        let Some(added) = added else { return };
        let own = if line_ends == LineEnds::OwnLf { Name::OWN_LF } else { 0 };
        self.rare.extend(rare.map(|rare| (self.files.len(), rare)));
        self.files.push(File { name: Name { flags: name.flags | own, ..name }, added });
        self.octets.push(octets);
    }

    /// The text in which the names stand.
    pub(super) fn set_text(&mut self, text: Vec<u8>) {
        self.text = text;
        self.text.shrink_to_fit();
    }

    /// A message as it lies on the disk; `None` beyond the last.
    pub fn stored(&self, index: usize) -> Option<Stored> {
        let (file, octets) = (self.files.get(index)?, self.octets.get(index)?);
        let rare = self.rare.get(&index);
        Some(Stored {
            at: file.name.location(&self.text),
            also: rare.map(|rare| rare.also.clone()).unwrap_or_default(),
            inode: rare.map(|rare| rare.salt).filter(|&salt| salt != 0),
            bytes: Bytes(octets.0.saturating_sub(file.added.into())),
            line_ends: if file.name.has(Name::OWN_LF) { LineEnds::OwnLf } else { LineEnds::AsFound },
        })
    }

    /// A message as the client sees it; `None` beyond the last.
    pub fn entry(&self, index: usize) -> Option<Entry> {
        let octets = *self.octets.get(index)?;
        // Each was legal, or was carried along, when it was listed.
        Some(Entry { unique_id: UniqueId::carried(self.unique_id(index))?, octets })
    }

    /// All of them at once: for those who look at few.
    pub fn entries(&self) -> Vec<Entry> {
        (0..self.count()).filter_map(|index| self.entry(index)).collect()
    }

    /// What STAT shows.
    pub fn total(&self) -> Octets {
        self.octets.iter().copied().sum()
    }
}

impl Contents for Listing {
    fn count(&self) -> usize {
        self.files.len()
    }

    fn octets(&self, index: usize) -> Octets {
        self.octets.get(index).copied().unwrap_or_default()
    }

    fn unique_id(&self, index: usize) -> &[u8] {
        if let Some(long) = self.rare.get(&index).and_then(|rare| rare.long_id.as_ref()) {
            return long.as_bytes();
        }
        self.files.get(index).map_or(&[], |file| file.name.id(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_costs_little_memory_beside_its_name() {
        assert_eq!(size_of::<File>() + size_of::<Octets>(), 20);
    }

    #[test]
    fn names_and_unique_ids_are_found_again() {
        let mut text = Vec::new();
        let whole = Name::add(&mut text, Place::New, b"1.a,S=1", 3).unwrap();
        let apart = Name::add_with(&mut text, Place::Cur, b"2.b:2,S", b"carried").unwrap();
        let none = Name::add(&mut text, Place::New, b"two words", 0).unwrap();
        for (name, place, is, id) in [
            (whole, Place::New, &b"1.a,S=1"[..], &b"1.a"[..]),
            (apart, Place::Cur, b"2.b:2,S", b"carried"),
            (none, Place::New, b"two words", b""),
        ] {
            assert_eq!((name.place(), name.text(&text), name.id(&text)), (place, is, id));
            assert_eq!(name.location(&text), Location { place, name: OsStr::from_bytes(is).to_owned() });
        }
        assert!(Name::add_with(&mut text, Place::New, b"1.a", &[b'x'; 256]).is_none());
    }

    #[test]
    fn what_is_listed_is_told_again() {
        let (mut text, mut listing) = (Vec::new(), Listing::with_capacity(2));
        let long_id = UniqueId::carried(&[b'x'; 300]);
        let rare = Rare { long_id: long_id.clone(), ..Rare::default() };
        let names = [b"1.a", b"2.b"].map(|name| Name::add(&mut text, Place::Cur, name, 3).unwrap());
        listing.push(names[0], None, (Bytes(1 << 40), Octets((1 << 40) + 7), LineEnds::OwnLf));
        listing.push(names[1], Some(rare), (Bytes(5), Octets(5), LineEnds::AsFound));
        listing.push(names[1], None, (Bytes(0), Octets(1 << 32), LineEnds::AsFound));
        listing.push(names[1], None, (Bytes(1), Octets(0), LineEnds::AsFound));
        listing.set_text(text);
        assert_eq!(listing.total(), Octets((1 << 40) + 12));
        let entries = listing.entries();
        assert_eq!(
            entries[0],
            Entry { unique_id: UniqueId::parse("1.a").unwrap(), octets: Octets((1 << 40) + 7) }
        );
        assert_eq!(Some(&entries[1].unique_id), long_id.as_ref());
        assert_eq!(entries.len(), 2, "sizes that cannot be are left out");
        let stored = listing.stored(0).unwrap();
        assert_eq!((stored.bytes, stored.line_ends), (Bytes(1 << 40), LineEnds::OwnLf));
        assert_eq!(listing.stored(1).unwrap().line_ends, LineEnds::AsFound);
        assert!(listing.stored(2).is_none() && listing.unique_id(2).is_empty());
    }
}
