//! What Dovecot 2.3.19 (Debian) answered to UIDL for Maildirs like these.

use super::super::Server;
use super::super::testing::{Old, format, ids, served_by};
use super::*;
use std::fs;

const HEADER: &str = "3 V1700000000 N20 Gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";

fn six() -> Old {
    Old::with(&[b"1.a.h:2,S", b"2.b.h:2,", b"3.c.h:2,", b"4.d.h:2,RS", b"5.e.h:2,", b"6.f.h:2,"])
}

fn dovecot() -> Options {
    served_by(Server::Dovecot)
}

#[test]
fn uids_and_validity_fill_the_format() {
    let old = six();
    old.uidlist(format!("{HEADER}1 :1.a.h\n2 :2.b.h\n3 :3.c.h\n11 :4.d.h\n12 :5.e.h:2,FS\n13 :6.f.h\n"));
    let ids = |text| old.ids(&format(text));
    assert_eq!(ids("%08Xu%08Xv")[3], "0000000b6553f100");
    assert_eq!(old.ids(&dovecot()), ids("%{uid | hex(8)}%{uidvalidity | hex(8)}"));
    assert_eq!(ids("%v.%u")[4], "1700000000.12");
    assert_eq!(ids("%f"), ["1.a.h", "2.b.h", "3.c.h", "4.d.h", "5.e.h", "6.f.h"]);
    assert_eq!(ids("%Mf")[0], "f7811fb4db30a4911e37d996381c2a4f");
}

#[test]
fn p_is_shown_verbatim_and_an_empty_one_is_the_name() {
    let old = six();
    old.uidlist(format!(
        "{HEADER}1 P :1.a.h:2,\n2 Pa%b\"+\\ W17 :2.b.h\n3 Pfirst Psecond :3.c.h\n4 :4.d.h:2,S\n5 :5.e.h\n6 :6.f.h\n"
    ));
    let expected = ["1.a.h", r#"a%b\"+\\"#, "first", "000000046553f100"];
    assert_eq!(old.ids(&dovecot())[..4], expected);
}

#[test]
fn a_long_or_eight_bit_p_is_kept() {
    let old = Old::with(&[b"1.a"]);
    let long = "x".repeat(300);
    old.uidlist([HEADER.as_bytes(), b"1 P\xe4", long.as_bytes(), b" :1.a\n"].concat());
    assert_eq!(old.ids(&dovecot()), [format!("\\xe4{long}")]);
}

#[test]
fn o_comes_first_by_number_then_uids() {
    let old = six();
    let lines = "1 :1.a.h\n2 P :2.b.h\n3 O5 PfooO :3.c.h\n4 O2 :4.d.h\n7 Ox :5.e.h\n9 O2 W5 S99 Gzz :6.f.h\n";
    old.uidlist(format!("{HEADER}{lines}"));
    let expected = ["4", "9", "fooO", "1", "2.b.h", "7"];
    assert_eq!(old.ids(&format("%u")), expected);
    let lines = "1 O0 :1.a.h\n2 O3 :2.b.h\n3 O3 :3.c.h\n4 O1 :4.d.h\n7 :5.e.h\n9 O4294967295 :6.f.h\n";
    old.uidlist(format!("{HEADER}{lines}"));
    assert_eq!(old.ids(&format("%u")), ["1", "4", "2", "3", "7", "9"]);
}

#[test]
fn g_is_the_guid_else_the_name_is() {
    let old = six();
    old.uidlist(format!("{HEADER}1 Gabc :1.a.h\n2 :2.b.h\n3 G :3.c.h\n4 :4.d.h\n5 :5.e.h\n6 :6.f.h\n"));
    assert_eq!(old.ids(&format("%g"))[..3], ["abc", "2.b.h", "3.c.h"]);
}

#[test]
fn old_flags_in_the_list_and_deleted_mail_do_no_harm() {
    let old = Old::with(&[b"2.b.h:2,RST"]);
    old.uidlist(format!("{HEADER}1 :1.a.h:2,S\n2 :2.b.h:2,\n3 :3.gone.h\n"));
    assert_eq!(old.ids(&format("%u")), ["2"]);
}

#[test]
fn new_mail_is_numbered_from_the_greater_of_n_and_the_last_uid() {
    let old = six();
    old.uidlist("3 V1700000000 N2\n1 :1.a.h\n30 :2.b.h\n");
    assert_eq!(old.ids(&format("%u:%f"))[1..3], ["30:2.b.h", "31:3.c.h"]);
    old.uidlist("3 V1700000000 N40\n1 :1.a.h\n30 :2.b.h\n");
    assert_eq!(old.ids(&format("%u:%f"))[2], "40:3.c.h");
}

#[test]
fn new_mail_is_numbered_by_seconds_microseconds_and_the_rest_of_the_name() {
    // ls -f; the names that begin with an odd digit lie in new/.
    let old = Old::empty();
    let names: [&[u8]; 16] = [
        b"100.M5P1.h",
        b"100.M900P2.h",
        b"100.M60P9.h:2,S",
        b"100.abc.h",
        b"100.12_3.h",
        b"099.x",
        b"0100.M7.h",
        b"abc",
        b"\xe4bc",
        b"100.\xe4.h",
        b"100.P1M3.h",
        b"100",
        b"100,S=14",
        b"200.M1",
        b"100.M5P1.g",
        b"100.M5P1.h2",
    ];
    for name in names {
        let is_new = name[0] % 2 == 1 && !name.contains(&b':');
        old.put(if is_new { "new" } else { "cur" }, name, b"Subject: x\n\nb\n");
    }
    old.uidlist("3 V1700000000 N1\n");
    let expected = [
        "1:\\xe4bc",
        "2:abc",
        "3:099.x",
        "4:100,S=14",
        "5:100.\\xe4.h",
        "6:100.12_3.h",
        "7:100.P1M3.h",
        "8:100.M5P1.g",
        "9:100.M5P1.h2",
        "10:100.M5P1.h",
        "11:0100.M7.h",
        "12:100.M60P9.h",
        "13:100.M900P2.h",
        "14:100.abc.h",
        "15:100",
        "16:200.M1",
    ];
    assert_eq!(old.ids(&format("%u:%f")), expected);
}

#[test]
fn what_dovecot_has_yet_to_number_is_foreseen_only() {
    let old = six();
    old.uidlist(format!("{HEADER}1 :1.a.h\n2 :2.b.h\n3 :3.c.h\n4 :4.d.h\n5 O1 :5.e.h\n"));
    let inventory = old.inventory(&dovecot());
    assert_eq!(inventory.foreseen, [5].into());
    let names = ["5.e.h", "1.a.h", "2.b.h", "3.c.h", "4.d.h", "6.f.h"];
    assert_eq!(inventory.names, names.map(|name| Box::<[u8]>::from(name.as_bytes())));
    assert!(old.inventory(&format("%f")).foreseen.is_empty(), "a name is certain");
    assert_eq!(old.inventory(&Options { rename_duplicates: true, ..format("%f") }).foreseen, [5].into());
}

#[test]
fn odd_names_are_unique_ids() {
    let long = [b"3".to_vec(), vec![b'x'; 240]].concat();
    let old = Old::with(&[b"1 a b", b"2\xe4", &long, b"4;2,S", b"6\x01", b"7\tx", b"8:1,foo", b"9:2,S:x"]);
    let ids = old.ids(&format("%f"));
    assert_eq!(ids[0..2], ["1 a b", "2\\xe4"]);
    assert_eq!(ids[2].len(), 241);
    assert_eq!(ids[3..], ["4;2,S", "6\\x01", "7\\tx", "8", "9"]);
}

#[test]
fn names_with_line_ends_were_never_shown() {
    let old = Old::with(&[b"1.a", b"2\r.a", b"3\n.b"]);
    let inventory = old.inventory(&format("%f"));
    assert_eq!(ids(&inventory), ["1.a"]);
    assert_eq!(inventory.skipped.len(), 2);
}

#[test]
fn x_uidl_comes_before_the_format_if_it_is_reused() {
    let old = Old::empty();
    let heads: [(&[u8], &str); 12] = [
        (b"X-UIDL: plain1", "plain1"),
        (b"X-UIDL:  two blanks  ", "two blanks  "),
        (b"x-uidl:\ttab", "tab"),
        (b"X-UIDL: a\nX-UIDL: b", "a"),
        (b"X-UIDL: \xe4\xff8bit", "\\xe4\\xff8bit"),
        (b"Subject: none", "000000066553f100"),
        (b"X-UIDL : blankbefore", "blankbefore"),
        (b"X-UIDL: cr\r", "cr"),
        (b"X-UIDL: a\tb  c", "a\\tb  c"),
        (b"X-UIDL: nul\0x", "nul\\xef\\xbf\\xbdx"),
        (b"Subject: x\n\nX-UIDL: inbody", "0000000b6553f100"),
        (b"X-UIDL-Not: x\nX-UIDL: b", "b"),
    ];
    for (number, (head, _)) in heads.iter().enumerate() {
        let name = format!("{}.a", 100 + number);
        old.put("cur", name.as_bytes(), &[head, &b"\nFrom: x\n\nbody\n"[..]].concat());
    }
    old.uidlist("3 V1700000000 N1\n");
    let options = Options { reuse_xuidl: true, ..dovecot() };
    assert_eq!(old.ids(&options), heads.map(|(_, id)| id));
    assert_eq!(old.ids(&dovecot())[0], "000000016553f100");
    old.uidlist("3 V1700000000 N2\n1 Psaved :100.a\n");
    assert_eq!(old.ids(&options)[..2], ["saved", "two blanks  "]);
}

#[test]
fn of_a_folded_x_uidl_clients_know_the_first_line_and_an_empty_one_is_none() {
    let old = Old::empty();
    for (name, head) in
        [(&b"1.a"[..], "X-UIDL: folded\n more"), (b"2.b", "X-UIDL:"), (b"3.c", "X-UIDL:\n next")]
    {
        old.put("cur", name, format!("{head}\n\nbody\n").as_bytes());
    }
    old.uidlist("3 V1700000000 N1\n");
    let inventory = old.inventory(&Options { reuse_xuidl: true, ..dovecot() });
    assert_eq!(ids(&inventory), ["folded", "made 2.b", "made 3.c"]);
    assert_eq!(inventory.warnings.len(), 2);
}

#[test]
fn duplicates_are_renamed_in_the_order_of_uids() {
    let old = six();
    let lines = "1 O9 :1.a.h\n2 P6553f100-2 :2.b.h\n3 :3.c.h\n4 O1 :4.d.h\n7 :5.e.h\n9 :6.f.h\n";
    old.uidlist(format!("{HEADER}{lines}"));
    let options = Options { rename_duplicates: true, ..format("%08Xv") };
    let expected = ["6553f100-3", "6553f100", "6553f100-2", "6553f100-2-2", "6553f100-4", "6553f100-5"];
    assert_eq!(old.ids(&options), expected);
    assert_eq!(old.ids(&format("%08Xv"))[0..2], ["6553f100", "6553f100"], "else they stay equal");
}

#[test]
fn the_list_may_lie_elsewhere() {
    let (old, control) = (six(), tempfile::tempdir().unwrap());
    let path = control.path().join("uids");
    fs::write(&path, format!("{HEADER}1 Pelsewhere :1.a.h\n")).unwrap();
    let options = Options { uidlist: Some(path), ..Options::default() };
    assert_eq!(old.ids(&options)[0], "elsewhere");
    let missing = Options { uidlist: Some(control.path().join("none")), ..Options::default() };
    assert!(old.refusal(&missing).contains("--uidlist"));
}

#[test]
fn without_a_list_new_mail_is_fine_and_seen_mail_is_not() {
    let old = Old::empty();
    old.put("new", b"2.b", b"x");
    old.put("new", b"1.a", b"x");
    assert_eq!(old.ids(&dovecot()), ["made 1.a", "made 2.b"]);
    assert_eq!(old.ids(&format("%f")), ["1.a", "2.b"], "this format says it all the same");
    old.put("cur", b"3.c:2,", b"x");
    let refusal = old.refusal(&dovecot());
    for word in [
        "dovecot-uidlist: it is missing",
        "numbered 1 message in cur/",
        "--uidlist",
        "--uidls-from",
        "--server plain",
    ] {
        assert!(refusal.contains(word), "{refusal}");
    }
    assert_eq!(old.ids(&format("%g")), ["1.a", "2.b", "3.c"]);
}

#[test]
fn a_damaged_list_is_named_with_its_line_and_nothing_comes() {
    let old = six();
    old.uidlist(format!("{HEADER}1 :1.a.h\nrubbish\n"));
    let refusal = old.refusal(&dovecot());
    for word in ["dovecot-uidlist:3: damaged", "UID", "--server plain", "backup"] {
        assert!(refusal.contains(word), "{refusal}");
    }
    assert_eq!(old.ids(&served_by(Server::Plain)).len(), 6);
}

#[test]
fn a_format_with_md5_is_not_for_maildirs() {
    let old = six();
    let asked = old.source(&format("%m")).inventory();
    assert!(matches!(asked, Err(crate::import::Error::Ask { what, .. }) if what.contains("%m")));
}

#[test]
fn a_double_gets_a_new_unique_id() {
    let old = six();
    old.put("cur", b"1.a.h:2,F", b"another");
    let all: String = (1..=6).map(|uid| format!("{uid} :{uid}.{}.h\n", char::from(b'`' + uid))).collect();
    old.uidlist(format!("{HEADER}{all}"));
    let ids = old.ids(&format("%u"));
    assert_eq!(ids[..6], ["1", "2", "3", "4", "5", "6"]);
    assert!(ids[6].starts_with("made 1.a.h:2,"), "{ids:?}");
}
