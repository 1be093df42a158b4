//! The copies of one message while it arrives: one file in tmp/ for each mailbox.
//!
//! Dropped, a draft takes with it all it made; how it is published stands in `publish`.

use super::{Error, Published, Shared, Target, Together, publish};
use crate::limits;
use crate::mail::{AccountAddress, Bytes, LineEnds, OctetCount};
use crate::maildrop::disk::{Disk, OsDisk};
use crate::maildrop::folder::Folder;
use crate::maildrop::name::{self, Stamp};
use std::ffi::OsString;
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
    /// In tmp/.
    Writing(Copy),
    /// In new/; for good once that is synced.
    Linked { new: Folder, name: OsString, published: Published },
    /// Nothing of it is left.
    Failed(Error),
}

/// A file in tmp/. Its folder is not held open: a hundred recipients would hold a hundred more
/// descriptors for as long as a slow sender takes.
pub(super) struct Copy {
    pub(super) file: File,
    pub(super) name: OsString,
    pub(super) bytes: u64,
    pub(super) count: OctetCount,
}

impl<D: Disk> Drafts<D> {
    pub(super) fn open(shared: &Arc<Shared<D>>, targets: Vec<Target>, expected: Bytes) -> Self {
        // Each copy takes its own room on the disk.
        let copies = u64::try_from(targets.len()).unwrap_or(u64::MAX);
        let all = Bytes(expected.0.saturating_mul(copies));
        let space = shared.check_space(all);
        let draft = |target: Target| {
            let opened = space.clone().and_then(|()| open_one(shared, &target, expected));
            let stage = opened.map_or_else(Stage::Failed, Stage::Writing);
            let mut draft = Draft { account: target.address, quota: target.quota, stage };
            draft.append(shared, target.trace.as_bytes());
            draft
        };
        let drafts = targets.into_iter().map(draft).collect();
        Self { shared: Arc::clone(shared), drafts }
    }

    /// For each target, in order, the fault it already has.
    pub fn faults(&self) -> Vec<Option<Error>> {
        let fault = |draft: &Draft| draft.fault().cloned();
        self.drafts.iter().map(fault).collect()
    }

    /// Appends LF text to every copy that has no fault yet.
    pub fn write(&mut self, lf_text: &[u8]) {
        for draft in &mut self.drafts {
            draft.append(&self.shared, lf_text);
        }
    }

    /// Syncs, publishes in new/, syncs the folders. For each target, in order.
    pub fn publish(self, together: Together) -> Vec<Result<Published, Error>> {
        publish::publish(self, together)
    }
}

fn open_one<D: Disk>(shared: &Shared<D>, target: &Target, expected: Bytes) -> Result<Copy, Error> {
    let trace = Bytes(u64::try_from(target.trace.len()).unwrap_or(u64::MAX));
    let whole = Bytes(expected.0.saturating_add(trace.0));
    shared.room(&target.address, target.quota, whole)?;
    let tmp = shared.tree.for_delivery(&target.address, "tmp")?;
    let (name, file) = unused_name(
        || name::draft(&Stamp::next((shared.now)()), &shared.host),
        |name| shared.tree.disk.create(&tmp, name),
    )?;
    Ok(Copy { file, name, bytes: 0, count: OctetCount::new(LineEnds::OwnLf) })
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

    fn append<D: Disk>(&mut self, shared: &Shared<D>, bytes: &[u8]) {
        let Stage::Writing(copy) = &mut self.stage else { return };
        match shared.tree.disk.write(&copy.file, bytes) {
            Ok(()) => {
                copy.bytes = copy.bytes.saturating_add(bytes.len() as u64);
                copy.count.push(bytes);
            }
            Err(error) => self.fail(shared, error.into()),
        }
    }

    /// Removes what this copy has made, as far as the disk lets us, and remembers why. What stays
    /// behind on a disk that fails was never acknowledged: the sender keeps the message.
    pub(super) fn fail<D: Disk>(&mut self, shared: &Shared<D>, error: Error) {
        match std::mem::replace(&mut self.stage, Stage::Failed(error)) {
            Stage::Writing(copy) => {
                let tmp = shared.tree.for_delivery(&self.account, "tmp");
                let _ = tmp.and_then(|tmp| shared.tree.disk.unlink(&tmp, &copy.name));
            }
            Stage::Linked { new, name, .. } => {
                let _ = shared.tree.disk.unlink(&new, &name);
            }
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
