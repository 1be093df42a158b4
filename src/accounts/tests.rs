//! Times, quotas and names on their way into the tables and back.

use super::*;

#[test]
fn times_survive_to_the_second_and_nonsense_reads_as_1970() {
    let at = UNIX_EPOCH + Duration::from_millis(1_795_319_683_999);
    assert_eq!(moment(seconds(at)), UNIX_EPOCH + Duration::from_secs(1_795_319_683));
    assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(5)), 0);
    assert_eq!(moment(-5), UNIX_EPOCH);
}

#[test]
fn zero_is_no_quota() {
    assert_eq!(quota_written(Some(Bytes(0))), None);
    assert_eq!(quota_written(None), None);
    assert_eq!(quota_read(quota_written(Some(Bytes(7)))), Some(Bytes(7)));
}

#[test]
fn a_row_that_is_no_address_is_damage() {
    assert!(address_of("anna", "x.org").is_ok());
    for (local_part, domain) in [("", "x.org"), ("../x", "x.org"), ("anna", ".."), ("anna", "")] {
        assert!(matches!(address_of(local_part, domain), Err(Error::Damaged(_))), "{local_part}@{domain}");
    }
}

#[test]
fn names_are_shown_as_they_are_typed() {
    let domain = Domain::parse("x.org").unwrap();
    assert_eq!(AliasName::CatchAll(domain).to_string(), "@x.org");
    let anna = AccountAddress::parse("Anna@x.org").unwrap();
    assert_eq!(AliasName::Address(anna).to_string(), "anna@x.org");
}
