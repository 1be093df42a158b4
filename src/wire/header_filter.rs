//! The header of a message on its way to the disk: `Return-Path` fields go out, `Received` fields
//! are counted (RFC 5321, 4.4 and 6.3).
//!
//! Works on LF text that may be cut anywhere, and holds no more than one field name. Knows nothing
//! of what a field means, and leaves the body alone.

use crate::limits;
use memchr::memchr;

/// Lets a message through without its `Return-Path` fields.
#[derive(Clone, Debug)]
pub struct HeaderFilter {
    place: Place,
    /// The field name as far as it has come, while it may be one that is looked for.
    name: Vec<u8>,
    received: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the start of a header line; the field before it was kept or dropped, and so are the lines
    /// that continue it.
    LineStart { dropping: bool },
    /// In what looks like a field name.
    Name,
    /// In a line that stays.
    Keep,
    /// In a line that goes.
    Drop,
    /// Behind the header: everything stays.
    Body,
}

impl Default for HeaderFilter {
    fn default() -> Self {
        Self { place: Place::LineStart { dropping: false }, name: Vec::new(), received: 0 }
    }
}

impl HeaderFilter {
    /// Appends what stays of `text` to `out`.
    pub fn push(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        while !text.is_empty() {
            text = match self.place {
                Place::LineStart { dropping } => self.line_start(dropping, text),
                Place::Name => self.name(text, out),
                Place::Keep | Place::Drop => self.rest_of_line(text, out),
                Place::Body => {
                    out.extend_from_slice(text);
                    &[]
                }
            };
        }
    }

    /// No more will come: a name that was held back is let through.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.name);
    }

    /// How many `Received` fields have come.
    pub fn received(&self) -> usize {
        self.received
    }

    /// Whether the header is over: from here on all text stays as it is.
    pub fn is_in_body(&self) -> bool {
        self.place == Place::Body
    }

    /// Decides by the first octet of a line; takes none.
    fn line_start<'a>(&mut self, dropping: bool, text: &'a [u8]) -> &'a [u8] {
        self.place = match text[0] {
            b' ' | b'\t' if dropping => Place::Drop,
            b' ' | b'\t' => Place::Keep,
            b'\n' => Place::Body,
            _ => Place::Name,
        };
        text
    }

    /// Takes one octet of a field name. Until the colon comes nothing is let through, or the start
    /// of a dropped field would stay behind when the input is cut in the middle of its name.
    fn name<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let (octet, rest) = (text[0], &text[1..]);
        let blank_before = matches!(self.name.last(), Some(b' ' | b'\t'));
        match octet {
            // Only here is it known which field it is.
            b':' => self.place = self.field(out),
            b' ' | b'\t' => {}
            0x21..=0x7e if !blank_before => {}
            // No field: the header ends without an empty line, and what follows is text.
            _ => {
                out.append(&mut self.name);
                self.place = Place::Body;
                return text;
            }
        }
        if self.place == Place::Name && self.name.len() == limits::FIELD_NAME_MAX {
            out.append(&mut self.name);
            self.place = Place::Keep;
        }
        match self.place {
            Place::Name => self.name.push(octet),
            Place::Keep => out.push(octet),
            _ => {}
        }
        rest
    }

    /// The colon has come: whether the field is kept.
    fn field(&mut self, out: &mut Vec<u8>) -> Place {
        let name = self.name.trim_ascii_end(); // `Return-Path :` is obsolete and allowed.
        if name.eq_ignore_ascii_case(b"return-path") {
            self.name.clear();
            return Place::Drop;
        }
        if name.eq_ignore_ascii_case(b"received") {
            self.received += 1;
        }
        out.append(&mut self.name);
        Place::Keep
    }

    /// Takes octets up to and with the LF, which a cut may leave for later.
    fn rest_of_line<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let dropping = self.place == Place::Drop;
        let end = memchr(b'\n', text).map_or(text.len(), |lf| lf + 1);
        if !dropping {
            out.extend_from_slice(&text[..end]);
        }
        if text[..end].ends_with(b"\n") {
            self.place = Place::LineStart { dropping };
        }
        &text[end..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(pieces: &[&[u8]]) -> (String, usize) {
        let (mut filter, mut out) = (HeaderFilter::default(), Vec::new());
        for piece in pieces {
            filter.push(piece, &mut out);
        }
        filter.finish(&mut out);
        (String::from_utf8_lossy(&out).into_owned(), filter.received())
    }

    #[test]
    fn known_headers_at_every_cut() {
        for (text, stays, received) in [
            ("", "", 0),
            ("Return-Path: <a@b>\nSubject: x\n\nbody\n", "Subject: x\n\nbody\n", 0),
            ("A: b\nRETURN-path :\n <a@b>\n\t(folded)\n c\nB: c\n", "A: b\nB: c\n", 0),
            ("A: b\n folded\nReturn-Path: x\n\n", "A: b\n folded\n\n", 0),
            ("Return-Path: x\nReturn-Path: y\n\nReturn-Path: z\n", "\nReturn-Path: z\n", 0),
            ("Return-Paths: x\nReturn-Pat: y\n", "Return-Paths: x\nReturn-Pat: y\n", 0),
            ("Received: a\n\tby b\nreceived: c\nX-Received: d\n\nReceived: e\n", "=", 2),
            ("Received\t: a\n\n", "=", 1),
            ("\nReturn-Path: body\n", "=", 0),
            ("just text\nReturn-Path: body\n", "=", 0),
            ("grüße\nReturn-Path: body\n", "=", 0),
            (" odd start\nA: b\n", "=", 0),
            ("Return-Path", "=", 0),
            ("Return-Path:", "", 0),
            ("A-very-long-field-name-that-nobody-has-ever-seen: x\nReceived: y\n", "=", 1),
            ("no colon at all", "=", 0),
        ] {
            let stays = if stays == "=" { text } else { stays };
            let octets = text.as_bytes();
            for cut in 0..=octets.len() {
                let found = filter(&[&octets[..cut], &octets[cut..]]);
                assert_eq!(found, (stays.to_owned(), received), "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn an_empty_line_or_a_line_that_is_no_field_ends_the_header() {
        for (text, over) in
            [("A: b\n", false), ("A: b\n\n", true), ("A: b\n\tc\n", false), ("no field\n", true), ("", false)]
        {
            let (mut filter, mut out) = (HeaderFilter::default(), Vec::new());
            filter.push(text.as_bytes(), &mut out);
            assert_eq!(filter.is_in_body(), over, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn without_the_field_nothing_changes(text in "[A-Za-z :\\n\\t-]{0,120}") {
            prop_assume!(!text.to_ascii_lowercase().contains("return-path"));
            prop_assert_eq!(filter(&[text.as_bytes()]).0, text);
        }

        #[test]
        fn little_is_held_back(text in "[A-Za-z:]{0,200}") {
            let (mut filter, mut out) = (HeaderFilter::default(), Vec::new());
            filter.push(text.as_bytes(), &mut out);
            prop_assert!(filter.name.len() <= limits::FIELD_NAME_MAX);
        }
    }
}
