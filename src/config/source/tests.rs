//! Files that are there, and files that are not.

use super::*;
use std::fs;

#[test]
fn the_command_line_beats_the_variable_and_both_beat_the_system() {
    let home = tempfile::tempdir().unwrap();
    let system = home.path().join("restante.toml");
    let (given, named) = (Path::new("given"), OsStr::new("named"));
    fs::write(&system, "").unwrap();
    for (given, named, chosen) in [
        (Some(given), Some(named), Some(given)),
        (None, Some(named), Some(Path::new("named"))),
        (None, Some(OsStr::new("")), Some(system.as_path())),
        (None, None, Some(system.as_path())),
    ] {
        assert_eq!(choose(given, named, &system).as_deref(), chosen);
    }
    fs::remove_file(&system).unwrap();
    assert_eq!(choose(None, None, &system), None);
}

#[test]
fn what_cannot_be_read_is_told() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("missing.toml");
    let finding = read(&missing).unwrap_err();
    assert!(finding.what.starts_with(&format!("{} cannot be read: ", missing.display())), "{finding}");
    assert!(finding.remedy.contains("--config"));
    assert!(read(home.path()).unwrap_err().what.contains(" cannot be read: "), "a folder");
    let latin = home.path().join("latin.toml");
    fs::write(&latin, b"# one\n# gr\xfc\xdfe\n").unwrap();
    assert_eq!(read(&latin).unwrap_err().what, format!("{}:2: not UTF-8", latin.display()));
    fs::write(&latin, "min_free = 0").unwrap();
    assert_eq!(read(&latin).unwrap(), "min_free = 0");
}

#[test]
fn the_file_has_a_bound() {
    assert!(read(Path::new("/dev/zero")).is_ok_and(|text| text.len() as u64 == limits::CONFIG_FILE_MAX));
}

#[test]
fn a_place_has_a_line_a_section_and_a_key() {
    let text = "top = 1\n# [no] = 2\n[ a.b ] # why\nlist = [\n  1,\n  2,\n]\n[c]\n";
    for (part, line, section, key) in [
        ("top", 1, None, Some("top")),
        ("1\n", 1, None, Some("top")),
        ("[ a.b", 3, Some("a.b"), None),
        ("list", 4, Some("a.b"), Some("list")),
        ("2,", 6, Some("a.b"), Some("list")),
        ("[c]", 8, Some("c"), None),
    ] {
        let place = Place::of(text, text.find(part).unwrap());
        assert_eq!((place.line, place.section, place.key), (line, section, key), "{part:?}");
    }
    // What is no part of the value above is not blamed on it.
    for text in ["data_dir = \"/x\"\n[smtp\nlisten = []", "list = [\n]\nhostname\n"] {
        let place = Place::of(text, text.find("smtp").or(text.find("hostname")).unwrap());
        assert_eq!(place.key, None, "{text:?}");
    }
    // TOML may point behind the end, and the text may be empty.
    for (text, offset) in [("", 0), ("a", 1), ("a", 9), ("é", 1)] {
        assert_eq!(Place::of(text, offset).line, 1);
    }
}

#[test]
fn a_key_is_found_in_its_section_alone() {
    let text = "[a]\n#k = 0\nk = 1\n[b]\n j = 1\n[c]\nk = 2\n";
    for (section, key, shown) in [
        ("a", Some("k"), "f:3"),
        ("a", None, "f:1"),
        ("b", Some("k"), "f:4"),
        ("b", Some("j"), "f:5"),
        ("c", Some("k"), "f:7"),
        ("d", Some("k"), "f"),
    ] {
        assert_eq!(place(Path::new("f"), text, section, key), shown, "[{section}] {key:?}");
    }
}
