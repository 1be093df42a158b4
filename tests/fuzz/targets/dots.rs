//! Dot-stuffing both ways, cut at places the fuzzer chooses, beside models of a few lines that look
//! at the whole text at once: only CR LF `.` CR LF ends a message, and what is sent is what was counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::mail::{LineEnds, OctetCount};
use restante::wire::dot_decoder::{DotDecoder, LineEndDecoder};
use restante::wire::dot_encoder::DotEncoder;

/// LF text, octets used, octets counted, whether a bare LF came, whether it is over.
type Decoded = (Vec<u8>, usize, u64, bool, bool);

fn decode(wire: &[u8], size: usize) -> Decoded {
    let (mut decoder, mut out, mut used) = (DotDecoder::default(), Vec::new(), 0);
    for piece in wire.chunks(size) {
        used += decoder.push(piece, &mut out);
    }
    (out, used, decoder.octets(), decoder.saw_bare_lf(), decoder.is_over())
}

/// Lines end with CR LF and nothing else; the first that is a dot alone ends the message; any other
/// loses the dot it begins with.
fn decode_plainly(wire: &[u8]) -> Decoded {
    let (mut out, mut used, mut bare) = (Vec::new(), 0, false);
    loop {
        let line = &wire[used..];
        let end = line.windows(2).position(|pair| pair == b"\r\n").expect("the wire ends the message");
        used += end + 2;
        let line = &line[..end];
        if line == b"." {
            let octets = out.len() + out.iter().filter(|octet| **octet == b'\n').count();
            return (out, used, octets as u64, bare, true);
        }
        bare |= line.contains(&b'\n');
        out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        out.push(b'\n');
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// The lines of a file as LIST counts them, dots not stuffed.
fn lines_of(file: &[u8], line_ends: LineEnds) -> Vec<Vec<u8>> {
    let lf = match line_ends {
        LineEnds::OwnLf => file.to_vec(),
        LineEnds::AsFound => replace(file, b"\r\n", b"\n"),
    };
    let mut lines: Vec<Vec<u8>> = lf.split(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop(); // Behind the last LF there is no line.
    }
    lines.iter_mut().for_each(|line| line.extend_from_slice(b"\r\n"));
    lines
}

fn stuffed(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in lines {
        wire.extend_from_slice(if line.starts_with(b".") { b"." } else { b"" });
        wire.extend_from_slice(line);
    }
    [&wire[..], b".\r\n"].concat()
}

fn encode(mut encoder: DotEncoder, file: &[u8], size: usize) -> (Vec<u8>, u64) {
    let mut wire = Vec::new();
    for block in file.chunks(size) {
        if encoder.is_complete() {
            break;
        }
        encoder.push(block, &mut wire);
    }
    let octets = encoder.finish(&mut wire);
    (wire, octets.0)
}

fn decoding(wire: &[u8], size: usize) {
    let (_, used, ..) = decode(wire, size);
    let ended = [wire, b"\r\n.\r\n"].concat();
    let plainly = decode_plainly(&ended);
    assert_eq!(decode(&ended, size), plainly);
    assert_eq!(used, wire.len().min(plainly.1));
    let too_short = &ended[..plainly.1 - 1];
    assert!(!decode(too_short, size).4, "ended one octet too soon");

    // BDAT: the same without dots and without an end.
    let (mut decoder, mut out) = (LineEndDecoder::default(), Vec::new());
    wire.chunks(size).for_each(|piece| decoder.push(piece, &mut out));
    decoder.finish(&mut out);
    let plainly = replace(wire, b"\r\n", b"\n");
    assert_eq!(out, plainly);
    let lfs = |text: &[u8]| text.iter().filter(|octet| **octet == b'\n').count();
    assert_eq!(decoder.octets(), (out.len() + lfs(&out)) as u64);
    let with_cr = wire.windows(2).filter(|pair| *pair == b"\r\n").count();
    assert_eq!(decoder.saw_bare_lf(), lfs(wire) > with_cr);
}

fn encoding(file: &[u8], size: usize, body_lines: u32) {
    for line_ends in [LineEnds::OwnLf, LineEnds::AsFound] {
        let lines = lines_of(file, line_ends);
        let (wire, octets) = encode(DotEncoder::whole(line_ends), file, size);
        assert_eq!(wire, stuffed(&lines));
        let mut count = OctetCount::new(line_ends);
        file.chunks(size).for_each(|block| count.push(block));
        assert_eq!((octets, count.total().0), (lines.concat().len() as u64, octets), "LIST and RETR");

        let header = lines.iter().position(|line| line == b"\r\n").map_or(lines.len(), |blank| blank + 1);
        let wanted = lines.len().min(header + body_lines as usize);
        let (top, octets) = encode(DotEncoder::top(line_ends, body_lines), file, size);
        assert_eq!(top, stuffed(&lines[..wanted]), "TOP n {body_lines}");
        assert_eq!(octets, lines[..wanted].concat().len() as u64);

        // Who takes our RETR for the text of a DATA has the very file again.
        let (text, used, octets, bare, over) = decode(&wire, size);
        assert_eq!((used, octets, bare, over), (wire.len(), count.total().0, false, true));
        if line_ends == LineEnds::OwnLf {
            let end = if file.is_empty() || file.ends_with(b"\n") { &b""[..] } else { b"\n" };
            assert_eq!(text, [file, end].concat());
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&options, text)) = input.split_first() else { return };
    let size = usize::from(options >> 2) + 1;
    decoding(text, size);
    encoding(text, size, u32::from(options & 3));
});
