//! What lies in new/ and cur/: messages, what is none, and files that share a name.

use super::super::source::SkippedItem;
use super::entry::{Entry, Place};
use super::folder::{Root, kind};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{SFlag, fstatat};
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;

/// What lies in both folders, in no order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) entries: Vec<Entry>,
    /// What is no message that could be read.
    pub(super) skipped: Vec<SkippedItem>,
}

impl Listing {
    pub(super) fn add(&mut self, place: Place, name: OsString, fd: &OwnedFd) {
        let mut skip = |why: String| {
            let what = format!("{}/{}", place.name(), name.display());
            self.skipped.push(SkippedItem { what, why });
        };
        match fstatat(fd, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if kind(&stat) == SFlag::S_IFREG => {
                self.entries.push(Entry::new(place, name, &stat));
            }
            Ok(stat) if kind(&stat) == SFlag::S_IFDIR => {} // No server shows it.
            Ok(stat) if kind(&stat) == SFlag::S_IFLNK => skip("symbolic links are not followed".to_owned()),
            Ok(_) => skip("it is no regular file".to_owned()),
            Err(Errno::ENOENT) => {} // Moved, and met again elsewhere; or deleted, as the old server may.
            Err(errno) => skip(errno.desc().to_owned()),
        }
    }

    /// Files of one name up to the flags: one message on its way from new/ to cur/, or two that some tool
    /// has made of one name.
    pub(super) fn settle_doubles(&mut self, root: &Root) {
        let mut first = HashMap::<Vec<u8>, usize>::new();
        let mut settled = Vec::<Entry>::with_capacity(self.entries.len());
        for mut entry in std::mem::take(&mut self.entries) {
            let at = *first.entry(entry.base().to_vec()).or_insert(settled.len());
            match settled.get_mut(at) {
                None => settled.push(entry),
                // It has gone from there to here.
                Some(other) if !root.is_there(other) => *other = entry,
                Some(other) if other.is_same_file(&entry) || !root.is_there(&entry) => {}
                Some(_) => {
                    entry.is_double = true;
                    settled.push(entry);
                }
            }
        }
        self.entries = settled;
    }
}
