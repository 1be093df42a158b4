//! The two grammars of a format.
//!
//! ```text
//! 2.3   % [[-][0]offset.][0][-]width  modifiers  letter or {name}
//! 2.4   %{name | filter | filter(argument, argument)}
//! ```

use super::filter::Filter;
use super::{Part, Variable};
use crate::limits;

type Parsed<T> = Result<T, String>;

pub(super) fn parts(text: &str) -> Parsed<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((text, behind)) = rest.split_once('%') {
        parts.extend(text.bytes().map(Part::Text));
        rest = match behind.strip_prefix('%') {
            Some(behind) => {
                parts.push(Part::Text(b'%'));
                behind
            }
            None => variable(behind, &mut parts)?,
        };
    }
    parts.extend(rest.bytes().map(Part::Text));
    Ok(parts)
}

/// One variable, what stands before it, and what stands in its braces; gives the rest.
fn variable<'a>(text: &'a str, parts: &mut Vec<Part>) -> Parsed<&'a str> {
    let (cut, text) = Cut::parse(text)?;
    let (mut filters, text) = modifiers(text)?;
    let (name, piped, rest) = match text.strip_prefix('{') {
        Some(text) => {
            let (inside, rest) = text.split_once('}').ok_or("a `{` without `}`")?;
            let mut words = inside.split('|').map(str::trim);
            let name = words.next().unwrap_or_default();
            (long_name(name), words.collect(), rest)
        }
        None => {
            let letter = text.chars().next().ok_or("it ends where the letter of a variable has to be")?;
            (short_name(letter), Vec::new(), &text[letter.len_utf8()..])
        }
    };
    filters.extend(pipeline(&piped)?);
    filters.extend(cut.filters());
    parts.push(Part::Value(name?, filters));
    Ok(rest)
}

fn short_name(letter: char) -> Parsed<Variable> {
    match letter {
        'u' => Ok(Variable::Uid),
        'v' => Ok(Variable::UidValidity),
        'f' => Ok(Variable::FileName),
        'g' => Ok(Variable::Guid),
        'm' => Ok(Variable::Md5),
        _ => Err(format!("`%{letter}` is none of %u %v %f %g %m")),
    }
}

fn long_name(name: &str) -> Parsed<Variable> {
    match name {
        "uid" => Ok(Variable::Uid),
        "uidvalidity" => Ok(Variable::UidValidity),
        "filename" => Ok(Variable::FileName),
        "guid" => Ok(Variable::Guid),
        "md5" => Ok(Variable::Md5),
        _ => Err(format!("`{name}` is none of uid, uidvalidity, filename, guid, md5")),
    }
}

/// Offset and width of 2.3.
#[derive(Default)]
struct Cut {
    offset: i64,
    width: i64,
    zero_padded: bool,
}

impl Cut {
    fn parse(text: &str) -> Parsed<(Self, &str)> {
        let (negative, text) = without(text, '-');
        let (zero_padded, text) = without(text, '0');
        let (number, text) = number(text)?;
        let Some(text) = text.strip_prefix('.') else {
            // A sign belongs to an offset; Dovecot passes it over here.
            return Ok((Self { offset: 0, width: number, zero_padded }, text));
        };
        let offset = if negative { -number } else { number };
        let (zero_padded, text) = without(text, '0');
        let (negative, text) = without(text, '-');
        let (number, text) = self::number(text)?;
        Ok((Self { offset, width: if negative { -number } else { number }, zero_padded }, text))
    }

    fn filters(&self) -> Vec<Filter> {
        let mut filters = Vec::new();
        if self.offset != 0 {
            filters.push(Filter::Skip(self.offset));
        }
        match usize::try_from(self.width) {
            Ok(width) if self.zero_padded => filters.push(Filter::PadLeft(width, b'0')),
            Ok(0) => {}
            _ if self.zero_padded => {} // A negative width pads nothing.
            _ => filters.push(Filter::First(self.width)),
        }
        filters
    }
}

fn without(text: &str, sign: char) -> (bool, &str) {
    text.strip_prefix(sign).map_or((false, text), |text| (true, text))
}

fn number(text: &str) -> Parsed<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Ok((if digits.is_empty() { 0 } else { width(digits)? as i64 }, rest))
}

/// Nothing longer than a unique-id can be meant.
fn width(digits: &str) -> Parsed<usize> {
    let width = digits.parse().ok().filter(|width| *width <= limits::CARRIED_ID_MAX);
    width.ok_or_else(|| format!("`{digits}` is no width"))
}

/// The letters of 2.3, which are carried out in their order.
fn modifiers(mut text: &str) -> Parsed<(Vec<Filter>, &str)> {
    let mut filters = Vec::new();
    while let Some(letter) = text.chars().next().filter(|letter| letter.is_ascii_uppercase()) {
        match letter {
            'L' => filters.push(Filter::Lower),
            'U' => filters.push(Filter::Upper),
            'X' => filters.push(Filter::Hex),
            'R' => filters.push(Filter::Reverse),
            'M' => filters.extend([Filter::Md5, Filter::Hexlify]),
            'T' => filters.push(Filter::Trim),
            _ => return Err(format!("the modifier `{letter}` is none of L U X R M T")),
        }
        text = &text[1..];
    }
    Ok((filters, text))
}

/// The filters of 2.4.
fn pipeline(words: &[&str]) -> Parsed<Vec<Filter>> {
    let mut filters = Vec::new();
    for word in words {
        let (name, arguments) = call(word)?;
        if filters.last().is_some_and(is_digest) && !matches!(name, "hexlify" | "base64") {
            return Err(format!("`{name}` behind a digest; only hexlify and base64 are known there"));
        }
        filters.extend(piped(name, &arguments).ok_or_else(|| format!("the filter `{word}` is not known"))?);
    }
    if filters.last().is_some_and(is_digest) {
        filters.push(Filter::Hexlify); // What is not text in the end is written in hex digits.
    }
    Ok(filters)
}

fn is_digest(filter: &Filter) -> bool {
    matches!(filter, Filter::Md5 | Filter::Sha1 | Filter::Sha256)
}

/// `name(argument, argument)`.
fn call(word: &str) -> Parsed<(&str, Vec<&str>)> {
    let Some((name, arguments)) = word.split_once('(') else { return Ok((word, Vec::new())) };
    let arguments = arguments.strip_suffix(')').ok_or_else(|| format!("`{word}` lacks a `)`"))?;
    Ok((name.trim(), arguments.split(',').map(str::trim).collect()))
}

fn piped(name: &str, arguments: &[&str]) -> Option<Vec<Filter>> {
    let size = |text: &str| width(text).ok();
    Some(match (name, arguments) {
        ("lower", []) => vec![Filter::Lower],
        ("upper", []) => vec![Filter::Upper],
        ("reverse", []) => vec![Filter::Reverse],
        ("md5", []) => vec![Filter::Md5],
        ("sha1", []) => vec![Filter::Sha1],
        ("base64", []) => vec![Filter::Base64],
        ("sha256", []) => vec![Filter::Sha256],
        ("hexlify", [] | ["0"]) => vec![Filter::Hexlify],
        ("hexlify", [width]) => {
            let width = size(width)?;
            vec![Filter::Hexlify, Filter::PadLeft(width, b'0'), Filter::First(width as i64)]
        }
        ("hex", [] | ["0"]) => vec![Filter::Hex],
        // A width below zero fills up behind; any other is exact, unlike in 2.3.
        ("hex", [width]) => match width.strip_prefix('-') {
            Some(width) => {
                let width = size(width.trim())?;
                vec![Filter::Hex, Filter::PadRight(width, b'0'), Filter::First(width as i64)]
            }
            None => {
                let width = size(width)?;
                vec![Filter::Hex, Filter::PadLeft(width, b'0'), Filter::Last(width)]
            }
        },
        ("substr", [offset]) => vec![Filter::Part(signed(offset)?, None)],
        ("substr", [offset, count]) => vec![Filter::Part(signed(offset)?, Some(signed(count)?))],
        ("truncate", [width]) => vec![Filter::First(size(width)? as i64)],
        ("lfill", [width, rest @ ..]) => vec![Filter::PadLeft(size(width)?, filler(rest)?)],
        ("rfill", [width, rest @ ..]) => vec![Filter::PadRight(size(width)?, filler(rest)?)],
        _ => return None,
    })
}

fn signed(text: &str) -> Option<i64> {
    let (negative, digits) = without(text, '-');
    let number = width(digits.trim()).ok()? as i64;
    Some(if negative { -number } else { number })
}

/// `'x'` or `"x"`; a zero when there is none.
fn filler(arguments: &[&str]) -> Option<u8> {
    match arguments {
        [] => Some(b'0'),
        [text] => match text.as_bytes() {
            [b'\'', filler, b'\''] | [b'"', filler, b'"'] if *filler != b'\\' => Some(*filler),
            _ => None,
        },
        _ => None,
    }
}
