//! Lines and what they are read as.

use super::*;

fn shown(line: &str) -> String {
    match Command::parse(line.as_bytes()) {
        Ok(command) => format!("{command:?}"),
        Err(Mistake::Tell(response)) => response.text().into_owned(),
        Err(Mistake::Http) => "http".to_owned(),
    }
}

#[test]
fn names_are_taken_in_any_case() {
    for (line, command) in [
        ("stat", "Stat"),
        ("StAt ", "Stat"),
        ("noop", "Noop"),
        ("list", "List(None)"),
        ("List 12", "List(Some(Number(12)))"),
        ("list  007 ", "List(Some(Number(7)))"),
        ("uidl 1", "Uidl(Some(Number(1)))"),
        ("retr 4294967295", "Retr(Number(4294967295))"),
        ("dele 1", "Dele(Number(1))"),
        ("top 1 0", "Top { number: Number(1), body_lines: 0 }"),
        ("TOP 1 99999999", "Top { number: Number(1), body_lines: 99999999 }"),
        ("TOP 1 99999999999", "Top { number: Number(1), body_lines: 4294967295 }"),
        ("user  anna ", "User(\"anna\")"),
        ("USER änne@example.org", "User(\"änne@example.org\")"),
        ("USER anna the first", "User(\"anna the first\")"),
        ("auth", "AuthList"),
        ("AUTH plain", "Auth { mechanism: \"plain\", initial: None }"),
        ("AUTH PLAIN =", "Auth { mechanism: \"PLAIN\", initial: Some(\"=\") }"),
        ("LANG", "Lang(None)"),
        ("LANG *", "Lang(Some(\"*\"))"),
        ("APOP a b", "Apop"),
    ] {
        assert_eq!(shown(line), command, "{line}");
    }
}

#[test]
fn numbers_are_checked_as_numbers() {
    for word in [
        "0",
        "00",
        "-1",
        "+1",
        "1x",
        "x",
        "1 2",
        "4294967296",
        "4294967298",
        "18446744073709551617",
        "1.0",
        "１",
    ] {
        for name in ["LIST", "UIDL", "RETR", "DELE"] {
            assert_eq!(shown(&format!("{name} {word}")), Response::USAGE_NUMBER.text(), "{name} {word}");
        }
    }
    for line in ["RETR", "DELE"] {
        assert_eq!(shown(line), Response::USAGE_NUMBER.text());
    }
    for line in ["TOP", "TOP 1", "TOP 0 1", "TOP 1 -1", "TOP 1 x", "TOP 4294967297 1", "TOP 1 1 1"] {
        assert_eq!(shown(line), Response::USAGE_TOP.text(), "{line}");
    }
}

#[test]
fn a_password_is_the_rest_of_the_line() {
    for (line, password) in [
        (&b"PASS secret"[..], &b"secret"[..]),
        (b"pass  two  words ", b" two  words "),
        (b"PASS \xc3\xa4", b"\xc3\xa4"),
        (b"PASS \xe4\xff", b"\xe4\xff"),
        (b"PASS \ttab", b"\ttab"),
    ] {
        let Ok(Command::Pass(found)) = Command::parse(line) else { panic!("{line:?}") };
        assert_eq!(found.expose(), password);
    }
    for line in ["PASS", "PASS ", "PASS a\0b"] {
        assert_eq!(shown(line), Response::USAGE_PASS.text());
    }
    assert_eq!(shown("PASS secret"), "Pass(Password(..))");
}

#[test]
fn what_is_no_command_is_told_why() {
    for (line, told) in [
        ("", Response::UNKNOWN),
        (" STAT", Response::UNKNOWN),
        ("STATUS", Response::UNKNOWN),
        ("STAT\0", Response::UNKNOWN),
        ("GET", Response::UNKNOWN),
        ("STAT 1", Response::USAGE_BARE),
        ("QUIT now", Response::USAGE_BARE),
        ("USER", Response::USAGE_USER),
        ("USER  ", Response::USAGE_USER),
        ("USER a\u{1b}b", Response::USAGE_USER),
        ("AUTH PLAIN a b", Response::USAGE_AUTH),
        ("LANG a b", Response::USAGE_LANG),
    ] {
        assert_eq!(shown(line), told.text(), "{line}");
    }
    assert_eq!(Command::parse(b"USER \xff").unwrap_err(), Mistake::Tell(Response::NOT_UTF8));
    assert_eq!(Command::parse(b"\xff\xfe").unwrap_err(), Mistake::Tell(Response::UNKNOWN));
}

#[test]
fn http_is_recognised() {
    for line in [
        "GET / HTTP/1.1",
        "post /x HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "PRI * HTTP/2.0",
        "CONNECT a:110 HTTP/1.1",
    ] {
        assert_eq!(shown(line), "http", "{line}");
    }
}
