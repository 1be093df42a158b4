//! A disk in memory that knows what was synced.
//!
//! Programs see the live image. What they changed since the last fsync stands in a list of pending
//! changes, and an fsync moves changes from that list to the lasting image. After a cut
//! [`Disk::recover`] throws the dice over what is still in the list (see `cut`), and the outcome is
//! both the lasting and the live image of the next life. Nodes are never freed in between: a life is
//! short. Knows nothing of FUSE, of threads, or of mail but the name of its folder.

mod cut;
mod image;
#[cfg(test)]
mod tests;

pub use image::{Body, Ino, Node, ROOT};

use crate::rng::Rng;
use image::{Change, Image};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

/// What a cut may do to changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What POSIX promises and no more: bytes last after fsync of the file, names after fsync of
    /// their folder; everything else is kept or dropped by itself, in any order, in part.
    Strict,
    /// Like ext4 with ordered data and delayed allocation: names and sizes last in the order in
    /// which they were made, any fsync commits all of them; new bytes last by fsync of their file.
    Ext4,
}

/// Which fsync in the mail tree says "done" and does nothing: a delivery that forgot it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Every fsync is honest.
    None,
    /// fsync of files.
    File,
    /// fsync of folders.
    Folder,
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The power is off: EIO.
    Off,
    /// ENOENT.
    NoEntry,
    /// EEXIST.
    Exists,
    /// ENOTDIR.
    NotFolder,
    /// EISDIR.
    IsFolder,
    /// ENOTEMPTY.
    NotEmpty,
}

/// What a new file or folder looks like to `stat`.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Permission bits, the umask already applied.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A change that is not on the platter yet. Both halves of a rename have one serial number.
#[derive(Clone, Debug)]
struct Pending {
    serial: u64,
    change: Change,
}

/// The disk.
#[derive(Clone, Debug)]
pub struct Disk {
    mode: Mode,
    lie: Lie,
    /// What programs see.
    live: Image,
    /// What no cut can take away any more.
    lasting: Image,
    /// The way from one to the other, in the order in which it was gone.
    pending: Vec<Pending>,
    last_ino: u64,
    serial: u64,
    off: bool,
    /// The power goes before this many more changes and fsyncs were carried out.
    fuse: Option<u64>,
}

/// What an operation gives.
type Done<T> = Result<T, Fault>;

impl Disk {
    /// An empty disk.
    pub fn new(mode: Mode, lie: Lie) -> Self {
        let (live, lasting) = (Image::new(), Image::new());
        Self {
            mode,
            lie,
            live,
            lasting,
            pending: Vec::new(),
            last_ino: ROOT.0,
            serial: 0,
            off: false,
            fuse: None,
        }
    }

    /// Cuts the power: every operation fails from now on.
    pub fn cut(&mut self) {
        self.off = true;
    }

    /// Cuts the power by itself once `operations` more changes and fsyncs were carried out, so that
    /// a cut can fall between any two of them, however fast the machine is.
    pub fn cut_after(&mut self, operations: u64) {
        self.fuse = Some(operations);
    }

    /// True after a cut, until [`Self::recover`].
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// Turns the power on again: chance decides what is left of the changes that were not synced.
    pub fn recover(&mut self, rng: &mut Rng) {
        let survivors = match self.mode {
            Mode::Strict => cut::strict(&self.pending, rng),
            Mode::Ext4 => cut::ext4(&self.pending, &self.lasting, rng),
        };
        survivors.iter().for_each(|change| self.lasting.apply(change));
        self.pending.clear();
        self.lasting = self.lasting.renumbered(&mut self.last_ino);
        self.live = self.lasting.clone();
        (self.off, self.fuse) = (false, None);
    }

    /// The node, if the power is on.
    pub fn node(&self, ino: Ino) -> Done<&Node> {
        self.powered()?;
        self.live.get(ino).ok_or(Fault::NoEntry)
    }

    /// The node that `name` leads to.
    pub fn look_up(&self, folder: Ino, name: &OsStr) -> Done<Ino> {
        self.names(folder)?.get(name).copied().ok_or(Fault::NoEntry)
    }

    /// The names of a folder.
    pub fn names(&self, folder: Ino) -> Done<&BTreeMap<OsString, Ino>> {
        self.node(folder)?;
        self.live.folder(folder).ok_or(Fault::NotFolder)
    }

    /// Up to `size` bytes of the file from `offset` on.
    pub fn read(&self, file: Ino, offset: usize, size: usize) -> Done<&[u8]> {
        self.node(file)?;
        let bytes = self.live.file(file).ok_or(Fault::IsFolder)?;
        let start = offset.min(bytes.len());
        Ok(&bytes[start..start.saturating_add(size).min(bytes.len())])
    }

    /// Makes a file or folder; an existing name is a fault. What lies below a folder called `mail`
    /// is mail: there a lie is told, and the accounts beside it stay sound.
    pub fn make(&mut self, folder: Ino, name: &OsStr, body: Body, owner: Owner) -> Done<Ino> {
        self.must_be_free(folder, name)?;
        self.operate()?;
        let now = SystemTime::now();
        let Owner { mode, uid, gid } = owner;
        let is_mail = name == "mail" || self.node(folder)?.is_mail;
        self.last_ino += 1;
        let ino = Ino(self.last_ino);
        let node = Node { body, mode, uid, gid, links: 0, atime: now, mtime: now, is_mail };
        // The empty node lasts at once: without a lasting name nothing can be seen of it.
        self.lasting.insert(ino, node.clone());
        self.live.insert(ino, node);
        self.change(vec![named(folder, name, Some(ino))]);
        Ok(ino)
    }

    /// One more name for a file.
    pub fn link(&mut self, file: Ino, folder: Ino, name: &OsStr) -> Done<()> {
        self.must_be_free(folder, name)?;
        self.live.file(file).ok_or(Fault::NoEntry)?;
        self.operate()?;
        self.change(vec![named(folder, name, Some(file))]);
        Ok(())
    }

    /// Takes the name of a file away. Who has it open goes on reading it.
    pub fn unlink(&mut self, folder: Ino, name: &OsStr) -> Done<()> {
        let ino = self.look_up(folder, name)?;
        self.live.file(ino).ok_or(Fault::IsFolder)?;
        self.operate()?;
        self.change(vec![named(folder, name, None)]);
        Ok(())
    }

    /// Takes the name of an empty folder away.
    pub fn remove_folder(&mut self, folder: Ino, name: &OsStr) -> Done<()> {
        let ino = self.look_up(folder, name)?;
        self.must_be_empty(ino)?;
        self.operate()?;
        self.change(vec![named(folder, name, None)]);
        Ok(())
    }

    /// Renames a file or folder; what has the new name already is replaced if `may_replace`.
    pub fn rename(&mut self, from: (Ino, &OsStr), to: (Ino, &OsStr), may_replace: bool) -> Done<()> {
        let ino = self.look_up(from.0, from.1)?;
        match self.look_up(to.0, to.1) {
            Ok(_) if !may_replace => return Err(Fault::Exists),
            // Two names of one file: rename(2) does nothing.
            Ok(other) if other == ino => return Ok(()),
            Ok(other) if self.live.folder(other).is_some() => self.must_be_empty(other)?,
            Ok(_) | Err(Fault::NoEntry) => {}
            Err(fault) => return Err(fault),
        }
        self.operate()?;
        let (taken, given) = ((from.1.to_owned(), None), (to.1.to_owned(), Some(ino)));
        self.change(if from.0 == to.0 {
            vec![Change::Names { folder: to.0, names: vec![taken, given] }]
        } else {
            // POSIX binds the two folders together for programs, not for the platter.
            vec![
                Change::Names { folder: to.0, names: vec![given] },
                Change::Names { folder: from.0, names: vec![taken] },
            ]
        });
        Ok(())
    }

    /// Writes bytes into a file.
    pub fn write(&mut self, file: Ino, offset: usize, data: &[u8]) -> Done<()> {
        self.read(file, 0, 0)?;
        self.operate()?;
        self.change(vec![Change::Bytes { file, offset, data: data.to_owned() }]);
        Ok(())
    }

    /// Cuts or grows a file.
    pub fn resize(&mut self, file: Ino, size: usize) -> Done<()> {
        self.read(file, 0, 0)?;
        self.operate()?;
        self.change(vec![Change::Size { file, size }]);
        Ok(())
    }

    /// Changes what `stat` shows besides the contents. It lasts at once: nothing is proved by it.
    pub fn adorn(&mut self, ino: Ino, how: impl Fn(&mut Node)) -> Done<()> {
        self.node(ino)?;
        [&mut self.live, &mut self.lasting].into_iter().filter_map(|image| image.get_mut(ino)).for_each(how);
        Ok(())
    }

    /// fsync of a file or a folder. A lie counts as an operation like the honest fsync, so both meet
    /// the same cuts.
    pub fn sync(&mut self, ino: Ino) -> Done<()> {
        let is_mail = self.node(ino)?.is_mail;
        let is_folder = self.live.folder(ino).is_some();
        self.operate()?;
        let lied_to = match self.lie {
            Lie::None => false,
            Lie::File => is_mail && !is_folder,
            Lie::Folder => is_mail && is_folder,
        };
        if lied_to {
            return Ok(());
        }
        let (lasting, pending) = match self.mode {
            Mode::Strict => {
                std::mem::take(&mut self.pending).into_iter().partition(|it| it.change.of() == ino)
            }
            Mode::Ext4 => cut::committed(std::mem::take(&mut self.pending), ino),
        };
        self.pending = pending;
        lasting.iter().for_each(|it: &Pending| self.lasting.apply(&it.change));
        Ok(())
    }

    /// Everything fails without power, reading too.
    fn powered(&self) -> Done<()> {
        if self.off { Err(Fault::Off) } else { Ok(()) }
    }

    /// Burns one step of the fuse, and fails if the power is gone.
    fn operate(&mut self) -> Done<()> {
        self.off |= self.fuse == Some(0);
        self.fuse = self.fuse.map(|left| left.saturating_sub(1));
        self.powered()
    }

    /// Carries out the changes of one operation for programs, and notes them for the next fsync.
    fn change(&mut self, changes: Vec<Change>) {
        self.serial += 1;
        for change in changes {
            self.live.apply(&change);
            self.pending.push(Pending { serial: self.serial, change });
        }
    }

    /// The name is free, in a folder that is there.
    fn must_be_free(&self, folder: Ino, name: &OsStr) -> Done<()> {
        match self.look_up(folder, name) {
            Ok(_) => Err(Fault::Exists),
            Err(Fault::NoEntry) => self.names(folder).map(|_| ()),
            Err(fault) => Err(fault),
        }
    }

    /// A folder, and nothing in it.
    fn must_be_empty(&self, folder: Ino) -> Done<()> {
        if self.names(folder)?.is_empty() { Ok(()) } else { Err(Fault::NotEmpty) }
    }
}

/// One name that leads to `to` from now on, or nowhere.
fn named(folder: Ino, name: &OsStr, to: Option<Ino>) -> Change {
    Change::Names { folder, names: vec![(name.to_owned(), to)] }
}
