//! Imports that were committed, and what a login makes of them.

use super::super::disk::OsDisk;
use super::super::scan::tests::{Lent, own_name};
use super::super::twin::{Fails, Twin, folder};
use super::*;
use ledger::{Entry, Ledger, Origin};
use nix::errno::Errno;

/// A Maildir in which an import has staged two messages.
fn staged() -> (Lent, Vec<Move>, Ledger) {
    let maildir = Lent::new();
    std::fs::create_dir(maildir.path(STAGING)).unwrap();
    let (seen, unseen) = (own_name(1, 4, 5), own_name(2, 4, 5));
    let step = |staged: &str, place, name: String| {
        maildir.put(format!("{STAGING}/{staged}"), "abc\n");
        Move { staged: staged.into(), place, name: name.into() }
    };
    let moves = vec![step("one", Place::Cur, format!("{seen}:2,S")), step("two", Place::New, unseen)];
    let entry = Entry {
        origin: Origin::Made(vec![7]),
        unique_id: None,
        digest: "d".into(),
        base: seen.into(),
        mailboxes: Vec::new(),
    };
    (maildir, moves, Ledger { entries: vec![entry] })
}

fn commit<D: Disk>(disk: &D, staging: &Folder, next: &Ledger, moves: &[Move]) -> io::Result<()> {
    let mut commit = Commit::begin(disk, staging)?;
    next.entries.iter().try_for_each(|entry| commit.note(entry))?;
    moves.iter().try_for_each(|step| commit.step(step))?;
    commit.finish()
}

fn staging(maildir: &Lent) -> Folder {
    folder(&maildir.path(STAGING))
}

fn is_finished(maildir: &Lent, next: &Ledger) -> bool {
    let names: Vec<_> =
        std::fs::read_dir(maildir.path("")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(names.len() == 4 || names.len() == 5, "{names:?}");
    maildir.scan().entries().len() == 2 && Ledger::load(&maildir.folders.root).unwrap() == *next
}

#[test]
fn a_login_finishes_what_was_committed_and_nothing_else() {
    let (maildir, moves, next) = staged();
    settle(&OsDisk, &maildir.folders).unwrap();
    assert_eq!(maildir.scan().entries().len(), 0, "staged is not committed");
    commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
    assert_eq!(committed(&staging(&maildir)).unwrap().unwrap().iter().collect::<Vec<_>>(), moves);
    assert_eq!(maildir.scan().entries().len(), 0);
    settle(&OsDisk, &maildir.folders).unwrap();
    assert!(is_finished(&maildir, &next) && !maildir.path(STAGING).exists());
    settle(&OsDisk, &maildir.folders).unwrap();
}

#[test]
fn a_mailbox_that_was_empty_is_not_shown_before_all_is_there() {
    let (maildir, moves, next) = staged();
    for _ in 0..2 {
        note_empty(&OsDisk, &staging(&maildir)).unwrap();
    }
    maildir.put(format!("new/{}", own_name(9, 4, 5)), "new\n");
    assert!(matches!(settle(&OsDisk, &maildir.folders), Err(Error::BeingMoved)));
    commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
    settle(&OsDisk, &maildir.folders).unwrap();
    assert_eq!(maildir.scan().entries().len(), 3);
}

#[test]
fn a_damaged_mark_is_told_and_not_guessed_at() {
    let (maildir, moves, next) = staged();
    commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
    let path = maildir.path(STAGING).join(COMMIT);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(matches!(settle(&OsDisk, &maildir.folders), Err(Error::Temporary(_))));
    std::fs::write(&path, sealed::seal(HEAD, "tmp one two\n")).unwrap();
    assert!(matches!(settle(&OsDisk, &maildir.folders), Err(Error::Temporary(_))));
    std::fs::write(&path, good).unwrap();
    settle(&OsDisk, &maildir.folders).unwrap();
    assert!(is_finished(&maildir, &next));
}

#[test]
fn each_step_may_fail_and_the_next_login_goes_on() {
    for fails in [Fails::Once as fn(u32) -> Fails, Fails::From] {
        for step in 0.. {
            let (maildir, moves, next) = staged();
            note_empty(&OsDisk, &staging(&maildir)).unwrap();
            let twin = Twin::new(fails(step), Errno::ENOSPC);
            let done = commit(&twin, &staging(&maildir), &next, &moves).is_ok()
                && settle(&twin, &maildir.folders).is_ok();
            if !twin.has_failed() {
                assert!(done && step > 15, "so few steps cannot be all");
                break;
            }
            // All that a login sees is nothing or everything; the same import again brings it to its end.
            let shown = settle(&OsDisk, &maildir.folders);
            if maildir.path(STAGING).exists() && shown.is_err() {
                assert!(!done && maildir.scan().entries().is_empty(), "step {step}");
                commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
                settle(&OsDisk, &maildir.folders).unwrap();
            }
            assert!(is_finished(&maildir, &next), "step {step}");
        }
    }
}

#[test]
fn a_list_that_leads_out_of_the_maildir_is_damaged() {
    for name in ["../../other/new/x", "..", ".", "", "/etc/passwd"] {
        let (maildir, mut moves, next) = staged();
        moves[0].name = name.into();
        commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
        let refused = settle(&OsDisk, &maildir.folders).unwrap_err();
        assert!(refused.to_string().contains("commit is damaged"), "{name}: {refused}");
    }
}

#[test]
fn a_login_leaves_the_folder_of_an_import_that_is_at_it() {
    let (maildir, moves, next) = staged();
    commit(&OsDisk, &staging(&maildir), &next, &moves).unwrap();
    let import = File::from(staging(&maildir).reopen().unwrap());
    import.try_lock().unwrap();
    settle(&OsDisk, &maildir.folders).unwrap();
    assert_eq!(maildir.scan().entries().len(), 2);
    assert!(maildir.path(STAGING).exists(), "what another import has put there must stay");
    drop(import);
    commit(&OsDisk, &staging(&maildir), &next, &[]).unwrap();
    settle(&OsDisk, &maildir.folders).unwrap();
    assert!(!maildir.path(STAGING).exists());
}

#[test]
fn an_import_that_runs_is_not_released() {
    let (maildir, ..) = staged();
    note_empty(&OsDisk, &staging(&maildir)).unwrap();
    let import = File::from(staging(&maildir).reopen().unwrap());
    import.try_lock().unwrap();
    let refused = release(&OsDisk, &maildir.folders.root).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    assert!(matches!(settle(&OsDisk, &maildir.folders), Err(Error::BeingMoved)));
    drop(import);
    release(&OsDisk, &maildir.folders.root).unwrap();
    settle(&OsDisk, &maildir.folders).unwrap();
}
