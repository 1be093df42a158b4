//! Courier's userdb: `user<TAB>field=value|field=value`, with the hash of each service in a field of its own.

use super::{Entry, Reader, lines, text};
use crate::accounts::scheme::Secret;

/// `pop3pw` goes before `systempw`, as in Courier's own look-up for POP3.
pub fn userdb(octets: &[u8], reader: &mut Reader<'_>) {
    for (line, octets) in lines(octets) {
        let at = octets.iter().position(u8::is_ascii_whitespace).unwrap_or(octets.len());
        let (name, fields) = (&octets[..at], octets[at..].trim_ascii());
        let entry = Entry {
            line,
            name,
            home: value_of(fields, b'|', "home"),
            mail: value_of(fields, b'|', "mail").map(|place| format!("maildir:{}", text(place))),
        };
        let options = value_of(fields, b'|', "options").unwrap_or_default();
        let is_shut = value_of(options, b',', "disablepop3").is_some_and(|value| value != b"0");
        let password = value_of(fields, b'|', "pop3pw").or_else(|| value_of(fields, b'|', "systempw"));
        reader.take(entry, |name| {
            if is_shut { Ok(Secret::Locked) } else { Secret::parse(password.unwrap_or_default(), name) }
        });
    }
}

fn value_of<'a>(fields: &'a [u8], between: u8, name: &str) -> Option<&'a [u8]> {
    let mut fields = fields.split(|octet| *octet == between);
    fields.find_map(|field| field.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
