//! The index is the same wherever blocks are cut, and no octets make it stumble.

use super::*;
use crate::import::mbox::scan::ReadAt;
use proptest::prelude::*;

/// A file that is read in blocks that end at every multiple of a number, and at the cuts.
struct Cut<'a> {
    octets: &'a [u8],
    cut: usize,
}

impl ReadAt for Cut<'_> {
    fn read_at(&self, block: &mut [u8], at: u64) -> io::Result<usize> {
        assert!(block.len() <= limits::COUNT_BLOCK, "a block is never larger than that");
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.octets.len());
        let end = if start < self.cut { self.cut.min(self.octets.len()) } else { self.octets.len() };
        let given = &self.octets[start..end.min(start + block.len())];
        block[..given.len()].copy_from_slice(given);
        Ok(given.len())
    }
}

type Index = Option<Vec<Indexed>>;

fn index(octets: &[u8], cut: usize, server: Server) -> Index {
    let habits = server.habits();
    let found = scan::index(&Cut { octets, cut }, habits, hashing(habits.identity)).unwrap();
    found.map(|(messages, _)| messages)
}

fn hashing(identity: Identity) -> Identity {
    match identity {
        Identity::DovecotNumbers(_) => Identity::DovecotNumbers(Some(Recipe::DovecotAll)),
        identity => identity,
    }
}

fn shown(octets: &[u8], cut: usize, server: Server, indexed: &Indexed) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = |block: &[u8]| {
        out.extend_from_slice(block);
        Ok(())
    };
    scan::read(&Cut { octets, cut }, server.habits(), &indexed.message, &mut sink).unwrap();
    out
}

const FROM: &str = "From ada@example.net Thu Nov 29 22:33:52 2001\n";

/// Everything that parts, hides and hashes, with all line ends.
fn many_kinds() -> Vec<String> {
    let first =
        "X-IMAPbase: 7 0000000009\nX-UID: 3   \nStatus: RO\nX-Keywords: a\n b\nDate: x\n\nbody\n>From a\n\n";
    let second = "Received: a\n\tb\nX-UIDL: id\nContent-Length: 52\n\n";
    let third = "Subject: c\n\n\n\n";
    vec![
        format!("{FROM}{first}{FROM}{second}a\n\n{FROM}\nb\n{FROM}{third}"),
        format!("{FROM}{first}{FROM}{second}{FROM}{third}").replace('\n', "\r\n"),
        format!("\n{FROM}{FROM}\nFrom \n{FROM}Subject: x\nFrom a\n\nx\r"),
        format!("{FROM}Content-Length: 4\n\nabcd\n{FROM}Content-Length: 4\n\nabcd\n"),
        format!("{FROM}A: b\r\n\r\nc\r\n\r\n{FROM}"),
    ]
}

#[test]
fn an_index_and_its_messages_are_the_same_at_every_cut() {
    for text in many_kinds() {
        let octets = text.as_bytes();
        for server in Server::ALL {
            let whole = index(octets, 0, server);
            let texts: Vec<_> =
                whole.iter().flatten().map(|message| shown(octets, 0, server, message)).collect();
            for cut in 0..octets.len() {
                assert_eq!(index(octets, cut, server), whole, "{server:?} {text:?} cut at {cut}");
                for (message, text) in whole.iter().flatten().zip(&texts) {
                    assert_eq!(&shown(octets, cut, server, message), text, "{server:?} cut at {cut}");
                }
            }
        }
    }
}

/// The parts of an mbox in any order, and anything else.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(FROM.as_bytes().to_vec()),
        Just(b"From ".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b">From a\n".to_vec()),
        Just(b"X-UID: 4294967295\nX-IMAPbase: 4294967295 4294967295\n".to_vec()),
        Just(b"X-IMAP: 1 2\nX-UIDL:  \n".to_vec()),
        Just(b" folded\n".to_vec()),
        (0_u64..99).prop_map(|length| format!("Content-Length: {length}\n").into_bytes()),
        Just(b"Content-Length: 18446744073709551615\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(part, 0..25).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_octets_are_messages_and_what_parts_them(octets in any_text()) {
        for server in Server::ALL {
            let mut behind = 0;
            for Indexed { message, .. } in index(&octets, 0, server).unwrap_or_default() {
                let (start, end) = (message.start as usize, message.end as usize);
                prop_assert!(behind <= start && start <= end && end <= octets.len());
                let between = octets[behind..start].trim_ascii_start();
                prop_assert!(between.starts_with(b"From "), "{server:?}: {:?}", String::from_utf8_lossy(between));
                behind = end;
            }
        }
    }

    #[test]
    fn nothing_is_lost_between_messages(octets in any_text()) {
        // With all that parts messages put back, the file is there again: solid-pop3d takes away nothing else.
        let octets = [FROM.as_bytes(), &octets].concat();
        let messages = index(&octets, 0, Server::SolidPop3d).unwrap();
        let mut joined = Vec::new();
        for Indexed { message, .. } in &messages {
            let (start, end) = (message.start as usize, message.end as usize);
            let from_line = joined.len();
            joined.extend_from_slice(&octets[from_line..end]);
            let line_end = memchr::memchr(b'\n', &octets[from_line..start]);
            prop_assert!(line_end.is_none_or(|lf| lf + 1 == start - from_line));
        }
        prop_assert_eq!(joined, octets);
    }

    #[test]
    fn all_servers_show_any_message_at_any_cut(octets in any_text(), cut in 0_usize..200) {
        let octets = [FROM.as_bytes(), &octets].concat();
        for server in Server::ALL {
            let messages = index(&octets, 0, server);
            prop_assert_eq!(&index(&octets, cut, server), &messages);
            for message in messages.unwrap_or_default() {
                prop_assert_eq!(shown(&octets, cut, server, &message), shown(&octets, 0, server, &message));
            }
        }
    }
}
