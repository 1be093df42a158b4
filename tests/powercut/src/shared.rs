//! The disk as several threads hold it: the file system works on it, the trial cuts its power.
//!
//! Knows nothing of FUSE; what an operation does is the disk's matter.

use crate::disk::{Disk, Fault};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A disk and a bell that rings when its power is gone.
#[derive(Clone)]
pub struct Shared {
    inner: Arc<(Mutex<Disk>, Condvar)>,
}

impl Shared {
    /// Shares `disk`.
    pub fn new(disk: Disk) -> Self {
        Self { inner: Arc::new((Mutex::new(disk), Condvar::new())) }
    }

    /// The disk, for as long as the guard lives.
    pub fn lock(&self) -> MutexGuard<'_, Disk> {
        // A panic elsewhere is a bug of the trial and fails it there; here it changes nothing.
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out one operation, whole: a cut falls before it or after it, never into it.
    pub fn operate<T>(&self, work: impl FnOnce(&mut Disk) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut disk = self.lock();
        let done = work(&mut disk);
        // The fuse may have burnt down in this operation, and the trial waits for that.
        if disk.is_off() {
            self.inner.1.notify_all();
        }
        done
    }

    /// Waits until the power is cut, at most until `deadline`. True if it is.
    pub fn wait_until_off(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.inner.1.wait_timeout_while(self.lock(), left, |disk| !disk.is_off());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_off()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Lie, Mode, ROOT};
    use std::time::Duration;

    #[test]
    fn who_waits_is_woken_by_the_operation_that_burns_the_fuse_down() {
        let shared = Shared::new(Disk::new(Mode::Strict, Lie::None));
        assert!(!shared.wait_until_off(Instant::now()), "the power is on");
        shared.lock().cut_after(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| shared.wait_until_off(Instant::now() + Duration::from_secs(60)));
            assert_eq!(shared.operate(|disk| disk.sync(ROOT)), Ok(()));
            assert_eq!(shared.operate(|disk| disk.sync(ROOT)), Err(Fault::Off));
            assert!(waiting.join().unwrap());
        });
    }
}
