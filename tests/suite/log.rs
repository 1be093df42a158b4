//! The log of a server under test, which can be waited for. Knows no line of it.

use crate::harness::LIMIT;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// The lines on standard error, collected by a thread.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<LogLines>, Condvar)>);

#[derive(Default)]
struct LogLines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Takes in what comes, up to the end.
    pub fn collect(&self, stream: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                log.change(|log| log.lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
            log.change(|log| log.ended = true);
        });
    }

    fn change(&self, change: impl FnOnce(&mut LogLines)) {
        change(&mut self.locked());
        self.0.1.notify_all();
    }

    /// What has come so far.
    pub fn lines(&self) -> Vec<String> {
        self.locked().lines.clone()
    }

    /// Waits until something is found in it.
    #[track_caller]
    pub fn wait<T>(&self, find: impl Fn(&[String]) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        let mut log = self.locked();
        loop {
            if let Some(found) = find(&log.lines) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            let text = log.lines.join("\n");
            assert!(!left.is_zero() && !log.ended, "not in the log, and none will come:\n{text}");
            log = self.0.1.wait_timeout(log, left).unwrap().0;
        }
    }

    /// A test that has waited in vain panics here, and shows the log afterwards.
    fn locked(&self) -> MutexGuard<'_, LogLines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
