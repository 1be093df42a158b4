//! Certificates made for the test, whole and broken.

use super::*;
use crate::net::make_self_signed;
use std::time::Duration;

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// A folder with `cert.pem` and `key.pem`.
fn pair() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let (certificate, key) = make_self_signed(home.path(), &domain("mail.example.org")).unwrap();
    (home, certificate, key)
}

#[test]
fn what_cannot_be_used_names_the_file_and_the_remedy() {
    let (home, certificate, key) = pair();
    let (_other_home, _, other_key) = pair();
    let locked = home.path().join("locked.pem");
    fs::write(&locked, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
        .unwrap();
    let nonsense = home.path().join("nonsense.pem");
    fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let missing = home.path().join("missing.pem");
    let folder = home.path().to_owned();
    for (certificate, key, named, what) in [
        (&missing, &key, &missing, "cannot be read"),
        (&folder, &key, &folder, "cannot be read: Is a directory"),
        (&certificate, &missing, &missing, "cannot be read"),
        (&key, &key, &key, "no certificate in it"),
        (&certificate, &certificate, &certificate, "no private key in it"),
        (&certificate, &locked, &locked, "locked with a password"),
        (&certificate, &other_key, &other_key, "does not belong to"),
        (&nonsense, &key, &nonsense, "cannot be used"),
    ] {
        let problem = Tls::load(certificate, key).err().unwrap();
        assert!(problem.what.starts_with(&named.display().to_string()), "{problem}");
        assert!(problem.what.contains(what), "{problem}");
        assert!(!problem.remedy.is_empty() && !problem.remedy.contains("the user that"), "{problem}");
    }
}

#[test]
fn a_renewed_certificate_is_noticed_and_taken() {
    let (_home, certificate, key) = pair();
    let tls = Tls::load(&certificate, &key).unwrap();
    assert!(!tls.files_changed());
    assert_eq!(tls.reload(), Ok(false), "the same as before");
    let (_new_home, new_certificate, new_key) = pair();
    fs::rename(new_key, &key).unwrap();
    fs::rename(new_certificate, &certificate).unwrap();
    assert!(tls.files_changed());
    let before = tls.acceptor(Tickets::Never).1;
    assert_eq!(tls.reload(), Ok(true));
    assert!(!tls.files_changed());
    assert_ne!(tls.acceptor(Tickets::Never).1, before);
}

#[test]
fn a_broken_renewal_keeps_the_old_one_and_is_told_once() {
    let (_home, certificate, key) = pair();
    let tls = Tls::load(&certificate, &key).unwrap();
    let before = tls.acceptor(Tickets::Send).1;
    let whole = fs::read(&key).unwrap();
    fs::write(&key, "half a key").unwrap();
    assert!(tls.files_changed());
    assert!(tls.reload().is_err());
    assert!(!tls.files_changed(), "nothing new since the complaint");
    assert_eq!(tls.acceptor(Tickets::Send).1, before);
    fs::write(&key, whole).unwrap();
    assert!(tls.files_changed());
    assert_eq!(tls.reload(), Ok(false));
}

#[test]
fn what_clients_would_dislike_is_told() {
    let (_home, certificate, key) = pair();
    let tls = Tls::load(&certificate, &key).unwrap();
    let end = x509::not_after(&tls.acceptor(Tickets::Send).1).unwrap();
    let days_before = |days: u64| end - Duration::from_secs(days * 86_400);
    let told = |name, now| -> Vec<String> {
        tls.warnings(&domain(name), now).into_iter().map(|finding| finding.what).collect()
    };
    let file = certificate.display();
    assert_eq!(told("mail.example.org", days_before(31)), [""; 0]);
    assert_eq!(told("mail.example.org", days_before(3)), [format!("{file} expires in 3 days")]);
    assert_eq!(
        told("example.net", end + Duration::from_secs(1)),
        [format!("{file} has expired"), format!("{file} is not made for the name example.net")]
    );
}
