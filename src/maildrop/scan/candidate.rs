//! Names that belong to one message are put together.
//!
//! Knows names and inodes; sizes and unique-ids are settled later.

use crate::maildrop::find::Sought;
use crate::maildrop::gather::{Found, Names};
use crate::maildrop::listing::{Location, Name, Rare};
use crate::maildrop::name::{self, Carried, Written};
use crate::maildrop::tree::Folders;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A message before its sizes are known.
pub(super) struct Candidate {
    pub name: Name,
    /// The sizes that its name promises.
    pub written: Option<Written>,
    /// Where its unique-id stands.
    pub carried: Carried,
    /// Boxed, since few messages have it and all have room for it.
    pub rare: Option<Box<Rare>>,
}

impl Candidate {
    fn of(found: &Found, rare: Option<Box<Rare>>) -> Self {
        Self { name: found.name, written: found.written, carried: found.carried, rare }
    }

    /// What it is known by when it is no longer where it was; its size is not known yet.
    pub fn sought<'t>(&self, text: &'t [u8]) -> Sought<'t> {
        let inode = Some(self.salt()).filter(|&salt| salt != 0);
        Sought { base: name::base(self.name.text(text)), inode, bytes: None }
    }

    /// The file's inode when another file has the same name up to the `:`, else zero.
    pub fn salt(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.salt)
    }

    /// The key of its sizes: two files of one name must not share them.
    pub fn key<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let base = name::base(self.name.text(text));
        match self.salt() {
            0 => Cow::Borrowed(base),
            salt => Cow::Owned(name::derived_id(base, salt).as_bytes().into()),
        }
    }
}

/// Puts the names of one message together; they stand one behind the other.
pub(super) fn join(folders: &Folders, names: &Names) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(names.found.len());
    let is_same = |a: &Found, b: &Found| {
        // Two names with one base were made at one time: a look at the text is seldom needed.
        a.order == b.order && name::base(a.name.text(&names.text)) == name::base(b.name.text(&names.text))
    };
    for same in names.found.chunk_by(is_same) {
        match same {
            [only] => candidates.push(Candidate::of(only, None)),
            same => candidates.extend(resolve(folders, &names.text, same)),
        }
    }
    candidates
}

/// Several names with one base: a message that was moved while we looked, a move that was broken off,
/// or really two messages. Only the disk can tell, so here it is asked.
///
/// Which of the two came first it cannot tell, so each has its inode for a salt as long as both are here; the one
/// that stays is without it again, and shown by its name, whichever message had that before.
fn resolve(folders: &Folders, text: &[u8], same: &[Found]) -> Vec<Candidate> {
    let mut files = BTreeMap::<u64, Vec<&Found>>::new();
    for found in same {
        let Location { place, name } = found.name.location(text);
        if let Ok(stat) = folders.of(place).stat(&name) {
            files.entry(stat.st_ino).or_default().push(found);
        }
    }
    if files.is_empty() {
        // Moved once more; it is looked for again when it is wanted.
        return same.last().map(|latest| Candidate::of(latest, None)).into_iter().collect();
    }
    let contested = files.len() > 1;
    let candidate = |(inode, mut names): (u64, Vec<&Found>)| {
        let at = names.pop()?; // The one in cur/.
        let also = names.iter().map(|found| found.name.location(text)).collect();
        let rare = Rare { also, salt: if contested { inode } else { 0 }, long_id: None };
        Some(Candidate::of(at, (rare != Rare::default()).then(|| Box::new(rare))))
    };
    files.into_iter().filter_map(candidate).collect()
}
