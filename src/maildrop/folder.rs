//! An open folder: what is read in it, without following links.
//!
//! What changes it stands in `disk`. Knows nothing of Maildirs, messages and accounts.

use super::cold;
use crate::limits;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

/// An open folder. The path is for messages to people; names are resolved against the descriptor.
#[derive(Debug)]
pub struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl Folder {
    /// Opens a folder by its path, as an administrator wrote it: links are followed up to here.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(|error| at(path, error.into()))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Where it is, for people and logs.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second descriptor of it, to hold a lock with.
    ///
    /// # Errors
    /// What the disk says, or that descriptors have run out.
    pub fn reopen(&self) -> io::Result<OwnedFd> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        openat(&self.fd, ".", flags, Mode::empty()).map_err(|error| self.fault(OsStr::new(""), error))
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` for anything but a regular file; what the disk says.
    pub fn open_file(&self, name: &OsStr) -> io::Result<File> {
        // Not blocking: a pipe that stands there by now would hold the thread for ever.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let irregular = || at(&self.path.join(name), io::ErrorKind::InvalidInput.into());
        let fd = openat(&self.fd, name, flags, Mode::empty()).map_err(|error| match error {
            Errno::ELOOP => irregular(), // A symbolic link.
            error => self.fault(name, error),
        })?;
        let file = File::from(fd);
        if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
    }

    /// What the disk knows of a name; a symbolic link is looked at itself.
    ///
    /// # Errors
    /// `NotFound`, and what the disk says.
    pub fn stat(&self, name: &OsStr) -> io::Result<FileStat> {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(|error| self.fault(name, error))
    }

    /// What the disk knows of the folder itself.
    ///
    /// # Errors
    /// What the disk says.
    pub fn stat_self(&self) -> io::Result<FileStat> {
        nix::sys::stat::fstat(&self.fd).map_err(|error| self.fault(OsStr::new(""), error))
    }

    /// Puts `name` in the place of `over`, which may be there or not: for files that are only a cache.
    ///
    /// # Errors
    /// What the disk says.
    pub fn replace(&self, name: &OsStr, over: &OsStr) -> io::Result<()> {
        nix::fcntl::renameat(&self.fd, name, &self.fd, over).map_err(|error| self.fault(over, error))
    }

    /// Calls `found` with the name of each regular file; see `Disk::each_file`.
    pub(super) fn each_file(&self, found: &mut dyn FnMut(&OsStr)) -> io::Result<()> {
        let mut dir = Dir::from_fd(self.reopen()?)?;
        let waits = cold::Waits::begin();
        thread::scope(|scope| {
            for (count, entry) in dir.iter().enumerate() {
                let entry = entry.map_err(|error| self.fault(OsStr::new(""), error))?;
                if count == limits::COLD_FOLDER_FROM && waits.have_grown() {
                    cold::read_along(scope, self);
                }
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if self.is_file(name, entry.file_type()) {
                    found(name);
                }
            }
            Ok(())
        })
    }

    /// Whether it is a regular file, without a dot in front.
    fn is_file(&self, name: &OsStr, kind: Option<Type>) -> bool {
        match kind {
            _ if name.as_bytes().starts_with(b".") => false,
            Some(kind) => kind == Type::File,
            None => self.stat(name).is_ok_and(|stat| is_regular(&stat)), // Some disks do not say.
        }
    }

    /// An error about a name in it.
    pub(super) fn fault(&self, name: &OsStr, error: Errno) -> io::Error {
        at(&self.path.join(name), error.into())
    }
}

/// Whether a file is a regular one.
pub fn is_regular(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

/// The error, of the same kind and with the system's number, with the path in its text.
pub fn at(path: &Path, error: io::Error) -> io::Error {
    let text = format!("{}: {error}", path.display());
    io::Error::new(error.kind(), Fault { text, errno: errno(&error) })
}

/// The system's number of an error, also of one with a path: half of the numbers are of no kind.
pub fn errno(error: &io::Error) -> Option<Errno> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()) {
        Some(fault) => fault.errno,
        None => error.raw_os_error().map(Errno::from_raw),
    }
}

/// An error about a path.
struct Fault {
    text: String,
    errno: Option<Errno>,
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
