//! One command line into one [`Command`], or into the reply that says why it is none.
//!
//! Lenient where old devices are (lower case, blanks behind `FROM:`, no angle brackets), strict
//! where a mistake could change who gets a message. Knows nothing of order: whether a command may
//! be said now is the session's question.

use super::reply::Reply;
use crate::mail::{Address, ForwardPath, PathError, ReversePath};

/// What a peer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// HELO, EHLO or LHLO, and the name that was said.
    Hello(Greeting, String),
    /// MAIL (RFC 5321, 4.1.1.2).
    Mail(Mail),
    /// RCPT (RFC 5321, 4.1.1.3).
    Rcpt(ForwardPath),
    /// DATA.
    Data,
    /// BDAT (RFC 3030, 2).
    Bdat {
        /// How many octets follow the line.
        octets: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// RSET.
    Rset,
    /// NOOP, with whatever stands behind it.
    Noop,
    /// VRFY of something.
    Vrfy,
    /// EXPN of something.
    Expn,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// What a browser says, or is made to say to us.
    Http,
}

/// How a peer introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// SMTP as it was in 1982.
    Helo,
    /// SMTP with extensions.
    Ehlo,
    /// LMTP (RFC 2033, 4.1).
    Lhlo,
}

/// The arguments of MAIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Where a bounce would go.
    pub reverse_path: ReversePath,
    /// `SIZE=` (RFC 1870), in octets; a number beyond u64 is `u64::MAX`.
    pub size: Option<u64>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
}

/// Words that open a line of HTTP. One page in a browser can make it send these to our port, with
/// a mail behind them.
const HTTP_WORDS: [&str; 10] =
    ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "PRI", "HOST:", "USER-AGENT:"];

impl Command {
    /// Parses a line without its line end.
    ///
    /// # Errors
    /// The reply that tells the peer what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, Reply> {
        let line = line.trim_ascii_end();
        let (verb, rest) = split_word(line);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        let alone = |command: Self| if rest.is_empty() { Ok(command) } else { Err(Reply::NO_ARGUMENT) };
        let about = |command: Self| if rest.is_empty() { Err(Reply::ARGUMENT_MISSING) } else { Ok(command) };
        match verb.as_str() {
            "HELO" => hello(Greeting::Helo, rest),
            "EHLO" => hello(Greeting::Ehlo, rest),
            "LHLO" => hello(Greeting::Lhlo, rest),
            "MAIL" => mail(rest).map(Self::Mail),
            "RCPT" => rcpt(rest).map(Self::Rcpt),
            "DATA" => alone(Self::Data),
            "BDAT" => bdat(rest),
            "RSET" => alone(Self::Rset),
            "NOOP" => Ok(Self::Noop),
            "VRFY" => about(Self::Vrfy),
            "EXPN" => Ok(Self::Expn),
            "HELP" => Ok(Self::Help),
            "QUIT" => alone(Self::Quit),
            "STARTTLS" => alone(Self::StartTls),
            word if HTTP_WORDS.contains(&word) => Ok(Self::Http),
            _ => Err(Reply::UNKNOWN_COMMAND),
        }
    }
}

/// The first word, and what stands behind it without the blanks between.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|octet| is_blank(*octet)).unwrap_or(line.len());
    (&line[..end], line[end..].trim_ascii_start())
}

fn is_blank(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

/// Any printable name is taken: half the world's devices say one that RFC 5321, 4.1.1.1 forbids.
/// It is data for the trace line and decides nothing.
fn hello(greeting: Greeting, name: &[u8]) -> Result<Command, Reply> {
    let name = String::from_utf8_lossy(name);
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Reply::BAD_HELLO);
    }
    Ok(Command::Hello(greeting, name.into_owned()))
}

fn mail(arguments: &[u8]) -> Result<Mail, Reply> {
    let arguments = strip_keyword(arguments, b"FROM:").ok_or(Reply::MAIL_SYNTAX)?;
    let (path, parameters) = split_path(arguments).ok_or(Reply::MAIL_SYNTAX)?;
    let reverse_path = ReversePath::parse(path).map_err(|error| path_reply(error, Reply::BAD_SENDER))?;
    let mut mail = Mail { reverse_path, size: None, smtputf8: false };
    for parameter in parameters.split(|octet| is_blank(*octet)).filter(|word| !word.is_empty()) {
        mail.set(parameter)?;
    }
    let needs_utf8 = mail.reverse_path.address().is_some_and(Address::needs_utf8);
    if needs_utf8 && !mail.smtputf8 { Err(Reply::NEEDS_SMTPUTF8) } else { Ok(mail) }
}

impl Mail {
    fn set(&mut self, parameter: &[u8]) -> Result<(), Reply> {
        let parameter = String::from_utf8_lossy(parameter).to_ascii_uppercase();
        match parameter.split_once('=') {
            Some(("SIZE", digits)) => self.size = Some(size(digits).ok_or(Reply::BAD_PARAMETER)?),
            // RFC 6152. Octets pass unharmed whatever it says.
            Some(("BODY", "7BIT" | "8BITMIME")) => {}
            None if parameter == "SMTPUTF8" => self.smtputf8 = true,
            Some(("SMTPUTF8", _)) => return Err(Reply::BAD_PARAMETER),
            None if parameter == "SIZE" || parameter == "BODY" => return Err(Reply::BAD_PARAMETER),
            // BODY=BINARYMIME too: it is not offered.
            _ => return Err(Reply::UNKNOWN_PARAMETER),
        }
        Ok(())
    }
}

fn rcpt(arguments: &[u8]) -> Result<ForwardPath, Reply> {
    let arguments = strip_keyword(arguments, b"TO:").ok_or(Reply::RCPT_SYNTAX)?;
    let (path, parameters) = split_path(arguments).ok_or(Reply::RCPT_SYNTAX)?;
    let path = ForwardPath::parse(path).map_err(|error| path_reply(error, Reply::BAD_RECIPIENT))?;
    if parameters.is_empty() { Ok(path) } else { Err(Reply::UNKNOWN_PARAMETER) }
}

fn bdat(arguments: &[u8]) -> Result<Command, Reply> {
    let (octets, end) = split_word(arguments);
    let octets = std::str::from_utf8(octets).ok().filter(|text| is_number(text));
    // Checked: a number that wraps would make message text into commands.
    let octets = octets.and_then(|text| text.parse().ok()).ok_or(Reply::BDAT_SYNTAX)?;
    match end {
        b"" => Ok(Command::Bdat { octets, last: false }),
        end if end.eq_ignore_ascii_case(b"LAST") => Ok(Command::Bdat { octets, last: true }),
        _ => Err(Reply::BDAT_SYNTAX),
    }
}

/// A size too large for u64 is a size too large; no digits are no size.
fn size(digits: &str) -> Option<u64> {
    is_number(digits).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Digits only: `str::parse` would also take a sign.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `FROM:` or `TO:`, also `FROM :`.
fn strip_keyword<'a>(arguments: &'a [u8], keyword: &[u8]) -> Option<&'a [u8]> {
    let (word, colon) = keyword.split_at(keyword.len() - 1);
    let start = arguments.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let rest = arguments[start.len()..].trim_ascii_start();
    Some(rest.strip_prefix(colon)?.trim_ascii_start())
}

/// The path without its brackets, and the parameters; a path without brackets ends at a blank.
fn split_path(arguments: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(inner) = arguments.strip_prefix(b"<") else {
        let (path, parameters) = split_word(arguments);
        // Nothing at all is not `<>`: a forgotten address must not become a bounce.
        return (!path.is_empty()).then_some((path, parameters));
    };
    let end = closing_bracket(inner)?;
    let rest = &inner[end + 1..];
    let separate = rest.first().is_none_or(|octet| is_blank(*octet));
    separate.then(|| (&inner[..end], rest.trim_ascii_start()))
}

/// The first `>` that does not stand in a quoted local part.
fn closing_bracket(inner: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in inner.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn path_reply(error: PathError, otherwise: Reply) -> Reply {
    match error {
        PathError::NotUtf8 => Reply::NEEDS_SMTPUTF8,
        PathError::Syntax | PathError::TooLong => otherwise,
    }
}

#[cfg(test)]
mod tests;
