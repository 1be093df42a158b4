//! The ledger of mail that came from other servers: one line for each message that ever came over, also
//! for those that were deleted here since, so that no import brings them back and no unique-id is given
//! twice.
//!
//! It lies beside the Maildir's folders and is only ever replaced as a whole. A login opens it when a file
//! name says that its unique-id stands here, and when foreign files lie beside imported mail. Knows no
//! account and no source.
//!
//! ```text
//! restante-imported 1
//! <kept|made> <what the old server called it, %XX> <unique-id, %XX, or nothing> <digest> <base name, %XX> [<mailboxes>]
//! foreseen <what the old server may call it, %XX> <unique-id, %XX> <digest> <base name, %XX> <its name there, %XX> [<mailboxes>]
//! <SHA-256 of the lines above>
//! ```

use super::disk::Disk;
use super::folder::Folder;
use super::{name, sealed};
use crate::limits;
use crate::mail::UniqueId;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::io;

/// In the Maildir.
const FILE: &str = "restante-imported";
/// Under a name with a dot in front, which Maildir tools pass over.
const DRAFT: &str = ".restante-imported.draft";
const HEAD: &str = "restante-imported 1\n";

/// All that ever came over, in the order in which it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// See above.
    pub entries: Vec<Entry>,
}

/// One message that came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By what an import knows it again.
    pub origin: Origin,
    /// What UIDL shows; `None` when that is the first part of the name.
    pub unique_id: Option<UniqueId>,
    /// Of what stays the same of its text, to tell an equal message from another one; empty for one that never
    /// came over.
    pub digest: String,
    /// The name of our file, without flags.
    pub base: Vec<u8>,
    /// The old mailboxes in which it was met, by tags without blank or comma; without any, nobody knows.
    pub mailboxes: Vec<String>,
}

/// By what an import knows a message again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The old server showed this unique-id.
    Kept(UniqueId),
    /// The old server was to show this unique-id at its next login, for a message of this name; another one
    /// may have got it since.
    Foreseen(UniqueId, Vec<u8>),
    /// Nobody had seen one: anything that stays the same.
    Made(Vec<u8>),
}

impl Ledger {
    /// Reads it; without a file nothing has ever come over.
    ///
    /// # Errors
    /// `InvalidData` for a damaged one, of which nothing is believed; what the disk says.
    pub fn load(root: &Folder) -> io::Result<Self> {
        Self::read(root, OsStr::new(FILE))
    }

    /// Reads one that lies elsewhere, as that of an import which is not at its end.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(folder: &Folder, file: &OsStr) -> io::Result<Self> {
        let mut entries = Vec::new();
        sealed::each_line(folder, file, (HEAD, limits::LEDGER_FILE_MAX), &mut |line| {
            let entry = parse_line(line);
            let is_right = entry.is_some();
            entries.extend(entry);
            is_right
        })?;
        Ok(Self { entries })
    }

    /// Notes messages of `mailbox` that must never come over, as if they had and were deleted since; without
    /// one, of any. Whether any of them is new here.
    pub fn bury(&mut self, gone: &[UniqueId], mailbox: Option<&str>) -> bool {
        let before = self.entries.len();
        let is_of = |entry: &&Entry| {
            let met = &entry.mailboxes;
            met.is_empty() || mailbox.is_none_or(|mailbox| met.iter().any(|met| met == mailbox))
        };
        let of_it = self.entries.iter().filter(is_of);
        let known: HashSet<Origin> = of_it.map(|entry| entry.origin.clone()).collect();
        let buried = gone.iter().filter(|id| !known.contains(&Origin::Kept((*id).clone())));
        self.entries.extend(buried.map(|id| Entry {
            origin: Origin::Kept(id.clone()),
            unique_id: Some(id.clone()),
            digest: String::new(),
            base: Vec::new(),
            mailboxes: mailbox.into_iter().map(str::to_owned).collect(),
        }));
        self.entries.len() > before
    }

    /// Whether there is one.
    pub fn is_there(root: &Folder) -> bool {
        root.stat(OsStr::new(FILE)).is_ok()
    }

    /// The unique-ids by base name.
    pub fn by_base(&self) -> HashMap<&[u8], &UniqueId> {
        self.entries.iter().filter_map(by_base).collect()
    }

    /// All unique-ids that mail programs may know.
    pub fn unique_ids(&self) -> HashSet<&UniqueId> {
        self.entries.iter().filter_map(|entry| entry.unique_id.as_ref()).collect()
    }
}

/// A ledger while it is written.
#[derive(Debug)]
pub struct Draft(sealed::Draft);

impl Draft {
    /// Makes the file `name` in `folder`; a left-over makes way.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create<D: Disk>(disk: &D, folder: &Folder, name: &OsStr) -> io::Result<Self> {
        sealed::Draft::create(disk, folder, name, HEAD).map(Self)
    }

    /// One more that came over.
    ///
    /// # Errors
    /// What the disk says.
    pub fn push<D: Disk>(&mut self, disk: &D, entry: &Entry) -> io::Result<()> {
        self.0.line(disk, &entry.to_string())
    }

    /// That was all: it is on the disk when this returns. How long it is.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish<D: Disk>(self, disk: &D) -> io::Result<u64> {
        self.0.finish(disk)
    }
}

/// Its line in the file.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, unique_id, digest, base, mailboxes } = self;
        let (kind, known_as) = match origin {
            Origin::Kept(id) => ("kept", id.as_bytes()),
            Origin::Foreseen(id, _) => ("foreseen", id.as_bytes()),
            Origin::Made(identity) => ("made", &identity[..]),
        };
        let unique_id = unique_id.as_ref().map_or_else(String::new, |id| name::encode(id.as_bytes()));
        write!(f, "{kind} {} {unique_id} {digest} {}", name::encode(known_as), name::encode(base))?;
        if let Origin::Foreseen(_, there) = origin {
            write!(f, " {}", name::encode(there))?;
        }
        if !mailboxes.is_empty() {
            write!(f, " {}", mailboxes.join(","))?;
        }
        writeln!(f)
    }
}

fn by_base(entry: &Entry) -> Option<(&[u8], &UniqueId)> {
    Some((&entry.base, entry.unique_id.as_ref()?))
}

/// Puts a finished ledger, `name` in `from`, in the place of the old one, for good. It keeps its first name.
///
/// # Errors
/// What the disk says; then the old one is in force, or the new one.
pub fn install<D: Disk>(disk: &D, root: &Folder, from: &Folder, name: &OsStr) -> io::Result<()> {
    let draft = OsStr::new(DRAFT);
    gone(disk.unlink(root, draft))?;
    disk.link((from, name), (root, draft))?;
    disk.replace(root, draft, OsStr::new(FILE))?;
    // Two names of one file are no replacement to the kernel: the draft stays if this was done before.
    gone(disk.unlink(root, draft))?;
    disk.sync_folder(root)
}

/// The error for a ledger that names refer to, and that is not there.
pub fn missing(root: &Folder) -> io::Error {
    let path = root.path().join(FILE);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is gone and must come back from a backup", path.display()),
    )
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn parse_line(line: &str) -> Option<Entry> {
    let mut fields = line.split(' ');
    let (kind, known_as) = (fields.next()?, name::decode(fields.next()?.as_bytes())?);
    let unique_id = match fields.next()? {
        "" => None,
        text => Some(UniqueId::carried(&name::decode(text.as_bytes())?)?),
    };
    let digest = fields.next()?.to_owned();
    let base = name::decode(fields.next()?.as_bytes())?;
    let origin = match kind {
        "kept" => Origin::Kept(UniqueId::carried(&known_as)?),
        "foreseen" => {
            let there = name::decode(fields.next()?.as_bytes())?;
            Origin::Foreseen(UniqueId::carried(&known_as)?, there)
        }
        "made" => Origin::Made(known_as),
        _ => return None,
    };
    let mut mailboxes: Vec<String> =
        fields.next().map_or_else(Vec::new, |tags| tags.split(',').map(str::to_owned).collect());
    mailboxes.shrink_to_fit(); // Nearly always it is one, and room was made for four.
    Some(Entry { origin, unique_id, digest, base, mailboxes })
}

#[cfg(test)]
mod tests {
    use super::super::disk::OsDisk;
    use super::super::twin::folder;
    use super::*;
    use proptest::prelude::*;

    fn put(root: &Folder, ledger: &Ledger) {
        let mut draft = Draft::create(&OsDisk, root, OsStr::new("made")).unwrap();
        ledger.entries.iter().for_each(|entry| draft.push(&OsDisk, entry).unwrap());
        draft.finish(&OsDisk).unwrap();
        install(&OsDisk, root, root, OsStr::new("made")).unwrap();
    }

    #[test]
    fn it_is_replaced_as_a_whole_and_putting_it_there_twice_is_as_good_as_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = folder(dir.path());
        assert_eq!(Ledger::load(&root).unwrap(), Ledger::default());
        assert!(!Ledger::is_there(&root));
        let entry = |id: &[u8]| Entry {
            origin: Origin::Made(id.to_vec()),
            unique_id: UniqueId::carried(b"a b"),
            digest: "00".to_owned(),
            base: b"0.M1".to_vec(),
            mailboxes: vec!["f1".to_owned(), "w2".to_owned()],
        };
        for ledger in
            [Ledger { entries: vec![entry(b"")] }, Ledger { entries: vec![entry(b"x"), entry(b" ")] }]
        {
            put(&root, &ledger);
            install(&OsDisk, &root, &root, OsStr::new("made")).unwrap();
            assert_eq!(Ledger::load(&root).unwrap(), ledger);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no draft stays");
        }
        assert!(Ledger::is_there(&root));
    }

    #[test]
    fn a_sealed_file_that_holds_something_else_is_damaged_too() {
        let dir = tempfile::tempdir().unwrap();
        for line in [
            "kept",
            "kept a b c d",
            "foreseen a b c d",
            "else a b c d",
            "kept a%0 b c d",
            "kept  b c d",
            "made a %0D c d",
        ] {
            std::fs::write(dir.path().join(FILE), sealed::seal(HEAD, &format!("{line}\n"))).unwrap();
            let loaded = Ledger::load(&folder(dir.path()));
            assert_eq!(loaded.is_err(), line != "kept a b c d", "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_ledger_is_written_and_read(ids in proptest::collection::vec(
            (0..3, proptest::collection::vec(1..=255_u8, 1..90), any::<bool>(), 0..3_usize), 0..6))
        {
            let entries = ids.into_iter().filter_map(|(kind, octets, shown, met)| {
                let id = UniqueId::carried(&octets);
                let origin = match kind {
                    0 => Origin::Kept(id.clone()?),
                    1 => Origin::Foreseen(id.clone()?, octets.iter().rev().copied().collect()),
                    _ => Origin::Made(octets.clone()),
                };
                let unique_id = id.filter(|_| shown);
                let mailboxes = (0..met).map(|nth| format!("f{nth}")).collect();
                let digest = name::sha256_hex(&octets);
                Some(Entry { origin, unique_id, digest, base: octets, mailboxes })
            });
            let ledger = Ledger { entries: entries.collect() };
            let dir = tempfile::tempdir().unwrap();
            put(&folder(dir.path()), &ledger);
            prop_assert_eq!(Ledger::load(&folder(dir.path())).unwrap(), ledger);
        }
    }
}
