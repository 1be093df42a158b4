//! Whole sessions on a real Maildir: open, read, update, and neighbours in between.

use super::*;
use crate::limits;
use scan::tests::own_name;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

struct House {
    dir: tempfile::TempDir,
    maildrops: Arc<Maildrops>,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let maildrops = Maildrops::new(dir.path().join("data/mail"));
        Self { dir, maildrops }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("data/mail/example.org/anna").join(name)
    }

    fn open(&self) -> Result<Maildrop, Error> {
        self.maildrops.open(&anna(), Peer::Unix)
    }

    /// Puts messages there that are what their names say.
    fn with(messages: &[&str]) -> Self {
        let house = Self::new();
        drop(house.open().unwrap());
        for (index, text) in messages.iter().enumerate() {
            let lines = text.matches('\n').count();
            let name = own_name(index as u64, text.len() as u64, (text.len() + lines) as u64);
            std::fs::write(house.path("new").join(name), text).unwrap();
        }
        house
    }

    fn only_name(&self, folder: &str) -> String {
        let names = twin::names_in(&self.path(folder));
        assert_eq!(names.len(), 1);
        names.into_iter().next().unwrap()
    }
}

fn anna() -> AccountAddress {
    AccountAddress::parse("anna@example.org").unwrap()
}

fn number(number: usize) -> MessageNumber {
    MessageNumber::from_index(number - 1).unwrap()
}

fn text(message: Message) -> String {
    let mut text = String::new();
    let mut file = message.file;
    file.read_to_string(&mut text).unwrap();
    text
}

fn tcp(text: &str) -> Peer {
    Peer::Tcp(text.parse().unwrap())
}

#[test]
fn a_first_login_makes_the_maildir_for_its_owner_alone() {
    let house = House::new();
    assert!(house.open().unwrap().entries().is_empty());
    for folder in ["tmp", "new", "cur", "", "..", "../..", "../../.."] {
        let mode = std::fs::metadata(house.path(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{folder}");
    }
}

#[test]
fn a_session_reads_deletes_and_marks_as_seen() {
    let house = House::with(&["one\n", "two\n", "three\n"]);
    let maildrop = house.open().unwrap();
    let octets: Vec<u64> = maildrop.entries().iter().map(|entry| entry.octets.0).collect();
    assert_eq!(octets, [5, 5, 7]);
    assert!(maildrop.touch());
    assert_eq!(text(maildrop.read(number(2)).unwrap()), "two\n");
    assert!(matches!(maildrop.read(number(4)), Err(Error::Gone)));
    let kept = [1, 2].map(|index: usize| maildrop.entries()[index].clone());
    let changes = Changes { deleted: vec![number(1), number(1)], seen: vec![number(2)] };
    assert_eq!(maildrop.update(&changes).unwrap(), Updated { removed: 1, failed: 0 });
    assert!(house.only_name("cur").ends_with(":2,S"));
    assert_eq!(house.open().unwrap().entries(), kept);
}

#[test]
fn whoever_hangs_up_changes_nothing() {
    let house = House::with(&["one\n"]);
    let maildrop = house.open().unwrap();
    let _ = maildrop.read(number(1)).unwrap();
    drop(maildrop);
    house.only_name("new");
    assert_eq!(house.open().unwrap().entries().len(), 1);
}

#[test]
fn a_second_session_waits_until_the_first_is_done() {
    let house = House::with(&["one\n"]);
    let first = house.open().unwrap();
    assert!(matches!(house.open(), Err(Error::InUse)));
    // Another process has another table, and meets the lock on the folder.
    let process = Maildrops::new(house.dir.path().join("data/mail"));
    assert!(matches!(process.open(&anna(), Peer::Unix), Err(Error::InUse)));
    first.update(&Changes::default()).unwrap();
    drop(process.open(&anna(), Peer::Unix).unwrap());
    drop(house.open().unwrap());
}

#[test]
fn nothing_of_a_session_that_was_taken_over_is_carried_out() {
    let house = House::with(&["one\n"]);
    let start = Instant::now();
    let old = house.maildrops.open_at(&anna(), tcp("192.0.2.1:1"), start).unwrap();
    let later = start + limits::TAKE_OVER_AFTER;
    let new = house.maildrops.open_at(&anna(), tcp("192.0.2.1:2"), later).unwrap();
    assert!(!old.touch());
    assert!(matches!(old.read(number(1)), Err(Error::TakenOver)));
    let all = Changes { deleted: vec![number(1)], seen: vec![] };
    assert!(matches!(old.update(&all), Err(Error::TakenOver)));
    assert_eq!(text(new.read(number(1)).unwrap()), "one\n");
    assert!(new.touch());
    assert_eq!(new.update(&all).unwrap().removed, 1);
}

#[test]
fn a_message_is_found_where_a_neighbour_moved_it_and_gone_when_it_is() {
    let house = House::with(&["one\n"]);
    let maildrop = house.open().unwrap();
    let name = house.only_name("new");
    let mut at = house.path("new").join(&name);
    for flags in ["", "R", "RS"] {
        let to = house.path("cur").join(format!("{name}:2,{flags}"));
        std::fs::rename(&at, &to).unwrap();
        assert_eq!(text(maildrop.read(number(1)).unwrap()), "one\n");
        at = to;
    }
    std::fs::remove_file(at).unwrap();
    assert!(matches!(maildrop.read(number(1)), Err(Error::Gone)));
    assert_eq!(maildrop.update(&Changes { deleted: vec![number(1)], seen: vec![] }).unwrap().removed, 1);
}

#[test]
fn of_two_files_with_one_base_each_is_sent_as_what_it_was_listed() {
    let house = House::new();
    drop(house.open().unwrap());
    std::fs::write(house.path("new/1.a"), "one\n").unwrap();
    std::fs::write(house.path("cur/1.a:2,"), "two\n").unwrap();
    let maildrop = house.open().unwrap();
    let [one, two] = ["one\n", "two\n"]
        .map(|sent| (1..3).find(|&n| text(maildrop.read(number(n)).unwrap()) == sent).unwrap());
    // The second takes the name that the first had, and is known all the same.
    std::fs::rename(house.path("cur/1.a:2,"), house.path("cur/1.a:2,S")).unwrap();
    std::fs::rename(house.path("new/1.a"), house.path("cur/1.a:2,")).unwrap();
    assert_eq!(text(maildrop.read(number(one)).unwrap()), "one\n");
    assert_eq!(text(maildrop.read(number(two)).unwrap()), "two\n");
    std::fs::remove_file(house.path("cur/1.a:2,S")).unwrap();
    assert!(matches!(maildrop.read(number(two)), Err(Error::Gone)));
    assert_eq!(text(maildrop.read(number(one)).unwrap()), "one\n");
}

#[test]
fn a_file_that_came_later_is_not_sent_for_another_of_its_base() {
    let house = House::with(&["one\n"]);
    let maildrop = house.open().unwrap();
    let name = house.only_name("new");
    std::fs::rename(house.path("new").join(&name), house.path("cur").join(format!("{name}:2,S"))).unwrap();
    std::fs::write(house.path("cur").join(format!("{name}:2,F")), "two\n").unwrap();
    assert!(matches!(maildrop.read(number(1)), Err(Error::Temporary(_))), "one of the two, and which?");
}

#[test]
fn a_file_that_is_not_what_was_listed_is_refused_and_counted_at_the_next_login() {
    let house = House::with(&["one\n"]);
    std::fs::write(house.path("cur/foreign:2,"), "x\n").unwrap();
    let maildrop = house.open().unwrap();
    // The foreign name has no time and comes first.
    std::fs::write(house.path("cur/foreign:2,"), "longer\n").unwrap();
    std::fs::write(house.path("new").join(house.only_name("new")), "longer\n").unwrap();
    for message in [number(1), number(2)] {
        assert!(matches!(maildrop.read(message), Err(Error::Changed)));
    }
    drop(maildrop);
    let again = house.open().unwrap();
    for message in [number(1), number(2)] {
        assert_eq!(again.entries()[message.index()].octets, Octets(8));
        assert_eq!(text(again.read(message).unwrap()), "longer\n");
    }
}

#[test]
fn a_file_that_became_a_link_or_a_pipe_is_not_opened() {
    let house = House::with(&["one\n"]);
    let secret = house.dir.path().join("secret");
    std::fs::write(&secret, "one\n").unwrap();
    let maildrop = house.open().unwrap();
    let path = house.path("new").join(house.only_name("new"));
    std::fs::remove_file(&path).unwrap();
    symlink(&secret, &path).unwrap();
    assert!(matches!(maildrop.read(number(1)), Err(Error::Temporary(_))));
    std::fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(maildrop.read(number(1)), Err(Error::Temporary(_))), "and nobody waits for a writer");
}

#[test]
fn no_link_in_the_mail_tree_is_followed() {
    for link in ["example.org", "example.org/anna", "example.org/anna/new", "example.org/anna/cur"] {
        let house = House::new();
        let outside = house.dir.path().join("outside");
        for folder in ["anna/new", "anna/cur", "new", "cur"] {
            std::fs::create_dir_all(outside.join(folder)).unwrap();
        }
        let link = house.dir.path().join("data/mail").join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&outside, &link).unwrap();
        assert!(matches!(house.open(), Err(Error::Temporary(_))), "{}", link.display());
    }
}

#[test]
fn one_spoilt_maildir_is_one_users_trouble() {
    let house = House::with(&["one\n"]);
    std::fs::remove_dir_all(house.path("new")).unwrap();
    std::fs::write(house.path("new"), "a file where a folder should be").unwrap();
    assert!(matches!(house.open(), Err(Error::Temporary(_))));
    let bert = AccountAddress::parse("bert@example.org").unwrap();
    assert!(house.maildrops.open(&bert, Peer::Unix).is_ok());
    // And the lock is not left behind by the one that failed.
    std::fs::remove_file(house.path("new")).unwrap();
    assert!(house.open().unwrap().entries().is_empty());
}

#[test]
fn other_tools_mail_is_served_to_the_octet() {
    let house = House::new();
    drop(house.open().unwrap());
    let tool = maildir::Maildir::from(house.path(""));
    tool.store_new(b"Subject: a\r\n\r\nb\nc").unwrap();
    let id = tool.store_cur_with_flags(b"Subject: b\n\n.", "F").unwrap();
    let maildrop = house.open().unwrap();
    let octets: Vec<u64> = maildrop.entries().iter().map(|entry| entry.octets.0).collect();
    assert_eq!(octets, [20, 17]);
    let seen = Changes { deleted: vec![], seen: vec![number(1), number(2)] };
    maildrop.update(&seen).unwrap();
    assert_eq!(tool.find(&id).unwrap().flags(), "FS");
    assert_eq!((tool.count_new(), tool.count_cur()), (0, 2));
}

#[test]
fn what_cannot_be_made_on_a_full_disk_is_told_from_other_faults() {
    use nix::errno::Errno;
    for (errno, empty) in
        [(Errno::ENOSPC, true), (Errno::EDQUOT, true), (Errno::EROFS, true), (Errno::EIO, false)]
    {
        assert_eq!(no_room(&folder::at(Path::new("/x"), errno.into())), empty, "{errno}");
    }
}

/// A disk on which no further folder can be made.
struct Full;

impl disk::Disk for Full {
    fn before(&self, step: disk::Step<'_>) -> std::io::Result<()> {
        match step {
            disk::Step::MakeFolder(..) => Err(nix::errno::Errno::ENOSPC.into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_maildir_that_a_full_disk_let_be_made_by_half_is_empty_until_there_is_mail_in_it() {
    let account = AccountAddress::parse("anna@example.org").unwrap();
    for (there, mail, empty) in [
        (&[][..], None, true),
        (&["tmp"], None, true),
        (&["cur"], None, true),
        (&["new"], None, true),
        (&["cur"], Some("cur/1.a:2,S"), false),
        (&["new"], Some("new/1.a"), false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("example.org/anna");
        for folder in there {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        if let Some(mail) = mail {
            std::fs::write(root.join(mail), "text\n").unwrap();
        }
        let opened = folders_if_any(&Tree::new(Full, dir.path().to_owned()), &account);
        match empty {
            true => assert!(matches!(opened, Ok(None)), "{there:?} {opened:?}"),
            false => assert!(matches!(opened, Err(Error::Temporary(_))), "{there:?} {opened:?}"),
        }
    }
}
