//! A configuration of any content gives settings, or one finding on one line that names the file and
//! says what to do.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::config::Settings;
use std::path::Path;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let file = Path::new("/etc/restante.toml");
    let finding = match Settings::parse(file, text) {
        Ok(settings) => return assert_eq!(settings.file.as_deref(), Some(file)),
        Err(finding) => finding,
    };
    assert!(finding.what.starts_with("/etc/restante.toml"), "names the file: {finding:?}");
    assert!(!finding.remedy.is_empty(), "a remedy: {finding:?}");
    assert!(!finding.to_string().contains(char::is_control), "one line: {finding:?}");
});
