//! The tables of the account database, and how an older database becomes a newer one.
//!
//! Knows no query beyond its own: what the tables mean to a login or a delivery is said elsewhere.

use super::Error;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Marks the file as ours (`PRAGMA application_id`): "rest" in ASCII.
const APPLICATION_ID: i64 = 0x7265_7374;

/// One step for each version: step `n` makes version `n + 1` out of version `n`. A step that was
/// ever released is never edited, only followed by another.
const STEPS: &[&str] = &[VERSION_1];

/// The version this program writes.
const KNOWN: u32 = STEPS.len() as u32;

/// - `accounts.id` only grows (AUTOINCREMENT), so the smallest one is the oldest account, whatever
///   the clock said, and no account inherits the number of one that was removed.
/// - UNIQUE (local_part, domain) is also the index for a bare local part: it comes first.
/// - The last login has a table of its own, or each login would rewrite the row with the keys.
/// - A catch-all is the alias whose local part is empty: no address has one.
/// - `targets` are addresses, not references: an alias may be made before its target.
/// - `seed` makes salts for users who do not exist; SQLite draws it from the system's randomness.
const VERSION_1: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('seed', randomblob(32));

    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        local_part TEXT NOT NULL CHECK (local_part <> ''),
        domain TEXT NOT NULL CHECK (domain <> ''),
        enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
        quota INTEGER CHECK (quota > 0),
        created INTEGER NOT NULL,
        salt BLOB NOT NULL,
        rounds INTEGER NOT NULL,
        stored_key BLOB NOT NULL CHECK (length(stored_key) = 32),
        server_key BLOB NOT NULL CHECK (length(server_key) = 32),
        UNIQUE (local_part, domain)
    ) STRICT;
    CREATE INDEX accounts_by_domain ON accounts (domain);

    CREATE TABLE logins (
        account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
        last INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE aliases (
        id INTEGER PRIMARY KEY,
        local_part TEXT NOT NULL,
        domain TEXT NOT NULL CHECK (domain <> ''),
        UNIQUE (local_part, domain)
    ) STRICT;
    CREATE INDEX aliases_by_domain ON aliases (domain);

    CREATE TABLE targets (
        alias INTEGER NOT NULL REFERENCES aliases (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        local_part TEXT NOT NULL,
        domain TEXT NOT NULL,
        PRIMARY KEY (alias, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX targets_by_address ON targets (local_part, domain);

    CREATE TABLE bans (address TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Brings the database to the version this program knows. Writes nothing when it is there already,
/// or a server could not start on a full disk.
///
/// # Errors
/// `Newer`, `Damaged` for another program's database, `Temporary`.
pub(super) fn migrate(db: &Connection) -> Result<(), Error> {
    if is_current(version(db)?)? {
        return Ok(());
    }
    // The lock comes first and the question is asked again: another process may be at it too.
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    if is_current(from)? {
        return Ok(());
    }
    if from == 0 {
        refuse_foreign(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    for step in STEPS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(())
}

fn version(db: &Connection) -> Result<u32, Error> {
    Ok(db.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}

fn is_current(version: u32) -> Result<bool, Error> {
    if version > KNOWN {
        return Err(Error::Newer { found: version, known: KNOWN });
    }
    Ok(version == KNOWN)
}

/// A file without a version is empty, or it is somebody else's and not ours to write into.
fn refuse_foreign(db: &Connection) -> Result<(), Error> {
    let tables: u32 = db.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if tables == 0 { Ok(()) } else { Err(Error::Damaged("it is another program's database".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(db: &Connection) -> u32 {
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_empty_database_gets_all_steps_once() {
        let db = Connection::open_in_memory().unwrap();
        migrate(&db).unwrap();
        assert_eq!(version(&db).unwrap(), KNOWN);
        let seed = |db: &Connection| -> Vec<u8> {
            db.query_row("SELECT value FROM meta WHERE key = 'seed'", (), |row| row.get(0)).unwrap()
        };
        let first = seed(&db);
        migrate(&db).unwrap();
        assert_eq!((first.len(), seed(&db)), (32, first));
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&db);
        assert!(matches!(refused, Err(Error::Newer { found: 99, known: 1 })), "{refused:?}");
        assert_eq!(tables(&db), 0);
    }

    #[test]
    fn another_programs_database_is_refused_and_left_alone() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
        assert!(matches!(migrate(&db), Err(Error::Damaged(_))));
        assert_eq!((tables(&db), version(&db).unwrap()), (1, 0));
    }

    #[test]
    fn a_step_that_fails_leaves_nothing() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE bans (x TEXT); PRAGMA user_version = 0").unwrap();
        db.execute_batch("DROP TABLE bans; CREATE VIEW bans AS SELECT 1").unwrap();
        assert!(migrate(&db).is_err());
        assert_eq!(tables(&db), 0);
    }
}
