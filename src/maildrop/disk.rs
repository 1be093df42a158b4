//! The few disk operations that delivery and update are made of, one system call each.
//!
//! Every name is taken relative to an open folder and no symbolic link is followed, so a link that
//! someone put into the mail tree leads nowhere. Knows nothing of Maildirs, messages and accounts.
//!
//! This lies in `maildrop` and not in `delivery`, because delivery builds on the maildrop's names and
//! folders anyway, and both change the disk through here: one direction, no circle.

use super::folder::Folder;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, unlinkat};
use rustix::fs::{RenameFlags, renameat_with};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

/// Folders are for the server alone, whatever the umask.
const FOLDER_MODE: Mode = Mode::S_IRWXU;
/// And so are files.
const FILE_MODE: Mode = Mode::from_bits_truncate(0o600);

/// One operation that is about to be done, or was done.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A folder is opened.
    OpenFolder(&'a Folder, &'a OsStr),
    /// A folder is made in a folder.
    MakeFolder(&'a Folder, &'a OsStr),
    /// The names in a folder become durable.
    SyncFolder(&'a Folder),
    /// The names in a folder are read.
    List(&'a Folder),
    /// A file is opened for reading.
    OpenFile(&'a Folder, &'a OsStr),
    /// A file is created.
    Create(&'a Folder, &'a OsStr),
    /// Bytes are written to a file.
    Write(&'a File),
    /// A file's bytes become durable.
    SyncFile(&'a File),
    /// A file gets a second name: in this folder, by this name.
    Link(&'a Folder, &'a OsStr),
    /// A file gets another name: in this folder, this one.
    Rename(&'a Folder, &'a OsStr),
    /// A file takes the place of another: in this folder, of this one.
    Replace(&'a Folder, &'a OsStr),
    /// A file is said to be of another time.
    SetTime(&'a File),
    /// A name is removed.
    Unlink(&'a Folder, &'a OsStr),
    /// An empty folder is removed.
    RemoveFolder(&'a Folder, &'a OsStr),
}

/// Whose the files are that are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Uid,
    /// The group.
    pub group: Gid,
}

/// The disk. The real one only has the operations; a twin in the tests looks on at each and can
/// make it fail.
pub trait Disk: Send + Sync + 'static {
    /// Called before a step; an error stands for the step's own failure, and the step is not done.
    ///
    /// # Errors
    /// Never, on the real disk.
    fn before(&self, _step: Step<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Called after a step that succeeded.
    fn after(&self, _step: Step<'_>) {}

    /// To whom what is made is given; `None` leaves it to whoever makes it.
    fn owner(&self) -> Option<Owner> {
        None
    }

    /// What the clock says that changes are stamped by.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Opens the folder `name` in `parent`; a symbolic link is an error.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    fn open_folder(&self, parent: &Folder, name: &OsStr) -> io::Result<Folder> {
        self.before(Step::OpenFolder(parent, name))?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&parent.fd, name, flags, Mode::empty()).map_err(|error| parent.fault(name, error))?;
        Ok(Folder { fd, path: parent.path.join(name) })
    }

    /// Makes the folder `name`, 0700. It is durable once `parent` is synced.
    ///
    /// # Errors
    /// `AlreadyExists`, and what the disk says.
    fn make_folder(&self, parent: &Folder, name: &OsStr) -> io::Result<()> {
        let step = Step::MakeFolder(parent, name);
        self.before(step)?;
        mkdirat(&parent.fd, name, FOLDER_MODE).map_err(|error| parent.fault(name, error))?;
        // The umask may have taken even the owner's bits away.
        fchmodat(&parent.fd, name, FOLDER_MODE, FchmodatFlags::FollowSymlink)
            .map_err(|error| parent.fault(name, error))?;
        if let Some(Owner { user, group }) = self.owner() {
            fchownat(&parent.fd, name, Some(user), Some(group), AtFlags::AT_SYMLINK_NOFOLLOW)
                .map_err(|error| parent.fault(name, error))?;
        }
        self.after(step);
        Ok(())
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the disk says; never to be tried again in the hope of a better answer.
    fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        let step = Step::SyncFolder(folder);
        self.before(step)?;
        nix::unistd::fsync(&folder.fd).map_err(|error| folder.fault(OsStr::new(""), error))?;
        self.after(step);
        Ok(())
    }

    /// Creates a file that was not there, 0600, for writing.
    ///
    /// # Errors
    /// `AlreadyExists`, and what the disk says.
    fn create(&self, folder: &Folder, name: &OsStr) -> io::Result<File> {
        let step = Step::Create(folder, name);
        self.before(step)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&folder.fd, name, flags, FILE_MODE).map_err(|error| folder.fault(name, error))?;
        fchmod(&fd, FILE_MODE).map_err(|error| folder.fault(name, error))?; // As above: the umask.
        if let Some(Owner { user, group }) = self.owner() {
            fchown(&fd, Some(user), Some(group)).map_err(|error| folder.fault(name, error))?;
        }
        self.after(step);
        Ok(File::from(fd))
    }

    /// Opens a regular file for reading, as [`Folder::open_file`] does.
    ///
    /// # Errors
    /// As there.
    fn open_file(&self, folder: &Folder, name: &OsStr) -> io::Result<File> {
        self.before(Step::OpenFile(folder, name))?;
        folder.open_file(name)
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// What the disk says; some of the bytes may have been written.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.before(Step::Write(file))?;
        let mut file = file; // `Write` is for `&File`, too.
        file.write_all(bytes)?;
        self.after(Step::Write(file));
        Ok(())
    }

    /// Makes a file's bytes durable.
    ///
    /// # Errors
    /// What the disk says; the bytes must then be taken for lost, whatever a second try would say.
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.before(Step::SyncFile(file))?;
        file.sync_all()?;
        self.after(Step::SyncFile(file));
        Ok(())
    }

    /// Gives the file `from` a second name; never replaces one.
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound`, and what the disk says.
    fn link(&self, from: (&Folder, &OsStr), to: (&Folder, &OsStr)) -> io::Result<()> {
        let step = Step::Link(to.0, to.1);
        self.before(step)?;
        // Without AT_SYMLINK_FOLLOW a symbolic link is linked itself, and then served by nobody.
        linkat(&from.0.fd, from.1, &to.0.fd, to.1, AtFlags::empty())
            .map_err(|error| to.0.fault(to.1, error))?;
        self.after(step);
        Ok(())
    }

    /// Gives the file `from` another name; never replaces one.
    ///
    /// # Errors
    /// `Unsupported` where the file system only has a rename that might replace; `AlreadyExists`, `NotFound`,
    /// and what the disk says.
    fn rename(&self, from: (&Folder, &OsStr), to: (&Folder, &OsStr)) -> io::Result<()> {
        let step = Step::Rename(to.0, to.1);
        self.before(step)?;
        match renameat_with(&from.0.fd, from.1, &to.0.fd, to.1, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            renamed => renamed.map_err(|error| to.0.fault(to.1, Errno::from_raw(error.raw_os_error())))?,
        }
        self.after(step);
        Ok(())
    }

    /// Puts `name` in the place of `over`, which may be there or not: who looks finds the one or the other.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    fn replace(&self, folder: &Folder, name: &OsStr, over: &OsStr) -> io::Result<()> {
        let step = Step::Replace(folder, over);
        self.before(step)?;
        folder.replace(name, over)?;
        self.after(step);
        Ok(())
    }

    /// Sets the time of a file's last change; the next sync of the file makes it durable.
    ///
    /// # Errors
    /// What the disk says.
    fn set_time(&self, file: &File, time: SystemTime) -> io::Result<()> {
        self.before(Step::SetTime(file))?;
        file.set_modified(time)?;
        self.after(Step::SetTime(file));
        Ok(())
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// `NotFound`, `DirectoryNotEmpty`, and what the disk says.
    fn remove_folder(&self, parent: &Folder, name: &OsStr) -> io::Result<()> {
        let step = Step::RemoveFolder(parent, name);
        self.before(step)?;
        unlinkat(&parent.fd, name, UnlinkatFlags::RemoveDir).map_err(|error| parent.fault(name, error))?;
        self.after(step);
        Ok(())
    }

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    fn unlink(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        let step = Step::Unlink(folder, name);
        self.before(step)?;
        unlinkat(&folder.fd, name, UnlinkatFlags::NoRemoveDir).map_err(|error| folder.fault(name, error))?;
        self.after(step);
        Ok(())
    }

    /// Calls `found` with the name of each regular file, in no order; names with a dot in front are
    /// left out (the Maildir convention).
    ///
    /// # Errors
    /// What the disk says.
    fn each_file(&self, folder: &Folder, found: &mut dyn FnMut(&OsStr)) -> io::Result<()> {
        self.before(Step::List(folder))?;
        folder.each_file(found)
    }
}

/// The real disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {}

/// The real disk of a command that may be run by root while the server runs as somebody else: what root
/// made for itself, the server could not read.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnedDisk(pub Option<Owner>);

impl Disk for OwnedDisk {
    fn owner(&self) -> Option<Owner> {
        self.0
    }
}

/// Whether the disk has no room: no blocks, no inodes, or a quota of the system's own.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
