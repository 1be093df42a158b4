//! The disk through the kernel: what programs do reaches the model, and a cut reaches programs.
//!
//! Needs /dev/fuse and the right to mount.

use powercut::disk::{Disk, Lie, Mode};
use powercut::mounted;
use powercut::rng::Rng;
use powercut::shared::Shared;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

struct Mounted {
    disk: Shared,
    folder: tempfile::TempDir,
    session: Option<fuser::BackgroundSession>,
}

impl Mounted {
    fn new(mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Shared::new(Disk::new(mode, Lie::None));
        let session = mounted::mount(&disk, folder.path()).unwrap();
        Self { disk, folder, session: Some(session) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cut_and_recover(&self, seed: u64) {
        self.disk.lock().cut();
        self.disk.lock().recover(&mut Rng::new(seed));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.session.take().map(fuser::BackgroundSession::umount_and_join).unwrap().unwrap();
    }
}

fn sync(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn files_behave_as_on_any_disk() {
    let disk = Mounted::new(Mode::Strict);
    let path = disk.path("a");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = options.open(&path).unwrap();
    assert_eq!(options.open(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(300_000)).unwrap();
    file.write_all(&[7; 200_000]).unwrap();
    let whole = fs::read(&path).unwrap();
    assert_eq!((whole.len(), &whole[..12], whole[400_000]), (500_000, &b"0123456789\0\0"[..], 7));
    file.set_len(4).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"0123");
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"xy").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"0123xy");
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.mode() & 0o7777, meta.nlink()), (6, 0o600, 1));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(past).unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.modified().unwrap()), (0o640, past));
    fs::write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new", "opened with O_TRUNC");
}

#[test]
fn names_behave_as_on_any_disk() {
    let disk = Mounted::new(Mode::Ext4);
    let (tmp, new) = (disk.path("box/tmp"), disk.path("box/new"));
    fs::create_dir_all(&tmp).unwrap();
    fs::create_dir(&new).unwrap();
    assert_eq!(fs::create_dir(&new).unwrap_err().kind(), ErrorKind::AlreadyExists);
    fs::write(tmp.join("1"), b"one").unwrap();
    fs::hard_link(tmp.join("1"), new.join("1")).unwrap();
    assert_eq!(fs::hard_link(tmp.join("1"), new.join("1")).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::metadata(new.join("1")).unwrap().nlink(), 2);
    fs::remove_file(tmp.join("1")).unwrap();
    assert_eq!(fs::metadata(new.join("1")).unwrap().nlink(), 1);
    fs::rename(new.join("1"), new.join("2")).unwrap();
    fs::write(tmp.join("3"), b"three").unwrap();
    fs::rename(tmp.join("3"), new.join("2")).unwrap();
    assert_eq!(fs::read(new.join("2")).unwrap(), b"three");
    assert_eq!(fs::remove_dir(&new).unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    assert_eq!(fs::remove_dir(new.join("2")).unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(fs::remove_file(&new).unwrap_err().kind(), ErrorKind::IsADirectory);
    fs::remove_dir(&tmp).unwrap();
    assert_eq!(names(&disk.path("box")), ["new"]);
}

#[test]
fn names_removed_while_a_folder_is_read_hide_no_others() {
    let disk = Mounted::new(Mode::Strict);
    for n in 0..2000 {
        fs::write(disk.path(&format!("letter-with-a-long-name-{n}")), b"").unwrap();
    }
    let removed =
        fs::read_dir(disk.folder.path()).unwrap().map(|entry| fs::remove_file(entry.unwrap().path()));
    assert_eq!(removed.filter(Result::is_ok).count(), 2000);
}

#[test]
fn an_open_file_lives_on_without_its_name() {
    let disk = Mounted::new(Mode::Strict);
    fs::write(disk.path("a"), b"still here").unwrap();
    let mut file = File::open(disk.path("a")).unwrap();
    fs::remove_file(disk.path("a")).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "still here");
}

#[test]
fn what_was_synced_is_there_after_every_cut() {
    for mode in [Mode::Strict, Mode::Ext4] {
        let disk = Mounted::new(mode);
        for seed in 0..40 {
            let name = format!("kept-{seed}");
            fs::write(disk.path(&name), &name).unwrap();
            sync(&disk.path(&name));
            sync(disk.folder.path());
            fs::write(disk.path("never-synced"), vec![1; 10_000]).unwrap();
            disk.cut_and_recover(seed);
            let kept: Vec<String> =
                names(disk.folder.path()).into_iter().filter(|name| name.starts_with("kept")).collect();
            assert_eq!(kept.len() as u64, seed + 1, "{mode:?}");
            assert!(
                kept.iter().all(|name| fs::read(disk.path(name)).unwrap() == name.as_bytes()),
                "{mode:?}"
            );
        }
    }
}

#[test]
fn the_kernel_remembers_nothing_that_a_cut_dropped() {
    let disk = Mounted::new(Mode::Strict);
    let path = disk.path("a");
    fs::write(&path, b"old").unwrap();
    sync(&path);
    sync(disk.folder.path());
    let mut dropped = 0;
    for seed in 0..60 {
        fs::write(&path, b"much longer than before").unwrap();
        fs::write(disk.path("b"), b"").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 23);
        disk.cut_and_recover(seed);
        let now = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), now.len() as u64);
        assert_eq!(disk.path("b").exists(), names(disk.folder.path()).contains(&"b".to_owned()));
        dropped += u64::from(!disk.path("b").exists());
        let _ = fs::remove_file(disk.path("b"));
        sync(disk.folder.path());
        fs::write(&path, b"old").unwrap();
        sync(&path);
    }
    assert!((1..60).contains(&dropped), "some are dropped and some are not: {dropped}");
}

#[test]
fn a_burnt_fuse_ends_everything_with_eio_and_wakes_who_waits() {
    let disk = Mounted::new(Mode::Strict);
    let mut file = File::create(disk.path("a")).unwrap();
    assert!(!disk.disk.wait_until_off(Instant::now()));
    disk.disk.lock().cut_after(2);
    assert!(file.write_all(b"1").is_ok());
    assert!(file.sync_all().is_ok());
    const EIO: Option<i32> = Some(5);
    assert_eq!(file.sync_all().unwrap_err().raw_os_error(), EIO);
    assert!(disk.disk.wait_until_off(Instant::now() + Duration::from_secs(60)));
    assert_eq!(fs::metadata(disk.path("a")).unwrap_err().raw_os_error(), EIO);
    assert_eq!(fs::read_dir(disk.folder.path()).unwrap_err().raw_os_error(), EIO);
    disk.disk.lock().recover(&mut Rng::new(1));
    assert!(fs::read_dir(disk.folder.path()).is_ok());
}
