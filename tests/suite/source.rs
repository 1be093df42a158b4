//! The source of the program as text, for the tests that hold it to its own words.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TEST: &str = "#[cfg(test)]";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn src() -> PathBuf {
    root().join("src")
}

/// Every file of the source, sorted.
pub fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&src(), &mut found);
    found.sort();
    found
}

/// Every file that is not of a module under `#[cfg(test)]`, sorted.
pub fn files_without_tests() -> Vec<PathBuf> {
    let files = files();
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_modules(file, &code(file))).collect();
    files
        .into_iter()
        .filter(|file| !file.ancestors().any(|part| tests.contains(&part.with_extension(""))))
        .collect()
}

/// A file without its comments.
pub fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Code without the items under `#[cfg(test)]`: rustfmt closes each at the indentation it begins with.
pub fn without_tests(code: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() != TEST {
            kept.push(line);
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let closes = |line: &str| line.len() > indent && line[indent..].starts_with(['}', ')', ']']);
        let first = lines.next().unwrap_or_default();
        if !first.ends_with([';', '}']) {
            lines.by_ref().find(|line| closes(line));
        }
    }
    kept.join("\n")
}

/// The files or folders, without extension, of the modules that stand in `code` as `#[cfg(test)] mod name;`.
fn test_modules(file: &Path, code: &str) -> Vec<PathBuf> {
    let inside = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    };
    let items = code.split(TEST).skip(1).filter_map(|rest| rest.trim_start().lines().next());
    let modules = items.filter_map(|item| item.strip_suffix(';')?.rsplit_once("mod "));
    modules.map(|(_, name)| inside.join(name)).collect()
}

#[test]
fn what_is_under_test_is_left_out_and_what_stands_behind_it_is_not() {
    let code = "pub mod a;\n#[cfg(test)]\nmod b;\npub mod c;\n\nimpl D {\n    #[cfg(test)]\n    fn e() {\n        f();\n    }\n\n    fn g() {}\n}\n\n#[cfg(test)]\nmod tests {\n    fn h() {\n    }\n}\nfn i() {}";
    let kept = without_tests(code);
    for name in ["mod a", "mod c", "fn g", "fn i"] {
        assert!(kept.contains(name), "{name} is lost: {kept}");
    }
    for name in ["mod b", "fn e", "f()", "mod tests", "fn h"] {
        assert!(!kept.contains(name), "{name} is there: {kept}");
    }
    let found = test_modules(Path::new("src/serve/mod.rs"), code);
    assert_eq!(found, [PathBuf::from("src/serve/b")]);
    assert_eq!(test_modules(Path::new("src/serve.rs"), code), found);
}

#[test]
fn modules_of_tests_are_no_files_of_the_program() {
    let files = files_without_tests();
    let named = |name: &str| files.iter().any(|file| file.ends_with(name));
    assert!(named("serve/mod.rs") && named("delivery/abreast.rs"));
    assert!(!named("serve/testing.rs") && !named("delivery/faults.rs") && !named("serve/smtp/tests.rs"));
}
