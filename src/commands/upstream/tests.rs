//! What an administrator types about old servers, and what is shown of them.

use super::super::cli::{Cli, Command, UpstreamCommand};
use super::super::testing::place;
use super::*;
use crate::accounts::AliasName;
use crate::mail::Password;
use clap::Parser;

fn arguments(typed: &[&str]) -> UpstreamArguments {
    let line = ["restante", "upstream", "add"].iter().chain(typed);
    match Cli::try_parse_from(line).unwrap().command {
        Command::Upstream { command: UpstreamCommand::Add(arguments) } => arguments,
        other => panic!("{other:?}"),
    }
}

/// As `upstream add` does, without a look at hosts that are nowhere.
fn kept(settings: &Settings, typed: &[&str]) -> Result<Upstream, Finding> {
    let arguments = arguments(typed);
    let server = Server::parse(&arguments.host).map_err(|text| finding(&text))?;
    keep(settings, &arguments, &server)
}

fn added(settings: &Settings, typed: &[&str]) -> Upstream {
    kept(settings, typed).unwrap();
    let scope = scope(typed[0]).unwrap();
    let all = open(settings).unwrap().upstreams().unwrap();
    all.into_iter().find(|upstream| upstream.scope == scope).unwrap()
}

#[test]
fn how_it_is_secured_is_kept() {
    let (_folder, settings) = place();
    for (typed, security, port) in [
        (&["a.org", "pop.a.net"][..], Security::Default, None),
        (&["a.org", "pop.a.net", "--tls"], Security::Tls, None),
        (&["a.org", "pop.a.net:110", "--stls"], Security::Stls, Some(110)),
        (&["a.org", "pop.a.net:2110", "--plain"], Security::Plain, Some(2110)),
    ] {
        let upstream = added(&settings, typed);
        assert_eq!((upstream.security, upstream.port), (security, port), "{typed:?}");
        assert_eq!((upstream.trust, upstream.user), (Trust::Roots, UserPattern::AsTyped));
    }
}

#[test]
fn what_is_typed_is_kept() {
    let (folder, settings) = place();
    let file = folder.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(vec!["pop.a.net".to_owned()]).unwrap();
    fs::write(&file, made.cert.pem()).unwrap();
    let trusted =
        added(&settings, &["Anna@A.org", "[::1]:995", "--ca", file.to_str().unwrap(), "--user", "%n"]);
    assert_eq!(trusted.trust, Trust::Authority(made.cert.pem()));
    assert_eq!(
        (trusted.host.as_str(), trusted.port, trusted.user),
        ("::1", Some(995), UserPattern::LocalPart)
    );
    let colons = ["AB"; 32].join(":");
    let pinned = added(&settings, &["a.org", "pop.a.net", "--fingerprint", &colons, "--accept-unknown"]);
    assert_eq!((pinned.trust, pinned.accept_unknown), (Trust::Fingerprint(colons), true));
    assert_eq!(added(&settings, &["a.org", "pop.a.net", "--insecure"]).trust, Trust::Anything);
}

#[test]
fn what_is_no_upstream_is_refused_with_a_remedy() {
    let (folder, settings) = place();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for (typed, why) in [
        (&["a b", "pop.a.net"][..], "\"a b\""),
        (&["@a.org", "pop.a.net"], "\"@a.org\""),
        (&["a.org", "not a host"], "is no server"),
        (&["a.org", "h.net", "--ca", empty.to_str().unwrap()], "no certificate"),
        (&["a.org", "h.net", "--ca", "/nowhere/x.pem"], "/nowhere/x.pem"),
    ] {
        let finding = kept(&settings, typed).unwrap_err();
        assert!(finding.what.contains(why), "{finding:?}");
    }
    assert!(open(&settings).unwrap().upstreams().unwrap().is_empty());
    for usage in [
        &["a.org", "h", "--tls", "--plain"][..],
        &["a.org", "h", "--fingerprint", "abcd"],
        &["a.org", "h", "--user", "%d"],
        &["a.org"],
    ] {
        let line = ["restante", "upstream", "add"].iter().chain(usage);
        assert!(Cli::try_parse_from(line).is_err(), "{usage:?}");
    }
}

#[test]
fn it_is_not_taken_away_while_somebody_is_not_moved() {
    let (_folder, settings) = place();
    assert!(remove(&settings, "a.org", true).unwrap_err().what.contains("no old server"));
    added(&settings, &["a.org", "pop.a.net"]);
    let accounts = open(&settings).unwrap();
    let address = |text: &str| AccountAddress::parse(text).unwrap();
    let secret = Password::new("secret").unwrap();
    accounts.take_in(&address("anna@a.org"), &secret).unwrap();
    accounts.add(&address("bert@a.org"), &secret).unwrap();
    let refused = remove(&settings, "a.org", false).unwrap_err();
    assert_eq!(refused.what, "a.org is not moved: anna@a.org (moving), bert@a.org (waiting)");
    accounts.note_progress(&address("anna@a.org"), None, Progress::Moved, None).unwrap();
    added(&settings, &["bert@a.org", "pop.b.net"]);
    remove(&settings, "a.org", false).unwrap();
    assert!(remove(&settings, "bert@a.org", false).is_err());
    remove(&settings, "bert@a.org", true).unwrap();
    assert!(accounts.upstreams().unwrap().is_empty());
}

#[test]
fn a_long_list_of_those_left_behind_is_cut() {
    let account = |n: u8| Move {
        address: AccountAddress::parse(&format!("user{n}@a.org")).unwrap(),
        enabled: true,
        progress: Progress::Relayed,
        why: None,
        messages: 0,
        since: None,
    };
    let many: Vec<Move> = (1..=5).map(account).collect();
    let named = named(&many.iter().collect::<Vec<_>>());
    assert_eq!(named, "user1@a.org (relayed), user2@a.org (relayed), user3@a.org (relayed) and 2 more");
}

#[test]
fn the_list_shows_how_far_it_is() {
    let (_folder, settings) = place();
    list(&settings, false).unwrap();
    added(&settings, &["a.org", "pop.a.net", "--stls", "--accept-unknown"]);
    let accounts = open(&settings).unwrap();
    let anna = AccountAddress::parse("anna@a.org").unwrap();
    accounts.take_in(&anna, &Password::new("secret").unwrap()).unwrap();
    accounts.note_messages(&anna, 12).unwrap();
    accounts.note_progress(&anna, None, Progress::Failing, Some("message 3: no answer")).unwrap();
    let (upstreams, mut moves) = found(&settings).unwrap();
    moves[0].since = Some(std::time::UNIX_EPOCH);
    assert_eq!(
        shown::as_text(&upstreams, &moves),
        "DOMAIN  OLD SERVER  TLS   USER  MAIL FOR UNKNOWN\n\
         a.org   pop.a.net   stls  %u    accepted\n\n\
         1 account: 1 failing\n\n\
         ADDRESS     STATE    MESSAGES  SINCE                 WHY\n\
         anna@a.org  failing        12  1970-01-01T00:00:00Z  message 3: no answer\n"
    );
    let value: serde_json::Value =
        serde_json::from_str(&shown::as_json(&upstreams, &moves).unwrap()).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "upstreams": [{"domain": "a.org", "host": "pop.a.net", "port": null, "tls": "stls", "user": "%u",
                           "accept_unknown": true}],
            "accounts": [{"address": "anna@a.org", "state": "failing", "why": "message 3: no answer",
                          "messages": 12, "since": "1970-01-01T00:00:00Z"}],
        })
    );
}

/// The folder of a domain with two messages that wait for their account.
fn waiting(settings: &Settings, address: &str) -> std::path::PathBuf {
    let (local_part, domain) = address.split_once('@').unwrap();
    let domain = settings.mail().join(domain);
    fs::create_dir_all(domain.join(local_part).join("new")).unwrap();
    for name in ["1", "2"] {
        fs::write(domain.join(local_part).join("new").join(name), "mail").unwrap();
    }
    domain
}

fn listed(settings: &Settings) -> Vec<(String, u64)> {
    let (_, moves) = found(settings).unwrap();
    moves.into_iter().map(|account| (account.address.to_string(), account.messages)).collect()
}

#[test]
fn what_is_no_mailbox_is_passed_over() {
    let (_folder, settings) = place();
    added(&settings, &["a.org", "pop.a.net"]);
    added(&settings, &["bert@b.org", "pop.b.net"]);
    added(&settings, &["c.org", "pop.c.net"]);
    let domain = waiting(&settings, "anna@a.org");
    fs::write(domain.join("notes.txt"), "call bert").unwrap();
    fs::create_dir(domain.join("lost+found")).unwrap();
    std::os::unix::fs::symlink(domain.join("anna"), domain.join("link")).unwrap();
    // In the way of what is counted: a mailbox, one named by itself, and a domain.
    fs::create_dir(domain.join("carl")).unwrap();
    fs::write(domain.join("carl/new"), "").unwrap();
    fs::create_dir(settings.mail().join("b.org")).unwrap();
    fs::write(settings.mail().join("b.org/bert"), "").unwrap();
    fs::write(settings.mail().join("c.org"), "").unwrap();
    assert_eq!(listed(&settings), [("anna@a.org".to_owned(), 2)]);
    list(&settings, true).unwrap();
    let refused = remove(&settings, "a.org", false).unwrap_err();
    assert!(refused.what.starts_with("a.org is not moved: anna@a.org (waiting: "), "{refused:?}");
    remove(&settings, "a.org", true).unwrap();
}

#[test]
fn nobody_waits_who_can_never_log_in() {
    let (_folder, settings) = place();
    let address = |text: &str| AccountAddress::parse(text).unwrap();
    for domain in ["a.org", "xn--mnchen-3ya.example"] {
        added(&settings, &[domain, "pop.a.net"]);
        for local_part in ["anna", "info", "new"] {
            waiting(&settings, &format!("{local_part}@{domain}"));
        }
    }
    let accounts = open(&settings).unwrap();
    for (alias, account) in [("info@a.org", "anna@a.org"), ("info@münchen.example", "anna@münchen.example")]
    {
        accounts.add(&address(account), &Password::new("secret").unwrap()).unwrap();
        accounts.add_alias(&AliasName::Address(address(alias)), &[address(account)]).unwrap();
    }
    let expected =
        [("anna@a.org", 0), ("new@a.org", 2), ("anna@münchen.example", 0), ("new@xn--mnchen-3ya.example", 2)];
    assert_eq!(listed(&settings), expected.map(|(address, messages)| (address.to_owned(), messages)));
    let left = |refused: Finding| refused.what.matches("waits in").count();
    assert_eq!(left(remove(&settings, "xn--mnchen-3ya.example", false).unwrap_err()), 1);
    fs::remove_dir_all(settings.mail().join("xn--mnchen-3ya.example/new")).unwrap();
    assert_eq!(left(remove(&settings, "xn--mnchen-3ya.example", false).unwrap_err()), 0, "anna alone");
}
