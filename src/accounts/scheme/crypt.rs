//! What crypt(3) made before it took memory: DES, BSDi's DES, MD5, SHA-256, SHA-512 and bcrypt.
//!
//! DES reads 8 octets and bcrypt 72 of a password, the old server did, and so do we: whoever typed more
//! goes on typing it.

use super::Unusable;
use super::written::{ITOA64, digits64, number64};
use crate::limits;
use subtle::ConstantTimeEq;

/// A crypt string.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypt {
    text: String,
    method: Method,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Des,
    Bsdi,
    Md5,
    Sha256,
    Sha512,
    Bcrypt,
}

impl Crypt {
    /// A string of visible ASCII.
    ///
    /// # Errors
    /// What is none, what is not known, what costs too much, and what the scheme's name does not fit.
    pub fn parse(scheme: &str, text: &str) -> Result<Self, Unusable> {
        let method = Method::of(text).ok_or_else(|| unknown(scheme, text))?;
        let fits = match scheme {
            "DES-CRYPT" => method == Method::Des,
            "MD5-CRYPT" | "MD5" => method == Method::Md5,
            "SHA256-CRYPT" => method == Method::Sha256,
            "SHA512-CRYPT" => method == Method::Sha512,
            "BLF-CRYPT" => method == Method::Bcrypt,
            _ => scheme == "CRYPT",
        };
        if !fits {
            return Err(Unusable(format!("not a hash of {scheme}")));
        }
        method.check(text)?;
        Ok(Self { text: text.to_owned(), method })
    }

    /// Compared in constant time.
    pub fn matches(&self, password: &[u8]) -> bool {
        match self.method {
            Method::Des => old::des(password, &self.text),
            Method::Bsdi => old::bsdi(password, &self.text),
            Method::Md5 => old::md5(password, &self.text),
            Method::Sha256 | Method::Sha512 => sha_matches(password, &self.text, self.method),
            // Longer ones are cut behind the 72nd octet; a hash that was checked cannot be malformed.
            Method::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
        }
    }
}

impl Method {
    fn of(text: &str) -> Option<Self> {
        let is_salted = |digits: &str| digits.bytes().all(|byte| ITOA64.contains(&byte));
        Some(match text.split('$').nth(1) {
            Some("1") => Self::Md5,
            Some("5") => Self::Sha256,
            Some("6") => Self::Sha512,
            Some("2a" | "2b" | "2y") => Self::Bcrypt,
            Some(_) => return None,
            None if text.len() == 13 && is_salted(text) => Self::Des,
            None if text.len() == 20 && text.strip_prefix('_').is_some_and(is_salted) => Self::Bsdi,
            None => return None,
        })
    }

    /// Everything that [`Crypt::matches`] relies on.
    fn check(self, text: &str) -> Result<(), Unusable> {
        match self {
            Self::Des => old::known("DES"),
            Self::Bsdi => {
                let rounds = number64(text.as_bytes().get(1..5).unwrap_or_default()).unwrap_or(0);
                bounded("BSDi's crypt", u64::from(rounds), u64::from(limits::BSDI_ROUNDS_MAX))?;
                old::known("BSDi's crypt")
            }
            Self::Md5 => {
                let whole = text.split('$').count() == 4 && text.rsplit('$').next().map(str::len) == Some(22);
                if !whole {
                    return Err(Unusable("not a whole hash of MD5-CRYPT".to_owned()));
                }
                old::known("MD5-CRYPT")
            }
            Self::Sha256 | Self::Sha512 => {
                let sha = Sha::parse(text).filter(|sha| sha.hash.len() == self.sha_digits());
                let sha = sha.ok_or_else(|| Unusable("not a whole hash of SHA-CRYPT".to_owned()))?;
                bounded("SHA-CRYPT", u64::from(sha.rounds), u64::from(limits::SHA_CRYPT_ROUNDS_MAX))
            }
            Self::Bcrypt => {
                let parts: Result<bcrypt::HashParts, _> = text.parse();
                let parts = parts.map_err(|_| Unusable("not a whole hash of bcrypt".to_owned()))?;
                if !(4..=limits::BCRYPT_COST_MAX).contains(&parts.get_cost()) {
                    let (cost, most) = (parts.get_cost(), limits::BCRYPT_COST_MAX);
                    return Err(Unusable(format!("bcrypt of cost {cost}; 4 to {most} are taken")));
                }
                Ok(())
            }
        }
    }

    fn sha_digits(self) -> usize {
        if self == Self::Sha256 { 43 } else { 86 }
    }
}

fn bounded(method: &str, rounds: u64, most: u64) -> Result<(), Unusable> {
    if (1..=most).contains(&rounds) {
        return Ok(());
    }
    Err(Unusable(format!("{method} of {rounds} rounds; 1 to {most} are taken")))
}

/// Names the method by its prefix, which is no secret; what has none may be a password in the clear.
fn unknown(scheme: &str, text: &str) -> Unusable {
    let prefix = text.strip_prefix('$').and_then(|rest| rest.split('$').next());
    match prefix.filter(|prefix| prefix.len() <= 12 && prefix.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(prefix) => Unusable(format!("{scheme}: hashes of the kind ${prefix}$ are not known here")),
        None => Unusable(format!("{scheme}: not a hash; a password in the clear needs {{PLAIN}} before it")),
    }
}

/// `$5$rounds=5000$salt$hash`
struct Sha<'a> {
    rounds: u32,
    salt: &'a str,
    hash: &'a str,
}

impl<'a> Sha<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split('$').skip(2).peekable();
        let rounds = match fields.peek()?.strip_prefix("rounds=") {
            Some(rounds) => {
                fields.next();
                rounds.parse().ok()?
            }
            None => 5000,
        };
        let (salt, hash) = (fields.next()?, fields.next()?);
        // crypt(3) takes fewer rounds for a thousand.
        let rounds = if rounds == 0 { return None } else { u32::max(rounds, 1000) };
        fields.next().is_none().then_some(Self { rounds, salt, hash })
    }
}

fn sha_matches(password: &[u8], text: &str, method: Method) -> bool {
    let Some(sha) = Sha::parse(text) else { return false };
    let Ok(params) = sha_crypt::Params::new(sha.rounds) else { return false };
    let salt = sha.salt.as_bytes();
    let made = if method == Method::Sha256 {
        sha_digits(&sha_crypt::sha256_crypt(password, salt, params), 10, |[a, b, c]| [c + 1, a + 1, b + 1])
    } else {
        sha_digits(&sha_crypt::sha512_crypt(password, salt, params), 21, |[a, b, c]| [b + 1, c + 1, a + 1])
    };
    made.as_bytes().ct_eq(sha.hash.as_bytes()).into()
}

/// The digest as crypt(3) writes it: octets in groups of three from its thirds, in an order that turns
/// (akkadia.org/drepper/SHA-crypt.txt, step 22), then what is left.
fn sha_digits(digest: &[u8], groups: usize, turn: fn([usize; 3]) -> [usize; 3]) -> String {
    let octet = |at: usize| u32::from(digest.get(at).copied().unwrap_or(0));
    let (mut text, mut at) = (String::new(), [0, groups, 2 * groups]);
    for _ in 0..groups {
        digits64(octet(at[0]) << 16 | octet(at[1]) << 8 | octet(at[2]), 4, &mut text);
        at = turn(at);
    }
    match digest.len() {
        32 => digits64(octet(31) << 8 | octet(30), 3, &mut text),
        _ => digits64(octet(63), 2, &mut text),
    }
    text
}

/// The methods that no crate of RustCrypto has.
#[cfg(feature = "old-crypt")]
mod old {
    use super::Unusable;

    pub fn known(_method: &str) -> Result<(), Unusable> {
        Ok(())
    }

    pub fn des(password: &[u8], text: &str) -> bool {
        pwhash::unix_crypt::verify(password, text)
    }

    pub fn bsdi(password: &[u8], text: &str) -> bool {
        pwhash::bsdi_crypt::verify(password, text)
    }

    pub fn md5(password: &[u8], text: &str) -> bool {
        pwhash::md5_crypt::verify(password, text)
    }
}

/// A build without them refuses such hashes when they are read, so nothing is ever compared.
#[cfg(not(feature = "old-crypt"))]
mod old {
    use super::Unusable;

    pub fn known(method: &str) -> Result<(), Unusable> {
        Err(Unusable(format!("{method} needs a restante built with the feature old-crypt")))
    }

    pub fn des(_password: &[u8], _text: &str) -> bool {
        false
    }

    pub use des as bsdi;
    pub use des as md5;
}
