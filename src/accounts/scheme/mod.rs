//! Password hashes as old servers wrote them, `{SSHA}…` or `$6$…`: which scheme it is, whether we can and
//! want to verify it, and whether a password is the one.
//!
//! Knows no account, no file and no database. A hash that costs more than [`crate::limits`] allows is
//! refused when it is read, so that no login can be made to cost minutes or the machine's memory.
//!
//! - `written`: `{SCHEME.ENCODING}` and the alphabets behind it
//! - `digest`: one pass of MD5 or SHA, salted or not, and the keyed forms of CRAM-MD5 and DIGEST-MD5
//! - `derived`: PBKDF2 and SCRAM
//! - `crypt`: what crypt(3) of old knew, DES to bcrypt
//! - `hungry`: what takes memory: argon2, scrypt, yescrypt

mod crypt;
mod derived;
mod digest;
mod hungry;
mod written;

use super::password::Credential;
use crate::mail::Password;
pub use digest::HMAILSERVER;
use std::fmt;
pub(super) use written::scheme_of;
use written::{Encoding, Written};

/// A hash that an old server made and that can be verified here.
#[derive(Clone, PartialEq, Eq)]
pub struct OldHash {
    /// As it is stored: the scheme in capitals, `{SSHA.HEX}…`; no control characters; ASCII, but for the owner of a
    /// DIGEST-MD5.
    text: String,
    kind: Kind,
}

/// What stood where a password is expected.
#[derive(Clone, Debug)]
pub enum Secret {
    /// The password itself, which must never be stored like that.
    Clear(Password),
    /// Something to verify a password with.
    Hash(OldHash),
    /// Empty, `!…` or `*`: nobody could log in.
    Locked,
}

/// Why a hash cannot be taken over, in words for an operator; tells nothing of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub String);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Digest(digest::Digest),
    Derived(derived::Derived),
    Crypt(crypt::Crypt),
    Hungry(hungry::Hungry),
}

impl Secret {
    /// Reads what an old server's file has as the password of `user`, the name as that file writes it:
    /// DIGEST-MD5 is made with it. Without `{SCHEME}` it is crypt(3)'s.
    ///
    /// # Errors
    /// When nobody could verify it here, named.
    pub fn parse(text: &[u8], user: &str) -> Result<Self, Unusable> {
        let Written { scheme, encoding, data } = written::split(text)?;
        // An empty hash is an open door at some servers; here it is a locked one.
        if data.is_empty() || (is_crypt(&scheme) && matches!(data[0], b'!' | b'*')) {
            return Ok(Self::Locked);
        }
        if matches!(scheme.as_str(), "PLAIN" | "CLEAR" | "CLEARTEXT") {
            return Self::clear(&written::octets(encoding, data)?);
        }
        OldHash::read(scheme, encoding, data, user).map(Self::Hash)
    }

    /// A password that stood there as it is.
    ///
    /// # Errors
    /// For one that no mail program can send.
    pub fn clear(octets: &[u8]) -> Result<Self, Unusable> {
        if octets.is_empty() {
            return Ok(Self::Locked);
        }
        let unusable = || Unusable("no mail program can send this password".to_owned());
        Password::new(octets).map(Self::Clear).ok_or_else(unusable)
    }
}

impl OldHash {
    /// Reads what [`OldHash::stored`] gave.
    ///
    /// # Errors
    /// When this program, or this build of it, cannot verify it.
    pub fn parse_stored(text: &str) -> Result<Self, Unusable> {
        match Secret::parse(text.as_bytes(), "")? {
            Secret::Hash(hash) => Ok(hash),
            Secret::Clear(_) | Secret::Locked => Err(Unusable("there is no hash".to_owned())),
        }
    }

    fn read(scheme: String, encoding: Option<Encoding>, data: &[u8], user: &str) -> Result<Self, Unusable> {
        let kind = Kind::parse(&scheme, encoding, data, user)?;
        let data = std::str::from_utf8(data).map_err(|_| Unusable(format!("{scheme}: not a hash")))?;
        let data = match kind.owner() {
            // It stands behind a colon already in what was stored.
            Some(owner) => format!("{}:{owner}", data.split(':').next().unwrap_or_default()),
            None => data.to_owned(),
        };
        let encoding = encoding.map_or("", Encoding::suffix);
        Ok(Self { text: format!("{{{scheme}{encoding}}}{data}"), kind })
    }

    /// As the database holds it; read again by [`OldHash::parse_stored`].
    pub fn stored(&self) -> &str {
        &self.text
    }

    /// `SSHA`
    pub fn scheme(&self) -> &str {
        scheme_of(&self.text)
    }

    /// Whether it is the password, octet for octet as it was typed. Compared in constant time.
    pub fn matches(&self, password: &Password) -> bool {
        let password = password.expose();
        match &self.kind {
            Kind::Digest(digest) => digest.matches(password),
            Kind::Derived(derived) => derived.matches(password),
            Kind::Crypt(crypt) => crypt.matches(password),
            Kind::Hungry(hungry) => hungry.matches(password),
        }
    }

    /// The keys of SCRAM-SHA-256, if that is what they are: they are our own form.
    pub(super) fn keys(&self) -> Option<Credential> {
        match &self.kind {
            Kind::Derived(derived) => derived.keys(),
            _ => None,
        }
    }
}

impl Kind {
    fn parse(scheme: &str, encoding: Option<Encoding>, data: &[u8], user: &str) -> Result<Self, Unusable> {
        if let Some(digest) = digest::Digest::parse(scheme, encoding, data, user) {
            return digest.map(Self::Digest);
        }
        let octets = written::octets(encoding, data)?;
        let text =
            std::str::from_utf8(&octets).ok().filter(|text| text.bytes().all(|b| b.is_ascii_graphic()));
        let text = text.ok_or_else(|| Unusable(format!("{scheme}: not a hash")))?;
        if let Some(derived) = derived::Derived::parse(scheme, text) {
            return derived.map(Self::Derived);
        }
        if let Some(hungry) = hungry::Hungry::parse(scheme, text) {
            return hungry.map(Self::Hungry);
        }
        if is_crypt(scheme) {
            return crypt::Crypt::parse(scheme, text).map(Self::Crypt);
        }
        Err(Unusable(format!("the scheme {scheme} is not known here")))
    }

    /// Whose name went into the hash.
    fn owner(&self) -> Option<&str> {
        match self {
            Self::Digest(digest) => digest.owner(),
            _ => None,
        }
    }
}

/// Whether it is a name for what crypt(3) makes.
fn is_crypt(scheme: &str) -> bool {
    scheme == "CRYPT" || scheme == "MD5" || scheme.ends_with("-CRYPT")
}

/// Tells the scheme and nothing more.
impl fmt::Debug for OldHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OldHash({})", self.scheme())
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
