//! From tmp/ to new/: sync all files, then publish all, then sync all folders. Whoever is told 250 has
//! the message on the disk, whole and under its name (strict POSIX: a file's bytes last after fsync of
//! the file, a name after fsync of its folder).
//!
//! The `maildir` crate's `move_tmp_to_new` is not used: it does not sync new/, its rename could replace
//! a file, and its names have no `W=` and may be too long for a unique-id.

use super::draft::{Draft, Drafts, Stage, unused_name};
use super::{Error, Published, Shared, Together, abreast};
use crate::mail::Bytes;
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::maildrop::name::{self, Stamp, Written};
use std::ffi::OsStr;
use std::fs::File;
use std::io;

pub(super) fn publish<D: Disk>(mut drafts: Drafts<D>, together: Together) -> Vec<Result<Published, Error>> {
    // Each phase for all copies before the next one: until the first name is in new/ nothing has
    // happened that a reader could see, so the commonest faults leave no trace.
    let phases: [fn(&mut Drafts<D>); 4] =
        [Drafts::check_room, Drafts::sync_files, Drafts::link, Drafts::sync_folders];
    for phase in phases {
        phase(&mut drafts);
        if together == Together::AllOrNone {
            drafts.fail_all_if_one();
        }
    }
    // Taken out, so that the drop has nothing left to undo.
    drafts.drafts.drain(..).map(Draft::outcome).collect()
}

/// A rename that replaces nothing, or what comes to the same where the file system has none.
fn move_to_new<D: Disk>(disk: &D, from: (&Folder, &OsStr), to: (&Folder, &OsStr)) -> io::Result<()> {
    match disk.rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        renamed => return renamed,
    }
    disk.link(from, to)?;
    // The message is there; that its first name stays would be no reason to have it sent again.
    // Left-overs go once they are old.
    let _ = disk.unlink(from.0, from.1);
    Ok(())
}

/// Fails each draft whose outcome is an error.
fn fail_where<'a, D: Disk>(
    shared: &Shared<D>,
    drafts: impl Iterator<Item = &'a mut Draft>,
    outcomes: Vec<io::Result<()>>,
) {
    for (draft, outcome) in drafts.zip(outcomes) {
        if let Err(error) = outcome {
            draft.fail(shared, error.into());
        }
    }
}

impl<D: Disk> Drafts<D> {
    /// The quota again, with the true size: other messages may have come in between.
    fn check_room(&mut self) {
        for draft in &mut self.drafts {
            draft.advance(&self.shared, Draft::has_room);
        }
    }

    /// Once, whatever comes of it: after a failed fsync the kernel may have dropped the pages and call
    /// them clean, and a second fsync would then say yes to a file that is not there.
    fn sync_files(&mut self) {
        let files: Vec<_> = self.drafts.iter().filter_map(Draft::file).collect();
        let disk = &self.shared.tree.disk;
        let outcomes = abreast::each(&files, |file| disk.sync_file(file));
        let written = self.drafts.iter_mut().filter(|draft| draft.file().is_some());
        fail_where(&self.shared, written, outcomes);
    }

    fn link(&mut self) {
        for draft in &mut self.drafts {
            draft.advance(&self.shared, Draft::link);
        }
    }

    fn sync_folders(&mut self) {
        let folders: Vec<_> = self.drafts.iter().filter_map(Draft::new_folder).collect();
        let outcomes = self.shared.rounds.sync_all(&self.shared.tree.disk, &folders);
        let published = self.drafts.iter_mut().filter(|draft| draft.new_folder().is_some());
        fail_where(&self.shared, published, outcomes);
    }

    /// SMTP has one answer for all. Removing what is published already can fail, or be undone by a power
    /// cut; then a message comes twice, which is chosen over one that is lost: the sender is told 4xx.
    fn fail_all_if_one(&mut self) {
        let Some(error) = self.drafts.iter().find_map(Draft::fault).cloned() else { return };
        for draft in &mut self.drafts {
            draft.fail(&self.shared, error.clone());
        }
    }
}

impl Draft {
    fn advance<D: Disk>(&mut self, shared: &Shared<D>, step: fn(&mut Self, &Shared<D>) -> Result<(), Error>) {
        if self.fault().is_none()
            && let Err(error) = step(self, shared)
        {
            self.fail(shared, error);
        }
    }

    fn has_room<D: Disk>(&mut self, shared: &Shared<D>) -> Result<(), Error> {
        match &self.stage {
            Stage::Writing(copy) => shared.room(&self.account, self.quota, Bytes(copy.bytes)),
            _ => Ok(()),
        }
    }

    /// The file that is being written.
    fn file(&self) -> Option<&File> {
        match &self.stage {
            Stage::Writing(copy) => Some(&copy.file),
            _ => None,
        }
    }

    /// Gives the file its final name; a name that is there is never replaced.
    fn link<D: Disk>(&mut self, shared: &Shared<D>) -> Result<(), Error> {
        let Stage::Writing(copy) = &mut self.stage else { return Ok(()) };
        let disk = &shared.tree.disk;
        let (tmp, new) = match copy.folders.take() {
            Some(folders) => folders,
            None => shared.tree.for_publishing(&self.account)?,
        };
        let published = Published { bytes: Bytes(copy.bytes), octets: copy.count.total() };
        let written = Written { bytes: published.bytes, octets: published.octets };
        // By the time of its end, not of its beginning: a client has seen what was published earlier.
        let next = || name::own(&Stamp::next((shared.now)()), &shared.host, written, None);
        let (name, ()) = unused_name(next, |name| move_to_new(disk, (&tmp, &copy.name), (&new, name)))?;
        if self.quota.is_some() {
            shared.usages.add(&self.account, published.bytes);
        }
        self.stage = Stage::Linked { new, name, published };
        Ok(())
    }

    /// The folder that a name was made in.
    fn new_folder(&self) -> Option<&Folder> {
        match &self.stage {
            Stage::Linked { new, .. } => Some(new),
            _ => None,
        }
    }

    fn outcome(self) -> Result<Published, Error> {
        match self.stage {
            Stage::Linked { published, .. } => Ok(published),
            Stage::Failed(error) => Err(error),
            Stage::Waiting(_) | Stage::Writing(_) => unreachable!("linking succeeds or fails"),
        }
    }
}
