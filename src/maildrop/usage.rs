//! How much lies in a Maildir, for quotas and tables, and how all of it is removed.
//!
//! Counts without locking and without opening a message. Knows no session.

use super::Usage;
use super::disk::{Disk, OsDisk};
use super::folder::Folder;
use super::name;
use super::tree::Tree;
use crate::mail::{AccountAddress, Bytes};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Counts without locking. A Maildir that is not there is empty.
///
/// # Errors
/// What the disk says.
pub fn usage(mail: &Path, account: &AccountAddress) -> io::Result<Usage> {
    let tree = Tree::new(OsDisk, mail.to_owned());
    let Some(root) = found(tree.existing(account))? else { return Ok(Usage::default()) };
    let mut usage = Usage::default();
    for name in ["new", "cur"] {
        if let Some(folder) = found(OsDisk.open_folder(&root, OsStr::new(name)))? {
            add(&OsDisk, &folder, &mut usage)?;
        }
    }
    Ok(usage)
}

/// Adds one folder's messages. The size stands in the names we wrote; foreign files are asked.
///
/// # Errors
/// What the disk says about the folder.
pub fn add<D: Disk>(disk: &D, folder: &Folder, usage: &mut Usage) -> io::Result<()> {
    disk.each_file(folder, &mut |file| {
        let written = name::parse(name::base(file.as_bytes())).written;
        let bytes = match written {
            Some(written) => written.bytes,
            // Gone since it was listed: it takes no room.
            None => folder.stat(file).map_or(Bytes(0), |stat| super::sizes::Mark::of(&stat).bytes()),
        };
        usage.messages += 1;
        usage.bytes.0 = usage.bytes.0.saturating_add(bytes.0);
    })
}

/// `account remove --purge`: removes an account's Maildir with all that is in it. The domain's folder
/// stays. No link is followed, above the Maildir or in it.
///
/// # Errors
/// What the disk says; some of the mail may be gone then.
pub fn purge(mail: &Path, account: &AccountAddress) -> io::Result<()> {
    let tree = Tree::new(OsDisk, mail.to_owned());
    // Goes through each level as every other access does: a link in the way is an error.
    let Some(root) = found(tree.existing(account))? else { return Ok(()) };
    let path = root.path().to_owned();
    drop(root);
    std::fs::remove_dir_all(&path)?;
    match path.parent() {
        Some(domain) => OsDisk.sync_folder(&Folder::open(domain)?), // Or a power cut brings it back.
        None => Ok(()),
    }
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn anna() -> AccountAddress {
        AccountAddress::parse("anna@example.org").unwrap()
    }

    #[test]
    fn what_is_not_there_is_empty_and_purged_already() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(usage(&dir.path().join("mail"), &anna()).unwrap(), Usage::default());
        purge(&dir.path().join("mail"), &anna()).unwrap();
    }

    #[test]
    fn own_names_are_believed_and_foreign_files_asked() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("example.org/anna");
        std::fs::create_dir_all(root.join("new")).unwrap();
        let written = name::Written { bytes: Bytes(1000), octets: crate::mail::Octets(1010) };
        let own = name::own(&name::Stamp::next(std::time::SystemTime::now()), "h", written, None);
        std::fs::write(root.join("new").join(own), "").unwrap();
        std::fs::write(root.join("new/foreign,S=9999"), "five\n").unwrap();
        std::fs::write(root.join("new/.hidden"), "not mail").unwrap();
        let expected = Usage { messages: 2, bytes: Bytes(1005) };
        assert_eq!(usage(dir.path(), &anna()).unwrap(), expected, "cur/ is missing, and that is all right");
    }

    #[test]
    fn a_purge_takes_the_mailbox_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        std::fs::create_dir_all(outside.join("anna/new")).unwrap();
        std::fs::write(outside.join("anna/new/1"), "keep").unwrap();
        let mail = dir.path().join("mail");
        std::fs::create_dir_all(mail.join("example.org/anna/cur")).unwrap();
        symlink(&outside, mail.join("example.org/anna/cur/link")).unwrap();
        purge(&mail, &anna()).unwrap();
        assert!(!mail.join("example.org/anna").exists() && mail.join("example.org").exists());

        symlink(outside.join("anna"), mail.join("example.org/anna")).unwrap();
        assert!(purge(&mail, &anna()).is_err(), "the Maildir is a link");
        std::fs::remove_dir_all(mail.join("example.org")).unwrap();
        symlink(&outside, mail.join("example.org")).unwrap();
        assert!(purge(&mail, &anna()).is_err(), "the domain is a link");
        assert!(usage(&mail, &anna()).is_err());
        assert_eq!(std::fs::read(outside.join("anna/new/1")).unwrap(), b"keep");
    }
}
