//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: a password proved without being sent (RFC 5802, 7677).
//!
//! The server proves in turn that it knows the password's keys. Knows no accounts: what it needs of
//! one is handed in as a [`Credential`], for an unknown user too.

mod message;

use super::{ChannelBindings, Exchange, Login, Turn};
use crate::mail::{AccountAddress, UserName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use message::{Binding, ClientFinal, ClientFirst};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What is stored of a password (RFC 5802, 3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The salt that the client derives its key with.
    pub salt: Vec<u8>,
    /// The rounds of PBKDF2.
    pub rounds: u32,
    /// The hash of the client's key.
    pub stored_key: [u8; 32],
    /// The key that the server proves itself with.
    pub server_key: [u8; 32],
    /// `None` when nobody may log in with it: the proof is refused, whatever it is.
    pub account: Option<AccountAddress>,
}

/// How an exchange ended.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The name that was given.
    pub user: UserName,
    /// What the proof was right for; `None` is a wrong password or an unknown user.
    pub proved: Option<Credential>,
}

/// The server between two messages of the client.
#[derive(Debug)]
pub struct Server(Awaiting);

#[derive(Debug)]
enum Awaiting {
    First {
        bindings: ChannelBindings,
        plus: bool,
    },
    Final(Box<Challenged>),
    /// The empty answer to our own proof: POP3's +OK carries no data (RFC 5034, 4).
    Acknowledgement(Verdict),
}

/// The exchange while the accounts are asked.
#[derive(Debug)]
pub struct Pending {
    first: ClientFirst,
    /// What `c=` of the final message must say: the gs2-header and the channel's data.
    binding: Vec<u8>,
}

/// The exchange after the server's first message.
#[derive(Debug)]
struct Challenged {
    pending: Pending,
    credential: Credential,
    server_first: String,
    nonce: String,
}

impl Server {
    /// Waits for the client's first message; `plus`: the client chose the mechanism with binding.
    pub(super) fn new(bindings: ChannelBindings, plus: bool) -> Self {
        Self(Awaiting::First { bindings, plus })
    }

    /// Takes the client's next message.
    pub(super) fn respond(self, message: &[u8]) -> Turn {
        match self.0 {
            Awaiting::First { bindings, plus } => begin(message, &bindings, plus)
                .map_or(Turn::Failed, |pending| Turn::LookUp(pending.first.user.clone(), pending)),
            Awaiting::Final(challenged) => challenged.judge(message),
            Awaiting::Acknowledgement(verdict) if message.is_empty() => Turn::Judge(Login::Proof(verdict)),
            Awaiting::Acknowledgement(_) => Turn::Failed,
        }
    }
}

impl Pending {
    /// The accounts have answered. `nonce`: printable, without a comma, never used before.
    pub fn answer(self, credential: Credential, nonce: &str) -> Turn {
        let nonce = format!("{}{nonce}", self.first.nonce);
        let salt = BASE64.encode(&credential.salt);
        let server_first = format!("r={nonce},s={salt},i={}", credential.rounds);
        let challenge = server_first.clone().into_bytes();
        let challenged = Challenged { pending: self, credential, server_first, nonce };
        Turn::Challenge(challenge, Exchange::Scram(Server(Awaiting::Final(Box::new(challenged)))))
    }
}

impl Challenged {
    fn judge(self, message: &[u8]) -> Turn {
        let Some(last) = ClientFinal::parse(message) else { return Turn::Failed };
        if last.nonce != self.nonce || last.binding != self.pending.binding {
            return Turn::Failed;
        }
        let signed = format!("{},{},{}", self.pending.first.bare, self.server_first, last.without_proof);
        let user = self.pending.first.user;
        let right = proof_is_right(&last.proof, &self.credential.stored_key, &signed);
        if !right || self.credential.account.is_none() {
            return Turn::Judge(Login::Proof(Verdict { user, proved: None }));
        }
        let ours = BASE64.encode(hmac(&self.credential.server_key, signed.as_bytes()));
        let verdict = Verdict { user, proved: Some(self.credential) };
        Turn::Challenge(
            format!("v={ours}").into_bytes(),
            Exchange::Scram(Server(Awaiting::Acknowledgement(verdict))),
        )
    }
}

/// `None` for what is no first message, or for a binding that cannot be granted.
fn begin(message: &[u8], bindings: &ChannelBindings, plus: bool) -> Option<Pending> {
    let first = ClientFirst::parse(message)?;
    let data = match (&first.binding, plus) {
        (Binding::NotSupported, false) => &[][..],
        // "I could bind, but you do not offer it": if we did, somebody removed it from our list
        // (RFC 5802, 6).
        (Binding::ThoughtMissing, false) if !bindings.any() => &[],
        (Binding::Required(name), true) => match name.as_str() {
            "tls-exporter" => bindings.exporter.as_deref()?,
            "tls-server-end-point" => bindings.server_end_point.as_deref()?,
            _ => return None,
        },
        _ => return None,
    };
    let binding = [first.gs2_header.as_bytes(), data].concat();
    Some(Pending { first, binding })
}

/// RFC 5802, 3: the proof is ClientKey XOR ClientSignature, and StoredKey is H(ClientKey).
fn proof_is_right(proof: &[u8; 32], stored_key: &[u8; 32], signed: &str) -> bool {
    let mut client_key = hmac(stored_key, signed.as_bytes());
    for (octet, proved) in client_key.iter_mut().zip(proof) {
        *octet ^= proved;
    }
    // In constant time, or the stored key could be felt out octet by octet.
    Sha256::digest(client_key).as_slice().ct_eq(stored_key).into()
}

fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // HMAC fills a short key up with zeros to one block (RFC 2104, 2); done here, it cannot fail.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::<Sha256>::new(&block.into()).chain_update(text).finalize().into_bytes().into()
}

/// Tells nothing of the keys.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
