//! Files as the real tools wrote them (tests/accounts), and the rules about what is in them.

use super::super::testing::password;
use super::*;
use proptest::prelude::*;

#[cfg(feature = "old-crypt")]
const DOVECOT: &str = include_str!("../../../tests/accounts/dovecot-passwd");
/// `userdb -f FILE ADDRESS set …` with hashes of `userdbpw`; the last two lines by hand.
#[cfg(feature = "old-crypt")]
const COURIER: &str = include_str!("../../../tests/accounts/courier-userdb");
/// `useradd -P`, `usermod -L` and `chage -E` on a copy of Debian's own.
const SHADOW: &str = include_str!("../../../tests/accounts/etc/shadow");
const PASSWD: &str = include_str!("../../../tests/accounts/etc/passwd");
const CSV: &str = include_str!("../../../tests/accounts/accounts.csv");
const HMAILSERVER: &str = include_str!("../../../tests/accounts/hmailserver.csv");

/// 2026-11-22.
const TODAY: i64 = 20_779;

fn with<T>(read: impl FnOnce(&How<'_>) -> T) -> T {
    let domain = Domain::parse("example.org").unwrap();
    read(&How { domain: Some(&domain), min_uid: 1000, passwd: Some(PASSWD.as_bytes()), today: TODAY })
}

fn users(text: &str, format: Format) -> Users {
    with(|how| read(text.as_bytes(), format, how))
}

/// `line address what`, in which `what` is the scheme, the clear password or `locked`.
fn told(users: &Users) -> Vec<String> {
    let what = |record: &Record| match &record.secret {
        Secret::Clear(password) => String::from_utf8_lossy(password.expose()).into_owned(),
        Secret::Hash(hash) => format!("{{{}}}", hash.scheme()),
        Secret::Locked => "locked".to_owned(),
    };
    users
        .records
        .iter()
        .map(|record| format!("{} {} {}", record.line, record.address, what(record)))
        .collect()
}

fn refused(users: &Users) -> Vec<String> {
    let line = |refused: &Refused| format!("{} {} {}", refused.line, refused.address, refused.why);
    users.refused.iter().map(line).collect()
}

/// Each line of `found` has the words of its line of `expected`.
fn assert_lines(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(expected.split("..").all(|part| found.contains(part)), "{found}\n{expected}");
    }
}

fn opens(users: &Users, name: &str, secret: &str) -> bool {
    let record = users.records.iter().find(|record| record.address.local_part() == name).unwrap();
    matches!(&record.secret, Secret::Hash(hash) if hash.matches(&password(secret)))
}

#[cfg(feature = "old-crypt")]
#[test]
fn a_passwd_file_of_dovecot() {
    let users = users(DOVECOT, Format::DovecotPasswd);
    assert_eq!(
        told(&users),
        [
            "2 anna@example.org {SSHA512}",
            "3 bert@example.org {BLF-CRYPT}",
            "4 grace.hopper@example.test {DIGEST-MD5}",
            "6 carl@example.org {CRYPT}",
            "7 dora@example.org other",
            "8 emil@example.org locked",
            "9 fritz@example.org locked",
            "10 gerd@example.org locked",
            "11 hans@example.org {SHA256-CRYPT}",
        ]
    );
    assert_lines(
        &refused(&users),
        &[
            "12 anna@example.org ..line 2",
            "13 ida@example.org ..colon",
            "14 karl@example.org ..OTP",
            "15 lars@example.org ..999999999 rounds",
        ],
    );
    for name in ["anna", "bert", "grace.hopper", "carl", "hans"] {
        assert!(opens(&users, name, "secret") && !opens(&users, name, "Secret"), "{name}");
    }
    let place = |at: usize| (users.records[at].home.as_deref(), users.records[at].mail.as_deref());
    assert_eq!(place(0), (Some("/var/vmail/example.org/anna"), Some("maildir:~/Maildir")));
    assert_eq!(place(1), (None, None));
    assert_eq!(place(8), (Some("/srv/hans"), None));
    assert_eq!(users.records[2].name, "Grace.Hopper@Example.test", "%u is the name as it stands there");
}

#[test]
fn a_shadow_with_the_passwd_beside_it() {
    let users = users(SHADOW, Format::Shadow);
    assert_eq!(
        told(&users),
        [
            "10 anna@example.org {CRYPT}",
            "11 bert@example.org {CRYPT}",
            "12 carl@example.org locked",
            "14 emil@example.org locked",
            "15 fritz@example.org locked",
        ]
    );
    assert!(users.refused.is_empty());
    assert_eq!(users.passed_over, 11, "root and its like, nobody, dora, who has no password, and a daemon");
    assert!(opens(&users, "anna", "secret") && opens(&users, "bert", "bertpass"));
    assert_eq!(users.records[0].home.as_deref(), Some("/home/anna"));
}

#[test]
fn a_shadow_alone_knows_no_user_numbers() {
    let domain = Domain::parse("example.org").unwrap();
    let how = How { domain: Some(&domain), min_uid: 1000, passwd: None, today: TODAY };
    let users = read(SHADOW.as_bytes(), Format::Shadow, &how);
    assert!(told(&users).contains(&"16 daemonx@example.org {CRYPT}".to_owned()));
    assert_eq!((users.passed_over, users.records[0].home.as_deref()), (10, None));
}

#[cfg(feature = "old-crypt")]
#[test]
fn a_passwd_with_the_hashes_in_it_and_one_without() {
    let users_in = users(
        "anna:tO3nrY1OyMjoo:1000:1000:Anna:/home/anna:/bin/sh\nftp:*:14:50::/srv:\n+::::::\n",
        Format::Passwd,
    );
    assert_eq!(told(&users_in), ["1 anna@example.org {CRYPT}"]);
    assert_eq!((users_in.passed_over, opens(&users_in, "anna", "secret")), (2, true));
    let users_out = users(PASSWD, Format::Passwd);
    assert!(users_out.records.is_empty());
    assert_eq!(users_out.refused.len(), 7, "nobody is a person by number");
    assert!(users_out.refused.iter().all(|refused| refused.why.contains("--format shadow")));
}

#[cfg(feature = "old-crypt")]
#[test]
fn a_userdb_of_courier() {
    let users = users(COURIER, Format::CourierUserdb);
    assert_eq!(
        told(&users),
        [
            "1 anna@example.org {CRYPT}",
            "2 bert@example.org {CRYPT}",
            "3 carl@example.org locked",
            "4 dora@example.org locked"
        ]
    );
    assert!(opens(&users, "anna", "secret") && !opens(&users, "anna", "system"), "pop3pw before systempw");
    assert!(opens(&users, "bert", "second"));
    let anna = &users.records[0];
    assert_eq!(anna.home.as_deref(), Some("/var/vmail/anna"));
    assert_eq!(anna.mail.as_deref(), Some("maildir:/var/vmail/anna/Maildir"));
}

#[test]
fn a_table_with_addresses_and_passwords() {
    let users = users(CSV, Format::Csv);
    assert_eq!(
        told(&users),
        [
            "2 anna@example.org secret",
            "3 bert@example.org se,cr\"et",
            "4 carl@example.org {SHA}",
            "5 dora@example.org {SHA}",
            "6 emil@example.org {SHA}",
            "7 fritz@example.org locked",
        ]
    );
    assert_lines(&refused(&users), &["8 gerd@example.org ..{PLAIN}", "9 not an address "]);
    assert!(["carl", "dora", "emil"].iter().all(|name| opens(&users, name, "secret")));
}

#[test]
fn the_accounts_of_hmailserver() {
    let users = users(HMAILSERVER, Format::HMailServer);
    assert_eq!(
        told(&users),
        [
            "2 anna@example.org secret",
            "3 bert@example.org {PLAIN-MD5}",
            "4 carl@example.org {HMAIL-SHA256}",
            "6 emil@example.org locked",
        ]
    );
    assert_lines(
        &refused(&users),
        &["5 dora@example.org ..Blowfish", "7 fritz@example.org ..pwencryption 7"],
    );
    assert!(opens(&users, "bert", "secret") && opens(&users, "carl", "secret"));
}

#[test]
fn a_word_in_the_column_of_a_number_is_not_shown() {
    let heading = "accountaddress,accountpassword,accountpwencryption\n";
    for word in ["hunter2", "3\u{4}", ""] {
        let users = users(&format!("{heading}anna@x.org,3,{word}\n"), Format::HMailServer);
        assert_eq!(refused(&users), ["2 anna@x.org accountpwencryption is no number; 0, 2 and 3 are known"]);
    }
}

#[test]
fn a_table_without_its_heading_is_refused_whole() {
    for (text, format) in [
        ("anna@example.org,secret\n", Format::Csv),
        ("", Format::Csv),
        ("accountaddress,accountpassword\nanna@x.org,x\n", Format::HMailServer),
    ] {
        let users = users(text, format);
        assert!(users.records.is_empty() && users.refused.len() == 1, "{text}");
        assert_eq!(users.refused[0].line, 1);
        assert!(users.refused[0].why.contains("first line"), "{text}");
    }
    let marked = "\u{feff}Address, PASSWORD\r\nanna@x.org,{PLAIN}x\r\n";
    assert_eq!(told(&users(marked, Format::Csv)), ["2 anna@x.org x"]);
}

#[cfg(feature = "old-crypt")]
#[test]
fn a_name_without_a_domain_needs_one() {
    let how = How { domain: None, min_uid: 1000, passwd: None, today: TODAY };
    let users = read(b"anna:tO3nrY1OyMjoo\nbert@x.org:tO3nrY1OyMjoo\n", Format::DovecotPasswd, &how);
    assert_eq!(told(&users), ["2 bert@x.org {CRYPT}"]);
    assert_lines(&refused(&users), &["1 anna ..--domain"]);
}

#[test]
fn every_format_is_found_by_its_name() {
    for (name, format) in Format::ALL {
        assert_eq!(Format::parse(name), Some(format));
    }
    assert_eq!(Format::parse("Dovecot"), None);
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b":".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\t".to_vec()),
        Just(b",".to_vec()),
        Just(b"|pop3pw=".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"{PLAIN}x".to_vec()),
        Just(b"address,password\n".to_vec()),
        Just(b"accountaddress,accountpassword,accountpwencryption\n".to_vec()),
        Just(b"anna@x.org".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// No octets break a reader, and each address is taken once.
    #[test]
    fn any_octets_are_read(octets in pieces(), passwd in pieces()) {
        let domain = Domain::parse("example.org").unwrap();
        let how = How { domain: Some(&domain), min_uid: 1000, passwd: Some(&passwd), today: TODAY };
        for (_, format) in Format::ALL {
            let users = read(&octets, format, &how);
            let lines = octets.iter().filter(|octet| **octet == b'\n').count() + 1;
            let mut addresses: Vec<_> = users.records.iter().map(|record| record.address.clone()).collect();
            let all = addresses.len();
            addresses.sort();
            addresses.dedup();
            prop_assert_eq!(addresses.len(), all);
            prop_assert!(all + users.refused.len() + users.passed_over <= lines + 1);
            prop_assert!(users.records.iter().all(|record| (1..=lines).contains(&record.line)));
        }
    }
}

#[test]
fn a_comma_that_splits_a_password_is_refused_and_nothing_of_it_shown() {
    let split = "address,password,scheme\nkim@c.test,{PLAIN}se,cret,PLAIN\nbo@c.test,\"se,cret\",PLAIN\n";
    let read = users(split, Format::Csv);
    assert_eq!(told(&read), ["3 bo@c.test se,cret"]);
    let refused = &read.refused[0];
    assert!(refused.line == 2 && refused.why.contains("quotation marks"), "{}", refused.why);
    assert!(!refused.why.to_lowercase().contains("cret"), "{}", refused.why);
}

#[test]
fn a_file_of_another_format_gives_no_password_away() {
    let table = "anna@example.org,hunter2\nbert@x.org;hunter2\ncarl@x.org hunter2\n\u{1b}[2J:hunter2";
    for format in [Format::DovecotPasswd, Format::Passwd, Format::Shadow] {
        let users = users(table, format);
        assert_eq!((users.records.len(), users.refused.len()), (0, 4), "{format:?}");
        let told = refused(&users).join("\n");
        assert!(!told.contains("hunter2") && !told.contains('\u{1b}'), "{format:?}: {told}");
        assert!(told.contains("1 anna@example.org\u{2026} "), "{told}");
    }
}

#[test]
fn a_refused_line_is_told_with_its_address_if_it_has_one() {
    assert_eq!(
        users("", Format::Csv).refused[0].to_string(),
        "line 1: the first line must name the columns: address,password"
    );
    let unknown = users("address,password\nkim,{NOPE}x\n", Format::Csv);
    assert!(unknown.refused[0].to_string().starts_with("line 2, kim@example.org: "));
}
