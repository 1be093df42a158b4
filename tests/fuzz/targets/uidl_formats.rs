//! A `pop3_uidl_format` of any text is refused or filled in, and says the truth about what it uses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::import::{UidlFormat, Variable, Variables};

fuzz_target!(|data: &[u8]| {
    let Some(format) = std::str::from_utf8(data).ok().and_then(|text| UidlFormat::parse(text).ok()) else {
        return;
    };
    let values = Variables { uid: 7, uid_validity: 9, file_name: b"a\xe4 b", guid: b"g", md5: b"0f" };
    let id = format.fill_in(&values);
    if !format.uses(Variable::Uid) {
        assert_eq!(format.fill_in(&Variables { uid: 8, ..values }), id);
    }
    if !format.uses(Variable::FileName) {
        assert_eq!(format.fill_in(&Variables { file_name: b"", ..values }), id);
    }
});
