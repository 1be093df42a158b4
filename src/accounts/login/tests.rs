//! Logins: who gets in, by which name, and what a stranger can learn.

mod imported;

use super::super::ChangeError;
use super::super::testing::{Fixture, ROUNDS, Said, address, password, said, user};
use super::*;
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

fn gets_in(accounts: &Accounts, name: &str, secret: &str) -> Option<String> {
    match accounts.verify(&user(name), &password(secret)).unwrap() {
        Verdict::Welcome(grant) => Some(grant.account().to_string()),
        Verdict::Held | Verdict::Wrong => None,
    }
}

fn is_known(accounts: &Accounts, name: &str, secret: &str) -> bool {
    matches!(accounts.recognise(&user(name), &password(secret)).unwrap(), Recognition::Known(_))
}

fn rounds_of(accounts: &Accounts, name: &str) -> u32 {
    accounts.scram(&user(name)).unwrap().rounds
}

#[test]
fn the_right_password_gets_in_and_no_other() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org", "bert@x.org"]);
    accounts.set_password(&address("bert@x.org"), &password("other")).unwrap();
    for (name, secret, account) in [
        ("anna@x.org", "secret", Some("anna@x.org")),
        ("anna@x.org", "Secret", None),
        ("anna@x.org", "secret ", None),
        ("anna@x.org", "other", None),
        ("bert@x.org", "other", Some("bert@x.org")),
        ("nobody@x.org", "secret", None),
        ("anna@y.org", "secret", None),
    ] {
        assert_eq!(gets_in(&accounts, name, secret).as_deref(), account, "{name} {secret}");
    }
}

#[test]
fn a_name_is_the_address_or_the_local_part_of_one_account() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org", "bert@x.org", "bert@y.org", "grün@x.org", "eva@bücher.org"]);
    for (name, account) in [
        ("Anna@X.org", Some("anna@x.org")),
        (" anna ", Some("anna@x.org")),
        ("ANNA", Some("anna@x.org")),
        ("GRÜN", Some("grün@x.org")),
        ("Eva@Bücher.org", Some("eva@bücher.org")),
        ("eva@xn--bcher-kva.org", Some("eva@bücher.org")),
        ("bert", None),
        ("bert@y.org", Some("bert@y.org")),
        ("anna+list@x.org", None),
        ("anna+list", None),
        ("@x.org", None),
        ("anna@", None),
        ("an%", None),
        ("anna' OR '1'='1", None),
    ] {
        assert_eq!(gets_in(&accounts, name, "secret").as_deref(), account, "{name}");
    }
    accounts.remove(&address("bert@x.org")).unwrap();
    assert_eq!(gets_in(&accounts, "bert", "secret").as_deref(), Some("bert@y.org"));
}

#[test]
fn a_disabled_account_is_answered_like_a_wrong_password() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    accounts.set_enabled(&address("anna@x.org"), false).unwrap();
    assert_eq!(gets_in(&accounts, "anna", "secret"), None);
    accounts.set_enabled(&address("anna@x.org"), true).unwrap();
    assert!(gets_in(&accounts, "anna", "secret").is_some());
}

#[test]
fn a_held_account_is_told_so_who_knows_the_password_and_nobody_else() {
    let fixture = Fixture::new();
    let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
    let anna = address("anna@x.org");
    let said = |secret| said(&server, "anna", secret);
    assert_eq!(said("secret"), Said::Welcome(anna.clone()));
    command.hold(&anna).unwrap();
    assert!(server.is_held(&anna).unwrap() && server.list().unwrap()[0].held);
    assert!(!is_known(&server, "anna", "secret"), "what was known before it was held does not let in");
    assert_eq!((said("secret"), said("wrong")), (Said::Held, Said::Wrong));
    command.set_enabled(&anna, false).unwrap();
    assert_eq!(said("secret"), Said::Wrong, "disabled comes first");
    command.set_enabled(&anna, true).unwrap();
    command.release(&anna).unwrap();
    command.release(&anna).unwrap();
    assert_eq!(said("secret"), Said::Welcome(anna.clone()));
    assert!(!server.is_held(&anna).unwrap());
}

#[test]
fn mail_for_a_held_account_is_taken() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    accounts.hold(&address("anna@x.org")).unwrap();
    let to = crate::mail::ForwardPath::Postmaster;
    let found = accounts.resolve(&to, address("anna@x.org").domain()).unwrap().unwrap();
    assert_eq!(found[0].address, address("anna@x.org"));
}

#[test]
fn a_verified_password_is_recognised_until_an_administrator_changes_something() {
    let fixture = Fixture::new();
    let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
    assert!(!is_known(&server, "anna", "secret"), "nothing was verified yet");
    assert!(gets_in(&server, "anna", "wrong").is_none());
    assert!(!is_known(&server, "anna", "wrong"));
    let verify = |secret| assert!(gets_in(&server, "anna", secret).is_some());
    verify("secret");
    assert!(is_known(&server, "anna", "secret") && is_known(&server, "Anna@x.org", "secret"));
    assert!(!is_known(&server, "anna", "wrong") && is_known(&server, "anna", "secret"));
    assert!(!is_known(&command, "anna", "secret"), "the memory is one process' own");

    command.set_enabled(&address("anna@x.org"), false).unwrap();
    assert!(!is_known(&server, "anna", "secret"));
    command.set_enabled(&address("anna@x.org"), true).unwrap();
    assert!(is_known(&server, "anna", "secret"));

    command.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
    assert!(!is_known(&server, "anna", "secret") && gets_in(&server, "anna", "secret").is_none());
    verify("fresh");
    command.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
    assert!(!is_known(&server, "anna", "fresh"), "the same password, another salt");

    verify("fresh");
    command.remove(&address("anna@x.org")).unwrap();
    assert!(!is_known(&server, "anna", "fresh"));
    command.add(&address("anna@x.org"), &password("fresh")).unwrap();
    assert!(!is_known(&server, "anna", "fresh"), "another account of the same name");
}

#[test]
fn a_login_of_another_cost_is_hashed_anew_and_the_password_stays() {
    let fixture = Fixture::new();
    fixture.with(&["anna@x.org", "bert@x.org"]);
    let dearer = Accounts::open(&fixture.file(), ROUNDS + 1).unwrap();
    assert!(gets_in(&dearer, "anna", "wrong").is_none());
    dearer.record_logins(&[]).unwrap();
    assert_eq!(rounds_of(&dearer, "anna"), ROUNDS, "a wrong password changes nothing");

    assert!(gets_in(&dearer, "anna", "secret").is_some());
    assert_eq!(rounds_of(&dearer, "anna"), ROUNDS, "no write on the way of a login");
    dearer.record_logins(&[]).unwrap();
    assert_eq!((rounds_of(&dearer, "anna"), rounds_of(&dearer, "bert")), (ROUNDS + 1, ROUNDS));
    assert!(gets_in(&dearer, "anna", "secret").is_some() && gets_in(&dearer, "anna", "wrong").is_none());
    assert!(dearer.rehashed.lock().unwrap().is_empty(), "once is enough");
}

#[test]
fn hashing_anew_does_not_bring_an_old_password_back() {
    let fixture = Fixture::new();
    let command = fixture.with(&["anna@x.org"]);
    let dearer = Accounts::open(&fixture.file(), ROUNDS + 1).unwrap();
    assert!(gets_in(&dearer, "anna", "secret").is_some());
    command.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
    dearer.record_logins(&[]).unwrap();
    assert!(gets_in(&dearer, "anna", "secret").is_none());
    assert!(gets_in(&dearer, "anna", "fresh").is_some());
}

#[test]
fn what_could_not_be_written_is_written_the_next_time() {
    let fixture = Fixture::new();
    fixture.with(&["anna@x.org"]);
    let dearer = Accounts::open(&fixture.file(), ROUNDS + 1).unwrap();
    assert!(gets_in(&dearer, "anna", "secret").is_some());
    read_only(&dearer, true);
    assert!(dearer.record_logins(&[]).is_err());
    read_only(&dearer, false);
    dearer.record_logins(&[]).unwrap();
    assert_eq!(rounds_of(&dearer, "anna"), ROUNDS + 1);
}

#[test]
fn logins_and_deliveries_go_on_while_nothing_can_be_written() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    read_only(&accounts, true);
    assert!(gets_in(&accounts, "anna", "secret").is_some());
    assert!(is_known(&accounts, "anna", "secret"));
    let path = crate::mail::ForwardPath::Postmaster;
    assert!(accounts.resolve(&path, address("a@x.org").domain()).unwrap().is_ok());
    let refused = accounts.set_enabled(&address("anna@x.org"), false);
    assert!(matches!(refused, Err(ChangeError::Storage(Error::Temporary(_)))), "{refused:?}");
}

/// As on a disk that takes no write, for the one connection that a test with one thread uses.
fn read_only(accounts: &Accounts, on: bool) {
    accounts.store.read(|db| Ok(db.pragma_update(None, "query_only", on)?)).unwrap();
}

#[test]
fn scram_gives_what_is_stored() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let shown = accounts.scram(&user("Anna")).unwrap();
    assert_eq!(shown.account, Some(address("anna@x.org")));
    let derived = Credential::derive(&password("secret"), shown.salt, shown.rounds);
    assert!(derived.stored_key == shown.stored_key && derived.server_key == shown.server_key);
}

#[test]
fn scram_tells_a_stranger_nothing() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let real = accounts.scram(&user("anna")).unwrap();
    let nobody = accounts.scram(&user("nobody@x.org")).unwrap();
    assert_eq!((nobody.account, nobody.rounds, nobody.salt.len()), (None, real.rounds, real.salt.len()));
    for same in ["nobody@x.org", "Nobody@X.org"] {
        let again = fixture.open().scram(&user(same)).unwrap();
        assert_eq!(
            (again.salt, again.stored_key),
            (nobody.salt.clone(), nobody.stored_key),
            "after a restart, too"
        );
    }
    assert_ne!(accounts.scram(&user("another@x.org")).unwrap().salt, nobody.salt);

    accounts.set_enabled(&address("anna@x.org"), false).unwrap();
    let disabled = accounts.scram(&user("anna")).unwrap();
    assert_eq!((disabled.account, disabled.salt), (None, real.salt));
    assert!(disabled.stored_key != real.stored_key && disabled.server_key != real.server_key);
    assert_eq!(format!("{:?}", accounts.scram(&user("anna")).unwrap()), "ScramCredential(..)");
}

#[test]
fn last_logins_are_written_together_and_without_accounts_that_are_gone() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org", "bert@x.org"]);
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let logins = [("anna@x.org", 7), ("gone@x.org", 8), ("anna@x.org", 9)];
    accounts.record_logins(&logins.map(|(name, seconds)| (address(name), at(seconds)))).unwrap();
    let last = || accounts.list().unwrap().iter().map(|account| account.last_login).collect::<Vec<_>>();
    assert_eq!(last(), [Some(at(9)), None]);
    // A clock that was set right: what it says now is the truth.
    accounts.record_logins(&[(address("anna@x.org"), at(3))]).unwrap();
    assert_eq!(last(), [Some(at(3)), None]);
}

#[test]
fn a_cost_of_minutes_is_damage() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    for rounds in [0, limits::PBKDF2_ROUNDS_MAX + 1] {
        accounts
            .store
            .write::<_, Error>(|db| Ok(db.execute("UPDATE accounts SET rounds = ?1", (rounds,))?))
            .unwrap();
        let refused = accounts.verify(&user("anna"), &password("secret"));
        assert!(matches!(refused, Err(Error::Damaged(_))), "{rounds}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is typed is a name of somebody or of nobody, and never a fault or a pattern.
    #[test]
    fn any_name_is_answered(names in proptest::collection::vec("[%_*@+.\"'a-b\\PC]{1,12}", 20)) {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["ab@x.org"]);
        for name in names.iter().filter_map(|name| UserName::parse(name)) {
            let shown = accounts.scram(&name).unwrap();
            prop_assert_eq!(shown.account.is_some(), name.as_str().to_lowercase() == "ab", "{}", name);
        }
    }
}
