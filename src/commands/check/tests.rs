//! Good and bad set-ups in folders of their own. Nothing here opens an account database: that has
//! its own tests.

use super::*;
use crate::mail::{Bytes, Domain};
use crate::net::make_self_signed;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

/// The built-in defaults, in that folder and on free ports.
fn settings(home: &Path) -> Settings {
    let mut settings = Settings::try_out();
    let free = || vec!["127.0.0.1:0".parse().unwrap()];
    settings.hostname = Domain::parse("mail.example.org").unwrap();
    settings.data_dir = home.join("data");
    (settings.smtp.listen, settings.pop3.listen, settings.pop3.listen_tls) = (free(), free(), free());
    settings
}

fn lines(remarks: &[Remark], kind: &str) -> Vec<String> {
    let shown = remarks.iter().map(ToString::to_string);
    shown.filter(|line| line.starts_with(kind)).collect()
}

fn errors(settings: &Settings) -> Vec<String> {
    lines(&examine(settings), "error: ")
}

fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = lines(&examine(settings), "warning: ");
    warnings.retain(|line| !line.contains("running as root") && !line.contains("descriptors"));
    warnings
}

#[test]
fn a_fresh_machine_is_fine_and_stays_untouched() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    assert_eq!((errors(&settings), warnings(&settings)), (vec![], vec![]));
    assert_eq!(run(Ok(settings)), Ok(()));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_configuration_with_a_mistake_is_an_error() {
    let finding = Finding { what: "a".into(), remedy: "b".into() };
    assert_eq!(run(Err(finding.clone())), Err(finding.clone()));
    let several = ending(vec![finding.clone(), finding]).unwrap_err().to_string();
    assert_eq!(several, "serve would not start: 2 errors above: mend them and run check again");
    assert_eq!(ending(vec![]), Ok(()));
}

#[test]
fn what_stands_where_a_folder_will_be_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    fs::create_dir(&settings.data_dir).unwrap();
    fs::set_permissions(&settings.data_dir, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(settings.tls_folder(), "").unwrap();
    assert!(errors(&settings)[0].contains("/tls is not a folder"), "{:?}", errors(&settings));
    fs::remove_file(settings.tls_folder()).unwrap();
    assert_eq!(errors(&settings), [""; 0]);
    for link in [settings.mail(), settings.data_dir.clone()] {
        let _ = fs::remove_dir_all(&link);
        std::os::unix::fs::symlink("/not/there", &link).unwrap();
        let found = errors(&settings);
        let said = format!("{} is a symbolic link to what is not there", link.display());
        assert!(found.iter().any(|line| line.contains(&said)), "{found:?}");
    }
}

#[test]
fn a_disk_with_less_room_than_is_kept_free_is_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings { min_free: Some(Bytes(u64::MAX)), ..settings(home.path()) };
    assert_eq!(errors(&settings), [""; 0]);
    assert!(warnings(&settings)[0].contains("`min_free`"), "{:?}", warnings(&settings));
}

#[test]
fn folders_that_cannot_be_used_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    fs::write(home.path().join("file"), "").unwrap();
    settings.data_dir = home.path().join("file");
    let found = errors(&settings);
    assert!(found.iter().any(|line| line.contains("/file is not a folder")), "{found:?}");
    settings.data_dir = home.path().join("file/below");
    let found = errors(&settings);
    assert!(found.iter().any(|line| line.contains("/file/below cannot be looked at")), "{found:?}");
    let promised = lines(&examine(&settings), "ok: ");
    assert!(!promised.iter().any(|line| line.contains("will be made")), "where? {promised:?}");
    assert!(run(Ok(settings)).is_err());
}

#[test]
fn folders_open_to_others_are_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    fs::create_dir_all(settings.mail()).unwrap();
    for (folder, mode) in [(&settings.data_dir, 0o755), (&settings.mail(), 0o700)] {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }
    let found = warnings(&settings);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("is open to others (mode 0755): chmod 700 "), "{found:?}");
}

#[test]
fn a_certificate_is_read_and_judged() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    make_self_signed(&settings.tls_folder(), &settings.hostname).unwrap();
    fs::set_permissions(&settings.data_dir, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!((errors(&settings), warnings(&settings)), (vec![], vec![]));
    settings.hostname = Domain::parse("other.example.org").unwrap();
    let found = warnings(&settings);
    assert!(found[0].contains("is not made for the name other.example.org"), "{found:?}");
    fs::write(settings.tls_folder().join("key.pem"), "").unwrap();
    assert!(errors(&settings)[0].contains("key.pem: no private key in it"));
}

/// Greets everyone who calls.
fn server(greeting: &'static str) -> crate::net::ListenAddress {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            drop(stream.write_all(greeting.as_bytes()));
        }
    });
    crate::net::ListenAddress::Tcp(address)
}

#[test]
fn a_port_in_use_is_an_error_unless_it_is_ours() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    settings.smtp.listen = vec![server("220 mail.example.org ESMTP Postfix\r\n")];
    settings.pop3.listen_tls = vec![server("")];
    let found = errors(&settings);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|line| line.contains("is in use by another program: stop ")), "{found:?}");
    settings.smtp.listen = vec![server("220 mail.example.org ESMTP restante ready\r\n")];
    assert_eq!(errors(&settings), [""; 0], "and its TLS port with it");
    settings.pop3.listen = vec![server("+OK somebody else\r\n")];
    assert_eq!(errors(&settings).len(), 1);
}

#[test]
fn a_place_that_cannot_be_listened_on_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    let socket = home.path().join("missing/lmtp.sock");
    settings.lmtp.listen = vec![crate::net::ListenAddress::Unix(socket)];
    let found = errors(&settings);
    assert!(found[0].contains("/missing for the user that restante runs as"), "{found:?}");
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    settings.lmtp.listen = vec![crate::net::ListenAddress::Unix(file)];
    settings.smtp.listen = vec![server("220 mail.example.org ESMTP restante ready\r\n")];
    let found = errors(&settings);
    assert!(
        found[0].contains("what lies there is no socket: move it away"),
        "beside a running one: {found:?}"
    );
    settings.lmtp.listen = vec!["192.0.2.1:2424".parse().unwrap()];
    let found = errors(&settings);
    assert!(found[0].contains(": give an address that this machine has"), "{found:?}");
    settings.lmtp.listen.clear();
    settings.smtp.listen.clear();
    settings.pop3.listen.clear();
    settings.pop3.listen_tls.clear();
    assert!(errors(&settings)[0].starts_with("error: nothing to listen on: "));
}

#[test]
fn what_an_rfc_asks_for_is_only_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    settings.smtp.idle_timeout = Duration::from_secs(299);
    settings.pop3.idle_timeout = Duration::from_secs(599);
    settings.smtp.max_recipients = 99;
    settings.smtp.max_message_size = 65_535;
    settings.pop3.plaintext_login = PlaintextLogin::Always;
    let found = warnings(&settings);
    for (line, part) in [
        (0, "`idle_timeout` in [smtp] is 299 s; RFC 5321, 4.5.3.2.7 asks for 300: "),
        (1, "`idle_timeout` in [pop3] is 599 s; RFC 1939, 3 asks for 600: "),
        (2, "`max_recipients` in [smtp] is 99 recipients; "),
        (3, "`max_message_size` in [smtp] is 65535 bytes; "),
        (4, "`plaintext_login` in [pop3] "),
    ] {
        assert!(found[line].contains(part), "{found:?}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
    assert_eq!(run(Ok(settings)), Ok(()));
}

#[test]
fn lmtp_beyond_this_machine_is_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    for (address, warned) in [
        ("0.0.0.0:0", 1),
        ("[::]:0", 1),
        ("127.0.0.1:0", 0),
        ("[::1]:0", 0),
        ("unix:/run/restante/lmtp.sock", 0),
    ] {
        settings.lmtp.listen = vec![address.parse().unwrap()];
        let found = open_lmtp(&settings);
        assert_eq!(found.len(), warned, "{address}: {found:?}");
    }
    settings.lmtp.listen = vec!["0.0.0.0:0".parse().unwrap()];
    assert!(
        warnings(&settings)[0].contains("has 0.0.0.0:0: whoever can connect"),
        "{:?}",
        warnings(&settings)
    );
}

#[test]
fn the_limits_of_connections_are_held_against_the_descriptors() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    (settings.smtp.max_connections, settings.pop3.max_connections) = (1000, 1000);
    assert!(matches!(descriptors(&settings, 8384), Remark::Fine(_)));
    assert!(matches!(descriptors(&settings, 8383), Remark::Warning(_)));
    settings.smtp.max_connections = usize::MAX;
    assert!(matches!(descriptors(&settings, 1 << 20), Remark::Warning(_)));
}

#[test]
fn a_user_that_is_not_there_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    settings.user = Some("no-such-user-here".to_owned());
    let found = errors(&settings);
    assert_eq!(found.len(), usize::from(nix::unistd::geteuid().is_root()), "{found:?}");
}

#[test]
fn a_name_without_a_domain_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut settings = settings(home.path());
    settings.hostname = Domain::parse("mail").unwrap();
    assert!(hostname(&settings).is_none(), "good enough for trying it out");
    settings.file = Some(home.path().join("restante.toml"));
    assert!(hostname(&settings).is_some());
}
