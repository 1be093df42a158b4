//! Messages that a neighbour renamed since they were listed are looked for again, by the part of the
//! name that stays.
//!
//! One look for any number of messages. The `maildir` crate's `find` reads both folders for each
//! message, so n of them would cost n².

use super::disk::Disk;
use super::listing::Location;
use super::name;
use super::tree::{Folders, Place};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Where the wanted messages are now: by base name, each with all of its names. What is in neither
/// folder is missing.
///
/// # Errors
/// What the disk says about the folders.
pub fn again<D: Disk>(
    disk: &D,
    folders: &Folders,
    wanted: &HashSet<&[u8]>,
) -> io::Result<HashMap<Vec<u8>, Vec<Location>>> {
    let mut found = HashMap::<Vec<u8>, Vec<Location>>::new();
    // new/ first, as in the scan: what is on its way to cur/ is met there.
    for place in [Place::New, Place::Cur] {
        disk.each_file(folders.of(place), &mut |name| {
            let base = name::base(name.as_bytes());
            if wanted.contains(base) {
                let location = Location { place, name: name.to_owned() };
                found.entry(base.to_vec()).or_default().push(location);
            }
        })?;
    }
    Ok(found)
}

/// Opens a message; `None` when it is gone for good.
///
/// # Errors
/// What the disk says.
pub fn open<D: Disk>(disk: &D, folders: &Folders, at: &Location) -> io::Result<Option<File>> {
    if let Some(file) = open_at(folders, at)? {
        return Ok(Some(file));
    }
    let mut found = again(disk, folders, &HashSet::from([at.base()]))?;
    for location in found.remove(at.base()).unwrap_or_default().iter().rev() {
        if let Some(file) = open_at(folders, location)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn open_at(folders: &Folders, at: &Location) -> io::Result<Option<File>> {
    match folders.of(at.place).open_file(&at.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}
