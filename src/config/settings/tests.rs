//! Settings from texts, and the example file held against the defaults.

mod mistakes;

use super::*;
use mistakes::MISTAKES;
use std::fs;

const EXAMPLE: &str = include_str!("../../../etc/restante.toml");

fn parse(text: &str) -> Result<Settings, Finding> {
    Settings::parse(Path::new("restante.toml"), text)
}

fn settings(text: &str) -> Settings {
    parse(text).unwrap_or_else(|finding| panic!("{finding}"))
}

fn shown(listen: &[ListenAddress]) -> Vec<String> {
    listen.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_means_the_defaults() {
    let found = settings("");
    assert_eq!(found.file.as_deref(), Some(Path::new("restante.toml")));
    assert_eq!(found.hostname, machine::name());
    assert_eq!(found.data_dir, Path::new("/var/lib/restante"));
    assert_eq!(found.database(), Path::new("/var/lib/restante/accounts.sqlite"));
    assert_eq!(found.mail(), Path::new("/var/lib/restante/mail"));
    assert_eq!(found.tls_folder(), Path::new("/var/lib/restante/tls"));
    assert_eq!(found.shutdown_grace, Duration::from_secs(30));
    assert_eq!(found.min_free, None);
    assert_eq!(shown(&found.smtp.listen), ["0.0.0.0:25", "[::]:25"]);
    assert_eq!(found.smtp.max_message_size, 50 << 20);
    assert_eq!(found.smtp.max_recipients, 100);
    assert_eq!(found.smtp.idle_timeout, Duration::from_secs(300));
    assert_eq!((found.smtp.max_connections, found.smtp.max_connections_per_ip), (1000, 50));
    assert_eq!(found.smtp.bare_newline, BareNewline::Accept);
    assert_eq!(shown(&found.pop3.listen), ["0.0.0.0:110", "[::]:110"]);
    assert_eq!(shown(&found.pop3.listen_tls), ["0.0.0.0:995", "[::]:995"]);
    assert_eq!(found.pop3.plaintext_login, PlaintextLogin::Loopback);
    assert_eq!(found.pop3.idle_timeout, Duration::from_secs(600));
    assert_eq!((found.pop3.max_connections, found.pop3.max_connections_per_ip), (1000, 50));
    assert_eq!(found.lmtp.listen, []);
    let failures = &found.auth.failures;
    assert_eq!((failures.before_delay, failures.before_ban), (10, 50));
    assert_eq!(failures.ban_time, Duration::from_secs(3600));
    assert_eq!(failures.exempt, ["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    assert_eq!(found.auth.pbkdf2_rounds, 600_000);
    assert_eq!(found.tls, None);
}

#[test]
fn without_a_file_it_can_be_tried_out() {
    let found = Settings::try_out();
    assert_eq!(found.file, None);
    assert_eq!(found.data_dir, Path::new("./restante-data"));
    assert_eq!(shown(&found.smtp.listen), ["127.0.0.1:2525"]);
    assert_eq!(shown(&found.pop3.listen), ["127.0.0.1:2110"]);
    assert_eq!(shown(&found.pop3.listen_tls), ["127.0.0.1:2995"]);
    assert_eq!(found.auth, settings("").auth);
}

/// Every key, with another value than its default.
const EVERYTHING: &str = r#"
hostname = "Mail.Example.org"
data_dir = "data"
user = "mail"
shutdown_grace = "1s"
min_free = 0
[smtp]
listen = []
max_message_size = 1000
max_recipients = 7
idle_timeout = "1d"
max_connections = 3
max_connections_per_ip = 2
bare_newline = "reject"
[pop3]
listen = ["127.0.0.1:0"]
listen_tls = []
plaintext_login = "private"
idle_timeout = "2h"
max_connections = 5
max_connections_per_ip = 4
upstream_wait = "3s"
[lmtp]
listen = ["unix:/run/restante/lmtp.sock", "127.0.0.1:2424"]
[auth]
failures_before_delay = 0
failures_before_ban = 1
ban_time = "5m"
exempt = []
pbkdf2_rounds = 4096
[tls]
certificate = "cert.pem"
key = "key.pem"
"#;

#[test]
fn what_is_written_is_used() {
    let expected = Settings {
        file: Some(PathBuf::from("restante.toml")),
        hostname: Domain::parse("mail.example.org").unwrap(),
        data_dir: PathBuf::from("data"),
        user: Some("mail".to_owned()),
        shutdown_grace: Duration::from_secs(1),
        min_free: Some(Bytes(0)),
        smtp: Smtp {
            listen: Vec::new(),
            max_message_size: 1000,
            max_recipients: 7,
            idle_timeout: Duration::from_secs(86_400),
            max_connections: 3,
            max_connections_per_ip: 2,
            bare_newline: BareNewline::Reject,
        },
        pop3: Pop3 {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            listen_tls: Vec::new(),
            plaintext_login: PlaintextLogin::Private,
            idle_timeout: Duration::from_secs(7200),
            max_connections: 5,
            max_connections_per_ip: 4,
            upstream_wait: Duration::from_secs(3),
        },
        lmtp: Lmtp {
            listen: vec!["unix:/run/restante/lmtp.sock".parse().unwrap(), "127.0.0.1:2424".parse().unwrap()],
        },
        auth: Auth {
            failures: FailurePolicy {
                before_delay: 0,
                before_ban: 1,
                ban_time: Duration::from_secs(300),
                exempt: Vec::new(),
            },
            pbkdf2_rounds: 4096,
        },
        tls: Some(TlsFiles { certificate: PathBuf::from("cert.pem"), key: PathBuf::from("key.pem") }),
    };
    assert_eq!(settings(EVERYTHING), expected);
}

#[test]
fn the_wait_for_an_old_server_may_stand_with_pop3_or_above_all() {
    assert_eq!(settings("").pop3.upstream_wait, Duration::from_secs(10));
    assert_eq!(settings("upstream_wait = \"1s\"").pop3.upstream_wait, Duration::from_secs(1));
    let both = "upstream_wait = \"1s\"\n[pop3]\nupstream_wait = \"2s\"";
    assert_eq!(settings(both).pop3.upstream_wait, Duration::from_secs(2));
}

#[test]
fn sizes_may_have_a_unit_and_choices_are_words() {
    assert_eq!(settings("min_free = \"1 GiB\"").min_free, Some(Bytes(1 << 30)));
    for (word, choice) in [
        ("never", PlaintextLogin::Never),
        ("loopback", PlaintextLogin::Loopback),
        ("private", PlaintextLogin::Private),
        ("always", PlaintextLogin::Always),
    ] {
        let text = format!("[pop3]\nplaintext_login = \"{word}\"");
        assert_eq!(settings(&text).pop3.plaintext_login, choice);
    }
}

/// The example with the comment sign taken from every default, or from every key.
fn uncommented(everything: bool) -> String {
    let is_key = |line: &str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase() || "_2".contains(c)))
    };
    let line = |line: &str| match line.strip_prefix('#') {
        // The one key with a default and an example.
        Some("listen = []") if everything => String::new(),
        Some(default) if is_key(default) => default.to_owned(),
        Some(example) if everything && is_key(example.trim_start()) => example.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_example_tells_the_defaults() {
    assert_eq!(settings(EXAMPLE), settings(""));
    assert_eq!(settings(&uncommented(false)), settings(""));
}

#[test]
fn the_example_has_every_key() {
    let everything = uncommented(true);
    let found = settings(&everything);
    assert_eq!(shown(&found.lmtp.listen), ["unix:/run/restante/lmtp.sock"]);
    let written: toml::Table = everything.parse().unwrap();
    for section in ["", "smtp", "pop3", "lmtp", "auth", "tls"] {
        let text = if section.is_empty() { "no = 1".to_owned() } else { format!("[{section}]\nno = 1") };
        // serde names the keys that it knows, so no list here can fall behind.
        let refused = toml::from_str::<Written>(&text).err().unwrap().to_string();
        let (_, known) = refused.split_once("expected ").unwrap();
        let in_section = if section.is_empty() { &written } else { written[section].as_table().unwrap() };
        let mut keys = 0;
        for key in known.split('`').skip(1).step_by(2) {
            assert!(in_section.contains_key(key), "[{section}] {key}");
            keys += 1;
        }
        assert!(keys > 0, "{refused}");
    }
}

#[test]
fn each_mistake_has_its_one_line_error() {
    for (text, error) in MISTAKES {
        let told = parse(text).map_err(|finding| finding.to_string());
        assert_eq!(told, Err((*error).to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_toml_names_its_line() {
    for (text, line) in [("a b", 1), ("\nhostname = ", 2), ("[smtp\n", 1), ("x = \"", 1), ("a = 1\n= 2", 2)] {
        let finding = parse(text).unwrap_err();
        let at = format!("restante.toml:{line}: ");
        assert!(finding.what.starts_with(&at) && finding.what.len() > at.len(), "{finding}");
        assert!(!finding.to_string().contains('\n'), "{finding}");
    }
}

#[test]
fn a_file_of_tls_is_named_with_the_line_that_names_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("c.toml");
    fs::write(&file, "[tls]\ncertificate = \"/a\"\nkey = \"/a.key\"\n").unwrap();
    let settings = Settings::load(Some(&file)).unwrap();
    let said = |what: &str| settings.located(Finding { what: what.to_owned(), remedy: String::new() }).what;
    let at = |line: &str| format!("{}:{line}", file.display());
    assert_eq!(said("/a cannot be read: x"), at("2: `certificate` in [tls]: /a cannot be read: x"));
    assert_eq!(said("/a.key: no private key in it"), at("3: `key` in [tls]: /a.key: no private key in it"));
    assert_eq!(said("/b cannot be read"), "/b cannot be read");
    fs::remove_file(&file).unwrap();
    assert_eq!(said("/a: x"), format!("{}: `certificate` in [tls]: /a: x", file.display()));
}
