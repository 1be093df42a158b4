//! The line that parts two messages: `From SENDER DATE`, and when the message came by it.
//!
//! Each server has its own idea of which lines are one; here are all of them, as functions of one line.
//! Knows no file and no message.

mod asctime;
mod c_client;

use std::borrow::Cow;
use std::time::SystemTime;

/// What a server takes for the start of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// A date behind the sender, read from the front (Dovecot).
    Dated,
    /// A date at the end of the line, read from the back (c-client).
    DatedAtEnd,
    /// The same, but only behind an empty line of a body (mailutils).
    DatedAtEndBehindEmptyLine,
    /// Nothing but `From `, but only behind an empty line (popa3d).
    BehindEmptyLine,
    /// Any line of at least 28 octets, its LF included (solid-pop3d).
    Long,
}

/// What stands in front of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Something that is no empty line.
    Text,
    /// The empty line that ends a header.
    Header,
    /// Another empty line, or the start of the file.
    EmptyLineOfBody,
}

/// The shortest line that solid-pop3d takes: `From `, a sender and a blank, a date of 20 octets and an LF.
const LONG: usize = 28;

impl Separator {
    /// Whether the first piece of a line starts a message; `behind` says what stands in front of it.
    pub fn is_in(self, line: &[u8], behind: Behind) -> bool {
        if !line.starts_with(b"From ") {
            return false;
        }
        match self {
            Self::Dated => asctime::parse(&line[5..]).is_some(),
            Self::DatedAtEnd => is_dated_at_end(line) || is_dated_at_end(&without_cr(line)),
            Self::DatedAtEndBehindEmptyLine => behind == Behind::EmptyLineOfBody && is_dated_at_end(line),
            Self::BehindEmptyLine => behind != Behind::Text,
            Self::Long => line.len() >= LONG,
        }
    }
}

/// c-client knows mboxes with CR LF.
fn without_cr(line: &[u8]) -> Cow<'_, [u8]> {
    match line.strip_suffix(b"\r\n") {
        Some(text) => [text, b"\n"].concat().into(),
        None => line.into(),
    }
}

fn is_dated_at_end(line: &[u8]) -> bool {
    line.ends_with(b"\n") && c_client::is_from_line(line)
}

/// When the message behind this line came. A zone that is not written counts as UTC, which is at most half
/// a day wrong and the same at every run.
pub fn received(line: &[u8]) -> Option<SystemTime> {
    line.strip_prefix(b"From ").and_then(asctime::parse)?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dated (Dovecot), dated at the end (c-client, mailutils), behind an empty line (popa3d), long
    /// (solid-pop3d): what each real server made of the line.
    /// By scripts/kit/moving_mbox.py, the cases `from line: …`.
    const KNOWN: [(&str, &str); 24] = [
        ("ada@example.net Thu Nov 29 22:33:52 2001", "yyyyy"),
        ("ada@example.net Thu Nov  9 22:33:52 2001", "yyyyy"),
        ("ada@example.net Thu Nov 9 22:33:52 2001", "y--yy"),
        ("ada@example.net Thu Nov 29 22:33 2001", "yyyyy"),
        ("ada@example.net Thu Nov 29 22:33:52 EET 2001", "yyyyy"),
        ("ada@example.net Thu Nov 29 22:33:52 CEST 2001", "y--yy"),
        ("ada@example.net Thu Nov 29 22:33:52 +0200 2001", "yyyyy"),
        ("ada@example.net Thu Nov 29 22:33:52 2001 EET", "yyyyy"),
        ("ada@example.net Thu Nov 29 22:33:52 2001 +0200", "yyyyy"),
        ("ada Thu Nov 29 22:33:52 2001 remote from example", "yyyyy"),
        ("Thu Nov 29 22:33:52 2001", "-yyyy"),
        ("ada@example.net  Thu Nov 29 22:33:52 2001", "yyyyy"),
        ("\"ada b\"@example.net Thu Nov 29 22:33:52 2001", "yyyyy"),
        ("ada b@example.net Thu Nov 29 22:33:52 2001", "-yyyy"),
        ("ada@example.net Thu, 29 Nov 2001 22:33:52 +0200", "y--yy"),
        ("here to eternity", "---y-"),
        ("xxxxxxxxxxxxxxxxxxxxxx", "---yy"),
        ("xxxxxxxxxxxxxxxxxxxxx", "---y-"),
        ("ada@example.net Thu Nov 29 22:33:52 01", "---yy"),
        ("ada@example.net Thu Nox 29 22:33:52 2001", "-yyyy"),
        ("ada@example.net thu nov 29 22:33:52 2001", "yyyyy"),
        ("- Thu Nov 29 22:33:52 2001", "yyyyy"),
        ("", "---y-"),
        ("ada@example.net Thu Nov 29 22:33:52 2001 ", "y--yy"),
    ];

    const ALL: [Separator; 5] = [
        Separator::Dated,
        Separator::DatedAtEnd,
        Separator::DatedAtEndBehindEmptyLine,
        Separator::BehindEmptyLine,
        Separator::Long,
    ];

    #[test]
    fn each_server_takes_the_lines_that_the_real_one_took() {
        for (rest, wanted) in KNOWN {
            let line = format!("From {rest}\n");
            let found: String = ALL
                .map(
                    |separator| {
                        if separator.is_in(line.as_bytes(), Behind::EmptyLineOfBody) { 'y' } else { '-' }
                    },
                )
                .iter()
                .collect();
            assert_eq!(found, wanted, "{line:?}");
        }
    }

    #[test]
    fn some_servers_ask_for_an_empty_line() {
        let line = b"From ada@example.net Thu Nov 29 22:33:52 2001\n";
        let in_text = |behind| ALL.map(|separator| separator.is_in(line, behind));
        assert_eq!(in_text(Behind::Text), [true, true, false, false, true]);
        assert_eq!(in_text(Behind::Header), [true, true, false, true, true]);
        assert_eq!(in_text(Behind::EmptyLineOfBody), [true; 5]);
        assert!(!Separator::BehindEmptyLine.is_in(b"from a\n", Behind::EmptyLineOfBody));
    }

    #[test]
    fn the_time_is_read_with_and_without_a_zone() {
        let at = |line: &str| received(line.as_bytes()).map(crate::mail::date::rfc3339);
        for (line, time) in [
            ("From a Thu Nov 29 22:33:52 2001\n", "2001-11-29T22:33:52Z"),
            ("From a Thu Nov  9 02:03:04 2001\r\n", "2001-11-09T02:03:04Z"),
            ("From a Thu Nov 29 22:33 2001\n", "2001-11-29T22:33:00Z"),
            ("From a Thu Nov 29 22:33:52 2001 +0200\n", "2001-11-29T20:33:52Z"),
            ("From a Thu Nov 29 22:33:52 2001 -0130", "2001-11-30T00:03:52Z"),
            ("From a Thu Nov 29 22:33:52 +0200 2001\n", "2001-11-29T20:33:52Z"),
            ("From a Thu Nov 29 22:33:52 EET 2001\n", "2001-11-29T22:33:52Z"),
            ("From a Thu, 29 Nov 2001 22:33:52 +0200\n", "2001-11-29T20:33:52Z"),
        ] {
            assert_eq!(at(line).as_deref(), Some(time), "{line:?}");
        }
        for line in
            ["From a\n", "From a Thu Nov 31 22:33:52 2001\n", "From a Thu Nov 29 25:33:52 2001\n", "", "F"]
        {
            assert_eq!(at(line), None, "{line:?}");
        }
    }
}
