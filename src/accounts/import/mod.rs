//! The account files of old servers, read: who is in them, with which password, and where the mail lies.
//!
//! Pure functions: octets in, [`Users`] out. Knows no file, no database and no clock. What is done with the
//! users is in `bulk`.
//!
//! - `colons`: passwd, shadow and Dovecot's passwd-file
//! - `courier`: Courier's userdb
//! - `csv`, `tables`: comma-separated values, and the two tables that are written so

mod colons;
mod courier;
pub mod csv;
mod tables;

use super::scheme::{Secret, Unusable};
use crate::mail::{AccountAddress, Domain};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;

/// Which server wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `user:password:uid:gid:gecos:home:shell:extra`
    DovecotPasswd,
    /// `/etc/shadow`
    Shadow,
    /// `/etc/passwd` with the hashes in it
    Passwd,
    /// `user<TAB>field=value|field=value`
    CourierUserdb,
    /// `address,password[,scheme]`, with that line on top
    Csv,
    /// `accountaddress,accountpassword,accountpwencryption`, with that line on top
    HMailServer,
}

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// Put behind names without `@`.
    pub domain: Option<&'a Domain>,
    /// Accounts of the system have smaller numbers.
    pub min_uid: u32,
    /// The `passwd` that lies beside a `shadow`.
    pub passwd: Option<&'a [u8]>,
    /// Days since 1970: a `shadow` says on which day an account ends.
    pub today: i64,
}

/// One user as the old server knew them.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where in the file, from 1.
    pub line: usize,
    /// The name as the file has it: `%u` of a template for the mail's place.
    pub name: String,
    /// What the account is called here.
    pub address: AccountAddress,
    /// What a password is verified with; [`Secret::Locked`] makes a disabled account.
    pub secret: Secret,
    /// `%h`, if the file says it.
    pub home: Option<String>,
    /// Where the mail lies, if the file says so: `maildir:~/Maildir`.
    pub mail: Option<String>,
}

/// A line that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Where in the file, from 1.
    pub line: usize,
    /// The address, or the name if it makes none; empty when the line names nobody.
    pub address: String,
    /// The reason, in words for an operator.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, address, why } = self;
        match address.as_str() {
            "" => write!(f, "line {line}: {why}"),
            address => write!(f, "line {line}, {address}: {why}"),
        }
    }
}

/// All that a file says.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// In the order of the file, each address once.
    pub records: Vec<Record>,
    /// Lines that are not taken.
    pub refused: Vec<Refused>,
    /// Accounts of the system.
    pub passed_over: usize,
}

impl Format {
    /// By the names of the command line.
    pub const ALL: [(&'static str, Self); 6] = [
        ("dovecot-passwd", Self::DovecotPasswd),
        ("shadow", Self::Shadow),
        ("passwd", Self::Passwd),
        ("courier-userdb", Self::CourierUserdb),
        ("csv", Self::Csv),
        ("hmailserver", Self::HMailServer),
    ];

    /// `None` for a name that is not in [`Format::ALL`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, format)| (known == name).then_some(format))
    }
}

/// Reads a whole file.
pub fn read(octets: &[u8], format: Format, how: &How<'_>) -> Users {
    let mut reader = Reader { how, users: Users::default(), seen: HashMap::new() };
    let octets = unmarked(octets);
    match format {
        Format::DovecotPasswd => colons::dovecot(octets, &mut reader),
        Format::Shadow => colons::shadow(octets, &mut reader),
        Format::Passwd => colons::passwd(octets, &mut reader),
        Format::CourierUserdb => courier::userdb(octets, &mut reader),
        Format::Csv => tables::plain(octets, &mut reader),
        Format::HMailServer => tables::hmailserver(octets, &mut reader),
    }
    reader.users
}

/// Without the mark that Windows' editors put before a UTF-8 text.
fn unmarked(octets: &[u8]) -> &[u8] {
    octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets)
}

/// What a format's reader hands its lines to.
struct Reader<'a> {
    how: &'a How<'a>,
    users: Users,
    seen: HashMap<AccountAddress, usize>,
}

/// A line taken apart, not yet understood.
#[derive(Default)]
struct Entry<'a> {
    line: usize,
    name: &'a [u8],
    home: Option<&'a [u8]>,
    mail: Option<String>,
}

impl Reader<'_> {
    /// Takes one user. `secret` is given the name as the file has it.
    fn take(&mut self, entry: Entry<'_>, secret: impl FnOnce(&str) -> Result<Secret, Unusable>) {
        let Entry { line, name, home, mail } = entry;
        let name = String::from_utf8_lossy(name).into_owned();
        match self.understand(&name, line, secret) {
            Ok((address, secret)) => {
                self.seen.insert(address.clone(), line);
                let home = home.map(text).filter(|home| !home.is_empty());
                self.users.records.push(Record { line, name, address, secret, home, mail });
            }
            Err((address, why)) => self.refuse(line, address, why),
        }
    }

    fn understand(
        &self,
        name: &str,
        line: usize,
        secret: impl FnOnce(&str) -> Result<Secret, Unusable>,
    ) -> Result<(AccountAddress, Secret), (String, String)> {
        let address = self.address(name).map_err(|why| (name.to_owned(), why))?;
        if let Some(first) = self.seen.get(&address).filter(|first| **first != line) {
            return Err((address.to_string(), format!("the same address as in line {first}")));
        }
        let secret = secret(name).map_err(|why| (address.to_string(), why.to_string()))?;
        Ok((address, secret))
    }

    fn address(&self, name: &str) -> Result<AccountAddress, String> {
        if name.contains('@') {
            return AccountAddress::parse(name).map_err(|error| error.to_string());
        }
        let Some(domain) = self.how.domain else {
            return Err("a name without a domain: give one with --domain".to_owned());
        };
        AccountAddress::parse(&format!("{name}@{domain}")).map_err(|error| error.to_string())
    }

    fn refuse(&mut self, line: usize, name: String, why: impl Into<String>) {
        let address = if AccountAddress::parse(&name).is_ok() { name } else { without_the_rest(&name) };
        self.users.refused.push(Refused { line, address, why: why.into() });
    }
}

/// A name up to what no name has: read as what it is not, a file has the rest of its line there, with the
/// password in it.
fn without_the_rest(name: &str) -> String {
    let is_behind_an_address = |at: usize| name[..at].contains('@');
    let ends = |(at, c): &(usize, char)| {
        c.is_control() || ",;:\"".contains(*c) || (*c == ' ' && is_behind_an_address(*at))
    };
    match name.char_indices().find(ends) {
        Some((end, _)) => format!("{}\u{2026}", &name[..end]),
        None => name.to_owned(),
    }
}

/// The lines of a file, from 1, without their ends; those that are empty or a remark are left out.
fn lines(octets: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = octets.split(|octet| *octet == b'\n').enumerate();
    let whole = numbered.map(|(index, line)| (index + 1, line.strip_suffix(b"\r").unwrap_or(line)));
    whole.filter(|(_, line)| !line.trim_ascii().is_empty() && !line.starts_with(b"#"))
}

/// For names and paths, which may be in another charset.
fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
mod tests;
