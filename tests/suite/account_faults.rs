//! The account database when a write to it fails: at the first block, at the second, and so on.
//!
//! SQLite does its own writing, so the disk is made to fail from outside: a limit of the file size
//! (setrlimit(2)) refuses every write behind it, or ends the process in the middle of it.

use crate::harness::{Outcome, Server};

const ANNA: &str = "anna@example.org";
const BERT: &str = "bert@example.org";
/// Blocks of `ulimit -f`: together more than the database and its journal have.
const BLOCKS: std::ops::Range<u32> = 0..160;

/// What becomes of a write behind the limit.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    /// It fails, as on a full disk.
    Fails,
    /// The process ends there, as by kill -9.
    Kills,
}

fn limited(server: &Server, blocks: u32, behind: Behind, arguments: &[&str], input: &str) -> Outcome {
    let signal = if behind == Behind::Fails { "trap '' XFSZ; " } else { "" };
    let script = format!("{signal}ulimit -c 0; ulimit -f {blocks}; exec \"$@\"");
    server.restante_by(&script, arguments, input)
}

fn is_listed(server: &Server, account: &str) -> bool {
    server.restante(&["account", "list"], "").done().contains(account)
}

/// Adds an account under each limit: how often that was done, and how often not.
fn add_under_each_limit(behind: Behind) -> (u32, u32) {
    let server = Server::prepare("");
    server.account(ANNA, "secret");
    let (mut done, mut failed) = (0, 0);
    for blocks in BLOCKS {
        let outcome = limited(&server, blocks, behind, &["account", "add", BERT, "--password-stdin"], "x\n");
        let there = is_listed(&server, BERT);
        assert!(is_listed(&server, ANNA), "{blocks} blocks: {outcome:?}");
        match outcome.status {
            Some(0) => {
                done += 1;
                assert!(there, "acknowledged and not there, {blocks} blocks: {outcome:?}");
            }
            // Killed behind its commit, it is there without a word: that is allowed.
            None => failed += 1,
            status => {
                failed += 1;
                assert_eq!(status, Some(1), "{blocks} blocks: {outcome:?}");
                assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{blocks} blocks: {outcome:?}");
                assert!(!there, "refused and there, {blocks} blocks: {outcome:?}");
            }
        }
        if there {
            server.restante(&["account", "remove", BERT], "").done();
        }
    }
    (done, failed)
}

#[test]
fn an_account_is_there_when_it_was_acknowledged_and_not_when_it_was_refused() {
    let (done, failed) = add_under_each_limit(Behind::Fails);
    assert!(done > 0 && failed > 0, "{done} done and {failed} failed: this proves nothing");
}

#[test]
fn a_command_that_is_killed_at_any_write_leaves_a_database_that_opens() {
    let (done, failed) = add_under_each_limit(Behind::Kills);
    assert!(done > 0 && failed > 0, "{done} done and {failed} failed: this proves nothing");
}

#[test]
fn a_password_is_the_old_one_or_the_new_one_at_every_write() {
    let mut server = Server::prepare("");
    server.account(ANNA, "secret");
    let mut current = "secret".to_owned();
    for blocks in BLOCKS.step_by(8) {
        let new = format!("new{blocks}");
        let input = format!("{new}\n");
        let outcome =
            limited(&server, blocks, Behind::Fails, &["account", "passwd", ANNA, "--password-stdin"], &input);
        if outcome.status == Some(0) {
            current = new;
        }
    }
    assert_ne!(current, "secret", "no limit let it through: this proves nothing");
    server.again();
    let mut client = server.pop3();
    client.ask(&format!("USER {ANNA}"), "+OK");
    client.ask(&format!("PASS {current}"), "+OK");
    client.quit();
}

/// Users of an import: two whole batches and a bit.
const USERS: usize = 507;

#[test]
fn an_import_that_is_cut_off_keeps_whole_batches_and_goes_on() {
    let users: String =
        (0..USERS).map(|n| format!("user{n}@example.org:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")).collect();
    let import = ["account", "import", "-", "--format", "dovecot-passwd", "--json"];
    let mut kept = std::collections::BTreeSet::new();
    for (behind, blocks) in [80, 150, 210, 270, 330, 5000]
        .map(|blocks| (Behind::Fails, blocks))
        .into_iter()
        .chain([80, 150, 210, 270, 330].map(|blocks| (Behind::Kills, blocks)))
    {
        let server = Server::prepare("");
        server.account(ANNA, "secret");
        let outcome = limited(&server, blocks, behind, &import, &users);
        let there = server.restante(&["account", "list"], "").done().matches("user").count();
        assert!(outcome.status != Some(0) || there == USERS, "{blocks} blocks, {there}: {outcome:?}");
        assert!([0, 250, 500, USERS].contains(&there), "{blocks} blocks: {there}");
        kept.insert(there);
        let again = server.restante(&import, &users).done();
        let again: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert_eq!((&again["added"], &again["unchanged"]), (&(USERS - there).into(), &there.into()));
    }
    assert!(kept.len() > 2, "{kept:?}: this proves little");
}
