//! An image: everything a file system holds at one moment, and how a change alters it.
//!
//! The disk keeps two, what programs see and what would be left after a cut; both change by the
//! same [`Change`]s, only at different times. Knows nothing of when.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::time::SystemTime;

/// The number of a file or folder; never used again within the life of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ino(pub u64);

/// The root folder keeps its number through every cut: the kernel holds on to it.
pub const ROOT: Ino = Ino(1);

/// A file or a folder.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it holds.
    pub body: Body,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// How many names lead here.
    pub links: u32,
    /// Last access; only `utimensat` changes it.
    pub atime: SystemTime,
    /// Last change of the contents.
    pub mtime: SystemTime,
    /// It lies in the mail tree: below a folder called `mail`.
    pub is_mail: bool,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Bytes.
    File(Vec<u8>),
    /// Names.
    Folder(BTreeMap<OsString, Ino>),
}

/// The smallest thing that a cut can keep or drop as one.
#[derive(Clone, Debug)]
pub enum Change {
    /// Names of one folder, changed at one stroke: a rename within a folder has two, everything
    /// else has one. `None` takes the name away.
    Names { folder: Ino, names: Vec<(OsString, Option<Ino>)> },
    /// One write.
    Bytes { file: Ino, offset: usize, data: Vec<u8> },
    /// A cut or a growth of the file to this size.
    Size { file: Ino, size: usize },
}

impl Change {
    /// The file or folder whose fsync makes it last.
    pub fn of(&self) -> Ino {
        match self {
            Self::Names { folder, .. } => *folder,
            Self::Bytes { file, .. } | Self::Size { file, .. } => *file,
        }
    }
}

/// Everything on a disk at one moment.
#[derive(Clone, Debug)]
pub struct Image(HashMap<Ino, Node>);

impl Image {
    /// An empty root folder.
    pub fn new() -> Self {
        let now = SystemTime::now();
        let body = Body::Folder(BTreeMap::new());
        let root =
            Node { body, mode: 0o755, uid: 0, gid: 0, links: 1, atime: now, mtime: now, is_mail: false };
        Self(HashMap::from([(ROOT, root)]))
    }

    /// The node of that number.
    pub fn get(&self, ino: Ino) -> Option<&Node> {
        self.0.get(&ino)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, ino: Ino) -> Option<&mut Node> {
        self.0.get_mut(&ino)
    }

    /// Adds a node that no name leads to yet.
    pub fn insert(&mut self, ino: Ino, node: Node) {
        self.0.insert(ino, node);
    }

    /// The names of a folder.
    pub fn folder(&self, ino: Ino) -> Option<&BTreeMap<OsString, Ino>> {
        match &self.get(ino)?.body {
            Body::Folder(names) => Some(names),
            Body::File(_) => None,
        }
    }

    /// The bytes of a file.
    pub fn file(&self, ino: Ino) -> Option<&[u8]> {
        match &self.get(ino)?.body {
            Body::File(bytes) => Some(bytes),
            Body::Folder(_) => None,
        }
    }

    /// Carries out a change. One that no longer fits (its file was dropped by a cut) does nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Names { folder, names } => {
                names.iter().for_each(|(name, to)| self.name(*folder, name.clone(), *to));
            }
            Change::Bytes { file, offset, data } => self.alter(*file, |bytes| {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }),
            Change::Size { file, size } => self.alter(*file, |bytes| bytes.resize(*size, 0)),
        }
    }

    /// Changes the bytes of a file, if it is still there and a file.
    fn alter(&mut self, file: Ino, how: impl FnOnce(&mut Vec<u8>)) {
        let Some(node) = self.get_mut(file) else { return };
        if let Body::File(bytes) = &mut node.body {
            how(bytes);
            node.mtime = SystemTime::now();
        }
    }

    /// Points a name to a node, or to none, and counts the links of the two nodes concerned.
    fn name(&mut self, folder: Ino, name: OsString, to: Option<Ino>) {
        let Some(Node { body: Body::Folder(names), mtime, .. }) = self.get_mut(folder) else { return };
        *mtime = SystemTime::now();
        let before = match to {
            Some(ino) => names.insert(name, ino),
            None => names.remove(&name),
        };
        if let Some(node) = before.and_then(|ino| self.get_mut(ino)) {
            node.links = node.links.saturating_sub(1);
        }
        if let Some(node) = to.and_then(|ino| self.get_mut(ino)) {
            node.links += 1;
        }
    }

    /// The same tree without the nodes that no name leads to, with new numbers from `next` on.
    /// New ones, or the kernel believes the sizes that it remembers under the old ones.
    pub fn renumbered(&self, next: &mut u64) -> Self {
        let mut fresh = Self(HashMap::new());
        let mut moved = HashMap::from([(ROOT, ROOT)]);
        self.copy_into(&mut fresh, ROOT, next, &mut moved);
        fresh.count_links();
        fresh
    }

    /// Copies a node and what lies below it. `moved` knows the new number of every node met so far:
    /// a file with two names is copied once.
    fn copy_into(&self, fresh: &mut Self, from: Ino, next: &mut u64, moved: &mut HashMap<Ino, Ino>) {
        let Some(mut node) = self.get(from).cloned() else { return };
        if let Body::Folder(names) = &mut node.body {
            for ino in names.values_mut() {
                let before = *ino;
                *ino = *moved.entry(before).or_insert_with(|| {
                    *next += 1;
                    Ino(*next)
                });
                if fresh.get(*ino).is_none() {
                    self.copy_into(fresh, before, next, moved);
                }
            }
        }
        fresh.insert(moved[&from], node);
    }

    /// Counts anew: nodes that were dropped had links, too.
    fn count_links(&mut self) {
        let mut links: HashMap<Ino, u32> = HashMap::from([(ROOT, 1)]);
        for node in self.0.values() {
            if let Body::Folder(names) = &node.body {
                names.values().for_each(|ino| *links.entry(*ino).or_default() += 1);
            }
        }
        self.0.iter_mut().for_each(|(ino, node)| node.links = links.get(ino).copied().unwrap_or(0));
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}
