//! QUIT on a disk that fails, on one whose power is cut, and in a Maildir that others change.

use super::super::disk::OsDisk;
use super::super::gather::tests::{Shared, rename};
use super::super::scan::scan;
use super::super::scan::tests::{Lent, own_name};
use super::super::twin::{Fails, Forgets, Twin, names_in};
use super::*;
use crate::mail::MessageNumber;
use nix::errno::Errno;
use std::path::PathBuf;

fn numbers(indexes: &[usize]) -> Vec<MessageNumber> {
    indexes.iter().map(|&index| MessageNumber::from_index(index).unwrap()).collect()
}

fn changes(deleted: &[usize], seen: &[usize]) -> Changes {
    Changes { deleted: numbers(deleted), seen: numbers(seen) }
}

/// Six messages: 0 and 3 are to go, 1, 2 and 4 were read, 5 was left alone. Half of them lie in cur/.
const MARKS: (&[usize], &[usize]) = (&[0, 3], &[1, 2, 4]);

fn six() -> (Lent, Vec<String>) {
    let maildir = Lent::new();
    let names: Vec<String> = (0..6).map(|number| own_name(number, 1, 3)).collect();
    for (index, name) in names.iter().enumerate() {
        let path = if index < 3 { format!("new/{name}") } else { format!("cur/{name}:2,F") };
        maildir.put(path, index.to_string());
    }
    (maildir, names)
}

/// Which of the messages are in the Maildir, by what is in their files.
fn there(maildir: &Lent) -> BTreeSet<usize> {
    let read =
        |folder| names_in(&maildir.path(folder)).into_iter().map(move |name| maildir.path(folder).join(name));
    let paths = read("new").chain(read("cur"));
    paths.map(|path| std::fs::read_to_string(path).unwrap().parse().unwrap()).collect()
}

#[test]
fn what_was_marked_goes_and_what_was_read_is_seen() {
    let (maildir, names) = six();
    let listing = maildir.scan();
    let updated = update(&OsDisk, &maildir.folders, &listing, &changes(MARKS.0, MARKS.1));
    assert_eq!(updated, Updated { removed: 2, failed: 0 });
    assert!(names_in(&maildir.path("new")).is_empty());
    let expected = [
        format!("{}:2,S", names[1]),
        format!("{}:2,S", names[2]),
        format!("{}:2,FS", names[4]),
        format!("{}:2,F", names[5]),
    ];
    assert_eq!(names_in(&maildir.path("cur")), expected.into());
    let again = maildir.scan();
    let ids: Vec<_> = [1, 2, 4, 5].iter().map(|&index| listing.entries()[index].unique_id.clone()).collect();
    assert_eq!(again.entries().into_iter().map(|entry| entry.unique_id).collect::<Vec<_>>(), ids);
    // Any Maildir tool understands it.
    let reader = maildir::Maildir::from(maildir.path(""));
    assert_eq!(reader.list_cur().filter(|entry| entry.as_ref().unwrap().is_seen()).count(), 3);
}

#[test]
fn nothing_to_do_does_nothing() {
    let (maildir, _) = six();
    let twin = Twin::sound();
    let listing = scan(&OsDisk, &maildir.folders).unwrap();
    assert_eq!(update(&twin, &maildir.folders, &listing, &Changes::default()), Updated::default());
    assert_eq!(update(&twin, &maildir.folders, &listing, &changes(&[99], &[98])), Updated::default());
    assert_eq!(twin.steps(), 0, "QUIT after looking costs no disk work");
}

#[test]
fn a_hundred_deletions_cost_a_hundred_steps() {
    let maildir = Lent::new();
    for number in 0..100 {
        maildir.put(format!("new/{}", own_name(number, 2, 3)), "x");
    }
    let (twin, listing) = (Twin::sound(), maildir.scan());
    let all: Vec<usize> = (0..100).collect();
    assert_eq!(update(&twin, &maildir.folders, &listing, &changes(&all, &[])).removed, 100);
    assert_eq!(twin.steps(), 101, "and one sync");
}

#[test]
fn a_neighbour_that_renames_or_removes_is_followed() {
    let (maildir, names) = six();
    let listing = maildir.scan();
    let rename = |from: String, to: String| std::fs::rename(maildir.path(from), maildir.path(to)).unwrap();
    rename(format!("new/{}", names[0]), format!("cur/{}:2,", names[0])); // To be deleted.
    rename(format!("new/{}", names[1]), format!("cur/{}:2,R", names[1])); // To be flagged.
    std::fs::remove_file(maildir.path(format!("cur/{}:2,F", names[3]))).unwrap(); // Deleted already.
    let twin = Twin::sound();
    let updated = update(&twin, &maildir.folders, &listing, &changes(MARKS.0, MARKS.1));
    assert_eq!(updated, Updated { removed: 2, failed: 0 });
    assert_eq!(there(&maildir), [1, 2, 4, 5].into());
    assert!(maildir.path(format!("cur/{}:2,RS", names[1])).exists());
}

/// A neighbour who renames, when cur/ is read, so that the message does not show in so many looks. It has one of
/// these two names.
fn hiding(names: [&'static str; 2], looks: usize) -> Shared {
    Shared::with(move |folder, look| {
        let (from, to) = if look % 2 == 0 { (names[0], names[1]) } else { (names[1], names[0]) };
        (folder.ends_with("cur") && look < looks).then(|| {
            rename(folder, &format!("cur/{from}"), &format!("cur/{to}"));
            from
        })
    })
}

#[test]
fn what_one_look_does_not_find_is_not_called_removed() {
    for (looks, removed) in [(1, 1), (2, 1), (crate::limits::FOLDER_LOOKS_MAX as usize, 0)] {
        let maildir = Lent::new();
        maildir.put("cur/1.a:2,", "0");
        let listing = maildir.scan();
        std::fs::rename(maildir.path("cur/1.a:2,"), maildir.path("cur/1.a:2,F")).unwrap();
        let disk = hiding(["1.a:2,F", "1.a:2,S"], looks);
        let updated = update(&disk, &maildir.folders, &listing, &changes(&[0], &[]));
        assert_eq!(updated, Updated { removed, failed: 1 - removed }, "{looks}");
        assert_eq!(there(&maildir).len(), updated.failed, "{looks}");
    }
}

/// Two files of one base, 0 in new/ and 1 in cur/, which are two messages, and their listing.
fn two_of_one_base() -> (Lent, Listing, [usize; 2]) {
    let maildir = Lent::new();
    maildir.put("new/1700000000.M1P1.old", "0");
    maildir.put("cur/1700000000.M1P1.old:2,", "1");
    let listing = maildir.scan();
    let place = |index| listing.stored(index).unwrap().at.place;
    let numbers = if place(0) == Place::New { [0, 1] } else { [1, 0] };
    (maildir, listing, numbers)
}

#[test]
fn of_two_files_with_one_base_only_the_marked_one_goes() {
    let (new, cur) = ("new/1700000000.M1P1.old", "cur/1700000000.M1P1.old:2,");
    let moves: [(&[(&str, &str)], _); 4] = [
        (&[], 0),
        (&[(cur, "cur/1700000000.M1P1.old:2,S")], 0),
        // The name that the marked one had is now the other's.
        (&[(cur, "cur/1700000000.M1P1.old:2,S"), (new, cur)], 0),
        (&[(new, "cur/1700000000.M1P1.old:2,F")], 0),
    ];
    for (renames, kept) in moves {
        let (maildir, listing, [_, in_cur]) = two_of_one_base();
        for (from, to) in renames {
            std::fs::rename(maildir.path(from), maildir.path(to)).unwrap();
        }
        let updated = update(&OsDisk, &maildir.folders, &listing, &changes(&[in_cur], &[]));
        assert_eq!(
            (updated, there(&maildir)),
            (Updated { removed: 1, failed: 0 }, [kept].into()),
            "{renames:?}"
        );
    }
    // Removed by a neighbour: that is no reason to take the other one.
    let (maildir, listing, [in_new, in_cur]) = two_of_one_base();
    std::fs::remove_file(maildir.path(cur)).unwrap();
    std::fs::rename(maildir.path(new), maildir.path(cur)).unwrap();
    let updated = update(&OsDisk, &maildir.folders, &listing, &changes(&[in_cur], &[]));
    assert_eq!((updated.removed, there(&maildir)), (1, [0].into()));
    // Nor is the flag of the one set on the other, or a name of the other taken away.
    update(&OsDisk, &maildir.folders, &listing, &changes(&[], &[in_cur]));
    assert!(maildir.path(cur).exists());
    update(&OsDisk, &maildir.folders, &listing, &changes(&[], &[in_new]));
    assert!(maildir.path("cur/1700000000.M1P1.old:2,S").exists());
}

#[test]
fn the_other_file_of_its_base_does_not_say_that_the_marked_one_is_gone() {
    const NAMES: [&str; 2] = ["1700000000.M1P1.old:2,F", "1700000000.M1P1.old:2,S"];
    for (looks, removed) in [(1, 1), (crate::limits::FOLDER_LOOKS_MAX as usize, 0)] {
        let (maildir, listing, [_, in_cur]) = two_of_one_base();
        let renamed = maildir.path("cur").join(NAMES[0]);
        std::fs::rename(maildir.path("cur/1700000000.M1P1.old:2,"), renamed).unwrap();
        let updated = update(&hiding(NAMES, looks), &maildir.folders, &listing, &changes(&[in_cur], &[]));
        assert_eq!(updated, Updated { removed, failed: 1 - removed }, "{looks}");
        assert_eq!(there(&maildir).len(), 1 + updated.failed, "{looks}");
    }
}

#[test]
fn a_file_that_came_later_is_not_taken_for_the_listed_one_of_its_base() {
    let rename = ("cur/1.a:2,", "cur/1.a:2,S");
    for (later, text) in [("new/1.a", "1"), ("cur/1.a:2,F", "1"), ("cur/1.a:2,S", "longer")] {
        let maildir = Lent::new();
        maildir.put(rename.0, "0");
        let listing = maildir.scan();
        std::fs::rename(maildir.path(rename.0), maildir.path(rename.1)).unwrap();
        let _ = std::fs::remove_file(maildir.path(later));
        maildir.put(later, text);
        let before = [names_in(&maildir.path("new")), names_in(&maildir.path("cur"))];
        let updated = update(&OsDisk, &maildir.folders, &listing, &changes(&[0], &[]));
        assert_eq!(updated, Updated { removed: 0, failed: 1 }, "{later}: nobody knows which of them it is");
        assert_eq!([names_in(&maildir.path("new")), names_in(&maildir.path("cur"))], before);
    }
}

#[test]
fn no_name_is_replaced() {
    let (maildir, names) = six();
    let listing = maildir.scan();
    maildir.put(format!("cur/{}:2,S", names[1]), "7");
    update(&OsDisk, &maildir.folders, &listing, &changes(&[], &[1]));
    assert_eq!(there(&maildir), [0, 1, 2, 3, 4, 5, 7].into());
}

#[test]
fn a_move_that_was_broken_off_is_finished_or_goes_as_one() {
    for (marks, left) in [(changes(&[], &[1]), 1), (changes(&[1], &[]), 0)] {
        let (maildir, names) = six();
        let cur = maildir.path(format!("cur/{}:2,S", names[1]));
        std::fs::hard_link(maildir.path(format!("new/{}", names[1])), &cur).unwrap();
        let listing = maildir.scan();
        update(&OsDisk, &maildir.folders, &listing, &marks);
        let names_left = |folder| {
            names_in(&maildir.path(folder)).iter().filter(|name| name.starts_with(&names[1])).count()
        };
        assert_eq!((names_left("new"), names_left("cur")), (0, left));
    }
}

#[test]
fn the_name_a_message_gets_may_be_one_it_has() {
    let maildir = Lent::new();
    let path = maildir.put("cur/1.a:2,T", "x");
    std::fs::hard_link(path, maildir.path("cur/1.a:2,ST")).unwrap();
    let listing = maildir.scan();
    update(&OsDisk, &maildir.folders, &listing, &changes(&[], &[0]));
    assert_eq!(names_in(&maildir.path("cur")), ["1.a:2,ST".to_owned()].into());
}

/// The Maildir, as paths are made of it: without the slash at the end.
fn root(maildir: &Lent) -> PathBuf {
    maildir.path("").components().collect()
}

/// What is in the messages of these numbers.
fn texts(numbers: &[usize]) -> BTreeSet<Vec<u8>> {
    numbers.iter().map(|number| number.to_string().into_bytes()).collect()
}

/// The messages that are sure to be there after a power cut now, and those that may be.
fn after_a_cut(twin: &Twin, maildir: &Lent) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
    let folders = [maildir.path("new"), maildir.path("cur")];
    let certain =
        folders.iter().flat_map(|folder| twin.certain(&root(maildir), folder).into_values().flatten());
    let possible = folders.iter().flat_map(|folder| twin.possible(folder).into_values().flatten());
    (certain.collect(), possible.collect())
}

#[test]
fn a_disk_that_fails_loses_nothing_and_the_count_is_honest() {
    for errno in [Errno::EIO, Errno::ENOSPC] {
        for fails in [Fails::Once as fn(u32) -> Fails, Fails::From] {
            for step in 0.. {
                let (maildir, _) = six();
                let listing = maildir.scan();
                let twin = Twin::new(fails(step), errno);
                twin.settle(&root(&maildir));
                let updated = update(&twin, &maildir.folders, &listing, &changes(MARKS.0, MARKS.1));
                let there = there(&maildir);
                assert!([1, 2, 4, 5].iter().all(|kept| there.contains(kept)), "lost: step {step}");
                assert_eq!(updated.removed + updated.failed, 2);
                let gone = 2 - [0, 3].iter().filter(|marked| there.contains(marked)).count();
                assert!(updated.removed <= gone, "called removed, still there: step {step}");
                let (certain, possible) = after_a_cut(&twin, &maildir);
                assert!(certain.is_superset(&texts(&[1, 2, 4, 5])), "a power cut loses one: step {step}");
                let gone = texts(MARKS.0).difference(&possible).count();
                assert!(updated.removed <= gone, "called removed, a cut may bring it back: step {step}");
                assert_eq!(maildir.scan().entries().len(), there.len(), "each is listed once: step {step}");
                if !twin.has_failed() {
                    assert!(step > 8 && updated.failed == 0);
                    break;
                }
            }
        }
    }
}

/// After every step the power may fail, and a delivery may have synced new/ just before.
fn kept_at_every_cut(forgets: Forgets) -> bool {
    let (maildir, _) = six();
    let (root, new, cur) = (root(&maildir), maildir.path("new"), maildir.path("cur"));
    let safe = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let verdict = std::sync::Arc::clone(&safe);
    let settled = root.clone();
    let twin = Twin::forgetting(forgets).watched(move |twin| {
        twin.sync_by_neighbour(&new);
        let certain = [&new, &cur].map(|folder| twin.certain(&root, folder));
        let bytes: BTreeSet<_> = certain.iter().flat_map(|names| names.values().flatten().cloned()).collect();
        for kept in [b"1", b"2", b"4", b"5"] {
            if !bytes.contains(&kept[..]) {
                verdict.store(false, std::sync::atomic::Ordering::SeqCst);
            }
        }
    });
    twin.settle(&settled);
    let listing = maildir.scan();
    let updated = update(&twin, &maildir.folders, &listing, &changes(MARKS.0, MARKS.1));
    assert_eq!(updated, Updated { removed: 2, failed: 0 });
    // "+OK": what was deleted does not come back.
    let (_, possible) = after_a_cut(&twin, &maildir);
    safe.load(std::sync::atomic::Ordering::SeqCst) && possible.is_disjoint(&texts(MARKS.0))
}

#[test]
fn a_power_cut_at_any_step_of_quit_loses_nothing() {
    assert!(kept_at_every_cut(Forgets::Nothing));
}

#[test]
fn a_quit_that_forgets_to_sync_is_caught() {
    assert!(!kept_at_every_cut(Forgets::Folders));
}
