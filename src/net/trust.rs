//! Whom we believe to be the server we connect to: the system's authorities, a file of certificates, one
//! certificate's fingerprint, or anybody. Knows rustls; knows no connection.

use super::pem;
use crate::finding::Finding;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// The SHA-256 of a certificate as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Which certificates are good.
#[derive(Clone, Debug)]
pub struct Trust(Kind);

#[derive(Clone)]
enum Kind {
    /// Signed, however indirectly, by one of these, for the name that was asked for; or one of these.
    Authorities { checked: Arc<WebPkiServerVerifier>, named: Vec<CertificateDer<'static>> },
    /// This one and no other, for whatever name and time.
    One(Fingerprint),
    /// Any.
    Any,
}

/// The authorities of this machine, once they have been read.
static SYSTEM: Mutex<Option<Trust>> = Mutex::new(None);

impl Trust {
    /// The authorities that this machine trusts: read once, since there are hundreds of them, and again
    /// after [`Trust::forget_system`].
    ///
    /// # Errors
    /// A finding when there are none.
    pub fn system() -> Result<Self, Finding> {
        let mut known = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let found = rustls_native_certs::load_native_certs();
        let trust = Self::authorities(found.certs, Vec::new()).ok_or_else(|| Finding {
            what: "this machine has no certificates of authorities".to_owned(),
            remedy: "install ca-certificates, or name the server's certificate with --ca or --fingerprint"
                .to_owned(),
        })?;
        Ok(known.insert(trust).clone())
    }

    /// They may have changed.
    pub fn forget_system() {
        *SYSTEM.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The certificates in a PEM file: of authorities, or the server's own.
    ///
    /// # Errors
    /// A finding that names the file: unreadable, not PEM, no certificate that can be used.
    pub fn file(file: &Path) -> Result<Self, Finding> {
        let named = pem::read_chain(file).map_err(|finding| Finding {
            what: finding.what,
            remedy: "name a PEM file with the certificate of the authority, or the server's own".to_owned(),
        })?;
        Self::authorities(named.clone(), named).ok_or_else(|| Finding {
            what: format!("{}: no X.509 version 3 certificate in it", file.display()),
            remedy: "give the certificate of the authority, or the server's own, as PEM".to_owned(),
        })
    }

    /// The same from a PEM text that was read before.
    ///
    /// # Errors
    /// A finding when it has no certificate that can be used.
    pub fn text(pem: &str) -> Result<Self, Finding> {
        let named = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let named = named.unwrap_or_default();
        Self::authorities(named.clone(), named).ok_or_else(|| Finding {
            what: "no X.509 version 3 certificate in it".to_owned(),
            remedy: "give the certificate of the authority, or the server's own, as PEM".to_owned(),
        })
    }

    /// One certificate.
    pub fn one(fingerprint: Fingerprint) -> Self {
        Self(Kind::One(fingerprint))
    }

    /// Any certificate: the connection is encrypted, and whoever sits in between reads it all the same.
    pub fn anybody() -> Self {
        Self(Kind::Any)
    }

    /// Whether any certificate is good.
    pub fn is_anybody(&self) -> bool {
        matches!(self.0, Kind::Any)
    }

    fn authorities(roots: Vec<CertificateDer<'static>>, named: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots);
        let provider = Arc::new(ring::default_provider());
        // It fails only where the store is empty.
        let checked = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build().ok()?;
        Some(Self(Kind::Authorities { checked, named }))
    }

    /// What makes one handshake, and notes whose certificate it saw.
    pub(super) fn client(&self) -> Result<(Arc<ClientConfig>, Arc<Seen>), Error> {
        let verifier = Arc::new(Verifier::of(self.0.clone()));
        let seen = Arc::clone(&verifier.seen);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
            .with_safe_default_protocol_versions()?;
        let config = builder.dangerous().with_custom_certificate_verifier(verifier);
        Ok((Arc::new(config.with_no_client_auth()), seen))
    }

    /// What judges the certificates, for a client with other wishes about its handshake than ours.
    pub fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Verifier::of(self.0.clone()))
    }
}

/// The certificate that a server has shown.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Option<Fingerprint>>);

impl Seen {
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, fingerprint: Fingerprint) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }
}

#[derive(Debug)]
struct Verifier {
    kind: Kind,
    provider: Arc<CryptoProvider>,
    seen: Arc<Seen>,
}

impl Verifier {
    fn of(kind: Kind) -> Self {
        Self { kind, provider: Arc::new(ring::default_provider()), seen: Arc::default() }
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(leaf);
        self.seen.note(fingerprint);
        let good = match &self.kind {
            Kind::Authorities { checked, named } if !named.contains(leaf) => {
                return checked.verify_server_cert(leaf, others, name, ocsp, now);
            }
            // A certificate that was named itself needs nobody to speak for it; `openssl req -x509` makes
            // it an authority, and rustls would refuse it as a server's.
            Kind::Authorities { .. } | Kind::Any => true,
            Kind::One(wanted) => *wanted == fingerprint,
        };
        if good {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

impl Fingerprint {
    fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorities { named, .. } => write!(f, "Authorities({} named)", named.len()),
            Self::One(fingerprint) => write!(f, "One({fingerprint})"),
            Self::Any => f.write_str("Any"),
        }
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    /// 64 hexadecimal digits in any case, with or without colons between the octets. Errors read
    /// `what: remedy`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let digits: Vec<u8> = text
                .trim()
                .chars()
                .filter(|c| *c != ':')
                .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                .collect::<Option<_>>()?;
            let octets: Vec<u8> =
                digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect();
            if digits.len() == 64 { octets.try_into().ok().map(Self) } else { None }
        };
        parsed().ok_or_else(|| {
            format!(
                "`{text}` is no SHA-256 fingerprint: write 64 hexadecimal digits, as \
                 `openssl x509 -noout -fingerprint -sha256` prints them"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_and_others_write_it() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        assert!(text.starts_with("BA:78:16:BF:") && text.len() == 95, "{text}");
        for written in [text.clone(), text.replace(':', ""), text.to_lowercase(), format!(" {text} ")] {
            assert_eq!(written.parse(), Ok(fingerprint));
        }
        for bad in ["", "BA:78", &format!("{text}:00"), &text.replace('B', "G"), &text[..94]] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_is_taken_as_a_file_is() {
        let made = rcgen::generate_simple_self_signed(vec!["pop.example.net".to_owned()]).unwrap();
        assert!(Trust::text(&made.cert.pem()).is_ok());
        for bad in ["", "-----BEGIN CERTIFICATE-----\n", &made.signing_key.serialize_pem()] {
            assert!(Trust::text(bad).is_err(), "{bad}");
        }
    }
}
