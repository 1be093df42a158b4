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
        while let Some(line) = buffer.next() {
            found.push(line);
        }
        assert!(buffer.len() < LIMIT, "{} octets wait", buffer.len());
    }
    found
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let whole = lines(std::iter::once(stream));
    assert_eq!(lines(stream.chunks(usize::from(size) + 1)), whole);
    for line in &whole {
        if let Line::Whole(text) = line {
            assert!(text.len() < LIMIT && !text.contains(&b'\n'));
        }
    }
});
