//! Whole imports, and what a client sees of them.

use super::staging::Staging;
use super::testing::{Here, Mailbox, Old, Seen, kept, made};
use super::*;
use crate::import::Flags;
use crate::mail::{Bytes, MessageNumber, UniqueId};
use crate::maildrop::disk::OsDisk;
use crate::maildrop::tree::Folders;
use crate::maildrop::twin::{Fails, Twin, names_in};
use crate::maildrop::{self, Changes, moving, name::Stamp};
use nix::errno::Errno;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

fn ids(seen: &Seen) -> Vec<String> {
    seen.iter().map(|(id, _)| id.to_string()).collect()
}

/// A message that our own delivery brought.
fn deliver(here: &Here, text: &str) -> String {
    std::fs::create_dir_all(here.path("new")).unwrap();
    let stamp = Stamp::next(SystemTime::now());
    let octets = crate::mail::Octets((text.len() + text.matches('\n').count()) as u64);
    let written = name::Written { bytes: Bytes(text.len() as u64), octets };
    let name = name::own(&stamp, "host", written, None).into_string().unwrap();
    std::fs::write(here.path("new").join(&name), text).unwrap();
    name.split(',').next().unwrap().to_owned()
}

#[test]
fn a_client_does_not_notice_the_move() {
    let here = Here::new();
    let mut old = Mailbox::of(&[
        (b"zz last in the alphabet", b"Subject: 1\r\n\r\ntext\r\n"),
        (b"0000002a4f1e", b""),
        (b"umlaut \xe4\xff", b"\0\rNUL and CR\r\r\n8-bit \xff\r\n"),
        (&[b'L'; 300], b"long\r\n"),
        (b"1", b".\r\n..\r\n"),
    ]);
    let imported = here.import(&mut old).unwrap();
    assert_eq!((imported.found, imported.imported, imported.already), (5, 5, 0));
    assert_eq!(imported.uidl, Uidl { kept: 5, generated: 0, renamed: 0 });
    assert_eq!(imported.source, "memory");
    assert!(imported.is_complete() && imported.warnings.is_empty());
    assert_eq!(here.seen().unwrap(), old.shown());
    let root = names_in(&here.path(""));
    assert_eq!(root.into_iter().collect::<Vec<_>>(), ["cur", "new", "restante-imported", "tmp"]);
    for name in names_in(&here.path("cur")) {
        assert!(name.ends_with(":2,RS") && name.len() <= 255, "{name}");
        let stat = std::fs::metadata(here.path("cur").join(name)).unwrap();
        assert_eq!(stat.permissions().mode() & 0o777, 0o600);
        assert_eq!(stat.modified().unwrap(), UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    }
    let stat = std::fs::metadata(here.path("restante-imported")).unwrap();
    assert_eq!(stat.permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_import_again_changes_nothing() {
    let here = Here::new();
    let mut old = Mailbox::numbered(5);
    old.messages.push(Old { found: made(b"unseen"), sent: b"Subject: unseen\r\n".to_vec() });
    here.import(&mut old).unwrap();
    let files = |folder| {
        let names = names_in(&here.path(folder)).into_iter();
        names
            .map(|name| std::fs::metadata(here.path(folder).join(name)).unwrap().modified().unwrap())
            .collect::<Vec<_>>()
    };
    let (before, seen) = ((names_in(&here.path("")), files("cur"), files("new")), here.seen().unwrap());
    assert_eq!((before.1.len(), before.2.len()), (5, 1));
    old.read.clear();
    let again = here.import(&mut old).unwrap();
    assert_eq!((again.found, again.imported, again.already, again.bytes), (6, 0, 6, Bytes(0)));
    assert_eq!(again.uidl, Uidl::default());
    assert_eq!((names_in(&here.path("")), files("cur"), files("new")), before);
    assert_eq!(here.seen().unwrap(), seen);
    assert!(old.read.is_empty(), "nothing was read again: {:?}", old.read);
}

#[test]
fn newcomers_come_behind_all_and_what_was_deleted_here_does_not_come_back() {
    let here = Here::new();
    let before = deliver(&here, "Subject: before\n");
    let mut old = Mailbox::numbered(4);
    here.import(&mut old).unwrap();
    let after = deliver(&here, "Subject: after\n");
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-2", "old-3", "old-4", &before, &after]);
    here.delete(&[1, 4]);
    old.messages.insert(0, Mailbox::of(&[(b"newcomer", b"late\r\n")]).messages.remove(0));
    let again = here.import(&mut old).unwrap();
    assert_eq!((again.imported, again.already), (1, 4));
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-3", "old-4", &after, "newcomer"]);
    // Not even when all of it is gone.
    here.delete(&[0, 1, 2, 3, 4]);
    old.messages.extend(Mailbox::of(&[(b"latest", b"late\r\n")]).messages);
    assert_eq!(here.import(&mut old).unwrap().imported, 1);
    assert_eq!(ids(&here.seen().unwrap()), ["latest"]);
}

#[test]
fn a_mailbox_in_use_is_shown_while_newcomers_come() {
    let here = Here::new();
    here.import(&mut Mailbox::numbered(2)).unwrap();
    here.delete(&[0, 1]);
    let mut old = Mailbox { ends_at: Some(3), ..Mailbox::numbered(4) };
    let landing = here.landing(Twin::sound()).in_use();
    assert!(landing.lacks(&Here::anna(), &old.inventory().unwrap(), None).unwrap());
    assert!(landing.import(&Here::anna(), &mut old, &mut |_| ()).is_err());
    assert!(here.path("restante-import").exists(), "one message lies there");
    assert_eq!(ids(&here.seen().unwrap()), [""; 0]);
    old.ends_at = None;
    assert_eq!(landing.import(&Here::anna(), &mut old, &mut |_| ()).unwrap().imported, 2);
    assert_eq!(ids(&here.seen().unwrap()), ["old-3", "old-4"]);
    assert!(!landing.lacks(&Here::anna(), &old.inventory().unwrap(), None).unwrap());
}

#[test]
fn newcomers_come_behind_what_was_listed_though_nothing_else_ever_came() {
    let here = Here::new();
    let delivered = deliver(&here, "Subject: here\n\n");
    let landing = here.landing(Twin::sound()).in_use();
    assert_eq!(landing.import(&Here::anna(), &mut Mailbox::numbered(1), &mut |_| ()).unwrap().imported, 1);
    assert_eq!(ids(&here.seen().unwrap()), [&delivered, "old-1"]);
}

/// Nobody waits for the import any more, and whoever logs in now must not find the mailbox in use.
#[test]
fn what_is_left_to_the_next_login_keeps_no_session_out_and_is_shown_by_it() {
    let here = Here::new();
    here.import(&mut Mailbox::numbered(1)).unwrap();
    let (waited_for, left) = (Arc::new(Left::default()), Arc::new(Left::default()));
    left.leave();
    let by = |left: &Arc<Left>, count| {
        let landing = here.landing(Twin::sound()).in_use().unless_left(Arc::clone(left));
        landing.import(&Here::anna(), &mut Mailbox::numbered(count), &mut |_| ())
    };
    let import = |count| by(&left, count);
    assert_eq!(import(2).unwrap().imported, 1);
    assert!(here.path("restante-import/commit").exists());
    assert_eq!(import(2).unwrap().imported, 0, "it was told");
    assert!(matches!(import(3), Err(Failure::InUse)));
    assert_eq!(by(&waited_for, 3).unwrap().imported, 1);
    assert_eq!(import(4).unwrap().imported, 1);
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-2", "old-3", "old-4"]);
    assert!(!here.path("restante-import").exists());
}

#[test]
fn a_newcomer_that_cannot_be_read_keeps_no_other_from_its_place() {
    let here = Here::new();
    let mut old = Mailbox { broken: vec![0], ..Mailbox::numbered(2) };
    let landing = here.landing(Twin::sound()).in_use();
    assert_eq!(landing.import(&Here::anna(), &mut old, &mut |_| ()).unwrap().skipped.len(), 1);
    assert_eq!(ids(&here.seen().unwrap()), ["old-2"]);
}

#[test]
fn the_order_is_the_old_one_however_many_there_are() {
    let here = Here::new();
    let mut old = Mailbox::numbered(1100);
    old.messages.reverse();
    let mut landing = here.landing(OsDisk);
    landing.syncers = 4;
    let mut told = Vec::new();
    landing.import(&Here::anna(), &mut old, &mut |progress| told.push(progress.messages)).unwrap();
    assert_eq!(here.seen().unwrap(), old.shown());
    assert!(told.is_sorted() && told.last() == Some(&1100));
    let names: Vec<_> = names_in(&here.path("cur")).into_iter().collect();
    assert!(names[1].starts_with("0.M000002P"), "also to whoever sorts names as text: {}", names[1]);
}

#[test]
fn equal_messages_may_share_a_unique_id_and_different_ones_do_not() {
    let here = Here::new();
    let (x, y, z) = (&b"x\r\n"[..], &b"y\r\n"[..], &b"z\r\n"[..]);
    let mut old = Mailbox::of(&[(b"a", x), (b"a", x), (b"a", y), (b"a-2", z), (b"a", y), (b"a", x)]);
    let rehearsed = here.landing(OsDisk).rehearse(&Here::anna(), &mut old).unwrap();
    assert!(!here.mail().exists(), "a rehearsal writes nothing");
    let imported = here.import(&mut old).unwrap();
    assert_eq!(imported.uidl, Uidl { kept: 4, generated: 0, renamed: 2 });
    assert_eq!((rehearsed.uidl, rehearsed.imported), (imported.uidl, 6));
    assert_eq!(imported.warnings.len(), 2, "{:?}", imported.warnings);
    assert_eq!(ids(&here.seen().unwrap()), ["a", "a", "a-3", "a-2", "a-3", "a"]);
    // One more that is called so, later: unlike all of them, or like one that is long deleted.
    here.delete(&[0, 1, 5]);
    old.messages.extend(Mailbox::of(&[(b"a", b"w\r\n"), (b"a", x)]).messages);
    let again = here.import(&mut old).unwrap();
    assert_eq!((again.imported, again.already), (2, 6));
    assert_eq!(ids(&here.seen().unwrap()), ["a-3", "a-2", "a-3", "a-4", "a"]);
}

#[test]
fn what_nobody_has_seen_gets_a_unique_id_of_ours_and_is_known_again() {
    let here = Here::new();
    let mut old = Mailbox::of(&[(b"seen", b"1\r\n")]);
    old.messages.push(Old { found: made(b"file name"), sent: b"2\r\n".to_vec() });
    let flagged = crate::import::Found { flags: Flags::new("F".chars()), ..made(b"other") };
    old.messages.push(Old { found: flagged, sent: b"3\r\n".to_vec() });
    let imported = here.import(&mut old).unwrap();
    assert_eq!(imported.uidl, Uidl { kept: 1, generated: 2, renamed: 0 });
    let seen = here.seen().unwrap();
    assert!(seen[1..].iter().all(|(id, _)| UniqueId::is_legal(id.as_bytes())));
    assert_eq!((names_in(&here.path("new")).len(), names_in(&here.path("cur")).len()), (1, 2));
    assert_eq!(here.import(&mut old).unwrap().already, 3);
    assert_eq!(here.seen().unwrap(), seen);
}

#[test]
fn a_source_that_fails_on_the_way_leaves_the_mailbox_as_it_was_and_is_asked_only_for_the_rest() {
    for was_empty in [true, false] {
        let here = Here::new();
        let mut old = Mailbox::numbered(6);
        let delivered: Option<String> = (!was_empty).then(|| deliver(&here, "Subject: here\n"));
        old.ends_at = Some(4);
        assert!(matches!(here.import(&mut old), Err(Failure::Source { .. })));
        match here.seen() {
            Err(maildrop::Error::BeingMoved) => assert!(was_empty),
            shown => assert_eq!(ids(&shown.unwrap()), delivered.clone().into_iter().collect::<Vec<_>>()),
        }
        let late = deliver(&here, "Subject: meanwhile\n");
        assert_eq!(here.seen().is_err(), was_empty, "new mail alone is never shown");
        (old.ends_at, old.read) = (None, Vec::new());
        let imported = here.import(&mut old).unwrap();
        assert_eq!((imported.imported, imported.already), (6, 0));
        assert_eq!(old.read, [4, 5], "from where it stopped");
        let mut expected: Vec<String> = (1..=6).map(|number| format!("old-{number}")).collect();
        expected.extend(delivered.into_iter().chain([late]));
        assert_eq!(ids(&here.seen().unwrap()), expected);
    }
}

#[test]
fn a_message_that_cannot_be_read_is_named_and_the_others_wait_for_it() {
    let here = Here::new();
    let mut old = Mailbox::numbered(3);
    old.broken = vec![1];
    let imported = here.import(&mut old).unwrap();
    assert_eq!((imported.found, imported.imported), (3, 0));
    assert!(!imported.is_complete() && imported.skipped[0].what == "old-2", "{:?}", imported.skipped);
    assert!(here.seen().is_err(), "all or nothing");
    old.broken.clear();
    old.read.clear();
    let imported = here.import(&mut old).unwrap();
    assert_eq!((imported.imported, imported.already, &old.read[..]), (3, 0, &[1][..]));
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-2", "old-3"]);
}

#[test]
fn a_newcomer_that_cannot_be_read_holds_up_no_other() {
    let here = Here::new();
    here.import(&mut Mailbox::numbered(1)).unwrap();
    let mut old = Mailbox::numbered(3);
    old.broken = vec![1];
    let imported = here.import(&mut old).unwrap();
    assert_eq!((imported.imported, imported.already, imported.skipped.len()), (1, 1, 1));
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-3"]);
}

#[test]
fn an_import_that_was_given_up_can_be_released() {
    let here = Here::new();
    let mut old = Mailbox::numbered(3);
    old.ends_at = Some(2);
    assert!(here.import(&mut old).is_err() && here.seen().is_err());
    let root = crate::maildrop::twin::folder(&here.path(""));
    moving::release(&OsDisk, &root).unwrap();
    assert_eq!(here.seen().unwrap(), []);
    old.ends_at = None;
    assert_eq!(here.import(&mut old).unwrap().imported, 3);
}

#[test]
fn an_empty_mailbox_or_one_that_cannot_be_listed_leaves_no_trace() {
    let here = Here::new();
    let mut nothing = Mailbox::default();
    assert_eq!(here.import(&mut nothing).unwrap().found, 0);
    assert_eq!(names_in(&here.path("")).into_iter().collect::<Vec<_>>(), ["cur", "new", "tmp"]);
    std::fs::write(here.path("restante-imported"), "damaged").unwrap();
    let damaged = here.import(&mut Mailbox::numbered(1)).unwrap_err();
    assert!(matches!(&damaged, Failure::Disk(error) if error.kind() == io::ErrorKind::InvalidData));
    assert!(damaged.to_string().contains("restante-imported"), "{damaged}");
    assert!(!here.path("restante-import").exists());
    assert_eq!(here.seen().unwrap(), []);
}

#[test]
fn one_import_at_a_time() {
    let here = Here::new();
    here.import(&mut Mailbox::default()).unwrap();
    let root = crate::maildrop::twin::folder(&here.path(""));
    let [new, cur] = ["new", "cur"].map(|name| crate::maildrop::twin::folder(&here.path(name)));
    let folders = Folders { root, new, cur };
    let held = Staging::open(&OsDisk, &folders, true).unwrap();
    assert!(matches!(here.import(&mut Mailbox::numbered(1)), Err(Failure::Running)));
    drop(held);
    assert_eq!(here.import(&mut Mailbox::numbered(1)).unwrap().imported, 1);
}

#[test]
fn a_session_keeps_its_mailbox_and_the_next_one_has_the_mail() {
    let here = Here::new();
    let delivered = deliver(&here, "Subject: here\n");
    let session = here.open().unwrap();
    let imported = here.import(&mut Mailbox::numbered(2)).unwrap();
    assert_eq!((imported.imported, imported.warnings.len()), (2, 1), "{:?}", imported.warnings);
    assert_eq!((session.entries().len(), names_in(&here.path("cur")).len()), (1, 0));
    let deleted = vec![MessageNumber::from_index(0).unwrap()];
    // To do it again is to do nothing; only what is new would have to stand behind what waits.
    let again = here.import(&mut Mailbox::numbered(2)).unwrap();
    assert_eq!((again.imported, again.already, again.warnings.len()), (0, 2, 1), "{:?}", again.warnings);
    assert!(matches!(here.import(&mut Mailbox::numbered(3)), Err(Failure::InUse)));
    session.update(&Changes { deleted, seen: Vec::new() }).unwrap();
    let after = here.import(&mut Mailbox::numbered(2)).unwrap();
    assert_eq!((after.imported, after.already), (0, 2), "it was told before");
    assert_eq!(ids(&here.seen().unwrap()), ["old-1", "old-2"], "without {delivered}");
}

/// Killed behind the commit mark, before anybody was told.
fn commit(here: &Here, source: &mut Mailbox) {
    for step in 0.. {
        let twin = Twin::new(Fails::From(step), Errno::EIO);
        let failed = here.landing(twin).import(&Here::anna(), source, &mut |_| ()).is_err();
        assert!(failed, "no step is behind the mark and before the moves");
        if here.path("restante-import/commit").exists() {
            return;
        }
    }
}

#[test]
fn what_an_earlier_run_has_committed_counts_as_this_ones() {
    let here = Here::new();
    let mut old = Mailbox::of(&[(b"a", b"1\r\n"), (b"a", b"2\r\n")]);
    old.messages.push(Old { found: made(b"unseen"), sent: b"3\r\n".to_vec() });
    commit(&here, &mut old);
    old.messages.extend(Mailbox::of(&[(b"late", b"4\r\n")]).messages);
    let again = here.import(&mut old).unwrap();
    assert_eq!((again.imported, again.already, again.bytes), (4, 0, Bytes(8)));
    assert_eq!(again.uidl, Uidl { kept: 2, generated: 1, renamed: 1 });
    assert_eq!(ids(&here.seen().unwrap())[..2], ["a", "a-2"]);
}

#[test]
fn what_an_earlier_run_of_another_mailbox_has_committed_is_left_for_that_one_to_tell() {
    use crate::import::Provenance;
    let of = |path: &str, mailbox| Mailbox { provenance: Provenance::Files(path.into()), ..mailbox };
    for is_in_session in [false, true] {
        let here = Here::new();
        let mut anna = of("/anna", Mailbox::numbered(3));
        let mut carl = of("/carl", Mailbox::of(&[(b"a", b"1\r\n"), (b"b", b"2\r\n")]));
        here.import(&mut anna).unwrap();
        let session = is_in_session.then(|| here.open().unwrap());
        commit(&here, &mut carl);
        let again = here.import(&mut anna).unwrap();
        assert_eq!(
            (again.imported, again.already, again.uidl, again.bytes),
            (0, 3, Uidl::default(), Bytes(0))
        );
        // Where the moves still wait, carl's own run brings them to their end.
        let again = here.import(&mut carl).unwrap();
        let expected = if is_in_session { (2, 0) } else { (0, 2) };
        assert_eq!((again.imported, again.already), expected);
        drop(session);
        assert_eq!(here.import(&mut carl).unwrap().already, 2);
        assert_eq!(here.seen().unwrap().len(), 5);
    }
}

#[test]
fn what_was_committed_and_not_told_is_told_though_a_session_be_there() {
    let here = Here::new();
    deliver(&here, "Subject: here\n");
    let session = here.open().unwrap();
    commit(&here, &mut Mailbox::numbered(2));
    let again = here.import(&mut Mailbox::numbered(2)).unwrap();
    assert_eq!((again.imported, again.already, again.uidl.kept), (2, 0, 2));
    let again = here.import(&mut Mailbox::numbered(2)).unwrap();
    assert_eq!((again.imported, again.already), (0, 2));
    drop(session);
    assert_eq!(here.import(&mut Mailbox::numbered(2)).unwrap().already, 2);
    assert_eq!(here.seen().unwrap().len(), 3);
}

#[test]
fn unique_ids_that_look_like_anything_are_kept() {
    let here = Here::new();
    let all: Vec<Vec<u8>> =
        (1..=255_u8).filter(|octet| !b"\r\n".contains(octet)).map(|octet| vec![octet]).collect();
    let messages = all.iter().map(|id| Old { found: kept(id), sent: b"same\r\n".to_vec() }).collect();
    let mut old = Mailbox { messages, ..Mailbox::default() };
    here.import(&mut old).unwrap();
    assert_eq!(here.seen().unwrap(), old.shown());
    assert_eq!(here.import(&mut old).unwrap().already, 253);
}
