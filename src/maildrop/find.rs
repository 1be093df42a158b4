//! Messages that a neighbour renamed since they were listed are looked for again, by the part of the
//! name that stays, and told from others that have the same.
//!
//! One look for any number of messages. The `maildir` crate's `find` reads both folders for each
//! message, so n of them would cost n².

use super::disk::Disk;
use super::gather::{Gathered, gather};
use super::listing::Location;
use super::tree::Folders;
use crate::mail::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

/// What is known of a message that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// Its name without flags.
    pub base: &'a [u8],
    /// Its file, where another one had the same base when it was listed: then the name says too little.
    pub inode: Option<u64>,
    /// The size that was listed.
    pub bytes: Option<Bytes>,
}

/// Where a message is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Under these names, all of one file; that in cur/ last.
    At(Vec<Location>),
    /// In neither folder: somebody removed it.
    Nowhere,
    /// It may be there or not: it was renamed once more meanwhile, or a file that came since has its base
    /// as well, and nobody can say which of the two was listed. Nothing may be done to either.
    Unclear,
    /// Unclear, though all names were seen: it has these, and there was no file at any of them. It was renamed
    /// behind the look, or a damaged folder or a network disk lists names that lead to nothing; who meets the
    /// same names at the next look knows that it is the latter.
    Empty(Vec<Location>),
}

impl Sought<'_> {
    /// Whether it may be the file with this inode.
    pub fn is_file(&self, inode: u64) -> bool {
        self.inode.is_none_or(|listed| listed == inode)
    }

    /// Whether what lies there may be it. That is asked of the disk only where names are not enough.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    pub fn may_be(&self, folders: &Folders, at: &Location) -> io::Result<bool> {
        Ok(self.inode.is_none() || self.is_file(folders.of(at.place).stat(&at.name)?.st_ino))
    }
}

/// Where these messages are now, in the same order.
///
/// # Errors
/// What the disk says about the folders.
pub fn again<D: Disk>(disk: &D, folders: &Folders, sought: &[Sought<'_>]) -> io::Result<Vec<Whereabouts>> {
    let bases: HashSet<&[u8]> = sought.iter().map(|sought| sought.base).collect();
    let Gathered { names, is_whole } = gather(disk, folders, Some(&bases))?;
    let mut seen = HashMap::<&[u8], Vec<Location>>::new();
    for found in &names.found {
        seen.entry(names.base(found)).or_default().push(found.name.location(&names.text));
    }
    let whereabouts = |sought: &Sought<'_>| match seen.get(sought.base) {
        Some(names) => whereabouts(folders, sought, names, is_whole),
        // Who believes one look here calls a message removed that was renamed behind its back.
        None if is_whole => Whereabouts::Nowhere,
        None => Whereabouts::Unclear,
    };
    Ok(sought.iter().map(whereabouts).collect())
}

/// What the names with the base of a message say of it. Names of other files alone do not say that it is gone,
/// unless they are all that there were.
fn whereabouts(folders: &Folders, sought: &Sought<'_>, names: &[Location], is_whole: bool) -> Whereabouts {
    let mut files = BTreeMap::<(u64, Bytes), Vec<Location>>::new();
    let mut empty = Vec::new();
    for location in names {
        match folders.of(location.place).stat(&location.name) {
            Ok(stat) if !sought.is_file(stat.st_ino) => {}
            Ok(stat) => {
                let bytes = Bytes(u64::try_from(stat.st_size).unwrap_or(0));
                files.entry((stat.st_ino, bytes)).or_default().push(location.clone());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => empty.push(location.clone()),
            Err(_) => return Whereabouts::Unclear,
        }
    }
    // The only one of its base may still be another: the listed one is gone, and this came since.
    let is_listed = |bytes| sought.inode.is_some() || sought.bytes.is_none_or(|listed| listed == bytes);
    match (files.len(), files.pop_first()) {
        (0, _) if is_whole && empty.is_empty() => Whereabouts::Nowhere,
        (0, _) if is_whole => Whereabouts::Empty(empty),
        (1, Some(((_, bytes), names))) if is_listed(bytes) => Whereabouts::At(names),
        _ => Whereabouts::Unclear,
    }
}

/// Opens a message that was listed at `at`; `None` when it is gone for good.
///
/// # Errors
/// What the disk says, and that it cannot be told where the message is.
pub fn open<D: Disk>(
    disk: &D,
    folders: &Folders,
    at: &Location,
    sought: &Sought<'_>,
) -> io::Result<Option<File>> {
    if let Some(file) = open_at(disk, folders, at, sought)? {
        return Ok(Some(file));
    }
    let names = match again(disk, folders, &[*sought])?.pop() {
        Some(Whereabouts::At(names)) => names,
        Some(Whereabouts::Nowhere) => return Ok(None),
        Some(Whereabouts::Unclear | Whereabouts::Empty(_)) | None => return Err(unclear(folders)),
    };
    for location in names.iter().rev() {
        if let Some(file) = open_at(disk, folders, location, sought)? {
            return Ok(Some(file));
        }
    }
    Err(unclear(folders))
}

/// Opens a message; `None` when it is not there.
///
/// # Errors
/// What the disk says.
pub(super) fn open_at<D: Disk>(
    disk: &D,
    folders: &Folders,
    at: &Location,
    sought: &Sought<'_>,
) -> io::Result<Option<File>> {
    match disk.open_file(folders.of(at.place), &at.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Asked of the open file: the name may be another's a moment later.
        Ok(file) if sought.inode.is_some() && !sought.is_file(file.metadata()?.ino()) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Said of a message of which nobody can say where it is; another look may find it.
pub(super) fn unclear(folders: &Folders) -> io::Error {
    let why = "a message is renamed meanwhile, or two have one name";
    super::folder::at(folders.root.path(), io::Error::other(why))
}
