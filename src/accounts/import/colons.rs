//! Lines of fields between colons: `/etc/passwd`, `/etc/shadow`, and Dovecot's passwd-file, which is the
//! former with a scheme before the hash and more fields behind.

use super::{Entry, Reader, lines, text};
use crate::accounts::scheme::{Secret, Unusable};
use std::collections::HashMap;

/// Dovecot's passwd-file: `user:password:uid:gid:gecos:home:shell:extra fields`.
pub fn dovecot(octets: &[u8], reader: &mut Reader<'_>) {
    for (line, octets) in lines(octets) {
        let fields: Vec<&[u8]> = octets.splitn(8, |octet| *octet == b':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let extra = Extra::of(field(7));
        let entry = Entry {
            line,
            name: field(0),
            home: extra.get("userdb_home").or(Some(field(5))),
            mail: extra.get("userdb_mail").map(text),
        };
        reader.take(entry, |name| {
            // Dovecot cuts a password at its colon and finds no user number behind it.
            if !is_user_number(field(2)) {
                return Err(Unusable(
                    "a colon in the password, at which the old server cuts it off".to_owned(),
                ));
            }
            if extra.is_set("nologin") || extra.is_set("nopassword") {
                return Ok(Secret::Locked);
            }
            Secret::parse(field(1), name)
        });
    }
}

/// A number, or the name of a user of the system, or nothing.
fn is_user_number(field: &[u8]) -> bool {
    field.iter().all(|octet| octet.is_ascii_alphanumeric() || b"_-.".contains(octet))
}

/// `/etc/passwd`, with the hashes in it.
pub fn passwd(octets: &[u8], reader: &mut Reader<'_>) {
    for (line, octets) in lines(octets) {
        let user = SystemUser::of(octets);
        if is_nis(user.name) || user.is_of_the_system(reader.how.min_uid) {
            reader.users.passed_over += 1;
            continue;
        }
        let entry = Entry { line, name: user.name, home: Some(user.home), mail: None };
        reader.take(entry, |name| match user.password {
            b"x" => {
                Err(Unusable("its hash is in the shadow file: import that, with --format shadow".to_owned()))
            }
            password => Secret::parse(password, name),
        });
    }
}

/// `/etc/shadow`, and the `passwd` beside it, which tells the accounts of the system from those of people.
pub fn shadow(octets: &[u8], reader: &mut Reader<'_>) {
    let users: HashMap<&[u8], SystemUser<'_>> = lines(reader.how.passwd.unwrap_or_default())
        .map(|(_, octets)| SystemUser::of(octets))
        .map(|user| (user.name, user))
        .collect();
    for (line, octets) in lines(octets) {
        let fields: Vec<&[u8]> = octets.split(|octet| *octet == b':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let (name, password) = (field(0), field(1));
        let user = users.get(name);
        let is_system = user.is_some_and(|user| user.is_of_the_system(reader.how.min_uid));
        if is_nis(name) || name == b"root" || is_system || is_never_set(password) {
            reader.users.passed_over += 1;
            continue;
        }
        let has_ended = number(field(7)).is_some_and(|day| day > 0 && day <= reader.how.today);
        let entry = Entry { line, name, home: user.map(|user| user.home), mail: None };
        reader.take(entry, |name| if has_ended { Ok(Secret::Locked) } else { Secret::parse(password, name) });
    }
}

/// What Debian and BSD write for an account that never had a password. `!$6$…` had one and was locked.
fn is_never_set(password: &[u8]) -> bool {
    matches!(password, b"*" | b"!" | b"!*" | b"*!")
}

/// `+`, `-@group`: more of them are in a directory.
fn is_nis(name: &[u8]) -> bool {
    name.starts_with(b"+") || name.starts_with(b"-")
}

struct SystemUser<'a> {
    name: &'a [u8],
    password: &'a [u8],
    uid: Option<i64>,
    home: &'a [u8],
}

impl<'a> SystemUser<'a> {
    fn of(line: &'a [u8]) -> Self {
        let fields: Vec<&[u8]> = line.split(|octet| *octet == b':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        Self { name: field(0), password: field(1), uid: number(field(2)), home: field(5) }
    }

    fn is_of_the_system(&self, min_uid: u32) -> bool {
        self.name == b"root" || self.uid.is_some_and(|uid| uid < i64::from(min_uid))
    }
}

fn number(field: &[u8]) -> Option<i64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Dovecot's extra fields: `key=value` or `key`, between blanks.
struct Extra<'a>(&'a [u8]);

impl<'a> Extra<'a> {
    fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    fn fields(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        self.0.split(u8::is_ascii_whitespace).map(|field| {
            match field.iter().position(|octet| *octet == b'=') {
                Some(at) => (&field[..at], Some(&field[at + 1..])),
                None => (field, None),
            }
        })
    }

    fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.fields().find_map(|(name, value)| (name == key.as_bytes()).then_some(value).flatten())
    }

    /// Said without a value, or with one that is not `n…`, which is how Dovecot reads a switch.
    fn is_set(&self, key: &str) -> bool {
        let set =
            |value: Option<&[u8]>| value.is_none_or(|value| !matches!(value.first(), Some(b'n' | b'N')));
        self.fields().any(|(name, value)| name == key.as_bytes() && set(value))
    }
}
