//! The sizes of foreign messages, counted once and kept in a file beside the Maildir's folders.
//!
//! A cache and nothing more: the file may be deleted at any time, is never synced, and what does not
//! check out in it is counted again. Knows names and numbers; opens no message.
//!
//! ```text
//! restante-sizes 1
//! <bytes> <octets> <mtime in ns> <inode> <name, %XX>
//! <SHA-256 of the lines above>
//! ```

use super::disk::{Disk, OsDisk};
use super::folder::Folder;
use super::{name, sealed};
use crate::limits;
use crate::mail::{Bytes, Octets};
use nix::sys::stat::FileStat;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Read};

const FILE: &str = "restante-sizes";
/// Under a name with a dot in front, which Maildir tools pass over.
const DRAFT: &str = ".restante-sizes.draft";
const HEAD: &str = "restante-sizes 1\n";

/// What the disk says of a file: as long as this stays, so do its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    bytes: u64,
    modified_ns: i128,
    inode: u64,
}

/// The sizes by name (the part before `:`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes(HashMap<Vec<u8>, (Mark, Octets)>);

impl Mark {
    /// Of a file on the disk.
    pub fn of(stat: &FileStat) -> Self {
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            inode: stat.st_ino,
        }
    }

    /// The size of the file.
    pub fn bytes(self) -> Bytes {
        Bytes(self.bytes)
    }

    /// Which file it is.
    pub fn inode(self) -> u64 {
        self.inode
    }

    /// Fits no file: whatever has this mark is counted at the next look.
    pub const NEVER: Self = Self { bytes: u64::MAX, modified_ns: -1, inode: 0 };
}

impl Sizes {
    /// Reads the file; without one, or with a damaged one or one of another version, nothing is known.
    pub fn load(root: &Folder) -> Self {
        let mut text = String::new();
        let read = root
            .open_file(OsStr::new(FILE))
            .and_then(|file| file.take(limits::SIZES_FILE_MAX).read_to_string(&mut text));
        read.ok().and_then(|_| parse(&text)).unwrap_or_default()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is known of a name, right or outdated.
    pub fn knows(&self, base: &[u8]) -> bool {
        self.0.contains_key(base)
    }

    /// The octets, if the file is still the one that was counted.
    pub fn get(&self, base: &[u8], mark: Mark) -> Option<Octets> {
        self.0.get(base).filter(|(known, _)| *known == mark).map(|(_, octets)| *octets)
    }

    /// What was counted, of whatever file.
    pub fn sizes(&self, base: &[u8]) -> Option<(Bytes, Octets)> {
        self.0.get(base).map(|(mark, octets)| (mark.bytes(), *octets))
    }

    /// Notes what was counted.
    pub fn put(&mut self, base: &[u8], mark: Mark, octets: Octets) {
        self.0.insert(base.to_vec(), (mark, octets));
    }

    /// Writes the file in one piece. That it cannot be written matters to nobody.
    pub fn save(&self, root: &Folder) {
        // Nothing known and nothing there is the usual case, and costs one look.
        if self.0.is_empty() && root.stat(OsStr::new(FILE)).is_err() {
            return;
        }
        let _ = self.write(root);
    }

    fn write(&self, root: &Folder) -> io::Result<()> {
        let draft = OsStr::new(DRAFT);
        let _ = OsDisk.unlink(root, draft); // Left by somebody who was killed.
        let file = OsDisk.create(root, draft)?;
        let written = OsDisk.write(&file, self.to_text().as_bytes());
        let written = written.and_then(|()| root.replace(draft, OsStr::new(FILE)));
        if written.is_err() {
            let _ = OsDisk.unlink(root, draft);
        }
        written
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (base, (mark, octets)) in &self.0 {
            let Mark { bytes, modified_ns, inode } = mark;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{bytes} {octets} {modified_ns} {inode} {}", name::encode(base));
        }
        sealed::seal(HEAD, &text)
    }
}

/// `None` unless the sum at the end is right: a torn or edited file is no basis for a promise.
fn parse(text: &str) -> Option<Sizes> {
    sealed::unseal(HEAD, text)?.lines().map(parse_line).collect::<Option<_>>().map(Sizes)
}

fn parse_line(line: &str) -> Option<(Vec<u8>, (Mark, Octets))> {
    let mut fields = line.split(' ');
    let bytes = fields.next()?.parse().ok()?;
    let octets = Octets(fields.next()?.parse().ok()?);
    let modified_ns = fields.next()?.parse().ok()?;
    let inode = fields.next()?.parse().ok()?;
    let base = name::decode(fields.next()?.as_bytes())?;
    Some((base, (Mark { bytes, modified_ns, inode }, octets)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(number: u64) -> Mark {
        Mark { bytes: number, modified_ns: i128::from(number) * 7 - 1, inode: number + 3 }
    }

    #[test]
    fn what_was_counted_is_known_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        let mut sizes = Sizes::load(&root);
        assert_eq!(sizes, Sizes::default());
        sizes.save(&root);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing to keep, no file");
        sizes.put(b"foreign", mark(5), Octets(6));
        sizes.save(&root);
        let again = Sizes::load(&root);
        assert_eq!(again.get(b"foreign", mark(5)), Some(Octets(6)));
        for changed in [
            Mark { bytes: 6, ..mark(5) },
            Mark { modified_ns: 0, ..mark(5) },
            Mark { inode: 1, ..mark(5) },
            Mark::NEVER,
        ] {
            assert_eq!(again.get(b"foreign", changed), None);
        }
        assert!(again.knows(b"foreign") && !again.knows(b"other"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        let mut sizes = Sizes::default();
        sizes.put(b"foreign", mark(5), Octets(6));
        sizes.save(&root);
        let path = dir.path().join(FILE);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            assert_eq!(Sizes::load(&root), Sizes::default(), "byte {at} changed");
            std::fs::write(&path, &good[..at]).unwrap();
            assert_eq!(Sizes::load(&root), Sizes::default(), "cut at {at}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_matters_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let root = Folder::open(dir.path()).unwrap();
        std::fs::create_dir_all(dir.path().join(FILE).join("in the way")).unwrap();
        let mut sizes = Sizes::default();
        sizes.put(b"foreign", mark(5), Octets(6));
        sizes.save(&root);
        assert_eq!(Sizes::load(&root), Sizes::default());
        assert!(!dir.path().join(DRAFT).exists());
    }

    proptest! {
        #[test]
        fn any_name_is_written_and_read(names in proptest::collection::hash_map(
            proptest::collection::vec(any::<u8>(), 1..40), (any::<u32>(), any::<u64>()), 0..8))
        {
            let entries = names.into_iter().map(|(name, (number, octets))| {
                (name, (mark(number.into()), Octets(octets)))
            });
            let sizes = Sizes(entries.collect());
            prop_assert_eq!(parse(&sizes.to_text()), Some(sizes));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            prop_assert_eq!(parse(&text), None);
        }
    }
}
