//! The alias commands.

use super::super::testing::place;
use super::*;
use crate::mail::Password;

fn with_anna() -> (tempfile::TempDir, Settings) {
    let (folder, settings) = place();
    let anna = AccountAddress::parse("anna@x.org").unwrap();
    open(&settings).unwrap().add(&anna, &Password::new("secret").unwrap()).unwrap();
    (folder, settings)
}

fn to(targets: &[&str]) -> Vec<String> {
    targets.iter().map(|&target| target.to_owned()).collect()
}

fn shown(settings: &Settings) -> String {
    listed(&open(settings).unwrap().aliases().unwrap())
}

#[test]
fn aliases_are_made_shown_and_removed() {
    let (_folder, settings) = with_anna();
    add(&settings, "Info@X.org", &to(&["anna@x.org", "later@x.org"])).unwrap();
    add(&settings, "@x.org", &to(&["anna@x.org"])).unwrap();
    let table = "ALIAS       TARGETS\n@x.org      anna@x.org\ninfo@x.org  anna@x.org, later@x.org\n";
    assert_eq!(shown(&settings), table);
    remove(&settings, "info@x.org").unwrap();
    remove(&settings, "@X.org").unwrap();
    assert_eq!(shown(&settings), "ALIAS  TARGETS\n");
}

#[test]
fn each_mistake_names_its_remedy() {
    let (_folder, settings) = with_anna();
    add(&settings, "info@x.org", &to(&["anna@x.org"])).unwrap();
    let anna = to(&["anna@x.org"]);
    for (outcome, what, remedy) in [
        (add(&settings, "info@x.org", &anna), "info@x.org exists already", "alias remove info@x.org"),
        (add(&settings, "anna@x.org", &anna), "anna@x.org is an account", "account remove anna@x.org"),
        (add(&settings, "info", &anna), "name@domain", "anna@example.org"),
        (add(&settings, "@", &anna), "not a domain", "@example.org"),
        (add(&settings, "new@x.org", &to(&["anna"])), "\"anna\"", "anna@example.org"),
        (add(&settings, "new@x.org", &to(&["@x.org"])), "\"@x.org\"", "anna@example.org"),
        (add(&settings, "new@x.org", &[]), "leads nowhere", "account"),
        (remove(&settings, "new@x.org"), "new@x.org is not an alias", "alias list"),
        (remove(&settings, "anna@x.org"), "anna@x.org is not an alias", "alias list"),
    ] {
        let finding = outcome.unwrap_err();
        assert!(finding.what.contains(what) && finding.remedy.contains(remedy), "{finding}");
    }
    assert_eq!(shown(&settings), "ALIAS       TARGETS\ninfo@x.org  anna@x.org\n");
}

#[test]
fn the_json_is_an_array_of_objects() {
    let (_folder, settings) = with_anna();
    add(&settings, "info@x.org", &to(&["zoe@x.org", "anna@x.org"])).unwrap();
    add(&settings, "@x.org", &to(&["anna@x.org"])).unwrap();
    let text = listed_json(&open(&settings).unwrap().aliases().unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!([
        {"address": "@x.org", "targets": ["anna@x.org"]},
        {"address": "info@x.org", "targets": ["zoe@x.org", "anna@x.org"]},
    ]);
    assert_eq!(value, expected);
}
