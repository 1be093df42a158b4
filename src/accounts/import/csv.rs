//! Comma-separated values (RFC 4180): fields may stand in quotation marks, with commas, line ends and
//! doubled quotation marks in them.
//!
//! Knows no meaning of any field.

use std::borrow::Cow;

/// One record and the line that it begins in, from 1.
pub struct Row<'a> {
    /// From 1.
    pub line: usize,
    /// Without their quotation marks.
    pub fields: Vec<Cow<'a, [u8]>>,
}

/// The records of a file, without the mark of a UTF-8 text. Empty lines are none. A quotation mark that is never closed ends with the file.
pub fn rows(octets: &[u8]) -> Vec<Row<'_>> {
    let mut rest = Rest { octets: super::unmarked(octets), line: 1 };
    let mut rows = Vec::new();
    while !rest.octets.is_empty() {
        let line = rest.line;
        let mut fields = vec![rest.field()];
        while rest.skip(b",") {
            fields.push(rest.field());
        }
        if !rest.skip(b"\r\n") {
            rest.skip(b"\n");
        }
        if fields.len() > 1 || !fields[0].trim_ascii().is_empty() {
            rows.push(Row { line, fields });
        }
    }
    rows
}

/// What is still to be read.
struct Rest<'a> {
    octets: &'a [u8],
    line: usize,
}

impl<'a> Rest<'a> {
    fn skip(&mut self, text: &[u8]) -> bool {
        let Some(rest) = self.octets.strip_prefix(text) else { return false };
        self.octets = rest;
        self.line += text.iter().filter(|octet| **octet == b'\n').count();
        true
    }

    fn field(&mut self) -> Cow<'a, [u8]> {
        if !self.skip(b"\"") {
            return Cow::Borrowed(self.until_separator());
        }
        let mut value = Vec::new();
        loop {
            let quoted = self.until(|octet| octet == b'"');
            value.extend_from_slice(quoted);
            if self.skip(b"\"\"") {
                value.push(b'"');
                continue;
            }
            self.skip(b"\"");
            // What stands behind the closing mark belongs to nobody; it is kept rather than lost.
            value.extend_from_slice(self.until_separator());
            return Cow::Owned(value);
        }
    }

    /// Up to a comma or a line end, which stay.
    fn until_separator(&mut self) -> &'a [u8] {
        let value = self.until(|octet| matches!(octet, b',' | b'\n'));
        match value.strip_suffix(b"\r") {
            Some(shorter) if self.octets.starts_with(b"\n") => shorter,
            _ => value,
        }
    }

    fn until(&mut self, end: impl Fn(u8) -> bool) -> &'a [u8] {
        let at = self.octets.iter().position(|octet| end(*octet)).unwrap_or(self.octets.len());
        let (value, rest) = self.octets.split_at(at);
        self.line += value.iter().filter(|octet| **octet == b'\n').count();
        self.octets = rest;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        let text_of = |field: &Cow<'_, [u8]>| String::from_utf8_lossy(field).into_owned();
        rows(text.as_bytes()).iter().map(|row| (row.line, row.fields.iter().map(text_of).collect())).collect()
    }

    #[test]
    fn fields_are_read_with_marks_and_without() {
        for (text, expected) in [
            ("a,b\nc,d", vec![(1, vec!["a", "b"]), (2, vec!["c", "d"])]),
            ("a,b\r\n\r\nc,\r\n", vec![(1, vec!["a", "b"]), (3, vec!["c", ""])]),
            ("\"a,\"\"1\"\"\",\"x\ny\"\nb", vec![(1, vec!["a,\"1\"", "x\ny"]), (3, vec!["b"])]),
            ("\"open", vec![(1, vec!["open"])]),
            ("\"a\"b,c", vec![(1, vec!["ab", "c"])]),
            (",", vec![(1, vec!["", ""])]),
            ("a\rb", vec![(1, vec!["a\rb"])]),
            ("\u{feff}\"a\",\u{feff}b", vec![(1, vec!["a", "\u{feff}b"])]),
            ("", vec![]),
        ] {
            let expected: Vec<(usize, Vec<String>)> = expected
                .into_iter()
                .map(|(line, fields)| (line, fields.into_iter().map(str::to_owned).collect()))
                .collect();
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    proptest! {
        /// What is written with marks around each field is read as it was.
        #[test]
        fn whatever_is_written_is_read(written in proptest::collection::vec(proptest::collection::vec("[a-c,\"\r\n]{0,5}", 2..4), 0..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |fields: &Vec<String>| fields.iter().map(quoted).collect::<Vec<_>>().join(",");
            let text = written.iter().map(line).collect::<Vec<_>>().join("\r\n");
            let found: Vec<Vec<String>> = read(&text).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(found, written);
        }
    }
}
