//! The way to what an operator names: through links, but not through those that one user has laid to what
//! belongs to another.
//!
//! Root reads everybody's mail when a whole server moves in, and a template leads it into folders where
//! people may put what they like. A link from `~/Maildir` to a neighbour's would bring that neighbour's
//! mail to whoever laid it. Knows no mailbox.

use super::source::Error;
use crate::limits;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::Uid;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// What the system says.
    Errno(Errno),
    /// A link that one user has laid to what belongs to another.
    Foreign {
        /// Whose the link is.
        by: Uid,
        /// Whose the place is that it leads to.
        to: Uid,
    },
}

/// Opens a file or a folder for reading, without waiting for a pipe. The time of access stays, if it is ours
/// or we are root. No name is looked at twice, so that nobody can change it in between.
///
/// # Errors
/// See [`Lost`].
pub fn open_for_reading(path: &Path) -> Result<OwnedFd, Lost> {
    let mut laid = Vec::new();
    let (folder, name, stat) = walk(path, &mut laid)?;
    let to = Uid::from_raw(stat.st_uid);
    let trusted = [Uid::from_raw(0), Uid::effective(), to];
    if let Some(by) = laid.into_iter().find(|by| !trusted.contains(by)) {
        return Err(Lost::Foreign { by, to });
    }
    let opened = open_quietly(&folder, &name)?;
    let now = fstat(&opened)?;
    let is_the_same = (now.st_dev, now.st_ino) == (stat.st_dev, stat.st_ino);
    if is_the_same { Ok(opened) } else { Err(Lost::Errno(Errno::ESTALE)) }
}

/// To the end of a path: the folder and the name there, which is no link, and what it is. `laid` gets the
/// owners of the links on the way.
fn walk(path: &Path, laid: &mut Vec<Uid>) -> Result<(OwnedFd, OsString, FileStat), Lost> {
    let mut ahead = Vec::new();
    push(path, &mut ahead);
    // Who names the whole path needs no right in the folder that the shell happens to stand in.
    let mut here = look(if path.is_absolute() { "/" } else { "." })?;
    let mut end = (here.try_clone().map_err(|_| Errno::EMFILE)?, OsString::from("."));
    while let Some(name) = ahead.pop() {
        let next = if name == "/" { look("/")? } else { look_at(&here, &name)? };
        let stat = fstat(&next)?;
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK {
            laid.push(Uid::from_raw(stat.st_uid));
            if laid.len() > limits::IMPORT_LINKS_MAX {
                return Err(Errno::ELOOP.into());
            }
            push(Path::new(&readlinkat(&next, "")?), &mut ahead);
            continue;
        }
        end = (std::mem::replace(&mut here, next), name);
    }
    let stat = fstat(&here)?;
    Ok((end.0, end.1, stat))
}

/// The parts of a path, the first on top.
fn push(path: &Path, ahead: &mut Vec<OsString>) {
    let parts = path.components().rev().filter(|part| !matches!(part, Component::CurDir));
    ahead.extend(parts.map(|part| part.as_os_str().to_owned()));
}

fn look(name: &str) -> Result<OwnedFd, Errno> {
    open(name, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// As a folder first: nothing else makes the system mount what is to be mounted at its first use.
fn look_at(folder: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(folder, name, flags | OFlag::O_DIRECTORY, Mode::empty()) {
        Err(Errno::ENOTDIR) => openat(folder, name, flags, Mode::empty()),
        opened => opened,
    }
}

fn open_quietly(folder: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(folder, name, flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => openat(folder, name, flags, Mode::empty()),
        opened => opened,
    }
}

impl Lost {
    /// The system's number, where it has one for it.
    pub fn errno(self) -> Errno {
        match self {
            Self::Errno(errno) => errno,
            Self::Foreign { .. } => Errno::EACCES,
        }
    }

    /// What is to be told of it, unless the caller has better words for an error of the system.
    pub fn error(self, path: &Path) -> Option<Error> {
        let Self::Foreign { .. } = self else { return None };
        Some(Error::Source {
            what: format!("{}: {self}", path.display()),
            remedy: "see what it leads to; if that is meant, name the place itself".to_owned(),
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(errno) => f.write_str(errno.desc()),
            Self::Foreign { by, to } => {
                write!(f, "user {by} has laid a link on the way to it, to what belongs to user {to}")
            }
        }
    }
}

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Lost> for io::Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Errno(errno) => errno.into(),
            foreign => Self::new(io::ErrorKind::PermissionDenied, foreign.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::Gid;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};
    use std::process::Command;

    fn read(path: &Path) -> Result<String, Lost> {
        let mut text = String::new();
        File::from(open_for_reading(path)?).read_to_string(&mut text).unwrap();
        Ok(text)
    }

    /// `home/mail`, a file, and links to it from near and far.
    fn place() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home/sub")).unwrap();
        std::fs::write(dir.path().join("home/mail"), "mine").unwrap();
        symlink("home", dir.path().join("folder")).unwrap();
        symlink("../folder/./sub/../mail", dir.path().join("home/near")).unwrap();
        symlink(dir.path().join("folder/near"), dir.path().join("far")).unwrap();
        symlink("circle", dir.path().join("circle")).unwrap();
        dir
    }

    #[test]
    fn links_of_our_own_are_followed() {
        let dir = place();
        for path in ["home/mail", "folder/mail", "home/near", "far", "home/../far", "./folder/near"] {
            assert_eq!(read(&dir.path().join(path)), Ok("mine".to_owned()), "{path}");
        }
        for (path, errno) in [
            ("nothing", Errno::ENOENT),
            ("circle", Errno::ELOOP),
            ("home/mail/x", Errno::ENOTDIR),
            ("home/nothing/../mail", Errno::ENOENT),
        ] {
            assert_eq!(open_for_reading(&dir.path().join(path)).unwrap_err(), Lost::Errno(errno), "{path}");
        }
        for folder in ["", "home", "folder", "home/sub/.."] {
            assert!(open_for_reading(&dir.path().join(folder)).is_ok(), "{folder:?}");
        }
        assert!(open_for_reading(Path::new("/")).is_ok());
        assert!(open_for_reading(Path::new("src")).is_ok(), "from the folder we are in");
    }

    /// Needs the right to give files away, so a test for root.
    #[test]
    fn a_link_that_a_user_has_laid_to_a_neighbours_mail_is_not_followed() {
        if !Uid::effective().is_root() {
            return;
        }
        let (mallory, anna) = (Uid::from_raw(4001), Uid::from_raw(4002));
        let dir = place();
        let own = |path: &str, user: Uid| lchown(dir.path().join(path), Some(user.as_raw()), None).unwrap();
        own("home/mail", anna);
        let foreign = Lost::Foreign { by: mallory, to: anna };
        for link in ["far", "folder", "home/near"] {
            own(link, mallory);
            assert_eq!(read(&dir.path().join("far")), Err(foreign), "{link}");
            own(link, anna);
            assert_eq!(read(&dir.path().join("far")), Ok("mine".to_owned()), "{link} is the owner's own");
        }
        assert!(
            foreign.error(Path::new("/x")).is_some()
                && Lost::Errno(Errno::EIO).error(Path::new("/x")).is_none()
        );
    }

    /// Says where the process of the next test has to look.
    const PLACE: &str = "RESTANTE_TEST_OF_THE_WAY";

    /// Needs the right to become somebody else, so a test for root. In a process of its own, since the
    /// current folder and the user are those of all its threads.
    #[test]
    fn a_whole_path_needs_no_right_in_the_current_folder() {
        if let Some(dir) = std::env::var_os(PLACE) {
            std::env::set_current_dir(Path::new(&dir).join("closed")).unwrap();
            nix::unistd::setgroups(&[]).unwrap();
            nix::unistd::setgid(Gid::from_raw(4001)).unwrap();
            nix::unistd::setuid(Uid::from_raw(4001)).unwrap();
            assert_eq!(read(&Path::new(&dir).join("home/mail")), Ok("mine".to_owned()));
            assert_eq!(read(&Path::new(&dir).join("far")), Ok("mine".to_owned()));
            assert_eq!(read(Path::new("../home/mail")), Err(Lost::Errno(Errno::EACCES)));
            return;
        }
        if !Uid::effective().is_root() {
            return;
        }
        let dir = place();
        std::fs::create_dir(dir.path().join("closed")).unwrap();
        for (folder, mode) in [("", 0o755), ("closed", 0o700)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(dir.path().join(folder), mode).unwrap();
        }
        let name = "import::way::tests::a_whole_path_needs_no_right_in_the_current_folder";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let ended = alone.args(["--exact", name]).env(PLACE, dir.path()).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && told.contains("1 passed"), "{told}");
    }
}
