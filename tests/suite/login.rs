//! Who gets in over POP3, by which way, and who does not.

use crate::harness::Server;
use crate::scram;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

const ANNA: &str = "anna@example.org";

#[test]
fn every_mechanism_lets_the_right_password_in_and_no_other() {
    let server = Server::start("");
    let plain = |password: &str| BASE64.encode(format!("\0{ANNA}\0{password}"));
    for (password, answer) in [("secret", "+OK"), ("Secret", "-ERR [AUTH]"), ("secret ", "-ERR [AUTH]")] {
        let mut client = server.pop3();
        client.ask(&format!("USER {ANNA}"), "+OK");
        client.ask(&format!("PASS {password}"), answer);
        client.quit();

        let mut client = server.pop3();
        client.ask(&format!("AUTH PLAIN {}", plain(password)), answer);
        client.quit();

        let mut client = server.pop3();
        client.ask("AUTH PLAIN", "+ ");
        client.ask(&plain(password), answer);
        client.quit();

        let mut client = server.pop3();
        client.ask("AUTH LOGIN", "+ ");
        client.ask(&BASE64.encode(ANNA), "+ ");
        client.ask(&BASE64.encode(password), answer);
        client.quit();

        let mut client = server.pop3();
        let said = scram::log_in(&mut client, ANNA, password, None);
        assert!(said.starts_with(answer), "{said}");
        client.quit();
    }
}

#[test]
fn scram_binds_itself_to_the_channel() {
    let server = Server::start("");
    let exporter = |client: &crate::client::Client| {
        client.tls_connection().export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).unwrap()
    };
    let mut client = server.pop3s();
    let binding = exporter(&client);
    let said = scram::log_in(&mut client, ANNA, "secret", Some(binding));
    assert!(said.starts_with("+OK"), "{said}");
    client.quit();

    let mut client = server.pop3().start_tls("STLS");
    let other_channel = binding;
    let said = scram::log_in(&mut client, ANNA, "secret", Some(other_channel));
    assert!(said.starts_with("-ERR"), "somebody in between: {said}");
    let binding = exporter(&client);
    let said = scram::log_in(&mut client, ANNA, "secret", Some(binding));
    assert!(said.starts_with("+OK"), "{said}");
    client.quit();
}

#[test]
fn the_local_part_is_enough_while_it_is_the_only_one() {
    let server = Server::start("");
    server.log_in("anna").quit();
    server.log_in("ANNA@Example.Org").quit();
    server.account("anna@example.com", "secret");
    let mut client = server.pop3();
    client.ask("USER anna", "+OK");
    client.ask("PASS secret", "-ERR [AUTH]");
    client.quit();
    server.log_in("anna@example.com").quit();
}

#[test]
fn a_password_may_have_blanks_and_letters_of_any_kind() {
    let server = Server::start("");
    for (index, password) in [" two  blanks ", "pässwörd €", "a\tb", "+OK"].iter().enumerate() {
        let address = format!("user{index}@example.org");
        server.account(&address, password);
        let mut client = server.pop3();
        client.log_in(&address, password);
        client.quit();
    }
}

#[test]
fn without_tls_nobody_logs_in_where_it_is_never_allowed() {
    let server = Server::start("pop3.plaintext_login = \"never\"");
    let mut client = server.pop3();
    let capabilities = String::from_utf8(client.lines("CAPA").concat()).unwrap();
    assert!(!capabilities.contains("USER\r\nSASL") && !capabilities.contains("SASL"), "{capabilities}");
    assert!(capabilities.contains("STLS\r\n"), "{capabilities}");
    for command in ["USER anna", "PASS secret", "AUTH PLAIN AGFubmEAc2VjcmV0"] {
        let refusal = client.ask(command, "-ERR [AUTH]");
        assert!(refusal.contains("STLS") && refusal.contains("995"), "{refusal}");
    }
    let mut client = client.start_tls("STLS");
    assert!(String::from_utf8(client.lines("CAPA").concat()).unwrap().contains("SASL"));
    client.log_in(ANNA, "secret");
    client.quit();
    let mut client = server.pop3s();
    client.log_in(ANNA, "secret");
    client.quit();
}

#[test]
fn unknown_and_wrong_are_the_same_answer() {
    let server = Server::start("");
    server.restante(&["account", "disable", "bert@example.org"], "").done();
    let answer = |user: &str, password: &str| {
        let mut client = server.pop3();
        client.ask(&format!("USER {user}"), "+OK");
        client.ask(&format!("PASS {password}"), "-ERR [AUTH]")
    };
    let wrong = answer(ANNA, "wrong");
    assert_eq!(answer("nobody@example.org", "secret"), wrong);
    assert_eq!(answer("bert@example.org", "secret"), wrong, "disabled");
}

#[test]
fn the_log_tells_of_logins_and_never_of_passwords() {
    let server = Server::start("");
    let password = "dont-log-me";
    let mut client = server.pop3();
    client.ask("USER anna@example.org", "+OK");
    client.ask(&format!("PASS {password}"), "-ERR [AUTH]");
    client.ask(&format!("PASSS {password}"), "-ERR");
    client.ask(&format!("AUTH PLAIN {}", BASE64.encode(format!("\0{ANNA}\0{password}"))), "-ERR [AUTH]");
    client.log_in(ANNA, "secret");
    client.quit();
    server.wait_for_log("account=anna@example.org");
    let log = server.log();
    assert!(!log.contains(password) && !log.contains(&BASE64.encode(password)), "{log}");
    assert!(!log.contains("AGFubmFA"), "{log}");
}

#[test]
fn a_held_account_is_put_off_by_every_way_of_logging_in_and_takes_mail() {
    let server = Server::start("");
    let accounts = restante::accounts::Accounts::open(&server.database(), 4096).unwrap();
    accounts.hold(&restante::mail::AccountAddress::parse(ANNA).unwrap()).unwrap();
    let moving = "-ERR [SYS/TEMP] your mailbox is being moved here, try again in a few minutes";
    for (password, answer) in [("secret", moving), ("wrong", "-ERR [AUTH]")] {
        let mut client = server.pop3();
        client.ask(&format!("USER {ANNA}"), "+OK");
        client.ask(&format!("PASS {password}"), answer);
        client.ask(&format!("AUTH PLAIN {}", BASE64.encode(format!("\0{ANNA}\0{password}"))), answer);
        let said = scram::log_in(&mut client, ANNA, password, None);
        assert!(said.starts_with(answer), "{said}");
        client.quit();
    }
    server.send(&[ANNA], b"Subject: meanwhile\r\n\r\nhello\r\n");
    assert_eq!(server.files(ANNA, "new").len(), 1);
    server.wait_for_log("why=held");
    server.restante(&["account", "release", ANNA], "").done();
    server.log_in(ANNA).quit();
}

#[test]
fn scram_is_left_out_while_an_imported_hash_waits_for_its_first_login() {
    use restante::accounts::scheme::Secret;
    let server = Server::start("");
    let mechanisms = |client: &mut crate::client::Client| {
        let capabilities = String::from_utf8(client.lines("CAPA").concat()).unwrap();
        capabilities.lines().find_map(|line| line.strip_prefix("SASL ")).unwrap().to_owned()
    };
    let mut before = server.pop3();
    assert_eq!(mechanisms(&mut before), "PLAIN LOGIN SCRAM-SHA-256");

    let accounts = restante::accounts::Accounts::open(&server.database(), 4096).unwrap();
    let olga = restante::mail::AccountAddress::parse("olga@example.org").unwrap();
    let hash = Secret::parse(b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "olga").unwrap();
    accounts.add_with(&olga, &hash, restante::accounts::Admission::default()).unwrap();
    let mut client = server.pop3();
    assert_eq!(mechanisms(&mut client), "PLAIN LOGIN");
    // Offered before, and answered with nothing that makes a program throw a password away.
    let first = BASE64.encode("n,,n=olga,r=rOprNGfwEbeRWgbNEkqO");
    let answer = before.ask(&format!("AUTH SCRAM-SHA-256 {first}"), "-ERR");
    assert!(!answer.contains("[AUTH]"), "{answer}");
    before.quit();

    client.log_in("olga", "secret");
    client.quit();
    let mut client = server.pop3();
    assert_eq!(mechanisms(&mut client), "PLAIN LOGIN SCRAM-SHA-256");
    let said = scram::log_in(&mut client, "olga@example.org", "secret", None);
    assert!(said.starts_with("+OK"), "{said}");
    client.quit();
}
