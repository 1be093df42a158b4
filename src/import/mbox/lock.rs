//! Keeps deliveries and other servers away from an mbox while it is read: `fcntl` on the file, and
//! `FILE.lock` beside it, as programs that write into mboxes do.
//!
//! Knows nothing of what stands in the file.

use crate::limits;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::process::{Pid, test_kill_process};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Both locks. Dropping it releases them.
#[derive(Debug)]
pub struct Lock {
    /// Closing it releases `fcntl`.
    _file: File,
    dot_lock: Option<PathBuf>,
    /// What could not be locked, for the operator.
    pub warnings: Vec<String>,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum Busy {
    /// Somebody else has it: who, in words.
    Held(String),
    /// What the disk says.
    Failed(io::Error),
}

/// Which of the two a try has met.
enum Try<T> {
    Taken(T),
    /// By whom.
    Held(String),
    /// It cannot be had here at all.
    Impossible(io::Error),
}

impl Lock {
    /// Takes both, waiting not longer than `patience` for each.
    ///
    /// # Errors
    /// See [`Busy`].
    pub fn take(file: &File, path: &Path, patience: Duration) -> Result<Self, Busy> {
        let file = file.try_clone().map_err(Busy::Failed)?;
        let mut lock = Self { _file: file, dot_lock: None, warnings: Vec::new() };
        match patiently(patience, || lock_file(&lock._file))? {
            Ok(()) => {}
            Err(error) => lock.warn(format!("{}: it cannot be locked here ({error})", path.display())),
        }
        let name = dot_lock_of(path);
        match patiently(patience, || make_dot_lock(&name))? {
            Ok(()) => lock.dot_lock = Some(name),
            Err(error) => lock.warn(format!("{}: it cannot be made ({error})", name.display())),
        }
        Ok(lock)
    }

    fn warn(&mut self, what: String) {
        self.warnings.push(format!(
            "{what}, so a delivery that knows no other lock may change the file while it is read: stop deliveries \
             meanwhile"
        ));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(name) = &self.dot_lock {
            let _ = fs::remove_file(name); // Whoever comes next finds the process gone.
        }
    }
}

/// Tries until it is there, cannot be had, or patience is at its end.
fn patiently<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Try<T>,
) -> Result<Result<T, io::Error>, Busy> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Try::Taken(lock) => return Ok(Ok(lock)),
            Try::Impossible(error) => return Ok(Err(error)),
            Try::Held(by) if begun.elapsed() >= patience => return Err(Busy::Held(by)),
            Try::Held(_) => thread::sleep(limits::MBOX_LOCK_PAUSE),
        }
    }
}

/// For reading, and for this open file: a lock of the process would go with any other descriptor of the file.
fn lock_file(file: &File) -> Try<()> {
    let mut wanted = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&wanted)) {
        Ok(_) => Try::Taken(()),
        Err(Errno::EAGAIN | Errno::EACCES) => {
            let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut wanted));
            let known = asked.is_ok() && wanted.l_pid > 0;
            let by = if known { format!("process {}", wanted.l_pid) } else { "another process".to_owned() };
            Try::Held(format!("it is locked by {by}"))
        }
        Err(error) => Try::Impossible(error.into()),
    }
}

fn dot_lock_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

fn make_dot_lock(name: &Path) -> Try<()> {
    match OpenOptions::new().write(true).create_new(true).open(name) {
        Ok(mut file) => {
            let written = file.write_all(format!("{} {MARK}\n", std::process::id()).as_bytes());
            // Without a number in it, it is a lock all the same.
            let _ = written;
            Try::Taken(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let holder = read_holder(name);
            if holder.as_deref().is_some_and(is_left_behind) && fs::remove_file(name).is_ok() {
                return make_dot_lock(name);
            }
            let by = holder.map_or_else(String::new, |text| format!(" (it says: {text})"));
            Try::Held(format!("{} is there{by}", name.display()))
        }
        Err(error) => Try::Impossible(error),
    }
}

/// By this we know a lock of our own.
const MARK: &str = "restante";

fn read_holder(name: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(name).ok()?.take(64).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text).trim().escape_debug().to_string();
    (!text.is_empty()).then_some(text)
}

/// An import that was killed leaves its lock; nobody else's is touched.
fn is_left_behind(holder: &str) -> bool {
    let number = holder.strip_suffix(MARK).map(str::trim_end);
    let pid = number.and_then(|number| number.parse().ok()).and_then(Pid::from_raw);
    pid.is_some_and(|pid| matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests;
