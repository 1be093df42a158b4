//! The floors of the house: what each module may import, and what never stands in it.
//!
//! The table in `src/lib.rs` tells newcomers the floors; here is the exact list, which is shorter: what each module
//! needs of what lies below it. A change of the house is a change of both.

use std::fs;
use std::path::Path;

use crate::source::{code, files, files_without_tests, src, without_tests};

/// A module and the modules of this crate that it may import, from the ground floor up.
const FLOORS: [(&str, &[&str]); 20] = [
    ("limits", &[]),
    ("finding", &[]),
    ("mail", &["limits"]),
    ("wire", &["mail", "limits"]),
    ("sasl", &["mail", "limits"]),
    ("smtp", &["mail", "limits", "wire", "sasl"]),
    ("pop3", &["mail", "limits", "wire", "sasl"]),
    ("accounts", &["mail", "limits"]),
    ("maildrop", &["mail", "limits"]),
    ("delivery", &["mail", "limits", "maildrop"]),
    ("import", &["mail", "limits", "wire", "maildrop", "delivery"]),
    ("runtime", &[]),
    ("net", &["mail", "limits", "finding", "runtime"]),
    ("config", &["mail", "limits", "finding", "net"]),
    ("process", &["finding"]),
    ("fetch", &["mail", "limits", "wire", "pop3", "import", "finding", "runtime", "net", "config"]),
    (
        "serve",
        &[
            "mail", "limits", "wire", "sasl", "smtp", "pop3", "accounts", "maildrop", "delivery", "import",
            "finding", "runtime", "net", "config", "process", "fetch",
        ],
    ),
    (
        "commands",
        &[
            "mail", "limits", "accounts", "maildrop", "delivery", "import", "finding", "runtime", "net",
            "config", "process", "fetch", "serve",
        ],
    ),
    ("main", &["commands"]),
    ("lib", &[]),
];

/// Words that never stand in the code of a module, tests left out.
const NEVER: [(&str, &[&str]); 13] = [
    ("finding", &["std::fs", "std::net", "::now(", "async ", "log::"]),
    ("limits", &["std::fs", "std::net", "::now(", "async ", "log::"]),
    ("mail", &["std::fs", "TcpStream", "::now(", "async ", "log::", "getrandom"]),
    ("wire", &["std::fs", "std::net", "::now(", "async ", "log::", "getrandom"]),
    ("sasl", &["std::fs", "std::net", "::now(", "async ", "log::", "getrandom"]),
    ("smtp", &["std::fs", "TcpStream", "::now(", "async ", "log::", "getrandom"]),
    ("pop3", &["std::fs", "TcpStream", "::now(", "async ", "log::", "getrandom"]),
    ("accounts", &["async ", "rustls", "maildir::"]),
    ("delivery", &["async ", "rusqlite", "rustls"]),
    ("maildrop", &["async ", "rusqlite", "rustls"]),
    ("import", &["async ", "rusqlite", "rustls", "TcpStream"]),
    ("fetch", &["rusqlite", "maildir::"]),
    ("serve", &["rusqlite", "maildir::", "SELECT "]),
];

#[test]
fn every_floor_imports_downwards_only() {
    for file in files() {
        let module = module_of(&file);
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else {
            panic!("{}: on which floor is `{module}`?", file.display())
        };
        for imported in crate_paths(&code(&file)) {
            let known = FLOORS.iter().any(|(name, _)| *name == imported);
            let fine = !known || imported == module || allowed.contains(&imported.as_str());
            assert!(fine, "{}: `{module}` may not import `{imported}`", file.display());
        }
    }
}

#[test]
fn what_never_stands_in_a_module_does_not() {
    for file in files_without_tests() {
        let module = module_of(&file);
        let words = NEVER.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, words)| words);
        let code = without_tests(&code(&file)); // Tests may read files and clocks.
        for word in words {
            assert!(!code.contains(word), "{}: `{word}` in `{module}`", file.display());
        }
    }
}

#[test]
fn only_one_file_names_the_runtime() {
    for file in files().iter().filter(|file| module_of(file) != "runtime") {
        for word in ["async_std", "smol::", "tokio", "unsafe "] {
            assert!(!code(file).contains(word), "{}: `{word}`", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with `//!`", file.display());
    }
}

#[test]
fn crate_paths_are_found_in_lists_too() {
    let code = "use crate::mail::{Octets, Peer};\nuse crate::{limits, wire::line::{Line, LineBuffer}};\ncrate::net::bind()";
    assert_eq!(crate_paths(code), ["mail", "limits", "wire", "net"]);
}

/// `src/mail/address.rs` and `src/mail.rs` belong to `mail`.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).unwrap();
    inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The modules that paths beginning with `crate::` lead into, in the order of the text.
fn crate_paths(code: &str) -> Vec<String> {
    let first_name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for path in code.split("crate::").skip(1) {
        match path.strip_prefix('{') {
            Some(list) => names.extend(top_level_items(list).iter().map(|item| first_name(item))),
            None => names.push(first_name(path)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// `a, b::{c, d}, e} …` is `a`, `b::{c, d}` and `e`.
fn top_level_items(list: &str) -> Vec<String> {
    let (mut items, mut depth) = (vec![String::new()], 0);
    for character in list.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(String::new()),
            _ => {
                depth += i32::from(character == '{') - i32::from(character == '}');
                items.last_mut().unwrap().push(character);
            }
        }
    }
    items
}
