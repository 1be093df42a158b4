//! Databases of each age: an empty one, one of an older restante, and those that are not ours to touch.

use super::super::Accounts;
use super::super::testing::{Said, address, said};
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
    assert!(matches!(refused, Err(Error::Newer { found: 99, known: KNOWN })), "{refused:?}");
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

/// A file that version 0.1.0 wrote before there was a second version: `account add` of anna (`secret`) and
/// bert (`other`), `account disable bert@example.org`, `account quota anna@example.org '10 MiB'`,
/// `alias add info@example.org anna@example.org`, and one login of anna's.
const OF_VERSION_1: &[u8] = include_bytes!("../../../tests/accounts/version-1.sqlite");

#[test]
fn a_database_of_version_1_is_taken_on_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.sqlite");
    std::fs::write(&file, OF_VERSION_1).unwrap();
    let before = Connection::open(&file).unwrap();
    assert_eq!(version(&before).unwrap(), 1);
    drop(before);

    let accounts = Accounts::open(&file, 4096).unwrap();
    let listed = accounts.list().unwrap();
    let [anna, bert] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((anna.address.to_string().as_str(), anna.enabled), ("anna@example.org", true));
    assert_eq!((bert.address.to_string().as_str(), bert.enabled), ("bert@example.org", false));
    assert!(anna.last_login.is_some() && anna.quota.is_some() && bert.last_login.is_none());
    assert!(listed.iter().all(|account| !account.held && account.credential == "pbkdf2-sha256"));
    assert_eq!(said(&accounts, "anna", "secret"), Said::Welcome(address("anna@example.org")));
    assert_eq!(accounts.aliases().unwrap().len(), 1);
    accounts.examine().unwrap();
    assert_eq!(version(&Connection::open(&file).unwrap()).unwrap(), KNOWN);
}
