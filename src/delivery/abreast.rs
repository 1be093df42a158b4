//! Waiting for the disk for several things at a time.
//!
//! Ten copies are ten waits in a row, each for a commit of the journal of its own; side by side they share
//! commits, as deliveries over different connections do. Knows neither files nor folders.
//!
//! Files that are begun with `posix_fadvise` and then synced one by one would be faster still; but a fault
//! that the disk has in between (ext4 finds no block for the bytes and throws them away) is told nobody, and
//! the fsync says yes.

use crate::limits;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` for each item, for [`limits::SYNCS_ABREAST`] at a time. What came of each, in order; one that was
/// not done is an error at its own place.
pub fn each<T: Sync, R: Send + Sync>(
    items: &[T],
    work: impl Fn(&T) -> io::Result<R> + Sync,
) -> Vec<io::Result<R>> {
    let places: Vec<_> = items.iter().map(|item| (item, OnceLock::new())).collect();
    let next = AtomicUsize::new(0);
    let take_places = || {
        while let Some((item, outcome)) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            outcome.get_or_init(|| work(item));
        }
    };
    thread::scope(|scope| {
        for _ in 1..items.len().min(limits::SYNCS_ABREAST) {
            // Where there is no thread to be had, those that are there do it all.
            let _ = thread::Builder::new().name("sync".to_owned()).spawn_scoped(scope, take_places);
        }
        take_places();
    });
    // All are there: who took a place has filled it, or its panic went on here. Were one empty all the same,
    // leaving it out would give the outcomes behind it to the wrong items, and a 250 to what is not synced.
    let outcome =
        |place: OnceLock<_>| place.into_inner().unwrap_or_else(|| Err(io::Error::other("not done")));
    places.into_iter().map(|(_, place)| outcome(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    #[test]
    fn each_is_done_once_and_told_in_order() {
        for count in [0, 1, 2, 3, 4, 5, 100] {
            let items: Vec<usize> = (0..count).collect();
            let done = AtomicUsize::new(0);
            let told = each(&items, |item| {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(item * 2)
            });
            let told: Vec<usize> = told.into_iter().map(Result::unwrap).collect();
            assert_eq!(told, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            assert_eq!(done.into_inner(), count);
        }
    }

    #[test]
    fn one_alone_is_done_by_who_asks() {
        let done_by = each(&[()], |()| Ok(thread::current().id()));
        assert_eq!(done_by[0].as_ref().unwrap(), &thread::current().id());
    }

    #[test]
    fn so_many_are_on_their_way_and_no_more() {
        let (inside, changed) = (Mutex::new((0, 0)), Condvar::new());
        let items = [(); 4 * limits::SYNCS_ABREAST];
        let met = each(&items, |()| {
            let mut state = inside.lock().unwrap();
            state.0 += 1;
            state.1 = state.1.max(state.0);
            changed.notify_all();
            let full = |state: &mut (usize, usize)| state.1 < limits::SYNCS_ABREAST;
            let (state, waited) = changed.wait_timeout_while(state, Duration::from_secs(10), full).unwrap();
            drop(state);
            thread::sleep(Duration::from_millis(2)); // One too many would come in now.
            inside.lock().unwrap().0 -= 1;
            Ok(!waited.timed_out())
        });
        assert!(met.into_iter().all(Result::unwrap), "they wait for each other");
        assert_eq!(inside.into_inner().unwrap().1, limits::SYNCS_ABREAST);
    }

    #[test]
    fn a_panic_goes_on() {
        let panics = || {
            each(&[1, 2, 3, 4, 5], |item| {
                assert!(*item != 4, "on purpose");
                Ok(())
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }
}
