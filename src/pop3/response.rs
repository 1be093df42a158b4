//! All that the server can say, on one page: status indicators, response codes and texts
//! (RFC 1939, 3; RFC 2449, 8; RFC 3206).

use super::command::Number;
use crate::mail::{MessageNumber, Octets};
use crate::sasl::Mechanism;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

/// An answer: one line, or several with the final dot. Octets and not text, because a unique-id that came
/// from another server can be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Response(Cow<'static, [u8]>);

impl Response {
    /// No angle brackets: a client would take them for APOP's timestamp and try it unasked.
    pub const GREETING: Self = Self::fixed("+OK restante POP3 server ready");
    /// To USER, whether or not there is such a user.
    pub const PASSWORD_PLEASE: Self = Self::fixed("+OK now the password");
    /// To STLS.
    pub const BEGIN_TLS: Self = Self::fixed("+OK begin TLS negotiation");
    /// To UTF8.
    pub const UTF8: Self = Self::fixed("+OK UTF-8 it is");
    /// To NOOP.
    pub const NOOP: Self = Self::fixed("+OK");
    /// To DELE.
    pub const MARKED: Self = Self::fixed("+OK marked as deleted");
    /// To TOP.
    pub const TOP_FOLLOWS: Self = Self::fixed("+OK top of message follows");
    /// To QUIT.
    pub const GOODBYE: Self = Self::fixed("+OK goodbye");

    /// To a wrong password and to an unknown user, not to be told apart.
    pub const WRONG_PASSWORD: Self = Self::fixed("-ERR [AUTH] user name or password is wrong");
    /// The last one on this connection.
    pub const TOO_MANY_PASSWORDS: Self = Self::fixed("-ERR [AUTH] too many wrong passwords, goodbye");
    /// To a peer that is refused for a while.
    pub const BANNED: Self =
        Self::fixed("-ERR [LOGIN-DELAY] too many wrong passwords from your address, try again later");
    /// Names the remedy: this is read by a person in front of a new mail program.
    pub const NEED_TLS: Self =
        Self::fixed("-ERR [AUTH] no login without encryption here, use STLS or port 995");
    /// An exchange that broke the mechanism's rules.
    pub const EXCHANGE_FAILED: Self = Self::fixed("-ERR [AUTH] the authentication exchange failed");
    /// To `*`.
    pub const EXCHANGE_CANCELLED: Self = Self::fixed("-ERR authentication cancelled");
    /// To what is no base64 in an exchange.
    pub const NOT_BASE64: Self = Self::fixed("-ERR not base64, authentication cancelled");
    /// To AUTH with a name that is not in CAPA.
    pub const NO_SUCH_MECHANISM: Self = Self::fixed("-ERR no such mechanism, see CAPA");
    /// RFC 2449, 8.1.2.
    pub const IN_USE: Self = Self::fixed("-ERR [IN-USE] another session has your maildrop open");
    /// To the one that was silent too long.
    pub const TAKEN_OVER: Self =
        Self::fixed("-ERR [IN-USE] another session of yours has taken over, nothing was deleted");
    /// To who is logged in when the login does not hold any more. No `[AUTH]`, which RFC 3206, 5 has for the answer
    /// to a login; the next one gets it, if it is to be had.
    pub const REVOKED: Self =
        Self::fixed("-ERR your account was changed here, log in again, nothing was deleted");
    /// RFC 3206, 4.
    pub const TEMPORARY: Self = Self::fixed("-ERR [SYS/TEMP] local fault, try again later");
    /// To the right password, while the mail of an old server is on its way: nothing that makes a mail
    /// program ask for another password, or show its user an empty mailbox.
    pub const BEING_MOVED: Self =
        Self::fixed("-ERR [SYS/TEMP] your mailbox is being moved here, try again in a few minutes");
    /// To a name without a domain, while nobody can say whose it is: the password may be right.
    pub const NO_DOMAIN: Self = Self::fixed("-ERR [SYS/TEMP] use the whole address as user name");
    /// To QUIT, when some marked messages may still be there.
    pub const NOT_ALL_REMOVED: Self = Self::fixed("-ERR [SYS/TEMP] some deleted messages not removed");
    /// At the door, before a session begins.
    pub const TOO_MANY_CONNECTIONS: Self =
        Self::fixed("-ERR [SYS/TEMP] too many connections, try again later");
    /// Between two commands, when the server ends.
    pub const SHUTTING_DOWN: Self = Self::fixed("-ERR [SYS/TEMP] shutting down, nothing was deleted");
    /// A neighbour removed the file.
    pub const GONE: Self = Self::fixed("-ERR message is no longer there");
    /// The file is not what was listed; the next login lists it anew.
    pub const CHANGED: Self = Self::fixed("-ERR [SYS/TEMP] message was changed meanwhile, log in again");

    /// To a command that is not known.
    pub const UNKNOWN: Self = Self::fixed("-ERR unknown command");
    /// To one that comes too late.
    pub const LOGGED_IN_ALREADY: Self = Self::fixed("-ERR you are logged in already");
    /// To one that comes too early.
    pub const LOG_IN_FIRST: Self = Self::fixed("-ERR log in first");
    /// To PASS.
    pub const USER_FIRST: Self = Self::fixed("-ERR say USER first");
    /// To STLS where it is not offered.
    pub const NO_STLS: Self = Self::fixed("-ERR no STLS here");
    /// RFC 2595, 4: what stands behind STLS may be anybody's.
    pub const BEHIND_STLS: Self = Self::fixed("-ERR nothing may follow STLS before the handshake");
    /// RFC 6856, 2.1: STLS comes before UTF8.
    pub const STLS_BEFORE_UTF8: Self = Self::fixed("-ERR say STLS before UTF8");
    /// To LANG.
    pub const NO_SUCH_LANGUAGE: Self = Self::fixed("-ERR no such language, see LANG");
    /// To a line above `limits::POP3_LINE_MAX`.
    pub const LINE_TOO_LONG: Self = Self::fixed("-ERR line too long");
    /// To an argument that is no text.
    pub const NOT_UTF8: Self = Self::fixed("-ERR not UTF-8");
    /// The last one on this connection.
    pub const TOO_MANY_ERRORS: Self = Self::fixed("-ERR too many errors, goodbye");
    /// To a browser.
    pub const HTTP: Self = Self::fixed("-ERR this is POP3, not HTTP, goodbye");
    /// To a TLS handshake on the plain port.
    pub const TLS_HELLO: Self = Self::fixed("-ERR this port begins without TLS, use STLS or port 995");

    /// How USER is said.
    pub const USAGE_USER: Self = Self::fixed("-ERR say USER name");
    /// How PASS is said.
    pub const USAGE_PASS: Self = Self::fixed("-ERR say PASS password");
    /// How AUTH is said.
    pub const USAGE_AUTH: Self = Self::fixed("-ERR say AUTH mechanism [initial-response]");
    /// How LANG is said.
    pub const USAGE_LANG: Self = Self::fixed("-ERR say LANG [language]");
    /// How TOP is said.
    pub const USAGE_TOP: Self = Self::fixed("-ERR say TOP message lines, as numbers");
    /// How LIST, UIDL, RETR and DELE are said.
    pub const USAGE_NUMBER: Self = Self::fixed("-ERR say the number of one message, from 1");
    /// To an argument where none belongs.
    pub const USAGE_BARE: Self = Self::fixed("-ERR that command takes no argument");

    /// To a login, and to RSET.
    pub fn maildrop(messages: usize, octets: Octets) -> Self {
        Self::composed(format!("+OK {messages} messages ({octets} octets)"))
    }

    /// To STAT: nothing may follow the numbers but what RFC 1939, 5 leaves open, so nothing does.
    pub(super) fn stat(messages: usize, octets: Octets) -> Self {
        Self::composed(format!("+OK {messages} {octets}"))
    }

    /// To `LIST n`.
    pub(super) fn size(number: MessageNumber, octets: Octets) -> Self {
        Self::composed(format!("+OK {number} {octets}"))
    }

    /// To `UIDL n`.
    pub(super) fn unique_id(number: MessageNumber, unique_id: &[u8]) -> Self {
        let mut line = format!("+OK {number} ").into_bytes();
        line.extend_from_slice(unique_id);
        Self(Cow::Owned(line))
    }

    /// To RETR: what follows has this many octets.
    pub(super) fn octets(octets: Octets) -> Self {
        Self::composed(format!("+OK {octets} octets"))
    }

    /// To LAST.
    pub(super) fn last(number: u32) -> Self {
        Self::composed(format!("+OK {number}"))
    }

    /// To a number that no message has, or one that is marked as deleted.
    pub(super) fn no_such_message(number: Number) -> Self {
        Self::composed(format!("-ERR no message {}", number.0))
    }

    /// The server's side of an exchange (RFC 5034, 4).
    pub(super) fn challenge(octets: &[u8]) -> Self {
        Self::composed(format!("+ {}", BASE64.encode(octets)))
    }

    /// To AUTH alone.
    pub(super) fn mechanisms(offered: impl Iterator<Item = Mechanism>) -> Self {
        let mut lines = Lines::begin("+OK mechanisms follow");
        offered.for_each(|mechanism| lines.add(mechanism.name()));
        lines.end()
    }

    /// To LANG alone (RFC 6856, 3).
    pub(super) fn languages() -> Self {
        let mut lines = Lines::begin("+OK languages follow");
        lines.add("i-default English");
        lines.add("en English");
        lines.end()
    }

    /// To LANG with a tag; `None` if it is no language of ours. All our texts are English.
    pub(super) fn language(tag: &str) -> Option<Self> {
        if tag == "*" || tag.eq_ignore_ascii_case("en") {
            return Some(Self::fixed("+OK en English it is"));
        }
        tag.eq_ignore_ascii_case("i-default").then_some(Self::fixed("+OK i-default English it is"))
    }

    /// A multi-line response that was written elsewhere, final dot included, last CR LF excluded.
    pub(super) fn composed(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }

    /// The text, without the last CR LF; for people, so what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Writes it as it is sent.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
        out.extend_from_slice(b"\r\n");
    }

    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }
}

/// A multi-line response in the making.
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn begin(status: &str) -> Self {
        Self(format!("{status}\r\n").into_bytes())
    }

    /// Behind a part that was broken off.
    pub(super) fn go_on() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, line: &str) {
        self.0.extend_from_slice(line.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// A line that is put together, without a text of its own in between.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.put(line);
        self.0.extend_from_slice(b"\r\n");
    }

    /// A line of the unique-id listing.
    pub(super) fn unique_id(&mut self, number: usize, unique_id: &[u8]) {
        self.put(format_args!("{number} "));
        self.0.extend_from_slice(unique_id);
        self.0.extend_from_slice(b"\r\n");
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        let written = self.0.write_fmt(text);
        debug_assert!(written.is_ok(), "writing to a Vec cannot fail");
    }

    /// A part of a response, of one line at least: more follows.
    pub(super) fn break_off(mut self) -> Response {
        self.0.truncate(self.0.len().saturating_sub(b"\r\n".len()));
        Response(Cow::Owned(self.0))
    }

    pub(super) fn end(mut self) -> Response {
        self.0.push(b'.');
        Response(Cow::Owned(self.0))
    }
}
