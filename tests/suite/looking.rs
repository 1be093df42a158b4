//! Lists, rehearsals and comparisons, where nothing was ever made: they make nothing, and say where they looked.

use crate::harness::{restante, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const ANNA: &str = "anna@example.org";

#[test]
fn who_only_looks_makes_nothing_and_sees_where_he_looked() {
    let here = tempfile::tempdir().unwrap();
    let old = here.path().join("old/anna");
    for sub in ["cur", "new"] {
        fs::create_dir_all(old.join(sub)).unwrap();
    }
    fs::write(old.join("new/1.a"), "Subject: a\n\n").unwrap();
    let users = here.path().join("users");
    fs::write(&users, "anna@example.org:{PLAIN}secret\n").unwrap();
    let (old, users) = (old.to_str().unwrap(), users.to_str().unwrap());
    let data = here.path().join("data");
    let config = here.path().join("restante.toml");
    fs::write(&config, format!("data_dir = {data:?}\n")).unwrap();
    let look = |arguments: &[&str]| {
        let mut command = restante();
        run(command.arg("--config").arg(&config).args(arguments).current_dir(here.path()), "")
    };
    for list in ["account", "alias", "ban"] {
        assert_eq!(look(&[list, "list", "--json"]).done().trim(), "[]");
        let told = look(&[list, "list"]).done();
        assert!(told.starts_with("no ") && told.contains(&format!("in {}/accounts.sqlite", data.display())));
    }
    assert!(look(&["upstream", "list"]).done().contains("accounts.sqlite; name one with"));
    let empty = json!({"upstreams": [], "accounts": []});
    let listed: Value = serde_json::from_str(&look(&["upstream", "list", "--json"]).done()).unwrap();
    assert_eq!(listed, empty);
    let template = format!("maildir:{}/old/%n", here.path().display());
    let all = ["import", "users", users, "--format", "dovecot-passwd", "--mail", &template, "--dry-run"];
    assert!(look(&all).done().contains("1 message would be imported"));
    let one = ["import", "maildir", old, "--to", ANNA, "--dry-run"];
    let nobody = look(&one).failed();
    assert!(nobody.contains("is not an account, and there is none in") && nobody.contains("account add"));
    let asked = look(&["verify", ANNA, "--against", "127.0.0.1:1", "--user", "a", "--password-stdin"]);
    assert_eq!(asked.status, Some(1), "{asked:?}");
    assert!(!data.exists());
}

#[test]
fn a_forgotten_configuration_is_told_of_where_nothing_is_found() {
    if Path::new("/etc/restante/restante.toml").exists() {
        return; // Then none was forgotten.
    }
    let here = tempfile::tempdir().unwrap();
    let look = |arguments: &[&str]| run(restante().args(arguments).current_dir(here.path()), "").done();
    assert_eq!(
        look(&["account", "list"]),
        "no account in ./restante-data/accounts.sqlite (no configuration file was found); make one with \
         `restante account add ADDRESS`\n"
    );
    assert!(!here.path().join("restante-data").exists());
    run(restante().args(["account", "add", ANNA, "--password-stdin"]).current_dir(here.path()), "x\n").done();
    assert!(look(&["account", "list"]).contains(ANNA));
}
