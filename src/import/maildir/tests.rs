//! The Maildir source as a whole, on folders made here.

use super::testing::{Old, ids, served_by};
use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

const TEXT: &[u8] = b"Subject: x\n\nb\n";

fn read(source: &mut dyn Source, index: usize) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    source.read(index, &mut |block| {
        octets.extend_from_slice(block);
        Ok(())
    })?;
    Ok(octets)
}

#[test]
fn the_index_tells_the_server() {
    let old = Old::with(&[b"1.a:2,S"]);
    old.sizelist("/3 2 9\n1.a:2, 14 1:9:0\n");
    assert_eq!(old.ids(&Options::default()), ["UID1-9"]);
    old.uidlist("3 V9 N2\n1 :1.a\n");
    let inventory = old.inventory(&Options::default());
    assert_eq!(ids(&inventory), ["0000000100000009"]);
    assert!(inventory.warnings[0].contains("--server courier"), "{:?}", inventory.warnings);
    assert_eq!(old.ids(&served_by(Server::Courier)), ["UID1-9"]);
    assert!(old.inventory(&served_by(Server::Courier)).warnings.is_empty());
}

#[test]
fn without_an_index_it_asks_and_names_the_choices() {
    for sub in ["cur", "new"] {
        let old = Old::empty();
        old.put(sub, b"1.a", TEXT);
        let Err(Error::Ask { what, remedy }) = open(old.path(), &Options::default()) else { panic!("{sub}") };
        assert!(what.contains("dovecot-uidlist") && what.contains("courierpop3dsizelist"), "{what}");
        for server in Server::ALL {
            assert!(remedy.contains(server.as_str()), "{remedy}");
        }
    }
    let old = Old::empty();
    old.put("new", b"1.a", TEXT);
    let options = Options { otherwise: Some(Server::Dovecot), ..Options::default() };
    assert!(old.source(&options).name().starts_with("dovecot "));
    let unseen = Options { if_unseen: Some(Server::Dovecot), ..Options::default() };
    assert!(old.source(&unseen).name().starts_with("dovecot "));
    let seen = Old::with(&[b"2.a:2,S"]);
    assert!(matches!(super::open(seen.path(), &unseen), Err(Error::Ask { .. })), "somebody has looked at it");
    old.sizelist("/3 2 9\n1.a 14 1:9:0\n");
    assert!(old.source(&options).name().starts_with("courier "), "what lies there comes first");
    assert!(Old::empty().ids(&Options::default()).is_empty(), "there is nothing to ask about");
}

/// Asked elsewhere for the unique-ids, an index need not be there, nor whole.
#[test]
fn without_unique_ids_no_index_is_read() {
    let old = Old::with(&[b"2.a:2,S", b"1.b:2,S"]);
    let made = |server| old.ids(&Options { server, without_ids: true, ..Options::default() });
    for server in Server::ALL.map(Some).into_iter().chain([None]) {
        assert_eq!(made(server), ["made 1.b", "made 2.a"], "{server:?} without one");
    }
    old.sizelist("rubbish\n");
    old.uidlist("rubbish\n");
    for index in [uidlist::FILE, courier::FILE] {
        for server in Server::ALL.map(Some).into_iter().chain([None]) {
            assert_eq!(made(server), ["made 1.b", "made 2.a"], "{server:?} with a damaged one");
        }
        fs::remove_file(old.path().join(index)).unwrap();
    }
    old.sizelist("rubbish\n");
    // The octets are still those that its server sent.
    old.put("cur", b"1.b:2,S", b"a\r\n");
    let mut source = old.source(&Options { without_ids: true, ..Options::default() });
    source.inventory().unwrap();
    assert_eq!(read(source.as_mut(), 0).unwrap(), b"a\r\r\n");
}

#[test]
fn servers_have_names() {
    for server in Server::ALL {
        assert_eq!(Server::parse(&server.to_string()), Some(server));
    }
    assert_eq!(Server::parse("uw"), None);
}

#[test]
fn what_is_no_maildir_is_refused_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path| match open(path, &served_by(Server::Plain)) {
        Err(Error::Source { what, remedy }) => format!("{what}: {remedy}"),
        _ => panic!("{}", path.display()),
    };
    assert!(refused(dir.path()).contains("there is no folder cur/"));
    assert!(refused(&dir.path().join("nowhere")).contains("name the folder"));
    fs::write(dir.path().join("mbox"), "From x\n").unwrap();
    assert!(refused(&dir.path().join("mbox")).contains("restante import mbox"));
    fs::create_dir_all(dir.path().join("Maildir/cur")).unwrap();
    assert!(
        refused(dir.path()).ends_with("name ".to_owned().as_str()) || refused(dir.path()).contains("Maildir")
    );
    fs::remove_dir_all(dir.path().join("Maildir")).unwrap();
    fs::create_dir(dir.path().join("mailboxes")).unwrap();
    assert!(refused(dir.path()).contains("dbox"));
}

#[test]
fn an_inventory_tells_time_flags_and_place() {
    let old = Old::with(&[b"1.a:2,SRzF", b"2.b:2,S,x", b"3.c:1,exp"]);
    old.put("new", b"4.d,S=99999", TEXT);
    old.set_time("cur", b"1.a:2,SRzF", 1_000_000_000_250);
    let found = old.inventory(&served_by(Server::Plain)).messages;
    let flags: Vec<_> = found.iter().map(|message| message.flags.to_string()).collect();
    assert_eq!(flags, ["FRSz", "S", "", ""]);
    assert_eq!(found[0].received, Some(UNIX_EPOCH + Duration::from_millis(1_000_000_000_250)));
    assert_eq!(found.iter().map(|message| message.is_new).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(found[3].place.to_string(), "new/4.d,S=99999");
    assert_eq!(found[3].octets, None, "S= lies");
}

#[test]
fn a_time_before_1970_is_kept() {
    let old = Old::with(&[b"1.a"]);
    let file = fs::File::open(old.file("cur", b"1.a")).unwrap();
    let time = UNIX_EPOCH - Duration::from_millis(1500);
    file.set_modified(time).unwrap();
    assert_eq!(old.inventory(&served_by(Server::Plain)).messages[0].received, Some(time));
}

#[test]
fn octets_come_as_they_are() {
    let old = Old::empty();
    let long = [b"Subject: long\n\n".to_vec(), vec![b'x'; 3 * crate::limits::COUNT_BLOCK + 7]].concat();
    let texts: [&[u8]; 5] = [b"", b"no line end", b"a\r\nb\rc\n\0\xff", b"\n", &long];
    for (number, text) in texts.iter().enumerate() {
        old.put("cur", format!("{number}.a,S=1,W=1:2,").as_bytes(), text);
    }
    let mut source = old.source(&served_by(Server::Plain));
    assert_eq!(source.inventory().unwrap().messages.len(), texts.len());
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(read(&mut *source, index).unwrap(), *text);
    }
    assert!(matches!(read(&mut *source, texts.len()), Err(Error::Message { .. })));
}

#[test]
fn courier_and_solid_pop3d_sent_a_cr_before_each_lf() {
    let old = Old::empty();
    old.put("cur", b"1.a:2,", b"Subject: x\r\n\na\rb\n\nc");
    old.sizelist("/3 2 9\n1.a:2, 14 1:9:0\n");
    for server in [Server::Courier, Server::SolidPop3d] {
        let mut source = old.source(&served_by(server));
        source.inventory().unwrap();
        assert_eq!(read(&mut *source, 0).unwrap(), b"Subject: x\r\r\n\r\na\rb\r\n\r\nc");
    }
}

#[test]
fn an_empty_message_was_sent_as_an_empty_line() {
    let old = Old::empty();
    old.put("cur", b"1.a:2,", b"");
    old.uidlist("3 V9 N2\n1 :1.a\n");
    old.sizelist("/3 2 9\n1.a:2, 0 1:9:0\n");
    for (server, sent) in [(Server::Dovecot, &b"\r\n"[..]), (Server::Courier, b"\r\n"), (Server::Plain, b"")]
    {
        let mut source = old.source(&served_by(server));
        source.inventory().unwrap();
        assert_eq!(read(&mut *source, 0).unwrap(), sent, "{server}");
    }
}

#[test]
fn an_error_of_the_sink_is_ours() {
    let old = Old::with(&[b"1.a"]);
    let mut source = old.source(&served_by(Server::Plain));
    source.inventory().unwrap();
    let full = source.read(0, &mut |_| Err(io::Error::from(io::ErrorKind::StorageFull)));
    assert!(matches!(full, Err(Error::Landing(error)) if error.kind() == io::ErrorKind::StorageFull));
}

#[test]
fn links_are_named_and_not_followed() {
    let old = Old::with(&[b"1.a"]);
    symlink("1.a", old.file("cur", b"2.link")).unwrap();
    symlink("/etc/passwd", old.file("new", b"3.link")).unwrap();
    fs::create_dir(old.file("cur", b"4.folder")).unwrap();
    old.put("cur", b".hidden", TEXT);
    let inventory = old.inventory(&served_by(Server::Plain));
    assert_eq!(ids(&inventory), ["made 1.a"]);
    let mut skipped: Vec<_> = inventory.skipped.iter().map(|item| item.what.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["cur/2.link", "new/3.link"]);
    assert!(inventory.skipped[0].why.contains("not followed"));
}

#[test]
fn folders_that_are_links_are_not_followed() {
    let (old, other) = (Old::with(&[b"1.a"]), Old::with(&[b"2.b"]));
    symlink(other.path(), old.path().join(".Linked")).unwrap();
    assert_eq!(old.inventory(&served_by(Server::Plain)).folders_skipped, []);
    fs::remove_dir_all(old.path().join("cur")).unwrap();
    symlink(other.path().join("cur"), old.path().join("cur")).unwrap();
    assert!(matches!(open(old.path(), &served_by(Server::Plain)), Err(Error::Source { .. })));
}

#[test]
fn a_message_that_moved_or_got_flags_meanwhile_is_found() {
    let old = Old::with(&[b"1.a:2,", b"2.b:2,"]);
    old.put("new", b"3.c", b"third");
    let mut source = old.source(&served_by(Server::Plain));
    source.inventory().unwrap();
    fs::rename(old.file("cur", b"1.a:2,"), old.file("cur", b"1.a:2,RS")).unwrap();
    fs::rename(old.file("new", b"3.c"), old.file("cur", b"3.c:2,")).unwrap();
    fs::remove_file(old.file("cur", b"2.b:2,")).unwrap();
    assert_eq!(read(&mut *source, 0).unwrap(), TEXT);
    let Err(Error::Message { what }) = read(&mut *source, 1) else { panic!("it is gone") };
    assert!(what.contains("cur/2.b:2,") && what.contains("vanished"), "{what}");
    assert_eq!(read(&mut *source, 2).unwrap(), b"third");
}

#[test]
fn one_file_with_two_names_is_one_message() {
    let old = Old::with(&[b"1.a:2,S"]);
    fs::hard_link(old.file("cur", b"1.a:2,S"), old.file("new", b"1.a")).unwrap();
    assert_eq!(old.ids(&served_by(Server::Plain)), ["made 1.a"]);
}

#[test]
fn two_files_of_one_name_are_two_messages() {
    let old = Old::with(&[b"1.a:2,S"]);
    old.put("new", b"1.a", b"another");
    let ids = old.ids(&served_by(Server::Plain));
    assert_eq!(ids.len(), 2);
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("made 1.a")), "{ids:?}");
}

#[test]
fn nothing_is_touched() {
    let old = Old::with(&[b"1.a:2,S"]);
    old.put("new", b"2.b", TEXT);
    old.uidlist("3 V9 N2\n1 :1.a\n");
    let files = [old.file("cur", b"1.a:2,S"), old.file("new", b"2.b"), old.path().join("dovecot-uidlist")];
    let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for file in &files {
        let times = fs::FileTimes::new().set_accessed(long_ago).set_modified(long_ago);
        fs::File::open(file).unwrap().set_times(times).unwrap();
    }
    let before: Vec<_> = files.iter().map(|file| fs::metadata(file).unwrap().ctime_nsec()).collect();
    let mut source = old.source(&Options::default());
    source.inventory().unwrap();
    assert_eq!(read(&mut *source, 0).unwrap(), TEXT);
    assert_eq!(read(&mut *source, 1).unwrap(), TEXT);
    for (file, before) in files.iter().zip(before) {
        let now = fs::metadata(file).unwrap();
        assert_eq!((now.atime(), now.mtime(), now.ctime_nsec()), (1_000_000_000, 1_000_000_000, before));
    }
}

#[test]
fn a_message_that_may_not_be_read_is_named_and_the_others_come() {
    let old = Old::with(&[b"1.a", b"2.b"]);
    fs::set_permissions(old.file("cur", b"1.a"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut source = old.source(&served_by(Server::Plain));
    source.inventory().unwrap();
    if fs::File::open(old.file("cur", b"1.a")).is_err() {
        let Err(Error::Message { what }) = read(&mut *source, 0) else { panic!("it may not be read") };
        assert!(what.contains("cur/1.a"), "{what}");
    } // Else this runs as root, who may read everything.
    assert_eq!(read(&mut *source, 1).unwrap(), TEXT);
}

#[test]
fn what_dovecot_has_packed_is_refused_message_by_message() {
    let old = Old::with(&[b"3.plain"]);
    old.put("cur", b"1.gz,S=9:2,SZ", b"\x1f\x8b\x08packed");
    old.put("cur", b"2.crypt:2,", b"CRYPTED\x03\x07x");
    old.uidlist("3 V9 N4\n1 :1.gz,S=9\n2 :2.crypt\n3 :3.plain\n");
    let mut source = old.source(&Options::default());
    source.inventory().unwrap();
    for (index, word) in [(0, "zlib"), (1, "mail_crypt")] {
        let Err(Error::Message { what }) = read(&mut *source, index) else { panic!("{word}") };
        assert!(what.contains(word), "{what}");
    }
    assert_eq!(read(&mut *source, 2).unwrap(), TEXT);
}

#[test]
fn subfolders_stay_and_are_reported() {
    let old = with_subfolders();
    let inventory = old.inventory(&served_by(Server::Plain));
    assert_eq!(ids(&inventory), ["made 9.inbox"]);
    let skipped: Vec<_> =
        inventory.folders_skipped.iter().map(|folder| (folder.name.as_str(), folder.messages)).collect();
    assert_eq!(skipped, [(".Empty", 0), (".Sent", 2), ("Work", 0), ("Work/2020", 1)]);
}

#[test]
fn subfolders_come_behind_the_inbox_if_wanted() {
    let old = with_subfolders();
    let options = Options { folders: Folders::Append, ..served_by(Server::Plain) };
    let mut source = old.source(&options);
    let inventory = source.inventory().unwrap();
    let expected = ["made 9.inbox", "made .Sent/1.a", "made .Sent/9.inbox", "made Work/2020/3.c"];
    assert_eq!(ids(&inventory), expected);
    assert_eq!(inventory.folders_skipped, []);
    assert_eq!(*inventory.names[2], *b".Sent/9.inbox");
    assert_eq!(inventory.appended, [1, 2, 3].into());
    assert_eq!(read(&mut *source, 2).unwrap(), b"sent copy");
    assert_eq!(read(&mut *source, 3).unwrap(), b"third");
}

fn with_subfolders() -> Old {
    let old = Old::with(&[b"9.inbox:2,S"]);
    for folder in [".Sent", ".Empty", "Work", "Work/2020", "no-maildir"] {
        fs::create_dir(old.path().join(folder)).unwrap();
        if folder != "no-maildir" {
            fs::create_dir(old.path().join(folder).join("cur")).unwrap();
            fs::create_dir(old.path().join(folder).join("new")).unwrap();
        }
    }
    old.put(".Sent/cur", b"9.inbox:2,S", b"sent copy");
    old.put(".Sent/new", b"1.a", TEXT);
    old.put("Work/2020/cur", b"3.c:2,", b"third");
    old
}

#[test]
fn solid_pop3d_orders_by_the_files_time() {
    let old = Old::with(&[b"1.a:2,S", b"2.b", b"3.c:2,"]);
    old.set_time("cur", b"1.a:2,S", 3000);
    old.set_time("cur", b"2.b", 1999);
    old.set_time("cur", b"3.c:2,", 2000);
    let expected = [
        "4d17423dfce3bb2aa69549522d99884b", // printf 2.b | md5sum
        "dc3afa79a92495c4762453f74f754005",
        "4e98ad274faf47a40d5d4a0ccfad4843",
    ];
    let inventory = old.inventory(&served_by(Server::SolidPop3d));
    assert_eq!(ids(&inventory), expected);
    assert_eq!(inventory.warnings, [""; 0]);
    old.set_time("cur", b"3.c:2,", 1000);
    let warnings = old.inventory(&served_by(Server::SolidPop3d)).warnings;
    assert!(warnings[0].starts_with("1 message is as old as the one before it,"), "{warnings:?}");
}

#[test]
fn plain_mail_is_known_again_by_its_names() {
    let old = Old::with(&[b"10.b:2,S", b"9.a", b"9.M2.x", b"9.M10.x"]);
    let ids = old.ids(&served_by(Server::Plain));
    assert_eq!(ids, ["made 9.M2.x", "made 9.M10.x", "made 9.a", "made 10.b"]);
    fs::rename(old.file("cur", b"10.b:2,S"), old.file("cur", b"10.b:2,RS")).unwrap();
    assert_eq!(old.ids(&served_by(Server::Plain)), ids);
}
