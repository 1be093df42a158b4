//! A client of SCRAM-SHA-256 by RFC 5802, 3, 5 and 7, with an HMAC by RFC 2104, 2: shares nothing with
//! the server but the hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

pub struct Client {
    pub user: String,
    pub nonce: String,
    pub plus: bool,
    header: String,
    /// The octets of the channel that it binds to.
    bound: &'static [u8],
    /// An optional extension of the final message.
    extension: String,
    salted_password: [u8; 32],
}

impl Client {
    /// Made of what the fuzzer says: name, nonce, extension and key each on a line of its own.
    pub fn of(options: u8, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let user = next();
        let legal = |c: &char| c.is_ascii_graphic() && *c != ',';
        let nonce = format!("n{}", next().chars().filter(legal).collect::<String>());
        let extension = match next() {
            none if none.is_empty() => none,
            some => format!(",x={}", some.replace(',', ";")),
        };
        let acting_as = if options & 4 == 0 { String::new() } else { format!("a={}", escaped(&user)) };
        let (flag, bound): (_, &[u8]) = match options & 3 {
            0 => ("p=tls-exporter", &[1; 32]),
            1 => ("p=tls-server-end-point", &[2; 32]),
            _ => ("n", &[]),
        };
        Self {
            user,
            nonce,
            plus: options & 3 < 2,
            header: format!("{flag},{acting_as},"),
            bound,
            extension,
            salted_password: Sha256::digest(next()).into(),
        }
    }

    pub fn first(&self) -> String {
        format!("{}{}", self.header, self.bare())
    }

    pub fn last(&self, challenge: &str) -> String {
        let without_proof = self.without_proof(challenge);
        let signature = hmac(&self.stored_key(), self.signed(challenge).as_bytes());
        let proof: Vec<u8> = self.client_key().iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
        format!("{without_proof},p={}", BASE64.encode(proof))
    }

    /// What the server must say to prove that it knows the password's keys.
    pub fn server_proof(&self, challenge: &str) -> String {
        format!("v={}", BASE64.encode(hmac(&self.server_key(), self.signed(challenge).as_bytes())))
    }

    pub fn stored_key(&self) -> [u8; 32] {
        Sha256::digest(self.client_key()).into()
    }

    pub fn server_key(&self) -> [u8; 32] {
        hmac(&self.salted_password, b"Server Key")
    }

    fn client_key(&self) -> [u8; 32] {
        hmac(&self.salted_password, b"Client Key")
    }

    fn bare(&self) -> String {
        format!("n={},r={}", escaped(&self.user), self.nonce)
    }

    fn without_proof(&self, challenge: &str) -> String {
        let nonce = challenge.split(',').next().unwrap_or_default();
        let binding = BASE64.encode([self.header.as_bytes(), self.bound].concat());
        format!("c={binding},{nonce}{}", self.extension)
    }

    fn signed(&self, challenge: &str) -> String {
        format!("{},{challenge},{}", self.bare(), self.without_proof(challenge))
    }
}

fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
        block
    };
    let inner = Sha256::digest([&padded(0x36), text].concat());
    Sha256::digest([&padded(0x5c)[..], &inner].concat()).into()
}
