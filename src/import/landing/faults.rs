//! The fault loop: each step of an import fails once, then that one and every later one; and the power fails
//! behind each. A login shows none of the old mail or all of it, and one more import completes it.

use super::testing::{Here, Mailbox};
use super::{Failure, Progress};
use crate::maildrop::Error;
use crate::maildrop::disk::OsDisk;
use crate::maildrop::twin::{Fails, Forgets, Twin};
use nix::errno::Errno;
use std::path::PathBuf;

fn import(here: &Here, twin: Twin, source: &mut Mailbox) -> (bool, Twin) {
    let landing = here.landing(twin);
    let done = landing.import(&Here::anna(), source, &mut |_: Progress| ());
    assert!(matches!(done, Ok(_) | Err(Failure::Disk(_))), "{done:?}");
    (done.is_ok(), landing.tree.disk)
}

/// What the mailbox may show: this many of the source's messages and no others, or a refusal.
fn assert_all_or(here: &Here, source: &Mailbox, before: usize, context: &str) {
    match here.seen() {
        Ok(seen) if seen.len() == before => assert_eq!(seen, source.shown()[..before], "{context}"),
        Ok(seen) => assert_eq!(seen, source.shown(), "{context}"),
        Err(Error::BeingMoved) => assert_eq!(before, 0, "{context}"),
        Err(error) => panic!("{context}: {error}"),
    }
}

/// Nothing has come to its last name whose fsync has failed.
fn assert_synced(twin: &Twin, here: &Here, context: &str) {
    let maildir = here.path("").components().collect::<PathBuf>();
    for (name, bytes) in twin.possible(&maildir.join("cur")) {
        assert!(bytes.is_some(), "{context}: {name} is not on the disk");
    }
    if let Some(ledger) = twin.possible(&maildir).get("restante-imported") {
        assert!(ledger.is_some(), "{context}: the ledger is not on the disk");
    }
}

/// Every way to fail, into a mailbox that holds `before` of four messages.
fn each_fault(before: usize) {
    for errno in [Errno::ENOSPC, Errno::EIO] {
        for fails in [Fails::Once as fn(u32) -> Fails, Fails::From] {
            for step in 0.. {
                let (here, mut source) = (Here::new(), Mailbox::numbered(4));
                if before > 0 {
                    here.import(&mut Mailbox::numbered(before)).unwrap();
                }
                let context = format!("{before} before, step {step}, {errno}");
                let twin = Twin::new(fails(step), errno);
                let twin = if before == 0 { watched(&here, twin, 4) } else { twin };
                twin.settle(&here.root());
                let (done, twin) = import(&here, twin, &mut source);
                assert_synced(&twin, &here, &context);
                if !twin.has_failed() {
                    assert!(done && step > 40, "so few steps cannot be all: {step}");
                    break;
                }
                assert_all_or(&here, &source, before, &context);
                let again = here.import(&mut source).unwrap();
                assert_eq!(again.imported + again.already, 4, "{context}");
                assert_eq!(here.seen().unwrap(), source.shown(), "{context}");
                assert!(!here.path("restante-import").exists(), "{context}");
                assert_eq!(here.import(&mut source).unwrap().already, 4, "{context}");
            }
        }
    }
}

#[test]
fn a_first_import_that_fails_anywhere_shows_nothing_and_is_completed() {
    each_fault(0);
}

#[test]
fn newcomers_that_fail_anywhere_leave_the_mailbox_as_it_was() {
    each_fault(2);
}

/// What a power cut at this moment is sure to leave must be enough: either nothing is committed, or the
/// staged files, their names, the ledger and the mark are there to be finished, or the messages are in cur/.
fn assert_nothing_half(twin: &Twin, root: &std::path::Path, maildir: &std::path::Path, count: usize) {
    let staging = maildir.join("restante-import");
    let is_whole = |(name, bytes): (String, Option<Vec<u8>>)| {
        let size = name.split(",S=").nth(1).and_then(|rest| rest.split(',').next()?.parse::<usize>().ok());
        assert!(size.is_some() && bytes.as_ref().map(Vec::len) == size, "half a message: {name}");
    };
    twin.possible(&maildir.join("cur")).into_iter().for_each(is_whole);
    let mark = twin.possible(&staging).get("commit").cloned();
    let ledger = twin.certain(root, maildir).get("restante-imported").cloned();
    if let (Some(mark), None) = (&mark, &ledger) {
        assert!(mark.is_some(), "a mark without its list");
        let certain = twin.certain(root, &staging);
        let whole = certain.iter().filter(|(name, bytes)| name.len() > 64 && bytes.is_some()).count();
        assert_eq!(whole, count, "the mark may be there, and not all it speaks of: {certain:?}");
        assert!(certain.get("ledger").is_some_and(Option::is_some));
    }
    if ledger.is_some() {
        let certain = twin.certain(root, &maildir.join("cur"));
        assert_eq!(certain.len(), count, "the ledger speaks of messages that may be lost");
    }
}

fn watched(here: &Here, twin: Twin, count: usize) -> Twin {
    let (root, maildir): (PathBuf, PathBuf) = (here.root(), here.path(""));
    let maildir = maildir.components().collect::<PathBuf>();
    twin.watched(move |twin| assert_nothing_half(twin, &root, &maildir, count))
}

#[test]
fn a_power_cut_at_any_moment_leaves_all_or_none() {
    let (here, mut source) = (Here::new(), Mailbox::numbered(3));
    let twin = watched(&here, Twin::sound(), 3);
    let (done, twin) = import(&here, twin, &mut source);
    assert!(done && twin.steps() > 40);
    let maildir = here.path("").components().collect::<PathBuf>();
    assert_eq!(twin.certain(&here.root(), &maildir.join("cur")).len(), 3);
    assert!(twin.certain(&here.root(), &maildir).contains_key("restante-imported"));
    assert_eq!(here.seen().unwrap(), source.shown());
}

/// The test of the test: an import without one of its syncs must be caught, or all this proves nothing.
#[test]
fn a_forgotten_sync_is_noticed() {
    for forgets in [Forgets::Files, Forgets::Folders] {
        let here = Here::new();
        let twin = watched(&here, Twin::forgetting(forgets), 3);
        let noticed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (_, twin) = import(&here, twin, &mut Mailbox::numbered(3));
            let maildir = here.path("").components().collect::<PathBuf>();
            twin.certain(&here.root(), &maildir.join("cur")).len() == 3
        }));
        assert!(!noticed.unwrap_or(false), "{forgets:?}");
    }
}

/// Broken off at each step as by kill -9, and gone on with by logins and imports that are broken off too.
#[test]
fn an_import_that_is_broken_off_again_and_again_comes_to_its_end() {
    let (here, mut source) = (Here::new(), Mailbox::numbered(4));
    let mut runs = 0;
    for step in 0..400 {
        let (done, _) = import(&here, Twin::new(Fails::From(step), Errno::EIO), &mut source);
        runs += 1;
        if step % 3 == 0 {
            assert_all_or(&here, &source, 0, &format!("step {step}"));
        }
        if done {
            break;
        }
    }
    assert!(runs > 20);
    assert_eq!(here.landing(OsDisk).import(&Here::anna(), &mut source, &mut |_| ()).unwrap().found, 4);
    assert_eq!(here.seen().unwrap(), source.shown());
    let mut read = source.read.clone();
    read.sort_unstable();
    assert!(read.len() < runs, "each message is read once, or once more if it was broken off: {read:?}");
}
