//! `SENDER DATE` as Dovecot reads it, from the front: `asctime`, with or without seconds and a zone, or the
//! date of a message header. Knows nothing of what follows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{Date, Month, PrimitiveDateTime, Time};

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// `None` where Dovecot sees no message; the time within is `None` for a day that no calendar has.
pub fn parse(text: &[u8]) -> Option<Option<SystemTime>> {
    let mut rest = Rest(behind_sender(text)?);
    rest.skip(4)?; // The day of the week, whatever it says.
    let (day, month, year_first) = match rest.month() {
        Some(month) => (rest.padded_day()?, month, None),
        None => rest.header_date()?,
    };
    let (hour, minute, second) = rest.clock(year_first.is_some())?;
    let (year, zone) = match year_first {
        Some(year) => (year, None),
        None => rest.zone_and_year()?,
    };
    let zone = zone.or_else(|| rest.zone_behind());
    Some(moment((year, month, day), (hour, minute, second), zone.unwrap_or(0)))
}

/// Passes over the sender, which may be quoted.
fn behind_sender(text: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    if text.first() == Some(&b'"') {
        let mut escaped = false;
        at = 1;
        while let Some(octet) = text.get(at).filter(|octet| **octet != b'"' || escaped) {
            if matches!(octet, b'\r' | b'\n') {
                return None;
            }
            escaped = *octet == b'\\';
            at += 1;
        }
    }
    let end = at + text.get(at..)?.iter().position(|octet| matches!(octet, b' ' | b'\r' | b'\n'))?;
    let blanks = text[end..].iter().position(|octet| *octet != b' ')?;
    (blanks > 0).then(|| &text[end + blanks..])
}

/// What has not been read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn octet(&mut self, wanted: u8) -> Option<()> {
        (self.0.first() == Some(&wanted)).then(|| self.skip(1))?
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        self.skip(count)?;
        Some(number)
    }

    /// `Nov `
    fn month(&mut self) -> Option<u8> {
        let name = self.0.get(..3)?.to_ascii_lowercase();
        let month = (1..).zip(MONTHS).find_map(|(number, known)| (name == *known).then_some(number))?;
        (self.0.get(3) == Some(&b' ')).then(|| self.skip(4))??;
        Some(month)
    }

    /// `29 `, ` 9 ` or `9 `
    fn padded_day(&mut self) -> Option<u32> {
        let _ = self.octet(b' ');
        let day = self.digits(2).or_else(|| self.digits(1))?;
        self.octet(b' ')?;
        Some(day)
    }

    /// ` 29 Nov 2001 `, what is left of `Thu, 29 Nov 2001 ` behind the comma.
    fn header_date(&mut self) -> Option<(u32, u8, Option<u32>)> {
        self.skip(1)?;
        let day = self.digits(2).or_else(|| self.digits(1))?;
        self.octet(b' ')?;
        let month = self.month()?;
        let year = self.digits(4)?;
        self.skip(1)?;
        Some((day, month, Some(year)))
    }

    /// `22:33:52 ` or `22:33 `
    fn clock(&mut self, year_is_known: bool) -> Option<(u32, u32, u32)> {
        let hour = self.digits(2)?;
        self.octet(b':')?;
        let minute = self.digits(2)?;
        let second = match self.octet(b':') {
            Some(()) => self.digits(2)?,
            None => {
                self.octet(b' ')?;
                return Some((hour, minute, 0));
            }
        };
        let blank = self.octet(b' ');
        (blank.is_some() || year_is_known).then_some((hour, minute, second))
    }

    /// `2001`, or a word and `2001`; a word that is a number is a zone.
    fn zone_and_year(&mut self) -> Option<(u32, Option<i64>)> {
        if let Some(year) = self.digits(4) {
            return Some((year, None));
        }
        let end = self.0.iter().position(|octet| matches!(octet, b' ' | b'\r' | b'\n'))?;
        let zone = offset(&self.0[..end]);
        self.skip(end)?;
        self.octet(b' ')?;
        Some((self.digits(4)?, zone))
    }

    /// ` +0200` behind the year, or what a header's date leaves of it.
    fn zone_behind(&mut self) -> Option<i64> {
        let _ = self.octet(b' ');
        offset(self.0.get(..5)?)
    }
}

/// `+0200` in seconds.
fn offset(word: &[u8]) -> Option<i64> {
    let (sign, digits) = match word {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let mut digits = Rest(digits);
    let (hours, minutes) = (digits.digits(2)?, digits.digits(2)?);
    digits.0.is_empty().then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn moment(date: (u32, u8, u32), clock: (u32, u32, u32), zone: i64) -> Option<SystemTime> {
    let (year, month, day) = (i32::try_from(date.0).ok()?, Month::try_from(date.1).ok()?, date.2.max(1));
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let small = |number| u8::try_from(number).ok();
    let time = Time::from_hms(small(clock.0)?, small(clock.1)?, small(clock.2)?).ok()?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp() - zone;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}
