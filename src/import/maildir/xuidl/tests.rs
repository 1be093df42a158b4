//! Headers with and without X-UIDL.

use super::*;

fn first_of(header: &[u8]) -> Option<Vec<u8>> {
    first(header).unwrap()
}

#[test]
fn only_the_header_is_looked_at() {
    assert_eq!(first_of(b"Subject: x\nX-UIDL: a\n\nb\n"), Some(b"a".to_vec()));
    for without in
        [&b""[..], b"\n\nX-UIDL: a\n", b"Subject: x\r\n\r\nX-UIDL: a\r\n", b"no colon\n\n", b"no end"]
    {
        assert_eq!(first_of(without), None, "{}", without.escape_ascii());
    }
    assert_eq!(first_of(b"X-UIDL: a"), Some(b"a".to_vec()));
}

#[test]
fn a_header_without_end_is_not_read_for_ever() {
    let endless = "Subject: x\n".repeat(200_000) + "X-UIDL: a\n\n";
    assert_eq!(first_of(endless.as_bytes()), None);
}
