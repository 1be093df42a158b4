//! `import pop3` and `verify`, through the binary, with another restante as the old server.

use crate::harness::{Outcome, Server};
use serde_json::Value;
use std::fs;

pub(crate) const ANNA: &str = "anna@example.org";

/// An old server on which anna has three messages.
pub(crate) fn old() -> Server {
    let old = Server::start("hostname = \"old.example.org\"");
    for text in
        [&b"Subject: one\r\n\r\n.one\r\n"[..], b"Subject: two\r\n\r\n\0\r\r\n", b"Subject: \xe9\r\n\r\n"]
    {
        old.send(&[ANNA], text);
    }
    old
}

/// `import pop3` of anna's mail there into hers here.
fn pull(new: &Server, old: &Server, more: &[&str]) -> Outcome {
    let at = old.address("pop3").to_string();
    let arguments = ["import", "pop3", &at, "--user", "anna", "--to", ANNA, "--password-stdin"];
    new.restante(&[&arguments[..], more].concat(), "secret\n")
}

pub(crate) fn verify(new: &Server, old: &Server, more: &[&str]) -> Outcome {
    let at = old.address("pop3").to_string();
    let arguments = ["verify", ANNA, "--against", &at, "--user", "anna", "--password-stdin"];
    new.restante(&[&arguments[..], more].concat(), "secret\n")
}

#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a mail program sees: unique-ids, sizes, octets.
pub(crate) fn seen(server: &Server) -> Vec<(String, usize, String)> {
    let mut client = server.log_in("anna");
    let (ids, sizes) = (client.uidl(), client.list());
    let seen = ids
        .into_iter()
        .zip(sizes)
        .map(|(id, (number, size))| (id, size, client.retr(number).escape_ascii().to_string()));
    let seen = seen.collect();
    client.quit();
    seen
}

#[test]
fn a_mail_program_does_not_notice_the_move() {
    let (old, new) = (old(), Server::start(""));
    new.send(&[ANNA], b"Subject: here before\r\n\r\n");
    let told = json(&pull(&new, &old, &["--json"]).done());
    assert_eq!((&told["found"], &told["imported"], &told["already"]), (&3.into(), &3.into(), &0.into()));
    assert_eq!(told["uidl"], json(r#"{"kept":3,"generated":0,"renamed":0}"#));
    assert_eq!(told["to"], ANNA);
    assert!(told["bytes"].as_u64().unwrap() > 0 && told["skipped"] == json("[]"));
    let (there, here) = (seen(&old), seen(&new));
    assert_eq!(here[..3], there[..]);
    assert_eq!(here.len(), 4);
    let told = json(&pull(&new, &old, &["--json"]).done());
    let nothing = (&0.into(), &3.into(), &0.into());
    assert_eq!((&told["imported"], &told["already"], &told["bytes"]), nothing);
    assert_eq!(seen(&new), here);
    assert!(verify(&new, &old, &[]).done().contains("0 differences"));
}

#[test]
fn newcomers_come_at_the_end_and_what_was_deleted_here_does_not_come_back() {
    let (old, new) = (old(), Server::start(""));
    pull(&new, &old, &[]).done();
    let mut client = new.log_in("anna");
    client.ask("DELE 2", "+OK");
    client.quit();
    new.send(&[ANNA], b"Subject: delivered here\r\n\r\n");
    old.send(&[ANNA], b"Subject: late\r\n\r\n");
    let told = json(&pull(&new, &old, &["--json"]).done());
    assert_eq!((&told["imported"], &told["already"]), (&1.into(), &3.into()));
    let (there, here) = (seen(&old), seen(&new));
    assert_eq!([&here[0], &here[1], &here[3]], [&there[0], &there[2], &there[3]]);
    assert_eq!(here.len(), 4);
}

#[test]
fn nothing_is_deleted_on_the_old_server_but_after_all_is_here() {
    let (old, new) = (old(), Server::start(""));
    let before = seen(&old);
    pull(&new, &old, &["--dry-run"]).done();
    assert!(seen(&new).is_empty(), "a rehearsal");
    pull(&new, &old, &[]).done();
    assert_eq!(seen(&old), before);
    let told = json(&pull(&new, &old, &["--delete-after", "--json"]).done());
    assert_eq!((&told["imported"], &told["deleted"]), (&0.into(), &3.into()));
    assert!(seen(&old).is_empty());
    assert_eq!(seen(&new), before);
}

#[test]
fn what_is_not_here_is_not_deleted_on_the_old_server() {
    let (old, new) = (old(), Server::start(""));
    pull(&new, &old, &[]).done();
    let mut client = new.log_in("anna");
    client.ask("DELE 1", "+OK");
    client.quit();
    let told = json(&pull(&new, &old, &["--delete-after", "--json"]).done());
    assert_eq!((&told["imported"], &told["deleted"]), (&0.into(), &2.into()));
    assert_eq!(seen(&old).len(), 1);
}

#[test]
fn what_mail_programs_would_notice_is_named() {
    let (old, new) = (old(), Server::start(""));
    let error = verify(&new, &old, &[]).failed();
    assert!(!new.mailbox(ANNA).exists(), "looking makes none");
    assert!(
        error.contains("3 differences") && error.contains("message 1") && error.contains("is not here"),
        "{error}"
    );
    pull(&new, &old, &[]).done();
    let file = &new.files(ANNA, "cur").into_iter().chain(new.files(ANNA, "new")).next().unwrap();
    fs::remove_file(file).unwrap();
    old.send(&[ANNA], b"Subject: late\r\n\r\n");
    let outcome = verify(&new, &old, &["--json"]);
    assert_eq!(outcome.status, Some(1));
    let told = json(&outcome.stdout);
    assert_eq!((&told["there"], &told["here"], &told["different"]), (&4.into(), &2.into(), &1.into()));
    assert_eq!(told["deleted_here"], 1);
    assert!(told["differences"][0].as_str().unwrap().contains("message 4"), "{told}");
}

#[test]
fn each_failure_is_one_line_and_brings_nothing_over() {
    let (old, new) = (old(), Server::start(""));
    let at = old.address("pop3").to_string();
    let with = |arguments: &[&str], password: &str| {
        let command = ["import", "pop3"];
        new.restante(&[&command[..], arguments, &["--password-stdin"]].concat(), password)
    };
    let wrong = with(&[&at, "--user", "anna", "--to", ANNA], "wrong\n").failed();
    assert!(wrong.contains("refuses user name or password"), "{wrong}");
    let nobody = with(&[&at, "--user", "anna", "--to", "nobody@example.org"], "secret\n").failed();
    assert!(nobody.contains("account add nobody@example.org"), "{nobody}");
    let silent = with(&["127.0.0.1:1", "--user", "anna", "--to", ANNA], "secret\n").failed();
    assert!(silent.contains("no answer"), "{silent}");
    for usage in [
        &["--user", "anna", "--to", ANNA][..],
        &[&at, "--user", "anna"],
        &[&at, "--to", ANNA],
        &["no:port", "--user", "anna", "--to", ANNA],
        &[&at, "--user", "anna", "--to", ANNA, "--tls", "--plain"],
        &[&at, "--user", "anna", "--to", ANNA, "--fingerprint", "abc"],
    ] {
        assert_eq!(with(usage, "secret\n").status, Some(2), "{usage:?}");
    }
    assert!(seen(&new).is_empty());
}

#[test]
fn certificates_are_checked_when_tls_is_asked_for() {
    let (old, new) = (old(), Server::start(""));
    let at = old.address("pop3s").to_string();
    let with = |more: &[&str]| {
        let arguments = ["import", "pop3", &at, "--tls", "--user", "anna", "--to", ANNA, "--password-stdin"];
        new.restante(&[&arguments[..], more].concat(), "secret\n")
    };
    let error = with(&[]).failed();
    let (_, fingerprint) = error.split_once("--fingerprint ").expect(&error);
    let fingerprint = fingerprint.split(',').next().unwrap();
    assert!(seen(&new).is_empty());
    with(&["--fingerprint", fingerprint]).done();
    let certificate = old.data().join("tls/cert.pem");
    with(&["--ca", certificate.to_str().unwrap()]).done();
    let insecure = with(&["--insecure"]);
    assert!(insecure.stderr.contains("fetch.insecure"), "{insecure:?}");
    insecure.done();
    assert_eq!(seen(&new), seen(&old));
}

#[test]
fn a_held_account_is_released_when_its_mail_is_here() {
    let (old, new) = (old(), Server::start(""));
    let csv = new.folder().join("users.csv");
    fs::write(&csv, "address,password\ncarl@example.org,{PLAIN}secret\n").unwrap();
    new.restante(&["account", "import", csv.to_str().unwrap(), "--format", "csv", "--hold"], "").done();
    let refused = || {
        let mut client = new.pop3();
        client.ask("USER carl@example.org", "+OK");
        client.ask("PASS secret", "-ERR [SYS/TEMP]");
    };
    refused();
    let at = old.address("pop3").to_string();
    let with = |password: &str| {
        let arguments =
            ["import", "pop3", &at, "--user", "anna", "--to", "carl@example.org", "--password-stdin"];
        new.restante(&arguments, password)
    };
    with("wrong\n").failed();
    refused();
    with("secret\n").done();
    let mut client = new.log_in("carl");
    assert_eq!(client.uidl().len(), 3);
    client.quit();
}
