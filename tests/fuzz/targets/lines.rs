//! The line buffer gives the same lines wherever TCP cuts the stream, and never holds more than its
//! limit of a line that has no end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::wire::line::{Line, LineBuffer};

const LIMIT: usize = 64;

fn lines<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Line> {
    let mut buffer = LineBuffer::new(LIMIT);
    let mut found = Vec::new();
    for piece in pieces {
        buffer.push(piece);
        while let Some(line) = buffer.next_line() {
            found.push(line);
        }
        assert!(buffer.len() < LIMIT, "{} octets wait", buffer.len());
    }
    found
}

/// The same for who has all of it at once.
fn lines_plainly(stream: &[u8]) -> Vec<Line> {
    let whole = |line: &[u8]| match line.strip_suffix(b"\n") {
        _ if line.len() > LIMIT || (line.len() == LIMIT && !line.ends_with(b"\n")) => Some(Line::TooLong),
        Some(line) => Some(Line::Whole(line.strip_suffix(b"\r").unwrap_or(line).to_vec())),
        None => None,
    };
    stream.split_inclusive(|octet| *octet == b'\n').filter_map(whole).collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, stream)) = input.split_first() else { return };
    let whole = lines(std::iter::once(stream));
    assert_eq!(lines(stream.chunks(usize::from(size) + 1)), whole);
    assert_eq!(whole, lines_plainly(stream));
});
