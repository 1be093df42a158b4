//! Tables and numbers for a person at a terminal, and the one way to standard output.
//!
//! Knows nothing of what it shows. Scripts read `--json` instead, whose form is a promise.

use crate::finding::Finding;
use crate::import::words::counted;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// A column's heading, and whether its cells are numbers (which stand at the right).
pub struct Column(pub &'static str, pub Align);

/// Where a cell stands in its column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One line for the headings and one for each row, two blanks between columns, no blanks at line ends.
pub fn render(columns: &[Column], rows: &[Vec<String>]) -> String {
    render_each(columns, rows.iter().cloned())
}

/// The same of rows that are made twice, once for the widths, and never all there at once.
pub fn render_each(columns: &[Column], rows: impl Iterator<Item = Vec<String>> + Clone) -> String {
    let heading = columns.iter().map(|column| column.0.to_owned()).collect();
    let all = std::iter::once(heading).chain(rows);
    let mut widths = vec![0; columns.len()];
    for row in all.clone() {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in all {
        let cells = row.iter().zip(columns).zip(&widths).map(|((cell, column), width)| match column.1 {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `0 B`, `1.5 KiB`, `50 MiB`: one decimal, and none where it would be zero.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    // In tenths, rounded down: whole numbers cannot show `1024.0 KiB`.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1024, unit + 1);
    }
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        tenth => format!("{}.{tenth} {}", tenths / 10, UNITS[unit]),
    }
}

/// The text with its control characters written as `\u001b`, but for line ends and tabs: names of files and
/// words of other servers must not steer a terminal. In JSON, where they stand in strings alone, that is the
/// same text.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c)); // Writing to a String cannot fail.
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// [`harmless`], and all of it in one line.
pub fn one_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

/// The first so many of a list, and how many more there are: `line 3, line 4 and 7 more`.
pub fn first_few<T>(all: &[T], most: usize, text: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = all.iter().take(most).map(text).collect();
    match all.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Writes to standard output, and a line end where the text has none.
///
/// # Errors
/// Any but a reader that went away: `account list | head -1` has done what it was asked for.
pub fn print(text: &str) -> Result<(), Finding> {
    print_to(&mut io::stdout().lock(), text).map(|_| ())
}

/// The same for a command that goes on: whether anybody still reads.
///
/// # Errors
/// As [`print`].
pub fn is_read(text: &str) -> Result<bool, Finding> {
    print_to(&mut io::stdout().lock(), text)
}

/// Lines and columns of the terminal that standard output is; `None` if it is none.
pub fn terminal() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (lines, columns) = (usize::from(size.ws_row), usize::from(size.ws_col));
    (lines > 0 && columns > 0).then_some((lines, columns))
}

/// As much of a text as fits on a screen of so many lines and columns, and how many lines do not.
pub fn fitted(text: &str, lines: usize, columns: usize) -> String {
    let (all, room) = (text.lines().count(), lines.saturating_sub(1));
    let shown = if all > room { room.saturating_sub(1) } else { all };
    let cut = |line: &str| line.chars().take(columns).chain(['\n']).collect::<String>();
    let mut fitted: String = text.lines().take(shown).map(cut).collect();
    if all > shown {
        fitted += &cut(&format!("... and {}", counted(all - shown, "more line")));
    }
    fitted
}

/// Empties the terminal that standard output is.
pub fn clear() {
    // What is printed next tells of a terminal that is gone.
    let _ = io::Write::write_all(&mut io::stdout().lock(), b"\x1b[H\x1b[2J");
}

/// Whether anybody reads.
fn print_to(out: &mut impl io::Write, text: &str) -> Result<bool, Finding> {
    let text = harmless(text);
    let line_end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{line_end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Finding {
            what: format!("the answer could not be written: {error}"),
            remedy: "what was asked for is done; see where standard output leads".to_owned(),
        }),
        outcome => Ok(outcome.is_ok()),
    }
}

/// A line on standard error that is no error: the command goes on.
pub fn warn(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = io::Write::write_fmt(&mut io::stderr().lock(), format_args!("warning: {}\n", one_line(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_on_a_screen_is_counted() {
        let text = "one\ntwo grüße\nthree\n";
        assert_eq!(fitted(text, 4, 7), "one\ntwo grü\nthree\n");
        assert_eq!(fitted(text, 3, 80), "one\n... and 2 more lines\n");
        assert_eq!(fitted(text, 0, 5), "... a\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let columns =
            [Column("address", Align::Left), Column("bytes", Align::Right), Column("note", Align::Left)];
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["anna@x.org", "7", ""]), row(["grüße@x.org", "123456", "on"])];
        let expected = "address       bytes  note\nanna@x.org        7\ngrüße@x.org  123456  on\n";
        assert_eq!(render(&columns, &rows), expected);
        assert_eq!(render(&columns, &[]), "address  bytes  note\n");
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (50 * 1024 * 1024, "50 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn nobody_steers_the_terminal_and_json_stays_what_it_was() {
        let name = "cur/\u{1b}[2J\u{9b}x\u{7f}\tgr\u{fc}\u{df}e";
        assert_eq!(harmless(name), "cur/\\u001b[2J\\u009bx\\u007f\tgr\u{fc}\u{df}e");
        assert_eq!(one_line("a\nb\r"), "a b\\u000d");
        let json = serde_json::to_string_pretty(&[name, "a\nb"]).unwrap();
        let read: Vec<String> = serde_json::from_str(&harmless(&json)).unwrap();
        assert_eq!(read, [name, "a\nb"]);
        assert!(matches!(harmless("two\nlines"), Cow::Borrowed(_)));
    }

    #[test]
    fn of_a_long_list_the_first_few_are_named() {
        let named = |count: u32| first_few(&(1..=count).collect::<Vec<_>>(), 3, |n| format!("user{n}"));
        assert_eq!([0, 1, 3].map(named), ["", "user1", "user1, user2, user3"]);
        assert_eq!(named(5), "user1, user2, user3 and 2 more");
    }

    struct Broken(io::ErrorKind);

    impl io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
        assert!(print_to(&mut Broken(io::ErrorKind::BrokenPipe), "x").is_ok());
        assert!(print_to(&mut Broken(io::ErrorKind::StorageFull), "x").is_err());
        let mut out = Vec::new();
        print_to(&mut out, "one").unwrap();
        print_to(&mut out, "two\n").unwrap();
        assert_eq!(out, b"one\ntwo\n");
    }
}
