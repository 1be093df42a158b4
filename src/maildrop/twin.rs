//! The disk's faulty and forgetful twin, for tests alone.
//!
//! It works on a real folder and looks on at every step. It can fail at the nth step, or from there on,
//! and it keeps account of what a power cut would leave by strict POSIX: a file's bytes as of the last
//! fsync of the file, a folder's names as of the last fsync of the folder. What was done since may be
//! there after the cut or not; so a message is safe only under a name that both states have.

use super::disk::{Disk, Step};
use super::folder::Folder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// When the twin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Never.
    Not,
    /// At this step alone, counted from 0.
    Once(u32),
    /// At this step and every later one.
    From(u32),
}

/// A sync that is left out: the deliberate mistake that the tests must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgets {
    /// None.
    Nothing,
    /// fsync of files does nothing.
    Files,
    /// fsync of folders does nothing.
    Folders,
}

type Names = BTreeMap<String, u64>;

#[derive(Default)]
struct State {
    steps: u32,
    failed: bool,
    files: BTreeMap<u64, Vec<u8>>,
    folders: BTreeMap<PathBuf, Names>,
    /// Held open, or an inode would be given to another file and mistaken for the first.
    held: Vec<File>,
}

/// Called after each step that succeeded.
type Watch = Box<dyn Fn(&Twin) + Send + Sync>;

/// The twin.
pub struct Twin {
    fails: Fails,
    errno: nix::errno::Errno,
    forgets: Forgets,
    renames: bool,
    watch: Option<Watch>,
    state: Mutex<State>,
}

impl Twin {
    /// Fails with `errno` when `fails` says so.
    pub fn new(fails: Fails, errno: nix::errno::Errno) -> Self {
        Self { fails, errno, forgets: Forgets::Nothing, renames: true, watch: None, state: Mutex::default() }
    }

    /// One that never fails.
    pub fn sound() -> Self {
        Self::new(Fails::Not, nix::errno::Errno::EIO)
    }

    /// One that never fails and leaves a sync out.
    pub fn forgetting(forgets: Forgets) -> Self {
        Self { forgets, ..Self::sound() }
    }

    /// The same, as a file system whose rename could replace a file.
    pub fn without_rename(self) -> Self {
        Self { renames: false, ..self }
    }

    /// The same, with an eye on it after each step that succeeded.
    pub fn watched(self, watch: impl Fn(&Self) + Send + Sync + 'static) -> Self {
        Self { watch: Some(Box::new(watch)), ..self }
    }

    /// Whether it came to fail.
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// How many steps were tried.
    pub fn steps(&self) -> u32 {
        self.state().steps
    }

    /// Takes everything below `root` as durable: how the disk was before the test began.
    pub fn settle(&self, root: &Path) {
        let mut state = self.state();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    let file = File::open(entry.path()).unwrap();
                    let bytes = std::fs::read(entry.path()).unwrap();
                    state.files.insert(file.metadata().unwrap().ino(), bytes);
                    state.held.push(file);
                }
            }
            let names = now_in(&folder);
            state.folders.insert(folder, names);
        }
    }

    /// What another process does by an fsync of its own: all names in the folder become durable.
    pub fn sync_by_neighbour(&self, folder: &Path) {
        self.state().folders.insert(folder.to_owned(), now_in(folder));
    }

    /// The messages that are in a folder after a power cut, however it falls: names that are durable
    /// and still there, below folders of which that is true too. `None`: the bytes are not.
    pub fn certain(&self, root: &Path, folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut above = folder;
        while above != root {
            let parent = above.parent().unwrap();
            let name = above.file_name().unwrap().to_str().unwrap();
            if !self.durable_in(parent).contains_key(name) {
                return BTreeMap::new();
            }
            above = parent;
        }
        let now = now_in(folder);
        self.durable_in(folder)
            .into_iter()
            .filter(|(name, inode)| now.get(name) == Some(inode))
            .map(|(name, inode)| (name, self.state().files.get(&inode).cloned()))
            .collect()
    }

    /// The messages that may be in a folder after a power cut: durable names and those of now.
    pub fn possible(&self, folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut names = self.durable_in(folder);
        names.extend(now_in(folder));
        names.into_iter().map(|(name, inode)| (name, self.state().files.get(&inode).cloned())).collect()
    }

    fn durable_in(&self, folder: &Path) -> Names {
        self.state().folders.get(folder).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Disk for Twin {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        if matches!(step, Step::Rename(..)) && !self.renames {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut state = self.state();
        let step = state.steps;
        state.steps += 1;
        let fails = match self.fails {
            Fails::Not => false,
            Fails::Once(at) => step == at,
            Fails::From(at) => step >= at,
        };
        state.failed |= fails;
        if fails { Err(self.errno.into()) } else { Ok(()) }
    }

    // The syncs are only accounted for: the real ones would add nothing but minutes.
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.before(Step::SyncFile(file))?;
        self.after(Step::SyncFile(file));
        Ok(())
    }

    fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        self.before(Step::SyncFolder(folder))?;
        self.after(Step::SyncFolder(folder));
        Ok(())
    }

    fn after(&self, step: Step<'_>) {
        match step {
            Step::SyncFile(file) if self.forgets != Forgets::Files => {
                let inode = file.metadata().unwrap().ino();
                let bytes = self.read_by_inode(inode);
                self.state().files.insert(inode, bytes);
            }
            Step::SyncFolder(folder) if self.forgets != Forgets::Folders => {
                let names = now_in(folder.path());
                self.state().folders.insert(folder.path().to_owned(), names);
            }
            Step::Create(folder, name) => {
                let file = File::open(folder.path().join(name)).unwrap();
                self.state().held.push(file);
            }
            _ => {}
        }
        if let Some(watch) = &self.watch {
            watch(self);
        }
    }
}

impl Twin {
    /// A file's bytes, without its name (it may have lost that) and without a right to read it (it was
    /// opened for writing).
    fn read_by_inode(&self, inode: u64) -> Vec<u8> {
        use std::io::{Read, Seek};
        let mut bytes = Vec::new();
        for mut file in &self.state().held {
            if file.metadata().unwrap().ino() == inode {
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
            }
        }
        bytes
    }
}

/// Opens a folder of a test as the code under test has it.
pub fn folder(path: &Path) -> Folder {
    Folder::open(path).unwrap()
}

/// The names in a folder, with their inodes.
fn now_in(folder: &Path) -> Names {
    let Ok(entries) = std::fs::read_dir(folder) else { return Names::new() };
    let named = |entry: std::fs::DirEntry| {
        Some((entry.file_name().to_str()?.to_owned(), entry.metadata().ok()?.ino()))
    };
    entries.filter_map(Result::ok).filter_map(named).collect()
}

/// All names in a folder.
pub fn names_in(folder: &Path) -> BTreeSet<String> {
    now_in(folder).into_keys().collect()
}
