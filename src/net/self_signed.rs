//! A certificate for a server that was given none, so that TLS works from the first start. Whoever
//! connects must confirm it once; it hides the password from onlookers, not from an impostor.
//! Knows files; knows no connection.

use super::{pem, x509};
use crate::limits;
use crate::mail::Domain;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// Makes `cert.pem` and `key.pem` (0600, written aside and renamed) in `folder` (0700) unless they
/// are there. A self-signed one that ends within a month is renewed, with the same key; a
/// certificate from an authority is never replaced.
///
/// It is valid for 825 days: Apple's programs refuse what is valid for longer, confirmed or not.
///
/// # Errors
/// When the folder or the files cannot be written.
pub fn make_self_signed(folder: &Path, hostname: &Domain) -> io::Result<(PathBuf, PathBuf)> {
    make_at(folder, hostname, SystemTime::now())
}

fn make_at(folder: &Path, hostname: &Domain, now: SystemTime) -> io::Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let there = certificate.try_exists()? && key.try_exists()?;
    if there && !wants_renewal(&certificate, &key, now) {
        return Ok((certificate, key));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let pair = match fs::read_to_string(&key).ok().and_then(|text| KeyPair::from_pem(&text).ok()) {
        Some(pair) => pair,
        None => {
            let pair = KeyPair::generate().map_err(io::Error::other)?; // ECDSA P-256.
            write_aside(&key, &pair.serialize_pem())?;
            pair
        }
    };
    // The key first: a crash in between leaves a key without a certificate, which the next start
    // completes, and never two that do not belong together.
    let params = params(hostname, now).map_err(io::Error::other)?;
    let made = params.self_signed(&pair).map_err(io::Error::other)?;
    write_aside(&certificate, &made.pem())?;
    File::open(folder)?.sync_all()?;
    Ok((certificate, key))
}

fn wants_renewal(certificate: &Path, key: &Path, now: SystemTime) -> bool {
    let Ok(found) = pem::read(certificate, key) else { return false }; // Told when it is loaded.
    let [leaf] = &found.cert[..] else { return false };
    let soon = now + Duration::from_secs(limits::CERTIFICATE_DAYS_LEFT_MIN * 86_400);
    // A chain of one that is whole is signed by itself.
    x509::is_whole(&found.cert) && x509::not_after(leaf).is_some_and(|end| end < soon)
}

fn params(hostname: &Domain, now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    // A name beyond ASCII has no place in a certificate's list; such a server goes by "localhost".
    if hostname.as_str().is_ascii() && hostname.as_str() != "localhost" {
        names.insert(0, hostname.as_str().to_owned());
    }
    let mut params = CertificateParams::new(names)?;
    // RFC 5280, upper bounds: a common name has 64 characters at most.
    let common_name = Some(hostname.as_str()).filter(|name| name.len() <= 64).unwrap_or("restante");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Since yesterday: the clock of a telephone may lag behind ours.
    params.not_before = OffsetDateTime::from(now) - time::Duration::DAY;
    params.not_after = params.not_before + time::Duration::days(limits::SELF_SIGNED_DAYS);
    Ok(params)
}

/// Whoever reads the file finds the old one or the new one, whole; and nobody else may read it.
fn write_aside(file: &Path, text: &str) -> io::Result<()> {
    let aside = file.with_extension("pem.new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (), // At most what a crash left behind.
    }
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&aside, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Tls;
    use std::os::unix::fs::PermissionsExt;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_can_be_loaded_and_is_nobody_elses() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data/tls");
        let hostname = domain("mail.example.org");
        let (certificate, key) = make_self_signed(&folder, &hostname).unwrap();
        let modes = [mode(&folder), mode(&certificate), mode(&key)];
        assert_eq!(modes, [0o700, 0o600, 0o600]);
        let tls = Tls::load(&certificate, &key).unwrap();
        assert_eq!(tls.warnings(&hostname, SystemTime::now()), []);
        let leaf = &pem::read(&certificate, &key).unwrap().cert[0];
        for name in ["mail.example.org", "localhost", "127.0.0.1", "::1"] {
            assert!(x509::is_for(leaf, name), "{name}");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing is left aside");
    }

    #[test]
    fn any_hostname_will_do() {
        for name in ["localhost", "müller.example", &format!("{}.org", "a.".repeat(60) + "a")] {
            assert!(params(&domain(name), SystemTime::now()).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_there_stays_until_it_is_about_to_end() {
        let home = tempfile::tempdir().unwrap();
        let (hostname, made) = (domain("mail.example.org"), SystemTime::now());
        let days = |days: u64| made + Duration::from_secs(days * 86_400);
        let (certificate, key) = make_at(home.path(), &hostname, made).unwrap();
        let [first, its_key] = [&certificate, &key].map(|file| fs::read(file).unwrap());
        make_at(home.path(), &hostname, days(793)).unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), first);
        make_at(home.path(), &hostname, days(795)).unwrap();
        assert_ne!(fs::read(&certificate).unwrap(), first);
        assert_eq!(fs::read(&key).unwrap(), its_key);
        assert!(Tls::load(&certificate, &key).is_ok());
    }

    #[test]
    fn what_a_crash_left_is_completed() {
        let home = tempfile::tempdir().unwrap();
        let hostname = domain("mail.example.org");
        let (certificate, key) = make_self_signed(home.path(), &hostname).unwrap();
        for lost in [&certificate, &key] {
            fs::remove_file(lost).unwrap();
            fs::write(home.path().join("key.pem.new"), "half").unwrap();
            fs::write(home.path().join("cert.pem.new"), "half").unwrap();
            make_self_signed(home.path(), &hostname).unwrap();
            assert!(Tls::load(&certificate, &key).is_ok());
        }
    }
}
