//! What the byte machines and the parsers cost: they see every octet and every line.
//!
//! A time in itself says little on another machine. Whether a change made something slower shows as a
//! ratio between two builds on the same machine, one after the other:
//!
//! ```text
//! git stash && cargo bench --manifest-path benches/Cargo.toml -- --save-baseline before
//! git stash pop && cargo bench --manifest-path benches/Cargo.toml -- --baseline before
//! ```
//!
//! The second prints for each bench by how many per cent it changed, and whether that is more than noise.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use restante::limits;
use restante::mail::{Bytes, LineEnds, Octets};
use restante::maildrop::name::{self, Stamp, Written};
use restante::wire::dot_decoder::DotDecoder;
use restante::wire::dot_encoder::DotEncoder;
use restante::wire::line::LineBuffer;
use restante::{pop3, smtp};
use std::hint::black_box;

/// Octets of mail in one go.
const MAIL: usize = 1024 * 1024;

/// Mail as it is on the wire or on the disk: lines of 72 octets, one in twenty with a dot in front.
fn mail(line_end: &str) -> Vec<u8> {
    let mut text = String::with_capacity(MAIL + 100);
    for number in 0.. {
        if text.len() >= MAIL {
            break;
        }
        text.push_str(if number % 20 == 0 { ".." } else { "xx" });
        text.push_str(&"x".repeat(70 - line_end.len()));
        text.push_str(line_end);
    }
    text.into_bytes()
}

fn decoding(criterion: &mut Criterion) {
    let text = [&mail("\r\n")[..], b".\r\n"].concat();
    let mut group = criterion.benchmark_group("dot decoder");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("mail in reads of 16 KiB", |bencher| {
        let mut out = Vec::with_capacity(text.len());
        bencher.iter(|| {
            out.clear();
            let mut decoder = DotDecoder::default();
            for read in text.chunks(limits::READ_CHUNK) {
                decoder.push(black_box(read), &mut out);
            }
            assert!(decoder.is_over());
        });
    });
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dot encoder");
    for (what, text, line_ends) in [
        ("our own LF", mail("\n"), LineEnds::OwnLf),
        ("LF as found", mail("\n"), LineEnds::AsFound),
        ("CR LF as found", mail("\r\n"), LineEnds::AsFound),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(what, |bencher| {
            let mut out = Vec::with_capacity(2 * text.len());
            bencher.iter(|| {
                out.clear();
                let mut encoder = DotEncoder::whole(line_ends);
                for block in text.chunks(limits::LARGE_BLOCK) {
                    encoder.push(black_box(block), &mut out);
                }
                encoder.finish(&mut out)
            });
        });
    }
    group.finish();
}

fn lines(criterion: &mut Criterion) {
    const LINES: u32 = 1000;
    let text: Vec<u8> = (1..=LINES).flat_map(|number| format!("RETR {number}\r\n").into_bytes()).collect();
    let mut group = criterion.benchmark_group("line buffer");
    group.throughput(Throughput::Elements(LINES.into()));
    for (what, size) in [("pipelined commands", limits::COMMANDS_CHUNK), ("a command a read", 11)] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| {
                let mut buffer = LineBuffer::new(limits::POP3_LINE_MAX);
                let mut found = 0;
                for read in text.chunks(size) {
                    buffer.push(black_box(read));
                    while buffer.next_line().is_some() {
                        found += 1;
                    }
                }
                assert_eq!(found, LINES);
            });
        });
    }
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let stamp = Stamp { seconds: 1_795_319_683, micros: 123_456, pid: 4711, counter: 815 };
    let written = Written { bytes: Bytes(10_240), octets: Octets(10_450) };
    let own = name::own(&stamp, "mail.example.org", written, None).into_encoded_bytes();
    assert!(name::parse(&own).written.is_some());
    let mut group = criterion.benchmark_group("file name");
    for (what, text) in [
        ("of our own", &own[..]),
        ("of Dovecot", b"1795319683.M123456P4711.mail.example.org,S=10240,W=10450"),
        ("of anybody", b"message-17"),
    ] {
        group.bench_function(what, |bencher| bencher.iter(|| name::parse(black_box(text))));
    }
    group.finish();
}

fn commands(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("command");
    for line in ["STAT", "RETR 4711", "USER anna@example.org", "TOP 17 10"] {
        group.bench_function(format!("POP3 {line}"), |bencher| {
            bencher.iter(|| pop3::command::Command::parse(black_box(line.as_bytes())));
        });
    }
    for line in
        ["EHLO mail.example.net", "MAIL FROM:<bob@example.net> SIZE=10240", "RCPT TO:<anna@example.org>"]
    {
        group.bench_function(format!("SMTP {line}"), |bencher| {
            bencher.iter(|| smtp::Command::parse(black_box(line.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(machines, decoding, encoding, lines, names, commands);
criterion_main!(machines);
