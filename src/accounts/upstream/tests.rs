//! Old servers and moves, as several processes see them.

use super::super::testing::{Fixture, Said, address, password, said, user};
use super::*;
use crate::mail::Domain;

fn upstream(scope: &str) -> Upstream {
    let scope = match scope.contains('@') {
        true => Scope::Address(address(scope)),
        false => Scope::Domain(Domain::parse(scope).unwrap()),
    };
    Upstream {
        scope,
        host: "pop.example.net".to_owned(),
        port: Some(995),
        security: Security::Tls,
        trust: Trust::Roots,
        user: UserPattern::AsTyped,
        accept_unknown: false,
    }
}

#[test]
fn an_upstream_comes_back_as_it_was_and_a_second_one_takes_its_place() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let mut wanted = Vec::new();
    let trusts = [
        Trust::Roots,
        Trust::Authority("-----BEGIN CERTIFICATE-----\nx y\n".to_owned()),
        Trust::Fingerprint("00ff".to_owned()),
        Trust::Anything,
    ];
    let securities = [Security::Default, Security::Tls, Security::Stls, Security::Plain];
    for (n, (trust, security)) in trusts.into_iter().zip(securities).enumerate() {
        let user = [UserPattern::AsTyped, UserPattern::LocalPart][n % 2];
        let name = ["a.org", "anna@a.org", "b.org", "c.org"][n];
        let one = Upstream { trust, security, user, accept_unknown: n == 2, ..upstream(name) };
        accounts.add_upstream(&Upstream { port: None, ..one.clone() }).unwrap();
        accounts.add_upstream(&one).unwrap();
        wanted.push(one);
    }
    assert!(!accounts.all_know_scram().unwrap());
    assert_eq!(fixture.open().upstreams().unwrap(), wanted);
    for one in &wanted {
        accounts.remove_upstream(&one.scope).unwrap();
        assert!(matches!(accounts.remove_upstream(&one.scope), Err(ChangeError::NoSuchUpstream)));
    }
    assert!(accounts.all_know_scram().unwrap());
}

fn standing(accounts: &Accounts, typed: &str) -> Option<Standing> {
    match accounts.meant(&user(typed)).unwrap() {
        Meant::Behind(standing) => Some(*standing),
        Meant::Ours => None,
        Meant::Unclear => panic!("{typed} may be several"),
    }
}

fn here_of(accounts: &Accounts, typed: &str) -> Option<Here> {
    standing(accounts, typed).unwrap().here
}

#[test]
fn an_address_goes_before_its_domain() {
    let fixture = Fixture::new();
    let accounts = fixture.open();
    let scope_of = |typed: &str| standing(&accounts, typed).map(|found| found.upstream.scope.to_string());
    assert_eq!(scope_of("anna@a.org"), None);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    accounts.add_upstream(&upstream("anna@a.org")).unwrap();
    assert_eq!(scope_of("Anna@A.org").as_deref(), Some("anna@a.org"));
    assert_eq!(scope_of("carl@a.org").as_deref(), Some("a.org"));
    assert_eq!(scope_of("Anna").as_deref(), Some("anna@a.org"));
    assert_eq!(standing(&accounts, "carl").unwrap().address, address("carl@a.org"));
    assert_eq!(scope_of("an@na@a.org"), None);
}

/// `-` is nobody's who has an old server, `?` is several people's.
fn meant(accounts: &Accounts, typed: &str) -> String {
    match accounts.meant(&user(typed)).unwrap() {
        Meant::Ours => "-".to_owned(),
        Meant::Behind(standing) => standing.address.to_string(),
        Meant::Unclear => "?".to_owned(),
    }
}

#[test]
fn a_bare_name_is_whose_it_is_here_and_is_never_guessed_at() {
    let fixture = Fixture::new();
    let accounts =
        fixture.with(&["bert@here.org", "carl@b.org", "dora@a.org", "dora@here.org", "emil@b.org"]);
    let all = || ["anna", "bert", "Carl", "dora", "emil"].map(|name| meant(&accounts, name));
    assert_eq!(all(), ["-"; 5], "no old server anywhere");
    accounts.add_upstream(&upstream("a.org")).unwrap();
    // Carl and Emil have their account elsewhere, and no old server is told their password.
    assert_eq!(all(), ["anna@a.org", "-", "-", "-", "-"]);
    // The same server for both, as a provider has it: it would let anna in as either.
    accounts.add_upstream(&upstream("b.org")).unwrap();
    assert_eq!(all(), ["?", "-", "carl@b.org", "-", "emil@b.org"]);
    accounts.take_in(&address("emil@a.org"), &password("secret")).unwrap();
    assert_eq!(all(), ["?", "-", "carl@b.org", "-", "?"]);
    assert_eq!(meant(&accounts, "emil@a.org"), "emil@a.org");
    accounts.remove_upstream(&upstream("a.org").scope).unwrap();
    assert_eq!(all(), ["anna@b.org", "-", "carl@b.org", "-", "-"]);
    // That of another mailbox stands behind no other name.
    accounts.add_upstream(&upstream("anna@c.org")).unwrap();
    assert_eq!([meant(&accounts, "anna"), meant(&accounts, "fritz")], ["?", "fritz@b.org"]);
}

#[test]
fn the_old_server_is_told_the_name_that_it_knows() {
    let named = |pattern, typed: &str| Upstream { user: pattern, ..upstream("a.org") }.user_of(&user(typed));
    assert_eq!(named(UserPattern::AsTyped, "Anna@A.org"), "Anna@A.org");
    assert_eq!(named(UserPattern::AsTyped, "Anna"), "Anna");
    assert_eq!(named(UserPattern::LocalPart, "Anna@A.org"), "Anna");
    assert_eq!(named(UserPattern::LocalPart, "anna"), "anna");
}

#[test]
fn who_is_taken_in_is_held_until_moved() {
    let fixture = Fixture::new();
    let (server, command) = (fixture.open(), fixture.open());
    server.add_upstream(&upstream("a.org")).unwrap();
    let (anna, secret) = (address("anna@a.org"), password("secret"));
    assert_eq!(here_of(&server, "anna@a.org"), None);
    let taken = server.take_in(&anna, &secret).unwrap();
    assert!(taken.is_some());
    let here = |progress, held| Some(Here { enabled: true, held, progress, was_refused_there: false });
    assert_eq!(here_of(&command, "anna"), here(Progress::Moving, true));
    assert_eq!(said(&server, "anna@a.org", "secret"), Said::Held);

    server.note_messages(&anna, 7).unwrap();
    server.note_progress(&anna, None, Progress::Failing, Some("disk full")).unwrap();
    let moves = command.moves().unwrap();
    assert_eq!((moves[0].progress, moves[0].messages), (Progress::Failing, 7));
    assert_eq!(moves[0].why.as_deref(), Some("disk full"));

    server.note_progress(&anna, None, Progress::Moved, None).unwrap();
    assert_eq!(here_of(&command, "anna"), here(Progress::Moved, false));
    assert_eq!(said(&server, "anna", "secret"), Said::Welcome(anna.clone()));
    assert_eq!(command.moves().unwrap()[0].why, None);
    let late = server.take_in(&anna, &password("other")).unwrap();
    assert_eq!(late, None, "a login that began before the move ended");
    for late in [Progress::Moving, Progress::Relayed, Progress::Failing] {
        assert_eq!(server.note_progress(&anna, taken, late, Some("no answer")).unwrap(), None, "{late:?}");
    }
    assert_eq!(here_of(&command, "anna"), here(Progress::Moved, false));
    assert_eq!(command.moves().unwrap()[0].why, None);
    assert_eq!(said(&server, "anna", "secret"), Said::Welcome(anna.clone()));
    command.remove(&anna).unwrap();
    assert!(server.moves().unwrap().is_empty());
    assert_eq!(server.note_progress(&anna, None, Progress::Moved, None).unwrap(), None);
    command.add(&anna, &secret).unwrap();
    assert_eq!(server.note_progress(&anna, taken, Progress::Moving, None).unwrap(), None, "another's mail");
    assert_eq!(here_of(&command, "anna"), here(Progress::Waiting, false));
}

#[test]
fn a_password_that_the_old_server_took_takes_the_place_of_another() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org"]);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    accounts.take_in(&address("anna@a.org"), &password("other")).unwrap();
    assert_eq!(said(&accounts, "anna", "secret"), Said::Wrong);
    assert_eq!(said(&accounts, "anna", "other"), Said::Held);
    accounts.take_in(&address("anna@a.org"), &password("other")).unwrap();
    assert_eq!(said(&accounts, "anna", "other"), Said::Held);
}

#[test]
fn only_accounts_behind_an_old_server_are_listed() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org", "bert@a.org", "carl@b.org"]);
    accounts.add_upstream(&upstream("anna@a.org")).unwrap();
    let names = || -> Vec<String> {
        accounts.moves().unwrap().iter().map(|account| account.address.to_string()).collect()
    };
    assert_eq!(names(), ["anna@a.org"]);
    assert_eq!(accounts.moves().unwrap()[0].progress, Progress::Waiting);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    assert_eq!(names(), ["anna@a.org", "bert@a.org"]);
}

#[test]
fn what_is_in_the_way_of_newcomers_is_noted_of_who_has_come() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org", "bert@a.org"]);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    accounts.note_progress(&address("anna@a.org"), None, Progress::Moved, None).unwrap();
    for why in [Some("message 5"), Some("message 6"), None] {
        accounts.note_why(&address("anna@a.org"), why).unwrap();
        accounts.note_why(&address("bert@a.org"), why).unwrap();
        let moves = accounts.moves().unwrap();
        assert_eq!((moves[0].why.as_deref(), moves[0].is_all_here()), (why, why.is_none()));
        assert_eq!((moves[1].progress, &moves[1].why), (Progress::Waiting, &None));
    }
}

#[test]
fn who_was_refused_there_waits_all_the_same_until_accepted() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org"]);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    let anna = address("anna@a.org");
    let was_refused = || here_of(&accounts, "anna@a.org").unwrap().was_refused_there;
    assert!(!was_refused());
    accounts.note_refused_there(&anna).unwrap();
    let moves = accounts.moves().unwrap();
    assert!(was_refused() && moves[0].was_refused_there() && moves[0].progress == Progress::Waiting);
    assert!(accounts.take_in(&anna, &password("secret")).unwrap().is_some());
    assert!(!was_refused());
    accounts.note_progress(&anna, None, Progress::Moved, None).unwrap();
    accounts.note_refused_there(&anna).unwrap();
    assert!(accounts.moves().unwrap()[0].is_all_here());
}

#[test]
fn what_was_brought_from_the_old_server_itself_is_moved_and_from_another_is_not() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org"]);
    let anna = address("anna@a.org");
    let brought = |host: &str, port, user_name: &str, messages| {
        accounts.note_brought(&anna, (host, port, &user(user_name)), messages).unwrap();
        let moves = accounts.moves().unwrap();
        moves.first().map(|account| (account.progress, account.messages))
    };
    assert_eq!(brought("pop.example.net", Some(995), "anna", 3), None, "no old server");
    accounts.add_upstream(&upstream("a.org")).unwrap();
    let waiting = Some((Progress::Waiting, 0));
    assert_eq!(brought("pop.example.com", Some(995), "anna", 3), waiting);
    assert_eq!(brought("pop.example.net", Some(1995), "anna", 3), waiting, "a tunnel may lead anywhere");
    assert_eq!(brought("pop.example.net", Some(995), "bert", 3), waiting);
    assert_eq!(brought("pop.example.net", Some(995), "anna@b.org", 3), waiting);
    accounts.hold(&anna).unwrap();
    assert_eq!(brought("POP.example.net", Some(110), "Anna@A.org", 3), Some((Progress::Moved, 3)));
    assert!(accounts.is_held(&anna).unwrap(), "another mailbox may still be to come");
    assert_eq!(brought("pop.example.net", None, "anna*master", 2), Some((Progress::Moved, 3)));
}

#[test]
fn a_name_that_is_an_alias_is_known_as_one() {
    let fixture = Fixture::new();
    let accounts = fixture.with(&["anna@a.org"]);
    accounts.add_upstream(&upstream("a.org")).unwrap();
    accounts.add_alias(&crate::accounts::testing::alias("info@a.org"), &[address("anna@a.org")]).unwrap();
    let is_alias = |name| standing(&accounts, name).unwrap().is_alias;
    assert_eq!(["info@a.org", "anna@a.org", "bert@a.org"].map(is_alias), [true, false, false]);
}

#[test]
fn both_forms_of_an_international_domain_have_the_same_old_server() {
    for (theirs, ours) in
        [("münchen.example", "xn--mnchen-3ya.example"), ("xn--mnchen-3ya.example", "münchen.example")]
    {
        let fixture = Fixture::new();
        let accounts = fixture.with(&[&format!("anna@{ours}"), "bert@b.org"]);
        accounts.add_upstream(&upstream(theirs)).unwrap();
        let anna = address(&format!("anna@{ours}"));
        // Made here, she is asked for there, by whichever name, and comes over into this account.
        for typed in [format!("anna@{ours}"), format!("Anna@{theirs}"), "anna".to_owned()] {
            let standing = standing(&accounts, &typed).unwrap();
            assert_eq!((&standing.address, standing.here.is_some()), (&anna, true), "{typed}");
        }
        assert!(accounts.take_in(&anna, &password("secret")).unwrap().is_some());
        let moves = accounts.moves().unwrap();
        assert_eq!((moves.len(), &moves[0].address), (1, &anna));
        assert!(upstream(theirs).scope.covers(&anna));
        let name = user(&format!("anna@{theirs}"));
        accounts.note_brought(&anna, ("pop.example.net", Some(995), &name), 3).unwrap();
        assert_eq!(accounts.moves().unwrap()[0].progress, Progress::Moved);
        // Nobody yet: where his mail is delivered until then.
        let carl = address(&format!("carl@{theirs}"));
        assert_eq!(standing(&accounts, &format!("carl@{ours}")).unwrap().address, carl);
        assert_eq!(meant(&accounts, "bert"), "-");
        let info = crate::accounts::testing::alias(&format!("info@{ours}"));
        accounts.add_alias(&info, &[anna]).unwrap();
        assert!(standing(&accounts, &format!("info@{theirs}")).unwrap().is_alias);
    }
}
