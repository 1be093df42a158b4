//! Paths and addresses: nothing panics, what is parsed is written and parsed again to the same, and
//! an account's name never leaves its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::mail::{AccountAddress, ForwardPath, ReversePath};

fuzz_target!(|inner: &[u8]| {
    if let Ok(path) = ReversePath::parse(inner) {
        let text = path.to_string();
        assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        assert_eq!(ReversePath::parse(&text.as_bytes()[1..text.len() - 1]), Ok(path));
    }
    let Ok(path) = ForwardPath::parse(inner) else { return };
    let Some(account) = path.address().and_then(AccountAddress::of) else { return };
    for part in [account.local_part(), account.domain().as_str()] {
        assert!(!part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\0']), "{part:?}");
    }
    assert_eq!(AccountAddress::parse(&account.to_string()), Ok(account));
});
