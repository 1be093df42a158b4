//! Where an account's Maildir lies, and how a missing one comes to be there for good.
//!
//! DATA_DIR/mail/DOMAIN/LOCAL-PART/{tmp,new,cur}. An [`AccountAddress`] is made of labels that are safe
//! as names of folders, and each step is taken without following a link. Knows no message and no lock.

use super::disk::Disk;
use super::folder::Folder;
use crate::mail::AccountAddress;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Levels above mail/ whose names are ours to make durable: mail in DATA_DIR, DATA_DIR in its parent.
const OWN_LEVELS: u32 = 2;

/// All Maildirs of this server.
#[derive(Debug)]
pub struct Tree<D> {
    /// What the folders are opened and made with.
    pub disk: D,
    mail: PathBuf,
    /// Accounts whose folders are known to be durable down to new/.
    durable: Mutex<HashSet<AccountAddress>>,
    /// Held while folders are made.
    making: Mutex<()>,
}

/// The folders of one Maildir that a maildrop needs.
#[derive(Debug)]
pub struct Folders {
    /// The Maildir itself.
    pub root: Folder,
    /// What nobody has seen yet.
    pub new: Folder,
    /// What somebody has seen.
    pub cur: Folder,
}

/// In which of the two folders a message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `new/`
    New,
    /// `cur/`
    Cur,
}

impl Folders {
    /// The folder of that place.
    pub fn of(&self, place: Place) -> &Folder {
        match place {
            Place::New => &self.new,
            Place::Cur => &self.cur,
        }
    }
}

impl<D: Disk> Tree<D> {
    /// `mail` is DATA_DIR/mail; nothing is made yet.
    pub fn new(disk: D, mail: PathBuf) -> Self {
        Self { disk, mail, durable: Mutex::default(), making: Mutex::default() }
    }

    /// DATA_DIR/mail.
    pub fn mail(&self) -> &Path {
        &self.mail
    }

    /// An account's Maildir that is there already.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    pub fn existing(&self, account: &AccountAddress) -> io::Result<Folder> {
        let mail = Folder::open(&self.mail)?;
        let domain = self.disk.open_folder(&mail, OsStr::new(account.domain().as_str()))?;
        self.disk.open_folder(&domain, OsStr::new(account.local_part()))
    }

    /// The folders of a Maildir that is there already.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    pub fn existing_folders(&self, account: &AccountAddress) -> io::Result<Folders> {
        let root = self.existing(account)?;
        let new = self.disk.open_folder(&root, OsStr::new("new"))?;
        let cur = self.disk.open_folder(&root, OsStr::new("cur"))?;
        Ok(Folders { root, new, cur })
    }

    /// The folders of a Maildir, made if they are missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn folders(&self, account: &AccountAddress) -> io::Result<Folders> {
        match self.existing_folders(account) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(account)?;
                self.existing_folders(account)
            }
            found => found,
        }
    }

    /// `tmp` or `new` of an account for a delivery: it is there, and a power cut does not take it away.
    ///
    /// # Errors
    /// What the disk says.
    pub fn for_delivery(&self, account: &AccountAddress, folder: &str) -> io::Result<Folder> {
        self.delivering(account, |root| self.disk.open_folder(root, OsStr::new(folder)))
    }

    /// Both `tmp` and `new`, as [`Tree::for_delivery`] gives one, with one walk from the top.
    ///
    /// # Errors
    /// What the disk says.
    pub fn for_publishing(&self, account: &AccountAddress) -> io::Result<(Folder, Folder)> {
        self.delivering(account, |root| {
            let tmp = self.disk.open_folder(root, OsStr::new("tmp"))?;
            Ok((tmp, self.disk.open_folder(root, OsStr::new("new"))?))
        })
    }

    fn delivering<T>(
        &self,
        account: &AccountAddress,
        folders: impl Fn(&Folder) -> io::Result<T>,
    ) -> io::Result<T> {
        let open = || folders(&self.existing(account)?);
        // That a folder is there does not mean that its name has reached the disk: another delivery may
        // be about to sync it, or a process that was killed made it and never did. So each account's
        // folders are synced once by this process before anything in them is acknowledged.
        if self.durable().contains(account) {
            match open() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
        }
        self.make(account)?;
        open()
    }

    /// Makes what is missing, and makes all of it durable from the top.
    fn make(&self, account: &AccountAddress) -> io::Result<()> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.durable().remove(account); // Until it is true again.
        let mail = std::path::absolute(&self.mail)?;
        self.ensure_path(&mail, OWN_LEVELS)?;
        let mail = Folder::open(&mail)?;
        let domain = self.ensure(&mail, account.domain().as_str())?;
        self.disk.sync_folder(&mail)?;
        let root = self.ensure(&domain, account.local_part())?;
        self.disk.sync_folder(&domain)?;
        // The crate's list of what a Maildir consists of. Its `create_dirs` is not used: that follows
        // links, leaves the modes to the umask and does not make the names durable.
        for folder in maildir::MAILDIR_FOLDER_LIST {
            self.ensure(&root, folder)?;
        }
        self.disk.sync_folder(&root)?;
        self.durable().insert(account.clone());
        Ok(())
    }

    /// Opens a folder, and makes it first if it is missing.
    fn ensure(&self, parent: &Folder, name: &str) -> io::Result<Folder> {
        let name = OsStr::new(name);
        match self.disk.open_folder(parent, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        match self.disk.make_folder(parent, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {} // A neighbour was faster.
            made => made?,
        }
        self.disk.open_folder(parent, name)
    }

    /// The same for a path; the names of its last `levels` parts are synced even if they were there.
    fn ensure_path(&self, path: &Path, levels: u32) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        let was_there = path.is_dir();
        if was_there && levels == 0 {
            return Ok(());
        }
        self.ensure_path(parent, levels.saturating_sub(1))?;
        let synced = Folder::open(parent).and_then(|parent| {
            if !was_there {
                match self.disk.make_folder(&parent, name) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    made => made?,
                }
            }
            self.disk.sync_folder(&parent)
        });
        match synced {
            // The parent is not ours to look into (Landlock, or root's folder): then this process did not
            // make the folder, and whoever did has seen to it.
            Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        }
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<AccountAddress>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    fn account(name: &str) -> AccountAddress {
        AccountAddress::parse(&format!("{name}@example.org")).unwrap()
    }

    #[test]
    fn what_is_missing_is_made_from_the_top_and_durable() {
        let dir = tempfile::tempdir().unwrap();
        let mail = dir.path().join("deep/down/data/mail");
        let tree = Tree::new(Twin::sound(), mail.clone());
        assert_eq!(tree.existing(&account("anna")).unwrap_err().kind(), io::ErrorKind::NotFound);
        tree.for_delivery(&account("anna"), "new").unwrap();
        let root = mail.join("example.org/anna");
        let folders = tree.disk.certain(dir.path(), &root);
        assert_eq!(folders.keys().collect::<Vec<_>>(), ["cur", "new", "tmp"]);
    }

    #[test]
    fn folders_are_synced_once_and_again_when_they_were_gone() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::new(Twin::sound(), dir.path().join("data/mail"));
        let steps = |name| {
            let before = tree.disk.steps();
            tree.for_delivery(&account(name), "tmp").unwrap();
            tree.disk.steps() - before
        };
        let first = steps("anna");
        let known = steps("anna");
        assert!(known == 3 && first > 10, "{first} {known}: open three folders, and no more");
        let before = tree.disk.steps();
        tree.for_publishing(&account("anna")).unwrap();
        assert_eq!(tree.disk.steps() - before, 4, "both ends of a link with one walk");
        assert!(steps("bert") > known);
        std::fs::remove_dir(dir.path().join("data/mail/example.org/anna/tmp")).unwrap();
        assert!(steps("anna") > known);
        assert_eq!(steps("anna"), known);
    }

    #[test]
    fn a_login_makes_what_is_missing_and_syncs_nothing_that_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::new(Twin::sound(), dir.path().join("data/mail"));
        tree.folders(&account("anna")).unwrap();
        let before = tree.disk.steps();
        let folders = tree.folders(&account("anna")).unwrap();
        assert_eq!(tree.disk.steps() - before, 4, "domain, Maildir, new/, cur/");
        assert!(folders.of(Place::Cur).path().ends_with("mail/example.org/anna/cur"));
    }
}
