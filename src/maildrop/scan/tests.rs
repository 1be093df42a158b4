//! Listings of Maildirs that others have written, and of such that are changed meanwhile.

use super::super::disk::{OsDisk, Step};
use super::super::gather::tests::{Shared, rename};
use super::super::name::{Stamp, Written};
use super::super::tree::Place;
use super::super::twin::folder;
use super::*;
use crate::limits;
use crate::mail::{Bytes, UniqueId};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A Maildir of its own.
pub struct Lent {
    dir: tempfile::TempDir,
    /// Open.
    pub folders: Folders,
}

impl Lent {
    /// An empty one.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in maildir::MAILDIR_FOLDER_LIST {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let [root, new, cur] = ["", "new", "cur"].map(|name| folder(&dir.path().join(name)));
        Self { dir, folders: Folders { root, new, cur } }
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into it.
    pub fn put(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Lists it.
    pub fn scan(&self) -> Listing {
        scan(&OsDisk, &self.folders).unwrap()
    }

    fn octets(&self) -> Vec<u64> {
        self.scan().entries().iter().map(|entry| entry.octets.0).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.scan().entries().iter().map(|entry| entry.unique_id.to_string()).collect()
    }
}

/// A name of ours, of the second `seconds`, that promises these sizes.
pub fn own_name(seconds: u64, bytes: u64, octets: u64) -> String {
    let stamp = Stamp { seconds, micros: 1, pid: 1, counter: 1 };
    let written = Written { bytes: Bytes(bytes), octets: Octets(octets) };
    name::own(&stamp, "host", written, None).into_string().unwrap()
}

#[test]
fn own_messages_are_listed_by_their_names_alone() {
    let maildir = Lent::new();
    // Nothing is opened or stat-ed, or the listing could not say 104.
    maildir.put(format!("new/{}", own_name(2, 100, 104)), "");
    maildir.put(format!("cur/{}:2,S", own_name(1, 10, 12)), "");
    let listing = maildir.scan();
    assert_eq!(listing.entries().iter().map(|entry| entry.octets.0).collect::<Vec<_>>(), [12, 104]);
    assert!((0..2).all(|index| listing.stored(index).unwrap().line_ends == LineEnds::OwnLf));
    assert!(!maildir.path("restante-sizes").exists());
}

#[test]
fn foreign_files_of_any_name_are_counted_as_they_are_sent() {
    let maildir = Lent::new();
    for (number, (name, text, octets)) in [
        (&b"cur/1.M1P1.host,S=7,W=9:2,S"[..], &b"a\nb\n"[..], 6),
        (b"new/2.no-final-line-end", b"a\nb", 6),
        (b"new/3.crlf", b"a\r\nb\r\n", 6),
        (b"new/4.empty", b"", 0),
        (b"cur/5.dot", b".\n", 3),
        (b"cur/6.two words:2,", b"x", 3),
        (b"new/7.\xff\xfe", b"\n", 2),
        (b"cur/8.:weird:2,S:x", b"\r", 3),
    ]
    .into_iter()
    .enumerate()
    {
        maildir.put(OsStr::from_bytes(name), text);
        for _ in 0..2 {
            // Counted, and then known.
            assert_eq!(maildir.octets().last(), Some(&octets), "{}", String::from_utf8_lossy(name));
            assert_eq!(maildir.octets().len(), number + 1);
        }
    }
    let ids = maildir.ids();
    assert_eq!(ids[0], "1.M1P1.host");
    assert!(ids.iter().all(|id| UniqueId::parse(id).is_some()));
}

#[test]
fn what_is_no_message_is_passed_over() {
    let maildir = Lent::new();
    let real = maildir.put("new/1.real", "x\n");
    maildir.put("new/.hidden", "x");
    std::fs::create_dir(maildir.path("cur/folder")).unwrap();
    std::os::unix::fs::symlink(&real, maildir.path("cur/2.link:2,")).unwrap();
    nix::unistd::mkfifo(&maildir.path("new/3.pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(maildir.ids(), ["1.real"]);
}

/// A disk that cannot open the files of one name.
struct Refusing(&'static str, nix::errno::Errno);

impl Disk for Refusing {
    fn before(&self, step: Step<'_>) -> io::Result<()> {
        match step {
            Step::OpenFile(folder, name) if name == self.0 => Err(folder.fault(name, self.1)),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_message_that_cannot_be_read_is_left_out_only_if_that_will_stay_so() {
    use nix::errno::Errno;
    let maildir = Lent::new();
    for name in ["new/1.a", "new/2.b", "cur/3.c:2,"] {
        maildir.put(name, "x");
    }
    for errno in [Errno::EIO, Errno::EACCES, Errno::ENOENT] {
        std::fs::remove_file(maildir.path("restante-sizes")).ok();
        let listed = scan(&Refusing("2.b", errno), &maildir.folders).map(|listing| listing.entries().len());
        assert_eq!(listed.ok(), Some(2), "{errno}");
    }
    std::fs::remove_file(maildir.path("restante-sizes")).ok();
    for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM] {
        assert!(scan(&Refusing("2.b", errno), &maildir.folders).is_err(), "{errno}");
    }
    assert_eq!(maildir.ids(), ["1.a", "2.b", "3.c"]);
}

/// A disk that lists one name more in cur/, of which there is no file: this one, with so many flags at each look.
struct Haunted(&'static str, fn(usize) -> usize, AtomicUsize);

impl Disk for Haunted {
    fn each_file(&self, folder: &Folder, found: &mut dyn FnMut(&OsStr)) -> io::Result<()> {
        folder.each_file(found)?;
        if folder.path().ends_with("cur") {
            let flags = self.1(self.2.fetch_add(1, Ordering::Relaxed));
            found(OsStr::new(&format!("{}{}", self.0, "S".repeat(flags))));
        }
        Ok(())
    }
}

#[test]
fn a_name_without_a_file_keeps_nobody_out_unless_it_is_another_at_each_look() {
    let maildir = Lent::new();
    maildir.put("new/1.a", "x");
    maildir.put("cur/2.b:2,", "xyz");
    // The second has the base of a file.
    for name in ["3.ghost:2,", "1.a:2,"] {
        let listed = |flags| scan(&Haunted(name, flags, AtomicUsize::new(0)), &maildir.folders);
        let octets: Vec<_> = listed(|_| 1).unwrap().entries().iter().map(|entry| entry.octets.0).collect();
        assert_eq!(octets, [3, 5], "{name}");
        assert_eq!(listed(|look| look).is_err(), name.contains("ghost"), "{name}: somebody renames it");
    }
}

#[test]
fn a_whole_mailbox_that_is_renamed_before_it_is_counted_costs_few_looks() {
    let maildir = Lent::new();
    let names: Vec<_> = (0..50).map(|number| format!("{number}.foreign:2,")).collect();
    names.iter().for_each(|name| drop(maildir.put(format!("cur/{name}"), "x")));
    let disk = Shared::with(move |folder, look| {
        if folder.ends_with("cur") && look < limits::FOLDER_LOOKS_MAX as usize {
            let (from, to) = if look % 2 == 0 { ("", "S") } else { ("S", "") };
            for name in &names {
                rename(folder, &format!("cur/{name}{from}"), &format!("cur/{name}{to}"));
            }
        }
        None
    });
    assert_eq!(scan(&disk, &maildir.folders).unwrap().entries().len(), 50);
    assert!(disk.looks()[1] <= 2 * limits::FOLDER_LOOKS_MAX as usize, "{:?}", disk.looks());
}

#[test]
fn counted_sizes_are_remembered_until_the_file_changes() {
    let maildir = Lent::new();
    let path = maildir.put("new/1.foreign", "one\n");
    assert_eq!(maildir.octets(), [5]);
    let cache = maildir.path("restante-sizes");
    // A wrong size in a file that checks out: if that is shown, the message was not read again.
    let mut sizes = Sizes::default();
    let stat = maildir.folders.new.stat(OsStr::new("1.foreign")).unwrap();
    sizes.put(b"1.foreign", Mark::of(&stat), Octets(77));
    sizes.save(&maildir.folders.root);
    assert_eq!(maildir.octets(), [77]);
    std::fs::rename(&path, maildir.path("cur/1.foreign:2,S")).unwrap();
    assert_eq!(maildir.octets(), [77], "a move changes nothing");
    std::fs::remove_file(&cache).unwrap();
    assert_eq!(maildir.octets(), [5], "it may be deleted at any time");
    maildir.put("cur/1.foreign:2,S", "one\ntwo\n");
    assert_eq!(maildir.octets(), [10]);
    std::fs::remove_file(maildir.path("cur/1.foreign:2,S")).unwrap();
    assert_eq!(maildir.octets(), [0_u64; 0]);
    assert!(!Sizes::load(&maildir.folders.root).knows(b"1.foreign"), "what is gone is forgotten");
}

#[test]
fn a_name_of_ours_that_lied_is_counted_from_then_on() {
    let maildir = Lent::new();
    let name = own_name(1, 100, 104);
    maildir.put(format!("new/{name}"), "changed by a neighbour\n");
    let listing = maildir.scan();
    assert_eq!(listing.entries()[0].octets, Octets(104));
    distrust(&maildir.folders.root, &listing.stored(0).unwrap().at);
    for _ in 0..2 {
        let again = maildir.scan();
        assert_eq!(again.entries()[0].octets, Octets(24));
        assert_eq!(again.stored(0).unwrap().line_ends, LineEnds::AsFound);
        assert_eq!(again.entries()[0].unique_id, listing.entries()[0].unique_id);
    }
}

#[test]
fn the_order_is_that_of_the_names() {
    let maildir = Lent::new();
    for name in ["cur/30.b:2,S", "new/4.x", "new/30.a", "cur/zebra:2,", "new/apple", "cur/5.M2.h:2,"] {
        maildir.put(name, "x");
    }
    assert_eq!(maildir.ids(), ["apple", "zebra", "4.x", "5.M2.h", "30.a", "30.b"]);
}

#[test]
fn a_unique_id_stays_through_moves_and_flags() {
    let maildir = Lent::new();
    let names = [own_name(9, 1, 3), "10.foreign".to_owned(), "two words".to_owned()];
    for name in &names {
        maildir.put(format!("new/{name}"), "x");
    }
    let before = maildir.ids();
    for name in &names {
        std::fs::rename(maildir.path(format!("new/{name}")), maildir.path(format!("cur/{name}:2,RS")))
            .unwrap();
    }
    assert_eq!(maildir.ids(), before);
    std::fs::remove_file(maildir.path("restante-sizes")).unwrap();
    assert_eq!(maildir.ids(), before);
}

#[test]
fn two_messages_never_share_a_unique_id() {
    let maildir = Lent::new();
    let derived = name::derived_id(b"two words", 0).to_string();
    for name in ["1.a,S=1", "1.a,S=2", "2.b", "two words", &derived] {
        maildir.put(format!("new/{name}"), "x");
    }
    // The same name twice, and two files: both are served.
    maildir.put("cur/2.b:2,S", "another");
    let ids = maildir.ids();
    assert_eq!(ids.len(), 6);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 6, "{ids:?}");
    assert!(!ids.contains(&"1.a".to_owned()) && !ids.contains(&"2.b".to_owned()), "nobody's, if not one's");
    assert_eq!(maildir.ids(), ids, "and they stay");
    let mut octets = maildir.octets();
    octets.sort_unstable();
    assert_eq!(octets, [3, 3, 3, 3, 3, 9]);
}

/// A name of ours for a message that came along with a unique-id, the `nth` in its order.
fn carrying(nth: u32, id: &UniqueId) -> String {
    let stamp = Stamp { seconds: 0, micros: nth, pid: 1, counter: nth };
    let written = Written { bytes: Bytes(2), octets: Octets(3) };
    name::own(&stamp, "host", written, Some(id)).into_string().unwrap()
}

fn carried(text: &str) -> UniqueId {
    UniqueId::carried(text.as_bytes()).unwrap()
}

/// Writes a ledger that names these files.
fn note(maildir: &Lent, entries: &[(&UniqueId, &str)]) {
    let entry = |(id, base): &(&UniqueId, &str)| ledger::Entry {
        origin: ledger::Origin::Kept((*id).clone()),
        unique_id: Some((*id).clone()),
        digest: "d".to_owned(),
        base: base.as_bytes().to_vec(),
        mailboxes: Vec::new(),
    };
    let file = std::ffi::OsStr::new("restante-imported");
    let mut draft = ledger::Draft::create(&OsDisk, &maildir.folders.root, file).unwrap();
    entries.iter().for_each(|named| draft.push(&OsDisk, &entry(named)).unwrap());
    draft.finish(&OsDisk).unwrap();
}

#[test]
fn what_another_server_called_a_message_is_shown_as_it_is() {
    let maildir = Lent::new();
    let (blanks, same) = (carried("two words \u{e4}"), carried("the same"));
    let long = carried(&"long ".repeat(60));
    let names = [carrying(1, &blanks), carrying(2, &same), carrying(3, &same), carrying(4, &long)];
    for (name, folder) in names.iter().zip(["new/", "cur/", "new/", "new/"]) {
        maildir.put(format!("{folder}{name}"), "x\n");
    }
    // A file that somebody called as the old server called a message.
    maildir.put("new/0.the same", "x\n");
    let refused = scan(&OsDisk, &maildir.folders).unwrap_err();
    assert!(refused.to_string().contains("restante-imported is gone"), "{refused}");
    note(&maildir, &[(&long, &names[3])]);
    assert_eq!(
        maildir.scan().entries().iter().map(|entry| entry.unique_id.clone()).collect::<Vec<_>>()[1..],
        [blanks, same.clone(), same, long]
    );
    std::fs::write(maildir.path("restante-imported"), "x").unwrap();
    let refused = scan(&OsDisk, &maildir.folders).unwrap_err();
    assert!(refused.to_string().contains("restante-imported is damaged"), "{refused}");
}

#[test]
fn what_the_old_server_called_a_message_is_given_to_no_other() {
    let maildir = Lent::new();
    let (here, gone) = (carried("5.here"), carried("6.gone"));
    let name = carrying(1, &here);
    maildir.put(format!("cur/{name}:2,S"), "x\n");
    note(&maildir, &[(&here, &name), (&gone, "deleted since")]);
    maildir.put("new/5.here", "x\n");
    maildir.put("new/6.gone", "x\n");
    let ids = maildir.ids();
    assert_eq!(ids[0], "5.here");
    assert!(ids[1].len() == 64 && ids[2].len() == 64, "{ids:?}");
}

#[test]
fn a_move_that_was_broken_off_is_one_message() {
    let maildir = Lent::new();
    let name = own_name(1, 2, 3);
    let path = maildir.put(format!("new/{name}"), "x\n");
    std::fs::hard_link(&path, maildir.path(format!("cur/{name}:2,S"))).unwrap();
    let listing = maildir.scan();
    assert_eq!(listing.entries().len(), 1);
    assert_eq!(listing.stored(0).unwrap().at.place, Place::Cur);
    assert_eq!(listing.stored(0).unwrap().also, [Location { place: Place::New, name: name.into() }]);
}

#[test]
fn a_message_that_moves_during_the_scan_appears_once() {
    let maildir = Lent::new();
    // Seen in new/, then in cur/; by the time of the question it is in cur/ alone, or has moved on.
    for there in [Some("cur/1.a:2,S"), None] {
        if let Some(name) = there {
            maildir.put(name, "x");
        }
        let mut names = Names::default();
        assert!(names.add(Place::New, b"1.a") && names.add(Place::Cur, b"1.a:2,S"));
        let joined = candidate::join(&maildir.folders, &names);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].name.place(), Place::Cur);
        assert!(joined[0].rare.is_none());
        if let Some(name) = there {
            std::fs::remove_file(maildir.path(name)).unwrap();
        }
    }
}
