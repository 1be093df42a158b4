//! `import pop3` and `verify`, through the binary, with another restante as the old server, and with rude
//! ones.

use crate::harness::{Outcome, Server};
use crate::rude::Rude;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

const ANNA: &str = "anna@example.org";

/// An old server on which anna has three messages.
fn old() -> Server {
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

fn verify(new: &Server, old: &Server, more: &[&str]) -> Outcome {
    let at = old.address("pop3").to_string();
    let arguments = ["verify", ANNA, "--against", &at, "--user", "anna", "--password-stdin"];
    new.restante(&[&arguments[..], more].concat(), "secret\n")
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a mail program sees: unique-ids, sizes, octets.
fn seen(server: &Server) -> Vec<(String, usize, String)> {
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
fn what_mail_programs_would_notice_is_named() {
    let (old, new) = (old(), Server::start(""));
    let error = verify(&new, &old, &[]).failed();
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
fn a_list_is_pulled_side_by_side_and_one_failure_does_not_stop_the_others() {
    let (old, new) = (old(), Server::start(""));
    old.send(&["bert@example.org"], b"Subject: for bert\r\n\r\n");
    let (host, port) = ("127.0.0.1", old.address("pop3").port());
    let list = new.folder().join("list.csv");
    let line = |user: &str, password: &str| format!("{host},{port},,{user},{password},{user}@example.org\n");
    let heading = "host,port,tls,user,password,address\n";
    let wrong = [heading, &line("anna", "wrong"), &line("bert", "secret")].concat();
    fs::write(&list, wrong).unwrap();
    let run = || new.restante(&["import", "pop3", "--list", list.to_str().unwrap(), "--json"], "");
    let outcome = run();
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("1 of 2 mailboxes") && outcome.stderr.contains(ANNA), "{outcome:?}");
    let told = json(&outcome.stdout);
    assert_eq!((&told["imported"], &told["users"][1]["imported"]), (&1.into(), &1.into()));
    assert!(told["users"][0]["error"].as_str().unwrap().contains("refuses user name or password"));
    fs::write(&list, [heading, &line("anna", "secret"), &line("bert", "secret")].concat()).unwrap();
    let told = json(&run().done());
    assert_eq!((&told["imported"], &told["already"]), (&3.into(), &1.into()));
    assert_eq!(seen(&new), seen(&old));
    fs::write(&list, [heading, "h,,,,x,anna@example.org\n"].concat()).unwrap();
    assert!(run().failed().contains("list.csv:2: "));
}

#[test]
fn mailboxes_of_a_list_are_pulled_at_the_same_time() {
    let doors = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let new = Server::start("");
    let list = new.folder().join("list.csv");
    let line = |door: &TcpListener, user: &str| {
        format!("{},{user},x,{user}@example.org\n", door.local_addr().unwrap())
    };
    let lines = [line(&doors[0], "anna"), line(&doors[1], "bert")].concat();
    fs::write(&list, format!("host,user,password,address\n{lines}")).unwrap();
    // Neither server says anything before both are asked.
    let servers = thread::spawn(move || {
        let lines = doors.map(|door| door.accept().unwrap().0);
        lines.map(|mut line| line.write_all(b"-ERR [SYS/TEMP] no\r\n").unwrap())
    });
    let error = new.restante(&["import", "pop3", "--list", list.to_str().unwrap()], "").failed();
    assert!(error.contains("2 of 2 mailboxes"), "{error}");
    servers.join().unwrap();
}

#[test]
fn an_import_that_a_mail_program_would_notice_tells_the_first_differences() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let (at, maildir) = (old.address("pop3").to_string(), old.mailbox(ANNA));
    let with = |more: &[&str]| {
        let files = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA, "--server", "plain"];
        let asked = ["--verify", &at, "--user", "anna", "--password-stdin"];
        new.restante(&[&files[..], &asked, more].concat(), "secret\n")
    };
    let noticed = with(&[]);
    assert_eq!(noticed.status, Some(1), "{noticed:?}");
    assert!(noticed.stdout.contains("2 messages imported") && noticed.stdout.contains("2 differences"));
    assert!(noticed.stdout.contains("message 1") && noticed.stdout.contains("message 2"), "{noticed:?}");
    let noticed = with(&["--json"]);
    assert_eq!(noticed.status, Some(1), "{noticed:?}");
    let told = json(&noticed.stdout);
    assert_eq!((&told["already"], &told["verify"]["different"]), (&2.into(), &2.into()));
    assert_eq!(told["verify"]["differences"].as_array().unwrap().len(), 2);
}

/// The Maildir of the old server, which can still be asked.
#[test]
fn files_come_with_the_unique_ids_of_the_server_that_is_asked_for_them() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two", "one"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let at = old.address("pop3").to_string();
    let maildir = old.mailbox(ANNA);
    let with = |more: &[&str]| {
        let files = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA, "--json"];
        let asked = ["--user", "anna", "--password-stdin"];
        new.restante(&[&files[..], more, &asked].concat(), "secret\n")
    };
    let told = json(&with(&["--uidls-from", &at, "--verify", &at]).done());
    assert_eq!(told["uidl"], json(r#"{"kept":3,"generated":0,"renamed":0}"#));
    assert_eq!((&told["verify"]["there"], &told["verify"]["different"]), (&3.into(), &0.into()));
    assert_eq!(seen(&new), seen(&old));
    old.send(&[ANNA], b"Subject: late\r\n\r\n");
    assert!(verify(&new, &old, &[]).failed().contains("message 4"));
    let told = json(&with(&["--uidls-from", &at, "--verify", &at]).done());
    assert_eq!((&told["imported"], &told["already"]), (&1.into(), &3.into()));
    assert_eq!(seen(&new), seen(&old));
    let one = &old.files(ANNA, "cur").into_iter().chain(old.files(ANNA, "new")).next().unwrap();
    fs::rename(one, old.folder().join("away")).unwrap();
    let lost = with(&["--uidls-from", &at, "--server", "plain"]);
    assert_eq!(lost.status, Some(0), "a message that the old server does not list either: {lost:?}");
}

/// What a damaged index proposes can be put behind the command that said so, whatever stands in it.
#[test]
fn the_remedies_of_a_damaged_index_are_taken() {
    let (old, new) = (Server::start("hostname = \"old.example.org\""), Server::start(""));
    for subject in ["one", "two"] {
        old.send(&[ANNA], format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    }
    let (at, maildir) = (old.address("pop3").to_string(), old.mailbox(ANNA));
    let (uidlist, doveconf) = (maildir.join("dovecot-uidlist"), new.folder().join("doveconf"));
    fs::write(&doveconf, "pop3_uidl_format = %v.%u\n").unwrap();
    for index in ["dovecot-uidlist", "courierpop3dsizelist"] {
        fs::write(maildir.join(index), "rubbish\n").unwrap();
    }
    let with = |more: &[&str]| {
        let command = ["import", "maildir", maildir.to_str().unwrap(), "--to", ANNA];
        new.restante(&[&command[..], more].concat(), "secret\n")
    };
    let commands: [&[&str]; 5] = [
        &["--server", "dovecot"],
        &["--server", "dovecot", "--rename-duplicate-uidls", "--uidl-format", "%v.%u"],
        &["--uidlist", uidlist.to_str().unwrap()],
        &["--doveconf", doveconf.to_str().unwrap()],
        &["--server", "courier"],
    ];
    for command in commands {
        let said = with(command).failed();
        assert!(said.contains("--uidls-from"), "{command:?}: {said}");
        let asked = ["--uidls-from", &at, "--user", "anna", "--password-stdin", "--dry-run", "--json"];
        let told = json(&with(&[command, &asked[..]].concat()).done());
        assert_eq!(told["uidl"]["kept"], 2, "{command:?}: {told}");
        let plain = command.iter().filter(|word| !["--server", "dovecot", "courier"].contains(*word));
        let plain: Vec<&str> = plain.copied().chain(["--server", "plain", "--dry-run", "--json"]).collect();
        assert_eq!(json(&with(&plain).done())["uidl"]["generated"], 2, "{plain:?}");
    }
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

#[test]
fn a_held_account_of_a_list_is_released_with_its_last_mailbox() {
    let (old, new) = (old(), Server::start(""));
    old.send(&["bert@example.org"], b"Subject: for bert\r\n\r\n");
    let [csv, list] = ["users.csv", "list.csv"].map(|name| new.folder().join(name));
    fs::write(&csv, "address,password\ncarl@example.org,{PLAIN}secret\n").unwrap();
    new.restante(&["account", "import", csv.to_str().unwrap(), "--format", "csv", "--hold"], "").done();
    let at = old.address("pop3").to_string();
    let run = |passwords: [&str; 2]| {
        let line = |user: &str, password: &str| format!("{at},{user},{password},carl@example.org\n");
        let lines = line("anna", passwords[0]) + &line("bert", passwords[1]);
        fs::write(&list, format!("host,user,password,address\n{lines}")).unwrap();
        new.restante(&["import", "pop3", "--list", list.to_str().unwrap(), "--json"], "")
    };
    for passwords in [["secret", "wrong"], ["wrong", "secret"]] {
        assert_eq!(run(passwords).status, Some(1));
        let mut client = new.pop3();
        client.ask("USER carl", "+OK");
        client.ask("PASS secret", "-ERR [SYS/TEMP]");
    }
    let told = json(&run(["secret", "secret"]).done());
    assert_eq!((&told["imported"], &told["already"]), (&0.into(), &4.into()), "each came once");
    assert_eq!(new.log_in("carl").uidl().len(), 4);
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
