//! Hashes that take memory on purpose: argon2, scrypt (`$7$`), yescrypt (`$y$`) and its GOST form (`$gy$`).
//!
//! What one of them may take is bounded when it is read, and the large ones are computed one at a time:
//! a stranger who knows a name can make the server do this.

use super::Unusable;
use super::written::{from_base64, from_crypt64, number64, to_crypt64};
use crate::limits;
use hmac::{KeyInit, Mac, SimpleHmac};
use std::sync::{Mutex, PoisonError};
use streebog::{Digest as _, Streebog256};
use subtle::ConstantTimeEq;

/// Held while a large one is computed.
static TURN: Mutex<()> = Mutex::new(());

/// A hash that takes memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Hungry {
    /// As written, for the schemes whose settings go into the hash.
    setting: String,
    salt: Vec<u8>,
    hash: Vec<u8>,
    method: Method,
}

#[derive(Clone, PartialEq, Eq)]
enum Method {
    Argon2(argon2::Algorithm, argon2::Version, argon2::Params),
    Scrypt { log_n: u8, r: u32, p: u32 },
    Yescrypt(yescrypt::Params),
    GostYescrypt(yescrypt::Params),
}

impl Hungry {
    /// `None` when it is not one of these: `scheme` names argon2, or the text begins as the others do.
    pub fn parse(scheme: &str, text: &str) -> Option<Result<Self, Unusable>> {
        let (name, read) = match (scheme, text.split('$').nth(1)) {
            ("ARGON2I" | "ARGON2ID" | "ARGON2", _) => (scheme, Self::argon2(text)),
            ("CRYPT", Some("7")) => ("scrypt", Self::scrypt(text)),
            ("CRYPT", Some("y")) => ("yescrypt", Self::yescrypt(text, "$y$")),
            ("CRYPT", Some("gy")) => ("gost-yescrypt", Self::yescrypt(text, "$gy$")),
            _ => return None,
        };
        let broken = || Unusable(format!("{name}: not a whole hash, or one with options not known here"));
        Some(read.ok_or_else(broken).and_then(|hungry| {
            hungry.method.affordable(name)?;
            if hungry.method.is_sound() { Ok(hungry) } else { Err(broken()) }
        }))
    }

    /// `$argon2id$v=19$m=65536,t=3,p=1$salt$hash`; without `v=` it is version 16.
    fn argon2(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix('$')?.split('$').peekable();
        let algorithm = argon2::Algorithm::new(fields.next()?).ok()?;
        let version = match fields.peek()?.strip_prefix("v=") {
            Some(version) => {
                fields.next();
                argon2::Version::try_from(version.parse::<u32>().ok()?).ok()?
            }
            None => argon2::Version::V0x10,
        };
        let mut costs = fields.next()?.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
        let (salt, hash) = (from_base64(fields.next()?.as_bytes())?, from_base64(fields.next()?.as_bytes())?);
        let params = argon2::Params::new(memory, passes, lanes, Some(hash.len())).ok()?;
        let whole = costs.next().is_none() && fields.next().is_none();
        let fits = (argon2::MIN_SALT_LEN..=64).contains(&salt.len()) && hash.len() <= 64;
        let method = Method::Argon2(algorithm, version, params);
        (whole && fits).then_some(Self { setting: String::new(), salt, hash, method })
    }

    /// `$7$` N r and p in 1, 5 and 5 digits, the salt as it is, `$`, the hash.
    fn scrypt(text: &str) -> Option<Self> {
        let (setting, hash) = text.rsplit_once('$')?;
        let costs = setting.strip_prefix("$7$")?.as_bytes();
        let (log_n, r, p) =
            (number64(costs.get(..1)?)?, number64(costs.get(1..6)?)?, number64(costs.get(6..11)?)?);
        let salt = costs.get(11..)?.to_vec();
        let method = Method::Scrypt { log_n: u8::try_from(log_n).ok()?, r, p };
        Some(Self { setting: String::new(), salt, hash: decoded(hash)?, method })
    }

    /// `$y$costs$salt$hash`
    fn yescrypt(text: &str, prefix: &str) -> Option<Self> {
        let (setting, hash) = text.rsplit_once('$')?;
        let (costs, salt) = setting.strip_prefix(prefix)?.split_once('$')?;
        let params: yescrypt::Params = costs.parse().ok()?;
        // Its other costs cannot be asked for; nobody's tools set them, and they could be without bound.
        let modes = [yescrypt::Mode::Rw, yescrypt::Mode::Worm, yescrypt::Mode::Classic];
        let (n, r, p) = (params.n(), params.r(), params.p());
        let known =
            modes.iter().any(|mode| yescrypt::Params::new(*mode, n, r, p).is_ok_and(|same| same == params));
        let method = if prefix == "$y$" { Method::Yescrypt(params) } else { Method::GostYescrypt(params) };
        let salt = from_crypt64(salt.as_bytes())?;
        known.then_some(Self { setting: setting.to_owned(), salt, hash: decoded(hash)?, method })
    }

    /// Octets written for one comparison.
    #[cfg(test)]
    pub fn work(&self) -> u64 {
        self.method.work().unwrap_or(u64::MAX)
    }

    /// Compared in constant time.
    pub fn matches(&self, password: &[u8]) -> bool {
        let memory = self.method.memory().unwrap_or(u64::MAX);
        let _turn = (memory > limits::HASH_MEMORY_SHARED_MAX)
            .then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        self.derive(password).is_some_and(|derived| derived.ct_eq(&self.hash).into())
    }

    /// `None` never comes of what was checked.
    fn derive(&self, password: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; self.hash.len()];
        match &self.method {
            Method::Argon2(algorithm, version, params) => {
                let argon2 = argon2::Argon2::new(*algorithm, *version, params.clone());
                argon2.hash_password_into(password, &self.salt, &mut out).ok()?;
            }
            Method::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(*log_n, *r, *p).ok()?;
                scrypt::scrypt(password, &self.salt, &params, &mut out).ok()?;
            }
            Method::Yescrypt(params) => yescrypt::yescrypt(password, &self.salt, params, &mut out).ok()?,
            Method::GostYescrypt(params) => {
                yescrypt::yescrypt(password, &self.salt, params, &mut out).ok()?;
                // libxcrypt, crypt-gost-yescrypt.c: HMAC(HMAC(H(password), setting), yescrypt).
                let key = gost_hmac(&Streebog256::digest(password), self.setting.as_bytes())?;
                out = gost_hmac(&key, &out)?;
            }
        }
        Some(out)
    }
}

impl Method {
    fn affordable(&self, name: &str) -> Result<(), Unusable> {
        let (memory, work) = (self.memory().unwrap_or(u64::MAX), self.work().unwrap_or(u64::MAX));
        if memory > limits::HASH_MEMORY_MAX {
            let (mib, most) = (memory >> 20, limits::HASH_MEMORY_MAX >> 20);
            return Err(Unusable(format!("{name} that takes {mib} MiB; {most} MiB at most are taken")));
        }
        if work > limits::HASH_MEMORY_WORK_MAX {
            let (mib, most) = (work >> 20, limits::HASH_MEMORY_WORK_MAX >> 20);
            return Err(Unusable(format!("{name} that goes over {mib} MiB; {most} MiB at most are taken")));
        }
        Ok(())
    }

    /// Whether there is such a function; asked of what is affordable, where no product overflows.
    fn is_sound(&self) -> bool {
        match self {
            Self::Scrypt { log_n, r, p } => *log_n > 0 && scrypt::Params::new(*log_n, *r, *p).is_ok(),
            _ => true, // Their own types are.
        }
    }

    /// Octets held at once.
    fn memory(&self) -> Option<u64> {
        match self {
            Self::Argon2(_, _, params) => u64::from(params.m_cost()).checked_mul(1024),
            Self::Scrypt { log_n, r, p } => scrypt_memory(1u64.checked_shl(u32::from(*log_n))?, *r, *p),
            Self::Yescrypt(params) | Self::GostYescrypt(params) => {
                scrypt_memory(params.n(), params.r(), params.p())
            }
        }
    }

    /// Octets written in all, which is what the time goes by.
    fn work(&self) -> Option<u64> {
        let times = match self {
            Self::Argon2(_, _, params) => params.t_cost(),
            Self::Scrypt { p, .. } => *p,
            Self::Yescrypt(params) | Self::GostYescrypt(params) => params.p(),
        };
        self.memory()?.checked_mul(u64::from(times))
    }
}

/// One table of N blocks, and the p blocks that go through it.
fn scrypt_memory(n: u64, r: u32, p: u32) -> Option<u64> {
    let block = u64::from(r).checked_mul(128)?;
    block.checked_mul(n)?.checked_add(block.checked_mul(u64::from(p))?)
}

/// What all of them have behind the last `$`: 32 octets.
fn decoded(hash: &str) -> Option<Vec<u8>> {
    let octets = from_crypt64(hash.as_bytes())?;
    // One spelling alone: the last digit has bits to spare.
    (octets.len() == 32 && to_crypt64(&octets) == hash).then_some(octets)
}

fn gost_hmac(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mac = <SimpleHmac<Streebog256> as KeyInit>::new_from_slice(key).ok()?;
    Some(mac.chain_update(text).finalize().into_bytes().to_vec())
}
