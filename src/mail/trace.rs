//! Trace lines: `Return-Path`, `Delivered-To` and `Received` (RFC 5321, 4.4).
//!
//! Written with LF line ends, as the Maildir file has them. Nothing a peer said gets in here
//! unparsed: a HELO name is cut to harmless characters, paths are parsed values.

use super::{AccountAddress, Domain, Peer, ReversePath};
use std::fmt::Write;

/// RFC 5322, 2.1.1: lines should be no longer than this.
const FOLD_AT: usize = 78;

/// How a message came in: the `with` keyword of RFC 3848 and RFC 6531, 4.3 is made from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// LMTP and not SMTP.
    pub lmtp: bool,
    /// EHLO (or LHLO) and not HELO.
    pub extended: bool,
    /// Over TLS.
    pub tls: bool,
    /// MAIL said SMTPUTF8.
    pub utf8: bool,
}

impl Transport {
    /// `SMTP`, `ESMTP`, `ESMTPS`, `UTF8SMTP`, `UTF8SMTPS`, `LMTP`, `LMTPS`, `UTF8LMTP`, `UTF8LMTPS`.
    pub fn keyword(self) -> &'static str {
        match (self.lmtp, self.utf8, self.extended, self.tls) {
            (false, false, false, false) => "SMTP",
            (false, false, true, false) => "ESMTP",
            // A HELO after STARTTLS has no keyword of its own (RFC 3848); that TLS was there counts.
            (false, false, _, true) => "ESMTPS",
            (false, true, _, false) => "UTF8SMTP",
            (false, true, _, true) => "UTF8SMTPS",
            (true, false, _, false) => "LMTP",
            (true, false, _, true) => "LMTPS",
            (true, true, _, false) => "UTF8LMTP",
            (true, true, _, true) => "UTF8LMTPS",
        }
    }
}

/// What a `Received` line tells.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// The name in HELO, EHLO or LHLO, as the peer said it.
    pub helo: &'a str,
    /// Who said it.
    pub peer: Peer,
    /// Our own name.
    pub by: &'a Domain,
    /// How it came.
    pub transport: Transport,
    /// `TLSv1.3 TLS13_AES_256_GCM_SHA384` or the like, over TLS.
    pub tls: Option<&'a str>,
    /// The message's id, which stands in the log too.
    pub id: &'a str,
    /// The recipient, when there is just one: more would tell one of them about the others.
    pub recipient: Option<&'a str>,
    /// [`super::date::rfc5322`] of now.
    pub date: &'a str,
}

/// The trace lines of one message; whose copy they stand on is said at the end.
#[derive(Clone, Debug)]
pub struct Lines {
    return_path: String,
    received: String,
    utf8: bool,
}

impl Lines {
    /// Those of a message from `reverse_path`.
    pub fn new(reverse_path: &ReversePath, received: &Received<'_>) -> Self {
        let return_path = format!("Return-Path: {reverse_path}\n");
        Self { return_path, received: received.to_line(), utf8: received.transport.utf8 }
    }

    /// The lines on top of one mailbox's copy, LF at each end.
    pub fn on_copy_of(&self, mailbox: &AccountAddress) -> String {
        // Without SMTPUTF8 nobody has said that whoever reads it knows letters beyond ASCII (RFC 6531, 3.7.1).
        let in_ascii =
            mailbox.in_other_form().filter(|other| !self.utf8 && other.domain().as_str().is_ascii());
        let mailbox = in_ascii.as_ref().unwrap_or(mailbox);
        format!("{}Delivered-To: {mailbox}\n{}", self.return_path, self.received)
    }
}

impl Received<'_> {
    fn to_line(&self) -> String {
        let mut words = vec!["from".to_owned(), printable(self.helo)];
        words.push(match self.peer.ip() {
            Some(std::net::IpAddr::V6(ip)) => format!("([IPv6:{ip}])"),
            Some(ip) => format!("([{ip}])"),
            None => "(local)".to_owned(),
        });
        words.push(format!("by {}", self.by));
        words.push(format!("with {}", self.transport.keyword()));
        if let Some(tls) = self.tls {
            words.push(format!("({tls})"));
        }
        words.push(format!("id {}", self.id));
        if let Some(recipient) = self.recipient {
            words.push(format!("for {recipient}"));
        }
        if let Some(last) = words.last_mut() {
            last.push(';');
        }
        words.push(self.date.to_owned());
        folded("Received:", &words)
    }
}

/// Joins words with blanks and folds before the word that would pass column 78 (RFC 5322, 2.2.3).
fn folded(field: &str, words: &[String]) -> String {
    let mut text = field.to_owned();
    let mut column = text.len();
    for word in words {
        if column + 1 + word.len() > FOLD_AT {
            text.push_str("\n\t");
            column = 8; // A tab reaches there.
        } else {
            text.push(' ');
            column += 1;
        }
        let _ = write!(text, "{word}"); // Writing to a String cannot fail.
        column += word.len();
    }
    text.push('\n');
    text
}

/// A HELO name as it may stand in a header line: ASCII (RFC 6531, 3.7.1 wants A-labels there, and who
/// collects mail may not know UTF-8), no blanks, no control characters, no brackets that open a
/// comment, and not longer than a domain.
fn printable(helo: &str) -> String {
    let safe = |c: char| if c.is_ascii_graphic() && !"()<>;\\\"".contains(c) { c } else { '?' };
    let text: String = helo.chars().map(safe).take(crate::limits::DOMAIN_MAX).collect();
    if text.is_empty() { "unknown".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ESMTPS: Transport = Transport { lmtp: false, extended: true, tls: true, utf8: false };

    fn by(helo: &str, transport: Transport, told: impl Fn(&Received<'_>) -> String) -> String {
        told(&Received {
            helo,
            peer: Peer::Tcp("192.0.2.1:999".parse().unwrap()),
            by: &Domain::parse("mail.example.org").unwrap(),
            transport,
            tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384"),
            id: "00000000002a.1",
            recipient: Some("<anna@example.org>"),
            date: "Sun, 22 Nov 2026 03:54:43 +0000",
        })
    }

    fn received(helo: &str) -> String {
        by(helo, ESMTPS, |received| received.to_line())
    }

    #[test]
    fn an_international_mailbox_is_in_ascii_where_nobody_has_said_smtputf8() {
        let delivered_to = |utf8, mailbox: &str| {
            let mailbox = AccountAddress::parse(mailbox).unwrap();
            let told =
                |received: &Received<'_>| Lines::new(&ReversePath::Null, received).on_copy_of(&mailbox);
            by("mx", Transport { utf8, ..ESMTPS }, told).lines().nth(1).unwrap().to_owned()
        };
        for (utf8, mailbox, written) in [
            (false, "eva@münchen.example", "eva@xn--mnchen-3ya.example"),
            (true, "eva@münchen.example", "eva@münchen.example"),
            (false, "eva@xn--mnchen-3ya.example", "eva@xn--mnchen-3ya.example"),
            (true, "eva@xn--mnchen-3ya.example", "eva@xn--mnchen-3ya.example"),
        ] {
            assert_eq!(delivered_to(utf8, mailbox), format!("Delivered-To: {written}"));
        }
    }

    #[test]
    fn a_received_line_is_folded_at_78() {
        assert_eq!(
            received("mx.example.net"),
            "Received: from mx.example.net ([192.0.2.1]) by mail.example.org with ESMTPS\n\
             \t(TLSv1.3 TLS13_AES_256_GCM_SHA384) id 00000000002a.1\n\
             \tfor <anna@example.org>; Sun, 22 Nov 2026 03:54:43 +0000\n"
        );
    }

    #[test]
    fn the_keyword_says_how_it_came() {
        let keyword = |lmtp, extended, tls, utf8| Transport { lmtp, extended, tls, utf8 }.keyword();
        assert_eq!(keyword(false, false, false, false), "SMTP");
        assert_eq!(keyword(false, true, false, false), "ESMTP");
        assert_eq!(keyword(false, true, true, true), "UTF8SMTPS");
        assert_eq!(keyword(true, true, false, false), "LMTP");
        assert_eq!(keyword(true, true, false, true), "UTF8LMTP");
    }

    proptest! {
        #[test]
        fn no_helo_makes_a_second_header_line(helo in "\\PC{0,300}|[\\x00-\\x7f]{0,80}") {
            let text = received(&helo);
            prop_assert!(text.ends_with('\n'));
            for line in text.trim_end_matches('\n').split('\n').skip(1) {
                prop_assert!(line.starts_with('\t'), "{text:?}");
            }
            prop_assert!(text.is_ascii() && !text.contains('\r'));
        }
    }
}
