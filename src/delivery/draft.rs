//! The copies of one message while it arrives: one file in tmp/ for each mailbox.
//!
//! Whether there is room is known before the text comes; a file is made when there is text for it, so
//! a message that fits into one block is made, written and published at one go. Dropped, a draft takes
//! with it all it made; how it is published stands in `publish`.

use super::{Error, Published, Shared, Target, Together, publish};
use crate::limits;
use crate::mail::{AccountAddress, Bytes, LineEnds, OctetCount};
use crate::maildrop::disk::{Disk, OsDisk};
use crate::maildrop::folder::Folder;
use crate::maildrop::name::{self, Stamp};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// The copies of one message while it arrives. Dropped before `publish`, nothing of it stays.
pub struct Drafts<D: Disk = OsDisk> {
    pub(super) shared: Arc<Shared<D>>,
    pub(super) drafts: Vec<Draft>,
}

/// One copy.
pub(super) struct Draft {
    pub(super) account: AccountAddress,
    pub(super) quota: Option<Bytes>,
    pub(super) stage: Stage,
}

/// How far a copy has come.
pub(super) enum Stage {
    /// Nothing of it is on the disk; these are its trace lines.
    Waiting(String),
    /// In tmp/.
    Writing(Copy),
    /// In new/; for good once that is synced.
    Linked { new: Folder, name: OsString, published: Published },
    /// Nothing of it is left.
    Failed(Error),
}

/// What of a new copy stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    File,
    /// tmp/ and new/ as well.
    Folders,
}

/// A file in tmp/.
pub(super) struct Copy {
    pub(super) file: File,
    pub(super) name: OsString,
    /// tmp/ and new/, for a message that is written and published at one go. Else they are not held open:
    /// a hundred recipients would hold two hundred descriptors for as long as a slow sender takes.
    pub(super) folders: Option<(Folder, Folder)>,
    pub(super) bytes: u64,
    pub(super) count: OctetCount,
}

impl<D: Disk> Drafts<D> {
    pub(super) fn open(shared: &Arc<Shared<D>>, targets: Vec<Target>, expected: Bytes) -> Self {
        let space = shared.check_space(all_copies(&targets, expected));
        let draft = |target: Target| {
            let more = of_copy(&target, expected);
            let room = space.clone().and_then(|()| shared.room_lately(&target.address, target.quota, more));
            let stage = room.map_or_else(Stage::Failed, |()| Stage::Waiting(target.trace));
            Draft { account: target.address, quota: target.quota, stage }
        };
        let drafts = targets.into_iter().map(draft).collect();
        Self { shared: Arc::clone(shared), drafts }
    }

    /// Without a look at the disk; the targets come back where one is needed.
    pub(super) fn open_unseen(
        shared: &Arc<Shared<D>>,
        targets: Vec<Target>,
        expected: Bytes,
    ) -> Result<Self, Vec<Target>> {
        let had_room =
            |target: &Target| shared.had_room(&target.address, target.quota, of_copy(target, expected));
        if !targets.iter().all(had_room) || !shared.had_space(all_copies(&targets, expected)) {
            return Err(targets);
        }
        let draft = |target: Target| Draft {
            account: target.address,
            quota: target.quota,
            stage: Stage::Waiting(target.trace),
        };
        let drafts = targets.into_iter().map(draft).collect();
        Ok(Self { shared: Arc::clone(shared), drafts })
    }

    /// For each target, in order, the fault it already has.
    pub fn faults(&self) -> Vec<Option<Error>> {
        let fault = |draft: &Draft| draft.fault().cloned();
        self.drafts.iter().map(fault).collect()
    }

    /// Whether any of it is on the disk: if not, it may be dropped by who must not wait.
    pub fn have_files(&self) -> bool {
        self.drafts.iter().any(|draft| matches!(draft.stage, Stage::Writing(_) | Stage::Linked { .. }))
    }

    /// Appends LF text to every copy that has no fault yet, behind its trace lines.
    pub fn write(&mut self, lf_text: &[u8]) {
        self.append(lf_text, Hold::File);
    }

    /// [`Drafts::write`] and [`Drafts::publish`] at one go, for the last of the text.
    pub fn finish(mut self, lf_text: &[u8], together: Together) -> Vec<Result<Published, Error>> {
        let few = self.drafts.len() <= limits::FOLDERS_HELD_MAX;
        self.append(lf_text, if few { Hold::Folders } else { Hold::File });
        publish::publish(self, together)
    }

    /// Removes what there is of these copies, counted from 0; the others go on.
    pub fn give_up(&mut self, copies: &[usize]) {
        for nth in copies {
            if let Some(draft) = self.drafts.get_mut(*nth) {
                draft.fail(&self.shared, Error::GivenUp);
            }
        }
    }

    fn append(&mut self, text: &[u8], hold: Hold) {
        self.check_space_again(text);
        for draft in &mut self.drafts {
            draft.append(&self.shared, text, hold);
        }
    }

    /// The figure that 354 was said for is a moment old; the reserve may have been used up since.
    fn check_space_again(&mut self, text: &[u8]) {
        let first = |draft: &Draft| draft.trace().map(|trace| trace.len().saturating_add(text.len()) as u64);
        let needed: Vec<u64> = self.drafts.iter().filter_map(first).collect();
        if needed.is_empty() {
            return; // Begun already: half a message is worth nothing, so it may have what it needs.
        }
        if let Err(error) = self.shared.check_space(Bytes(needed.into_iter().sum())) {
            for draft in self.drafts.iter_mut().filter(|draft| draft.trace().is_some()) {
                draft.fail(&self.shared, error.clone());
            }
        }
    }

    /// Syncs, publishes in new/, syncs the folders. For each target, in order.
    pub fn publish(self, together: Together) -> Vec<Result<Published, Error>> {
        self.finish(b"", together) // A message without a text has its trace lines.
    }
}

/// Each copy takes its own room on the disk.
fn all_copies(targets: &[Target], expected: Bytes) -> Bytes {
    let copies = u64::try_from(targets.len()).unwrap_or(u64::MAX);
    Bytes(expected.0.saturating_mul(copies))
}

/// One copy, with its trace lines.
fn of_copy(target: &Target, expected: Bytes) -> Bytes {
    let trace = u64::try_from(target.trace.len()).unwrap_or(u64::MAX);
    Bytes(expected.0.saturating_add(trace))
}

fn create<D: Disk>(shared: &Shared<D>, account: &AccountAddress, hold: Hold) -> Result<Copy, Error> {
    let next = || name::draft(&Stamp::next((shared.now)()), &shared.host);
    let make = |tmp: &Folder| unused_name(next, |name| shared.tree.disk.create(tmp, name));
    let ((name, file), folders) = match hold {
        Hold::File => (make(&shared.tree.for_delivery(account, "tmp")?)?, None),
        Hold::Folders => {
            let folders = shared.tree.for_publishing(account)?;
            (make(&folders.0)?, Some(folders))
        }
    };
    Ok(Copy { file, name, folders, bytes: 0, count: OctetCount::new(LineEnds::OwnLf) })
}

/// Tries names until one is free. The pid may have come again and the clock been set back, and a name
/// that is there is somebody's message.
pub(super) fn unused_name<T>(
    mut next: impl FnMut() -> OsString,
    make: impl Fn(&OsString) -> io::Result<T>,
) -> io::Result<(OsString, T)> {
    for _ in 1..limits::NAME_TRIES_MAX {
        let name = next();
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|made| (name, made)),
        }
    }
    let name = next();
    make(&name).map(|made| (name, made))
}

impl Draft {
    pub(super) fn fault(&self) -> Option<&Error> {
        match &self.stage {
            Stage::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The trace lines of a copy that is not on the disk yet.
    fn trace(&self) -> Option<&str> {
        match &self.stage {
            Stage::Waiting(trace) => Some(trace),
            _ => None,
        }
    }

    fn append<D: Disk>(&mut self, shared: &Shared<D>, text: &[u8], hold: Hold) {
        let written = match &mut self.stage {
            Stage::Waiting(trace) => {
                // In one piece: a write costs more than a copy of some kilobytes.
                let first = [trace.as_bytes(), text].concat();
                match create(shared, &self.account, hold) {
                    Ok(copy) => {
                        self.stage = Stage::Writing(copy);
                        self.write(shared, &first)
                    }
                    Err(error) => Err(error),
                }
            }
            _ if text.is_empty() => Ok(()),
            _ => self.write(shared, text),
        };
        if let Err(error) = written {
            self.fail(shared, error);
        }
    }

    fn write<D: Disk>(&mut self, shared: &Shared<D>, bytes: &[u8]) -> Result<(), Error> {
        let Stage::Writing(copy) = &mut self.stage else { return Ok(()) };
        let length = bytes.len() as u64;
        shared.free.spend(Bytes(length));
        shared.tree.disk.write(&copy.file, bytes)?;
        copy.bytes = copy.bytes.saturating_add(length);
        copy.count.push(bytes);
        Ok(())
    }

    /// Removes what this copy has made, as far as the disk lets us, and remembers why. What stays
    /// behind on a disk that fails was never acknowledged: the sender keeps the message. Makes nothing: a
    /// Maildir that was purged meanwhile stays purged.
    pub(super) fn fail<D: Disk>(&mut self, shared: &Shared<D>, error: Error) {
        match std::mem::replace(&mut self.stage, Stage::Failed(error)) {
            Stage::Writing(copy) => {
                let disk = &shared.tree.disk;
                let tmp = match copy.folders {
                    Some((tmp, _)) => Ok(tmp),
                    None => {
                        let root = shared.tree.existing(&self.account);
                        root.and_then(|root| disk.open_folder(&root, OsStr::new("tmp")))
                    }
                };
                let _ = tmp.and_then(|tmp| disk.unlink(&tmp, &copy.name));
            }
            Stage::Linked { new, name, .. } => {
                let _ = shared.tree.disk.unlink(&new, &name);
            }
            Stage::Waiting(_) => {}
            // A copy that has failed before keeps its own reason.
            Stage::Failed(first) => self.stage = Stage::Failed(first),
        }
    }
}

impl<D: Disk> Drop for Drafts<D> {
    fn drop(&mut self) {
        for draft in &mut self.drafts {
            draft.fail(&self.shared, Error::Temporary("the message was not finished".to_owned()));
        }
    }
}

impl<D: Disk> fmt::Debug for Drafts<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.drafts.iter().map(|draft| &draft.account);
        f.debug_list().entries(accounts).finish()
    }
}
