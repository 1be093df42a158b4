//! Folders in which somebody renames while they are read.

use super::super::disk::OsDisk;
use super::super::scan::scan;
use super::super::scan::tests::Lent;
use super::*;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

/// Called for each look at a folder, once its names are read: which folder, and how many looks at it went
/// before. What it says is not shown, as if the name had come to stand where the reader has been.
type Act = Box<dyn Fn(&Path, usize) -> Option<&'static str> + Send + Sync>;

/// A disk with a neighbour who is at work exactly when a folder is read.
pub struct Shared {
    act: Act,
    /// How far its clock was set back.
    late: Duration,
    looks: Mutex<Vec<OsString>>,
}

impl Shared {
    pub fn with(act: impl Fn(&Path, usize) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        Self { act: Box::new(act), late: Duration::ZERO, looks: Mutex::default() }
    }

    /// How often new/ and cur/ were read.
    pub fn looks(&self) -> [usize; 2] {
        let looks = self.looks.lock().unwrap();
        ["new", "cur"].map(|folder| looks.iter().filter(|look| *look == folder).count())
    }
}

impl Disk for Shared {
    fn now(&self) -> SystemTime {
        SystemTime::now() - self.late
    }

    fn each_file(&self, folder: &Folder, found: &mut dyn FnMut(&OsStr)) -> io::Result<()> {
        let mut names = Vec::new();
        folder.each_file(&mut |name| names.push(name.to_owned()))?;
        let of = folder.path().file_name().unwrap();
        let before = {
            let mut looks = self.looks.lock().unwrap();
            looks.push(of.to_owned());
            looks.iter().filter(|look| *look == of).count() - 1
        };
        let hidden = (self.act)(folder.path(), before);
        names.iter().filter(|name| hidden != name.to_str()).for_each(|name| found(name));
        Ok(())
    }
}

/// Renames, between two folders of a Maildir or in one.
pub fn rename(folder: &Path, from: &str, to: &str) {
    std::fs::rename(folder.join("..").join(from), folder.join("..").join(to)).unwrap();
}

/// Waits until the folders' times are past, so that the next change has another.
fn at_rest(maildir: &Lent) {
    for folder in [&maildir.folders.new, &maildir.folders.cur] {
        while !Before::of(&OsDisk, folder).unwrap().is_past {
            std::thread::yield_now();
        }
    }
}

/// Three in cur/, one in new/.
fn four() -> Lent {
    let maildir = Lent::new();
    for name in ["cur/1.a:2,", "cur/2.b:2,", "cur/3.c:2,", "new/4.d"] {
        maildir.put(name, "x");
    }
    at_rest(&maildir);
    maildir
}

fn bases(gathered: &Gathered) -> BTreeSet<&str> {
    let names = &gathered.names;
    names.found.iter().map(|found| std::str::from_utf8(names.base(found)).unwrap()).collect()
}

const ALL: [&str; 4] = ["1.a", "2.b", "3.c", "4.d"];

#[test]
fn a_maildir_at_rest_is_read_once() {
    let (maildir, disk) = (four(), Shared::with(|_, _| None));
    let gathered = gather(&disk, &maildir.folders, None).unwrap();
    assert!(gathered.is_whole);
    assert_eq!((bases(&gathered), disk.looks()), (ALL.into(), [1, 1]));
}

#[test]
fn a_clock_that_was_set_back_costs_a_second_look_and_no_third() {
    let disk = Shared { late: Duration::from_secs(3600), ..Shared::with(|_, _| None) };
    let gathered = gather(&disk, &four().folders, None).unwrap();
    assert!(gathered.is_whole);
    assert_eq!((bases(&gathered), disk.looks()), (ALL.into(), [2, 2]));
}

#[test]
fn what_is_renamed_behind_the_readers_back_is_seen_at_the_next_look() {
    let maildir = four();
    let disk = Shared::with(|folder, look| {
        (folder.ends_with("cur") && look == 0).then(|| {
            rename(folder, "cur/2.b:2,", "cur/2.b:2,S");
            "2.b:2,"
        })
    });
    let gathered = gather(&disk, &maildir.folders, None).unwrap();
    assert_eq!(bases(&gathered), ALL.into());
    assert!(gathered.is_whole && disk.looks()[1] > 1);
}

#[test]
fn what_goes_back_to_new_is_seen_there() {
    let maildir = four();
    // mutt does that with what is to be unread again.
    let disk = Shared::with(|folder, look| {
        if folder.ends_with("new") && look == 0 {
            rename(folder, "cur/2.b:2,", "new/2.b");
        }
        None
    });
    let gathered = gather(&disk, &maildir.folders, None).unwrap();
    assert_eq!(bases(&gathered), ALL.into());
    assert_eq!(scan(&OsDisk, &maildir.folders).unwrap().entries().len(), 4);
}

#[test]
fn who_renames_without_pause_hides_nothing_and_ends_nothing() {
    let maildir = four();
    // Each look misses another one, and no name stays.
    let disk = Shared::with(|folder, look| {
        if !folder.ends_with("cur") {
            return None;
        }
        let (from, to) = if look % 2 == 0 { ("", "S") } else { ("S", "") };
        for base in ["1.a", "2.b", "3.c"] {
            rename(folder, &format!("cur/{base}:2,{from}"), &format!("cur/{base}:2,{to}"));
        }
        ["1.a:2,", "2.b:2,S", "3.c:2,", "1.a:2,S", "2.b:2,"].get(look).copied()
    });
    let gathered = gather(&disk, &maildir.folders, None).unwrap();
    assert_eq!(bases(&gathered), ALL.into());
    assert!(!gathered.is_whole && disk.looks()[1] == limits::FOLDER_LOOKS_MAX as usize);
}

#[test]
fn mail_that_comes_in_meanwhile_costs_one_look_at_new_and_none_at_cur() {
    let maildir = four();
    let disk = Shared::with(|folder, look| {
        if folder.ends_with("new") {
            std::fs::write(folder.join(format!("5.{look}")), "x").unwrap();
        }
        None
    });
    let gathered = gather(&disk, &maildir.folders, None).unwrap();
    assert!(gathered.is_whole && bases(&gathered).is_superset(&ALL.into()));
    assert_eq!(disk.looks(), [2, 1]);
}

#[test]
fn what_is_removed_meanwhile_is_not_listed() {
    let maildir = four();
    let disk = Shared::with(|folder, look| {
        for (of, name) in [("cur", "2.b:2,"), ("new", "4.d")] {
            if folder.ends_with(of) && look == 0 {
                std::fs::remove_file(folder.join(name)).unwrap();
            }
        }
        None
    });
    assert_eq!(bases(&gather(&disk, &maildir.folders, None).unwrap()), ["1.a", "3.c"].into());
}
