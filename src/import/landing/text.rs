//! From the octets that an old server sent to the text of a Maildir file: CR LF becomes LF, and every other
//! octet stays, a CR by itself and a NUL too. RETR makes CR LF of each LF, so what goes out is what came.
//!
//! Knows blocks of octets. A message is never held whole.

/// Takes a message in blocks.
#[derive(Debug, Default)]
pub struct LfText {
    /// The last block ended with CR, and what follows decides what it is.
    held: bool,
}

impl LfText {
    /// Appends the text of the next block to `out`.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        if let (true, Some(first)) = (self.held, rest.first()) {
            if *first != b'\n' {
                out.push(b'\r');
            }
            self.held = false;
        }
        while let Some(at) = memchr::memchr(b'\r', rest) {
            let (before, from_cr) = rest.split_at(at);
            out.extend_from_slice(before);
            match from_cr.get(1) {
                None => {
                    self.held = true;
                    return;
                }
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
            rest = from_cr.get(1..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
    }

    /// Appends what was held back at the end.
    pub fn end(self, out: &mut Vec<u8>) {
        if self.held {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{LineEnds, OctetCount};
    use proptest::prelude::*;

    fn text(blocks: &[&[u8]]) -> Vec<u8> {
        let (mut text, mut out) = (LfText::default(), Vec::new());
        for block in blocks {
            text.push(block, &mut out);
        }
        text.end(&mut out);
        out
    }

    #[test]
    fn only_a_cr_in_front_of_lf_goes() {
        for (sent, file) in [
            (&b""[..], &b""[..]),
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"a\nb\n", b"a\nb\n"),
            (b"a\rb\r\n", b"a\rb\n"),
            (b"\r\r\n", b"\r\n"),
            (b"\r\n\r\n", b"\n\n"),
            (b"\r", b"\r"),
            (b"\0\xff\r\0", b"\0\xff\r\0"),
        ] {
            for cut in 0..=sent.len() {
                assert_eq!(text(&[&sent[..cut], b"", &sent[cut..]]), file, "{sent:?} at {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_again_is_what_came(lines in proptest::collection::vec("[a\r\u{0}é]{0,3}", 0..6), cut: usize) {
            let sent: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
            let cut = cut % (sent.len() + 1);
            let file = text(&[&sent[..cut], &sent[cut..]]);
            let mut count = OctetCount::new(LineEnds::OwnLf);
            count.push(&file);
            prop_assert_eq!(count.total().0, sent.len() as u64);
            let again = file.iter().flat_map(|&octet| match octet {
                b'\n' => vec![b'\r', b'\n'],
                octet => vec![octet],
            });
            prop_assert_eq!(again.collect::<Vec<u8>>(), sent);
        }
    }
}
