//! Dates as mail writes them (RFC 5322, 3.3), always in UTC. The clock is read by the caller.

use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// `Sun, 22 Nov 2026 03:54:43 +0000`
pub fn rfc5322(at: SystemTime) -> String {
    // Only a year beyond 9999 cannot be written; a clock that far off still gets a message through.
    utc(at).format(&Rfc2822).unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 +0000".to_owned())
}

/// `2026-11-22T03:54:43Z`, for JSON and tables.
pub fn rfc3339(at: SystemTime) -> String {
    let whole = utc(at).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    whole.format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

/// A clock before 1970 or beyond year 9999 reads as 1970: wrong, like the clock, and harmless.
fn utc(at: SystemTime) -> OffsetDateTime {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn known_moments() {
        for (seconds, mail, table) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z"),
            (1_795_319_683, "Sun, 22 Nov 2026 03:54:43 +0000", "2026-11-22T03:54:43Z"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000", "2100-02-28T23:59:59Z"),
        ] {
            let at = UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999);
            assert_eq!((rfc5322(at).as_str(), rfc3339(at).as_str()), (mail, table));
        }
    }

    #[test]
    fn a_clock_out_of_its_mind_stays_harmless() {
        for at in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 40)] {
            assert!(rfc5322(at).ends_with("+0000"));
        }
    }
}
