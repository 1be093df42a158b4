//! The parts of a name that orders go by.

use super::*;

#[test]
fn atol_is_that_of_c() {
    for (text, number) in [
        ("", 0),
        ("x9", 0),
        ("17x", 17),
        (" \t 4", 4),
        ("+6", 6),
        ("-3.a", -3),
        ("--3", 0),
        ("9223372036854775807", i64::MAX),
        ("99999999999999999999999", i64::MAX),
        ("-99999999999999999999999", i64::MIN),
    ] {
        assert_eq!(atol(text.as_bytes()), number, "{text:?}");
    }
}

#[test]
fn microseconds_stand_between_the_first_dots() {
    for (rest, found) in [
        (".M12P3.h", Some(12)),
        (".P3M7.h", Some(7)),
        (".M.h", Some(0)),
        (".12_3.M7", None),
        (".h:M3", None),
        ("M12", None),
        ("", None),
    ] {
        assert_eq!(micros(rest.as_bytes()), found, "{rest:?}");
    }
}
