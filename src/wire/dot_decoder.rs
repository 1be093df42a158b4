//! The text of DATA, with CR LF and stuffed dots, into the LF text of a Maildir file; and the same
//! for the octets of BDAT, which have no dots.
//!
//! Knows nothing of headers, files and sizes allowed. The input may be cut anywhere. Only
//! CR LF `.` CR LF ends a message: whoever takes less lets one server's text become the next one's
//! command (SMTP smuggling, 2023). The output is what `LineEnds::OwnLf` turns back into the very
//! octets that came, as long as every line ended with CR LF.

use memchr::memchr;

/// Turns CR LF into LF; every other octet stays: a bare CR, a bare LF, NUL, 8-bit octets.
#[derive(Clone, Debug, Default)]
pub struct LineEndDecoder {
    /// The last octet was a CR, and what follows decides whether it belongs to the text.
    pending_cr: bool,
    saw_bare_lf: bool,
    octets: u64,
}

/// Takes the text of DATA up to its end.
#[derive(Clone, Debug, Default)]
pub struct DotDecoder {
    text: LineEndDecoder,
    place: Place,
}

/// Where the next octet stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Behind CR LF, or first of all: a message may begin with its end.
    #[default]
    LineStart,
    /// Behind the dot at a line start.
    Dot,
    /// Behind the dot and the CR at a line start.
    DotCr,
    /// Anywhere else, also behind a bare LF: a dot there is text.
    Inside,
    /// The message has ended; what follows are commands.
    Over,
}

impl LineEndDecoder {
    /// Appends the LF text of `input` to `out`.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            let (used, _) = self.line(input, out);
            input = &input[used..];
        }
    }

    /// No more will come: a CR at the very end belongs to the text.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.pending_cr) {
            self.text(b"\r", out);
        }
    }

    /// The octets of the text so far, each line end counted as CR LF (RFC 1870, 3).
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether an LF came without its CR.
    pub fn saw_bare_lf(&self) -> bool {
        self.saw_bare_lf
    }

    /// Takes octets up to the next LF, or all: how many, and whether CR LF ended them.
    fn line(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        if std::mem::take(&mut self.pending_cr) && !input.is_empty() {
            if input[0] == b'\n' {
                self.line_end(out);
                return (1, true);
            }
            self.text(b"\r", out);
        }
        let Some(end) = memchr(b'\n', input) else {
            // Only a CR at the cut waits: a second one before it is text whatever follows.
            let text = input.strip_suffix(b"\r").unwrap_or(input);
            self.pending_cr = text.len() < input.len();
            self.text(text, out);
            return (input.len(), false);
        };
        let text = input[..end].strip_suffix(b"\r");
        self.saw_bare_lf |= text.is_none();
        self.text(text.unwrap_or(&input[..end]), out);
        self.line_end(out);
        (end + 1, text.is_some())
    }

    /// Octets that stay as they are.
    fn text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(text);
        self.octets += text.len() as u64;
    }

    /// One LF on the disk, two octets on the wire when it is sent again.
    fn line_end(&mut self, out: &mut Vec<u8>) {
        out.push(b'\n');
        self.octets += 2;
    }
}

impl DotDecoder {
    /// Appends the LF text of `input` to `out` and gives how many octets were taken: all, unless
    /// the message ended before.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut used = 0;
        while used < input.len() && self.place != Place::Over {
            used += self.step(&input[used..], out);
        }
        used
    }

    /// Whether CR LF `.` CR LF has come.
    pub fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// The octets of the text so far, each line end counted as CR LF, stuffed dots not counted
    /// (RFC 1870, 3).
    pub fn octets(&self) -> u64 {
        self.text.octets()
    }

    /// Whether an LF came without its CR.
    pub fn saw_bare_lf(&self) -> bool {
        self.text.saw_bare_lf()
    }

    /// Takes something from `input`, which is not empty; 0 when only the place has changed.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        match (self.place, input[0]) {
            (Place::LineStart, b'.') => self.go(Place::Dot, 1),
            (Place::Dot, b'\r') => self.go(Place::DotCr, 1),
            (Place::DotCr, b'\n') => self.go(Place::Over, 1),
            // Not the end: the dot was stuffed (RFC 5321, 4.5.2), and its CR is text or pairs with
            // a later LF.
            (Place::DotCr, _) => {
                self.text.pending_cr = true;
                self.go(Place::Inside, 0)
            }
            (Place::LineStart | Place::Dot, _) => self.go(Place::Inside, 0),
            (Place::Inside, _) => {
                let (used, ended) = self.text.line(input, out);
                self.go(if ended { Place::LineStart } else { Place::Inside }, used)
            }
            (Place::Over, _) => 0,
        }
    }

    /// Moves on, having taken so many octets.
    fn go(&mut self, place: Place, used: usize) -> usize {
        self.place = place;
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{LineEnds, OctetCount};
    use proptest::prelude::*;

    /// LF text, octets taken, octets counted, whether a bare LF came.
    type Decoded = (Vec<u8>, usize, u64, bool);

    fn decode(pieces: &[&[u8]]) -> Decoded {
        let (mut decoder, mut out, mut used) = (DotDecoder::default(), Vec::new(), 0);
        for piece in pieces {
            used += decoder.push(piece, &mut out);
        }
        assert!(decoder.is_over(), "{pieces:?}");
        (out, used, decoder.octets(), decoder.saw_bare_lf())
    }

    /// What a correct sender does: every line that begins with a dot gets one more.
    fn stuff(text: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            let after_cr_lf = wire.is_empty() || wire.ends_with(b"\r\n");
            if line.starts_with(b".") && after_cr_lf {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(b".\r\n");
        wire
    }

    #[test]
    fn known_texts() {
        for (wire, text, bare) in [
            (&b".\r\n"[..], &b""[..], false),
            (b"\r\n.\r\n", b"\n", false),
            (b"a\r\n..b\r\n.\r\n", b"a\n.b\n", false),
            (b"..\r\n.\r\n", b".\n", false),
            (b".a\r\n.\r\n", b"a\n", false),
            (b"a\r\n.\r\r\n.\r\n", b"a\n\r\n", false),
            (b"a\r\n.\rb\r\n.\r\n", b"a\n\rb\n", false),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\n", true),
            (b"a\n.\r\nb\r\n.\r\n", b"a\n.\nb\n", true),
            (b"a\r\n.\nb\r\n.\r\n", b"a\n\nb\n", true),
            (b"a\r.\r\nb\r\n.\r\n", b"a\r.\nb\n", false),
            (b"a\r.\rb\r\n.\r\n", b"a\r.\rb\n", false),
            (b"a\n..\r\n.\r\n", b"a\n..\n", true),
            (b"\r\r\r\n.\r\n", b"\r\r\n", false),
            (b"\0\xff\x1a\r\n.\r\n", b"\0\xff\x1a\n", false),
            (b"\n.\r\n\r\n.\r\n", b"\n.\n\n", true),
        ] {
            let (out, used, _, saw_bare) = decode(&[wire]);
            assert_eq!((out.as_slice(), used, saw_bare), (text, wire.len(), bare), "{wire:?}");
        }
    }

    #[test]
    fn the_same_text_wherever_the_wire_is_cut_and_what_follows_is_left() {
        for wire in [
            &b".\r\nQUIT\r\n"[..],
            b"a\r\n..b\r\n.\r\nMAIL FROM:<>\r\n",
            b"a\r\n.\r\r\n.\r\n.\r\n",
            b"a\n.\nb\r\n.\r\n",
            b"\r\r\n\r.\r\n.\n.\r\n.\r\n",
        ] {
            let whole = decode(&[wire]);
            for cut in 0..=wire.len() {
                assert_eq!(decode(&[&wire[..cut], &wire[cut..]]), whole, "{wire:?} cut at {cut}");
            }
            let single: Vec<&[u8]> = wire.chunks(1).collect();
            assert_eq!(decode(&single), whole, "{wire:?}");
        }
    }

    #[test]
    fn nothing_less_than_cr_lf_dot_cr_lf_ends_a_message() {
        for wire in
            [&b"a\n.\n"[..], b"a\r\n.\n", b"a\n.\r\n", b"a\r.\r", b"a\r\n.\r", b"a\r\n.", b"a\r\n.\r\r\n"]
        {
            let mut decoder = DotDecoder::default();
            decoder.push(wire, &mut Vec::new());
            assert!(!decoder.is_over(), "{wire:?}");
        }
    }

    #[test]
    fn octets_of_bdat_keep_their_dots_and_a_last_cr() {
        let wire = b".\r\n..\r\na\r\r\nb\nc\r";
        for cut in 0..=wire.len() {
            let (mut decoder, mut out) = (LineEndDecoder::default(), Vec::new());
            decoder.push(&wire[..cut], &mut out);
            decoder.push(&wire[cut..], &mut out);
            decoder.finish(&mut out);
            assert_eq!(out, b".\n..\na\r\nb\nc\r", "cut at {cut}");
            assert_eq!((decoder.octets(), decoder.saw_bare_lf()), (16, true));
        }
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_out_and_back(
            lines in prop::collection::vec("[.\\x00\\r a]{0,6}|[^\\n]{0,40}", 0..12),
            cut in 0usize..400,
        ) {
            let mut text = Vec::new();
            for line in &lines {
                text.extend_from_slice(line.as_bytes());
                text.extend_from_slice(b"\r\n");
            }
            let wire = stuff(&text);
            let cut = cut.min(wire.len());
            let (out, used, octets, bare) = decode(&[&wire[..cut], &wire[cut..]]);
            prop_assert_eq!(used, wire.len());
            prop_assert!(!bare);
            prop_assert_eq!(octets, text.len() as u64);
            let mut count = OctetCount::new(LineEnds::OwnLf);
            count.push(&out);
            prop_assert_eq!(count.total().0, octets);
            let again: Vec<u8> = out.iter().flat_map(|octet| match octet {
                b'\n' => b"\r\n".to_vec(),
                other => vec![*other],
            }).collect();
            prop_assert_eq!(again, text);
        }

        #[test]
        fn any_octets_at_any_cut(wire in "[.\\r\\na]{0,24}", cut in 0usize..30) {
            let mut wire = wire.into_bytes();
            wire.extend_from_slice(b"\r\n.\r\n");
            let cut = cut.min(wire.len());
            prop_assert_eq!(decode(&[&wire[..cut], &wire[cut..]]), decode(&[&wire]));
        }
    }
}
