//! `import pop3` again and again from old servers that say too little or the wrong thing: which mail is known
//! again, and what is deleted there.

use crate::harness::Server;
use crate::pull::{ANNA, json, seen};
use crate::rude::Rude;
use serde_json::Value;

/// Dovecot lists two octets too few of a message without its last line end.
#[test]
fn what_an_earlier_run_has_brought_is_deleted_though_its_size_was_told_wrong() {
    let listing = |sizes: &str| {
        let login = "S: +OK\nC: CAPA\nS: -ERR\nC: USER anna\nS: +OK\nC: PASS secret\nS: +OK\n";
        format!("{login}C: UIDL\nS: +OK\nS: 1 a\nS: 2 b\nS: .\nC: LIST\nS: +OK\n{sizes}S: .\n")
    };
    let lying = listing("S: 1 5\nS: 2 1\n");
    let [first, second, other] =
        [1, 2, 2].map(|number| format!("C: RETR {number}\nS: +OK\nS: text{number}\nS: .\n"));
    let quit = "C: QUIT\nS: +OK";
    let rude = Rude::playing(&[
        &[&lying, &*first, &second, quit].concat(),
        &[&lying, &*first, &other.replace("text2", "another"), "C: DELE 1\nS: +OK\n", quit].concat(),
    ]);
    let new = Server::start("");
    let at = rude.address.to_string();
    let with = |more: &[&str]| {
        let arguments = ["import", "pop3", &at, "--user", "anna", "--to", ANNA, "--password-stdin", "--json"];
        json(&new.restante(&[&arguments[..], more].concat(), "secret\n").done())
    };
    assert_eq!(with(&[])["imported"], 2);
    let told = with(&["--delete-after"]);
    assert_eq!((&told["already"], &told["deleted"]), (&2.into(), &1.into()), "what is sent there decides");
    rude.done();
}

/// One after the other: connections to an old server that cannot be asked ahead.
fn connection(user: &str, ids: &[&str], rest: &str) -> String {
    let login = format!("S: +OK\nC: CAPA\nS: -ERR\nC: USER {user}\nS: +OK\nC: PASS secret\nS: +OK\n");
    let lines = |what: &dyn Fn(&str) -> String| -> String {
        ids.iter().zip(1..).map(|(id, number)| format!("S: {number} {}\n", what(id))).collect()
    };
    let (uidl, list) = (lines(&|id| id.to_owned()), lines(&|_| "7".to_owned()));
    format!("{login}C: UIDL\nS: +OK\n{uidl}S: .\nC: LIST\nS: +OK\n{list}S: .\n{rest}C: QUIT\nS: +OK")
}

fn retr(number: usize, text: &str) -> String {
    format!("C: RETR {number}\nS: +OK\n{text}S: .\n")
}

/// `user`'s mail at `host`, into anna's here.
fn pull_from(new: &Server, host: &str, port: u16, user: &str, more: &[&str]) -> Value {
    let at = format!("{host}:{port}");
    let arguments = ["import", "pop3", &at, "--user", user, "--to", ANNA, "--password-stdin", "--json"];
    json(&new.restante(&[&arguments[..], more].concat(), "secret\n").done())
}

#[test]
fn two_users_with_the_same_unique_ids_lose_nothing_though_all_be_deleted_there() {
    let [news, anna, carl] = ["S:\nS: news1\n", "S:\nS: anna2\n", "S:\nS: carl2\n"];
    let [first, second, looked] = [retr(1, news), retr(2, anna), retr(2, carl)];
    let dora = retr(2, "S:\nS: dora2\n");
    let delete = "C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK\n";
    let rude = Rude::playing(&[
        &connection("anna", &["1", "2"], &[&*first, &second].concat()),
        &connection("carl", &["1", "2"], &[&*first, &looked, &looked].concat()),
        &connection("carl", &["1", "2"], ""),
        &connection("carl", &["1", "2"], &[&*first, &looked, delete].concat()),
        &connection("dora", &["1", "2"], &[&*first, &dora, &dora, delete].concat()),
    ]);
    let new = Server::start("");
    let pull = |user: &str, more: &[&str]| pull_from(&new, "127.0.0.1", rude.address.port(), user, more);
    assert_eq!(pull("anna", &[])["imported"], 2);
    let told = pull("carl", &[]);
    assert_eq!(
        (&told["imported"], &told["already"], &told["uidl"]["renamed"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(pull("carl", &[])["already"], 2);
    let told = pull("carl", &["--delete-after"]);
    assert_eq!((&told["already"], &told["deleted"]), (&2.into(), &2.into()));
    let told = pull("dora", &["--delete-after"]);
    assert_eq!((&told["imported"], &told["already"], &told["deleted"]), (&1.into(), &1.into(), &2.into()));
    let here = seen(&new);
    assert_eq!(here.iter().map(|(id, ..)| &id[..]).collect::<Vec<_>>(), ["1", "2", "2-2", "2-3"]);
    assert!(here[2].2.contains("carl2") && here[3].2.contains("dora2"), "{here:?}");
    rude.done();
}

#[test]
fn a_server_under_another_name_brings_nothing_twice_and_no_deleted_mail_back() {
    let [first, second] = [retr(1, "S: A: b\nS:\nS: 1\n"), retr(2, "S: A: b\nS:\nS: 2\n")];
    let read = retr(2, "S: Status: RO\nS: A: b\nS:\nS: 2\n");
    let rude = Rude::playing(&[
        &connection("anna", &["1", "2"], &[&*first, &second].concat()),
        &connection("anna", &["1", "2"], &[&*first, &read, "C: DELE 2\nS: +OK\n"].concat()),
        &connection("anna", &["1"], ""),
    ]);
    let new = Server::start("");
    let pull = |host: &str, more: &[&str]| pull_from(&new, host, rude.address.port(), "anna", more);
    assert_eq!(pull("127.0.0.1", &[])["imported"], 2);
    let mut client = new.log_in("anna");
    client.ask("DELE 1", "+OK");
    client.quit();
    let told = pull("localhost", &["--delete-after"]);
    let (nothing, both, one) = (Value::from(0), Value::from(2), Value::from(1));
    assert_eq!((&told["imported"], &told["already"], &told["deleted"]), (&nothing, &both, &one));
    assert_eq!(pull("localhost", &[])["already"], 1);
    assert_eq!(seen(&new).len(), 1);
    rude.done();
}

#[test]
fn a_server_without_unique_ids_is_taken_only_when_told_so() {
    let login = "S: +OK\nC: CAPA\nS: -ERR\nC: USER anna\nS: +OK\nC: PASS secret\nS: +OK\nC: UIDL\nS: -ERR\n";
    let answers = "C: LIST\nS: +OK\nS: 1 14\nS: .\nC: TOP 1 0\nS: +OK\nS: Subject: a\nS:\nS: .\n";
    let reads = "C: RETR 1\nS: +OK\nS: Subject: a\nS:\nS: .\n";
    let goodbye = "C: QUIT\nS: +OK";
    let rude = Rude::playing(&[
        login,
        &[login, answers, reads, goodbye].concat(),
        &[login, answers, goodbye].concat(),
    ]);
    let new = Server::start("");
    let at = rude.address.to_string();
    let with = |more: &[&str]| {
        let arguments = ["import", "pop3", &at, "--user", "anna", "--to", ANNA, "--password-stdin", "--json"];
        new.restante(&[&arguments[..], more].concat(), "secret\n")
    };
    let error = with(&[]).failed();
    assert!(error.contains("--no-uidl"), "{error}");
    assert_eq!(json(&with(&["--no-uidl"]).done())["uidl"]["generated"], 1);
    let told = json(&with(&["--no-uidl"]).done());
    assert_eq!((&told["imported"], &told["already"]), (&0.into(), &1.into()));
    rude.done();
}

#[test]
fn what_has_come_over_is_told_though_the_old_server_closes_at_quit() {
    let read =
        [retr(1, "S: one\n"), retr(2, "S: two\n"), "C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK\n".to_owned()];
    let closing =
        connection("anna", &["1", "2"], &read.concat()).replace("C: QUIT\nS: +OK", "C: QUIT\n!close");
    let rude = Rude::playing(&[&closing, &connection("anna", &[], "")]);
    let new = Server::start("");
    let at = rude.address.to_string();
    let arguments = ["import", "pop3", &at, "--user", "anna", "--to", ANNA, "--password-stdin"];
    let with = || new.restante(&[&arguments[..], &["--delete-after", "--json"]].concat(), "secret\n");
    let outcome = with();
    let told = json(&outcome.stdout);
    assert_eq!((&told["imported"], &told["deleted"]), (&2.into(), &0.into()));
    assert!(told["warnings"][0].as_str().unwrap().contains("all of it is here, but"), "{told}");
    let error = outcome.failed();
    assert!(
        error.contains("all of it is here, but whether it was deleted") && error.contains("QUIT"),
        "{error}"
    );
    assert_eq!(json(&with().done())["imported"], 0);
    assert_eq!(seen(&new).len(), 2);
    rude.done();
}
