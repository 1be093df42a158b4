//! Addresses as peers and administrators write them.

use super::*;
use proptest::prelude::*;

#[test]
fn what_was_written_is_kept_and_written_again() {
    for text in [
        "Anna@example.org",
        "a.b+c@mail.example.org",
        "\"two words\"@example.org",
        "\"q\\\"b\\\\\"@example.org",
        "anna@[192.0.2.1]",
        "anna@[IPv6:2001:db8::1]",
        "grüße@bücher.example",
        "user%other.example@example.org",
    ] {
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Address::parse("\"anna\"@example.org").unwrap().to_string(), "anna@example.org");
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "@",
        "anna",
        "anna@",
        "@example.org",
        "a..b@x.org",
        ".a@x.org",
        "a.@x.org",
        "a b@x.org",
        "a@x..org",
        "a@-x.org",
        "a@x.org-",
        "a@x y",
        "\"\"@x.org",
        "\"a@x.org",
        "\"a\"b@x.org",
        "a@[1.2.3]",
        "a@[300.1.1.1]",
        "a@[IPv6:zz]",
        "a@[1.2.3.4",
        "a@x.org\r\nX: y",
        "\"a\r\nb\"@x.org",
    ] {
        assert!(Address::parse(text).is_err(), "{text:?}");
    }
    let long = format!("{}@x.org", "a".repeat(65));
    assert_eq!(Address::parse(&long), Err(AddressError::LocalPartTooLong));
    let long = format!("a@{}.org", "a".repeat(64));
    assert_eq!(Address::parse(&long), Err(AddressError::DomainTooLong));
}

#[test]
fn a_sender_may_be_long_and_have_its_dots_anywhere() {
    let long = format!("bounces+{}@lists.example.net", "a".repeat(100));
    for (text, written) in [
        (long.as_str(), long.as_str()),
        ("taro..yamada.@docomo.example", "\"taro..yamada.\"@docomo.example"),
        (".a@x.org", "\".a\"@x.org"),
        (".@x.org", "\".\"@x.org"),
    ] {
        let address = Address::parse_sender(text).unwrap();
        assert_eq!(address.to_string(), written);
        assert_eq!(Address::parse_sender(written).as_ref(), Ok(&address), "{written}");
        assert_eq!(AccountAddress::of(&address), None, "no account is called so");
    }
    for text in ["", "@x.org", "a b@x.org", "a..b", "a..b@x..org", "a\r.@x.org", "\"\"@x.org"] {
        assert!(Address::parse_sender(text).is_err(), "{text:?}");
    }
}

#[test]
fn an_account_is_folded_and_safe_as_a_path() {
    let account = AccountAddress::parse(" Grace.Hopper@Example.TEST ").unwrap();
    assert_eq!(account.to_string(), "grace.hopper@example.test");
    for text in
        ["../x@x.org", "a/b@x.org", "\"a b\"@x.org", "\".\"@x.org", "a@../etc", "a%b@x.org", "a!b@x.org"]
    {
        assert!(AccountAddress::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_detail_goes_at_the_first_plus() {
    let base = |text| AccountAddress::parse(text).unwrap().without_detail().map(|a| a.to_string());
    assert_eq!(base("anna+list+x@x.org").as_deref(), Some("anna@x.org"));
    assert_eq!(base("anna@x.org"), None);
    assert_eq!(base("+x@x.org"), None);
}

proptest! {
    #[test]
    fn an_address_survives_being_written_and_read(local in "[ -~]{1,30}", domain in "[a-z0-9]{1,9}(\\.[a-z0-9]{1,9}){0,3}") {
        let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
        let address = Address::parse(&format!("\"{quoted}\"@{domain}")).unwrap();
        prop_assert_eq!(address.local_part(), local);
        prop_assert_eq!(Address::parse(&address.to_string()).unwrap(), address);
    }

    #[test]
    fn a_sender_survives_being_written_and_read(local in "[!-?A-~.]{1,200}") {
        if let Ok(sender) = Address::parse_sender(&format!("{local}@example.net")) {
            prop_assert_eq!(Address::parse_sender(&sender.to_string()).unwrap(), sender);
        }
    }

    #[test]
    fn no_text_panics_and_an_account_never_leaves_its_folder(text in "\\PC{0,80}") {
        if let Ok(account) = AccountAddress::parse(&text) {
            for part in [account.local_part(), account.domain().as_str()] {
                prop_assert!(!part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\0']));
            }
        }
    }
}
