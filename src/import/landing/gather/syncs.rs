//! Bringing written messages to the disk: threads that wait for it, and the name that says "whole".
//!
//! Knows nothing of the source, nor of what is in a message.

use crate::import::landing::Failure;
use crate::limits;
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// A message that is written, and not yet synced.
pub struct Written {
    /// Still open, for the sync.
    pub file: File,
    /// The name that it has.
    pub draft: OsString,
    /// The name that it gets behind the sync.
    pub name: OsString,
}

/// The way of written messages to the threads that sync them. When it is dropped, they end as soon as they
/// have done what they were given.
pub struct Syncs<'a, D> {
    disk: &'a D,
    folder: &'a Folder,
    /// `None`: there are no such threads, and each message is synced at once.
    sender: Option<SyncSender<Written>>,
    fault: &'a Mutex<Option<io::Error>>,
}

/// Runs `work` with `threads` threads beside it, to which it may hand over what it has written. All of that is
/// on the disk when this returns without a failure.
///
/// # Errors
/// The failure of `work`; else `Disk`, the first fault of a thread.
pub fn beside<D: Disk>(
    disk: &D,
    folder: &Folder,
    threads: usize,
    work: impl FnOnce(Syncs<'_, D>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let fault = Mutex::new(None);
    let (sender, queue) = sync_channel(limits::IMPORT_SYNCS_AHEAD);
    let queue = Arc::new(Mutex::new(queue));
    std::thread::scope(|scope| {
        let fault = &fault;
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            scope.spawn(move || sync_each(disk, folder, &queue, fault));
        }
        drop(queue); // The threads' alone: with the last of them it is gone, and nobody waits for room in it.
        work(Syncs { disk, folder, sender: (threads > 0).then_some(sender), fault })
    })?;
    match fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(Failure::Disk(error)),
        None => Ok(()),
    }
}

impl<D: Disk> Syncs<'_, D> {
    /// Whether a thread has met a fault, so that whatever else is written is in vain.
    pub fn have_failed(&self) -> bool {
        has_failed(self.fault)
    }

    /// Has a message synced, now or soon; waits while too many are on their way.
    ///
    /// # Errors
    /// The disk's, when there are no threads beside.
    pub fn hand_over(&self, written: Written) -> io::Result<()> {
        match &self.sender {
            // Nobody is there to take it any more only when all of them have failed, which is told at the end.
            Some(sender) => sender.send(written).map_err(|_| io::ErrorKind::BrokenPipe.into()),
            None => sync_one(self.disk, self.folder, &written),
        }
    }
}

fn sync_each<D: Disk>(
    disk: &D,
    folder: &Folder,
    queue: &Mutex<Receiver<Written>>,
    fault: &Mutex<Option<io::Error>>,
) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(written) = next() {
        // After a fault the rest is only taken off the queue: whoever fills it must not wait for ever.
        if !has_failed(fault)
            && let Err(error) = sync_one(disk, folder, &written)
        {
            fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// The name that says "whole" is given only behind the sync.
fn sync_one<D: Disk>(disk: &D, folder: &Folder, written: &Written) -> io::Result<()> {
    disk.sync_file(&written.file)?;
    disk.replace(folder, &written.draft, &written.name)
}

fn has_failed(fault: &Mutex<Option<io::Error>>) -> bool {
    fault.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::twin::{Twin, folder};
    use std::time::Duration;

    #[test]
    fn whoever_writes_does_not_wait_for_threads_that_are_gone() {
        let (told, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let dir = tempfile::tempdir().unwrap();
            let here = folder(dir.path());
            let disk = Twin::sound().watched(|_| panic!("a thread's own fault"));
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                beside(&disk, &here, 2, |syncs| {
                    for number in 0..100 {
                        let draft = OsString::from(format!("{number}"));
                        let file = File::create(dir.path().join(&draft)).unwrap();
                        syncs.hand_over(Written { file, name: draft.clone(), draft })?;
                    }
                    Ok(())
                })
            }));
            told.send(outcome.is_err()).unwrap();
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}
