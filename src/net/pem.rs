//! Reading a certificate and its key from PEM files; what is wrong with them is told to the
//! operator. Knows no connection.

use crate::finding::Finding;
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::path::Path;

/// Reads a chain, the server's own certificate first, and the key that belongs to it.
///
/// # Errors
/// A finding that names the file: unreadable, not PEM, not a certificate, a key of no known kind, a
/// key of another certificate.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, Finding> {
    let chain = read_chain(certificate)?;
    let key_der = read_key(key)?;
    match CertifiedKey::from_der(chain, key_der, &ring::default_provider()) {
        Ok(both) => Ok(both),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(Finding {
            what: format!("{} does not belong to {}", key.display(), certificate.display()),
            remedy: "give the key that the certificate was made for, \
                     and the server's own certificate first in its file"
                .to_owned(),
        }),
        // rustls' own words for it are those of a programmer.
        Err(Error::InvalidCertificate(_)) => Err(Finding {
            what: format!("{} cannot be used: no X.509 version 3 certificate", certificate.display()),
            remedy: "have it issued anew; `openssl x509 -in FILE -text` shows its version".to_owned(),
        }),
        Err(error) => Err(Finding {
            what: format!("{} cannot be used: {error}", key.display()),
            remedy: "give an RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519 key".to_owned(),
        }),
    }
}

pub(super) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let text = read_file(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(Finding {
            what: format!("{}: no certificate in it", file.display()),
            remedy: "give a PEM file with `-----BEGIN CERTIFICATE-----`, \
                     the server's own first, then the intermediate ones"
                .to_owned(),
        }),
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, Finding> {
    let text = read_file(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let locked = text.windows(9).any(|window| window == b"ENCRYPTED");
        let what = if locked { "the key is locked with a password" } else { "no private key in it" };
        Finding {
            what: format!("{}: {what}", file.display()),
            remedy: "give a PEM file with `-----BEGIN PRIVATE KEY-----`, without a password".to_owned(),
        }
    })
}

fn read_file(file: &Path) -> Result<Vec<u8>, Finding> {
    fs::read(file).map_err(|error| Finding {
        what: format!("{} cannot be read: {error}", file.display()),
        remedy: match error.kind() {
            io::ErrorKind::NotFound => "make it, or name the right file in [tls]",
            io::ErrorKind::PermissionDenied => "let the user that restante runs as read it",
            _ => "name the right file in [tls]",
        }
        .to_owned(),
    })
}
