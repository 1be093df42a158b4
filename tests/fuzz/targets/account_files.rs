//! An old server's account file may hold anything: whom it names comes once and under a whole address, every
//! other line is refused with its number, and what is said of it is fit for a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::accounts::import::{Format, How, read};
use restante::mail::Domain;
use std::collections::HashSet;
use std::sync::LazyLock;

static DOMAIN: LazyLock<Domain> = LazyLock::new(|| Domain::parse("example.org").unwrap());

/// What lies beside a shadow.
const PASSWD: &[u8] = b"daemon:x:1:1::/:/bin/false\nanna:x:1000:1000::/home/anna:/bin/sh\n";

fuzz_target!(|data: &[u8]| {
    let [kind, octets @ ..] = data else { return };
    let (_, format) = Format::ALL[usize::from(*kind) % Format::ALL.len()];
    let how = How {
        domain: (kind & 0x40 == 0).then_some(&*DOMAIN),
        min_uid: 1000,
        passwd: (kind & 0x80 == 0).then_some(PASSWD),
        today: 20_000,
    };
    let users = read(octets, format, &how);
    let lines = octets.iter().filter(|octet| **octet == b'\n').count() + 1;
    let mut addresses = HashSet::new();
    for user in &users.records {
        assert!((1..=lines).contains(&user.line));
        assert!(addresses.insert(user.address.to_string()), "{} twice", user.address);
    }
    for refused in &users.refused {
        assert!((1..=lines).contains(&refused.line));
        let shown = [&refused.address, &refused.why];
        assert!(!shown.iter().any(|text| text.chars().any(char::is_control)), "{refused:?}");
    }
    assert!(users.records.len() + users.refused.len() + users.passed_over <= lines);
});
