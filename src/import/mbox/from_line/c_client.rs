//! `From SENDER DATE` as c-client reads it, from the back, because a sender may hold blanks: the line ends
//! with `hh:mm[:ss] [zone] yyyy` or `hh:mm[:ss] yyyy zone`, and maybe ` remote from HOST`.
//! Knows nothing of what the words say: any three letters are a month.

/// Shorter lines hold no date.
const LINE_MIN: usize = 27;
/// Shorter lines hold no ` remote from `.
const REMOTE_MIN: usize = 41;
const REMOTE: &[u8] = b" remote from";

/// Whether a line, with its LF, is one.
pub fn is_from_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = without_remote(line);
    line.len() >= LINE_MIN && behind_time(line).is_some_and(|end| has_time(line, end))
}

fn without_remote(line: &[u8]) -> &[u8] {
    let host = line.iter().rposition(|octet| *octet == b' ').filter(|_| line.len() >= REMOTE_MIN);
    host.and_then(|blank| line[..blank].strip_suffix(REMOTE)).unwrap_or(line)
}

/// Where the time ends: in front of the zone or the year.
fn behind_time(line: &[u8]) -> Option<usize> {
    let back = |count: usize| line.len().checked_sub(count).map(|at| line[at]);
    let sign = |count: usize| matches!(back(count), Some(b'+' | b'-'));
    let blank = |count: usize| back(count) == Some(b' ');
    let length = match () {
        () if blank(5) && back(8) == Some(b':') => 5,
        () if blank(5) && blank(9) => 9,
        () if blank(5) => (blank(11) && sign(10)).then_some(11)?,
        () if blank(4) => blank(9).then_some(9)?,
        () if blank(6) => (blank(11) && sign(5)).then_some(11)?,
        () => return None,
    };
    Some(line.len() - length)
}

/// ` Thu Nov 29 22:33` or ` Thu Nov 29 22:33:52` up to `end`.
fn has_time(line: &[u8], end: usize) -> bool {
    let is = |count: usize, wanted: u8| end.checked_sub(count).is_some_and(|at| line[at] == wanted);
    let clock = if is(6, b':') { 9 } else { 6 };
    let blank = |count: usize| is(clock + count, b' ');
    is(3, b':') && blank(0) && blank(3) && blank(7) && blank(11)
}
