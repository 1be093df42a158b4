//! One folder of a foreign Maildir, its new/ and its cur/.
//!
//! Nothing is changed here, and no link is followed. The old server may go on working meanwhile: it moves
//! messages from new/ to cur/ and renames them when their flags change.

use super::super::source::Error;
use super::super::way::{self, Lost};
use super::super::words::cannot_be_read;
use super::entry::{Entry, Place};
use super::listing::Listing;
use crate::limits;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// An open folder with its new/ and cur/.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    path: PathBuf,
    /// From the Maildir to this folder; empty for the inbox.
    within: PathBuf,
    new: Option<OwnedFd>,
    cur: OwnedFd,
    /// Where messages are by now, once one was not found under its old name.
    pub(super) moved: Option<HashMap<Vec<u8>, (Place, OsString)>>,
}

impl Root {
    /// Opens a Maildir as an administrator names it: links are followed up to here.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let lost = |lost: Lost| lost.error(path).unwrap_or_else(|| unreadable(path, lost.errno()));
        let fd = way::open_for_reading(path).map_err(lost)?;
        if !fstat(&fd).is_ok_and(|stat| kind(&stat) == SFlag::S_IFDIR) {
            return Err(unreadable(path, Errno::ENOTDIR));
        }
        Self::of(fd, path.to_owned(), PathBuf::new())
    }

    fn of(fd: OwnedFd, path: PathBuf, within: PathBuf) -> Result<Self, Error> {
        let folder = |place: Place| match folder_at(&fd, place.name()) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
            Err(errno) => Err(unreadable(&path.join(place.name()), errno)),
            Ok(folder) => Ok(Some(folder)),
        };
        let (new, cur) = (folder(Place::New)?, folder(Place::Cur)?);
        let Some(cur) = cur else { return Err(no_maildir(&path)) };
        Ok(Self { fd, path, within, new, cur, moved: None })
    }

    /// A second one of the same folder.
    pub(super) fn again(&self) -> Result<Self, Error> {
        let fd = self.fd.try_clone().map_err(|error| unreadable(&self.path, errno_of(&error)))?;
        Self::of(fd, self.path.clone(), self.within.clone())
    }

    /// A Maildir inside it; `None` if there is none of that name.
    pub(super) fn inside(&self, name: &OsStr) -> Option<Self> {
        let fd = folder_at(&self.fd, name).ok()?;
        Self::of(fd, self.path.join(name), self.within.join(name)).ok()
    }

    /// Where it is, for people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a message is in the Maildir, for people: `cur/NAME`, `.Sent/cur/NAME`.
    pub(super) fn place(&self, entry: &Entry) -> String {
        self.within.join(entry.place.name()).join(&entry.name).display().to_string()
    }

    /// Whether a file lies beside the folders.
    pub(super) fn has(&self, name: &str) -> bool {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|stat| kind(&stat) == SFlag::S_IFREG)
    }

    /// Opens a file beside the folders; `None` if there is none.
    pub(super) fn index(&self, name: &str) -> Result<Option<File>, Error> {
        match open_file(&self.fd, OsStr::new(name)) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(unreadable(&self.path.join(name), errno)),
        }
    }

    /// The names of all that lies beside the folders.
    pub(super) fn names(&self) -> Result<Vec<OsString>, Error> {
        each_name(&self.fd).map_err(|errno| unreadable(&self.path, errno))
    }

    /// All messages. Listed again when the old server was at work meanwhile: a file that is renamed during
    /// a listing may be missed by it.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let mut tries = 1;
        loop {
            let before = self.changed()?;
            let listing = self.list_once()?;
            if tries == limits::LISTINGS_OF_A_FOLDER_MAX || self.changed()? == before {
                return Ok(listing);
            }
            tries += 1;
        }
    }

    /// When the folders were changed.
    fn changed(&self) -> Result<Vec<(i64, i64)>, Error> {
        let time = |fd| {
            let stat = fstat(fd).map_err(|errno| unreadable(&self.path, errno))?;
            Ok((stat.st_ctime, stat.st_ctime_nsec))
        };
        self.new.iter().chain([&self.cur]).map(time).collect()
    }

    fn list_once(&self) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        // new/ first: what is moved to cur/ meanwhile is met twice, and not missed.
        for (place, fd) in self.new.iter().map(|fd| (Place::New, fd)).chain([(Place::Cur, &self.cur)]) {
            let names = each_name(fd).map_err(|errno| unreadable(&self.path.join(place.name()), errno))?;
            // Hidden files are no mail, by the convention.
            for name in names.into_iter().filter(|name| !name.as_bytes().starts_with(b".")) {
                listing.add(place, name, fd);
            }
        }
        listing.settle_doubles(self);
        Ok(listing)
    }

    /// Of new/ or cur/.
    pub(super) fn fd(&self, place: Place) -> Option<&OwnedFd> {
        match place {
            Place::New => self.new.as_ref(),
            Place::Cur => Some(&self.cur),
        }
    }

    /// Whether it still has that name.
    pub(super) fn is_there(&self, entry: &Entry) -> bool {
        let stat = |fd| fstatat(fd, entry.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        self.fd(entry.place).is_some_and(|fd| stat(fd).is_ok())
    }
}

fn folder_at<P: ?Sized + nix::NixPath>(parent: &OwnedFd, name: &P) -> Result<OwnedFd, Errno> {
    open_quietly(parent, name, OFlag::O_DIRECTORY)
}

/// A regular file.
pub(super) fn open_file(folder: &OwnedFd, name: &OsStr) -> Result<File, Errno> {
    let fd = open_quietly(folder, name, OFlag::empty())?;
    let is_file = fstat(&fd).is_ok_and(|stat| kind(&stat) == SFlag::S_IFREG);
    if is_file { Ok(File::from(fd)) } else { Err(Errno::EINVAL) }
}

/// Follows no link. The time of access stays, if the file is ours or we are root.
fn open_quietly<P: ?Sized + nix::NixPath>(folder: &OwnedFd, name: &P, more: OFlag) -> Result<OwnedFd, Errno> {
    // Not blocking: a pipe would hold us for ever.
    let flags = more | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(folder, name, flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => openat(folder, name, flags, Mode::empty()),
        opened => opened,
    }
}

fn each_name(folder: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let fd = folder_at(folder, ".")?;
    let mut dir = Dir::from_fd(fd)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    Ok(names)
}

/// File, folder, link and so on.
pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn unreadable(path: &Path, errno: Errno) -> Error {
    if errno == Errno::ENOTDIR {
        return Error::Source {
            what: format!("{}: it is a file, not a Maildir", path.display()),
            remedy: "if it is an mbox, use `restante import mbox`".to_owned(),
        };
    }
    Error::Source {
        what: cannot_be_read(path, errno.desc()),
        remedy: match errno {
            Errno::ENOENT => "name the folder in which the old server's cur/ and new/ are".to_owned(),
            _ => "run this as a user who may read it, as root for instance".to_owned(),
        },
    }
}

fn no_maildir(path: &Path) -> Error {
    let inside = path.join("Maildir");
    let remedy = if inside.join("cur").is_dir() {
        format!("there is one inside it: name {}", inside.display())
    } else if path.join("mailboxes").is_dir() || path.join("storage").is_dir() {
        "it looks like Dovecot's dbox; make a Maildir of it first: \
         `doveadm backup -u USER maildir:/some/folder`"
            .to_owned()
    } else {
        "name the folder in which the old server's cur/ and new/ are".to_owned()
    };
    Error::Source {
        what: format!("{}: it is not a Maildir, there is no folder cur/ in it", path.display()),
        remedy,
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
