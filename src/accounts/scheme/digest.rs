//! One pass of a digest, with a salt or without, and the two keyed forms that were made for a challenge and
//! can be verified with the password all the same.

use super::Unusable;
use super::written::{self, Encoding, from_base64, from_hex};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

/// A digest, and what went into it beside the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    mixed: Mixed,
    digest: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, PartialEq, Eq)]
enum Mixed {
    /// The password alone.
    Nothing,
    /// Behind the password: LDAP's way.
    SaltBehind(Vec<u8>),
    /// Before it: hMailServer's.
    SaltBefore(Vec<u8>),
    /// `user:realm:password` (RFC 2831, 2.1.2.1); `user@realm`, or the user alone.
    Owner(String),
    /// The states of HMAC-MD5 behind the two keyed blocks, as RFC 2195 lets a server keep them.
    HmacStates,
}

/// What hMailServer's third way is called here; no other server has a name for it.
pub const HMAILSERVER: &str = "HMAIL-SHA256";

/// Characters of salt before hMailServer's digest.
const HMAILSERVER_SALT: usize = 6;

impl Digest {
    /// `None` when `scheme` is not one of these.
    pub fn parse(
        scheme: &str,
        encoding: Option<Encoding>,
        data: &[u8],
        user: &str,
    ) -> Option<Result<Self, Unusable>> {
        use Algorithm::{Md5, Sha1, Sha256, Sha512};
        // Dovecot calls MD5-CRYPT by this name, Courier the plain digest.
        let is_crypt = scheme == "MD5" && data.starts_with(b"$");
        let (algorithm, salted) = match scheme {
            "PLAIN-MD5" | "LDAP-MD5" => (Md5, false),
            "MD5" if !is_crypt => (Md5, false),
            "SHA" | "SHA1" => (Sha1, false),
            "SHA256" => (Sha256, false),
            "SHA512" => (Sha512, false),
            "SMD5" => (Md5, true),
            "SSHA" => (Sha1, true),
            "SSHA256" => (Sha256, true),
            "SSHA512" => (Sha512, true),
            "CRAM-MD5" | "HMAC-MD5" => return Some(Self::hmac_states(encoding, data)),
            "DIGEST-MD5" => return Some(Self::of_owner(encoding, data, user)),
            HMAILSERVER => return Some(Self::hmailserver(data)),
            _ => return None,
        };
        Some(Self::ldap(algorithm, salted, encoding, data).map_err(|why| why.of(scheme)))
    }

    fn ldap(
        algorithm: Algorithm,
        salted: bool,
        encoding: Option<Encoding>,
        data: &[u8],
    ) -> Result<Self, Unusable> {
        let expected = algorithm.len();
        let mut digest = if salted {
            written::octets(encoding.or(Some(Encoding::Base64)), data)?
        } else {
            fixed(encoding, data, expected)?
        };
        if digest.len() < expected {
            let came = digest.len();
            return Err(Unusable(format!("{came} octets, and it has {expected} and a salt")));
        }
        if salted && digest.len() == expected {
            return Err(Unusable(format!("no salt behind its {expected} octets")));
        }
        let salt = digest.split_off(expected);
        Ok(Self { algorithm, mixed: if salted { Mixed::SaltBehind(salt) } else { Mixed::Nothing }, digest })
    }

    fn hmac_states(encoding: Option<Encoding>, data: &[u8]) -> Result<Self, Unusable> {
        let digest = fixed(encoding, data, 32).map_err(|why| why.of("CRAM-MD5"))?;
        Ok(Self { algorithm: Algorithm::Md5, mixed: Mixed::HmacStates, digest })
    }

    /// The owner stands behind a colon in what we store, and is handed in otherwise.
    fn of_owner(encoding: Option<Encoding>, data: &[u8], user: &str) -> Result<Self, Unusable> {
        let (data, owner) = match data.iter().position(|byte| *byte == b':') {
            Some(colon) => (&data[..colon], String::from_utf8_lossy(&data[colon + 1..]).into_owned()),
            None => (data, user.to_owned()),
        };
        if owner.chars().any(char::is_control) {
            return Err(Unusable("DIGEST-MD5: a name with control characters".to_owned()));
        }
        let digest = fixed(encoding, data, 16).map_err(|why| why.of("DIGEST-MD5"))?;
        Ok(Self { algorithm: Algorithm::Md5, mixed: Mixed::Owner(owner), digest })
    }

    fn hmailserver(data: &[u8]) -> Result<Self, Unusable> {
        let (salt, digest) = data.split_at_checked(HMAILSERVER_SALT).unwrap_or_default();
        let digest = from_hex(digest).filter(|digest| digest.len() == Algorithm::Sha256.len());
        let digest = digest.ok_or_else(|| Unusable("not a salted SHA-256 of hMailServer".to_owned()))?;
        Ok(Self { algorithm: Algorithm::Sha256, mixed: Mixed::SaltBefore(salt.to_vec()), digest })
    }

    /// Whose name went into it.
    pub fn owner(&self) -> Option<&str> {
        match &self.mixed {
            Mixed::Owner(owner) => Some(owner),
            _ => None,
        }
    }

    /// Compared in constant time.
    pub fn matches(&self, password: &[u8]) -> bool {
        let digest = match &self.mixed {
            Mixed::Nothing => self.algorithm.digest(&[password]),
            Mixed::SaltBehind(salt) => self.algorithm.digest(&[password, salt]),
            Mixed::SaltBefore(salt) => self.algorithm.digest(&[salt, password]),
            // Dovecot folds names when it looks for them, and not when it hashes.
            Mixed::Owner(owner) => {
                let folded = owned(self.algorithm, &owner.to_lowercase(), password);
                if bool::from(folded.ct_eq(&self.digest)) {
                    return true;
                }
                owned(self.algorithm, owner, password)
            }
            Mixed::HmacStates => hmac_states(password),
        };
        digest.ct_eq(&self.digest).into()
    }
}

impl Algorithm {
    fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Over the parts, one behind the other.
    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        let text = parts.concat();
        match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
        }
    }
}

/// A digest of known length tells its encoding itself, which is Dovecot's rule too.
fn fixed(encoding: Option<Encoding>, data: &[u8], expected: usize) -> Result<Vec<u8>, Unusable> {
    let read = match encoding {
        Some(encoding) => written::octets(Some(encoding), data).ok(),
        None if data.len() == 2 * expected => from_hex(data),
        None => from_base64(data),
    };
    read.filter(|digest| digest.len() == expected)
        .ok_or_else(|| Unusable(format!("not a digest of {expected} octets")))
}

fn owned(algorithm: Algorithm, owner: &str, password: &[u8]) -> Vec<u8> {
    let (user, realm) = owner.split_once('@').unwrap_or((owner, ""));
    algorithm.digest(&[user.as_bytes(), b":", realm.as_bytes(), b":", password])
}

/// The state of the outer and of the inner digest, each after its keyed block (RFC 2104, 2 and 4).
fn hmac_states(password: &[u8]) -> Vec<u8> {
    let digested = Md5::digest(password);
    let key = if password.len() > 64 { digested.as_slice() } else { password };
    let state_behind = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
        // RFC 1321, 3.3
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        md5::block_api::compress(&mut state, &[block]);
        state.map(u32::to_le_bytes).concat()
    };
    [state_behind(0x5c), state_behind(0x36)].concat()
}

impl Unusable {
    /// The same about a named scheme.
    pub(super) fn of(self, scheme: &str) -> Self {
        Self(format!("{scheme}: {}", self.0))
    }
}
