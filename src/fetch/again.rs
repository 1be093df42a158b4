//! A message that is asked for again after its connection broke in the middle of it.
//!
//! What was passed on before is passed over, once it has been seen to be the same: half of one text and
//! half of another would be nobody's message.

use sha2::{Digest, Sha256};
use std::io;

/// What of a message was passed on so far.
#[derive(Default)]
pub(super) struct Given {
    octets: usize,
    hash: Sha256,
}

/// What of it comes once more.
pub(super) struct Again {
    left: usize,
    hash: Sha256,
    differs: bool,
}

impl Given {
    /// It is asked for: from its first octet, as servers know no other way.
    pub(super) fn again(&self) -> Again {
        Again { left: self.octets, hash: Sha256::new(), differs: false }
    }

    /// Takes the next piece, and passes on what is new of it.
    pub(super) fn pass(
        &mut self,
        again: &mut Again,
        text: &[u8],
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let (old, new) = text.split_at(again.left.min(text.len()));
        if !old.is_empty() {
            again.hash.update(old);
            again.left -= old.len();
            again.differs |= again.left == 0 && again.hash.clone().finalize() != self.hash.clone().finalize();
        }
        if again.differs {
            return Err(io::Error::other("not the same message"));
        }
        if new.is_empty() {
            return Ok(());
        }
        self.hash.update(new);
        self.octets += new.len();
        sink(new)
    }
}

impl Again {
    /// At the end: whether it was another text than before, or a shorter one.
    pub(super) fn differs(&self) -> bool {
        self.differs || self.left > 0
    }
}

/// The octets that the server sent, of text with LF line ends: a CR that belongs to the text stands before
/// them, and would be taken for half of a line end.
pub(super) fn with_cr(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_those_of_the_wire() {
        let mut out = b"old".to_vec();
        with_cr(b"a\r\n\n\rb", &mut out);
        assert_eq!(out, b"a\r\r\n\r\n\rb");
        with_cr(b"", &mut out);
        assert_eq!(out, b"");
    }

    /// What was passed on, and whether it was the same each time.
    fn given(tries: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut given, mut out, mut same) = (Given::default(), Vec::new(), true);
        for text in tries {
            let mut again = given.again();
            for piece in text.chunks(2) {
                let mut sink = |new: &[u8]| {
                    out.extend_from_slice(new);
                    Ok(())
                };
                if given.pass(&mut again, piece, &mut sink).is_err() {
                    break;
                }
            }
            same = !again.differs();
        }
        (out, same)
    }

    #[test]
    fn each_octet_is_passed_on_once() {
        for tries in [&[&b"abcdefg"[..]][..], &[b"abc", b"abcdefg"], &[b"", b"ab", b"abcd", b"abcdefg"]] {
            assert_eq!(given(tries), (b"abcdefg".to_vec(), true), "{tries:?}");
        }
    }

    #[test]
    fn another_text_is_seen_before_anything_of_it_is_passed_on() {
        assert_eq!(given(&[b"abcd", b"abXdefg"]), (b"abcd".to_vec(), false));
        assert_eq!(given(&[b"abcd", b"abc"]), (b"abcd".to_vec(), false));
    }
}
