//! Logins with hashes of an old server: the first good one replaces the hash, everything else leaves it.

use crate::accounts::Error;
use crate::accounts::scheme::Secret;
use crate::accounts::testing::{self, Fixture, ROUNDS, Said, address, password, user};
use crate::accounts::{Accounts, Admission, Recognition, Verdict};

/// Each is `secret`.
const SSHA: &str = "{SSHA}pYXRaU9HR2QKBind2xhErqwKjoSS/7Qx";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const SCRAM: &str = "{SCRAM-SHA-256}4096,WqzTMWD4wNes45O+c77aFQ==,XW4KuNmBLBqHzAOvX5jBrQsyhhNczAusUED1hpYQzow=,tXHnKhZFNuIc+00kr4QV7qqUy9pCAOHKPj1xnd/8E1I=";

fn with(fixture: &Fixture, hash: &str, admission: Admission) -> Accounts {
    let accounts = fixture.open();
    add(&accounts, "anna@x.org", hash, admission);
    accounts
}

fn add(accounts: &Accounts, name: &str, hash: &str, admission: Admission) {
    let secret = Secret::parse(hash.as_bytes(), name).unwrap();
    accounts.add_with(&address(name), &secret, admission).unwrap();
}

fn credential(accounts: &Accounts) -> String {
    accounts.list().unwrap()[0].credential.clone()
}

fn said(accounts: &Accounts, secret: &str) -> Said {
    testing::said(accounts, "anna", secret)
}

fn welcome() -> Said {
    Said::Welcome(address("anna@x.org"))
}

fn is_known(accounts: &Accounts, secret: &str) -> bool {
    matches!(accounts.recognise(&user("anna"), &password(secret)).unwrap(), Recognition::Known(_))
}

/// As on a disk that takes no write, for the one connection that a test with one thread uses.
fn read_only(accounts: &Accounts, on: bool) {
    accounts.store.read(|db| Ok(db.pragma_update(None, "query_only", on)?)).unwrap();
}

#[test]
fn the_first_good_login_replaces_the_old_hash_and_a_bad_one_changes_nothing() {
    for (hash, kind) in
        [(SSHA, "imported:SSHA"), (BCRYPT, "imported:CRYPT"), (SCRAM, "imported:SCRAM-SHA-256")]
    {
        let fixture = Fixture::new();
        let accounts = with(&fixture, hash, Admission::default());
        assert_eq!(credential(&accounts), kind);
        assert_eq!(said(&accounts, "wrong"), Said::Wrong);
        assert_eq!(credential(&accounts), kind);
        assert_eq!(said(&accounts, "secret"), welcome());
        assert_eq!(credential(&accounts), "pbkdf2-sha256", "{kind}");
        assert!(accounts.list().unwrap()[0].last_login.is_some());
        assert!(is_known(&accounts, "secret"), "no second hash for a program that polls: {kind}");
        let later = fixture.open();
        assert_eq!((said(&later, "secret"), said(&later, "wrong")), (welcome(), Said::Wrong));
        assert_eq!(later.scram(&user("anna")).unwrap().rounds, ROUNDS);
    }
}

#[cfg(feature = "old-crypt")]
#[test]
fn what_the_old_server_cut_off_counts_from_the_first_login_on() {
    let fixture = Fixture::new();
    // `perl -e 'print crypt("12345678", "ab")'`
    let accounts = with(&fixture, "{DES-CRYPT}ab1iBa.N.U2C6", Admission::default());
    let Ok(Secret::Hash(des)) = Secret::parse(b"{DES-CRYPT}ab1iBa.N.U2C6", "") else { panic!() };
    assert!(des.matches(&password("12345678")) && des.matches(&password("12345678tail")));
    assert_eq!(said(&accounts, "12345678tail"), welcome());
    assert_eq!(said(&accounts, "12345678"), Said::Wrong);
    assert_eq!(said(&accounts, "12345678tail"), welcome());
}

#[test]
fn a_held_account_keeps_its_old_hash_until_it_is_released() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, SSHA, Admission { enabled: true, held: true });
    assert_eq!((said(&accounts, "secret"), said(&accounts, "wrong")), (Said::Held, Said::Wrong));
    assert!(!is_known(&accounts, "secret"));
    assert_eq!(credential(&accounts), "imported:SSHA");
    accounts.release(&address("anna@x.org")).unwrap();
    assert_eq!(said(&accounts, "secret"), welcome());
    assert_eq!(credential(&accounts), "pbkdf2-sha256");
}

#[test]
fn an_administrator_has_the_last_word() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, SSHA, Admission::default());
    let command = fixture.open();
    command.set_enabled(&address("anna@x.org"), false).unwrap();
    assert_eq!(said(&accounts, "secret"), Said::Wrong);
    assert_eq!(credential(&accounts), "imported:SSHA");
    command.set_enabled(&address("anna@x.org"), true).unwrap();
    command.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
    assert_eq!(credential(&accounts), "pbkdf2-sha256");
    assert_eq!((said(&accounts, "secret"), said(&accounts, "fresh")), (Said::Wrong, welcome()));
}

#[test]
fn a_disk_that_takes_no_write_refuses_no_login_and_the_hash_is_replaced_later() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, SSHA, Admission::default());
    read_only(&accounts, true);
    assert_eq!(said(&accounts, "secret"), welcome());
    assert!(is_known(&accounts, "secret"), "remembered all the same");
    assert_eq!(credential(&accounts), "imported:SSHA");
    read_only(&accounts, false);
    assert!(accounts.has_rehashed());
    accounts.record_logins(&[]).unwrap();
    assert_eq!(credential(&accounts), "pbkdf2-sha256");
    assert_eq!(said(&accounts, "secret"), welcome());
}

#[test]
fn scram_waits_until_nobody_has_an_old_hash_that_it_cannot_use() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["bert@x.org"]);
    assert!(accounts.all_know_scram().unwrap());
    add(&accounts, "anna@x.org", SCRAM, Admission::default());
    assert!(accounts.all_know_scram().unwrap(), "these keys are our own form");
    assert_eq!(accounts.scram(&user("anna")).unwrap().account, Some(address("anna@x.org")));
    for (name, hash) in
        [("carl@x.org", SSHA), ("dora@x.org", BCRYPT), ("emil@x.org", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")]
    {
        add(&accounts, name, hash, Admission::default());
        assert!(!accounts.all_know_scram().unwrap(), "{name}");
        assert_eq!(accounts.scram(&user(name)).unwrap().account, None);
        accounts.set_enabled(&address(name), false).unwrap();
        assert!(accounts.all_know_scram().unwrap(), "who cannot log in waits for nothing");
        accounts.set_enabled(&address(name), true).unwrap();
        assert!(matches!(accounts.verify(&user(name), &password("secret")), Ok(Verdict::Welcome(_))));
        assert!(accounts.all_know_scram().unwrap(), "{name}");
    }
}

/// By the index alone: a server with 100,000 accounts asks this at each connection.
#[test]
fn the_question_for_scram_is_answered_by_the_index() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let plan = accounts.store.read(|db| {
        let mut plan =
            db.prepare("EXPLAIN QUERY PLAN SELECT 1 FROM accounts WHERE imported < ?1 AND enabled")?;
        let rows = plan.query_map(("x",), |row| row.get::<_, String>(3))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.join("\n"))
    });
    assert!(plan.unwrap().contains("accounts_imported"));
}

#[test]
fn a_login_by_scram_makes_the_imported_keys_our_own() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, SCRAM, Admission::default());
    let shown = accounts.scram(&user("anna")).unwrap();
    accounts.record_logins(&[(address("anna@x.org"), std::time::SystemTime::now())]).unwrap();
    assert_eq!(credential(&accounts), "pbkdf2-sha256");
    assert_eq!(accounts.scram(&user("anna")).unwrap().stored_key, shown.stored_key);
    assert_eq!(said(&accounts, "secret"), welcome());
}

#[test]
fn an_account_without_a_password_is_disabled_and_opens_with_none() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, "!", Admission::default());
    assert!(!accounts.list().unwrap()[0].enabled);
    accounts.set_enabled(&address("anna@x.org"), true).unwrap();
    for secret in ["!", "x", "secret"] {
        assert_eq!(said(&accounts, secret), Said::Wrong);
    }
}

#[test]
fn a_hash_that_this_build_cannot_verify_is_a_fault_and_no_wrong_password() {
    let fixture = Fixture::new();
    let accounts = with(&fixture, SSHA, Admission::default());
    accounts
        .store
        .write::<_, Error>(|db| Ok(db.execute("UPDATE accounts SET imported = '{OTP}x'", ())?))
        .unwrap();
    let refused = accounts.verify(&user("anna"), &password("secret"));
    assert!(matches!(&refused, Err(Error::Damaged(why)) if why.contains("OTP")), "{refused:?}");
}
