//! The account commands, behind the question for a password.

use super::super::testing::place;
use super::*;
use crate::accounts::AliasName;
use crate::mail::Password;
use std::time::{Duration, UNIX_EPOCH};

fn anna() -> AccountAddress {
    AccountAddress::parse("anna@x.org").unwrap()
}

fn with_anna() -> (tempfile::TempDir, Settings) {
    let (folder, settings) = place();
    open(&settings).unwrap().add(&anna(), &Password::new("secret").unwrap()).unwrap();
    (folder, settings)
}

fn only(settings: &Settings) -> Account {
    open(settings).unwrap().list().unwrap().remove(0)
}

#[test]
fn each_mistake_names_its_remedy() {
    let (_folder, settings) = with_anna();
    for (outcome, what, remedy) in [
        (add(&settings, "anna", true), "name@domain", "anna@example.org"),
        (add(&settings, "an na@x.org", true), "name@domain", "anna@example.org"),
        (add(&settings, "Anna@X.org", true), "anna@x.org exists already", "account passwd anna@x.org"),
        (passwd(&settings, "bert@x.org", true), "bert@x.org is not an account", "account list"),
        (disable(&settings, "bert@x.org"), "is not an account", "account list"),
        (enable(&settings, "bert@x.org"), "is not an account", "account list"),
        (release(&settings, "bert@x.org"), "is not an account", "account list"),
        (quota(&settings, "bert@x.org", "0"), "is not an account", "account list"),
        (quota(&settings, "anna@x.org", "much"), "`much` is no size", "50 MiB\"; 0 is unlimited"),
        (remove(&settings, "bert@x.org", true), "is not an account", "account list"),
    ] {
        let finding = outcome.unwrap_err();
        assert!(finding.what.contains(what) && finding.remedy.contains(remedy), "{finding}");
        assert!(!finding.to_string().contains('\n'), "one line: {finding}");
    }
}

#[test]
fn an_alias_in_the_way_is_named() {
    let (_folder, settings) = with_anna();
    let name = AliasName::Address(AccountAddress::parse("info@x.org").unwrap());
    open(&settings).unwrap().add_alias(&name, &[anna()]).unwrap();
    let finding = add(&settings, "info@x.org", true).unwrap_err();
    assert_eq!(finding.what, "info@x.org is an alias");
    assert!(finding.remedy.contains("alias remove info@x.org"));
}

#[test]
fn the_switch_and_the_quota_are_set() {
    let (_folder, settings) = with_anna();
    disable(&settings, "ANNA@x.org").unwrap();
    assert!(!only(&settings).enabled);
    enable(&settings, "anna@x.org").unwrap();
    assert!(only(&settings).enabled);
    open(&settings).unwrap().hold(&anna()).unwrap();
    assert_eq!(enabled_shown(&only(&settings)), "held");
    release(&settings, "Anna@x.org").unwrap();
    assert!(!only(&settings).held);
    for (size, kept) in [("50 MiB", Some(Bytes(50 << 20))), ("1234", Some(Bytes(1234))), ("0", None)] {
        quota(&settings, "anna@x.org", size).unwrap();
        assert_eq!(only(&settings).quota, kept, "{size}");
    }
}

#[test]
fn a_removed_account_is_gone_and_its_aliases_stay() {
    let (_folder, settings) = with_anna();
    let name = AliasName::Address(AccountAddress::parse("info@x.org").unwrap());
    open(&settings).unwrap().add_alias(&name, &[anna()]).unwrap();
    remove(&settings, "anna@x.org", false).unwrap();
    let accounts = open(&settings).unwrap();
    assert!(accounts.is_empty().unwrap());
    assert_eq!(accounts.aliases().unwrap().len(), 1);
}

#[test]
fn a_database_fault_names_the_file_and_the_remedy() {
    let (_folder, settings) = place();
    std::fs::create_dir_all(&settings.data_dir).unwrap();
    std::fs::write(settings.database(), "no database".repeat(100)).unwrap();
    let finding = list(&settings, false).unwrap_err();
    assert!(finding.what.contains("accounts.sqlite") && finding.remedy.contains("backup"), "{finding}");
}

fn rows() -> [Account; 2] {
    let anna = Account {
        address: anna(),
        enabled: true,
        held: false,
        quota: Some(Bytes(50 << 20)),
        created: UNIX_EPOCH,
        last_login: Some(UNIX_EPOCH + Duration::from_secs(951_782_400)),
        credential: "pbkdf2-sha256".to_owned(),
    };
    let address = AccountAddress::parse("bert@x.org").unwrap();
    let credential = "imported:SSHA".to_owned();
    let bert = Account { address, enabled: false, quota: None, last_login: None, credential, ..anna.clone() };
    [anna, bert]
}

#[test]
fn the_table_shows_what_interface_promises() {
    let [anna, bert] = rows();
    let usage = Usage { messages: 3, bytes: Bytes(1536) };
    assert_eq!(
        listed(&[(&anna, Some(usage)), (&bert, None)]),
        "ADDRESS     ENABLED  MESSAGES    BYTES      QUOTA  LAST LOGIN\n\
         anna@x.org  yes             3  1.5 KiB     50 MiB  2000-02-29T00:00:00Z\n\
         bert@x.org  no              ?        ?  unlimited  never\n"
    );
}

#[test]
fn the_json_is_an_array_of_objects() {
    let [anna, bert] = rows();
    let usage = Usage { messages: 3, bytes: Bytes(1536) };
    let text = listed_json(&[(&anna, Some(usage)), (&bert, Some(Usage::default()))]).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!([
        {"address": "anna@x.org", "enabled": true, "held": false, "messages": 3, "bytes": 1536, "quota": 52_428_800,
         "last_login": "2000-02-29T00:00:00Z", "credential": "pbkdf2-sha256"},
        {"address": "bert@x.org", "enabled": false, "held": false, "messages": 0, "bytes": 0, "quota": 0,
         "last_login": null, "credential": "imported:SSHA"},
    ]);
    assert_eq!(value, expected);
    assert_eq!(listed_json(&[]).unwrap(), "[]");
}
