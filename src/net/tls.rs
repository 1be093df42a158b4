//! The certificate in force, and how a handshake is done with it. Knows files and rustls; knows no
//! connection and no protocol.

use super::{pem, x509};
use crate::finding::Finding;
use crate::limits;
use crate::mail::Domain;
use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

/// The certificate in force; replaced without touching running connections.
pub struct Tls {
    current: RwLock<Arc<Current>>,
    files: Mutex<Files>,
}

/// Where the certificate in force came from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// How they looked when they were last read, for better or worse.
    seen: [Stamp; 2],
}

struct Current {
    chain: Vec<CertificateDer<'static>>,
    with_tickets: TlsAcceptor,
    without_tickets: TlsAcceptor,
}

/// Whether TLS 1.3 session tickets are sent (never on SMTP: Outlook.com's senders give up on them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tickets {
    /// A mail program that comes every minute saves half a handshake.
    Send,
    /// Nothing can be resumed, over TLS 1.2 neither.
    Never,
}

/// What tells one version of a file from the next: modification time, size, device and inode.
type Stamp = Option<(i64, i64, u64, u64, u64)>;

impl Tls {
    /// Reads and checks PEM files. An expired certificate is in force all the same: see
    /// [`Tls::warnings`].
    ///
    /// # Errors
    /// A file is unreadable or not what it should be, or the key is that of another certificate.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Finding> {
        let files = Files::look(certificate, key); // First: a change while we read must show.
        let current = Current::read(certificate, key)?;
        Ok(Self { current: RwLock::new(Arc::new(current)), files: Mutex::new(files) })
    }

    /// Reads again; a broken new one keeps the old and says so. `true` if another one is in force now.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn reload(&self) -> Result<bool, Finding> {
        let mut files = self.files();
        // Noted before the outcome is known: a broken pair is complained about once, not at every
        // look, and is tried again when it changes.
        *files = Files::look(&files.certificate, &files.key);
        let new = Current::read(&files.certificate, &files.key)?;
        Ok(self.replace(new))
    }

    /// Reads other files, and looks at those from now on; if they are no use, nothing changes.
    /// `true` if another certificate is in force now.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn move_to(&self, certificate: &Path, key: &Path) -> Result<bool, Finding> {
        let files = Files::look(certificate, key);
        let new = Current::read(certificate, key)?;
        *self.files() = files;
        Ok(self.replace(new))
    }

    fn replace(&self, new: Current) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let other = new.chain != current.chain;
        if other {
            *current = Arc::new(new);
        }
        other
    }

    /// Whether the files look different (mtime, size, inode) from when they were read.
    pub fn files_changed(&self) -> bool {
        let files = self.files();
        Files::look(&files.certificate, &files.key).seen != files.seen
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client may dislike about the certificate in force: expired or soon to be, made for
    /// other names, an incomplete chain.
    pub fn warnings(&self, hostname: &Domain, now: SystemTime) -> Vec<Finding> {
        let chain = &self.current().chain;
        let Some(leaf) = chain.first() else { return Vec::new() };
        let file = self.files().certificate.display().to_string();
        let mut warnings: Vec<Finding> = expiry_warning(&file, leaf, now).into_iter().collect();
        if !x509::is_for(leaf, hostname.as_str()) {
            warnings.push(Finding {
                what: format!("{file} is not made for the name {}", hostname.as_str()),
                remedy: "mail programs must be told a name that is in the certificate; \
                         get one for this name, or set `hostname`; a self-signed one in data_dir/tls is \
                         made anew when it is removed"
                    .to_owned(),
            });
        }
        if !x509::is_whole(chain) {
            warnings.push(Finding {
                what: format!("{file} holds an incomplete chain"),
                remedy: "append the intermediate certificates, each after the one that it signed \
                         (certbot's fullchain.pem)"
                    .to_owned(),
            });
        }
        warnings
    }

    /// What does the next handshake, and the certificate that it will show.
    pub(super) fn acceptor(&self, tickets: Tickets) -> (TlsAcceptor, CertificateDer<'static>) {
        let current = self.current();
        let acceptor = match tickets {
            Tickets::Send => &current.with_tickets,
            Tickets::Never => &current.without_tickets,
        };
        let leaf = current.chain.first().cloned();
        // The chain was read as one that is not empty.
        (acceptor.clone(), leaf.unwrap_or_else(|| CertificateDer::from(Vec::new())))
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Files {
    fn look(certificate: &Path, key: &Path) -> Self {
        let seen = [stamp(certificate), stamp(key)];
        Self { certificate: certificate.to_owned(), key: key.to_owned(), seen }
    }
}

impl Current {
    fn read(certificate: &Path, key: &Path) -> Result<Self, Finding> {
        let both = pem::read(certificate, key)?;
        let chain = both.cert.clone();
        let resolver = Arc::new(SingleCertAndKey::from(both));
        Ok(Self {
            chain,
            with_tickets: server_config(Arc::clone(&resolver), Tickets::Send)?,
            without_tickets: server_config(resolver, Tickets::Never)?,
        })
    }
}

/// TLS 1.2 and 1.3, no client certificates, rustls' choice of ciphers.
fn server_config(
    resolver: Arc<impl ResolvesServerCert + 'static>,
    tickets: Tickets,
) -> Result<TlsAcceptor, Finding> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    match tickets {
        Tickets::Send => {
            // What a client needs to resume is in its ticket, so it does not count how many there are.
            config.ticketer = ring::Ticketer::new().map_err(|error| unusable(&error))?;
            config.send_tls13_tickets = limits::TLS_TICKETS;
            config.session_storage = ServerSessionMemoryCache::new(limits::TLS_SESSIONS_MAX);
        }
        Tickets::Never => {
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(error: &rustls::Error) -> Finding {
    Finding {
        what: format!("TLS cannot be set up: {error}"),
        remedy: "report this: it depends on no setting".to_owned(),
    }
}

fn expiry_warning(file: &str, leaf: &CertificateDer<'_>, now: SystemTime) -> Option<Finding> {
    let end = x509::not_after(leaf)?;
    let days = end.duration_since(now).map(|left| left.as_secs() / 86_400);
    let what = match days {
        Err(_) => format!("{file} has expired"),
        Ok(days) if days < limits::CERTIFICATE_DAYS_LEFT_MIN => format!("{file} expires in {days} days"),
        Ok(_) => return None,
    };
    let remedy = "renew it; restante loads the new one by itself".to_owned();
    Some(Finding { what, remedy })
}

/// `None` when the file is not there or may not be looked at. Follows links: certbot's names are
/// links that are pointed at the next file.
fn stamp(file: &Path) -> Stamp {
    let found = fs::metadata(file).ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.size(), found.dev(), found.ino()))
}

#[cfg(test)]
mod tests;
