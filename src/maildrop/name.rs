//! Maildir file names: parse and make.
//!
//! Knows bytes alone. A name is ours only if it carries the tag that we would give it: `S=` and `W=`
//! in any other name are hints that may lie, and RETR must send exactly what LIST said.
//!
//! ```text
//! <seconds>.M<microseconds>P<pid>Q<counter>.<tag>.<host>,S=<bytes>,W=<octets>[,U=<unique-id>][:2,<flags>]
//! ```
//!
//! A `U=` without anything behind it: the unique-id stands in the ledger.

use crate::limits;
use crate::mail::{Bytes, Octets, UniqueId};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// So that a tag is never the hash of anything else.
const TAG_DOMAIN: &[u8] = b"restante maildir name 1\0";
/// Hex digits of a tag.
const TAG_LEN: usize = 8;

/// What makes one name differ from all others that this machine makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Since 1970; the order of messages.
    pub seconds: u64,
    /// Within that second.
    pub micros: u32,
    /// Of this process.
    pub pid: u32,
    /// Of names in this process.
    pub counter: u32,
}

/// Where a message stands among the others: by time, then by counter; its name decides the rest.
///
/// A foreign name without a time has zeros and comes first, as something that was brought along:
/// new mail must come behind what a client has seen already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    seconds: u64,
    /// Foreign numbers beyond `u32` count as its largest, here and below: then the name decides.
    micros: u32,
    counter: u32,
}

/// The sizes that a name of ours promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// `S=`: of the file.
    pub bytes: Bytes,
    /// `W=`: on the wire.
    pub octets: Octets,
}

/// Where the unique-id of a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It is the first part of the name: nobody gave it one before.
    Not,
    /// In `U=`: another server's.
    InName,
    /// In the ledger: another server's, and too long for a name. `U=` is empty.
    InLedger,
}

/// What a name tells, the flags left aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The sizes, if the name is ours.
    pub written: Option<Written>,
    /// The unique-id: the name up to its first comma if that is a legal one, or what `U=` carries.
    pub unique_id: Option<Cow<'a, [u8]>>,
    /// Where the unique-id stands.
    pub carried: Carried,
    /// Its place.
    pub order: Order,
}

impl Stamp {
    /// The next stamp of this process. The counter makes it unique though the clock jump backwards;
    /// that a pid comes again after a restart is caught where the file is made, which never replaces.
    pub fn next(now: SystemTime) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            // Eleven digits are the year 5138; more would eat the place of the host's name.
            seconds: since.as_secs().min(99_999_999_999),
            micros: since.subsec_micros(),
            pid: std::process::id(),
            counter: COUNTER.fetch_add(1, Ordering::Relaxed),
        }
    }

    fn text(&self) -> String {
        // All six digits: `ls` and whoever else sorts names as text see the order of arrival.
        format!("{}.M{:06}P{}Q{}", self.seconds, self.micros, self.pid, self.counter)
    }
}

/// A name for a file in tmp/, where sizes are not known yet.
pub fn draft(stamp: &Stamp, host: &str) -> OsString {
    format!("{}.{}", stamp.text(), fitting(host, host.len().min(limits::UNIQUE_ID_MAX))).into()
}

/// The final name of a message.
///
/// `host` is [`safe_host`]'s; `unique_id` is one that came along from another server. If it is too long,
/// the name says that it stands in the ledger ([`Carried::InLedger`]).
pub fn own(stamp: &Stamp, host: &str, written: Written, unique_id: Option<&UniqueId>) -> OsString {
    let stamp = stamp.text();
    // Two dots, the tag, and whatever is left for the host: the unique-id must stay legal.
    let host = fitting(host, limits::UNIQUE_ID_MAX - stamp.len() - TAG_LEN - 2);
    let mut rest = format!("{host},S={},W={}", written.bytes, written.octets);
    if let Some(id) = unique_id {
        let text = encode(id.as_bytes());
        rest.push_str(",U=");
        rest.push_str(if text.len() <= limits::CARRIED_IN_NAME_MAX { &text } else { "" });
    }
    let tag = tag(stamp.as_bytes(), rest.as_bytes());
    OsString::from_vec([stamp.as_bytes(), b".", &tag, b".", rest.as_bytes()].concat())
}

/// A host name as it may stand in a file name: everything but plain characters becomes `\ooo`, as the
/// Maildir convention says for `/` (`\057`) and `:` (`\072`).
pub fn safe_host(host: &str) -> String {
    let mut safe = String::new();
    for byte in host.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "\\{byte:03o}"); // Writing to a String cannot fail.
        }
    }
    if safe.is_empty() { "localhost".to_owned() } else { safe }
}

/// The part of a file name that stays when flags change: all before the first `:`.
pub fn base(name: &[u8]) -> &[u8] {
    memchr::memchr(b':', name).map_or(name, |at| &name[..at])
}

/// The name with the flag S; `None` if it has it already, or carries something else than flags.
pub fn with_seen(name: &[u8]) -> Option<OsString> {
    let base = base(name);
    let mut flags = match name.get(base.len()..)? {
        b"" | b":" => Vec::new(),
        info => info.strip_prefix(b":2,")?.to_vec(),
    };
    if flags.contains(&b'S') {
        return None;
    }
    flags.push(b'S');
    flags.sort_unstable(); // The convention wants ASCII order.
    Some(OsString::from_vec([base, b":2,", &flags].concat()))
}

/// Reads a name without its flags ([`base`]). No bytes are an error: what is not ours is foreign.
pub fn parse(base: &[u8]) -> Parsed<'_> {
    let id = memchr::memchr(b',', base).map_or(base, |at| &base[..at]);
    let stamped = scan_stamp(id);
    let order = stamped.map_or_else(|| foreign_order(id), |(order, _)| order);
    let own = stamped.and_then(|(_, rest)| parse_own(base, id.len() - rest.len()));
    let (unique_id, carried) = match own {
        Some((_, Some(b""))) => (None, Carried::InLedger),
        Some((_, Some(text))) => {
            (decode(text).filter(|id| UniqueId::carried(id).is_some()).map(Cow::Owned), Carried::InName)
        }
        _ => (Some(Cow::Borrowed(id)).filter(|id| UniqueId::is_legal(id)), Carried::Not),
    };
    Parsed { written: own.map(|(written, _)| written), unique_id, carried, order }
}

/// A legal unique-id for a name that carries none, or one that another message has too. The same
/// name always gives the same; `salt` tells two files of one name apart.
pub fn derived_id(base: &[u8], salt: u64) -> UniqueId {
    let mut hash = Sha256::new().chain_update(base);
    if salt != 0 {
        hash.update([0]);
        hash.update(salt.to_be_bytes());
    }
    let text = hex(&hash.finalize());
    UniqueId::parse(&text).unwrap_or_else(|| unreachable!("64 hex digits are a unique-id"))
}

/// The sizes, and what `U=` carries, of a name with a right tag behind its stamp.
fn parse_own(base: &[u8], stamp: usize) -> Option<(Written, Option<&[u8]>)> {
    let (stamp, rest) = base.split_at(stamp);
    let rest = rest.strip_prefix(b".")?;
    let (given, rest) = rest.split_at_checked(TAG_LEN)?;
    let rest = rest.strip_prefix(b".")?;
    let (_host, fields) = rest.split_at(memchr::memchr(b',', rest)?);
    let (bytes, fields) = digits(fields.strip_prefix(b",S=")?)?;
    let (octets, fields) = digits(fields.strip_prefix(b",W=")?)?;
    let carried = match fields {
        b"" => None,
        fields => Some(fields.strip_prefix(b",U=")?),
    };
    // Last, because it costs a hash.
    let written = Written { bytes: Bytes(bytes), octets: Octets(octets) };
    (tag(stamp, rest) == given).then_some((written, carried))
}

/// `<seconds>.M<micros>P<pid>Q<counter>`, as we write it (and Python's mailbox module).
fn scan_stamp(id: &[u8]) -> Option<(Order, &[u8])> {
    let (seconds, rest) = digits(id)?;
    let (micros, rest) = digits(rest.strip_prefix(b".M")?)?;
    let (_pid, rest) = digits(rest.strip_prefix(b"P")?)?;
    let (counter, rest) = digits(rest.strip_prefix(b"Q")?)?;
    Some((Order { seconds, micros: at_most_u32(micros), counter: at_most_u32(counter) }, rest))
}

/// What can be read of the time in a name that is not like ours.
fn foreign_order(id: &[u8]) -> Order {
    let Some((seconds, rest)) = digits(id) else { return Order::default() };
    let micros = rest.strip_prefix(b".M").and_then(digits).map_or(0, |(micros, _)| micros);
    Order { seconds, micros: at_most_u32(micros), counter: 0 }
}

fn at_most_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A decimal number in front; `None` without a digit or beyond `u64`.
fn digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut rest = bytes;
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = behind;
    }
    (rest.len() < bytes.len()).then_some((number, rest))
}

/// The tag that shows that we made this name, with these sizes, and that nobody changed it since.
///
/// No secret: it guards against chance and against tools that copy a pattern, not against a user
/// who may write the Maildir and then lies to himself.
fn tag(stamp: &[u8], rest: &[u8]) -> [u8; TAG_LEN] {
    let hash =
        Sha256::new().chain_update(TAG_DOMAIN).chain_update(stamp).chain_update(b".").chain_update(rest);
    let hash = hash.finalize();
    // No text is made of it: each login works this out once for every message.
    std::array::from_fn(|at| {
        let byte = hash[at / 2];
        hex_digit(if at % 2 == 0 { byte >> 4 } else { byte & 15 })
    })
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// The host, cut to `room` characters; what was cut off still counts, by its hash.
fn fitting(host: &str, room: usize) -> String {
    if host.len() <= room {
        return host.to_owned();
    }
    let hash = hex(&Sha256::digest(host.as_bytes())[..4]);
    let kept = room.saturating_sub(hash.len() + 1);
    format!("{}-{hash}", &host[..kept]) // A safe host is ASCII: every cut is a boundary.
}

/// Octets that cannot stand in a field of a name, or in a line of blanks, become `%XX`.
pub(super) fn encode(id: &[u8]) -> String {
    let mut text = String::new();
    for &byte in id {
        if byte.is_ascii_graphic() && !b"%,:/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}"); // Writing to a String cannot fail.
        }
    }
    text
}

/// What [`encode`] wrote; `None` for a `%` without two digits.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let escapes = memchr::memchr_iter(b'%', text).count();
    let mut octets = Vec::with_capacity(text.len().saturating_sub(2 * escapes));
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            octets.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = behind;
        } else {
            octets.push(byte);
        }
    }
    Some(octets)
}

/// SHA-256, in lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|nibble| char::from(hex_digit(nibble))));
    }
    text
}

#[cfg(test)]
mod tests;
