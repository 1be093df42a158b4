//! The live move: accounts come over from an old server while they are used, and no mail program notices.

use crate::client::Client;
use crate::harness::{Server, eventually, restante};
use crate::old_server::{OldServer, Trouble};
use std::io::Read;
use std::process::Stdio;

pub const ANNA: &str = "anna@old.example";

/// What a mail program sees of a mailbox.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    pub unique_ids: Vec<String>,
    sizes: Vec<(usize, usize)>,
    pub texts: Vec<Vec<u8>>,
}

pub fn view(client: &mut Client) -> View {
    let (unique_ids, sizes) = (client.uidl(), client.list());
    let texts = (1..=unique_ids.len()).map(|number| client.retr(number)).collect();
    View { unique_ids, sizes, texts }
}

/// What the mailbox looks like that the old server has.
pub fn wanted(messages: &[(&str, &[u8])]) -> View {
    View {
        unique_ids: messages.iter().map(|(id, _)| (*id).to_owned()).collect(),
        sizes: messages.iter().enumerate().map(|(at, (_, text))| (at + 1, text.len())).collect(),
        texts: messages.iter().map(|(_, text)| text.to_vec()).collect(),
    }
}

pub const FEW: [(&str, &[u8]); 3] = [
    ("second", b"Subject: b\r\n\r\ntwo\r\n"),
    ("first one", b"Subject: a\r\n\r\none \xe9\r\n"),
    ("0000!~", b"\r\n"),
];

/// A server whose users come from that old one.
pub fn moving(old: &OldServer, extra: &str) -> Server {
    let mut server = Server::prepare(extra);
    add(&server, &["old.example", &old.address.to_string(), "--plain"]);
    server.again();
    server
}

pub fn add(server: &Server, arguments: &[&str]) {
    server.restante(&[&["upstream", "add"], arguments].concat(), "").done();
}

pub fn login(server: &Server, password: &str) -> Result<Client, String> {
    let mut client = server.pop3();
    client.ask(&format!("USER {ANNA}"), "+OK");
    client.say(&format!("PASS {password}"));
    let said = String::from_utf8(client.line()).unwrap();
    if said.starts_with("+OK") { Ok(client) } else { Err(said) }
}

#[track_caller]
pub fn refusal(server: &Server, password: &str) -> String {
    login(server, password).err().expect("a refusal")
}

/// State and messages of anna's account; `None` when there is none.
pub fn state(server: &Server) -> Option<(String, u64)> {
    let text = server.restante(&["upstream", "list", "--json"], "").done();
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let account = listed["accounts"].as_array().unwrap().first()?.clone();
    assert_eq!(account["address"], ANNA);
    Some((account["state"].as_str().unwrap().to_owned(), account["messages"].as_u64().unwrap()))
}

pub fn wait_until_moved(server: &Server) {
    eventually("moved", || state(server).filter(|(state, _)| state == "moved"));
}

#[test]
fn a_small_mailbox_is_here_at_the_first_login_and_the_same() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    let mut client = login(&server, "secret").unwrap();
    assert_eq!(view(&mut client), wanted(&FEW));
    client.quit();
    assert_eq!(state(&server), Some(("moved".to_owned(), 3)));
    assert_eq!(old.unique_ids(), ["second", "first one", "0000!~"], "nothing is deleted there");
    // From memory and by its hash, without the old server's word for it.
    old.state().password = None;
    assert_eq!(view(&mut login(&server, "secret").unwrap()), wanted(&FEW));
    assert!(refusal(&server, "wrong").starts_with("-ERR [AUTH]"));
    assert!(!server.log().contains("secret"), "{}", server.log());
}

#[test]
fn an_old_server_that_does_not_answer_is_told_of_and_added() {
    let server = Server::prepare("");
    let added = server.restante(&["upstream", "add", "typo.example", "nohost.invalid"], "");
    assert_eq!((added.status, &added.stdout[..]), (Some(0), "typo.example moves here from nohost.invalid\n"));
    assert!(added.stderr.starts_with("warning: nohost.invalid does not answer now: "), "{added:?}");
    assert!(added.stderr.contains(": nobody can move before it does; "), "{added:?}");
    assert!(server.restante(&["upstream", "list"], "").done().contains("nohost.invalid"));
}

#[test]
fn a_password_that_the_old_server_refuses_leaves_nothing_behind() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    assert!(refusal(&server, "wrong").starts_with("-ERR [AUTH]"));
    let mut client = server.pop3();
    client.ask("USER nobody@old.example", "+OK");
    client.ask("PASS secret", "-ERR [AUTH]");
    assert_eq!(state(&server), None);
    assert_eq!(server.restante(&["account", "list", "--json"], "").done().trim(), "[]");
    assert!(!server.mailbox(ANNA).exists());
}

#[test]
fn wrong_passwords_of_the_old_server_count_as_ours_do() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "auth.failures_before_ban = 2\nauth.exempt = []");
    assert!(refusal(&server, "wrong").starts_with("-ERR [AUTH]"));
    assert!(refusal(&server, "wrong").starts_with("-ERR [AUTH]"));
    server.wait_for_log("pop3.banned");
    Client::tcp(server.address("pop3")).expect("-ERR [LOGIN-DELAY]");
    assert_eq!(old.heard("PASS"), 2);
}

/// Words that nobody knows may mean a wrong password; a fault by its code does not.
#[test]
fn what_an_old_server_refuses_in_words_of_its_own_counts_as_well() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "auth.failures_before_ban = 3\nauth.exempt = []");
    for words in [
        "[SYS/TEMP] database",
        "[IN-USE] another session",
        "go away", // The first that counts.
        "account locked, too many failures",
        "[SYS/PERM] out of order",
    ] {
        old.trouble("PASS", Trouble::Refuses(words));
        let said = refusal(&server, "secret");
        assert!(said.starts_with("-ERR [SYS/TEMP]") || said.starts_with("-ERR [IN-USE]"), "{words}: {said}");
    }
    old.trouble("PASS", Trouble::Refuses(""));
    assert!(refusal(&server, "secret").starts_with("-ERR [AUTH]"), "the third that counts");
    server.wait_for_log("pop3.banned");
}

#[test]
fn newcomers_at_the_old_server_come_once_and_at_the_end() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    login(&server, "secret").unwrap().quit();
    server.send(&[ANNA], b"Subject: here\r\n\r\nhere\r\n");
    old.state().messages.insert(0, ("late".to_owned(), b"Subject: late\r\n\r\nlate\r\n".to_vec()));
    let mut client = login(&server, "secret").unwrap();
    let ids = client.uidl();
    assert_eq!((&ids[..3], ids.len()), (&wanted(&FEW).unique_ids[..], 5));
    assert_eq!(ids[4], "late");
    client.ask("DELE 5", "+OK");
    client.ask("DELE 1", "+OK");
    client.quit();
    assert_eq!(login(&server, "secret").unwrap().uidl(), ids[1..4]);
    assert_eq!(old.unique_ids().len(), 4);
    // The old server is of no importance any more.
    old.trouble("greeting", Trouble::Dies);
    assert_eq!(login(&server, "secret").unwrap().uidl(), ids[1..4]);
    old.state().password = Some("changed there");
    assert_eq!(login(&server, "secret").unwrap().uidl(), ids[1..4]);
    let asked = |times: usize| {
        let before = old.heard("PASS");
        for _ in 0..times {
            assert_eq!(login(&server, "secret").unwrap().uidl(), ids[1..4]);
        }
        old.heard("PASS") - before
    };
    assert_eq!(asked(4), 2, "a refused password is not said again at every look");
    assert!(refusal(&server, "changed there").starts_with("-ERR [AUTH]"));
}

pub fn answer(server: &Server, user: &str, password: &str) -> String {
    let mut client = server.pop3();
    client.ask(&format!("USER {user}"), "+OK");
    client.say(&format!("PASS {password}"));
    String::from_utf8(client.line()).unwrap()
}

/// An old server of two domains lets anna in as either, and one that is asked learns the password.
#[test]
fn a_name_without_a_domain_is_never_guessed_at() {
    let old = OldServer::with(&FEW);
    old.state().user = "Anna"; // As it was typed.
    let mut server = Server::prepare("");
    let to = old.address.to_string();
    for domain in ["a.example", "b.example"] {
        add(&server, &[domain, &to, "--plain"]);
    }
    server.again();
    server.account("bert@here.example", "ours");
    let refused = "-ERR [SYS/TEMP] use the whole address as user name";
    assert_eq!(answer(&server, "Anna", "secret"), refused);
    assert!(server.wait_for_log("upstream.fault").contains("log in with the whole address"));
    server.wait_for_log("why=name");
    // Who is here, where no old server stands, is nobody else.
    assert!(answer(&server, "bert", "wrong").starts_with("-ERR [AUTH]"));
    assert!(answer(&server, "bert", "ours").starts_with("+OK"));
    assert_eq!(old.heard("PASS"), 0, "nobody was told a password");
    assert!(!server.restante(&["account", "list", "--json"], "").done().contains("anna"));
    // With one domain it is whose it must be, and who is here stays who she is.
    server.restante(&["upstream", "remove", "b.example"], "").done();
    assert!(answer(&server, "Anna", "wrong").starts_with("-ERR [AUTH]"));
    assert!(answer(&server, "Anna", "secret").starts_with("+OK 3 "));
    add(&server, &["b.example", &to, "--plain"]);
    assert!(answer(&server, "Anna", "secret").starts_with("+OK 3 "));
    assert!(answer(&server, "Anna", "wrong").starts_with("-ERR [AUTH]"));
    let accounts = server.restante(&["account", "list", "--json"], "").done();
    assert!(accounts.contains("anna@a.example") && !accounts.contains("anna@b.example"), "{accounts}");
}

#[test]
fn mail_is_taken_for_who_is_known_and_for_all_if_wanted() {
    let old = OldServer::with(&FEW);
    let server = moving(&old, "");
    let rcpt = |to: &str, wanted: &str| {
        let mut client = server.smtp();
        client.ask("EHLO mx.example.net", "250 ");
        client.ask("MAIL FROM:<carl@example.net>", "250 ");
        client.ask(&format!("RCPT TO:<{to}>"), wanted);
    };
    rcpt(ANNA, "450 4.1.1");
    rcpt("nobody@other.example", "550 5.7.1");
    add(&server, &[ANNA, &old.address.to_string(), "--plain"]);
    rcpt(ANNA, "250 ");
    rcpt("bert@old.example", "450 4.1.1");
    add(&server, &["old.example", &old.address.to_string(), "--plain", "--accept-unknown"]);
    rcpt("bert@old.example", "250 ");
    // What came before the first login stands behind the old mail.
    server.send(&["Anna+lists@Old.Example"], b"Subject: early\r\n\r\nearly\r\n");
    let mut client = login(&server, "secret").unwrap();
    let ids = client.uidl();
    assert_eq!((&ids[..3], ids.len()), (&wanted(&FEW).unique_ids[..], 4));
    assert!(client.retr(4).ends_with(b"Subject: early\r\n\r\nearly\r\n"));
}

#[test]
fn watching_ends_when_nobody_reads() {
    let server = Server::prepare("");
    let mut watching = restante();
    watching.arg("--config").arg(server.config()).args(["upstream", "list", "--watch"]);
    let mut child = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 3];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    assert_eq!(first, *b"no ");
    eventually("its end", || child.try_wait().unwrap());
}

#[test]
fn scram_is_not_offered_while_an_old_server_stands() {
    let server = Server::start("");
    let offers = |server: &Server| server.pop3s().lines("CAPA").concat();
    let scram = |text: &[u8]| String::from_utf8_lossy(text).contains("SCRAM");
    assert!(scram(&offers(&server)));
    add(&server, &["old.example", "127.0.0.1:1", "--plain"]);
    assert!(!scram(&offers(&server)));
    server.restante(&["upstream", "remove", "old.example"], "").done();
    assert!(scram(&offers(&server)));
}

#[test]
fn another_restante_is_an_old_server_as_well() {
    let old = Server::start("");
    for n in 0..5 {
        old.send(&["anna@example.org"], format!("Subject: {n}\r\n\r\n.{n}\r\n").as_bytes());
    }
    let before = view(&mut old.log_in("anna"));
    let mut server = Server::prepare("");
    // By its name, which is looked up behind the fence around the files.
    let host = format!("localhost:{}", old.address("pop3s").port());
    add(&server, &["example.org", &host, "--tls", "--insecure", "--user", "%n"]);
    server.again();
    let mut client = server.pop3s();
    client.log_in("Anna@Example.org", "secret");
    assert_eq!(view(&mut client), before);
    client.quit();
    server.wait_for_log("fetch.insecure");
    drop(old);
    assert_eq!(view(&mut server.log_in("anna")), before);
}
