//! What the dialogues cannot say: sizes, policies, and what comes between two commands.

use super::*;
use crate::accounts::{Grant, Verdict};
use crate::mail::{MessageNumber, Password, UserName};
use crate::net::{ListenAddress, Listener};
use crate::pop3::Listing;
use crate::runtime::block_on;
use crate::serve::testing::with_anna;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

#[test]
fn a_connection_may_wander_between_threads() {
    fn needs_send<T: Send>(_: impl FnOnce(Arc<Shared>, Stream) -> T) {}
    needs_send(|shared, stream| run(shared, stream, SessionId(0), false));
}

#[test]
fn an_idle_connection_takes_little_memory() {
    fn task<F: Future>(_: fn(Arc<Shared>, Stream, SessionId, bool) -> F) -> usize {
        size_of::<F>()
    }
    // A future that is large and seldom under way belongs into a box.
    assert!(task(run) < 3 * 1024, "{}", task(run));
}

#[test]
fn who_may_log_in_without_tls() {
    use PlaintextLogin::*;
    for (peer, allowed) in [
        ("127.0.0.1:1", [false, true, true, true]),
        ("192.168.1.9:1", [false, false, true, true]),
        ("[fd00::1]:1", [false, false, true, true]),
        ("198.51.100.1:1", [false, false, false, true]),
        ("[2001:db8::1]:1", [false, false, false, true]),
    ] {
        let address = Peer::Tcp(peer.parse().unwrap());
        let found = [Never, Loopback, Private, Always].map(|policy| may_log_in_plain(policy, &address));
        assert_eq!(found, allowed, "{peer}");
    }
}

/// Our side of a connection, and the client's.
fn connected() -> (Stream, TcpStream) {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let ListenAddress::Tcp(address) = listener.address() else { unreachable!() };
    let client = TcpStream::connect(address).unwrap();
    (block_on(listener.accept()).unwrap(), client)
}

fn granted(shared: &Shared) -> Grant {
    let (user, password) = (UserName::parse("anna").unwrap(), Password::new("secret").unwrap());
    match shared.accounts.verify(&user, &password).unwrap() {
        Verdict::Welcome(grant) => grant,
        other => panic!("no login: {other:?}"),
    }
}

/// A session that is logged in and has marked its one message, and the file of that.
fn about_to_update(folder: &Path, stream: &Stream) -> (Visit, Marked, UpdateTicket, std::path::PathBuf) {
    let (shared, anna) = with_anna(folder);
    let new = shared.settings().mail().join("example.org/anna/new");
    fs::create_dir_all(&new).unwrap();
    let file = new.join("1700000000.one");
    fs::write(&file, "one\n").unwrap();
    let mut visit = Visit::new(Arc::clone(&shared), stream.peer(), SessionId(0));
    let maildrop = shared.maildrops.open(&anna, stream.peer()).unwrap();
    let mut session = Session::new(Terms { may_log_in: true, tls: None, scram: false });
    let Step::Say(_) = session.line(b"USER anna") else { panic!("no name") };
    let Step::LogIn(_, ticket) = session.line(b"PASS secret") else { panic!("no login") };
    let _said = session.logged_in(ticket, Listing::of(maildrop.contents()));
    visit.maildrop = Some(Arc::new(maildrop));
    visit.holding = Some(shared.holders.enter(granted(&shared), &visit.leave));
    let Step::Say(_) = session.line(b"DELE 1") else { panic!("not marked") };
    let Step::Update(marked, ticket) = session.line(b"QUIT") else { panic!("no update") };
    assert_eq!(marked.deleted, [MessageNumber::from_index(0).unwrap()]);
    (visit, marked, ticket, file)
}

#[test]
fn nothing_is_removed_for_who_was_shut_out_while_the_last_answers_were_on_their_way() {
    for shut_out in [false, true] {
        let (folder, (stream, _client)) = (tempfile::tempdir().unwrap(), connected());
        let (mut visit, marked, ticket, file) = about_to_update(folder.path(), &stream);
        let anna = AccountAddress::parse("anna@example.org").unwrap();
        visit.shared.accounts.set_enabled(&anna, !shut_out).unwrap();
        let mut connection = Connection::new(stream, Duration::from_secs(10));
        let outcome = block_on(update(&mut visit, &mut connection, marked, ticket));
        assert_eq!(matches!(outcome, Err(End::Revoked)), shut_out);
        assert_eq!(file.exists(), shut_out);
    }
}
