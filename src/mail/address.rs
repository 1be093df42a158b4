//! Mail addresses: as a peer wrote them, and as an account is called.
//!
//! [`Address`] keeps what was written, for the trace lines. [`AccountAddress`] is folded to lower
//! case and made of parts that are safe as names of folders; it alone ever forms a path.

use crate::limits;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A domain of labels, in lower case (RFC 5321, 2.3.5; RFC 6531, 3.3 for letters beyond ASCII).
///
/// No label is empty, `.`, `..` or has a slash, so a domain is also a safe name of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// Where an address points to: a domain, or the address of a machine in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// `example.org`
    Domain(Domain),
    /// `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321, 4.1.3): what stands between the brackets.
    Literal(String),
}

/// An address as a peer wrote it: the case is kept, quotes and backslashes are taken off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    local_part: String,
    host: Host,
}

/// An address that can name an account or an alias: lower case, a safe path on disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountAddress {
    local_part: String,
    domain: Domain,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not `local-part@domain` by the grammar of RFC 5321, 4.1.2.
    Syntax,
    /// The local part is longer than 64 octets (RFC 5321, 4.5.3.1.1).
    LocalPartTooLong,
    /// The domain is longer than 255 octets, or a label than 63.
    DomainTooLong,
    /// Correct, but not a name an account can have: a slash, a blank, a quote, `%` or `!`.
    NotAnAccount,
}

impl Domain {
    /// Parses and folds to lower case.
    ///
    /// # Errors
    /// `Syntax` or `DomainTooLong`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let folded = text.to_lowercase();
        if folded.len() > limits::DOMAIN_MAX {
            return Err(AddressError::DomainTooLong);
        }
        for label in folded.split('.') {
            if label.len() > limits::DOMAIN_LABEL_MAX {
                return Err(AddressError::DomainTooLong);
            }
            let hyphens_inside = !label.starts_with('-') && !label.ends_with('-');
            if label.is_empty() || !hyphens_inside || !label.chars().all(is_label_char) {
                return Err(AddressError::Syntax);
            }
        }
        Ok(Self(folded))
    }

    /// The domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let Some(inner) = text.strip_prefix('[') else {
            return Domain::parse(text).map(Self::Domain);
        };
        let inner = inner.strip_suffix(']').ok_or(AddressError::Syntax)?;
        let tag = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:"));
        let valid = match tag {
            Some(tag) => inner[tag.len()..].parse::<Ipv6Addr>().is_ok(),
            None => inner.parse::<Ipv4Addr>().is_ok(),
        };
        if valid { Ok(Self::Literal(inner.to_owned())) } else { Err(AddressError::Syntax) }
    }
}

impl Address {
    /// Parses a `Mailbox` of RFC 5321, 4.1.2, with the UTF-8 of RFC 6531, 3.3.
    ///
    /// # Errors
    /// See [`AddressError`]; never `NotAnAccount`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Self::read(text, is_dot_string)?;
        let fits = address.local_part.len() <= limits::LOCAL_PART_MAX;
        fits.then_some(address).ok_or(AddressError::LocalPartTooLong)
    }

    /// The same for who sends: it decides nothing about who gets a message, and its own house has given it
    /// that name. Lists write the recipient into it and pass 64 octets (VERP, SRS, BATV), and old Japanese
    /// carriers gave out `taro..yamada.@`. How long it may be is the path's question.
    ///
    /// # Errors
    /// `Syntax`, `DomainTooLong`.
    pub fn parse_sender(text: &str) -> Result<Self, AddressError> {
        Self::read(text, |local_part| !local_part.is_empty() && local_part.split('.').all(is_atext))
    }

    fn read(text: &str, needs_no_quotes: impl Fn(&str) -> bool) -> Result<Self, AddressError> {
        let (local_part, rest) = match text.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (local_part, rest) = text.split_once('@').ok_or(AddressError::Syntax)?;
                if !needs_no_quotes(local_part) {
                    return Err(AddressError::Syntax);
                }
                (local_part.to_owned(), rest)
            }
        };
        Ok(Self { local_part, host: Host::parse(rest)? })
    }

    /// The local part, without quotes.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain or address literal.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The domain; `None` for an address literal.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.host {
            Host::Domain(domain) => Some(domain),
            Host::Literal(_) => None,
        }
    }

    /// Whether it can only be sent with SMTPUTF8 (RFC 6531).
    pub fn needs_utf8(&self) -> bool {
        !self.local_part.is_ascii() || self.domain().is_some_and(|domain| !domain.0.is_ascii())
    }
}

impl AccountAddress {
    /// Parses what an administrator typed.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::of(&Address::parse(text.trim())?).ok_or(AddressError::NotAnAccount)
    }

    /// The account name an address stands for; `None` if no account can be called so.
    pub fn of(address: &Address) -> Option<Self> {
        Self::new(address.local_part(), address.domain()?.clone())
    }

    /// Puts a local part and a domain together; `None` if no account can be called so.
    pub fn new(local_part: &str, domain: Domain) -> Option<Self> {
        let local_part = local_part.to_lowercase();
        let fits = local_part.len() <= limits::LOCAL_PART_MAX && is_dot_string(&local_part);
        // `%` and `!` were routes once; an account of that name would make a relay test ambiguous.
        let safe = !local_part.contains(['/', '%', '!']);
        (fits && safe).then_some(Self { local_part, domain })
    }

    /// The local part, in lower case.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain, in lower case.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// `user@domain` of `user+detail@domain`; `None` without a detail.
    pub fn without_detail(&self) -> Option<Self> {
        let (user, _) = self.local_part.split_once('+')?;
        Self::new(user, self.domain.clone())
    }
}

/// Atoms with a dot between two of them; none is empty.
fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && is_atext(atom))
}

/// RFC 5321's `atext`, and every letter beyond ASCII (RFC 6531, 3.3).
fn is_atext(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_beyond_ascii(c))
}

/// Underscores are not in the RFC and are in the world.
fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_' || is_beyond_ascii(c)
}

/// Letters beyond ASCII, without the control characters (C1) and blanks found there.
fn is_beyond_ascii(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

/// `text` behind an opening quote → the local part, and what follows `"@`.
fn unquote(text: &str) -> Result<(String, &str), AddressError> {
    let mut local_part = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            '"' => {
                let rest = text[at + 1..].strip_prefix('@').ok_or(AddressError::Syntax)?;
                return if local_part.is_empty() {
                    Err(AddressError::Syntax)
                } else {
                    Ok((local_part, rest))
                };
            }
            '\\' => chars.next().ok_or(AddressError::Syntax)?.1,
            c => c,
        };
        if c.is_control() {
            return Err(AddressError::Syntax); // A line break here would forge a header line.
        }
        local_part.push(c);
    }
    Err(AddressError::Syntax)
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(inner) => write!(f, "[{inner}]"),
        }
    }
}

/// With quotes again where the local part needs them.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local_part) {
            return write!(f, "{}@{}", self.local_part, self.host);
        }
        let escaped = self.local_part.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"@{}", self.host)
    }
}

impl fmt::Display for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not an address of the form name@domain",
            Self::LocalPartTooLong => "the part before the @ is longer than 64 octets",
            Self::DomainTooLong => "the domain is longer than 255 octets, or one of its labels than 63",
            Self::NotAnAccount => "no account can have this name: it has a slash, blank, quote, % or !",
        })
    }
}

#[cfg(test)]
mod tests;
