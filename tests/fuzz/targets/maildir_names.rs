//! Maildir names: what is made is read again, a name is believed only with the tag it should have, and
//! no bytes break anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::limits;
use restante::mail::{Bytes, Octets, UniqueId};
use restante::maildrop::name::{self, Stamp, Written};
use sha2::{Digest as _, Sha256};
use std::os::unix::ffi::OsStrExt as _;

/// Takes the name apart from the back, unlike the code: the part behind the tag is all it needs.
fn read_plainly(stamp: &[u8], rest: &[u8]) -> Option<Written> {
    let stamp = std::str::from_utf8(stamp).ok()?;
    let numbers: Vec<&str> = stamp.split(['.', 'M', 'P', 'Q']).collect();
    let [seconds, "", micros, pid, counter] = numbers[..] else { return None };
    if format!("{seconds}.M{micros}P{pid}Q{counter}") != stamp {
        return None;
    }
    [seconds, micros, pid, counter].into_iter().try_for_each(|text| number(text.as_bytes()).map(drop))?;
    let mut fields = rest.split(|octet| *octet == b',').skip(1);
    let bytes = number(fields.next()?.strip_prefix(b"S=")?)?;
    let octets = number(fields.next()?.strip_prefix(b"W=")?)?;
    let carried = fields.next().is_none_or(|field| field.starts_with(b"U="));
    carried.then_some(Written { bytes: Bytes(bytes), octets: Octets(octets) })
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// The tag that the documentation of the name describes.
fn tag(stamp: &[u8], rest: &[u8]) -> String {
    let hash = Sha256::digest([b"restante maildir name 1\0", stamp, b".", rest].concat());
    hash[..4].iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Any bytes that a file may be called.
fn foreign(file: &[u8]) {
    let base = name::base(file);
    assert!(file.starts_with(base) && !base.contains(&b':'));
    name::parse(base);
    let (first, second) = (name::derived_id(base, 0), name::derived_id(base, 1));
    assert!(first != second && first.as_bytes().len() == 64);
    if let Some(seen) = name::with_seen(file) {
        let seen = seen.as_bytes();
        assert_eq!(name::base(seen), base, "the unique-id stays");
        let flags = seen[base.len()..].strip_prefix(b":2,").unwrap();
        assert!(flags.is_sorted() && flags.contains(&b'S'));
        assert_eq!(name::with_seen(seen), None, "once");
    }
}

/// The bytes with a right tag between them: now the rest of the name decides.
fn sealed(stamp: &[u8], rest: &[u8]) {
    let tag = tag(stamp, rest);
    let file = [stamp, b".", tag.as_bytes(), b".", rest].concat();
    let parsed = name::parse(&file);
    assert_eq!(parsed.written, read_plainly(stamp, rest), "{}", String::from_utf8_lossy(&file));
    let wrong = [stamp, b".", tag.as_bytes(), b".", rest, b"0"].concat();
    assert_eq!(name::parse(&wrong).written, None, "changed behind its tag");
}

/// Names of our own, from a stamp, a host and a unique-id that came along.
fn own(stamp: &[u8], host: &str) {
    let at = |nth: usize| {
        u32::from_be_bytes(std::array::from_fn(|octet| *stamp.get(nth * 4 + octet).unwrap_or(&0)))
    };
    let stamp = Stamp {
        seconds: u64::from(at(0)) * 23, // Up to the eleven digits that the stamp has room for.
        micros: at(1) % 1_000_000,
        pid: at(2),
        counter: at(3),
    };
    let written = Written { bytes: Bytes(u64::from(at(4)) << 16), octets: Octets(u64::from(at(5)) << 17) };
    let host = name::safe_host(host);
    let carried = UniqueId::parse(host.get(..limits::UNIQUE_ID_MAX.min(host.len())).unwrap());
    for carried in [None, carried] {
        let file = name::own(&stamp, &host, written, carried.as_ref());
        let bytes = file.as_bytes();
        assert!(!bytes.contains(&b'/') && !bytes.contains(&0) && !bytes.contains(&b':'), "{file:?}");
        assert!(bytes.len() <= 255 && bytes[0] != b'.', "{file:?}");
        let parsed = name::parse(bytes);
        assert_eq!(parsed.written, Some(written));
        let unique_id = parsed.unique_id.expect("legal, whatever the host is called");
        assert!(carried.is_none_or(|carried| carried.as_bytes() == &*unique_id));
        let later = Stamp { counter: stamp.counter.saturating_add(1), ..stamp };
        let later = name::own(&later, &host, written, None);
        let later = name::parse(later.as_bytes());
        assert!(parsed.order <= later.order);
    }
    let draft = name::draft(&stamp, &host);
    assert!(draft.len() <= 255 && !draft.as_bytes().contains(&b'/'), "{draft:?}");
}

fuzz_target!(|input: &[u8]| {
    foreign(input);
    let cut = input.iter().position(|octet| *octet == b'\n').unwrap_or(input.len());
    let (stamp, rest) = (&input[..cut], input.get(cut + 1..).unwrap_or_default());
    sealed(stamp, rest);
    own(stamp, &String::from_utf8_lossy(rest));
});
