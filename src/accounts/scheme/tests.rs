//! Hashes by the tools of old servers, each with its command (`scripts/old-hashes` makes them): the
//! password in the command is the right one, and nothing near it.

use super::*;
use proptest::prelude::*;

/// Pairs of `$ command` and the hash it printed, a blank line behind each.
const MADE: &str = include_str!("../../../tests/accounts/hashes.txt");

struct Made {
    command: &'static str,
    hash: &'static str,
    password: Vec<u8>,
}

fn made() -> Vec<Made> {
    let entries = MADE.split("\n\n").filter(|entry| !entry.trim().is_empty());
    entries
        .map(|entry| {
            let (command, hash) = entry.trim().split_once('\n').unwrap();
            let quoted = command.rsplit_once("$'").unwrap().1.split('\'').next().unwrap();
            Made { command, hash, password: unquoted(quoted) }
        })
        .collect()
}

/// `\xe9` is an octet, as in the shell.
fn unquoted(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut octets = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        octets.push(u8::from_str_radix(&part[..2], 16).unwrap());
        octets.extend_from_slice(&part.as_bytes()[2..]);
    }
    octets
}

fn hash(text: &str) -> OldHash {
    match Secret::parse(text.as_bytes(), "anna@example.org") {
        Ok(Secret::Hash(hash)) => hash,
        other => panic!("{text}: {other:?}"),
    }
}

fn matches(hash: &OldHash, password: &[u8]) -> bool {
    hash.matches(&Password::new(password).unwrap())
}

/// DES and MD5 crypt, which a build without the feature `old-crypt` refuses.
fn is_old_crypt(hash: &str) -> bool {
    let bare = hash.rsplit('}').next().unwrap();
    (bare.starts_with("$1$") && !hash.contains("PBKDF2"))
        || !bare.contains('$') && [13, 20].contains(&bare.len())
}

/// How many octets of a password the old server looked at.
fn octets_read(hash: &str) -> usize {
    let bare = hash.rsplit('}').next().unwrap();
    match hash {
        _ if bare.len() == 13 => 8,
        _ if bare.starts_with("$2") => 72,
        _ => usize::MAX,
    }
}

#[test]
fn hashes_of_the_real_tools_are_verified_and_near_passwords_are_not() {
    let all = made();
    assert!(all.len() > 200, "{}", all.len());
    for Made { command, hash: text, password } in all {
        let owner = if command.contains("-u anna ") { "anna" } else { "anna@example.org" };
        let read = Secret::parse(text.as_bytes(), owner);
        if cfg!(not(feature = "old-crypt")) && is_old_crypt(text) {
            assert!(read.unwrap_err().to_string().contains("feature old-crypt"), "{command}");
            continue;
        }
        let Ok(Secret::Hash(hash)) = read else { panic!("{command}") };
        assert!(matches(&hash, &password), "{command}\n{text}");
        let again = OldHash::parse_stored(hash.stored()).unwrap();
        assert!(again == hash && again.stored() == hash.stored(), "{command}\n{text}");

        let mut near = password.clone();
        let last = near.len().min(octets_read(text)) - 1;
        near[last] ^= 1;
        assert!(!matches(&hash, &near), "{command}\n{text}");
        if matches!(hash.kind, Kind::Hungry(_)) {
            continue; // Enough seconds.
        }
        let longer = [&password[..], b"x"].concat();
        assert_eq!(matches(&hash, &longer), password.len() >= octets_read(text), "{command}\n{text}");
    }
}

#[test]
fn every_scheme_that_is_promised_is_among_them() {
    let all = made();
    let known = |begin: &str| all.iter().any(|made| made.hash.starts_with(begin));
    for scheme in [
        "CRYPT",
        "MD5-CRYPT",
        "SHA256-CRYPT",
        "SHA512-CRYPT",
        "BLF-CRYPT",
        "DES-CRYPT",
        "SHA",
        "SHA1",
        "SHA256",
        "SHA512",
        "SSHA",
        "SSHA256",
        "SSHA512",
        "SMD5",
        "PLAIN-MD5",
        "LDAP-MD5",
        "PBKDF2",
        "ARGON2I",
        "ARGON2ID",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "CRAM-MD5",
        "DIGEST-MD5",
    ] {
        assert!(known(&format!("{{{scheme}}}")), "{scheme}");
    }
    for begin in ["$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$", "$7$", "$y$", "$gy$", "_", "$6$rounds="] {
        assert!(known(begin), "{begin}");
    }
    assert!(all.iter().any(|made| made.hash.len() == 13), "DES");
}

#[test]
fn a_scheme_is_known_in_any_case_and_by_its_other_names() {
    let sha = "5en6G6MezRroT3XKqkdPOmY/BfQ";
    for text in [
        format!("{{sha}}{sha}="),
        format!("{{Sha1}}{sha}"),
        "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4".to_owned(),
        "{SHA.hex}E5E9FA1BA31ECD1AE84F75CAAA474F3A663F05F4".to_owned(),
        "{PLAIN-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==".to_owned(),
        "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==".to_owned(),
        "$argon2id$v=19$m=65536,t=3,p=1$p1zokdQT0nEgIs9nY0DPAw$qOuCPE2i7mjuHbLHu58s+SiFkV2m1szJJFlh0rQL6eE"
            .to_owned(),
    ] {
        assert!(matches(&hash(&text), b"secret"), "{text}");
    }
    assert_eq!(hash("{ssha.hex}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f400").scheme(), "SSHA");
    assert_eq!(hash("$5$short$jNBWuyRRt570O5bSllou1aaAY7HMStZbxDBT2Z8DQw3").scheme(), "CRYPT");
}

#[cfg(feature = "old-crypt")]
#[test]
fn md5_is_dovecots_name_for_md5_crypt_and_couriers_for_a_digest() {
    for text in ["{MD5}$1$ab$dslkcXxVH.x8LwW1W/oAB/", "{md5}Xr4ilOzQ4PCOq3aQ0qbuaQ=="] {
        assert!(matches(&hash(text), b"secret"), "{text}");
    }
}

/// `doveadm pw -s DIGEST-MD5 -u NAME -p secret`, with the name as typed and as Dovecot folds it.
#[test]
fn the_name_in_digest_md5_is_the_files_or_folded() {
    for digest in ["0f94d589cc7ec79ae99f2212575e4957", "4819943239457283863289848111acfb"] {
        let text = format!("{{DIGEST-MD5}}{digest}");
        let Ok(Secret::Hash(hash)) = Secret::parse(text.as_bytes(), "Grace.Hopper@Example.test") else {
            panic!("{text}")
        };
        assert!(matches(&hash, b"secret") && !matches(&hash, b"Secret"), "{digest}");
    }
}

/// The digest is what `printf aB3x9Zsecret | sha256sum` prints.
#[test]
fn a_salt_before_the_password_is_hmailservers() {
    let hash = hash("{HMAIL-SHA256}aB3x9Z9dc10a24eec1331e4ca3186bb00ee0e8266ff5889146a7163187a6392b248221");
    assert!(matches(&hash, b"secret") && !matches(&hash, b"Secret"));
    assert!(Secret::parse(b"{HMAIL-SHA256}short", "").is_err());
}

#[test]
fn a_lock_is_never_an_open_door() {
    for text in [
        "",
        "!",
        "!!",
        "*",
        "*LK*",
        "!$6$x$y",
        "{CRYPT}",
        "{CRYPT}!",
        "{crypt}*",
        "{SSHA}",
        "{PLAIN}",
        "{DES-CRYPT}!x",
    ] {
        assert!(matches!(Secret::parse(text.as_bytes(), ""), Ok(Secret::Locked)), "{text}");
    }
}

#[test]
fn what_is_clear_is_a_password_whatever_it_begins_with() {
    for (text, password) in [
        (&b"{PLAIN}secret"[..], &b"secret"[..]),
        (b"{clear}!secret", b"!secret"),
        (b"{CLEARTEXT}{SSHA}x", b"{SSHA}x"),
        (b"{PLAIN.B64}c2VjcmV0", b"secret"),
        (b"{PLAIN.hex}736563726574", b"secret"),
        (b"{PLAIN}p\xe9t\xe9", b"p\xe9t\xe9"),
    ] {
        let Ok(Secret::Clear(clear)) = Secret::parse(text, "") else { panic!("{text:?}") };
        assert_eq!(clear.expose(), password);
    }
    assert!(
        Secret::parse(&[b"{PLAIN}", &[b'x'; 5000][..]].concat(), "").is_err(),
        "no mail program sends it"
    );
}

#[test]
fn what_nobody_can_verify_is_refused_by_name() {
    for (text, named) in [
        ("{OTP}x", "OTP"),
        ("{PLAIN-TRUNC}2-x", "PLAIN-TRUNC"),
        ("{SSHA.ROT13}x", "ROT13"),
        ("$apr1$x$y", "$apr1$"),
        ("$3$$8846f7eaee8fb117ad06bdd830b7586c", "$3$"),
        ("$sha1$1$x$y", "$sha1$"),
        ("$2x$05$abcdefghijklmnopqrstuuD63p7QcQdgpSjXMAvIjJLnsMnmh4t3O", "$2x$"),
        ("secret", "{PLAIN}"),
        ("{CRYPT}hunter2", "{PLAIN}"),
        ("x", "{PLAIN}"),
        ("{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SSHA: no salt behind its 20 octets"),
        ("{SSHA}5en6", "SSHA: 3 octets, and it has 20 and a salt"),
        ("{SHA}IjvDdWDee1LreGlv0KK1DWP4Hunx7jD1", "SHA"),
        ("{SHA}!!", "SHA"),
        ("{SHA512-CRYPT}$5$short$jNBWuyRRt570O5bSllou1aaAY7HMStZbxDBT2Z8DQw3", "SHA512-CRYPT"),
        ("$5$short$jNBWuyRRt570O5bSllou1aaAY7HMStZbxDBT2Z8DQw", "SHA-CRYPT"),
        ("{MD5-CRYPT}$1$ab$dslkcX", "MD5-CRYPT"),
        ("{BLF-CRYPT}$2y$05$abc", "bcrypt"),
        ("{CRAM-MD5}abc", "CRAM-MD5"),
        ("{SCRAM-SHA-256}4096,a,b,c", "SCRAM-SHA-256"),
        ("{PBKDF2}$1$x$y$z", "PBKDF2"),
        ("$y$j9T$x", "yescrypt"),
    ] {
        let refused = Secret::parse(text.as_bytes(), "").unwrap_err().to_string();
        assert!(refused.contains(named), "{text}: {refused}");
        assert!(!refused.contains("hunter2") && !refused.contains("secret"), "{refused}");
    }
}

#[test]
fn what_would_cost_minutes_or_the_memory_is_refused_by_name() {
    let sha512 = "a".repeat(86);
    let yescrypt_hash = "$GRe1Z8MDxtOUrNfMhYf1M0$ATHpWP0T5n2vMasnXkjQgqye6BcGkebp3A.8HkRHAw3";
    let argon2_hash = "$p1zokdQT0nEgIs9nY0DPAw$qOuCPE2i7mjuHbLHu58s+SiFkV2m1szJJFlh0rQL6eE";
    for (text, named) in [
        (format!("$6$rounds=999999999$salt${sha512}"), "999999999 rounds"),
        (format!("$6$rounds=99999999999$salt${sha512}"), "SHA-CRYPT"),
        ("$2b$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW".to_owned(), "cost 31"),
        (format!("{{ARGON2ID}}$argon2id$v=19$m=16777216,t=3,p=1{argon2_hash}"), "16384 MiB"),
        (format!("{{ARGON2ID}}$argon2id$v=19$m=65536,t=4294967295,p=1{argon2_hash}"), "MiB at most"),
        ("{PBKDF2}$1$salt$999999999$8d0b24c5f30d65deb8a78231042f5ddfcc1f2029".to_owned(), "999999999 rounds"),
        (
            "{SCRAM-SHA-256}99999999,Xr5xEQFUoBsocLsegZ+6FQ==,dQNO+teTp7l5J4FIQR/wHkMn+LVTbvoXt6nAzAF0TSY=,\
          0BxZU8jSXnX2649blKeL7TzRcDOFuWsAgsptYvY48a8="
                .to_owned(),
            "99999999 rounds",
        ),
        (
            "$7$zU..../....2S.P/gxW0jJZ88k2sTnea0$hcnEAaPPzkxVOCSRC4NaW8MjjP9VeALyUbu5rwJu037".to_owned(),
            "scrypt",
        ),
        (
            "$7$BzzzzzzzzzzS.P/gxW0jJZ88k2sTnea0$hcnEAaPPzkxVOCSRC4NaW8MjjP9VeALyUbu5rwJu037".to_owned(),
            "scrypt",
        ),
        (format!("$y$jTT{yescrypt_hash}"), "yescrypt"),
        (format!("$gy$jTT{yescrypt_hash}"), "gost-yescrypt"),
        ("_zzzzoKj.q.3zmhjUF8g".to_owned(), "BSDi"),
        ("_....oKj.q.3zmhjUF8g".to_owned(), "BSDi"),
    ] {
        let refused = Secret::parse(text.as_bytes(), "").unwrap_err().to_string();
        assert!(refused.contains(named), "{text}: {refused}");
    }
}

#[test]
fn the_keys_of_scram_sha_256_are_our_own() {
    let keys = hash(
        "{SCRAM-SHA-256}4096,Xr5xEQFUoBsocLsegZ+6FQ==,dQNO+teTp7l5J4FIQR/wHkMn+LVTbvoXt6nAzAF0TSY=,\
        0BxZU8jSXnX2649blKeL7TzRcDOFuWsAgsptYvY48a8=",
    )
    .keys()
    .unwrap();
    let derived = Credential::derive(&Password::new("secret").unwrap(), keys.salt.clone(), keys.rounds);
    assert!(derived == keys);
    assert!(hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=").keys().is_none());
}

#[test]
fn a_hash_does_not_show_itself() {
    let hash = hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=");
    assert_eq!(format!("{:?}", Secret::Hash(hash)), "Hash(OldHash(SHA))");
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    let scheme = proptest::sample::select(vec![
        "",
        "{CRYPT}",
        "{SSHA}",
        "{SHA512.HEX}",
        "{PBKDF2}$1$",
        "{ARGON2ID}$argon2id$v=19$",
        "{SCRAM-SHA-256}1,",
        "{CRAM-MD5}",
        "{DIGEST-MD5}",
        "{HMAIL-SHA256}",
        "$1$",
        "$5$rounds=",
        "$6$",
        "$2b$04$",
        "$7$",
        "$y$j",
        "$gy$j9T$",
        "_",
        "{",
    ]);
    let cut = proptest::sample::select(made().iter().map(|made| made.hash).collect::<Vec<_>>());
    prop_oneof![
        (scheme, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|(scheme, rest)| [
            scheme.as_bytes(),
            &rest
        ]
        .concat()),
        (cut, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(hash, at, octet)| {
            let mut octets = hash.as_bytes().to_vec();
            let at = at.index(octets.len());
            octets[at] = octet;
            octets
        }),
        (cut_of(), any::<prop::sample::Index>())
            .prop_map(|(hash, at)| hash.as_bytes()[..at.index(hash.len())].to_vec()),
    ]
}

fn cut_of() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(made().iter().map(|made| made.hash).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any octets are read or refused, and what is read is stored and read again as the same.
    #[test]
    fn any_octets_are_read_or_refused(octets in anything()) {
        if let Ok(Secret::Hash(hash)) = Secret::parse(&octets, "anna@example.org") {
            let again = OldHash::parse_stored(hash.stored());
            prop_assert_eq!(again.as_ref(), Ok(&hash));
            if !matches!(hash.kind, Kind::Hungry(_)) {
                let _ = hash.matches(&Password::new("secret").unwrap());
            }
        }
    }

    /// Whatever costs are asked for: refused, or computed without a fault.
    #[test]
    fn any_cost_is_refused_or_computed(
        costs in "[./0-9A-D]{1,3}[./0-9A-Za-z]{0,9}",
        (memory, passes, lanes) in (0u32..2000, 0u32..4, 0u32..9),
    ) {
        let hash = "ATHpWP0T5n2vMasnXkjQgqye6BcGkebp3A.8HkRHAw3";
        let argon2_hash = "p1zokdQT0nEgIs9nY0DPAw$qOuCPE2i7mjuHbLHu58s+SiFkV2m1szJJFlh0rQL6eE";
        for text in [
            format!("$y$j{costs}$salt${hash}"),
            format!("$y${costs}$salt${hash}"),
            format!("$gy$j{costs}$salt${hash}"),
            format!("$7${costs}${hash}"),
            format!("$7$2....{costs}/....salt${hash}"),
            format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${argon2_hash}"),
            format!("$argon2i$m={memory},t={passes},p={lanes}${argon2_hash}"),
        ] {
            let Ok(Secret::Hash(hash)) = Secret::parse(text.as_bytes(), "") else { continue };
            let Kind::Hungry(hungry) = &hash.kind else { panic!("{text}") };
            if hungry.work() <= 2 << 20 {
                prop_assert!(!matches(&hash, b"secret"), "{}", text);
            }
        }
    }
}

#[test]
fn what_is_stored_has_no_control_characters() {
    let stored = format!("{{DIGEST-MD5}}{}:anna@example.org", "0".repeat(32));
    assert!(OldHash::parse_stored(&stored).is_ok());
    assert!(OldHash::parse_stored(&stored.replace("@", "\n")).is_err());
}
