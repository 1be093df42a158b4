//! The fault loop: each step of a delivery fails once, then that one and every later one, and each time
//! the questions of a user are asked: what I was told is there, is it there? Is there half a message?

use super::powercut::certain;
use super::tests::{MESSAGE, Mailboxes, TRACE};
use super::{Delivery, Error, Target, Together};
use crate::mail::Bytes;
use crate::maildrop::twin::{Fails, Twin, names_in};
use nix::errno::Errno;
use std::collections::BTreeSet;

/// Every way to fail until the delivery gets through without.
fn each_fault(mut check: impl FnMut(Twin, Fails, Errno) -> bool) {
    for (errno, renames) in
        [(Errno::EIO, true), (Errno::EIO, false), (Errno::ENOSPC, true), (Errno::EMFILE, true)]
    {
        let twin = |fails| {
            let twin = Twin::new(fails, errno);
            if renames { twin } else { twin.without_rename() }
        };
        for fails in [Fails::Once as fn(u32) -> Fails, Fails::From] {
            let mut step = 0;
            while check(twin(fails(step)), fails(step), errno) {
                step += 1;
            }
            assert!(step > 10, "so few steps cannot be a delivery");
        }
    }
}

/// Delivers to `names` on a disk that fails; gives the outcomes and whether it came to fail. What is
/// acknowledged is on the disk for good: an fsync that failed has refused it.
fn deliver(
    boxes: &Mailboxes,
    twin: Twin,
    names: &[&str],
    together: Together,
) -> (Vec<Result<super::Published, Error>>, bool) {
    let delivery = boxes.delivery_on(twin);
    // Whoever is called so has no room.
    let quota = |name: &str| (name == "full").then_some(Bytes(1));
    let target = |name: &&str| Target { quota: quota(name), ..boxes.target(name) };
    let mut drafts = delivery.open(names.iter().map(target).collect(), None);
    let results = match together {
        // At one go, as a small message comes.
        Together::AllOrNone => drafts.finish(MESSAGE, together),
        Together::Each => {
            drafts.write(MESSAGE);
            drafts.publish(together)
        }
    };
    for (name, _) in names.iter().zip(&results).filter(|(_, result)| result.is_ok()) {
        assert_eq!(certain(boxes, &delivery, name), 1, "{name}: acknowledged, and a power cut may take it");
    }
    let failed = delivery.shared.tree.disk.has_failed();
    (results, failed)
}

#[test]
fn each_mailbox_has_what_it_acknowledged_and_no_more() {
    each_fault(|twin, fails, errno| {
        let boxes = Mailboxes::new();
        let (results, failed) = deliver(&boxes, twin, &["anna", "bert", "cleo"], Together::Each);
        for (name, result) in ["anna", "bert", "cleo"].iter().zip(&results) {
            let there = boxes.messages(name);
            assert!(there.iter().all(|text| *text == boxes.expected(name)), "half a message: {fails:?}");
            if result.is_ok() {
                assert_eq!(there.len(), 1, "acknowledged, not stored: {fails:?} {errno}");
            } else if matches!(fails, Fails::Once(_)) {
                assert_eq!(there.len(), 0, "refused and kept: {fails:?} {errno}");
            }
        }
        if matches!(fails, Fails::Once(_)) && failed {
            assert!(
                results.iter().filter(|result| result.is_err()).count() <= 1,
                "{fails:?}: one's fault alone"
            );
        }
        failed
    });
}

#[test]
fn a_fault_is_told_of_the_copy_that_has_it() {
    each_fault(|twin, fails, errno| {
        let boxes = Mailboxes::new();
        let (results, failed) = deliver(&boxes, twin, &["full", "anna", "bert", "cleo"], Together::Each);
        let [full, others @ ..] = results.as_slice() else { panic!("{results:?}") };
        assert!(full.is_err(), "{fails:?} {errno}: {results:?}");
        let refused = others.iter().filter(|result| result.is_err()).count();
        assert!(refused <= 1 || matches!(fails, Fails::From(_)), "{fails:?} {errno}: {results:?}");
        failed
    });
}

#[test]
fn all_have_it_or_none() {
    each_fault(|twin, fails, errno| {
        let boxes = Mailboxes::new();
        let (results, failed) = deliver(&boxes, twin, &["anna", "bert", "cleo"], Together::AllOrNone);
        let ok = results.iter().filter(|result| result.is_ok()).count();
        assert!(ok == 0 || ok == 3, "{fails:?} {errno}: {results:?}");
        for name in ["anna", "bert", "cleo"] {
            let there = boxes.messages(name);
            assert!(there.iter().all(|text| *text == boxes.expected(name)), "half a message: {fails:?}");
            match ok {
                3 => assert_eq!(there.len(), 1, "{fails:?} {errno}"),
                _ if matches!(fails, Fails::Once(_)) => assert_eq!(there.len(), 0, "{fails:?} {errno}"),
                // On a disk that takes no unlink any more something may stay: it was not acknowledged.
                _ => {}
            }
        }
        failed
    });
}

#[test]
fn a_single_fault_leaves_nothing_in_tmp_unless_it_was_the_removing() {
    let mut left = BTreeSet::new();
    each_fault(|twin, fails, _| {
        let boxes = Mailboxes::new();
        let (results, failed) = deliver(&boxes, twin, &["anna"], Together::AllOrNone);
        if matches!(fails, Fails::Once(_)) {
            let tmp = names_in(&boxes.maildir("anna").join("tmp"));
            // The one step whose failure leaves a name, and only where there is no rename: the unlink after
            // the link. The message is there.
            assert!(tmp.is_empty() || results[0].is_ok(), "{fails:?}: {tmp:?}");
            left.extend((!tmp.is_empty()).then_some(format!("{fails:?}")));
        }
        failed
    });
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn no_space_is_told_from_other_faults() {
    each_fault(|twin, fails, errno| {
        let boxes = Mailboxes::new();
        let (results, failed) = deliver(&boxes, twin, &["anna"], Together::Each);
        match &results[0] {
            Ok(_) => {}
            Err(Error::NoSpace) => assert_eq!(errno, Errno::ENOSPC),
            Err(Error::Temporary(why)) => assert!(errno != Errno::ENOSPC && !why.is_empty(), "{why}"),
            Err(Error::OverQuota) => panic!("{fails:?}: nobody has a quota here"),
            Err(Error::GivenUp) => panic!("{fails:?}: everybody is to have it"),
        }
        failed
    });
}

#[test]
fn after_a_fault_the_next_delivery_goes_through() {
    each_fault(|twin, fails, _| {
        let boxes = Mailboxes::new();
        let delivery: Delivery<Twin> = boxes.delivery_on(twin);
        let mut drafts = delivery.open(vec![boxes.target("anna")], None);
        drafts.write(MESSAGE);
        let first = drafts.publish(Together::AllOrNone)[0].is_ok();
        if matches!(fails, Fails::Once(_)) && delivery.shared.tree.disk.has_failed() {
            let mut drafts = delivery.open(vec![boxes.target("anna")], None);
            drafts.write(MESSAGE);
            assert!(drafts.publish(Together::AllOrNone)[0].is_ok(), "{fails:?}");
            assert_eq!(boxes.messages("anna").len(), 1 + usize::from(first), "{fails:?}");
        }
        delivery.shared.tree.disk.has_failed()
    });
}

#[test]
fn a_draft_that_is_dropped_leaves_nothing() {
    let boxes = Mailboxes::new();
    let delivery = boxes.delivery_on(Twin::sound());
    let mut drafts = delivery.open(vec![boxes.target("anna")], None);
    drafts.write(MESSAGE);
    let tmp = boxes.maildir("anna").join("tmp");
    assert_eq!(names_in(&tmp).len(), 1);
    drop(drafts);
    assert_eq!(names_in(&tmp).len(), 0);
    assert!(boxes.messages("anna").is_empty() && TRACE.ends_with('\n'));
}
