//! Bad configurations: each ends `serve` and `check` with the line that its own first line expects.

use crate::harness::{restante, run};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs")
}

#[test]
fn each_bad_configuration_is_refused_in_words() {
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# expect: ");
        let expected = expected.unwrap_or_else(|| panic!("{name} does not say what it expects"));
        for command in ["serve", "check"] {
            refused(&name, &text, command, expected);
        }
        count += 1;
    }
    assert!(count >= 15, "only {count} configurations");
}

/// Runs a command with a copy of the file, so that it touches nothing outside of its own folder.
fn refused(name: &str, text: &str, command: &str, expected: &str) {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join(name), text).unwrap();
    let outcome = run(restante().current_dir(here.path()).args(["--config", name, command]), "");
    assert_eq!(outcome.status, Some(1), "{name}, {command}: {outcome:?}");
    let said = outcome.text();
    let fits = |line: &str| expected.split(" | ").all(|fragment| line.contains(fragment));
    assert!(said.lines().any(fits), "{name}, {command}: wanted {expected:?}\n{said}");
    if command == "serve" {
        assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{name}: {said}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    for command in ["serve", "check"] {
        let outcome = run(restante().args(["--config", "/nonexistent/restante.toml", command]), "");
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        assert!(outcome.text().contains("/nonexistent/restante.toml"), "{outcome:?}");
    }
}
