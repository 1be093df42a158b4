//! Sizes and durations as people write them. Knows no key and no default.

use crate::limits;
use std::time::Duration;

/// What each unit of a size counts in bytes.
const SIZES: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// What each unit of a duration counts in seconds.
const DURATIONS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// Bytes: `"1048576"`, `"50 MiB"`, `"1GiB"`, `"0"`. Used for quotas on the command line, too.
///
/// # Errors
/// A text that reads `what: remedy`.
pub fn size(text: &str) -> Result<u64, String> {
    counted(text, &SIZES).map_err(|error| match error {
        NotCounted::TooMany => format!("`{text}` is too large: write less than 16 EiB"),
        NotCounted::Unreadable => {
            format!("`{text}` is no size: write bytes as a number, or with KiB, MiB or GiB, as in \"50 MiB\"")
        }
    })
}

/// A positive time: `"30s"`, `"5m"`, `"2h"`, `"1d"`; what is longer than `limits::DURATION_MAX`
/// counts as that.
///
/// # Errors
/// A text that reads `what: remedy`.
pub fn duration(text: &str) -> Result<Duration, String> {
    match counted(text, &DURATIONS) {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds).min(limits::DURATION_MAX)),
        Err(NotCounted::TooMany) => Ok(limits::DURATION_MAX),
        Ok(0) | Err(NotCounted::Unreadable) => Err(format!(
            "`{text}` is no duration: write a number from 1 with s, m, h or d, as in \"30s\" or \"5m\""
        )),
    }
}

/// Why a text stands for no number.
enum NotCounted {
    Unreadable,
    TooMany,
}

/// A whole number and its unit, with or without a blank between them, in upper or lower case.
fn counted(text: &str, units: &[(&str, u64)]) -> Result<u64, NotCounted> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let named = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (Some((_, factor)), false) = (named, number.is_empty()) else { return Err(NotCounted::Unreadable) };
    // Digits alone are no number only when they are too many.
    number.parse().ok().and_then(|number: u64| number.checked_mul(*factor)).ok_or(NotCounted::TooMany)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("50 MiB", Some(50 << 20)),
            ("50MiB", Some(50 << 20)),
            (" 1  kib ", Some(1024)),
            ("3 GiB", Some(3 << 30)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("17179869184 GiB", None),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("+1", None),
            ("1.5 MiB", None),
            ("50 MB", None), // 10^6 or 2^20? Asked, not guessed.
            ("50 M", None),
            ("1 MiB 2", None),
            ("\u{0661}", None), // A digit, but not one of ours.
        ] {
            assert_eq!(size(text).ok(), bytes, "{text:?}");
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("2h", Some(7200)),
            ("1d", Some(86_400)),
            ("10 M", Some(600)),
            ("365d", Some(31_536_000)),
            ("1000000d", Some(3_153_600_000)),
            ("0s", None),
            ("0", None),
            ("30", None),
            ("", None),
            ("s", None),
            ("-5m", None),
            ("1.5h", None),
            ("1h30m", None),
            ("5min", None),
            ("99999999999999999999s", Some(3_153_600_000)),
            ("18446744073709551615d", Some(3_153_600_000)),
            ("99999999999999999999", None),
        ] {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn an_error_shows_the_text_and_the_remedy() {
        assert_eq!(
            size("5 furlongs").unwrap_err(),
            "`5 furlongs` is no size: write bytes as a number, or with KiB, MiB or GiB, as in \"50 MiB\""
        );
        for text in ["99999999999 GiB", "18446744073709551616"] {
            assert_eq!(size(text).unwrap_err(), format!("`{text}` is too large: write less than 16 EiB"));
        }
        assert!(duration("soon").unwrap_err().starts_with("`soon` is no duration: write "));
    }

    proptest! {
        #[test]
        fn any_text_is_a_size_or_an_error(text in "\\PC*") {
            prop_assert!(size(&text).is_ok() || size(&text).unwrap_err().contains(&text));
            prop_assert!(duration(&text).is_ok() || duration(&text).unwrap_err().contains(&text));
        }

        #[test]
        fn a_size_counts_its_unit(number in 0..1_u64 << 20) {
            prop_assert_eq!(size(&format!("{number} KiB")), Ok(number * 1024));
        }
    }
}
