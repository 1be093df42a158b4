//! Mail of several old mailboxes for one account, some of it under the same unique-ids; and one mailbox that
//! comes by several ways.

use super::Uidl;
use super::testing::{Here, Mailbox, Old, Seen, made};
use crate::import::Provenance;
use crate::maildrop::twin::Twin;

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

#[test]
fn one_mailbox_that_comes_another_way_is_recognised() {
    for mut other in [files("/copy", of("anna", 30)), wire("anna", 110, of("anna", 30))] {
        let here = Here::new();
        here.import(&mut files("/anna", of("anna", 30))).unwrap();
        here.delete(&[0]);
        // As Courier does with what is not in order.
        other.messages[3].sent = b"another one each time\r\n".to_vec();
        let is_wire = matches!(other.provenance, Provenance::Wire { .. });
        let imported = here.import(&mut other).unwrap();
        let expected = if is_wire { (0, 30) } else { (1, 29) };
        assert_eq!((imported.imported, imported.already), expected);
        assert!(!is_wire || other.read.len() <= 8, "{:?}", other.read);
        other.read.clear();
        assert_eq!(here.import(&mut other).unwrap().already, 30);
        assert!(other.read.is_empty(), "it is known by now");
    }
}

#[test]
fn a_server_at_another_port_is_asked_for_nothing_that_looks_the_same() {
    let here = Here::new();
    here.import(&mut wire("anna", 110, of("anna", 30))).unwrap();
    let mut other = wire("anna", 995, of("anna", 31));
    assert_eq!(here.import(&mut other).unwrap().imported, 1);
    assert_eq!(other.read, [30]);
    let mut another = wire("anna", 2110, of("somebody else", 30));
    assert_eq!(here.import(&mut another).unwrap().imported, 30);
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
