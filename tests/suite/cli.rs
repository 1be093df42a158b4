//! The command line: every command, its exit status, its one line when it fails, its JSON, and that
//! a running server knows of a change at once.

use crate::harness::{Server, restante, run};
use serde_json::{Value, json};

const ANNA: &str = "anna@example.org";

fn json(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&server.restante(arguments, "").done()).unwrap()
}

#[test]
fn an_account_from_its_beginning_to_its_end() {
    let server = Server::prepare("");
    server.account("Anna@Example.ORG", "secret");
    let one = &json(&server, &["account", "list", "--json"])[0];
    assert_eq!(one["address"], ANNA, "folded to lower case");
    assert_eq!((&one["enabled"], &one["messages"], &one["bytes"]), (&json!(true), &json!(0), &json!(0)));
    assert_eq!((&one["quota"], &one["last_login"]), (&json!(0), &Value::Null));
    assert!(one["credential"].as_str().unwrap().starts_with("pbkdf2-sha256"), "{one}");

    server.restante(&["account", "quota", ANNA, "10 MiB"], "").done();
    server.restante(&["account", "disable", ANNA], "").done();
    server.deposit(ANNA, "new", "1700000001.x", b"12345\n");
    let one = &json(&server, &["account", "list", "--json"])[0];
    assert_eq!((&one["quota"], &one["enabled"]), (&json!(10 * 1024 * 1024), &json!(false)));
    assert_eq!((&one["messages"], &one["bytes"]), (&json!(1), &json!(6)));

    server.restante(&["account", "enable", ANNA], "").done();
    server.restante(&["account", "quota", ANNA, "0"], "").done();
    assert_eq!(json(&server, &["account", "list", "--json"])[0]["quota"], json!(0));
    assert!(server.restante(&["account", "list"], "").done().contains(ANNA));

    server.restante(&["account", "remove", ANNA], "").done();
    assert_eq!(json(&server, &["account", "list", "--json"]), json!([]));
    assert_eq!(server.files(ANNA, "new").len(), 1, "the mail stays");
    server.account(ANNA, "secret");
    server.restante(&["account", "remove", ANNA, "--purge"], "").done();
    assert!(!server.mailbox(ANNA).exists());
}

#[test]
fn who_gets_the_address_of_another_is_told_of_the_mail_there() {
    let server = Server::prepare("");
    let add = || warned(&server);
    assert_eq!(add(), "");
    server.restante(&["account", "remove", ANNA], "").done();
    assert_eq!(add(), "", "there was no mail");
    server.restante(&["account", "remove", ANNA], "").done();
    server.deposit(ANNA, "new", "1700000001.x", b"12345\n");
    assert!(
        add()
            .starts_with("warning: 1 message of an earlier account of that name is in its mailbox: if it is")
    );
    server.deposit(ANNA, "cur", "1700000002.x:2,", b"12345\n");
    server.restante(&["account", "remove", ANNA], "").done();
    assert_eq!(
        add(),
        "warning: 2 messages of an earlier account of that name are in its mailbox: if they are another \
         person's, take them away with \"restante account remove --purge anna@example.org\" and add it again\n"
    );
    server.restante(&["account", "remove", "--purge", ANNA], "").done();
    assert_eq!(add(), "");
}

/// What `account add` warns of.
fn warned(server: &Server) -> String {
    let added = server.restante(&["account", "add", ANNA, "--password-stdin"], "secret\n");
    assert_eq!((added.status, &added.stdout[..]), (Some(0), "added anna@example.org\n"), "{added:?}");
    added.stderr
}

#[test]
fn an_alias_from_its_beginning_to_its_end() {
    let server = Server::prepare("");
    server.account(ANNA, "secret");
    assert_eq!(json(&server, &["alias", "list", "--json"]), json!([]));
    server.restante(&["alias", "add", "Team@example.org", ANNA, "bert@example.org"], "").done();
    server.restante(&["alias", "add", "@example.org", ANNA], "").done();
    let aliases = json(&server, &["alias", "list", "--json"]);
    let of = |address: &str| {
        let list = aliases.as_array().unwrap();
        list.iter().find(|alias| alias["address"] == address).unwrap()["targets"].clone()
    };
    assert_eq!(of("team@example.org"), json!([ANNA, "bert@example.org"]));
    assert_eq!(of("@example.org"), json!([ANNA]));
    assert!(server.restante(&["alias", "list"], "").done().contains("team@example.org"));
    server.restante(&["alias", "remove", "team@example.org"], "").done();
    assert_eq!(json(&server, &["alias", "list", "--json"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let server = Server::prepare("");
    server.account(ANNA, "secret");
    server.restante(&["alias", "add", "team@example.org", ANNA], "").done();
    for (arguments, input, named) in [
        (&["account", "add", ANNA, "--password-stdin"][..], "x\n", ANNA),
        (&["account", "add", "Anna@EXAMPLE.org", "--password-stdin"], "x\n", ANNA),
        (&["account", "add", "team@example.org", "--password-stdin"], "x\n", "alias"),
        (&["account", "add", "new@example.org", "--password-stdin"], "\n", "password"),
        (&["account", "add", "new@example.org", "--password-stdin"], "", "password"),
        (&["account", "add", "no-domain", "--password-stdin"], "x\n", "no-domain"),
        (&["account", "add", "a b@example.org", "--password-stdin"], "x\n", "a b@example.org"),
        (&["account", "add", "../x@example.org", "--password-stdin"], "x\n", "../x@example.org"),
        (&["account", "add", "x@example..org", "--password-stdin"], "x\n", "x@example..org"),
        (&["account", "passwd", "nobody@example.org", "--password-stdin"], "x\n", "nobody@example.org"),
        (&["account", "passwd", ANNA, "--password-stdin"], "\n", "password"),
        (&["account", "disable", "nobody@example.org"], "", "nobody@example.org"),
        (&["account", "enable", "nobody@example.org"], "", "nobody@example.org"),
        (&["account", "quota", "nobody@example.org", "1 MiB"], "", "nobody@example.org"),
        (&["account", "quota", ANNA, "a lot"], "", "a lot"),
        (&["account", "remove", "nobody@example.org"], "", "nobody@example.org"),
        (&["alias", "add", ANNA, "bert@example.org"], "", ANNA),
        (&["alias", "add", "x@example.org", "not an address"], "", "not an address"),
        (&["alias", "remove", "nobody@example.org"], "", "nobody@example.org"),
    ] {
        let said = server.restante(arguments, input).failed();
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    assert_eq!(json(&server, &["account", "list", "--json"]).as_array().unwrap().len(), 1);
}

#[test]
fn wrong_usage_is_another_status() {
    let server = Server::prepare("");
    for arguments in [
        &["no-such-command"][..],
        &["account"],
        &["account", "add"],
        &["account", "frobnicate", ANNA],
        &["account", "list", "--no-such-flag"],
        &["account", "quota", ANNA],
        &["alias", "add", "x@example.org"],
        &["serve", "extra"],
    ] {
        let outcome = server.restante(arguments, "");
        assert_eq!(outcome.status, Some(2), "{arguments:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty() && outcome.stdout.is_empty(), "{arguments:?}: {outcome:?}");
    }
    assert_eq!(run(&mut restante(), "").status, Some(2));
    let nobody = run(restante().args(["verify", ANNA, "--against", "127.0.0.1:1"]), "");
    assert_eq!(nobody.status, Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("say it with --user") && !nobody.stderr.contains("Usage:"), "{nobody:?}");
}

#[test]
fn help_names_every_command() {
    let help = run(restante().arg("--help"), "").done();
    for command in ["serve", "account", "alias", "check", "--config"] {
        assert!(help.contains(command), "{help}");
    }
    let help = run(restante().args(["account", "--help"]), "").done();
    for command in ["add", "passwd", "list", "disable", "enable", "quota", "remove"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(run(restante().arg("--version"), "").done().starts_with("restante "));
}

#[test]
fn a_password_is_one_line_and_its_blanks_belong_to_it() {
    let server = Server::start("");
    for (index, (input, password)) in [
        ("two words\n", "two words"),
        (" around \n", " around "),
        ("no newline", "no newline"),
        ("crlf\r\n", "crlf"),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("user{index}@example.org");
        server.restante(&["account", "add", &address, "--password-stdin"], input).done();
        let mut client = server.pop3();
        client.log_in(&address, password);
        client.quit();
    }
    server.restante(&["account", "add", "two@example.org", "--password-stdin"], "first\nsecond\n").done();
    let mut client = server.pop3();
    client.log_in("two@example.org", "first");
}

#[test]
fn a_running_server_knows_at_once() {
    let server = Server::start("");
    let refused = |user: &str, password: &str| {
        let mut client = server.pop3();
        client.ask(&format!("USER {user}"), "+OK");
        client.ask(&format!("PASS {password}"), "-ERR [AUTH]");
        client.quit();
    };
    let answer = |recipient: &str, wanted: &str| {
        let mut client = server.smtp();
        client.ask("HELO mx", "250 ");
        client.ask("MAIL FROM:<c@example.net>", "250 ");
        client.ask(&format!("RCPT TO:<{recipient}>"), wanted);
        client.quit();
    };
    server.log_in(ANNA).quit(); // From now on this password is recognised without a hash.
    server.restante(&["account", "passwd", ANNA, "--password-stdin"], "fresh\n").done();
    refused(ANNA, "secret");
    let mut client = server.pop3();
    client.log_in(ANNA, "fresh");
    client.quit();
    server.restante(&["account", "disable", ANNA], "").done();
    refused(ANNA, "fresh");
    answer(ANNA, "250 ");
    server.restante(&["account", "enable", ANNA], "").done();
    let mut client = server.pop3();
    client.log_in(ANNA, "fresh");
    client.quit();

    answer("carla@example.org", "550 5.1.1");
    server.account("carla@example.org", "secret");
    answer("carla@example.org", "250 ");
    server.log_in("carla@example.org").quit();
    answer("x@new.example", "550 5.7.1");
    server.restante(&["alias", "add", "x@new.example", ANNA], "").done();
    answer("x@new.example", "250 ");
    server.restante(&["alias", "remove", "x@new.example"], "").done();
    answer("x@new.example", "550 5.7.1");
    answer("full@example.org", "452 4.2.2");
    server.restante(&["account", "quota", "full@example.org", "0"], "").done();
    answer("full@example.org", "250 ");
    server.restante(&["account", "remove", "carla@example.org"], "").done();
    answer("carla@example.org", "550 5.1.1");
    refused("carla@example.org", "secret");
}

#[test]
fn the_last_login_is_told() {
    let server = Server::start("");
    server.log_in(ANNA).quit();
    crate::harness::eventually("the last login is written down", || {
        let list = json(&server, &["account", "list", "--json"]);
        let anna =
            list.as_array().unwrap().iter().find(|account| account["address"] == ANNA).unwrap().clone();
        (!anna["last_login"].is_null()).then_some(())
    });
}

#[test]
fn the_last_login_before_the_end_is_told_too() {
    let mut server = Server::start("");
    server.log_in(ANNA).quit();
    server.stop();
    let list = json(&server, &["account", "list", "--json"]);
    let anna = list.as_array().unwrap().iter().find(|account| account["address"] == ANNA).unwrap();
    assert!(!anna["last_login"].is_null(), "{anna}");
}

/// Whether there are descriptors enough is told before the ports are bound, of which one is taken here.
#[test]
fn the_log_says_more_or_less_as_it_is_told_to() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("smtp.listen = [\"{}\"]", taken.local_addr().unwrap());
    let says = |connections: usize, flag: &[&str]| {
        let limits = format!("smtp.max_connections = {connections}\npop3.max_connections = {connections}");
        let server = Server::prepare(&format!("{listen}\n{limits}"));
        let outcome = server.restante(&[flag, &["serve"]].concat(), "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        outcome.stderr.contains("serve.descriptors")
    };
    let more_than_any_system_has = 1_000_000_000;
    assert!(says(more_than_any_system_has, &["-q"]), "a warning");
    assert!(!says(more_than_any_system_has, &["-qq"]), "errors alone");
    assert!(says(1, &["-v"]), "for who looks for something");
    assert!(!says(1, &[]));
}

#[test]
fn check_is_content_with_a_good_configuration() {
    let server = Server::prepare("");
    server.account(ANNA, "secret");
    server.restante(&["check"], "").done();
}

/// Their mail is put off or refused, and nothing else would say so before somebody misses it.
#[test]
fn check_warns_of_mailboxes_and_aliases_that_lead_nowhere() {
    let server = Server::prepare("");
    for name in [ANNA, "bert@example.org", "carl@example.org"] {
        server.account(name, "secret");
    }
    for alias in ["info@example.org", "@example.org"] {
        server.restante(&["alias", "add", alias, "carl@example.org"], "").done();
    }
    let mail = server.data().join("mail/example.org");
    std::fs::create_dir_all(mail.join("anna")).unwrap();
    std::fs::write(mail.join("anna/new"), "").unwrap();
    std::fs::write(mail.join("bert"), "").unwrap();
    let said = server.restante(&["check"], "").done();
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning: the Maildir")).collect();
    assert_eq!(warnings.len(), 2, "{said}");
    assert!(warnings[0].contains(ANNA) && warnings[0].contains("/anna/new"), "{said}");
    assert!(warnings[1].contains("bert@example.org"), "{said}");
    assert!(!said.contains("the alias"), "{said}");
    server.restante(&["account", "remove", "carl@example.org"], "").done();
    let said = server.restante(&["check"], "").done();
    for alias in ["info@example.org", "@example.org"] {
        assert!(said.contains(&format!("the alias {alias} leads to no account here")), "{said}");
    }
}

#[test]
fn check_and_serve_refuse_a_database_they_do_not_know() {
    let server = Server::prepare("");
    server.account(ANNA, "secret");
    std::fs::write(server.database(), b"this is no database, whatever its name says").unwrap();
    for command in ["check", "serve"] {
        let outcome = server.restante(&[command], "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.text().contains("accounts.sqlite"), "{outcome:?}");
    }
    server.restante(&["account", "list"], "").failed();
}

#[test]
fn the_configuration_may_be_named_by_the_environment() {
    let server = Server::prepare("");
    let mut command = restante();
    command.env("RESTANTE_CONFIG", server.config()).args(["account", "add", ANNA, "--password-stdin"]);
    run(&mut command, "secret\n").done();
    assert!(server.database().exists());
    let mut command = restante();
    command.env("RESTANTE_CONFIG", "/nonexistent/restante.toml").args(["account", "list"]);
    assert!(run(&mut command, "").failed().contains("/nonexistent/restante.toml"));
}
