//! Users by the file: what is made, what is left alone, and what a second run does.

use super::super::Verdict;
use super::super::testing::{self, Fixture, ROUNDS, Said, address, alias, password, user};
use super::*;
use std::time::SystemTime;

const SHA: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
/// Of `other`.
const OTHER: &str = "{PLAIN-MD5}795f3202b17cb6bc3d4b771d8c6c9eaf";

fn record(name: &str, secret: &str) -> Record {
    let secret = Secret::parse(secret.as_bytes(), name).unwrap();
    Record { line: 1, name: name.to_owned(), address: address(name), secret, home: None, mail: None }
}

fn counts(report: &Report) -> [usize; 5] {
    let Report { added, updated, unchanged, disabled, still_closed: _, refused } = report;
    [*added, *updated, *unchanged, *disabled, refused.len()]
}

fn import(accounts: &Accounts, users: &[Record], wish: Wish) -> [usize; 5] {
    counts(&accounts.import(users, wish, &mut |_| {}).unwrap())
}

fn said(accounts: &Accounts, secret: &str) -> Said {
    testing::said(accounts, "anna", secret)
}

fn welcome() -> Said {
    Said::Welcome(address("anna@x.org"))
}

#[test]
fn users_become_accounts_and_a_second_run_changes_nothing() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    accounts.add_alias(&alias("info@x.org"), &[address("anna@x.org")]).unwrap();
    let users = [
        record("anna@x.org", SHA),
        record("bert@x.org", "{PLAIN}clear"),
        record("carl@x.org", "!"),
        record("info@x.org", SHA),
    ];
    assert_eq!(import(&accounts, &users, Wish::default()), [2, 0, 0, 1, 1]);
    let listed: Vec<_> = accounts
        .list()
        .unwrap()
        .iter()
        .map(|account| {
            (account.address.to_string(), account.credential.clone(), account.enabled, account.held)
        })
        .collect();
    let row = |name: &str, kind: &str, enabled| (name.to_owned(), kind.to_owned(), enabled, false);
    assert_eq!(
        listed,
        [
            row("anna@x.org", "imported:SHA", true),
            row("bert@x.org", "pbkdf2-sha256", true),
            row("carl@x.org", "pbkdf2-sha256", false)
        ]
    );
    assert_eq!(said(&accounts, "secret"), welcome());
    assert!(matches!(accounts.verify(&user("bert"), &password("clear")), Ok(Verdict::Welcome(_))));
    for update in [false, true] {
        let users = [&users[0], &users[2], &users[3]].map(Clone::clone);
        let before = fixture.open().list().unwrap().len();
        accounts.record_logins(&[(address("anna@x.org"), SystemTime::now())]).unwrap();
        assert_eq!(import(&accounts, &users, Wish { update, ..Wish::default() }), [0, 0, 2, 0, 1]);
        assert_eq!(accounts.list().unwrap().len(), before);
    }
}

#[test]
fn a_clear_password_is_nowhere_in_the_file() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    import(&accounts, &[record("anna@x.org", "{PLAIN}a-clear-password")], Wish::default());
    drop(accounts);
    let octets = std::fs::read(fixture.file()).unwrap();
    assert!(!octets.windows(16).any(|window| window == b"a-clear-password"));
}

#[test]
fn an_update_takes_the_files_hash_until_somebody_has_logged_in() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let update = Wish { update: true, ..Wish::default() };
    import(&accounts, &[record("anna@x.org", SHA)], Wish::default());
    let other = [record("anna@x.org", OTHER)];
    assert_eq!(import(&accounts, &other, Wish::default()), [0, 0, 1, 0, 0], "left alone");
    assert_eq!(import(&accounts, &other, update), [0, 1, 0, 0, 0]);
    assert_eq!(import(&accounts, &other, update), [0, 0, 1, 0, 0], "the same");
    assert_eq!(said(&accounts, "secret"), Said::Wrong);
    assert_eq!(said(&accounts, "other"), welcome());
    accounts.record_logins(&[(address("anna@x.org"), SystemTime::now())]).unwrap();
    assert_eq!(import(&accounts, &[record("anna@x.org", SHA)], update), [0, 0, 1, 0, 0]);
    assert_eq!((said(&accounts, "secret"), said(&accounts, "other")), (Said::Wrong, welcome()));
}

#[test]
fn what_somebody_does_while_passwords_are_hashed_is_not_undone() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let update = Wish { update: true, ..Wish::default() };
    let first = [record("anna@x.org", SHA), record("bert@x.org", SHA)];
    import(&accounts, &first, Wish::default());
    let batch = ["anna@x.org", "bert@x.org", "carl@x.org", "info@x.org"].map(|name| record(name, OTHER));
    let mut deeds = [Deed::Update, Deed::Update, Deed::Add, Deed::Add];
    let anew = batch.iter().map(|user| accounts.store.read(|db| deed(db, user, update)).unwrap());
    assert!(anew.eq(deeds), "as it was decided");
    assert_eq!(said(&accounts, "secret"), welcome());
    accounts.set_enabled(&address("bert@x.org"), false).unwrap();
    accounts.add_alias(&alias("info@x.org"), &[address("anna@x.org")]).unwrap();
    accounts.carry_out(&batch, &mut deeds, update).unwrap();
    assert_eq!(deeds, [Deed::Leave, Deed::UpdateClosed, Deed::Add, Deed::RefuseAlias], "as it was done");
    assert_eq!((said(&accounts, "secret"), said(&accounts, "other")), (welcome(), Said::Wrong));
    assert_eq!(accounts.list().unwrap().len(), 3);
}

#[test]
fn an_update_closes_a_door_and_opens_none() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let update = Wish { update: true, ..Wish::default() };
    import(&accounts, &[record("anna@x.org", SHA)], Wish::default());
    assert_eq!(import(&accounts, &[record("anna@x.org", "!")], update), [0, 0, 0, 1, 0]);
    assert!(!accounts.list().unwrap()[0].enabled);
    assert_eq!(import(&accounts, &[record("anna@x.org", "!")], update), [0, 0, 1, 0, 0]);
    let opened = [record("anna@x.org", SHA)];
    for update in [Wish { dry_run: true, ..update }, update] {
        let report = accounts.import(&opened, update, &mut |_| {}).unwrap();
        assert_eq!(counts(&report), [0, 0, 0, 1, 0]);
        assert_eq!(report.still_closed, [address("anna@x.org")]);
    }
    assert!(!accounts.list().unwrap()[0].enabled, "an administrator may have closed it");
    accounts.set_enabled(&address("anna@x.org"), true).unwrap();
    assert_eq!(said(&accounts, "secret"), welcome(), "the file's hash all the same");
}

#[test]
fn a_first_login_is_told_from_later_ones_and_written_at_once() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org", "bert@x.org"]);
    let anna = address("anna@x.org");
    let is_first = || match accounts.verify(&user("anna"), &password("secret")).unwrap() {
        Verdict::Welcome(grant) => grant.is_first(),
        other => panic!("no login: {other:?}"),
    };
    let last = |accounts: &Accounts| accounts.list().unwrap().remove(0).last_login;
    accounts.note_first_login(&address("bert@x.org"));
    accounts.note_first_login(&address("nobody@x.org"));
    assert!(last(&accounts).is_none() && is_first());
    accounts.note_first_login(&anna);
    assert!(last(&fixture.open()).is_some() && !is_first());
}

#[test]
fn a_first_login_with_an_imported_hash_is_written_once() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    import(&accounts, &[record("anna@x.org", SHA)], Wish::default());
    let Verdict::Welcome(grant) = accounts.verify(&user("anna"), &password("secret")).unwrap() else {
        panic!("no login");
    };
    assert!(!grant.is_first(), "with what took the place of the hash");
    assert!(accounts.list().unwrap()[0].last_login.is_some());
}

#[test]
fn what_is_held_is_what_was_made() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let hold = Wish { hold: true, ..Wish::default() };
    import(&accounts, &[record("anna@x.org", SHA), record("bert@x.org", SHA)], hold);
    assert!(!accounts.is_held(&address("anna@x.org")).unwrap(), "she is at home here");
    assert!(accounts.is_held(&address("bert@x.org")).unwrap());
    assert_eq!(testing::said(&accounts, "bert", "secret"), Said::Held);
}

#[test]
fn a_rehearsal_counts_and_does_nothing() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let users = [record("anna@x.org", SHA), record("bert@x.org", SHA), record("carl@x.org", "")];
    let rehearsal = Wish { dry_run: true, ..Wish::default() };
    assert_eq!(import(&accounts, &users, rehearsal), [1, 0, 1, 1, 0]);
    assert_eq!(accounts.list().unwrap().len(), 1);
    assert_eq!(counts(&Report::of_an_empty_database(&users)), [2, 0, 0, 1, 0]);
}

#[test]
fn more_users_than_a_batch_are_all_made() {
    let fixture = Fixture::new();
    let accounts = Accounts::open(&fixture.file(), ROUNDS).unwrap();
    let count = limits::IMPORT_BATCH * 2 + 7;
    let secret = |n: usize| if n.is_multiple_of(100) { "{PLAIN}clear" } else { SHA };
    let users: Vec<_> = (0..count).map(|n| record(&format!("u{n}@x.org"), secret(n))).collect();
    let mut steps = Vec::new();
    let report = accounts.import(&users, Wish::default(), &mut |done| steps.push(done)).unwrap();
    assert_eq!(counts(&report), [count, 0, 0, 0, 0]);
    assert_eq!(steps, [0, 250, 500, 507]);
    assert_eq!(accounts.list().unwrap().len(), count);
    for name in ["u0", "u300"] {
        assert!(
            matches!(accounts.verify(&user(name), &password("clear")), Ok(Verdict::Welcome(_))),
            "{name}"
        );
    }
}
