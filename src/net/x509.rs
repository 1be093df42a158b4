//! What we ask about a certificate of our own: until when, for which names, complete or not, and its
//! hash for channel binding. Leans on the checks of rustls, so no second parser reads certificates.
//! Knows no file and no connection.

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::time::{Duration, SystemTime};

/// The last moment a certificate can name: RFC 5280, 4.1.2.5.2 writes 9999-12-31 23:59:59 for
/// "never".
const END_OF_TIME: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(253_402_300_799));

/// When the certificate ends; `None` when it never does or cannot be read.
pub(super) fn not_after(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    // Asked at the end of time, with no authority to trust: the time is looked at first.
    match verify(std::slice::from_ref(certificate), &RootCertStore::empty(), END_OF_TIME) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(not_after.as_secs()))
        }
        _ => None,
    }
}

/// Whether a client that connects to `name` finds that name in the certificate.
pub(super) fn is_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    ParsedCertificate::try_from(certificate)
        .and_then(|certificate| verify_server_name(&certificate, &name))
        .is_ok()
}

/// Whether each certificate of the chain is signed by the next, and what it was issued by is there:
/// a self-signed certificate alone is whole, one from an authority alone is not.
pub(super) fn is_whole(chain: &[CertificateDer<'_>]) -> bool {
    let Some(last) = chain.last() else { return false };
    let mut roots = RootCertStore::empty();
    if roots.add(last.clone().into_owned()).is_err() {
        return false;
    }
    // Only what these two say about the chain counts here; that a home-made certificate calls
    // itself an authority, or that it has run out, is told elsewhere or harms nobody.
    !matches!(
        verify(chain, &roots, UnixTime::now()),
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature))
    )
}

fn verify(chain: &[CertificateDer<'_>], roots: &RootCertStore, at: UnixTime) -> Result<(), Error> {
    let (leaf, others) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let leaf = ParsedCertificate::try_from(leaf)?;
    verify_server_cert_signed_by_trust_anchor(&leaf, roots, others, at, algorithms.all)
}

/// The channel binding `tls-server-end-point` (RFC 5929, 4.1): the certificate's hash by the hash
/// function of its signature, SHA-256 in place of MD5 and SHA-1. `None` where the RFC defines none,
/// such as for Ed25519, which has no hash function of its own.
pub(super) fn server_end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    Some(match signature_hash(signature_algorithm(certificate)?)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The hash of a signature algorithm, by its object identifier as DER writes it.
fn signature_hash(oid: &[u8]) -> Option<Hash> {
    /// 1.2.840.113549.1.1, RSA with PKCS #1 (RFC 8017, A.2.4).
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    /// 1.2.840.10045.4, ECDSA (RFC 5758, 3.2).
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    match (oid.strip_prefix(RSA), oid.strip_prefix(ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(Hash::Sha256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(Hash::Sha384),
        (Some([13]), _) | (_, Some([3, 4])) => Some(Hash::Sha512),
        _ => None,
    }
}

/// RFC 5280, 4.1: `SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, … }, … }`.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = der_value(SEQUENCE, certificate)?;
    let (_, after_tbs) = der_value(SEQUENCE, certificate)?;
    let (algorithm, _) = der_value(SEQUENCE, after_tbs)?;
    der_value(OBJECT_IDENTIFIER, algorithm).map(|(oid, _)| oid)
}

/// Takes one value with that tag: its content, and what comes after it.
fn der_value(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // The low bits say how many octets the length has; a certificate fits into three.
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    fn self_signed(algorithm: &'static rcgen::SignatureAlgorithm) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(["mail.example.org".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2033, 5, 18);
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn the_end_and_the_names_are_those_of_the_certificate() {
        let certificate = self_signed(&rcgen::PKCS_ECDSA_P256_SHA256);
        let end = not_after(&certificate).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(end.as_secs(), 1_999_987_200); // date -ud 2033-05-18 +%s
        assert!(is_for(&certificate, "mail.example.org"));
        assert!(!is_for(&certificate, "example.org"));
        assert_eq!(not_after(&CertificateDer::from_slice(b"nonsense")), None);
    }

    #[test]
    fn the_hash_of_the_channel_binding_is_that_of_the_signature() {
        for (algorithm, octets) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(32)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(48)),
            (&rcgen::PKCS_ED25519, None),
        ] {
            let binding = server_end_point(&self_signed(algorithm));
            assert_eq!(binding.map(|hash| hash.len()), octets);
        }
        let certificate = self_signed(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(server_end_point(&certificate), Some(Sha256::digest(&certificate).to_vec()));
    }

    #[test]
    fn a_certificate_cut_off_anywhere_has_no_algorithm() {
        let certificate = self_signed(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert!(signature_algorithm(&certificate).is_some());
        for cut in 0..certificate.len() {
            assert_eq!(signature_algorithm(&certificate[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn old_hashes_are_replaced_and_unknown_ones_have_no_binding() {
        let rsa = |last| [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01][..], &[last]].concat();
        for (last, octets) in
            [(4, Some(256)), (5, Some(256)), (11, Some(256)), (12, Some(384)), (13, Some(512))]
        {
            let bits = signature_hash(&rsa(last)).map(|hash| match hash {
                Hash::Sha256 => 256,
                Hash::Sha384 => 384,
                Hash::Sha512 => 512,
            });
            assert_eq!(bits, octets, "{last}");
        }
        assert!(signature_hash(&rsa(10)).is_none(), "PSS names its hash elsewhere");
    }

    #[test]
    fn a_chain_is_whole_when_each_is_signed_by_the_next() {
        let issuer = |name: &str| {
            let mut params = CertificateParams::new([]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        let (ours, other) = (issuer("ours"), issuer("other"));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["mail.example.org".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &ours).unwrap().der().clone();
        assert!(is_whole(&[leaf.clone(), ours.der().clone()]));
        assert!(!is_whole(&[leaf.clone(), other.der().clone()]));
        assert!(!is_whole(&[leaf]));
        assert!(is_whole(&[self_signed(&rcgen::PKCS_ECDSA_P256_SHA256)]));
        assert!(is_whole(&[ours.der().clone()]), "self-signed by `openssl req -x509`");
        assert!(!is_whole(&[]));
    }
}
