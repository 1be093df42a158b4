//! The file: how it is made, what opening it leaves alone, and several hands at it at once.

use super::super::Accounts;
use super::super::testing::{Fixture, ROUNDS, Said, address, password, said};
use super::*;
use std::os::unix::fs::PermissionsExt;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_file_and_its_folders_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("var/restante");
    let accounts = Accounts::open(&data.join("accounts.sqlite"), ROUNDS).unwrap();
    accounts.add(&address("anna@x.org"), &password("secret")).unwrap();
    assert_eq!((mode(&data), mode(data.parent().unwrap())), (0o700, 0o700));
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn opening_and_asking_writes_nothing() {
    let fixture = Fixture::new();
    drop(fixture.with(&["anna@x.org"]));
    let state = || {
        let mut files: Vec<_> = fs::read_dir(fixture.file().parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (path.clone(), fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = state();
    let accounts = fixture.open();
    assert_eq!(accounts.list().unwrap().len(), 1);
    assert_eq!(said(&accounts, "anna", "secret"), Said::Welcome(address("anna@x.org")));
    assert_eq!(state(), before);
}

#[test]
fn every_connection_is_set_up_for_power_cuts() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    accounts
        .store
        .read(|db| {
            let text = |pragma| db.query_row(&format!("PRAGMA {pragma}"), (), |row| row.get::<_, String>(0));
            let number = |pragma| db.query_row(&format!("PRAGMA {pragma}"), (), |row| row.get::<_, i64>(0));
            assert_eq!(text("journal_mode")?, "truncate");
            assert_eq!((number("synchronous")?, number("foreign_keys")?), (2, 1));
            assert_eq!(
                number("busy_timeout")?,
                i64::try_from(limits::DATABASE_BUSY_TIMEOUT.as_millis()).unwrap()
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_no_database_is_said_to_be_damaged_and_left_alone() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.file().parent().unwrap()).unwrap();
    let text = "this is a letter and not a database\n".repeat(100);
    fs::write(fixture.file(), &text).unwrap();
    let refused = Accounts::open(&fixture.file(), ROUNDS).err();
    assert!(matches!(refused, Some(Error::Damaged(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(fixture.file()).unwrap(), text);
}

#[test]
fn a_block_that_went_bad_is_found() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    accounts.examine().unwrap();
    drop(accounts);
    let mut octets = fs::read(fixture.file()).unwrap();
    // All but the first block, which holds the schema: the file still opens.
    octets[4096..].fill(0xaa);
    fs::write(fixture.file(), octets).unwrap();
    let outcome = Accounts::open(&fixture.file(), ROUNDS).and_then(|accounts| accounts.examine());
    assert!(matches!(outcome, Err(Error::Damaged(_))), "{outcome:?}");
}

#[test]
fn an_empty_file_of_a_first_start_that_was_cut_off_is_taken() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.file().parent().unwrap()).unwrap();
    fs::write(fixture.file(), "").unwrap();
    assert!(fixture.open().is_empty().unwrap());
}

#[test]
fn a_newer_database_is_refused_in_words() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    accounts.store.write::<_, Error>(|db| Ok(db.pragma_update(None, "user_version", 42)?)).unwrap();
    let refused = Accounts::open(&fixture.file(), ROUNDS).err().unwrap();
    assert!(matches!(refused, Error::Newer { found: 42, .. }));
    assert!(refused.to_string().contains("42"));
}

#[test]
fn where_no_folder_can_be_is_temporary() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let refused = Accounts::open(&folder.path().join("file/accounts.sqlite"), ROUNDS).err();
    assert!(matches!(refused, Some(Error::Temporary(_))), "{refused:?}");
}

#[test]
fn a_database_that_vanished_is_a_fault_and_not_an_empty_one() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    fs::remove_file(fixture.file()).unwrap();
    accounts.store.idle.lock().unwrap().clear();
    assert!(matches!(accounts.is_empty(), Err(Error::Temporary(_))));
    assert!(!fixture.file().exists());
}

#[test]
fn work_that_fails_or_panics_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let failed: Result<(), Error> = accounts.store.write(|db| {
        db.execute("DELETE FROM accounts", ())?;
        Err(Error::Temporary("in the middle".to_owned()))
    });
    assert!(failed.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        accounts.store.write::<(), Error>(|db| {
            db.execute("DELETE FROM accounts", ())?;
            panic!("in the middle");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(accounts.list().unwrap().len(), 1);
    accounts.remove(&address("anna@x.org")).unwrap();
}

#[test]
fn several_processes_make_and_use_one_database_at_once() {
    let fixture = Fixture::new();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..4)
            .map(|hand| {
                let file = fixture.file();
                scope.spawn(move || {
                    let accounts = Accounts::open(&file, ROUNDS).map_err(|error| error.to_string())?;
                    for n in 0..5 {
                        let name = address(&format!("n{hand}.{n}@x.org"));
                        accounts.add(&name, &password("secret")).map_err(|error| format!("{error:?}"))?;
                        accounts.list().map_err(|error| error.to_string())?;
                    }
                    Ok(())
                })
            })
            .collect();
        hands.into_iter().filter_map(|hand| hand.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(fixture.open().list().unwrap().len(), 20);
}

#[test]
fn one_value_serves_all_threads_and_keeps_a_bounded_number_of_connections() {
    fn shared<T: Send + Sync>(_: &T) {}
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    shared(&accounts);
    let gate = std::sync::Barrier::new(limits::DISK_JOBS_MAX + 4);
    std::thread::scope(|scope| {
        for _ in 0..limits::DISK_JOBS_MAX + 4 {
            scope.spawn(|| {
                accounts.store.read(|_| {
                    gate.wait();
                    Ok(())
                })
            });
        }
    });
    assert_eq!(accounts.store.idle.lock().unwrap().len(), limits::DISK_JOBS_MAX);
}
