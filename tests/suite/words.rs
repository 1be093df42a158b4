//! What the README promises scripts about the log: every event and every key in the source is in its
//! tables, and the tables name nothing that is not written.

use std::collections::BTreeSet;
use std::fs;

use crate::source::{code, files_without_tests, root, without_tests};

#[test]
fn every_event_and_key_of_the_log_is_in_the_readme() {
    let source: String = files_without_tests().iter().map(|file| without_tests(&code(file)) + "\n").collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let told = told(&readme);
    let mut written: BTreeSet<String> = behind(&source, "Line::new(\"");
    for call in [".log(\"", ".line(\"", ".log_admitted(\""] {
        written.extend(behind(&source, call));
    }
    // One driver serves both protocols.
    for call in [".log_line(\"", " line(\""] {
        for event in behind(&source, call) {
            written.extend([format!("smtp.{event}"), format!("lmtp.{event}")]);
        }
    }
    for call in [".with(\"", ".with_some(\""] {
        written.extend(behind(&source, call));
    }
    // The floors below the server have no `Line`: what they write is text, `event key=value …`.
    for level in ["log::error!(", "log::warn!(", "log::info!("] {
        for call in source.split(level).skip(1) {
            let text = call.trim_start().trim_start_matches('"');
            written
                .insert(text.chars().take_while(|c| c.is_ascii_lowercase() || "._".contains(*c)).collect());
        }
    }
    written.remove(""); // The line that writes a `Line`.
    let missing: Vec<_> = written.difference(&told).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
    let others = ["task"]; // A key of theirs.
    let made_up: Vec<_> =
        told.iter().filter(|word| !written.contains(*word) && !others.contains(&word.as_str())).collect();
    assert!(made_up.is_empty(), "in the README alone: {made_up:?}");
}

/// The words in backticks that begin the rows of the log's two tables.
fn told(readme: &str) -> BTreeSet<String> {
    let (_, after) = readme.split_once("\n## The log\n").unwrap();
    let (section, _) = after.split_once("\n## ").unwrap();
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    first_cells.flat_map(|cell| cell.split(", ")).map(|word| word.trim_matches('`').to_owned()).collect()
}

/// What stands between each `start` and the next quotation mark; names made by
/// `format!` are found where their parts are.
fn behind(source: &str, start: &str) -> BTreeSet<String> {
    let names = source.split(start).skip(1).filter_map(|rest| rest.split('"').next());
    names.filter(|name| !name.contains('{')).map(str::to_owned).collect()
}
