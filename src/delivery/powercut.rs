//! The power fails after every single step of a delivery, on a disk that keeps only what strict POSIX
//! promises. What was acknowledged is there, whole, once; what is in new/ is never half a message.

use super::tests::{MESSAGE, Mailboxes};
use super::{Delivery, Together};
use crate::maildrop::twin::{Forgets, Twin};
use std::path::{Path, PathBuf};

/// Half a message in new/, now or after a cut at this moment.
fn assert_nothing_half(twin: &Twin, new: &Path, whole: &[u8]) {
    for (name, bytes) in twin.possible(new) {
        assert_eq!(bytes.as_deref(), Some(whole), "a cut leaves half a message as {name}");
    }
}

fn deliver(boxes: &Mailboxes, delivery: &Delivery<Twin>, name: &str) {
    let mut drafts = delivery.open(vec![boxes.target(name)], None);
    drafts.write(MESSAGE);
    assert!(drafts.publish(Together::AllOrNone).iter().all(Result::is_ok));
}

/// How many messages are sure to be there after a cut now.
pub fn certain(boxes: &Mailboxes, delivery: &Delivery<Twin>, name: &str) -> usize {
    let new = boxes.maildir(name).join("new");
    let certain = delivery.shared.tree.disk.certain(boxes.root(), &new);
    certain.values().filter(|bytes| bytes.as_deref() == Some(&boxes.expected(name))).count()
}

#[test]
fn what_was_acknowledged_survives_and_nothing_half_ever_shows() {
    let boxes = Mailboxes::new();
    let news: Vec<(PathBuf, Vec<u8>)> =
        ["anna", "bert"].map(|name| (boxes.maildir(name).join("new"), boxes.expected(name))).to_vec();
    let twin = Twin::sound().watched(move |twin| {
        for (new, whole) in &news {
            assert_nothing_half(twin, new, whole);
        }
    });
    let delivery = boxes.delivery_on(twin);
    for round in 1..=3 {
        // The first makes all folders from data_dir on; the second mailbox makes its own.
        deliver(&boxes, &delivery, "anna");
        assert_eq!(certain(&boxes, &delivery, "anna"), round);
    }
    deliver(&boxes, &delivery, "bert");
    assert_eq!((certain(&boxes, &delivery, "anna"), certain(&boxes, &delivery, "bert")), (3, 1));
    assert!(delivery.shared.tree.disk.steps() > 40);
}

#[test]
fn folders_that_somebody_made_and_never_synced_are_synced_first() {
    let boxes = Mailboxes::new();
    for folder in maildir::MAILDIR_FOLDER_LIST {
        std::fs::create_dir_all(boxes.maildir("anna").join(folder)).unwrap();
    }
    let delivery = boxes.delivery_on(Twin::sound());
    deliver(&boxes, &delivery, "anna");
    assert_eq!(certain(&boxes, &delivery, "anna"), 1);
}

#[test]
fn a_maildir_that_was_removed_under_the_server_is_made_anew_for_good() {
    let boxes = Mailboxes::new();
    let delivery = boxes.delivery_on(Twin::sound());
    deliver(&boxes, &delivery, "anna");
    std::fs::remove_dir_all(boxes.maildir("anna").parent().unwrap()).unwrap();
    deliver(&boxes, &delivery, "anna");
    assert_eq!(certain(&boxes, &delivery, "anna"), 1);
}

/// The test of the test: a delivery without one of its syncs must be caught, or all this proves nothing.
#[test]
fn a_delivery_that_forgets_to_sync_is_caught() {
    for forgets in [Forgets::Files, Forgets::Folders] {
        let boxes = Mailboxes::new();
        let delivery = boxes.delivery_on(Twin::forgetting(forgets));
        deliver(&boxes, &delivery, "anna");
        assert_eq!(boxes.messages("anna").len(), 1, "it looks well enough");
        assert_eq!(certain(&boxes, &delivery, "anna"), 0, "{forgets:?}");
    }
    let boxes = Mailboxes::new();
    let delivery = boxes.delivery_on(Twin::forgetting(Forgets::Files));
    deliver(&boxes, &delivery, "anna");
    let half = delivery.shared.tree.disk.possible(&boxes.maildir("anna").join("new"));
    assert_eq!(half.values().collect::<Vec<_>>(), [&None], "a name in new/ without its bytes");
}
