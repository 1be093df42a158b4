//! Both locks, held by others, left behind, and out of reach.

use super::*;
use std::process::Command;

const AT_ONCE: Duration = Duration::ZERO;

fn mailbox() -> (tempfile::TempDir, PathBuf, File) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna");
    fs::write(&path, "").unwrap();
    let file = File::open(&path).unwrap();
    (folder, path, file)
}

fn held(result: Result<Lock, Busy>) -> String {
    match result {
        Err(Busy::Held(by)) => by,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_lock_file_is_there_as_long_as_the_lock() {
    let (_folder, path, file) = mailbox();
    let lock = Lock::take(&file, &path, AT_ONCE).unwrap();
    assert!(lock.warnings.is_empty());
    let text = fs::read_to_string(dot_lock_of(&path)).unwrap();
    assert_eq!(text, format!("{} restante\n", std::process::id()));
    drop(lock);
    assert!(!dot_lock_of(&path).exists());
}

#[test]
fn a_lock_file_of_others_is_waited_for_named_and_left_alone() {
    let (_folder, path, file) = mailbox();
    for (text, shown) in [("", ""), ("17\n", " (it says: 17)"), ("\u{1b}[2J", " (it says: \\u{1b}[2J)")] {
        fs::write(dot_lock_of(&path), text).unwrap();
        let by = held(Lock::take(&file, &path, AT_ONCE));
        assert_eq!(by, format!("{} is there{shown}", dot_lock_of(&path).display()));
        assert_eq!(fs::read_to_string(dot_lock_of(&path)).unwrap(), text);
    }
}

#[test]
fn a_lock_file_that_goes_away_is_taken() {
    let (_folder, path, file) = mailbox();
    fs::write(dot_lock_of(&path), "17").unwrap();
    let name = dot_lock_of(&path);
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        fs::remove_file(name).unwrap();
    });
    assert!(Lock::take(&file, &path, Duration::from_secs(60)).is_ok());
    other.join().unwrap();
}

#[test]
fn a_lock_file_of_an_import_that_was_killed_is_replaced() {
    let (_folder, path, file) = mailbox();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    fs::write(dot_lock_of(&path), format!("{} restante\n", gone.id())).unwrap();
    assert!(Lock::take(&file, &path, AT_ONCE).is_ok());
    // Not one that runs, and not one that somebody else wrote.
    for text in [format!("{} restante\n", std::process::id()), format!("{}\n", gone.id())] {
        fs::write(dot_lock_of(&path), &text).unwrap();
        held(Lock::take(&file, &path, AT_ONCE));
        assert_eq!(fs::read_to_string(dot_lock_of(&path)).unwrap(), text);
    }
}

#[test]
fn a_program_that_writes_keeps_the_file_and_we_keep_it_from_writing() {
    let (_folder, path, file) = mailbox();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    let to_write = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&writer, FcntlArg::F_OFD_SETLK(&to_write)).unwrap();
    assert!(held(Lock::take(&file, &path, AT_ONCE)).starts_with("it is locked by "));
    drop(writer);
    let lock = Lock::take(&file, &path, AT_ONCE).unwrap();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    assert_eq!(fcntl(&writer, FcntlArg::F_OFD_SETLK(&to_write)), Err(Errno::EAGAIN));
    drop((lock, file));
    assert!(fcntl(&writer, FcntlArg::F_OFD_SETLK(&to_write)).is_ok());
}

#[test]
fn where_no_lock_file_can_be_made_the_operator_is_told() {
    let (folder, _path, file) = mailbox();
    let lock = Lock::take(&file, &folder.path().join("not-there/anna"), AT_ONCE).unwrap();
    assert_eq!(lock.warnings.len(), 1);
    assert!(lock.warnings[0].contains("anna.lock: it cannot be made"), "{:?}", lock.warnings);
    assert!(lock.warnings[0].ends_with("stop deliveries meanwhile"));
}
