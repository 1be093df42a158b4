//! The header filter beside a model that looks at whole lines: `Return-Path` goes, `Received` is
//! counted, and all else stays as it is, wherever the text is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::wire::header_filter::HeaderFilter;

/// A longer name is none that is looked for, and is not read to its colon.
const NAME_MAX: usize = 32;

/// What stays, how many `Received` lines, and whether the body has begun.
fn filter(text: &[u8], size: usize) -> (Vec<u8>, usize, bool) {
    let (mut filter, mut out) = (HeaderFilter::default(), Vec::new());
    text.chunks(size).for_each(|piece| filter.push(piece, &mut out));
    let in_body = filter.is_in_body();
    filter.finish(&mut out);
    (out, filter.received(), in_body)
}

/// The name of the field that a line begins; `None` if it is no field (RFC 5322, 2.2 and 4.5: blanks
/// before the colon are obsolete and allowed).
fn field(line: &[u8]) -> Option<String> {
    let start = &line[..line.len().min(NAME_MAX + 1)];
    let colon = start.iter().position(|octet| *octet == b':');
    let name = &start[..colon.unwrap_or(start.len())];
    let word = name.split(|octet| b" \t".contains(octet)).next().unwrap_or_default();
    let legal = word.iter().all(u8::is_ascii_graphic)
        && name[word.len()..].iter().all(|octet| b" \t".contains(octet));
    let known = legal && (colon.is_some() || start.len() > NAME_MAX);
    known.then(|| String::from_utf8_lossy(word).to_ascii_lowercase())
}

fn filter_plainly(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut received, mut dropping, mut in_body) = (Vec::new(), 0, false, false);
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let continued = line.starts_with(b" ") || line.starts_with(b"\t");
        if !in_body && !continued {
            let field = field(line);
            in_body = field.is_none();
            dropping = field.as_deref() == Some("return-path")
                && line[..line.len().min(NAME_MAX + 1)].contains(&b':');
            let colon = line[..line.len().min(NAME_MAX + 1)].contains(&b':');
            received += usize::from(field.as_deref() == Some("received") && colon);
        }
        if in_body || !dropping {
            out.extend_from_slice(line);
        }
    }
    (out, received)
}

fuzz_target!(|input: &[u8]| {
    let Some((&options, text)) = input.split_first() else { return };
    let whole = filter(text, text.len().max(1));
    assert_eq!(filter(text, usize::from(options) + 1), whole, "cut into pieces of {}", options);
    assert_eq!((whole.0, whole.1), filter_plainly(text));
});
