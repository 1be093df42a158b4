//! Names: made and read again, foreign ones of every kind, and no bytes that break anything.

use super::*;
use proptest::prelude::*;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

const STAMP: Stamp = Stamp { seconds: 1_795_319_683, micros: 42, pid: 1, counter: 7 };
const SIZES: Written = Written { bytes: Bytes(100), octets: Octets(104) };

fn id(text: &str) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(text.as_bytes()))
}

#[test]
fn a_name_of_ours_has_the_documented_form() {
    let name = own(&STAMP, "mail.example.org", SIZES, None).into_string().unwrap();
    let rest = name.strip_prefix("1795319683.M000042P1Q7.").unwrap();
    let (tag, rest) = rest.split_at(8);
    assert!(tag.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
    assert_eq!(rest, ".mail.example.org,S=100,W=104");
    let parsed = parse(name.as_bytes());
    assert_eq!(parsed.written, Some(SIZES));
    assert_eq!(parsed.unique_id, id(name.split(',').next().unwrap()));
}

#[test]
fn whoever_changes_a_name_of_ours_makes_it_foreign() {
    let name = own(&STAMP, "h", SIZES, None).into_encoded_bytes();
    for at in 0..name.len() {
        let mut changed = name.clone();
        changed[at] ^= 1;
        assert_eq!(parse(&changed).written, None, "{}", String::from_utf8_lossy(&changed));
        assert_eq!(parse(&name[..at]).written, None, "cut at {at}");
    }
    assert_eq!(parse(&[&name[..], b",X=1"].concat()).written, None);
}

#[test]
fn foreign_sizes_are_never_believed() {
    for name in [
        "1700000000.M123456P42.host,S=100,W=104",                  // Dovecot
        "1700000000.M123456P42V0000000000000801I0A1B2C3D_0.h,S=9", // Courier
        "1700000000.42_1.host",                                    // mutt
        "1700000000.M1P2Q3.host",                                  // Python's mailbox
        "1700000000.#1fM123456P42V2049I77.host,S=5",               // the maildir crate
        "1700000000.M1P2Q3.0123abcd.host,S=1,W=2",                 // our pattern, without our tag
    ] {
        let parsed = parse(name.as_bytes());
        assert_eq!(parsed.written, None, "{name}");
        assert_eq!(parsed.unique_id, id(name.split(',').next().unwrap()), "{name}");
        assert_eq!(parsed.order.seconds, 1_700_000_000, "{name}");
    }
}

#[test]
fn a_name_that_is_no_unique_id_gives_a_derived_one_that_stays() {
    for name in [&b"two words"[..], b"", b",S=1", "grün".as_bytes(), b"\xff\xfe", &[b'x'; 71], b"tab\there"]
    {
        assert_eq!(parse(name).unique_id, None, "{name:?}");
        assert_eq!(derived_id(name, 0), derived_id(name, 0));
        assert_ne!(derived_id(name, 0), derived_id(name, 1));
        assert_eq!(derived_id(name, 0).as_bytes().len(), 64);
    }
}

#[test]
fn a_unique_id_from_another_server_is_carried_along() {
    for text in ["0000002a4f1e", "a,b:c/d%e", "UID123-1400000000", "+++!~"] {
        let name = own(&STAMP, "h", SIZES, UniqueId::parse(text).as_ref()).into_encoded_bytes();
        assert!(!name[..].contains(&b'/') && !name.contains(&b':'));
        let order = parse(own(&STAMP, "h", SIZES, None).as_bytes()).order;
        let carried = Carried::InName;
        assert_eq!(parse(&name), Parsed { written: Some(SIZES), unique_id: id(text), carried, order });
    }
    // In a foreign name, `U=` means something else.
    assert_eq!(parse(b"1.2.h,U=7").unique_id, id("1.2.h"));
}

#[test]
fn what_is_no_lawful_unique_id_is_carried_as_it_is_and_a_long_one_is_in_the_ledger() {
    let long = "x".repeat(limits::CARRIED_IN_NAME_MAX);
    let longer = format!("{long}x");
    for (octets, carried) in [
        (&b"two words"[..], Carried::InName),
        (b"\xe4\xff", Carried::InName),
        (b"=/:,%\x01", Carried::InName),
        (long.as_bytes(), Carried::InName),
        (longer.as_bytes(), Carried::InLedger),
        (&[b' '; 70], Carried::InLedger),
    ] {
        let id = UniqueId::carried(octets).unwrap();
        let name = own(&STAMP, &"h".repeat(300), SIZES, Some(&id)).into_encoded_bytes();
        let parsed = parse(&name);
        assert_eq!((parsed.written, parsed.carried), (Some(SIZES), carried));
        assert_eq!(parsed.unique_id.as_deref(), (carried == Carried::InName).then_some(octets));
        assert!(name.len() + limits::FLAGS_ROOM <= 255, "{}", name.len());
    }
}

#[test]
fn order_is_time_then_counter_and_names_without_time_come_first() {
    let names = [
        "no-time",
        "99.M999999P1Q9.h",
        "100.1_1.h",
        "100.M2P1Q3.h",
        "100.M10P1Q1.h",
        "100.M10P9Q2.h",
        "101.M1P1Q1.h",
    ];
    let orders: Vec<Order> = names.iter().map(|name| parse(name.as_bytes()).order).collect();
    assert!(orders.is_sorted(), "{orders:?}");
}

#[test]
fn a_host_is_made_harmless() {
    for (host, safe) in [
        ("mail.example.org", "mail.example.org"),
        ("a/b:c,d e", "a\\057b\\072c\\054d\\040e"),
        ("bücher", "b\\303\\274cher"),
        ("", "localhost"),
    ] {
        assert_eq!(safe_host(host), safe);
    }
}

#[test]
fn long_hosts_are_cut_and_still_differ() {
    let hosts = [format!("{}.one.example", "a".repeat(200)), format!("{}.two.example", "a".repeat(200))];
    let ids = hosts.map(|host| {
        parse(own(&STAMP, &host, SIZES, None).as_bytes()).unique_id.map(Cow::into_owned).unwrap()
    });
    assert_ne!(ids[0], ids[1]);
    assert!(draft(&STAMP, &"a".repeat(253)).len() < 255, "a file name is 255 bytes at most");
}

#[test]
fn the_flag_s_is_added_in_order_and_once() {
    let with = |name: &str| with_seen(name.as_bytes()).map(|name| name.into_string().unwrap());
    for (name, seen) in [
        ("a", Some("a:2,S")),
        ("a:", Some("a:2,S")),
        ("a:2,", Some("a:2,S")),
        ("a,S=1:2,RT", Some("a,S=1:2,RST")),
        ("a:2,F", Some("a:2,FS")),
        ("a:2,FS", None),
        ("a:1,x", None),
    ] {
        assert_eq!(with(name).as_deref(), seen, "{name}");
    }
}

#[test]
fn stamps_differ_though_the_clock_stands_still() {
    let now = UNIX_EPOCH + Duration::from_secs(5);
    let (first, second) = (Stamp::next(now), Stamp::next(now));
    assert_ne!(first.counter, second.counter);
    assert_eq!(Stamp::next(UNIX_EPOCH - Duration::from_secs(9)).seconds, 0);
}

proptest! {
    #[test]
    fn what_is_made_is_read(
        seconds in 0..=99_999_999_999_u64, micros in 0..1_000_000_u32, pid: u32, counter: u32,
        host in "\\PC{0,80}", bytes: u64, octets: u64, carried in proptest::option::of("[!-~]{1,30}"), flags in "(:2,[A-Z]{0,6})?")
    {
        let stamp = Stamp { seconds, micros, pid, counter };
        let written = Written { bytes: Bytes(bytes), octets: Octets(octets) };
        let carried = carried.as_deref().and_then(UniqueId::parse);
        let name = own(&stamp, &safe_host(&host), written, carried.as_ref()).into_encoded_bytes();
        prop_assert!(name.len() <= 255, "{}", name.len());
        prop_assert!(!name.contains(&b'/') && !name.contains(&0) && name[0] != b'.');
        let flagged = [&name[..], flags.as_bytes()].concat();
        let parsed = parse(base(&flagged));
        prop_assert_eq!(parsed.written, Some(written));
        // Legal whatever the host is called: there is always one.
        let id = parsed.unique_id.unwrap();
        prop_assert!(carried.is_none_or(|carried| carried.as_bytes() == &*id));
        let order = Order { seconds, micros, counter };
        prop_assert_eq!(parsed.order, order);
    }

    #[test]
    fn no_bytes_panic(name in proptest::collection::vec(any::<u8>(), 0..120)) {
        let parsed = parse(base(&name));
        prop_assert_eq!(parsed.written, None);
        with_seen(&name);
        prop_assert_eq!(derived_id(&name, 0).as_bytes().len(), 64);
    }

    #[test]
    fn near_misses_do_not_panic(name in "[0-9.MPQa-fSWU=,:%]{0,60}") {
        prop_assert_eq!(parse(base(name.as_bytes())).written, None);
    }

    #[test]
    fn any_octets_are_encoded_and_decoded(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
        let text = encode(&octets);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' && byte != b'/'));
        prop_assert_eq!(decode(text.as_bytes()), Some(octets));
    }
}
