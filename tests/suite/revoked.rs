//! Sessions that were let in before an administrator changed something.

use crate::client::Client;
use crate::harness::Server;

const ANNA: &str = "anna@example.org";
const REVOKED: &str = "-ERR your account was changed";

fn passwd(server: &Server, password: &str) {
    server.restante(&["account", "passwd", ANNA, "--password-stdin"], &format!("{password}\n")).done();
}

fn disable(server: &Server) {
    server.restante(&["account", "disable", ANNA], "").done();
}

fn enable(server: &Server) {
    server.restante(&["account", "enable", ANNA], "").done();
}

fn with_a_message(size: usize) -> Server {
    let server = Server::start("");
    let body = [b"Subject: mine\n\n".to_vec(), b"0123456\n".repeat(size / 8)].concat();
    server.deposit(ANNA, "new", "1700000000.mine", &body);
    server
}

/// The owner, with the password that the thief has not got.
fn owner(server: &Server, password: &str) {
    let mut client = server.pop3();
    client.log_in(ANNA, password);
    assert_eq!(client.list().len(), 1, "nothing is lost");
    client.quit();
}

#[test]
fn a_session_ends_with_what_it_was_let_in_by_and_removes_nothing() {
    let changes: [fn(&Server); 3] = [
        |server| passwd(server, "fresh"),
        disable,
        |server| drop(server.restante(&["account", "remove", ANNA], "").done()),
    ];
    for change in changes {
        for command in ["QUIT", "RETR 1", "NOOP", "nonsense"] {
            let server = with_a_message(8);
            let mut thief = server.log_in(ANNA);
            thief.ask("DELE 1", "+OK");
            change(&server);
            thief.ask(command, REVOKED);
            thief.closed();
            assert_eq!(server.files(ANNA, "new").len() + server.files(ANNA, "cur").len(), 1, "{command}");
            server.wait_for_log("deleted=0 kept=1");
            server.wait_for_log("why=revoked");
        }
    }
}

#[test]
fn who_is_silent_does_not_keep_the_owner_out() {
    let server = with_a_message(8);
    let mut thief = server.log_in(ANNA);
    passwd(&server, "fresh");
    disable(&server);
    enable(&server);
    owner(&server, "fresh");
    thief.expect(REVOKED);
    thief.closed();
}

#[test]
fn who_takes_no_octets_does_not_keep_the_owner_out() {
    let server = with_a_message(16 * 1024 * 1024);
    let mut thief = server.log_in(ANNA);
    thief.ask("RETR 1", "+OK");
    passwd(&server, "fresh");
    owner(&server, "fresh");
    let end = server.wait_for_log("why=revoked");
    assert!(end.contains("retr=0"), "cut off in the middle: {end}");
}

#[test]
fn what_is_no_change_of_the_account_ends_no_session() {
    let server = with_a_message(8);
    let mut reader = server.log_in(ANNA);
    let mut beside = server.pop3();
    for change in [
        &["account", "quota", ANNA, "1GiB"][..],
        &["account", "passwd", "bert@example.org", "--password-stdin"],
        &["alias", "add", "info@example.org", ANNA],
        &["account", "disable", "full@example.org"],
    ] {
        server.restante(change, "other\n").done();
        reader.ask("NOOP", "+OK");
        refused(&mut beside);
    }
    reader.ask("DELE 1", "+OK");
    reader.quit();
    assert!(server.files(ANNA, "new").is_empty());
}

fn refused(client: &mut Client) {
    client.ask(&format!("USER {ANNA}"), "+OK");
    client.ask("PASS secret", "-ERR [IN-USE]");
}

#[test]
fn a_password_that_is_hashed_anew_ends_no_session() {
    let mut server = with_a_message(8);
    server.stop();
    server.configure("auth.pbkdf2_rounds = 5000");
    server.again();
    let rounds = || {
        let accounts = restante::accounts::Accounts::open(&server.database(), 4096).unwrap();
        accounts.scram(&restante::mail::UserName::parse(ANNA).unwrap()).unwrap().rounds
    };
    let mut by_proof = server.pop3();
    let said = crate::scram::log_in(&mut by_proof, ANNA, "secret", None);
    assert!(said.starts_with("+OK"), "{said}");
    assert_eq!(rounds(), 4096);
    refused(&mut server.pop3());
    crate::harness::eventually("the password is hashed anew", || (rounds() == 5000).then_some(()));
    by_proof.ask("NOOP", "+OK");
    refused(&mut server.pop3());
    by_proof.ask("DELE 1", "+OK");
    by_proof.quit();
}
