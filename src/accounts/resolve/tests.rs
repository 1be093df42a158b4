//! The way of an address to its mailboxes.

use super::super::ChangeError;
use super::super::testing::{Fixture, address, alias};
use super::super::upstream::{Security, Trust, Upstream, UserPattern};
use super::*;
use proptest::prelude::*;

const HOST: &str = "mail.example.org";

/// Accounts in the order they are made, then aliases as `name target target`.
fn house(accounts: &[&str], aliases: &[&str]) -> (Fixture, Accounts) {
    let fixture = Fixture::new();
    let opened = fixture.with(accounts);
    for line in aliases {
        let mut words = line.split(' ');
        let name = alias(words.next().unwrap());
        opened.add_alias(&name, &words.map(address).collect::<Vec<_>>()).unwrap();
    }
    (fixture, opened)
}

/// The mailboxes with blanks between, `unknown` or `foreign`.
fn way(accounts: &Accounts, to: &str) -> String {
    let path = ForwardPath::parse(to.as_bytes()).unwrap();
    match accounts.resolve(&path, &Domain::parse(HOST).unwrap()).unwrap() {
        Ok(mailboxes) => {
            assert!(!mailboxes.is_empty(), "{to}");
            mailboxes.iter().map(|mailbox| mailbox.address.to_string()).collect::<Vec<_>>().join(" ")
        }
        Err(Unresolved::UnknownUser) => "unknown".to_owned(),
        Err(Unresolved::NotYetKnown) => "not yet".to_owned(),
        Err(Unresolved::ForeignDomain) => "foreign".to_owned(),
    }
}

fn check(accounts: &Accounts, expected: &[(&str, &str)]) {
    for (to, mailboxes) in expected {
        assert_eq!(way(accounts, to), *mailboxes, "{to}");
    }
}

fn old_server(scope: Scope, accept_unknown: bool) -> Upstream {
    let (host, user) = ("pop.example.net".to_owned(), UserPattern::AsTyped);
    Upstream { scope, host, port: None, security: Security::Tls, trust: Trust::Roots, user, accept_unknown }
}

#[test]
fn a_domain_with_an_old_server_is_ours_and_an_unknown_name_there_is_not_yet_known() {
    let (_folder, accounts) = house(&["anna@x.org"], &["info@x.org bert@x.org anna@x.org"]);
    let domain = Scope::Domain(Domain::parse("x.org").unwrap());
    accounts.add_upstream(&old_server(domain.clone(), false)).unwrap();
    accounts.add_upstream(&old_server(Scope::Address(address("carl@y.org")), false)).unwrap();
    check(
        &accounts,
        &[
            ("anna@x.org", "anna@x.org"),
            ("bert@x.org", "not yet"),
            ("info@x.org", "anna@x.org"),
            ("carl@y.org", "carl@y.org"),
            ("carl+lists@y.org", "carl@y.org"),
            ("dora@y.org", "unknown"),
            ("dora%x.org@x.org", "unknown"),
            ("anna@z.org", "foreign"),
        ],
    );
    accounts.add_upstream(&old_server(domain, true)).unwrap();
    check(
        &accounts,
        &[("bert+x@x.org", "bert@x.org"), ("info@x.org", "bert@x.org anna@x.org"), ("dora@y.org", "unknown")],
    );
    accounts.add_alias(&alias("@x.org"), &[address("anna@x.org")]).unwrap();
    check(&accounts, &[("bert@x.org", "anna@x.org")]);
}

#[test]
fn the_nearer_name_wins() {
    let (_folder, accounts) = house(
        &["anna@x.org", "bert+lists@x.org", "bert@x.org", "rest@x.org"],
        &["info@x.org anna@x.org", "anna+news@x.org bert@x.org", "@x.org rest@x.org"],
    );
    check(
        &accounts,
        &[
            ("anna@x.org", "anna@x.org"),
            ("ANNA@X.ORG", "anna@x.org"),
            ("\"anna\"@x.org", "anna@x.org"),
            ("anna+any@x.org", "anna@x.org"),
            ("anna+any+more@x.org", "anna@x.org"),
            ("anna+news@x.org", "bert@x.org"),
            ("bert+lists@x.org", "bert+lists@x.org"),
            ("bert+other@x.org", "bert@x.org"),
            ("info+any@x.org", "anna@x.org"),
            ("nobody@x.org", "rest@x.org"),
            ("nobody+any@x.org", "rest@x.org"),
            ("\"two words\"@x.org", "rest@x.org"),
        ],
    );
}

#[test]
fn local_is_where_an_account_or_an_alias_is_and_the_host() {
    let (_folder, accounts) = house(&["anna@x.org"], &["info@y.org anna@x.org", "@z.org anna@x.org"]);
    check(
        &accounts,
        &[
            ("nobody@x.org", "unknown"),
            ("nobody@y.org", "unknown"),
            ("nobody@z.org", "anna@x.org"),
            ("nobody@mail.example.org", "unknown"),
            ("anna@sub.x.org", "foreign"),
            ("anna@example.org", "foreign"),
            ("anna@[192.0.2.1]", "foreign"),
            ("anna@[IPv6:2001:db8::1]", "foreign"),
        ],
    );
}

/// A sender without SMTPUTF8 cannot write the one, and who types it would not write the other.
#[test]
fn both_forms_of_an_international_domain_are_one() {
    let (_folder, accounts) = house(
        &["eva@münchen.example", "bert@xn--bcher-kva.example", "eva@xn--bcher-kva.example"],
        &["@xn--bcher-kva.example bert@bücher.example", "team@x.org eva@xn--mnchen-3ya.example"],
    );
    check(
        &accounts,
        &[
            ("eva@münchen.example", "eva@münchen.example"),
            ("eva+list@XN--MNCHEN-3YA.example", "eva@münchen.example"),
            ("nobody@xn--mnchen-3ya.example", "unknown"),
            ("postmaster@xn--mnchen-3ya.example", "eva@münchen.example"),
            ("eva@bücher.example", "eva@xn--bcher-kva.example"),
            ("nobody@bücher.example", "bert@xn--bcher-kva.example"),
            ("\"a b\"@bücher.example", "bert@xn--bcher-kva.example"),
            ("team@x.org", "eva@münchen.example"),
            ("eva@xn--mnchen-3yb.example", "foreign"),
        ],
    );
    assert!(matches!(accounts.is_vacant(&address("eva@xn--mnchen-3ya.example")), Err(ChangeError::Exists)));
}

#[test]
fn an_old_server_is_that_of_both_forms_of_its_domain() {
    let (_folder, accounts) = house(&[], &[]);
    let domain = Scope::Domain(Domain::parse("münchen.example").unwrap());
    accounts.add_upstream(&old_server(domain, false)).unwrap();
    check(&accounts, &[("eva@xn--mnchen-3ya.example", "not yet")]);
}

#[test]
fn no_classic_form_of_a_route_gets_in_not_even_with_a_catch_all() {
    let (_folder, accounts) = house(&["anna@x.org"], &["@x.org anna@x.org"]);
    check(
        &accounts,
        &[
            ("user%other.example@x.org", "unknown"),
            ("other.example!user@x.org", "unknown"),
            ("\"user@other.example\"@x.org", "unknown"),
            ("@x.org:user@other.example", "foreign"),
            ("@x.org,@y.org:user@other.example", "foreign"),
            ("user%x.org@other.example", "foreign"),
            ("postmaster%other.example@x.org", "unknown"),
        ],
    );
}

#[test]
fn postmaster_is_somebody_at_every_local_domain() {
    let (_folder, accounts) = house(
        &["first@x.org", "anna@x.org", "postmaster@y.org"],
        &["postmaster@z.org anna@x.org", "@x.org anna@x.org", "postmaster@stale.org gone@x.net"],
    );
    check(
        &accounts,
        &[
            ("Postmaster", "first@x.org"),
            ("postmaster@x.org", "first@x.org"),
            ("PostMaster+x@x.org", "first@x.org"),
            ("postmaster@mail.example.org", "first@x.org"),
            ("postmaster@y.org", "postmaster@y.org"),
            ("postmaster@z.org", "anna@x.org"),
            ("postmaster@stale.org", "first@x.org"),
            ("postmaster@other.example", "foreign"),
        ],
    );
    accounts.add_alias(&alias("postmaster@mail.example.org"), &[address("anna@x.org")]).unwrap();
    check(&accounts, &[("postmaster", "anna@x.org"), ("postmaster@x.org", "first@x.org")]);
}

#[test]
fn the_oldest_account_is_the_one_made_first_of_those_that_are_left() {
    let (_folder, accounts) = house(&["zoe@x.org", "anna@x.org"], &[]);
    check(&accounts, &[("postmaster", "zoe@x.org")]);
    accounts.remove(&address("zoe@x.org")).unwrap();
    accounts.add(&address("zoe@x.org"), &super::super::testing::password("secret")).unwrap();
    check(&accounts, &[("postmaster", "anna@x.org")]);
}

#[test]
fn where_nobody_is_even_postmaster_is_unknown() {
    let (_folder, accounts) = house(&[], &[]);
    check(&accounts, &[("postmaster", "unknown"), ("postmaster@mail.example.org", "unknown")]);
}

/// RFC 5321, 4.5.1: while nobody has come from there yet, the old server may know one.
#[test]
fn where_nobody_is_yet_postmaster_may_be_known_to_the_old_server() {
    let (_folder, accounts) = house(&[], &[]);
    let domain = || Scope::Domain(Domain::parse("x.org").unwrap());
    let all = ["postmaster@x.org", "Postmaster+a@x.org"];
    accounts.add_upstream(&old_server(domain(), false)).unwrap();
    check(&accounts, &all.map(|to| (to, "not yet")));
    accounts.add_upstream(&old_server(domain(), true)).unwrap();
    check(&accounts, &all.map(|to| (to, "postmaster@x.org")));
    check(&accounts, &[("postmaster", "unknown")]);
    accounts.add_upstream(&old_server(Scope::Domain(Domain::parse(HOST).unwrap()), true)).unwrap();
    check(&accounts, &[("postmaster", "postmaster@mail.example.org")]);
}

#[test]
fn aliases_lead_on_and_each_mailbox_is_found_once() {
    let (_folder, accounts) = house(
        &["anna@x.org", "bert@x.org"],
        &[
            "all@x.org staff@x.org bert@x.org anna+all@x.org",
            "staff@x.org bert@x.org anna@x.org gone@x.org someone@other.example",
            "a@x.org b@x.org",
            "b@x.org a@x.org anna@x.org",
            "self@x.org self@x.org",
            "empty@x.org gone@x.org",
        ],
    );
    check(
        &accounts,
        &[
            ("all@x.org", "bert@x.org anna@x.org"),
            ("a@x.org", "anna@x.org"),
            ("b@x.org", "anna@x.org"),
            ("self@x.org", "unknown"),
            ("empty@x.org", "unknown"),
        ],
    );
}

#[test]
fn a_chain_within_its_bound_is_followed_and_a_longer_one_keeps_the_mail_waiting() {
    let name = |n: usize| format!("a{n}@x.org");
    let chain: Vec<String> =
        (1..=limits::ALIAS_DEPTH_MAX + 1).map(|n| format!("{} {}", name(n), name(n - 1))).collect();
    let lines: Vec<&str> = chain.iter().map(String::as_str).collect();
    let (_folder, accounts) = house(&["a0@x.org"], &lines);
    assert_eq!(way(&accounts, &name(limits::ALIAS_DEPTH_MAX)), "a0@x.org");
    let path = ForwardPath::parse(name(limits::ALIAS_DEPTH_MAX + 1).as_bytes()).unwrap();
    let refused = accounts.resolve(&path, &Domain::parse(HOST).unwrap());
    assert!(matches!(refused, Err(Error::Temporary(_))));
}

#[test]
fn no_recipient_becomes_more_mailboxes_than_its_bound_and_none_is_left_out_silently() {
    let (_folder, accounts) = house(&["a0@x.org"], &[]);
    // Beside the one that was made: as many as the bound, by copying, since hashing each takes long.
    accounts
        .store
        .write::<_, Error>(|db| {
            let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                INSERT INTO accounts (local_part, domain, created, salt, rounds, stored_key, server_key)
                SELECT 'a' || i, domain, created, salt, rounds, stored_key, server_key FROM accounts, n";
            Ok(db.execute(sql, (limits::ALIAS_EXPANSION_MAX as i64,))?)
        })
        .unwrap();
    let all: Vec<_> = (0..=limits::ALIAS_EXPANSION_MAX).map(|n| address(&format!("a{n}@x.org"))).collect();
    accounts.add_alias(&alias("most@x.org"), &all[1..]).unwrap();
    accounts.add_alias(&alias("more@x.org"), &all).unwrap();
    assert_eq!(way(&accounts, "most@x.org").split(' ').count(), limits::ALIAS_EXPANSION_MAX);
    let path = ForwardPath::parse(b"more@x.org").unwrap();
    let Err(Error::Temporary(why)) = accounts.resolve(&path, &Domain::parse(HOST).unwrap()) else {
        panic!("it was taken");
    };
    assert!(why.contains("more@x.org"), "{why}");
}

#[test]
fn disabled_accounts_still_receive_and_quotas_come_along() {
    let (_folder, accounts) = house(&["anna@x.org", "bert@x.org"], &["both@x.org anna@x.org bert@x.org"]);
    accounts.set_enabled(&address("anna@x.org"), false).unwrap();
    accounts.set_quota(&address("bert@x.org"), Some(Bytes(1000))).unwrap();
    let path = ForwardPath::parse(b"both@x.org").unwrap();
    let found = accounts.resolve(&path, &Domain::parse(HOST).unwrap()).unwrap().unwrap();
    let mailbox = |name, quota| Mailbox { address: address(name), quota };
    assert_eq!(found, [mailbox("anna@x.org", None), mailbox("bert@x.org", Some(Bytes(1000)))]);
}

#[test]
fn no_question_of_a_delivery_walks_through_a_table() {
    let (_folder, accounts) = house(&["anna@x.org"], &[]);
    accounts
        .store
        .read(|db| {
            for sql in [ACCOUNT, ALIAS, TARGETS, IS_LOCAL] {
                let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let values = vec!["x"; query.parameter_count()];
                let plan: Vec<String> = query
                    .query_map(rusqlite::params_from_iter(values), |row| row.get(3))?
                    .collect::<Result<_, _>>()?;
                assert!(plan.iter().any(|step| step.contains("USING")), "{sql}: {plan:?}");
                // "SCAN CONSTANT ROW" is the one row that EXISTS answers with.
                assert!(
                    !plan.iter().any(|step| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW"),
                    "{plan:?}"
                );
            }
            Ok(())
        })
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever points at whatever: it ends, finds only accounts, and none twice.
    #[test]
    fn any_web_of_aliases_ends(web in proptest::collection::vec(proptest::collection::vec(0..8usize, 1..4), 5)) {
        let name = |n: usize| format!("n{n}@x.org");
        let lines: Vec<String> = web.iter().enumerate().map(|(n, targets)| {
            let targets: Vec<_> = targets.iter().map(|target| name(*target)).collect();
            format!("{} {}", name(n), targets.join(" "))
        }).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (_folder, accounts) = house(&["n5@x.org", "n6@x.org"], &lines); // n7 is nobody.
        for n in 0..5 {
            let found = way(&accounts, &name(n));
            prop_assert!(["unknown", "n5@x.org", "n6@x.org", "n5@x.org n6@x.org", "n6@x.org n5@x.org"].contains(&found.as_str()));
        }
    }
}
