//! The tables of the account database, and how an older database becomes a newer one.
//!
//! Knows no query beyond its own: what the tables mean to a login or a delivery is said elsewhere.

use super::Error;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Marks the file as ours (`PRAGMA application_id`): "rest" in ASCII.
const APPLICATION_ID: i64 = 0x7265_7374;

/// One step for each version: step `n` makes version `n + 1` out of version `n`. A step that was
/// ever released is never edited, only followed by another.
const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

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

/// - `imported` is an old server's hash with its scheme, `{SSHA}…`; NULL when the keys beside it are the
///   password's own. As long as it stands, the keys are random and no password leads to them.
/// - The index holds only the accounts that still wait for their first login.
/// - `held`: mail is taken and logins are put off, until the mail of the old server is here.
const VERSION_2: &str = "
    ALTER TABLE accounts ADD COLUMN imported TEXT CHECK (imported <> '');
    ALTER TABLE accounts ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
    CREATE INDEX accounts_imported ON accounts (imported) WHERE imported IS NOT NULL;
";

/// - An upstream for a whole domain has no local part, as a catch-all has none.
/// - `trust` holds a certificate's text and not its file's name: a running server may read no such file.
/// - A move belongs to its account and goes with it; without a row, nobody has logged in yet.
const VERSION_3: &str = "
    CREATE TABLE upstreams (
        local_part TEXT NOT NULL,
        domain TEXT NOT NULL CHECK (domain <> ''),
        host TEXT NOT NULL CHECK (host <> ''),
        port INTEGER CHECK (port BETWEEN 1 AND 65535),
        security TEXT NOT NULL,
        trust TEXT NOT NULL,
        user TEXT NOT NULL,
        accept_unknown INTEGER NOT NULL CHECK (accept_unknown IN (0, 1)),
        PRIMARY KEY (domain, local_part)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE moves (
        account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
        progress TEXT NOT NULL,
        why TEXT,
        messages INTEGER NOT NULL DEFAULT 0,
        since INTEGER NOT NULL
    ) STRICT;
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
mod tests;
