//! What deliveries that were killed have left in tmp/, removed once it is old enough.
//!
//! Nothing but regular files in tmp/ is ever touched: whatever else lies in the mail tree is somebody's.

use crate::limits;
use crate::maildrop::disk::{Disk, OsDisk};
use crate::maildrop::folder::Folder;
use std::ffi::OsStr;
use std::io;
use std::iter;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The tmp/ of every Maildir below a folder, gone through in pieces. However many accounts there are, it holds
/// the same few descriptors open: those of the way down to one tmp/.
pub struct Leftovers(Box<dyn Iterator<Item = Folder> + Send>);

impl Leftovers {
    /// At the beginning; nothing is opened yet. A folder that is not there has none.
    pub fn below(mail: PathBuf) -> Self {
        let mail = iter::once(mail).filter_map(|mail| Folder::open(&mail).ok());
        Self(Box::new(mail.flat_map(folders_in).flat_map(folders_in)))
    }

    /// Removes files older than [`limits::TMP_LEFTOVER_AGE`] from the next [`limits::LEFTOVERS_AT_ONCE`] of them;
    /// gives their number, `None` at the end. What cannot be read or removed waits for the next time.
    pub fn clear_some(&mut self) -> Option<usize> {
        self.clear(SystemTime::now())
    }

    fn clear(&mut self, now: SystemTime) -> Option<usize> {
        let accounts = self.0.by_ref().take(limits::LEFTOVERS_AT_ONCE);
        accounts.map(|account| clear_account(&account, now).unwrap_or(0)).reduce(|sum, removed| sum + removed)
    }
}

fn clear_account(account: &Folder, now: SystemTime) -> io::Result<usize> {
    clear_folder(&OsDisk.open_folder(account, OsStr::new("tmp"))?, now)
}

fn clear_folder(tmp: &Folder, now: SystemTime) -> io::Result<usize> {
    let mut names = Vec::new();
    OsDisk.each_file(tmp, &mut |name| names.push(name.to_owned()))?;
    let old = names.iter().filter(|name| is_old(tmp, name, now));
    Ok(old.filter(|name| OsDisk.unlink(tmp, name).is_ok()).count())
}

/// By the time of its last write: a message that still arrives has been written to lately.
fn is_old(tmp: &Folder, name: &OsStr, now: SystemTime) -> bool {
    let Ok(stat) = tmp.stat(name) else { return false };
    let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    // A time in the future, by a clock that jumped, is not old.
    now.duration_since(written).is_ok_and(|age| age > limits::TMP_LEFTOVER_AGE)
}

/// The folders in a folder, links left out, each opened when it is its turn.
fn folders_in(folder: Folder) -> impl Iterator<Item = Folder> {
    let entries = std::fs::read_dir(folder.path()).into_iter().flatten();
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    names.filter_map(move |name| OsDisk.open_folder(&folder, &name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn only_old_files_in_tmp_go() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("mail/example.org/anna");
        for folder in ["tmp/folder", "new", "cur"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let now = SystemTime::now();
        let old = now - limits::TMP_LEFTOVER_AGE - Duration::from_secs(2);
        let fresh = now - limits::TMP_LEFTOVER_AGE + Duration::from_secs(2);
        let ahead = now + limits::TMP_LEFTOVER_AGE * 2;
        for (name, time) in [
            ("tmp/old", old),
            ("tmp/fresh", fresh),
            ("tmp/ahead", ahead),
            ("tmp/.hidden", old),
            ("tmp/folder/old", old),
            ("new/old", old),
            ("cur/old", old),
            ("old", old),
        ] {
            File::create(root.join(name)).unwrap().set_modified(time).unwrap();
        }
        std::os::unix::fs::symlink(root.join("new"), dir.path().join("mail/example.org/link")).unwrap();
        std::os::unix::fs::symlink(root.join("new/old"), root.join("tmp/link")).unwrap();
        let mut leftovers = Leftovers::below(dir.path().join("mail"));
        assert_eq!((leftovers.clear(now), leftovers.clear(now)), (Some(1), None));
        assert!(!root.join("tmp/old").exists());
        for kept in [
            "tmp/fresh",
            "tmp/ahead",
            "tmp/.hidden",
            "tmp/folder/old",
            "tmp/link",
            "new/old",
            "cur/old",
            "old",
        ] {
            assert!(root.join(kept).exists(), "{kept}");
        }
    }

    #[test]
    fn no_mail_yet_is_nothing_to_clean() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Leftovers::below(dir.path().join("mail")).clear_some(), None);
    }
}
