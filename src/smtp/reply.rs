//! Everything the server can say over SMTP and LMTP: reply code, enhanced status code and text of
//! each reply live together on this page (RFC 5321, 4.2; RFC 2034; RFC 3463).
//!
//! Knows nothing of sessions: who says what when is decided elsewhere.

use crate::limits;
use std::borrow::Cow;

/// One reply, of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// Empty where RFC 2034, 4 wants none: the greeting, the answer to EHLO, 3xx.
    status: &'static str,
    /// Its lines with LF between them.
    text: Cow<'static, str>,
}

// ---- It was done ----------------------------------------------------------------------------

impl Reply {
    /// RSET, NOOP.
    pub const OK: Self = Self::fixed(250, "2.0.0", "Ok");
    /// MAIL.
    pub const SENDER_OK: Self = Self::fixed(250, "2.1.0", "Sender ok");
    /// RCPT.
    pub const RECIPIENT_OK: Self = Self::fixed(250, "2.1.5", "Recipient ok");
    /// DATA.
    pub const GO_AHEAD: Self = Self::fixed(354, "", "End data with <CR><LF>.<CR><LF>");
    /// STARTTLS.
    pub const READY_FOR_TLS: Self = Self::fixed(220, "2.0.0", "Ready to start TLS");
    /// QUIT.
    pub const BYE: Self = Self::fixed(221, "2.0.0", "Bye");
    /// VRFY: whether the mailbox is there is told at RCPT, and to nobody who merely asks.
    pub const VRFY: Self = Self::fixed(252, "2.5.2", "Cannot VRFY user, try RCPT and see");
    /// HELP.
    pub const HELP: Self = Self::fixed(
        214,
        "2.0.0",
        "See RFC 5321; postmaster reads mail here\nMAIL RCPT DATA BDAT RSET NOOP QUIT",
    );

    /// The first line of a connection.
    pub fn greeting(hostname: &str, protocol: &str) -> Self {
        Self::made(220, "", format!("{hostname} {protocol} restante ready"))
    }

    /// The answer to HELO.
    pub fn hello(hostname: &str) -> Self {
        Self::made(250, "", hostname.to_owned())
    }

    /// The answer to EHLO and LHLO.
    pub fn extended_hello(hostname: &str, extensions: &[String]) -> Self {
        Self::made(250, "", format!("{hostname}\n{}", extensions.join("\n")))
    }

    /// A chunk came that was not the last (RFC 3030, 2).
    pub fn chunk_ok(octets: u64) -> Self {
        Self::made(250, "2.0.0", format!("{octets} octets received"))
    }

    /// The message is on the disk.
    pub fn accepted(id: &str) -> Self {
        Self::made(250, "2.0.0", format!("Ok, id {id}"))
    }
}

// ---- Commands that were not understood or come at the wrong time ------------------------------

impl Reply {
    /// No such command.
    pub const UNKNOWN_COMMAND: Self = Self::fixed(500, "5.5.1", "Command not recognised");
    /// A command line over [`limits::SMTP_LINE_MAX`].
    pub const LINE_TOO_LONG: Self = Self::fixed(500, "5.5.2", "Line too long");
    /// EXPN.
    pub const NOT_IMPLEMENTED: Self = Self::fixed(502, "5.5.1", "Command not implemented");
    /// HELO, EHLO or LHLO without a name, or with control characters.
    pub const BAD_HELLO: Self =
        Self::fixed(501, "5.5.4", "Say who you are: a host name is missing or malformed");
    /// A command that takes nothing got something.
    pub const NO_ARGUMENT: Self = Self::fixed(501, "5.5.4", "This command takes no argument");
    /// VRFY alone.
    pub const ARGUMENT_MISSING: Self = Self::fixed(501, "5.5.4", "An argument is missing");
    /// MAIL without `FROM:`.
    pub const MAIL_SYNTAX: Self =
        Self::fixed(501, "5.5.2", "Syntax: MAIL FROM:<address> [SIZE= BODY= SMTPUTF8]");
    /// RCPT without `TO:`.
    pub const RCPT_SYNTAX: Self = Self::fixed(501, "5.5.2", "Syntax: RCPT TO:<address>");
    /// BDAT without a number.
    pub const BDAT_SYNTAX: Self = Self::fixed(501, "5.5.4", "Syntax: BDAT octets [LAST]");
    /// A known parameter with a value that makes no sense.
    pub const BAD_PARAMETER: Self = Self::fixed(501, "5.5.4", "Parameter value not understood");
    /// A parameter of MAIL or RCPT that is not known, or not offered.
    pub const UNKNOWN_PARAMETER: Self =
        Self::fixed(555, "5.5.4", "Parameter not recognised or not implemented");
    /// MAIL before EHLO.
    pub const HELLO_FIRST: Self = Self::fixed(503, "5.5.1", "Say EHLO or HELO first");
    /// MAIL before LHLO.
    pub const LHLO_FIRST: Self = Self::fixed(503, "5.5.1", "Say LHLO first");
    /// RCPT, DATA, BDAT before MAIL.
    pub const MAIL_FIRST: Self = Self::fixed(503, "5.5.1", "Say MAIL first");
    /// MAIL after MAIL.
    pub const NESTED_MAIL: Self = Self::fixed(503, "5.5.1", "A sender was given already");
    /// RCPT, DATA or MAIL between two chunks.
    pub const CHUNKS_EXPECTED: Self =
        Self::fixed(503, "5.5.1", "A message is being sent with BDAT: BDAT or RSET");
    /// Anything of the transaction after a chunk that failed (RFC 3030, 2).
    pub const RSET_EXPECTED: Self = Self::fixed(503, "5.5.1", "The message has failed: say RSET first");
    /// DATA or BDAT when no RCPT was accepted (RFC 5321, 3.3).
    pub const NO_RECIPIENTS: Self = Self::fixed(554, "5.5.1", "No valid recipients");
    /// RFC 2033, 4.2: the same over LMTP.
    pub const NO_RECIPIENTS_LMTP: Self = Self::fixed(503, "5.5.1", "No valid recipients");
    /// STARTTLS over TLS.
    pub const ALREADY_TLS: Self = Self::fixed(503, "5.5.1", "TLS is active already");
}

// ---- Addresses and messages that are refused ---------------------------------------------------

impl Reply {
    /// The path of MAIL is none.
    pub const BAD_SENDER: Self = Self::fixed(501, "5.1.7", "Bad sender address syntax");
    /// The path of RCPT is none.
    pub const BAD_RECIPIENT: Self = Self::fixed(501, "5.1.3", "Bad recipient address syntax");
    /// An address beyond ASCII, and MAIL did not say SMTPUTF8 (RFC 6531, 3.5).
    pub const NEEDS_SMTPUTF8: Self = Self::fixed(553, "5.6.7", "Address is not ASCII: SMTPUTF8 is required");
    /// One of our domains, nobody of that name.
    pub const NO_SUCH_MAILBOX: Self = Self::fixed(550, "5.1.1", "No such mailbox here");
    /// One of our domains, and an old server may have somebody of that name: the sender keeps the message
    /// until they have logged in here, or gives up after some days (Postfix answers an address that it
    /// could not verify in the same way).
    pub const NOT_YET_KNOWN: Self = Self::fixed(450, "4.1.1", "Mailbox not known here yet, try again later");
    /// The mailboxes of a recipient are others than at RCPT, or one of several recipients is gone: who sends
    /// again is told about each.
    pub const RECIPIENT_CHANGED: Self =
        Self::fixed(451, "4.2.0", "A recipient has changed since RCPT, try again later");
    /// Not one of our domains.
    pub const NO_RELAY: Self = Self::fixed(550, "5.7.1", "Relaying denied: not a domain of this server");
    /// More recipients than `LIMITS RCPTMAX=` says (RFC 5321, 4.5.3.1.10).
    pub const TOO_MANY_RECIPIENTS: Self =
        Self::fixed(452, "4.5.3", "Too many recipients, send the rest again");
    /// The mailbox would pass its quota.
    pub const MAILBOX_FULL: Self = Self::fixed(452, "4.2.2", "Mailbox full, try again later");
    /// The disk is full.
    pub const NO_SPACE: Self = Self::fixed(452, "4.3.1", "Not enough storage, try again later");
    /// Our own fault.
    pub const LOCAL_FAULT: Self = Self::fixed(451, "4.3.0", "Local fault, try again later");
    /// Over `SIZE` (RFC 1870, 6).
    pub const TOO_LARGE: Self = Self::fixed(552, "5.3.4", "Message too large");
    /// `bare_newline = "reject"`.
    pub const BARE_NEWLINE: Self =
        Self::fixed(550, "5.6.0", "Bare newline in the message: lines end with <CR><LF>");
    /// More than [`limits::RECEIVED_LINES_MAX`] `Received` lines (RFC 5321, 6.3).
    pub const MAIL_LOOP: Self = Self::fixed(554, "5.4.6", "Too many Received lines: a mail loop");
}

// ---- The connection ends ---------------------------------------------------------------------

impl Reply {
    /// More than [`limits::SMTP_ERRORS_MAX`] mistakes.
    pub const TOO_MANY_ERRORS: Self = Self::fixed(421, "4.7.0", "Too many errors, closing");
    /// More than [`limits::UNKNOWN_RECIPIENTS_MAX`] recipients that are not ours.
    pub const TOO_MANY_UNKNOWN: Self = Self::fixed(421, "4.7.0", "Too many unknown recipients, closing");
    /// Octets came before the greeting; 554 takes its place (RFC 5321, 3.1).
    pub const TALKED_TOO_EARLY: Self = Self::fixed(554, "5.5.1", "You talked before the greeting");
    /// Over a connection limit, said instead of the greeting.
    pub const TOO_MANY_CONNECTIONS: Self = Self::fixed(421, "4.7.0", "Too many connections, try again later");
    /// The peer was silent, or a message took too long ([`limits::MESSAGE_TIME_MAX`]).
    pub const TIMEOUT: Self = Self::fixed(421, "4.4.2", "Timeout, closing");
    /// Shutdown.
    pub const CLOSING: Self = Self::fixed(421, "4.3.2", "Server is shutting down, try again later");
    /// A browser, or what a browser was made to send.
    pub const NOT_HTTP: Self = Self::fixed(554, "5.5.0", "This is a mail server, not a web server");
    /// A TLS hello where STARTTLS was due.
    pub const TLS_TOO_EARLY: Self = Self::fixed(554, "5.5.0", "No TLS here before STARTTLS");
    /// Something came between STARTTLS and the handshake (RFC 3207, 4.2).
    pub const TEXT_BEHIND_STARTTLS: Self =
        Self::fixed(554, "5.5.1", "Nothing may follow STARTTLS before the handshake");
}

// ---- How it is written -----------------------------------------------------------------------

impl Reply {
    const fn fixed(code: u16, status: &'static str, text: &'static str) -> Self {
        Self { code, status, text: Cow::Borrowed(text) }
    }

    fn made(code: u16, status: &'static str, text: String) -> Self {
        Self { code, status, text: Cow::Owned(text) }
    }

    /// The reply code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether it says no: 4xx or 5xx.
    pub fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// Code, status and text as the log shows them: without line ends.
    pub fn summary(&self) -> String {
        let separator = if self.status.is_empty() { "" } else { " " };
        format!("{}{separator}{} {}", self.code, self.status, self.text.replace('\n', " "))
    }

    /// Appends its lines, with `-` behind the code of all but the last (RFC 5321, 4.2.1).
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            let separator = if self.status.is_empty() { "" } else { " " };
            let line = format!("{}{mark}{}{separator}{line}\r\n", self.code, self.status);
            debug_assert!(line.len() <= limits::SMTP_REPLY_LINE_MAX, "{line}");
            out.extend_from_slice(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_has_the_code_and_only_the_last_a_blank() {
        let extensions = ["PIPELINING".to_owned(), "SIZE 7".to_owned()];
        let reply = Reply::extended_hello("mail.example.org", &extensions);
        assert_eq!(written(&reply), "250-mail.example.org\r\n250-PIPELINING\r\n250 SIZE 7\r\n");
        for line in written(&Reply::HELP).lines() {
            assert!(line.starts_with("214-2.0.0 ") || line.starts_with("214 2.0.0 "), "{line}");
        }
    }

    #[test]
    fn no_enhanced_code_on_354_and_the_greeting() {
        assert_eq!(written(&Reply::GO_AHEAD), "354 End data with <CR><LF>.<CR><LF>\r\n");
        assert_eq!(written(&Reply::greeting("a.example", "ESMTP")), "220 a.example ESMTP restante ready\r\n");
    }

    #[test]
    fn the_status_has_the_class_of_the_code() {
        // RFC 3463, 2: the class repeats the first digit; a mismatch confuses who bounces mail.
        for reply in [
            Reply::OK,
            Reply::VRFY,
            Reply::NO_SUCH_MAILBOX,
            Reply::NOT_YET_KNOWN,
            Reply::RECIPIENT_CHANGED,
            Reply::MAILBOX_FULL,
            Reply::TOO_LARGE,
            Reply::TIMEOUT,
            Reply::TOO_MANY_ERRORS,
            Reply::MAIL_LOOP,
            Reply::accepted("1.1"),
            Reply::chunk_ok(5),
        ] {
            assert_eq!(reply.code().to_string().as_bytes()[0], reply.status.as_bytes()[0], "{reply:?}");
        }
        assert_eq!(Reply::OK.summary(), "250 2.0.0 Ok");
    }
}
