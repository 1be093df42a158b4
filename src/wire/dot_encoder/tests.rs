//! The encoder against a plain model of RFC 1939, at every cut.

use super::*;
use crate::mail::OctetCount;
use LineEnds::{AsFound, OwnLf};
use proptest::prelude::*;

fn encode(mut encoder: DotEncoder, blocks: &[&[u8]]) -> (Vec<u8>, Octets) {
    let mut out = Vec::new();
    for block in blocks {
        encoder.push(block, &mut out);
    }
    let octets = encoder.finish(&mut out);
    (out, octets)
}

fn at_every_cut(make: impl Fn() -> DotEncoder, file: &[u8]) -> Vec<u8> {
    let whole = encode(make(), &[file]);
    for cut in 0..=file.len() {
        assert_eq!(encode(make(), &[&file[..cut], &file[cut..]]), whole, "{file:?} cut at {cut}");
    }
    let single: Vec<&[u8]> = file.chunks(1).collect();
    assert_eq!(encode(make(), &single), whole, "{file:?} octet by octet");
    whole.0
}

/// The lines a client has at the end: the final dot off, one dot taken from each stuffed line.
fn decode(wire: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = wire;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
        let (line, tail) = rest.split_at(end);
        if line == b".\r\n" {
            assert_eq!(tail, b"", "something stands behind the final dot");
            return text;
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = tail;
    }
}

#[test]
fn lines_as_they_are_sent() {
    for (file, own, as_found) in [
        (&b""[..], &b".\r\n"[..], &b".\r\n"[..]),
        (b"a", b"a\r\n.\r\n", b"a\r\n.\r\n"),
        (b"a\n", b"a\r\n.\r\n", b"a\r\n.\r\n"),
        (b"\n", b"\r\n.\r\n", b"\r\n.\r\n"),
        (b".", b"..\r\n.\r\n", b"..\r\n.\r\n"),
        (b".\n.\n", b"..\r\n..\r\n.\r\n", b"..\r\n..\r\n.\r\n"),
        (b"a.\n..b\n", b"a.\r\n...b\r\n.\r\n", b"a.\r\n...b\r\n.\r\n"),
        (b"a\r\n.b\r\n", b"a\r\r\n..b\r\r\n.\r\n", b"a\r\n..b\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n", b"a\r\r\n.\r\n"),
        (b"a\r.\n", b"a\r.\r\n.\r\n", b"a\r.\r\n.\r\n"),
        (b"\0\xff\n", b"\0\xff\r\n.\r\n", b"\0\xff\r\n.\r\n"),
    ] {
        assert_eq!(at_every_cut(|| DotEncoder::whole(OwnLf), file), own, "{file:?}");
        assert_eq!(at_every_cut(|| DotEncoder::whole(AsFound), file), as_found, "{file:?}");
    }
}

#[test]
fn top_ends_behind_its_last_line() {
    for (file, body_lines, sent) in [
        (&b"A: 1\n\none\n.two\nthree"[..], 0, &b"A: 1\r\n\r\n.\r\n"[..]),
        (b"A: 1\n\none\n.two\nthree", 1, b"A: 1\r\n\r\none\r\n.\r\n"),
        (b"A: 1\n\none\n.two\nthree", 2, b"A: 1\r\n\r\none\r\n..two\r\n.\r\n"),
        (b"A: 1\n\none\n.two\nthree", 3, b"A: 1\r\n\r\none\r\n..two\r\nthree\r\n.\r\n"),
        (b"A: 1\r\n\r\none\r\n", 0, b"A: 1\r\n\r\n.\r\n"),
        (b"A: 1\n\n\n\nx\n", 2, b"A: 1\r\n\r\n\r\n\r\n.\r\n"),
        (b"no blank line\nat all", 0, b"no blank line\r\nat all\r\n.\r\n"),
        (b"\nbody\n", 0, b"\r\n.\r\n"),
        (b"", 0, b".\r\n"),
    ] {
        let wire = at_every_cut(|| DotEncoder::top(AsFound, body_lines), file);
        assert_eq!(wire, sent, "{file:?} and {body_lines}");
    }
}

#[test]
fn in_our_own_files_a_cr_alone_on_a_line_is_text() {
    let wire = at_every_cut(|| DotEncoder::top(OwnLf, 0), b"A: 1\n\r\nB: 2\n\nx\n");
    assert_eq!(wire, b"A: 1\r\n\r\r\nB: 2\r\n\r\n.\r\n");
}

#[test]
fn what_top_does_not_want_need_not_be_read() {
    let mut encoder = DotEncoder::top(AsFound, 1);
    let mut out = Vec::new();
    encoder.push(b"A: 1\n\none", &mut out);
    assert!(!encoder.is_complete());
    encoder.push(b"\ntwo\n", &mut out);
    assert!(encoder.is_complete());
    assert_eq!(encoder.finish(&mut out), Octets(13));
    assert_eq!(out, b"A: 1\r\n\r\none\r\n.\r\n");
}

/// Files made of what matters here: line ends of both kinds, dots, and a little text.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![&b"\n"[..], b"\r\n", b"\r", b".", b"\n\n", b"text", b"\0\xff"]);
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn line_ends() -> impl Strategy<Value = LineEnds> {
    prop_oneof![Just(OwnLf), Just(AsFound)]
}

proptest! {
    #[test]
    fn what_is_sent_is_what_was_counted(file in file(), line_ends in line_ends()) {
        let mut count = OctetCount::new(line_ends);
        count.push(&file);
        let wire = at_every_cut(|| DotEncoder::whole(line_ends), &file);
        prop_assert_eq!(decode(&wire).len() as u64, count.total().0);
        prop_assert_eq!(encode(DotEncoder::whole(line_ends), &[&file]).1, count.total());
    }

    #[test]
    fn our_own_files_come_out_as_they_came_in(file in file()) {
        let wire = at_every_cut(|| DotEncoder::whole(OwnLf), &file);
        let mut sent = Vec::new();
        for line in file.split_inclusive(|octet| *octet == b'\n') {
            sent.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            sent.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(decode(&wire), sent);
    }

    #[test]
    fn a_large_top_is_what_retr_sends(file in file(), line_ends in line_ends()) {
        let top = at_every_cut(|| DotEncoder::top(line_ends, 99_999_999), &file);
        prop_assert_eq!(top, encode(DotEncoder::whole(line_ends), &[&file]).0);
    }

    #[test]
    fn a_smaller_top_begins_a_larger_one(file in file(), lines in 0_u32..8) {
        let smaller = decode(&at_every_cut(|| DotEncoder::top(AsFound, lines), &file));
        let larger = decode(&at_every_cut(|| DotEncoder::top(AsFound, lines + 1), &file));
        prop_assert!(larger.starts_with(&smaller));
    }
}
