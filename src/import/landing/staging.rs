//! The staging folder: where an import gathers messages before any of them is shown.
//!
//! A message lies there under a name that says which one it is and that it is whole, so that an import that
//! was broken off goes on behind the last one. Knows the folder; which messages are wanted it is told.

use super::Failure;
use super::digest::Digest;
use crate::limits;
use crate::mail::{Bytes, Octets};
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::maildrop::moving;
use crate::maildrop::tree::{Folders, Place};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::time::Instant;

/// The folder, which no other import of this account has as long as this lives.
#[derive(Debug)]
pub struct Staging {
    /// It.
    pub folder: Folder,
    /// Whole messages that an earlier run has left, by key.
    pub left: HashMap<Digest, Staged>,
    /// Half messages and the like.
    pub rubbish: Vec<OsString>,
    /// Closing it unlocks; a crash closes it too.
    _lock: File,
}

/// One whole message in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Which message it is.
    pub key: Digest,
    /// The size of the file.
    pub bytes: Bytes,
    /// The size on the wire.
    pub octets: Octets,
    /// Of what stays the same of its text.
    pub digest: Digest,
}

impl Staged {
    /// The name that says all of this.
    pub fn name(&self) -> OsString {
        format!("{},{},{},{}", self.key, self.bytes, self.octets, self.digest).into()
    }

    fn parse(name: &OsStr) -> Option<Self> {
        let mut fields = name.to_str()?.split(',');
        let key = Digest::parse(fields.next()?)?;
        let bytes = Bytes(fields.next()?.parse().ok()?);
        let octets = Octets(fields.next()?.parse().ok()?);
        Some(Self { key, bytes, octets, digest: Digest::parse(fields.next()?)? })
    }
}

impl Staging {
    /// Opens the folder, makes it if it is missing, and locks it. When this returns, a mailbox in which there
    /// is no mail yet shows none until the import has ended, if it is one that `holds`.
    ///
    /// # Errors
    /// `Running` when another import of this account has it; `Disk`.
    pub fn open<D: Disk>(disk: &D, folders: &Folders, holds: bool) -> Result<Self, Failure> {
        let until = Instant::now() + limits::STAGING_LOCK_PATIENCE;
        loop {
            let opened = match Self::try_open(disk, folders) {
                // A login that makes an earlier import's moves has it for a moment.
                Err(Failure::Running) if Instant::now() < until => {
                    std::thread::sleep(limits::IMPORT_LOCK_POLL);
                    continue;
                }
                opened => opened?,
            };
            if let Some(staging) = opened {
                if holds && is_empty(disk, folders)? {
                    moving::note_empty(disk, &staging.folder)?;
                }
                disk.sync_folder(&staging.folder)?;
                disk.sync_folder(&folders.root)?;
                return Ok(staging);
            }
        }
    }

    /// `None` when another import has ended, and removed the folder, while this one opened it.
    fn try_open<D: Disk>(disk: &D, folders: &Folders) -> Result<Option<Self>, Failure> {
        let name = OsStr::new(moving::STAGING);
        match disk.make_folder(&folders.root, name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let folder = match disk.open_folder(&folders.root, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let lock = File::from(folder.reopen()?);
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Failure::Running),
            // A disk that has no locks (some network file systems): that is all there is to be had.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Ok(()) => {}
        }
        let is_there = folders.root.stat(name).is_ok_and(|there| {
            folder.stat_self().is_ok_and(|here| (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
        });
        if !is_there {
            return Ok(None);
        }
        let (left, rubbish) = look(disk, &folder)?;
        Ok(Some(Self { folder, left, rubbish, _lock: lock }))
    }

    /// Removes half messages of a run that was broken off.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sweep<D: Disk>(&mut self, disk: &D) -> io::Result<()> {
        self.rubbish.drain(..).try_for_each(|name| disk.unlink(&self.folder, &name))
    }
}

/// Whole messages, and what is none. A file that is not as long as its name says is none.
fn look<D: Disk>(disk: &D, folder: &Folder) -> io::Result<(HashMap<Digest, Staged>, Vec<OsString>)> {
    let (mut whole, mut rubbish) = (HashMap::new(), Vec::new());
    disk.each_file(folder, &mut |name| {
        let size = folder.stat(name).ok().and_then(|stat| u64::try_from(stat.st_size).ok());
        match Staged::parse(name).filter(|staged| size == Some(staged.bytes.0)) {
            Some(staged) => {
                whole.insert(staged.key, staged);
            }
            None if moving::is_our_own(name) => {}
            None => rubbish.push(name.to_owned()),
        }
    })?;
    Ok((whole, rubbish))
}

fn is_empty<D: Disk>(disk: &D, folders: &Folders) -> io::Result<bool> {
    let mut files = 0;
    for place in [Place::New, Place::Cur] {
        disk.each_file(folders.of(place), &mut |_| files += 1)?;
    }
    Ok(files == 0)
}
