//! What tells an import in the background that nobody waits for it any more.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by an import and whoever waits for it. The wish holds from when it is said, however long the import is on its
/// last step: waiting for that step is another matter.
#[derive(Debug, Default)]
pub struct Left {
    wish: AtomicBool,
    /// Locked while sessions are kept out.
    last_step: Mutex<()>,
}

impl Left {
    /// From here on the import begins no last step, which would keep sessions out.
    pub fn leave(&self) {
        self.wish.store(true, SeqCst);
    }

    /// Whether it keeps sessions out at this very moment.
    pub fn is_on_last_step(&self) -> bool {
        self.last_step.try_lock().is_err()
    }

    /// Held as long as sessions are kept out; `None` when nobody waits any more.
    pub fn last_step(&self) -> Option<MutexGuard<'_, ()>> {
        let step = self.last_step.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked behind the lock: whoever leaves and then finds it free is kept out no more.
        (!self.wish.load(SeqCst)).then_some(step)
    }
}
