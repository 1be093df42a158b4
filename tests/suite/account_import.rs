//! `account import`: files of old servers become accounts whose users log in as they always have.

use crate::harness::{Outcome, Server};
use crate::scram;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const ANNA: &str = "anna@example.org";
const SSHA: &str = "{SSHA.HEX}89a2b2dc15a6a13036cbaf10d3e8aca2010ad09108250fc6";

/// A file as an old server wrote it.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accounts").join(name)
}

fn write(server: &Server, name: &str, text: &str) -> String {
    let file = server.folder().join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn import(server: &Server, file: &Path, format: &str, options: &[&str]) -> Outcome {
    let file = file.to_str().unwrap();
    let arguments = [&["account", "import", file, "--format", format], options].concat();
    server.restante(&arguments, "")
}

fn report(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn credential(server: &Server, address: &str) -> Value {
    account(server, address)["credential"].clone()
}

fn account(server: &Server, address: &str) -> Value {
    let listed: Value =
        serde_json::from_str(&server.restante(&["account", "list", "--json"], "").done()).unwrap();
    listed.as_array().unwrap().iter().find(|account| account["address"] == address).unwrap().clone()
}

fn log_in(server: &Server, user: &str, password: &str, answer: &str) {
    let mut client = server.pop3();
    client.ask(&format!("USER {user}"), "+OK");
    client.ask(&format!("PASS {password}"), answer);
    client.quit();
}

#[test]
fn users_of_every_kind_of_file_log_in_as_they_always_have() {
    for (name, format, users, refused) in [
        (
            "dovecot-passwd",
            "dovecot-passwd",
            &[("Grace.Hopper@Example.test", "secret"), ("bert", "secret")][..],
            4,
        ),
        ("etc/shadow", "shadow", &[("anna", "secret"), ("BERT", "bertpass")], 0),
        ("courier-userdb", "courier-userdb", &[(ANNA, "secret"), ("bert", "second")], 0),
        ("accounts.csv", "csv", &[(ANNA, "secret"), ("bert", "se,cr\"et"), ("emil", "secret")], 2),
        (
            "hmailserver.csv",
            "hmailserver",
            &[(ANNA, "secret"), ("bert", "secret"), ("Carl@Example.org", "secret")],
            2,
        ),
    ] {
        if cfg!(not(feature = "old-crypt")) && ["dovecot-passwd", "courier-userdb"].contains(&name) {
            continue; // These users have hashes of MD5 and DES crypt.
        }
        // The accounts of another configuration are in the way of these names.
        let server = Server::start("");
        for address in [ANNA, "bert@example.org"] {
            server.restante(&["account", "remove", address], "").done();
        }
        let outcome = import(&server, &fixture(name), format, &["--domain", "example.org", "--json"]);
        assert_eq!(outcome.status, Some(i32::from(refused > 0)), "{outcome:?}");
        assert_eq!(report(&outcome)["refused"].as_array().unwrap().len(), refused, "{outcome:?}");
        for (user, password) in users {
            log_in(&server, user, "wrong", "-ERR [AUTH]");
            log_in(&server, user, password, "+OK");
            log_in(&server, user, password, "+OK");
        }
        for locked in ["fritz", "emil@example.org"].iter().filter(|_| name == "etc/shadow") {
            log_in(&server, locked, "", "-ERR");
            log_in(&server, locked, "secret", "-ERR [AUTH]");
        }
    }
}

#[test]
fn the_first_good_login_replaces_the_old_hash() {
    let server = Server::start("");
    let file = write(&server, "users", &format!("olga@example.org:{SSHA}\n"));
    let told = server.restante(&["account", "import", &file, "--format", "dovecot-passwd"], "").done();
    assert!(told.contains("added 1"), "{told}");
    let olga = "olga@example.org";
    assert_eq!(credential(&server, olga), "imported:SSHA");
    log_in(&server, olga, "wrong", "-ERR [AUTH]");
    assert_eq!(credential(&server, olga), "imported:SSHA");
    log_in(&server, olga, "secret", "+OK");
    assert_eq!(credential(&server, olga), "pbkdf2-sha256");
    log_in(&server, olga, "secret", "+OK");
    log_in(&server, olga, "wrong", "-ERR [AUTH]");
}

#[test]
fn the_report_counts_each_user_once_and_names_each_refused_line() {
    let server = Server::prepare("");
    let text = format!("olga:{SSHA}\npaul:{{OTP}}x\nquentin:!\n# a remark\nrosa:{{PLAIN}}clear\nsaid:\n");
    let arguments =
        ["account", "import", "-", "--format", "dovecot-passwd", "--domain", "Example.ORG", "--json"];
    let outcome = server.restante(&arguments, &text);
    assert_eq!(outcome.status, Some(1));
    assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome:?}");
    let told = report(&outcome);
    assert_eq!(told["refused"][0]["line"], 2);
    assert_eq!(told["refused"][0]["address"], "paul@example.org");
    assert!(told["refused"][0]["why"].as_str().unwrap().contains("OTP"), "{told}");
    for (key, count) in [("added", 2), ("updated", 0), ("unchanged", 0), ("disabled", 2)] {
        assert_eq!(told[key], json!(count), "{key}: {told}");
    }
    assert_eq!(account(&server, "quentin@example.org")["enabled"], json!(false));
    assert_eq!(credential(&server, "rosa@example.org"), "pbkdf2-sha256");

    let without_json = server.restante(&arguments[..arguments.len() - 1], &text);
    assert!(without_json.stdout.contains("line 2, paul@example.org: "), "{without_json:?}");
    let counted = "added 0 accounts, updated 0, unchanged 4, disabled 0, refused 1\n";
    assert!(without_json.stdout.starts_with(counted), "{without_json:?}");
    assert!(without_json.stderr.contains("1 of 5 users was refused: line 2"), "{without_json:?}");
}

#[test]
fn when_all_are_refused_for_one_reason_that_reason_is_said() {
    let server = Server::prepare("");
    for (users, said) in [
        (
            "olga:{SSHA}x\npaul:!\n",
            "all 2 users were refused: line 1, line 2: a name without a domain: give one with",
        ),
        ("olga:!\n", "the only user was refused: line 1: a name without a domain: give one with --domain;"),
        ("olga:!\np@x.org:{OTP}x\n", "all 2 users were refused: line 1, line 2: see that --format names"),
    ] {
        let outcome = server.restante(&["account", "import", "-", "--format", "dovecot-passwd"], users);
        assert!(outcome.stdout.starts_with("added 0 accounts, "), "{outcome:?}");
        let told = outcome.failed();
        assert!(told.contains(said) && told.contains("import"), "{told}");
    }
}

#[test]
fn who_exists_is_left_alone_or_updated_until_the_first_login() {
    let server = Server::start("");
    server.account("olga@example.org", "fresh");
    let file = write(&server, "users", &format!("olga@example.org:{SSHA}\n"));
    let counted = |options: &[&str]| {
        let arguments =
            [&["account", "import", &file, "--format", "dovecot-passwd", "--json"], options].concat();
        let told: Value = serde_json::from_str(&server.restante(&arguments, "").done()).unwrap();
        (told["updated"].as_u64().unwrap(), told["unchanged"].as_u64().unwrap())
    };
    assert_eq!(counted(&[]), (0, 1));
    assert_eq!(counted(&["--update", "--dry-run"]), (1, 0));
    assert_eq!(credential(&server, "olga@example.org"), "pbkdf2-sha256");
    assert_eq!(counted(&["--update"]), (1, 0));
    log_in(&server, "olga", "fresh", "-ERR [AUTH]");
    log_in(&server, "olga", "secret", "+OK");
    assert_eq!(counted(&["--update"]), (0, 1));
    assert_eq!(credential(&server, "olga@example.org"), "pbkdf2-sha256");
}

#[test]
fn a_password_that_has_just_been_used_is_replaced_by_no_file() {
    let server = Server::start("");
    let file = server.folder().join("users");
    let imported = |user: &str, password: &str| {
        fs::write(&file, format!("address,password\n{user}@example.org,{{PLAIN}}{password}\n")).unwrap();
        let told = report(&import(&server, &file, "csv", &["--update", "--json"]));
        (
            told["added"].as_u64().unwrap(),
            told["updated"].as_u64().unwrap(),
            told["unchanged"].as_u64().unwrap(),
        )
    };
    assert_eq!(imported("olga", "one"), (1, 0, 0));
    log_in(&server, "olga", "one", "+OK");
    assert_eq!(imported("olga", "two"), (0, 0, 1));
    log_in(&server, "olga", "one", "+OK");
    assert_eq!(imported("paul", "one"), (1, 0, 0));
    let mut client = server.pop3();
    let said = scram::log_in(&mut client, "paul", "one", None);
    assert!(said.starts_with("+OK"), "{said}");
    assert_eq!(imported("paul", "two"), (0, 0, 1));
    client.quit();
    log_in(&server, "paul", "one", "+OK");
}

#[test]
fn a_lock_that_the_file_takes_away_is_told_and_stays() {
    let server = Server::start("");
    let file = write(&server, "users", "lo@example.org:!\n");
    server.restante(&["account", "import", &file, "--format", "dovecot-passwd"], "").done();
    fs::write(&file, "lo@example.org:{PLAIN}ok\n").unwrap();
    let arguments = ["account", "import", &file, "--format", "dovecot-passwd", "--update"];
    let told = server.restante(&arguments, "").done();
    assert!(told.contains("updated 0, unchanged 0, disabled 1"), "{told}");
    assert!(told.contains("`restante account enable lo@example.org`"), "{told}");
    server.restante(&["account", "enable", "lo@example.org"], "").done();
    log_in(&server, "lo", "ok", "+OK");
}

#[test]
fn who_is_held_waits_and_takes_mail() {
    let server = Server::start("");
    let file = write(&server, "users.csv", "address,password\nolga@example.org,{PLAIN}secret\n");
    server.restante(&["account", "import", &file, "--format", "csv", "--hold"], "").done();
    assert_eq!(account(&server, "olga@example.org")["held"], json!(true));
    let moving = "-ERR [SYS/TEMP] your mailbox is being moved here, try again in a few minutes";
    log_in(&server, "olga", "secret", moving);
    log_in(&server, "olga", "wrong", "-ERR [AUTH]");
    server.send(&["olga@example.org"], b"Subject: meanwhile\r\n\r\nhello\r\n");
    server.restante(&["account", "release", "Olga@Example.org"], "").done();
    let mut client = server.pop3();
    client.log_in("olga", "secret");
    client.ask("STAT", "+OK 1 ");
    client.quit();
}

#[test]
fn a_rehearsal_makes_nothing_not_even_a_database() {
    let server = Server::prepare("");
    let outcome =
        import(&server, &fixture("accounts.csv"), "csv", &["--domain", "example.org", "--dry-run", "--json"]);
    assert_eq!((report(&outcome)["added"].clone(), outcome.status), (json!(5), Some(1)));
    assert!(!server.database().exists());
}

#[test]
fn what_cannot_be_read_and_what_is_not_known() {
    let server = Server::prepare("");
    let missing = server.folder().join("missing");
    let line = import(&server, &missing, "csv", &[]).failed();
    assert!(line.contains("missing") && line.contains("nothing was imported"), "{line}");
    let line = import(&server, server.folder(), "shadow", &[]).failed();
    assert!(line.contains("nothing was imported"), "{line}");
    for arguments in [
        &["account", "import", "x", "--format", "sendmail"][..],
        &["account", "import", "x"],
        &["account", "import", "--format", "csv"],
        &["account", "import", "x", "--format", "csv", "--domain", "a b"],
    ] {
        assert_eq!(server.restante(arguments, "").status, Some(2), "{arguments:?}");
    }
}
