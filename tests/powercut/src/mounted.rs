//! The disk as a mounted file system: FUSE requests become operations of [`Disk`].
//!
//! Knows the kernel and its numbers; what an operation means is the disk's matter.
//! Nothing is cached on the way (direct I/O, times to live of zero), so the disk sees every write
//! when it is made, and after a cut the kernel remembers nothing. Locks stay with the kernel.

use crate::disk::{Body, Disk, Fault, Ino, Node, Owner, ROOT};
use crate::shared::Shared;
use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, SessionACL,
    TimeOrNow, WriteFlags,
};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The kernel must ask again each time, or it shows names that a cut has dropped.
const FORGET_AT_ONCE: Duration = Duration::ZERO;

/// The size of the disk that `statfs` tells: 4 GiB, always free. A full disk is another trial.
const BLOCKS: u64 = 1 << 20;

/// The size of a block, and of a folder as `stat` shows it.
const BLOCK: u32 = 4096;

/// A number leads to one file for ever (the disk never gives it out again), so one generation does.
const GENERATION: Generation = Generation(0);

/// Reads and writes go straight to the disk. From the page cache a program would read what a cut
/// has dropped, and the disk would see writes when the kernel likes.
const UNCACHED: FopenFlags = FopenFlags::FOPEN_DIRECT_IO;

/// Files need no handle: everything is asked for by number. Folders have one, see [`Listings`].
const NO_HANDLE: FileHandle = FileHandle(0);

/// Mounts the disk at `folder`, until the session is dropped.
pub fn mount(disk: &Shared, folder: &Path) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("forgetfs".into()), MountOption::DefaultPermissions];
    // The server may give root up; and only root may let others in.
    config.acl = if is_root() { SessionACL::All } else { SessionACL::Owner };
    fuser::spawn_mount(Mounted { disk: disk.clone(), listings: Mutex::default() }, folder, &config)
}

/// Only root may mount for others, unless /etc/fuse.conf says otherwise.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// What each open folder held when it was opened: a program may remove names while it reads them,
/// and must not miss others by it.
#[derive(Default)]
struct Listings {
    /// The handle given out last.
    last: u64,
    /// By handle.
    open: HashMap<u64, Vec<(OsString, Ino)>>,
}

/// The file system of one mount.
struct Mounted {
    disk: Shared,
    listings: Mutex<Listings>,
}

impl Mounted {
    fn listings(&self) -> MutexGuard<'_, Listings> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers with the attributes of what `work` found or made.
    fn entry(&self, reply: ReplyEntry, work: impl FnOnce(&mut Disk) -> Result<Ino, Fault>) {
        let found = self.disk.operate(|disk| work(disk).and_then(|ino| Ok(attributes(ino, disk.node(ino)?))));
        match found {
            Ok(attributes) => reply.entry(&FORGET_AT_ONCE, &attributes, GENERATION),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    /// Answers with success or an error number alone.
    fn empty(&self, reply: ReplyEmpty, work: impl FnOnce(&mut Disk) -> Result<(), Fault>) {
        match self.disk.operate(work) {
            Ok(()) => reply.ok(),
            Err(fault) => reply.error(errno(fault)),
        }
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |disk| disk.look_up(at(parent), name));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.disk.operate(|disk| disk.node(at(ino)).map(|node| attributes(at(ino), node))) {
            Ok(attributes) => reply.attr(&FORGET_AT_ONCE, &attributes),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    // chmod, chown, truncate and utimensat in one request; the times that Linux does not set, and
    // the handle, are left aside.
    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let ino = at(ino);
        let done = self.disk.operate(|disk| {
            // First, because it alone can burn the fuse, and then nothing must have changed.
            size.map_or(Ok(()), |size| disk.resize(ino, size as usize))?;
            disk.adorn(ino, |node| {
                node.mode = mode.map_or(node.mode, |mode| mode & 0o7777);
                node.uid = uid.unwrap_or(node.uid);
                node.gid = gid.unwrap_or(node.gid);
                node.atime = atime.map_or(node.atime, moment);
                node.mtime = mtime.map_or(node.mtime, moment);
            })?;
            disk.node(ino).map(|node| attributes(ino, node))
        });
        match done {
            Ok(attributes) => reply.attr(&FORGET_AT_ONCE, &attributes),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn mkdir(&self, who: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let body = Body::Folder(BTreeMap::new());
        self.entry(reply, |disk| disk.make(at(parent), name, body, owner(who, mode, umask)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.empty(reply, |disk| disk.unlink(at(parent), name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.empty(reply, |disk| disk.remove_folder(at(parent), name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        // An exchange would have to be modelled; nobody here asks for one.
        if flags.intersects(RenameFlags::RENAME_EXCHANGE | RenameFlags::RENAME_WHITEOUT) {
            return reply.error(Errno::EINVAL);
        }
        let may_replace = !flags.contains(RenameFlags::RENAME_NOREPLACE);
        self.empty(reply, |disk| disk.rename((at(parent), name), (at(newparent), newname), may_replace));
    }

    fn link(&self, _: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |disk| disk.link(at(ino), at(newparent), newname).map(|()| at(ino)));
    }

    // O_TRUNC never comes here: the kernel asks for a size of 0 by `setattr`.
    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.disk.operate(|disk| disk.node(at(ino)).map(|_| ())) {
            Ok(()) => reply.opened(NO_HANDLE, UNCACHED),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn create(
        &self,
        who: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let body = Body::File(Vec::new());
        // The kernel asks for the name first and opens what is there, so a name that is there now
        // came up in between. With O_EXCL EEXIST is the answer; without it, a rare but honest one.
        let made = self.disk.operate(|disk| {
            let ino = disk.make(at(parent), name, body, owner(who, mode, umask))?;
            disk.node(ino).map(|node| attributes(ino, node))
        });
        match made {
            Ok(attributes) => {
                reply.created(&FORGET_AT_ONCE, &attributes, GENERATION, NO_HANDLE, UNCACHED);
            }
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk.operate(|disk| disk.read(at(ino), offset as usize, size as usize).map(<[u8]>::to_vec))
        {
            Ok(bytes) => reply.data(&bytes),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk.operate(|disk| disk.write(at(ino), offset as usize, data)) {
            Ok(()) => reply.written(data.len() as u32),
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // close(2) syncs nothing, whatever programs hope for.
        reply.ok();
    }

    // fdatasync too: the size is part of what it makes last, and the rest is not modelled.
    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(reply, |disk| disk.sync(at(ino)));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let names = self.disk.operate(|disk| {
            disk.names(at(ino)).map(|names| names.iter().map(|(name, ino)| (name.clone(), *ino)).collect())
        });
        match names {
            Ok(names) => {
                let mut listings = self.listings();
                listings.last += 1;
                let handle = listings.last;
                listings.open.insert(handle, names);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(fault) => reply.error(errno(fault)),
        }
    }

    fn readdir(&self, _: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        if let Err(fault) = self.disk.operate(|disk| disk.node(at(ino)).map(|_| ())) {
            return reply.error(errno(fault));
        }
        // The offset is an index into the listing; 0 and 1 are the dots. `..` of every folder is
        // said to be the root: the kernel knows better and does not ask.
        let listings = self.listings();
        let names = listings.open.get(&fh.0).map_or(&[][..], Vec::as_slice);
        let dots = [(OsString::from("."), at(ino)), (OsString::from(".."), ROOT)];
        let all = dots.iter().chain(names).enumerate().skip(offset as usize);
        for (index, (name, ino)) in all {
            // What was removed meanwhile is still told, as by any file system that reads ahead.
            let kind = self.disk.lock().node(*ino).map_or(FileType::RegularFile, kind);
            // True: the kernel's buffer is full, and it asks again from that offset on.
            if reply.add(INodeNo(ino.0), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.listings().open.remove(&fh.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(reply, |disk| disk.sync(at(ino)));
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK);
    }
}

/// The disk's root has the kernel's number, and the others are the disk's own.
fn at(ino: INodeNo) -> Ino {
    Ino(ino.0)
}

/// The kernel has applied the umask already unless ACLs were asked for; twice does no harm.
fn owner(who: &Request, mode: u32, umask: u32) -> Owner {
    Owner { mode: mode & !umask & 0o7777, uid: who.uid(), gid: who.gid() }
}

/// `touch` leaves the moment to the file system.
fn moment(time: TimeOrNow) -> SystemTime {
    match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

/// There is nothing else on this disk.
fn kind(node: &Node) -> FileType {
    match node.body {
        Body::File(_) => FileType::RegularFile,
        Body::Folder(_) => FileType::Directory,
    }
}

/// What `stat` shows. The change time is the modification time: nobody here reads it.
fn attributes(ino: Ino, node: &Node) -> FileAttr {
    let size = match &node.body {
        Body::File(bytes) => bytes.len() as u64,
        Body::Folder(_) => u64::from(BLOCK),
    };
    FileAttr {
        ino: INodeNo(ino.0),
        size,
        blocks: size.div_ceil(512),
        atime: node.atime,
        mtime: node.mtime,
        ctime: node.mtime,
        crtime: node.mtime,
        kind: kind(node),
        perm: node.mode as u16,
        nlink: node.links,
        uid: node.uid,
        gid: node.gid,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

/// The number that programs see.
fn errno(fault: Fault) -> Errno {
    match fault {
        Fault::Off => Errno::EIO,
        Fault::NoEntry => Errno::ENOENT,
        Fault::Exists => Errno::EEXIST,
        Fault::NotFolder => Errno::ENOTDIR,
        Fault::IsFolder => Errno::EISDIR,
        Fault::NotEmpty => Errno::ENOTEMPTY,
    }
}
