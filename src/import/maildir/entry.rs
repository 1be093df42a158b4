//! One message as it lies in a foreign Maildir, and what its name and its inode tell.
//!
//! Opens nothing.

use crate::mail::Bytes;
use nix::sys::stat::FileStat;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One of the two folders that hold mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    New,
    Cur,
}

/// A message, as it lies there.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) name: OsString,
    /// Another file has the same name up to the flags, and comes before it.
    pub(super) is_double: bool,
    /// The file's time: seconds, and nanoseconds in the last of them.
    modified: (i64, i64),
    inode: u64,
    /// By the inode: names lie.
    bytes: u64,
}

impl Entry {
    pub(super) fn new(place: Place, name: OsString, stat: &FileStat) -> Self {
        let modified = (stat.st_mtime, stat.st_mtime_nsec);
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        Self { place, name, is_double: false, modified, inode: stat.st_ino, bytes }
    }

    /// The part of the name that stays when flags change.
    pub(super) fn base(&self) -> &[u8] {
        let name = self.name.as_bytes();
        memchr::memchr(b':', name).map_or(name, |at| name.get(..at).unwrap_or(name))
    }

    /// The same, and the `:` that the old server puts behind it when it moves the message to cur/: it
    /// takes part when names are compared.
    pub(super) fn sorted_by(&self) -> Vec<u8> {
        let has_info = self.is_new() || self.base().len() < self.name.len();
        let info: &[u8] = if has_info { b":" } else { b"" };
        [self.base(), info].concat()
    }

    /// No mail program has seen it.
    pub(super) fn is_new(&self) -> bool {
        self.place == Place::New
    }

    /// The letters behind `:2,`; another comma ends them.
    pub(super) fn flags(&self) -> impl Iterator<Item = char> {
        let name = self.name.as_bytes();
        let info = name.get(self.base().len()..).unwrap_or_default();
        let letters = info.strip_prefix(b":2,").unwrap_or_default();
        letters.iter().take_while(|octet| **octet != b',').map(|octet| char::from(*octet))
    }

    /// Whether another name leads to the same file.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode
    }

    /// The same at every run; a double is told apart by all of its name.
    pub(super) fn identity(&self) -> Box<[u8]> {
        if self.is_double { self.name.as_bytes().into() } else { self.base().into() }
    }

    /// The size of the file.
    pub(super) fn bytes(&self) -> Bytes {
        Bytes(self.bytes)
    }

    /// The file's time in whole seconds.
    pub(super) fn seconds(&self) -> i64 {
        self.modified.0
    }

    /// The file's time.
    pub(super) fn received(&self) -> Option<SystemTime> {
        let (seconds, nanos) = self.modified;
        let since = Duration::from_secs(seconds.unsigned_abs());
        let whole = if seconds < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
        whole?.checked_add(Duration::from_nanos(nanos.unsigned_abs()))
    }

    /// For people: `cur/NAME`.
    pub(super) fn shown_name(&self) -> String {
        format!("{}/{}", self.place.name(), self.name.display())
    }
}

impl Place {
    /// The folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
        }
    }
}
