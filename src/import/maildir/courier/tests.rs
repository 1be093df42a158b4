//! What Courier 1.0.16 (Debian) answered to UIDL for Maildirs like these.

use super::super::testing::{Old, ids, served_by};
use super::super::{Options, Server};

fn courier() -> Options {
    served_by(Server::Courier)
}

#[test]
fn unique_ids_are_number_and_validity_or_the_name() {
    let old = Old::with(&[
        b"1700000002.a.h",
        b"1700000001.b.h:2,S",
        b"abc",
        b"1700000002.M5P6V7.h,S=9",
        b"odd name\xe4+'\".h",
        b"1700000003.",
    ]);
    old.put("new", b"1700000009.z.h", b"x");
    old.sizelist(
        b"/3 20 1600000000\n1700000001.b.h:2, 33 7:0:0\n1700000002.a.h 33 0:5:0\nodd name\xe4+'\".h 33 0:0:0\nabc 33 9:1600000000:0\ngone 9 3:1600000000:0\n",
    );
    let expected = [
        "UID9-1600000000",
        "odd+20name+E4+2B+27+22.h",
        "UID7",
        "UID20-1600000000",
        "1700000002.a.h",
        "UID21-1600000000",
        "UID22-1600000000",
    ];
    let inventory = old.inventory(&courier());
    assert_eq!(ids(&inventory), expected);
    assert_eq!(inventory.foreseen, [3, 5, 6].into(), "which Courier has yet to number");
    assert_eq!(*inventory.names[0], *b"abc");
}

#[test]
fn the_order_is_that_of_atol_then_of_signed_octets() {
    let names: [&[u8]; 16] = [
        b"5a\xe4",
        b"5ab",
        b"5a",
        b"5a.b:2,",
        b"5b:2,",
        b"5a-:2,",
        b"5b.x:2,S",
        b"-3x",
        b" 4x",
        b"+6x:2,",
        b"99999999999999999999x",
        b"99999999999999999998x",
        b"x9",
        b"5d",
        b"5d\xff",
        b"5dz",
    ];
    let old = Old::with(&names);
    let lines: Vec<u8> = names.iter().flat_map(|name| [*name, &b" 14 0:0:0\n"[..]].concat()).collect();
    old.sizelist([&b"/3 20 1600000000\n"[..], &lines].concat());
    let expected = [
        "-3x",
        "x9",
        "+204x",
        "5a+E4",
        "5a",
        "5a-",
        "5a.b",
        "5ab",
        "5b.x",
        "5b",
        "5d+FF",
        "5d",
        "5dz",
        "+2B6x",
        "99999999999999999998x",
        "99999999999999999999x",
    ];
    assert_eq!(old.ids(&courier()), expected);
}

#[test]
fn a_name_that_got_its_first_flags_since_keeps_its_number() {
    // Courier would give it a new one, and the program that has just fetched it would fetch it again.
    let old = Old::with(&[b"1.a:2,S"]);
    old.sizelist("/3 2 9\n1.a 14 1:9:0\n");
    assert_eq!(old.ids(&courier()), ["UID1-9"]);
}

#[test]
fn lists_of_the_older_version_are_read() {
    let old = Old::with(&[b"1.a:2,S", b"2.b"]);
    old.sizelist("/2 8 9\n1.a:2, 14 1:9\n");
    assert_eq!(old.ids(&courier()), ["UID1-9", "UID8-9"]);
    old.sizelist("/2 8\n1.a:2, 14 1:0\n");
    assert_eq!(old.ids(&courier()), ["UID1", "made 2.b"], "Courier would take the time of day");
}

#[test]
fn mail_with_eight_bit_headers_is_warned_of() {
    let old = Old::with(&[b"1.a:2,S", b"2.b:2,"]);
    old.sizelist("/3 3 9\n1.a:2, 14 1:9:1\n2.b:2, 14 2:9:0\n");
    let inventory = old.inventory(&courier());
    assert_eq!(ids(&inventory), ["UID1-9", "UID2-9"]);
    assert!(inventory.warnings[0].starts_with("1 message has 8-bit"), "{:?}", inventory.warnings);
}

#[test]
fn without_a_list_new_mail_is_fine_and_seen_mail_is_not() {
    let old = Old::empty();
    old.put("new", b"1.a", b"x");
    assert_eq!(old.ids(&courier()), ["made 1.a"]);
    old.put("cur", b"2.b:2,S", b"x");
    let refusal = old.refusal(&courier());
    assert!(refusal.contains("courierpop3dsizelist: it is missing") && refusal.contains("--server plain"));
}

#[test]
fn a_damaged_list_is_named_with_its_line_and_nothing_comes() {
    let old = Old::with(&[b"1.a:2,S"]);
    for (text, line) in [
        ("", 1),
        ("3 2 9\n", 1),
        ("/1 2 9\n", 1),
        ("/3\n", 1),
        ("/3 2 9", 1),
        ("/3 2 9\n1.a:2, 14 1:9:0\n2.b 14\n", 3),
        ("/3 2 9\n1.a:2, 14 1\n", 2),
        ("/3 2 9\n1.a:2, 14 1:x:0\n", 2),
        ("/3 2 9\n1.a:2, x 1:9:0\n", 2),
        ("/3 2 9\n 14 1:9:0\n", 2),
        ("/3 2 9\n1.a:2, 14 1:9:0\n\n", 3),
        ("/3 2 9\n1.a:2, 14 1:9:0\n2.b 14 2:9:", 3),
    ] {
        old.sizelist(text);
        let refusal = old.refusal(&courier());
        let place = format!("courierpop3dsizelist:{line}: damaged");
        assert!(refusal.contains(&place) && refusal.contains("--server plain"), "{text:?}: {refusal}");
    }
}

#[test]
fn a_double_gets_a_new_number() {
    let old = Old::with(&[b"1.a:2,S", b"1.a:2,F"]);
    old.sizelist("/3 5 9\n1.a:2, 14 1:9:0\n");
    let mut ids = old.ids(&courier());
    ids.sort();
    assert_eq!(ids, ["UID1-9", "UID5-9"]);
    let mut source = old.source(&courier());
    assert_eq!(source.inventory().unwrap().messages.len(), 2);
}
