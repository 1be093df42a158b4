//! What an administrator changes, and what another process sees of it.

use super::super::testing::{Fixture, Said, address, alias, password, said};
use super::*;
use std::time::SystemTime;

fn names(accounts: &Accounts) -> Vec<String> {
    accounts.list().unwrap().iter().map(|account| account.address.to_string()).collect()
}

fn aliases(accounts: &Accounts) -> Vec<String> {
    let line = |alias: &Alias| {
        let targets: Vec<_> = alias.targets.iter().map(ToString::to_string).collect();
        format!("{} {}", alias.name, targets.join(" "))
    };
    accounts.aliases().unwrap().iter().map(line).collect()
}

#[test]
fn an_account_is_made_listed_and_removed() {
    let fixture = Fixture::new();
    let (command, server) = (fixture.open(), fixture.open());
    assert!(server.is_empty().unwrap());
    for name in ["zoe@a.org", "anna@b.org", "Anna@A.org"] {
        command.add(&address(name), &password("secret")).unwrap();
    }
    assert!(!server.is_empty().unwrap());
    assert_eq!(names(&server), ["anna@a.org", "zoe@a.org", "anna@b.org"]);
    let anna = &server.list().unwrap()[0];
    assert!(anna.enabled && anna.quota.is_none() && anna.last_login.is_none());
    assert_eq!(anna.credential, "pbkdf2-sha256");
    assert!(anna.created.elapsed().unwrap().as_secs() < 3600);
    command.remove(&address("anna@a.org")).unwrap();
    assert_eq!(names(&server), ["zoe@a.org", "anna@b.org"]);
    assert!(server.exists(&address("zoe@a.org")).unwrap() && !server.exists(&address("anna@a.org")).unwrap());
}

#[test]
fn what_is_there_is_not_made_again_and_keeps_its_password() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let again = accounts.add(&address("anna@x.org"), &password("other"));
    assert!(matches!(again, Err(ChangeError::Exists)), "{again:?}");
    assert!(matches!(accounts.is_vacant(&address("anna@x.org")), Err(ChangeError::Exists)));
    assert!(accounts.is_vacant(&address("bert@x.org")).is_ok());
    assert_eq!(said(&accounts, "anna", "secret"), Said::Welcome(address("anna@x.org")));
}

#[test]
fn what_is_not_there_is_not_changed() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let nobody = address("nobody@x.org");
    for outcome in [
        accounts.set_password(&nobody, &password("secret")),
        accounts.set_enabled(&nobody, true),
        accounts.set_quota(&nobody, None),
        accounts.hold(&nobody),
        accounts.release(&nobody),
        accounts.remove(&nobody),
        accounts.remove(&address("anna@y.org")),
    ] {
        assert!(matches!(outcome, Err(ChangeError::NoSuchAccount)), "{outcome:?}");
    }
    assert!(matches!(accounts.remove_alias(&alias("anna@x.org")), Err(ChangeError::NoSuchAlias)));
    assert_eq!(names(&accounts), ["anna@x.org"]);
}

#[test]
fn quotas_and_the_switch_are_kept() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let anna = address("anna@x.org");
    let most = Bytes(i64::MAX as u64);
    for (set, kept) in [
        (Some(Bytes(1000)), Some(Bytes(1000))),
        (Some(Bytes(0)), None),
        (Some(Bytes(u64::MAX)), Some(most)),
        (None, None),
    ] {
        accounts.set_quota(&anna, set).unwrap();
        assert_eq!(accounts.list().unwrap()[0].quota, kept, "{set:?}");
    }
    for enabled in [false, false, true] {
        accounts.set_enabled(&anna, enabled).unwrap();
        assert_eq!(accounts.list().unwrap()[0].enabled, enabled);
    }
}

#[test]
fn an_account_made_again_does_not_inherit_the_last_login() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    accounts.record_logins(&[(address("anna@x.org"), SystemTime::now())]).unwrap();
    accounts.remove(&address("anna@x.org")).unwrap();
    accounts.add(&address("anna@x.org"), &password("secret")).unwrap();
    assert!(accounts.list().unwrap()[0].last_login.is_none());
}

#[test]
fn aliases_keep_the_order_of_their_targets() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let targets = |text: &str| text.split(' ').map(address).collect::<Vec<_>>();
    for (name, to) in [
        ("info@x.org", "zoe@x.org anna@x.org zoe@x.org anna+info@x.org"),
        ("@x.org", "anna@x.org"),
        ("info@a.org", "anna@x.org"),
    ] {
        accounts.add_alias(&alias(name), &targets(to)).unwrap();
    }
    let all =
        ["info@a.org anna@x.org", "@x.org anna@x.org", "info@x.org zoe@x.org anna@x.org anna+info@x.org"];
    assert_eq!(aliases(&accounts), all);
    accounts.remove_alias(&alias("@x.org")).unwrap();
    assert_eq!(aliases(&accounts), [all[0], all[2]]);
    // Its targets went with it, or a new alias could inherit them.
    accounts.add_alias(&alias("@y.org"), &targets("bert@x.org")).unwrap();
    assert_eq!(aliases(&fixture.open())[2], "@y.org bert@x.org");
}

#[test]
fn a_name_is_an_account_or_an_alias_and_never_both() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@x.org"]);
    let to = [address("anna@x.org")];
    accounts.add_alias(&alias("info@x.org"), &to).unwrap();
    let outcome = accounts.add_alias(&alias("info@x.org"), &[address("bert@x.org")]);
    assert!(matches!(outcome, Err(ChangeError::Exists)), "{outcome:?}");
    let outcome = accounts.add_alias(&alias("anna@x.org"), &to);
    assert!(matches!(outcome, Err(ChangeError::TakenByAccount)), "{outcome:?}");
    let outcome = accounts.add(&address("info@x.org"), &password("secret"));
    assert!(matches!(outcome, Err(ChangeError::TakenByAlias)), "{outcome:?}");
    assert_eq!(
        (names(&accounts), aliases(&accounts)),
        (vec!["anna@x.org".into()], vec!["info@x.org anna@x.org".into()])
    );
}
