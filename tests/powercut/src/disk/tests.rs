//! The model by itself: what must last, what may go, and what a lie costs.

use super::*;
use std::collections::HashSet;

const OWNER: Owner = Owner { mode: 0o600, uid: 0, gid: 0 };

fn os(name: &str) -> &OsStr {
    OsStr::new(name)
}

fn file(disk: &mut Disk, folder: Ino, name: &str, bytes: &[u8]) -> Ino {
    let ino = disk.make(folder, os(name), Body::File(Vec::new()), OWNER).unwrap();
    disk.write(ino, 0, bytes).unwrap();
    ino
}

fn folder(disk: &mut Disk, parent: Ino, name: &str) -> Ino {
    disk.make(parent, os(name), Body::Folder(BTreeMap::new()), OWNER).unwrap()
}

fn holds(disk: &Disk, folder: Ino, name: &str) -> Option<Vec<u8>> {
    let ino = disk.look_up(folder, os(name)).ok()?;
    disk.read(ino, 0, usize::MAX).ok().map(<[u8]>::to_vec)
}

/// Every outcome of `count` seeds of a cut after `work`.
fn outcomes<T: std::hash::Hash + Eq>(
    mode: Mode,
    lie: Lie,
    work: impl Fn(&mut Disk),
    look: impl Fn(&Disk) -> T,
) -> HashSet<T> {
    let mut disk = Disk::new(mode, lie);
    work(&mut disk);
    disk.cut();
    (0..400)
        .map(|seed| {
            let mut after = disk.clone();
            after.recover(&mut Rng::new(seed));
            look(&after)
        })
        .collect()
}

#[test]
fn after_a_cut_everything_fails_until_recovery() {
    let mut disk = Disk::new(Mode::Strict, Lie::None);
    let ino = file(&mut disk, ROOT, "a", b"1");
    disk.cut();
    assert_eq!(disk.read(ino, 0, 1), Err(Fault::Off));
    assert_eq!(disk.write(ino, 0, b"2"), Err(Fault::Off));
    assert_eq!(disk.sync(ROOT), Err(Fault::Off));
    assert_eq!(disk.names(ROOT), Err(Fault::Off));
    assert_eq!(disk.unlink(ROOT, os("a")), Err(Fault::Off));
    disk.recover(&mut Rng::new(1));
    assert!(disk.names(ROOT).is_ok());
}

#[test]
fn a_fuse_burns_by_changes_and_fsyncs_only() {
    let mut disk = Disk::new(Mode::Strict, Lie::None);
    disk.cut_after(3);
    let ino = file(&mut disk, ROOT, "a", b"1");
    assert_eq!(disk.read(ino, 0, 9), Ok(&b"1"[..]));
    assert_eq!(disk.sync(ino), Ok(()));
    assert!(!disk.is_off());
    assert_eq!(disk.sync(ROOT), Err(Fault::Off));
    assert!(disk.is_off());
    disk.recover(&mut Rng::new(1));
    assert!((0..10).all(|_| disk.sync(ROOT).is_ok()), "the fuse is gone with the cut");
}

#[test]
fn strict_keeps_what_was_synced_and_only_that_for_sure() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let synced = outcomes(
            mode,
            Lie::None,
            |disk| {
                let ino = file(disk, ROOT, "a", b"whole");
                disk.sync(ino).unwrap();
                disk.sync(ROOT).unwrap();
            },
            |disk| holds(disk, ROOT, "a"),
        );
        assert_eq!(synced, HashSet::from([Some(b"whole".to_vec())]), "{mode:?}");
    }
}

#[test]
fn without_fsync_of_the_file_its_bytes_may_go() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let seen = outcomes(
            mode,
            Lie::None,
            |disk| {
                file(disk, ROOT, "a", b"whole");
                disk.sync(ROOT).unwrap();
            },
            |disk| holds(disk, ROOT, "a"),
        );
        assert!(seen.contains(&Some(Vec::new())), "{mode:?}: the name without the bytes");
        assert!(seen.contains(&Some(b"whole".to_vec())), "{mode:?}: written back in time");
        assert!(!seen.contains(&None), "{mode:?}: the name was synced");
        assert_eq!(seen.contains(&Some(vec![0; 5])), mode == Mode::Strict, "{mode:?}: the size alone");
    }
}

#[test]
fn without_fsync_of_the_folder_the_name_may_go_in_strict_mode() {
    let work = |disk: &mut Disk| {
        let ino = file(disk, ROOT, "a", b"whole");
        disk.sync(ino).unwrap();
    };
    let look = |disk: &Disk| holds(disk, ROOT, "a");
    let strict = outcomes(Mode::Strict, Lie::None, work, look);
    assert_eq!(strict, HashSet::from([None, Some(b"whole".to_vec())]));
    // In ext4 fsync of the new file commits the journal, its name with it.
    assert_eq!(outcomes(Mode::Ext4, Lie::None, work, look), HashSet::from([Some(b"whole".to_vec())]));
}

#[test]
fn fsync_of_an_unchanged_file_commits_nothing_in_ext4() {
    let seen = outcomes(
        Mode::Ext4,
        Lie::None,
        |disk| {
            let old = file(disk, ROOT, "old", b"");
            disk.sync(old).unwrap();
            folder(disk, ROOT, "new");
            disk.sync(old).unwrap();
        },
        |disk| disk.look_up(ROOT, os("new")).is_ok(),
    );
    assert_eq!(seen, HashSet::from([true, false]));
}

#[test]
fn a_move_between_folders_can_lose_the_file_when_only_the_old_folder_is_synced() {
    let run = |mode| {
        outcomes(
            mode,
            Lie::None,
            |disk| {
                let (new, cur) = (folder(disk, ROOT, "new"), folder(disk, ROOT, "cur"));
                let ino = file(disk, new, "a", b"1");
                [ino, new, cur, ROOT].iter().for_each(|ino| disk.sync(*ino).unwrap());
                disk.rename((new, os("a")), (cur, os("a")), true).unwrap();
                disk.sync(new).unwrap();
            },
            |disk| {
                let [new, cur] = ["new", "cur"].map(|name| disk.look_up(ROOT, os(name)).unwrap());
                (holds(disk, new, "a").is_some(), holds(disk, cur, "a").is_some())
            },
        )
    };
    assert_eq!(run(Mode::Strict), HashSet::from([(false, false), (false, true)]));
    assert_eq!(run(Mode::Ext4), HashSet::from([(false, true)]));
}

#[test]
fn a_rename_is_never_half_in_ext4_nor_within_one_folder() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let seen = outcomes(
            mode,
            Lie::None,
            |disk| {
                let old = file(disk, ROOT, "name", b"old");
                let new = file(disk, ROOT, "name.tmp", b"new");
                [old, new, ROOT].iter().for_each(|ino| disk.sync(*ino).unwrap());
                disk.rename((ROOT, os("name.tmp")), (ROOT, os("name")), true).unwrap();
            },
            |disk| (holds(disk, ROOT, "name").unwrap(), disk.names(ROOT).unwrap().len()),
        );
        assert_eq!(seen, HashSet::from([(b"old".to_vec(), 2), (b"new".to_vec(), 1)]), "{mode:?}");
    }
}

#[test]
fn a_name_does_not_come_back_after_its_folder_was_synced() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let seen = outcomes(
            mode,
            Lie::None,
            |disk| {
                let ino = file(disk, ROOT, "a", b"1");
                disk.sync(ino).unwrap();
                disk.sync(ROOT).unwrap();
                disk.unlink(ROOT, os("a")).unwrap();
                disk.sync(ROOT).unwrap();
            },
            |disk| holds(disk, ROOT, "a"),
        );
        assert_eq!(seen, HashSet::from([None]), "{mode:?}");
    }
}

#[test]
fn the_journal_keeps_its_order_and_strict_mode_does_not() {
    let run = |mode| {
        outcomes(
            mode,
            Lie::None,
            |disk| {
                ["a", "b"].iter().for_each(|name| _ = folder(disk, ROOT, name));
            },
            |disk| disk.names(ROOT).unwrap().keys().cloned().collect::<Vec<_>>(),
        )
    };
    let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>();
    assert_eq!(run(Mode::Ext4), HashSet::from([names(&[]), names(&["a"]), names(&["a", "b"])]));
    assert!(run(Mode::Strict).contains(&names(&["b"])));
}

#[test]
fn bytes_before_a_committed_cut_stay_cut() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let seen = outcomes(
            mode,
            Lie::None,
            |disk| {
                let journal = file(disk, ROOT, "journal", &[7; 9000]);
                disk.sync(ROOT).unwrap();
                disk.resize(journal, 0).unwrap();
                disk.sync(journal).unwrap();
            },
            |disk| holds(disk, ROOT, "journal"),
        );
        assert_eq!(seen, HashSet::from([Some(Vec::new())]), "{mode:?}");
    }
    // Committed by another file's fsync.
    let seen = outcomes(
        Mode::Ext4,
        Lie::None,
        |disk| {
            let journal = file(disk, ROOT, "journal", &[7; 9000]);
            disk.resize(journal, 10).unwrap();
            let other = file(disk, ROOT, "other", b"1");
            disk.sync(other).unwrap();
        },
        |disk| {
            holds(disk, ROOT, "journal").unwrap().iter().rposition(|byte| *byte == 7).map_or(0, |at| at + 1)
        },
    );
    assert_eq!(seen, HashSet::from([0, 10]));
}

#[test]
fn a_long_write_is_torn_at_sectors_only() {
    let seen = outcomes(
        Mode::Strict,
        Lie::None,
        |disk| {
            let ino = file(disk, ROOT, "a", &[1; 2000]);
            disk.sync(ino).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(ino, 0, &[2; 2000]).unwrap();
        },
        |disk| holds(disk, ROOT, "a").unwrap(),
    );
    assert!(seen.iter().all(|bytes| bytes.len() == 2000));
    assert!(seen.iter().all(|bytes| bytes.chunks(512).all(|sector| sector.iter().all(|b| *b == sector[0]))));
    assert!(seen.len() > 4, "whole, not at all, and torn: {}", seen.len());
}

#[test]
fn appended_bytes_are_a_prefix_in_ext4() {
    let all: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
    let seen = outcomes(
        Mode::Ext4,
        Lie::None,
        |disk| {
            let ino = file(disk, ROOT, "a", b"");
            all.chunks(7000).enumerate().for_each(|(n, chunk)| disk.write(ino, n * 7000, chunk).unwrap());
            disk.sync(ROOT).unwrap();
        },
        |disk| holds(disk, ROOT, "a").unwrap(),
    );
    assert!(seen.iter().all(|bytes| all.starts_with(bytes)));
    assert!(seen.len() > 3);
}

#[test]
fn a_folder_that_is_lost_takes_what_was_synced_in_it_along() {
    let seen = outcomes(
        Mode::Strict,
        Lie::None,
        |disk| {
            let user = folder(disk, ROOT, "user");
            let new = folder(disk, user, "new");
            let ino = file(disk, new, "a", b"1");
            [ino, new, user].iter().for_each(|ino| disk.sync(*ino).unwrap());
        },
        |disk| disk.look_up(ROOT, os("user")).map(|user| disk.names(user).unwrap().len()),
    );
    assert_eq!(seen, HashSet::from([Err(Fault::NoEntry), Ok(1)]));
}

#[test]
fn a_lie_is_told_in_the_mail_tree_alone() {
    for (lie, bytes_last, name_lasts) in
        [(Lie::None, true, true), (Lie::File, false, true), (Lie::Folder, true, false)]
    {
        let run = |top: &'static str| {
            outcomes(
                Mode::Strict,
                lie,
                move |disk| {
                    let top = folder(disk, ROOT, top);
                    disk.sync(ROOT).unwrap();
                    let new = folder(disk, top, "new");
                    let ino = file(disk, new, "a", b"1");
                    [ino, new, top].iter().for_each(|ino| disk.sync(*ino).unwrap());
                },
                move |disk| {
                    let new = disk.look_up(ROOT, os(top)).and_then(|top| disk.look_up(top, os("new")));
                    new.ok().and_then(|new| holds(disk, new, "a"))
                },
            )
        };
        assert_eq!(run("accounts"), HashSet::from([Some(b"1".to_vec())]), "{lie:?}");
        assert_eq!(!run("mail").contains(&None), name_lasts, "{lie:?}");
        assert_eq!(!run("mail").contains(&Some(Vec::new())), bytes_last, "{lie:?}");
    }
}

#[test]
fn names_answer_as_posix_asks() {
    let mut disk = Disk::new(Mode::Strict, Lie::None);
    let sub = folder(&mut disk, ROOT, "sub");
    let ino = file(&mut disk, ROOT, "a", b"1");
    disk.link(ino, sub, os("b")).unwrap();
    assert_eq!(disk.node(ino).unwrap().links, 2);
    assert_eq!(disk.link(ino, sub, os("b")), Err(Fault::Exists));
    assert_eq!(disk.rename((ROOT, os("a")), (sub, os("b")), false), Err(Fault::Exists));
    assert_eq!(disk.rename((ROOT, os("a")), (sub, os("b")), true), Ok(()), "two names of one file stay");
    assert!(disk.look_up(ROOT, os("a")).is_ok());
    assert_eq!(disk.unlink(ROOT, os("sub")), Err(Fault::IsFolder));
    assert_eq!(disk.remove_folder(ROOT, os("sub")), Err(Fault::NotEmpty));
    assert_eq!(disk.remove_folder(ROOT, os("a")), Err(Fault::NotFolder));
    assert_eq!(disk.unlink(ROOT, os("c")), Err(Fault::NoEntry));
    disk.unlink(sub, os("b")).unwrap();
    disk.remove_folder(ROOT, os("sub")).unwrap();
    disk.unlink(ROOT, os("a")).unwrap();
    assert_eq!(disk.read(ino, 0, 9), Ok(&b"1"[..]), "an open file lives on without a name");
}

#[test]
fn links_and_numbers_are_right_after_recovery() {
    let mut disk = Disk::new(Mode::Strict, Lie::None);
    let sub = folder(&mut disk, ROOT, "sub");
    let ino = file(&mut disk, ROOT, "a", b"1");
    disk.link(ino, sub, os("b")).unwrap();
    [ino, sub, ROOT].iter().for_each(|ino| disk.sync(*ino).unwrap());
    disk.cut();
    disk.recover(&mut Rng::new(3));
    let a = disk.look_up(ROOT, os("a")).unwrap();
    let sub = disk.look_up(ROOT, os("sub")).unwrap();
    assert_eq!(disk.look_up(sub, os("b")), Ok(a));
    assert_eq!(disk.node(a).unwrap().links, 2);
    assert_ne!(a, ino, "a new number: the kernel remembers sizes");
    assert_eq!(disk.node(ino).err(), Some(Fault::NoEntry));
}
