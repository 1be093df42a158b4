//! Mail of several old mailboxes for one account, some of it under the same unique-ids; and one mailbox that
//! comes by several ways.

use super::Uidl;
use super::testing::{Here, Mailbox, Old, Seen, made};
use crate::import::{Provenance, Source};
use crate::limits::LEDGER_MAILBOXES_MAX;
use crate::maildrop::ledger::Ledger;
use crate::maildrop::twin::{Fails, Twin, folder};
use nix::errno::Errno;

fn files(path: &str, mailbox: Mailbox) -> Mailbox {
    Mailbox { provenance: Provenance::Files(path.into()), ..mailbox }
}

fn wire(user: &str, port: u16, mailbox: Mailbox) -> Mailbox {
    let provenance =
        Provenance::Wire { user: user.to_owned(), host: "pop.example.net".to_owned(), port: Some(port) };
    Mailbox { provenance, ..mailbox }
}

/// So many messages under the unique-ids 1, 2 and so on, all of one size.
fn of(owner: &str, count: usize) -> Mailbox {
    let mut mailbox = Mailbox::numbered(count);
    for (number, old) in mailbox.messages.iter_mut().enumerate() {
        old.sent = format!("To: {owner}\r\n\r\n{}\r\n", 100 + number).into_bytes();
    }
    mailbox
}

fn texts(seen: &Seen) -> Vec<&[u8]> {
    seen.iter().map(|(_, text)| &text[..]).collect()
}

#[test]
fn two_mailboxes_with_the_same_unique_ids_lose_nothing() {
    type Way = fn(&str, Mailbox) -> Mailbox;
    let over_the_wire: Way = |user, mailbox| wire(user, 110, mailbox);
    for (one, other) in [(files as Way, files as Way), (over_the_wire, over_the_wire), (files, over_the_wire)]
    {
        let here = Here::new();
        let (mut anna, mut carl) = (one("/anna", of("anna", 20)), other("/carl", of("carl", 20)));
        here.import(&mut anna).unwrap();
        let rehearsed = here.landing(Twin::sound()).rehearse(&Here::anna(), &mut carl).unwrap();
        let imported = here.import(&mut carl).unwrap();
        assert_eq!((imported.imported, imported.already), (20, 0));
        assert_eq!((rehearsed.imported, rehearsed.uidl), (20, imported.uidl));
        assert_eq!(imported.uidl, Uidl { kept: 0, generated: 0, renamed: 20 });
        assert!(imported.warnings[0].contains("old-1 is another message's too"), "{:?}", imported.warnings);
        let seen = here.seen().unwrap();
        assert_eq!(seen[..20], anna.shown());
        assert_eq!(texts(&seen)[20..], carl.messages.iter().map(|old| &old.sent[..]).collect::<Vec<_>>());
        // Each of them again, and with a newcomer: nothing but that.
        for old in [&mut anna, &mut carl] {
            old.read.clear();
            let again = here.import(old).unwrap();
            assert_eq!((again.imported, again.already, old.read.len()), (0, 20, 0));
        }
        carl.messages.push(of("carl", 21).messages.remove(20));
        assert_eq!(here.import(&mut carl).unwrap().imported, 1);
        here.delete(&[3, 25]);
        assert_eq!(here.import(&mut anna).unwrap().imported + here.import(&mut carl).unwrap().imported, 0);
        assert_eq!(here.seen().unwrap().len(), 39);
    }
}

#[test]
fn files_of_one_name_are_two_messages_where_they_lie_apart() {
    let here = Here::new();
    let one = |text: &[u8]| Old { found: made(b"1700000000.M1P1.old"), sent: text.to_vec() };
    let mut anna = files("/anna", Mailbox { messages: vec![one(b"1\r\n")], ..Mailbox::default() });
    let mut carl = files("/carl", Mailbox { messages: vec![one(b"2\r\n")], ..Mailbox::default() });
    here.import(&mut anna).unwrap();
    assert_eq!(here.import(&mut carl).unwrap().uidl.generated, 1);
    assert_eq!(texts(&here.seen().unwrap()), [b"1\r\n", b"2\r\n"]);
    assert_eq!(here.import(&mut anna).unwrap().already, 1);
    assert_eq!(here.import(&mut carl).unwrap().already, 1);
}

/// The same mail, as another server would send it.
fn rewritten(mut mailbox: Mailbox) -> Mailbox {
    for old in &mut mailbox.messages {
        old.sent = [b"Status: RO\r\nX-UID: 7\r\n", &old.sent[..]].concat();
    }
    mailbox
}

#[test]
fn one_mailbox_that_comes_another_way_is_recognised_and_is_known_from_then_on() {
    let ways: [fn(Mailbox) -> Mailbox; 4] = [
        |mailbox| files("/copy", mailbox),
        |mailbox| wire("anna", 110, mailbox),
        |mailbox| wire("anna", 995, mailbox),
        |mailbox| wire("anna@example.net", 110, mailbox),
    ];
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 30))).unwrap();
    here.delete(&[0]);
    for way in ways {
        let mut other = way(rewritten(of("anna", 30)));
        let rehearsed = here.landing(Twin::sound()).rehearse(&Here::anna(), &mut other).unwrap();
        assert_eq!((rehearsed.imported, rehearsed.already), (0, 30));
        (other.read, other.expected) = (Vec::new(), Vec::new());
        let imported = here.import(&mut other).unwrap();
        assert_eq!((imported.imported, imported.already), (0, 30));
        assert_eq!((&imported.read, imported.warnings.len()), (&vec![true; 30], 0));
        let all: Vec<usize> = (0..30).collect();
        assert_eq!(
            (&other.read, &other.expected[0]),
            (&all, &all),
            "each was looked at, and asked for ahead"
        );
        other.read.clear();
        assert_eq!(here.import(&mut other).unwrap().already, 30);
        assert!(other.read.is_empty(), "it is known by now: {:?}", other.read);
        assert_eq!(here.seen().unwrap().len(), 29);
    }
}

#[test]
fn one_equal_message_says_nothing_of_the_others() {
    let here = Here::new();
    let mut anna = wire("anna", 110, of("anna", 4));
    here.import(&mut anna).unwrap();
    for mut other in [wire("carl", 110, of("carl", 4)), wire("anna", 2110, of("anne", 4))] {
        let before = here.seen().unwrap();
        // The same newsletter.
        other.messages[0] = anna.messages[0].clone();
        let imported = here.import(&mut other).unwrap();
        assert_eq!((imported.imported, imported.already, imported.uidl.renamed), (3, 1, 3));
        let seen = here.seen().unwrap();
        assert_eq!(seen[..before.len()], before);
        let came: Vec<_> = other.messages[1..].iter().map(|old| &old.sent[..]).collect();
        assert_eq!(texts(&seen)[before.len()..], came);
        other.read.clear();
        assert_eq!(here.import(&mut other).unwrap().already, 4);
        assert!(other.read.is_empty());
    }
}

#[test]
fn what_nobody_knows_the_mailbox_of_is_looked_at() {
    let here = Here::new();
    here.import(&mut of("anna", 3)).unwrap();
    let mut carl = files("/carl", of("carl", 3));
    assert_eq!(here.import(&mut carl).unwrap().imported, 3);
    let mut anna = files("/anna", of("anna", 3));
    assert_eq!(here.import(&mut anna).unwrap().already, 3);
    assert_eq!((anna.read.len(), here.seen().unwrap().len()), (3, 6));
    assert_eq!(here.import(&mut of("anna", 3)).unwrap().already, 3, "there is but one that it could be");
    carl.read.clear();
    assert_eq!(here.import(&mut carl).unwrap().already + here.import(&mut anna).unwrap().already, 6);
    assert_eq!((carl.read.len(), anna.read.len()), (0, 3));
}

#[test]
fn a_message_that_cannot_be_looked_at_is_not_taken_for_one_that_is_here() {
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 3))).unwrap();
    let mut other = wire("anna", 110, Mailbox { broken: vec![1], ..of("anna", 3) });
    let imported = here.import(&mut other).unwrap();
    assert_eq!(
        (imported.already, imported.skipped.len(), &imported.read[..]),
        (2, 1, &[true, false, true][..])
    );
    other.broken.clear();
    assert_eq!(here.import(&mut other).unwrap().already, 3);
}

#[test]
fn a_look_that_is_cut_off_goes_on_where_it_was() {
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 30))).unwrap();
    let mut other = wire("anna", 110, Mailbox { ends_at: Some(20), ..of("anna", 31) });
    here.import(&mut other).unwrap_err();
    assert_eq!(other.read.len(), 21);
    assert!(!here.path("restante-import").exists());
    (other.ends_at, other.read) = (Some(25), Vec::new());
    here.import(&mut other).unwrap_err();
    assert_eq!(other.read, [20, 21, 22, 23, 24, 25]);
    (other.ends_at, other.read) = (None, Vec::new());
    let imported = here.import(&mut other).unwrap();
    assert_eq!((imported.imported, imported.already), (1, 30));
    assert_eq!((other.read, here.seen().unwrap().len()), (vec![25, 26, 27, 28, 29, 30], 31));
}

/// The first of two that are called alike is another one here, the second is the same.
#[test]
fn of_messages_that_are_called_alike_none_is_taken_for_met_by_half_a_look() {
    let here = Here::new();
    here.import(&mut files("/anna", Mailbox::of(&[(b"a", b"1\r\n"), (b"b", b"2\r\n")]))).unwrap();
    let other = Mailbox::of(&[(b"a", b"new\r\n"), (b"a", b"1\r\n"), (b"b", b"2\r\n")]);
    let mut other = wire("anna", 110, Mailbox { ends_at: Some(2), ..other });
    here.import(&mut other).unwrap_err();
    other.ends_at = None;
    assert_eq!(here.import(&mut other).unwrap().imported, 1);
    assert_eq!(texts(&here.seen().unwrap()), [&b"1\r\n"[..], b"2\r\n", b"new\r\n"]);
}

#[test]
fn who_asks_for_newcomers_is_told_of_what_only_looks_known() {
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 3))).unwrap();
    let mut old = wire("anna", 110, of("carl", 3));
    let (landing, tag) = (here.landing(Twin::sound()), old.provenance().tag());
    let lacks =
        |old: &mut Mailbox| landing.lacks(&Here::anna(), &old.inventory().unwrap(), tag.as_ref()).unwrap();
    assert!(lacks(&mut old));
    here.import(&mut old).unwrap();
    assert!(!lacks(&mut old));
}

#[test]
fn a_copy_under_a_new_name_each_night_makes_no_endless_ledger() {
    let here = Here::new();
    for night in 0..LEDGER_MAILBOXES_MAX + 3 {
        let imported = here.import(&mut files(&format!("/backup/{night}"), of("anna", 2))).unwrap();
        assert_eq!(imported.found, imported.imported + imported.already);
    }
    let ledger = Ledger::load(&folder(&here.path(""))).unwrap();
    assert!(ledger.entries.iter().all(|entry| entry.mailboxes.len() == LEDGER_MAILBOXES_MAX));
    assert_eq!((ledger.entries.len(), here.seen().unwrap().len()), (2, 2));
}

#[test]
fn what_is_staged_of_one_mailbox_is_not_shown_as_the_others() {
    let here = Here::new();
    let mut anna = files("/anna", Mailbox { ends_at: Some(3), ..of("anna", 4) });
    here.import(&mut anna).unwrap_err();
    let mut carl = files("/carl", of("carl", 4));
    here.import(&mut carl).unwrap();
    assert_eq!(here.seen().unwrap(), carl.shown());
}

#[test]
fn the_proof_compares_a_mailbox_with_what_came_of_it() {
    let here = Here::new();
    let mut carl = files("/carl", of("carl", 3));
    here.import(&mut files("/anna", of("anna", 2))).unwrap();
    let imported = here.import(&mut carl).unwrap();
    let pairs = here.landing(Twin::sound()).prove(&Here::anna(), &imported).unwrap();
    let numbers: Vec<_> =
        pairs.iter().map(|pair| pair.there.is_some().then(|| pair.here.as_ref().unwrap().number)).collect();
    assert_eq!(numbers, [Some(3), Some(4), Some(5), None, None]);
}

#[test]
fn what_was_compared_is_kept_when_what_is_new_is_cut_off() {
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 30))).unwrap();
    let mut other = wire("anna", 110, Mailbox { ends_at: Some(30), ..of("anna", 31) });
    here.import(&mut other).unwrap_err();
    (other.ends_at, other.read) = (None, Vec::new());
    let imported = here.import(&mut other).unwrap();
    assert_eq!((imported.imported, imported.already), (1, 30));
    assert_eq!(other.read, [30]);
}

/// Two that are called alike, of which the second is here, and one that is here.
fn two_of_a_name() -> (Here, Mailbox) {
    let here = Here::new();
    here.import(&mut files("/anna", Mailbox::of(&[(b"a", b"1\r\n"), (b"b", b"2\r\n")]))).unwrap();
    let other = Mailbox::of(&[(b"a", b"new\r\n"), (b"a", b"1\r\n"), (b"b", b"2\r\n")]);
    (here, wire("anna", 110, other))
}

#[test]
fn of_messages_that_are_called_alike_none_is_taken_for_met_when_what_is_new_is_cut_off() {
    let mut cut_off = 0;
    for step in 0.. {
        let (here, mut other) = two_of_a_name();
        let twin = Twin::new(Fails::Once(step), Errno::EIO);
        let done = here.landing(twin).import(&Here::anna(), &mut other, &mut |_| ());
        cut_off += usize::from(done.is_err() && other.read.len() == 4);
        let _ = here.import(&mut other);
        assert_eq!(texts(&here.seen().unwrap()), [&b"1\r\n"[..], b"2\r\n", b"new\r\n"], "step {step}");
        if done.is_ok() && step > 40 {
            break;
        }
    }
    assert!(cut_off > 0);
}

#[test]
fn of_messages_that_are_called_alike_one_that_cannot_be_read_today_comes_tomorrow() {
    let (here, mut other) = two_of_a_name();
    other.broken = vec![0];
    let done = here.import(&mut other).unwrap();
    assert_eq!((done.imported, done.skipped.len()), (0, 1));
    other.broken.clear();
    here.import(&mut other).unwrap();
    assert_eq!(texts(&here.seen().unwrap()), [&b"1\r\n"[..], b"2\r\n", b"new\r\n"]);
}

#[test]
fn a_newcomer_waits_for_one_of_its_name_that_cannot_be_read() {
    let here = Here::new();
    here.import(&mut files("/anna", Mailbox::of(&[(b"b", b"2\r\n")]))).unwrap();
    let grown = Mailbox::of(&[(b"b", b"2\r\n"), (b"a", b"new\r\n"), (b"a", b"1\r\n")]);
    let mut grown = files("/anna", Mailbox { broken: vec![1], ..grown });
    let done = here.import(&mut grown).unwrap();
    assert_eq!((done.imported, done.skipped.len()), (0, 2));
    grown.broken.clear();
    here.import(&mut grown).unwrap();
    assert_eq!(texts(&here.seen().unwrap()), [&b"2\r\n"[..], b"new\r\n", b"1\r\n"]);
}

/// The same, asked for at a login.
fn behind(mailbox: Mailbox) -> Mailbox {
    Mailbox { provenance: Provenance::Behind { host: "pop.example.net".to_owned(), port: None }, ..mailbox }
}

#[test]
fn a_newcomer_does_not_wait_for_a_comparison_that_takes_longer_than_a_login() {
    let here = Here::new();
    here.import(&mut wire("anna", 110, of("anna", 3))).unwrap();
    let mut old = behind(Mailbox { ends_at: Some(1), ..of("anna", 4) });
    let landing = || here.landing(Twin::sound()).in_use();
    assert_eq!(landing().import(&Here::anna(), &mut old, &mut |_| ()).unwrap().imported, 1);
    landing().import(&Here::anna(), &mut old, &mut |_| ()).unwrap_err();
    old.ends_at = None;
    assert_eq!(landing().import(&Here::anna(), &mut old, &mut |_| ()).unwrap().imported, 0);
    assert_eq!(here.seen().unwrap().len(), 4);
}

#[test]
fn a_newcomer_at_a_login_does_not_wait_for_one_that_cannot_be_read() {
    let here = Here::new();
    here.import(&mut files("/anna", of("anna", 1))).unwrap();
    let mut old = behind(Mailbox { broken: vec![1], ..of("anna", 3) });
    let landing = here.landing(Twin::sound()).in_use();
    assert_eq!(landing.import(&Here::anna(), &mut old, &mut |_| ()).unwrap().imported, 1);
}

#[test]
fn a_newcomer_that_is_called_like_a_doubted_one_waits_for_the_comparison() {
    let here = Here::new();
    here.import(&mut wire("anna", 110, Mailbox::of(&[(b"a", b"1\r\n")]))).unwrap();
    let mut old = behind(Mailbox::of(&[(b"a", b"1\r\n"), (b"a", b"2\r\n")]));
    for _ in 0..3 {
        here.landing(Twin::sound()).in_use().import(&Here::anna(), &mut old, &mut |_| ()).unwrap();
    }
    assert_eq!(texts(&here.seen().unwrap()), [&b"1\r\n"[..], b"2\r\n"]);
}

#[test]
fn a_second_mailbox_waits_for_what_cannot_be_read_of_it_while_the_first_is_shown() {
    let here = Here::new();
    let mut anna = files("/anna", of("anna", 2));
    here.import(&mut anna).unwrap();
    let mut carl = Mailbox::numbered(5);
    carl.messages.drain(..2);
    let mut carl = files("/carl", Mailbox { broken: vec![1], ..carl });
    let imported = here.import(&mut carl).unwrap();
    assert_eq!((imported.imported, imported.skipped.len(), imported.warnings.len()), (0, 1, 1));
    assert_eq!(here.seen().unwrap(), anna.shown(), "as it was");
    (carl.broken, carl.read) = (Vec::new(), Vec::new());
    assert_eq!(here.import(&mut carl).unwrap().imported, 3);
    assert_eq!(texts(&here.seen().unwrap())[2..], texts(&carl.shown()));
    assert_eq!(carl.read, [1]);
    // From now on what is new in it are newcomers.
    let mut grown = files("/carl", Mailbox { broken: vec![3], ..Mailbox::numbered(7) });
    grown.messages.drain(..2);
    assert_eq!(here.import(&mut grown).unwrap().imported, 1);
}

/// What came is of a time when mailboxes were not noted.
#[test]
fn newcomers_of_a_mailbox_that_nobody_knows_do_not_wait_for_each_other() {
    let here = Here::new();
    here.import(&mut of("anna", 1)).unwrap();
    let mut anna = files("/anna", Mailbox { broken: vec![0], ..of("anna", 3) });
    anna.messages.remove(0);
    let imported = here.import(&mut anna).unwrap();
    assert_eq!((imported.imported, imported.skipped.len()), (1, 1));
}
