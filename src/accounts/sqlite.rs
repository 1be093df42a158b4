//! The database file: how it is made and opened, and one transaction around every piece of work.
//!
//! Knows SQLite and folders. Knows neither tables nor what they mean.

use super::{ChangeError, Error, schema};
use crate::limits;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::mem::ManuallyDrop;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The database file and the connections to it that rest at the moment.
pub(super) struct Store {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Never closed: closing any descriptor of a file drops all locks the process has on it (POSIX
    /// fcntl), those of its connections too.
    header: OnceLock<ManuallyDrop<File>>,
    /// The file system does not read without waiting: nothing is ever at hand.
    must_wait: AtomicBool,
}

/// One state of the database: every transaction that changes it, by any process, makes another one.
///
/// The counter of changes and what stands behind it in the file's header, by which SQLite itself sees
/// whether its cache still holds (<https://www.sqlite.org/fileformat.html>, 1.3.7).
pub type Version = [u8; 16];

/// Where it stands.
const VERSION_AT: u64 = 24;

impl Store {
    /// Opens the file, makes it when it is missing, and brings its tables up to date.
    ///
    /// A file or disk that may only be read is opened for reading (SQLite's own fallback): logins
    /// and deliveries go on, changes are refused as `Temporary`.
    pub fn open(file: &Path) -> Result<Self, Error> {
        make_file(file).map_err(|error| Error::Temporary(error.to_string()))?;
        let db = connect(file)?;
        schema::migrate(&db)?;
        Ok(Self {
            file: file.to_owned(),
            idle: Mutex::new(vec![db]),
            header: OnceLock::new(),
            must_wait: AtomicBool::new(false),
        })
    }

    /// Runs `work` on one consistent state of the database.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.transact(TransactionBehavior::Deferred, work)
    }

    /// Runs `work` and keeps all it wrote, on the disk when this returns; or, on an error, nothing.
    ///
    /// Immediate: the lock is waited for at the start. Taken in the middle it could not be waited
    /// for, since two readers that both want to write would wait for each other.
    pub fn write<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error> + From<rusqlite::Error>,
    {
        self.transact(TransactionBehavior::Immediate, work)
    }

    /// The state the database is in. Asked within [`Store::read`], it is the state that is read there:
    /// nobody writes meanwhile.
    pub fn version(&self) -> Option<Version> {
        if self.header.get().is_none() {
            // Two at once: one of the two stays open unused, which is cheaper than a lock.
            let opened = self.header.set(ManuallyDrop::new(File::open(&self.file).ok()?));
            drop(opened);
        }
        let at_hand = self.version_at_hand();
        if self.must_wait() { self.version_by(ReadWriteFlags::empty()).ok() } else { at_hand }
    }

    /// The same for who must not wait: `None` when nobody has asked before, when the kernel would have to fetch
    /// the page from the disk, or when the file system cannot say so ([`Store::must_wait`]). Takes no lock: what
    /// is being written is not there yet, and once it is, the counter has moved.
    pub fn version_at_hand(&self) -> Option<Version> {
        if self.must_wait() {
            return None;
        }
        let version = self.version_by(ReadWriteFlags::NOWAIT);
        if version == Err(Errno::OPNOTSUPP) {
            self.must_wait.store(true, Ordering::Relaxed);
        }
        version.ok()
    }

    /// Whether the file system is known not to tell whether a read would wait (NFS, FUSE, and others of older
    /// kernels): who must not wait learns nothing of the database, at any time.
    pub fn must_wait(&self) -> bool {
        self.must_wait.load(Ordering::Relaxed)
    }

    fn version_by(&self, flags: ReadWriteFlags) -> Result<Version, Errno> {
        let mut version = [0; 16];
        let header = self.header.get().ok_or(Errno::BADF)?;
        let read = preadv2(&**header, &mut [IoSliceMut::new(&mut version)], VERSION_AT, flags)?;
        if read == version.len() { Ok(version) } else { Err(Errno::AGAIN) }
    }

    /// As on such a file system.
    #[cfg(test)]
    pub fn make_wait(&self) {
        self.must_wait.store(true, Ordering::Relaxed);
    }

    fn transact<T, E>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + From<rusqlite::Error>,
    {
        let db = self.connection()?;
        let outcome = run(&db, behavior, work);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // No more work runs at once than this, so more connections would rest for ever.
        if idle.len() < limits::DISK_JOBS_MAX {
            idle.push(db);
        }
        outcome
    }

    /// A resting one, or one more: with the file open and its statements prepared, a look-up costs
    /// microseconds.
    fn connection(&self) -> Result<Connection, Error> {
        let resting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        resting.map_or_else(|| connect(&self.file), Ok)
    }
}

/// Whatever ends `work` early, a panic too, drops the transaction, and that rolls it back.
fn run<T, E: From<rusqlite::Error>>(
    db: &Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = Transaction::new_unchecked(db, behavior)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// No CREATE: a database that vanished under a running server is a fault to be told, not an empty
/// one to go on with (every user would be unknown, and the mail refused for good).
fn connect(file: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.busy_timeout(limits::DATABASE_BUSY_TIMEOUT)?;
    // Each of these was measured. WAL cannot be opened on a disk without a free block, and its
    // shared memory ends the process with SIGBUS on blocks of 1 KiB. DELETE with FULL lost an
    // account that had been acknowledged when the power was cut: the removal of the journal is not
    // synced, and a journal that comes back undoes the change. TRUNCATE with FULL syncs the
    // emptied journal, and passed. Setting it writes nothing.
    db.pragma_update_and_check(None, "journal_mode", "TRUNCATE", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // Enforces what the schema promises: a removed account takes its last login with it.
    db.pragma_update(None, "foreign_keys", true)?;
    // Sorting must not need a file in /tmp: that disk may be full as well.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}

/// Makes an empty file, 0600, and the folders above it, 0700; durable when it returns.
fn make_file(file: &Path) -> io::Result<()> {
    // The common case, and the only one that must work on a full or read-only disk. Only asked for,
    // never opened: closing any descriptor of a file drops all locks the process has on it (POSIX
    // fcntl), those of SQLite too.
    let folder = folder_of(file);
    if file.exists() {
        // Whoever made it may have been killed before the names were on the disk. A disk that cannot
        // sync any more can still be read; what is written to it is judged by SQLite's own syncs.
        drop(sync_folder(folder).and_then(|()| sync_folder(folder_of(folder))));
        return Ok(());
    }
    make_folder(folder)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(made) => {
            give_to_owner_of(folder, &made)?;
            made.sync_all()?;
        }
        // Another process made it first, and it may be at work on it already.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_folder(folder)?;
    sync_folder(folder_of(folder))
}

/// `restante account add` by root must not lock out the server, which runs as the owner of the folder.
fn give_to_owner_of(folder: &Path, file: &File) -> io::Result<()> {
    let (wanted, found) = (fs::metadata(folder)?, file.metadata()?);
    if nix::unistd::geteuid().is_root() && wanted.uid() != found.uid() {
        std::os::unix::fs::fchown(file, Some(wanted.uid()), Some(wanted.gid()))?;
    }
    Ok(())
}

/// From the top, each name on the disk before the next: a power cut leaves no gap in the path.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(above),
    }
}

/// The folder a path stands in; the current one for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sqlite;
        let text = error.to_string();
        match error {
            Sqlite::SqliteFailure(failure, _)
                if matches!(failure.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) =>
            {
                Self::Damaged(text)
            }
            Sqlite::FromSqlConversionFailure(..)
            | Sqlite::IntegralValueOutOfRange(..)
            | Sqlite::InvalidColumnType(..) => Self::Damaged(text),
            _ => Self::Temporary(text),
        }
    }
}

impl From<rusqlite::Error> for ChangeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

#[cfg(test)]
mod tests;
