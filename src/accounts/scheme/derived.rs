//! Keys derived in many rounds: Dovecot's PBKDF2, and SCRAM (RFC 5802, 3).

use super::Unusable;
use super::written::{from_base64, from_hex};
use crate::accounts::password::Credential;
use crate::limits;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// A derived key.
#[derive(Clone, PartialEq, Eq)]
pub struct Derived {
    salt: Vec<u8>,
    rounds: u32,
    key: Key,
}

#[derive(Clone, PartialEq, Eq)]
enum Key {
    /// The derived octets themselves, by HMAC-SHA-1.
    Sha1([u8; 20]),
    /// SCRAM's StoredKey.
    ScramSha1([u8; 20]),
    /// StoredKey and ServerKey.
    ScramSha256([u8; 32], [u8; 32]),
}

impl Derived {
    /// `None` when `scheme` is not one of these.
    pub fn parse(scheme: &str, text: &str) -> Option<Result<Self, Unusable>> {
        let read = match scheme {
            "PBKDF2" => Self::pbkdf2(text),
            "SCRAM-SHA-1" | "SCRAM-SHA-256" => Self::scram(scheme, text),
            _ => return None,
        };
        Some(read.ok_or_else(|| Unusable(format!("not a hash of {scheme}"))).and_then(|derived| {
            if (1..=limits::PBKDF2_ROUNDS_MAX).contains(&derived.rounds) {
                return Ok(derived);
            }
            let (rounds, most) = (derived.rounds, limits::PBKDF2_ROUNDS_MAX);
            Err(Unusable(format!("{scheme} of {rounds} rounds; from 1 to {most} are taken")))
        }))
    }

    /// `$1$salt$rounds$key`, the key in hexadecimal and the salt as it is.
    fn pbkdf2(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix("$1$")?.split('$');
        let (salt, rounds, key) = (fields.next()?, fields.next()?, fields.next()?);
        let key = Key::Sha1(from_hex(key.as_bytes())?.try_into().ok()?);
        let whole = fields.next().is_none();
        whole.then_some(Self { salt: salt.as_bytes().to_vec(), rounds: rounds.parse().ok()?, key })
    }

    /// `rounds,salt,StoredKey,ServerKey`
    fn scram(scheme: &str, text: &str) -> Option<Self> {
        let mut fields = text.split(',');
        let rounds = fields.next()?.parse().ok()?;
        let mut octets = || from_base64(fields.next()?.as_bytes());
        let (salt, stored, server) = (octets()?, octets()?, octets()?);
        let key = if scheme == "SCRAM-SHA-1" {
            Key::ScramSha1(stored.try_into().ok()?)
        } else {
            Key::ScramSha256(stored.try_into().ok()?, server.try_into().ok()?)
        };
        (fields.next().is_none() && !salt.is_empty()).then_some(Self { salt, rounds, key })
    }

    /// Compared in constant time.
    pub fn matches(&self, password: &[u8]) -> bool {
        let (salt, rounds) = (&self.salt, self.rounds);
        match &self.key {
            Key::Sha1(key) => pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, salt, rounds).ct_eq(key).into(),
            Key::ScramSha1(stored) => {
                let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, salt, rounds);
                stored_key_sha1(&salted).ct_eq(stored).into()
            }
            Key::ScramSha256(stored, _) => {
                let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, rounds);
                let client_key = crate::accounts::password::keyed_digest(&salted, &[b"Client Key"]);
                Sha256::digest(client_key).ct_eq(stored).into()
            }
        }
    }

    /// What our own SCRAM-SHA-256 can be done with.
    pub fn keys(&self) -> Option<Credential> {
        let Key::ScramSha256(stored_key, server_key) = self.key else { return None };
        Some(Credential { salt: self.salt.clone(), rounds: self.rounds, stored_key, server_key })
    }
}

fn stored_key_sha1(salted: &[u8; 20]) -> [u8; 20] {
    // HMAC fills a short key up with zeros to one block (RFC 2104, 2); done here, it cannot fail.
    let mut block = [0; 64];
    block[..salted.len()].copy_from_slice(salted);
    let client_key = Hmac::<Sha1>::new(&block.into()).chain_update(b"Client Key").finalize().into_bytes();
    Sha1::digest(client_key).into()
}
