//! dovecot-uidlist, sound and damaged.

use super::*;
use proptest::prelude::*;

fn read(text: &[u8]) -> Result<Uidlist, String> {
    Uidlist::read(text, Path::new("/old/dovecot-uidlist")).map_err(|error| match error {
        Error::Source { what, .. } => what,
        other => panic!("{other:?}"),
    })
}

fn uids(list: &Uidlist) -> Vec<(u32, String)> {
    let shown = |(name, record): (&Vec<u8>, &Record)| (record.uid, name.escape_ascii().to_string());
    let mut uids: Vec<_> = list.records.iter().map(shown).collect();
    uids.sort();
    uids
}

#[test]
fn both_versions_are_read() {
    let list = read(b"1 1700000000 20\n1 1.a.h:2,S\n5 2 b.h\n").unwrap();
    assert_eq!((list.uid_validity, list.next_uid), (1_700_000_000, 20));
    assert_eq!(uids(&list), [(1, "1.a.h".to_owned()), (5, "2 b.h".to_owned())]);
    let list = read(b"3 V7 N9 Gabc X1\n3 W17 :1.a.h:2,S\n4   S9  :2 b : c\n").unwrap();
    assert_eq!((list.uid_validity, list.next_uid), (7, 9));
    assert_eq!(uids(&list), [(3, "1.a.h".to_owned()), (4, "2 b ".to_owned())]);
}

#[test]
fn fields_are_read_in_any_order() {
    let list = read(b"3 N9 V7\n3 W17 O12 Gg Pp S1 :a\n").unwrap();
    let expected =
        Record { uid: 3, unique_id: Some(b"p".to_vec()), order: Some(12), guid: Some(b"g".to_vec()) };
    assert_eq!(list.records[&b"a"[..]], expected);
}

#[test]
fn the_last_line_of_a_name_holds() {
    let list = read(b"3 V7 N9\n3 Px :a\n5 :a:2,S\n").unwrap();
    assert_eq!(uids(&list), [(5, "a".to_owned())]);
    assert_eq!(list.records[&b"a"[..]].unique_id, None);
}

#[test]
fn a_damaged_line_is_named() {
    for (text, line, why) in [
        (&b""[..], 1, "empty"),
        (b"\n", 1, "version"),
        (b"2 1 2\n", 1, "version"),
        (b"3 V0 N9\n", 1, "UIDVALIDITY"),
        (b"3 V7\n", 1, "next UID"),
        (b"3 V7 Nx\n", 1, "next UID"),
        (b"1 7\n", 1, "next UID"),
        (b"3 V7 N9", 1, "cut off"),
        (b"3 V7 N9\n3 :a\n\n", 3, "UID"),
        (b"3 V7 N9\nx :a\n", 2, "UID"),
        (b"3 V7 N9\n0 :a\n", 2, "not above"),
        (b"3 V7 N9\n99999999999 :a\n", 2, "UID"),
        (b"3 V7 N9\n3:a\n", 2, "blank"),
        (b"3 V7 N9\n5 :a\n3 :b\n", 3, "not above"),
        (b"3 V7 N9\n5 :a\n6 b\n", 3, "`:`"),
        (b"3 V7 N9\n5 qx :a\n", 2, "capital"),
        (b"3 V7 N9\n5 :\n", 2, "file name"),
        (b"3 V7 N9\n5 :a/b\n", 2, "`/`"),
        (b"3 V7 N9\n5 :a\n6 :b", 3, "cut off"),
        (b"1 7 5\n5 a\n", 2, "next one"),
    ] {
        let said = read(text).unwrap_err();
        let place = format!("/old/dovecot-uidlist:{line}: damaged");
        assert!(said.starts_with(&place) && said.contains(why), "{}: {said}", text.escape_ascii());
    }
    let long = [&b"3 V7 N9\n5 P"[..], &vec![b'x'; 20_000], b" :a\n"].concat();
    assert!(read(&long).unwrap_err().contains("too long"));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(3 V7 N9|1 7 9|)\n([0-9 :PONGW\na./-]{0,12}\n?){0,6}") {
        let _ = read(text.as_bytes());
    }
}
