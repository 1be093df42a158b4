//! What stands where an old server has a password: any octets are read without stumbling, and a hash that is
//! taken is read again from what is stored of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::accounts::scheme::{OldHash, Secret};
use restante::mail::Password;

/// Those that take a few passes of a digest. The others are made to be slow.
const QUICK: [&str; 9] =
    ["SHA", "SHA1", "SSHA", "SHA256", "SSHA256", "SMD5", "PLAIN-MD5", "LDAP-MD5", "CRAM-MD5"];

fuzz_target!(|data: &[u8]| {
    let Ok(Secret::Hash(hash)) = Secret::parse(data, "anna@example.org") else { return };
    let again = OldHash::parse_stored(hash.stored()).expect("what is stored is read again");
    assert_eq!(again.stored(), hash.stored());
    assert_eq!(again.scheme(), hash.scheme());
    if QUICK.contains(&hash.scheme()) {
        let password = Password::new(b"secret").unwrap();
        assert_eq!(hash.matches(&password), again.matches(&password));
    }
});
