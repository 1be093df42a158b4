//! What is stored instead of a password: PBKDF2-HMAC-SHA256 in the form of SCRAM (RFC 5802, 3; RFC
//! 7677), so that one derivation serves PASS, PLAIN, LOGIN and SCRAM-SHA-256.
//!
//! Knows no account and no database.

use super::Error;
use crate::limits;
use crate::mail::Password;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use subtle::ConstantTimeEq;

/// The name of this form in `account list --json`.
pub(super) const KIND: &str = "pbkdf2-sha256";

/// What the database holds for one password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub salt: Vec<u8>,
    pub rounds: u32,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

impl Credential {
    /// Derives with a fresh salt.
    ///
    /// # Errors
    /// `Temporary` when the system gives no randomness.
    pub fn new(password: &Password, rounds: u32) -> Result<Self, Error> {
        let mut salt = vec![0; limits::SALT_LEN];
        random(&mut salt)?;
        Ok(Self::derive(password, salt, rounds))
    }

    /// The whole cost of a login lies in here.
    pub fn derive(password: &Password, salt: Vec<u8>, rounds: u32) -> Self {
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(&prepared(password), &salt, rounds);
        let client_key = keyed_digest(&salted, &[b"Client Key"]);
        let server_key = keyed_digest(&salted, &[b"Server Key"]);
        Self { salt, rounds, stored_key: Sha256::digest(client_key).into(), server_key }
    }

    /// Derives with this credential's salt and rounds, then compares in constant time.
    pub fn matches(&self, password: &Password) -> bool {
        let derived = Self::derive(password, self.salt.clone(), self.rounds);
        derived.stored_key.ct_eq(&self.stored_key).into()
    }
}

/// HMAC-SHA256 over the parts, one behind the other.
pub(super) fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a short key up with zeros itself (RFC 2104, 2); done here, no length can be wrong.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Fills with octets nobody can guess.
///
/// # Errors
/// `Temporary` when the system gives none.
pub(super) fn random(octets: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(octets).map_err(|error| Error::Temporary(format!("no randomness: {error}")))
}

/// SASLprep (RFC 4013), as RFC 5802, 2.2 asks, so that one password typed on two keyboards is one.
///
/// A password it does not take (another charset, an emoji, which Unicode 3.2 did not know) is used
/// as it came: its owner gets in by PASS all the same.
fn prepared(password: &Password) -> Cow<'_, [u8]> {
    let octets = password.expose();
    let Ok(text) = std::str::from_utf8(octets) else {
        return Cow::Borrowed(octets);
    };
    match stringprep::saslprep(text) {
        // Nothing left would mean that every such password is the same.
        Ok(text) if !text.is_empty() => Cow::Owned(text.into_owned().into_bytes()),
        _ => Cow::Borrowed(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine};

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    /// RFC 7677, 3: both signatures of its example, made from what we store.
    #[test]
    fn the_example_of_the_rfc() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credential = Credential::derive(&password("pencil"), salt, 4096);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server = keyed_digest(&credential.server_key, &[message.as_bytes()]);
        assert_eq!(BASE64_STANDARD.encode(server), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");

        let proof = BASE64_STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = keyed_digest(&credential.stored_key, &[message.as_bytes()]);
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(<[u8; 32]>::from(Sha256::digest(client_key)), credential.stored_key);
    }

    /// RFC 4231, 4.2 and 4.3, with keys filled up to 32 octets by nothing but zeros.
    #[test]
    fn the_keyed_digest_is_hmac() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let digest = keyed_digest(&key, &[b"Hi ", b"There"]);
        assert_eq!(digest[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }

    #[test]
    fn only_the_same_password_matches() {
        let credential = Credential::new(&password("hunter2"), 4096).unwrap();
        for (text, same) in [("hunter2", true), ("Hunter2", false), ("hunter2 ", false), ("hunter", false)] {
            assert_eq!(credential.matches(&password(text)), same, "{text:?}");
        }
    }

    #[test]
    fn the_same_password_is_stored_differently_each_time() {
        let [a, b] = [0; 2].map(|_| Credential::new(&password("hunter2"), 4096).unwrap());
        assert!(a.salt != b.salt && a.stored_key != b.stored_key);
        assert_eq!(a.salt.len(), limits::SALT_LEN);
    }

    #[test]
    fn what_two_keyboards_send_for_one_password_is_one_password() {
        for (one, other) in
            [("I\u{ad}X", "IX"), ("\u{aa}", "a"), ("gr\u{fc}n", "gru\u{308}n"), ("a\u{a0}b", "a b")]
        {
            assert_eq!(prepared(&password(one)), prepared(&password(other)), "{one:?}");
        }
    }

    #[test]
    fn what_saslprep_refuses_is_used_as_it_came() {
        for octets in [&b"\xe9t\xe9"[..], "\u{1f980}".as_bytes(), "\u{7}".as_bytes(), "\u{ad}".as_bytes()] {
            let password = Password::new(octets).unwrap();
            assert_eq!(*prepared(&password), *octets);
        }
    }
}
