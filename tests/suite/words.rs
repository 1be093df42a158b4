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
        written.extend(source.split(level).skip(1).flat_map(words_of));
    }
    let missing: Vec<_> = written.difference(&told).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
    let made_up: Vec<_> = told.difference(&written).collect();
    assert!(made_up.is_empty(), "in the README alone: {made_up:?}");
}

/// The event and the keys in the text that a macro's call begins with; the line that writes a `Line` has none.
fn words_of(call: &str) -> Vec<String> {
    let Some(text) = call.trim_start().strip_prefix('"') else { return Vec::new() };
    let end = text.char_indices().find(|(at, c)| *c == '"' && !text[..*at].ends_with('\\'));
    let text = &text[..end.unwrap().0];
    let is_name = |c: char| c.is_ascii_lowercase() || "._".contains(c);
    let event = text.split(|c| !is_name(c)).next().filter(|event| !event.is_empty());
    // What stands before a `=` is a key, up to the blank before it.
    let keys = text.match_indices('=').filter_map(|(at, _)| text[..at].rsplit(' ').next());
    event.into_iter().chain(keys).map(str::to_owned).collect()
}

#[test]
fn a_text_of_the_log_has_an_event_and_keys() {
    let call = "\n    \"net.full address={} why=\\\"no more\\\" task={name:?}\",\n    a == b\n)";
    assert_eq!(words_of(call), ["net.full", "address", "why", "task"]);
    assert_eq!(words_of("\"{self}\")"), [""; 0]);
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
