//! Formats as administrators write them, old and new style, against what Dovecot answered.

use super::*;
use proptest::prelude::*;

const VALUES: Variables = Variables {
    uid: 26,
    uid_validity: 0x6745_ab01,
    file_name: b"1700000000.M1P2.Host,S=5,W=6",
    guid: b"0aF3",
    md5: b"00112233445566778899aabbccddeeff",
};

fn shown(format: &str) -> String {
    String::from_utf8(UidlFormat::parse(format).unwrap().fill_in(&VALUES)).unwrap()
}

fn refusal(format: &str) -> String {
    match UidlFormat::parse(format) {
        Err(Error::Ask { what, remedy }) => {
            assert!(what.contains(format) && remedy.contains("doveconf -n"), "{what}: {remedy}");
            what
        }
        other => panic!("{format}: {other:?}"),
    }
}

#[test]
fn formats_of_2_3_are_filled_in_as_dovecot_does() {
    for (format, id) in [
        ("%08Xu%08Xv", "0000001a6745ab01"),
        ("%v.%u", "1732619009.26"),
        ("%f", "1700000000.M1P2.Host,S=5,W=6"),
        ("%g", "0aF3"),
        ("%Ug", "0AF3"),
        ("%m", "00112233445566778899aabbccddeeff"),
        ("%UL{guid}", "0af3"),
        ("%Mg", "ebf19f5f974b35787fbd159085a0020f"),
        ("%Xv-%u", "6745ab01-26"),
        ("UID%u-%v", "UID26-1732619009"),
        ("%u%%%v", "26%1732619009"),
        ("%010u", "0000000026"),
        ("%1u", "2"),
        ("%5v", "17326"),
        ("%05v", "1732619009"),
        ("%3.4v", "2619"),
        ("%-3v", "173"),
        ("%-3.0v", "009"),
        ("%-3.2v", "00"),
        ("%0.-2v", "17326190"),
        ("%3.06Xv", "05ab01"),
        ("%Rv", "9009162371"),
        ("%Xf", "0"),
        ("%{uid}.%{uidvalidity}", "26.1732619009"),
    ] {
        assert_eq!(shown(format), id, "{format}");
    }
}

#[test]
fn formats_of_2_4_are_filled_in_as_dovecot_does() {
    for (format, id) in [
        ("%{uid | hex(8)}%{uidvalidity | hex(8)}", "0000001a6745ab01"),
        ("%{uid|hex(8)}%{uidvalidity|hex(8)}", "0000001a6745ab01"),
        ("%{uidvalidity}.%{uid}", "1732619009.26"),
        ("%{uid | hex}", "1a"),
        ("%{uid | hex(0)}", "1a"),
        ("%{uidvalidity | hex(4)}", "ab01"),
        ("%{uid | hex(-4)}", "1a00"),
        ("%{guid | upper}", "0AF3"),
        ("%{guid | lower | reverse}", "3fa0"),
        ("%{guid | md5}", "ebf19f5f974b35787fbd159085a0020f"),
        ("%{guid | md5 | hexlify}", "ebf19f5f974b35787fbd159085a0020f"),
        ("%{guid | md5 | hexlify(8)}", "ebf19f5f"),
        ("%{guid | sha1}", "8a401ca62bbd1cba51b0882617aaeb1fbfe91c05"),
        ("%{guid | sha1 | hexlify(8)}", "8a401ca6"),
        ("%{guid | md5 | base64}", "6/GfX5dLNXh/vRWQhaACDw=="),
        ("%{guid | base64}", "MGFGMw=="),
        ("%{filename | truncate(10)}", "1700000000"),
        ("%{filename | substr(11)}", "M1P2.Host,S=5,W=6"),
        ("%{filename | substr(11, 4)}", "M1P2"),
        ("%{filename | substr(-7, 3)}", "S=5"),
        ("%{filename | substr(11, -8)}", "M1P2.Host"),
        ("%{filename | substr(-3, -1)}", "W="),
        ("%{filename | substr(0, 0)}%{uid}", "26"),
        ("%{uid | substr(1, 9)}%{uid | substr(9)}%{uid | substr(-9, 1)}", "6"),
        ("%{filename | md5 | hexlify | substr(0, 8)}", "363001fc"),
        ("%{uid | lfill(6)}", "000026"),
        ("%{uid | rfill(4, 'x')}", "26xx"),
        ("%%{uid%{uid}", "%{uid26"),
    ] {
        assert_eq!(shown(format), id, "{format}");
    }
}

#[test]
fn the_default_is_dovecots_own() {
    assert_eq!(UidlFormat::default(), UidlFormat::parse(DEFAULT).unwrap());
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (format, word) in [
        ("", "no variable"),
        ("mail", "no variable"),
        ("%08Xu%w", "%w"),
        ("%Eu", "`E`"),
        ("%08Xu%", "letter of a variable"),
        // Dovecot 2.3.19: "Unknown pop3_uidl_format variable".
        ("%UL", "letter of a variable"),
        ("%{guid | sha1 | substr(1)}", "substr"),
        ("%{guid | substr}", "substr"),
        ("%{guid | substr(x)}", "substr(x)"),
        ("%{uid", "without `}`"),
        ("%{user}", "`user`"),
        ("%{uid | rot13}", "rot13"),
        ("%{uid | hex(8}", "hex(8"),
        ("%{uid | hex(eight)}", "eight"),
        ("%{guid | md5 | reverse}", "reverse"),
        ("%0999999999999999999999u", "999"),
        ("%100000u", "100000"),
        ("%ä", "ä"),
    ] {
        let said = refusal(format);
        assert!(said.contains(word), "{format}: {said}");
    }
}

#[test]
fn it_says_what_it_asks_for() {
    let format = UidlFormat::parse("%08Xu-%Mf").unwrap();
    let used = [Variable::Uid, Variable::UidValidity, Variable::FileName, Variable::Guid, Variable::Md5];
    assert_eq!(used.map(|variable| format.uses(variable)), [true, false, true, false, false]);
}

proptest! {
    #[test]
    fn no_text_breaks_it(format in "[%{}|().0-9uvfgmLUXRMTa-z -]{0,40}") {
        if let Ok(format) = UidlFormat::parse(&format) {
            format.fill_in(&VALUES);
            format.fill_in(&Variables::default());
        }
    }
}
