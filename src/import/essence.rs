//! What stays the same of a message, whichever way it comes: all of its text but what old servers write into
//! it, or rewrite, while it lies with them.
//!
//! Left out are the header fields in which mailbox files keep their own notes; whole header fields with octets
//! of 8 bits, which Courier rewrites at each reading; the CR of a line end; and whether the last line has one.
//! Takes blocks, however they are cut, and holds no line.

use crate::limits;
use sha2::{Digest as _, Sha256};

/// Header fields that servers and mail programs write into a message that lies in a mailbox, in lower case.
const NOTES: [&[u8]; 9] = [
    b"content-length",
    b"lines",
    b"status",
    b"x-imap",
    b"x-imapbase",
    b"x-keywords",
    b"x-status",
    b"x-uid",
    b"x-uidl",
];
/// How the names of further ones begin.
const NOTES_OF_MOZILLA: &[u8] = b"x-mozilla-";

/// Whether a header field of this name is a note of the mailbox, and no part of the message.
pub fn is_note(name: &[u8]) -> bool {
    let name = name.trim_ascii_end().to_ascii_lowercase();
    NOTES.contains(&&name[..]) || name.starts_with(NOTES_OF_MOZILLA)
}

/// A message in the making.
#[derive(Clone, Debug)]
pub struct Essence {
    hash: Sha256,
    /// `None` behind the empty line.
    header: Option<Field>,
    /// CRs that belong to a line end, if one comes behind them.
    returns: usize,
    is_line_start: bool,
}

/// The header field that goes on.
#[derive(Clone, Debug, Default)]
struct Field {
    /// The hash without it.
    before: Sha256,
    /// As far as it has come; `None` behind the colon.
    name: Option<Vec<u8>>,
    is_left_out: bool,
}

impl Default for Essence {
    fn default() -> Self {
        Self { hash: Sha256::new(), header: Some(Field::default()), returns: 0, is_line_start: true }
    }
}

impl Essence {
    /// Takes the next block.
    pub fn push(&mut self, block: &[u8]) {
        // Most of a mailbox is bodies, and these have come without CR: no need to look at each line.
        if self.header.is_none() && self.returns == 0 && memchr::memchr(b'\r', block).is_none() {
            return self.text(block);
        }
        let (was_header, mut taken) = (self.header.is_some(), 0);
        for piece in block.split_inclusive(|octet| *octet == b'\n') {
            self.piece(piece);
            taken += piece.len();
            if was_header && self.header.is_none() {
                return self.push(block.split_at(taken).1);
            }
        }
    }

    /// The message is over.
    pub fn finish(mut self) -> Sha256 {
        if !self.is_line_start || self.returns > 0 {
            self.line_end();
        }
        if self.header.is_some() {
            self.line_end(); // Without a body there may be an empty line or none.
        }
        self.hash
    }

    /// A line, or a part of one.
    fn piece(&mut self, piece: &[u8]) {
        let line = piece.strip_suffix(b"\n").unwrap_or(piece);
        let returns = line.iter().rev().take_while(|octet| **octet == b'\r').count();
        let (text, _) = line.split_at(line.len() - returns);
        if !text.is_empty() {
            for _ in 0..std::mem::take(&mut self.returns) {
                self.text(b"\r");
            }
            self.text(text);
        }
        self.returns += returns;
        if line.len() < piece.len() {
            self.line_end();
        }
    }

    /// Of one line, or of any in the body; no CR of a line end.
    fn text(&mut self, text: &[u8]) {
        if let Some(field) = &mut self.header {
            if self.is_line_start && !matches!(text.first(), Some(b' ' | b'\t')) {
                field.end(&mut self.hash);
                *field = Field { before: self.hash.clone(), name: Some(Vec::new()), is_left_out: false };
            }
            field.push(text);
        }
        self.hash.update(text);
        self.is_line_start = text.last().map_or(self.is_line_start, |last| *last == b'\n');
    }

    fn line_end(&mut self) {
        self.returns = 0;
        if let Some(field) = &mut self.header {
            field.name = None;
            if self.is_line_start {
                field.end(&mut self.hash);
                self.header = None;
            }
        }
        self.hash.update(b"\n");
        self.is_line_start = true;
    }
}

impl Field {
    fn push(&mut self, text: &[u8]) {
        self.is_left_out |= !text.is_ascii();
        let Some(name) = &mut self.name else { return };
        let colon = memchr::memchr(b':', text);
        let room = limits::NOTE_NAME_MAX.saturating_sub(name.len());
        name.extend(text.iter().take(colon.unwrap_or(text.len())).take(room));
        if colon.is_some() {
            self.is_left_out |= name.len() < limits::NOTE_NAME_MAX && is_note(name);
            self.name = None;
        }
    }

    fn end(&self, hash: &mut Sha256) {
        if self.is_left_out {
            hash.clone_from(&self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(blocks: &[&[u8]]) -> [u8; 32] {
        let mut essence = Essence::default();
        blocks.iter().for_each(|block| essence.push(block));
        essence.finish().finalize().into()
    }

    /// At every cut.
    #[track_caller]
    fn whole(text: &[u8]) -> [u8; 32] {
        let whole = of(&[text]);
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            assert_eq!(of(&[first, second]), whole, "{} cut at {cut}", text.escape_ascii());
        }
        assert_eq!(of(&text.chunks(1).collect::<Vec<_>>()), whole, "{}", text.escape_ascii());
        whole
    }

    const PLAIN: &[u8] = b"Subject: a\nTo: b\n c\n\nbody\n\nStatus: x\n";

    #[test]
    fn what_old_servers_write_makes_no_other_message() {
        for same in [
            &b"Subject: a\r\nTo: b\r\n c\r\n\r\nbody\r\n\r\nStatus: x\r\n"[..],
            b"Subject: a\nTo: b\n c\n\nbody\n\nStatus: x",
            b"Subject: a\nTo: b\n c\n\nbody\r\r\n\nStatus: x\r",
            b"Status: RO\nSubject: a\nTo: b\n c\nX-Status: A\nX-UID: 7\n\nbody\n\nStatus: x\n",
            b"X-IMAPbase: 1 2\nX-IMAP: 1 2\nX-Keywords: a\n b\n\tc\nSubject: a\nTo: b\n c\n\nbody\n\nStatus: x\n",
            b"Subject: a\ncontent-length : 7\nLINES: 2\nTo: b\n c\n\nbody\n\nStatus: x\n",
            b"Subject: a\nX-UIDL: 1\nTo: b\n c\nX-Mozilla-Status2: 0\nX-Mozilla-Keys:\n\nbody\n\nStatus: x\n",
            b"X-From: K\xf6nig\n and more\nSubject: a\nTo: b\n c\nX-To: k\n \xf6 l\n m\n\nbody\n\nStatus: x\n",
        ] {
            assert_eq!(whole(same), whole(PLAIN), "{}", same.escape_ascii());
        }
        assert_eq!(whole(b"A: \xf6\n b\nC: d\n\n\xf6\n"), whole(b"C: d\nA: b\n \xfc\n\n\xf6\n"));
        assert_eq!(whole(b""), whole(b"\r\n"));
        assert_eq!(whole(b"Subject: a"), whole(b"Subject: a\n\n"));
    }

    #[test]
    fn all_else_makes_another_message() {
        let long = [b"X-UID".as_slice(), &[b' '; 99], b"x: 1\n", PLAIN].concat();
        for other in [
            &b"Subject: a\nTo: b\n c\n\nbody\n\nStatus: y\n"[..],
            b"Subject: a\nTo: b\n d\n\nbody\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\n\nbody\n\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\n\nbo\rdy\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\n\nbod\xff\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\nX-Statuses: x\n\nbody\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\nX-Status\n\nbody\n\nStatus: x\n",
            b"Subject: a\nTo: b\n c\nbody\n\nStatus: x\n",
            b"\nSubject: a\nTo: b\n c\n\nbody\n\nStatus: x\n",
            &long,
        ] {
            assert_ne!(whole(other), whole(PLAIN), "{}", other.escape_ascii());
        }
        assert_ne!(whole(b"\n\xf6\n"), whole(b"\n\xfc\n"));
        assert_ne!(whole(b"\n\n"), whole(b"\n"));
    }

    proptest! {
        #[test]
        fn no_cut_and_no_line_end_makes_a_difference(
            blocks in prop::collection::vec("(S|Status|x-uidl|:| |ö|a|\n|\n\n){0,9}", 0..9))
        {
            let text = blocks.concat();
            let slices: Vec<&[u8]> = blocks.iter().map(|block| block.as_bytes()).collect();
            prop_assert_eq!(of(&slices), of(&[text.as_bytes()]));
            prop_assert_eq!(of(&[text.replace('\n', "\r\n").as_bytes()]), of(&[text.as_bytes()]));
        }
    }
}
