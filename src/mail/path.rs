//! Reverse-path and forward-path: what stands between the angle brackets of MAIL and RCPT
//! (RFC 5321, 4.1.2).

use super::{Address, AddressError};
use crate::limits;
use std::fmt;

/// Where a bounce would go: `<>` means nowhere, and is not an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`, the sender of bounces.
    Null,
    /// `<anna@example.org>`
    Address(Address),
}

/// Where a message is to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>`, in any case and without a domain (RFC 5321, 4.1.1.3).
    Postmaster,
    /// `<anna@example.org>`
    Address(Address),
}

/// Why a path was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Not a path by the grammar of RFC 5321, 4.1.2.
    Syntax,
    /// A path of more than 256 octets, or an address part over its bound.
    TooLong,
    /// Octets beyond ASCII that are not UTF-8.
    NotUtf8,
}

impl ReversePath {
    /// Parses what stands between `<` and `>`, the brackets taken off.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(inner: &[u8]) -> Result<Self, PathError> {
        let inner = text(inner)?;
        if inner.is_empty() {
            return Ok(Self::Null);
        }
        address(inner, Address::parse_sender).map(Self::Address)
    }

    /// The address; `None` for `<>`.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl ForwardPath {
    /// Parses what stands between `<` and `>`, the brackets taken off.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(inner: &[u8]) -> Result<Self, PathError> {
        let inner = text(inner)?;
        if inner.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster);
        }
        // Strict, unlike a sender's: no account is called so, and whoever wrote it is told in the bounce.
        address(inner, Address::parse).map(Self::Address)
    }

    /// The address; `None` for the bare postmaster.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Postmaster => None,
            Self::Address(address) => Some(address),
        }
    }
}

fn text(inner: &[u8]) -> Result<&str, PathError> {
    if inner.len() + 2 > limits::PATH_MAX {
        return Err(PathError::TooLong);
    }
    std::str::from_utf8(inner).map_err(|_| PathError::NotUtf8)
}

/// The address behind the route, if it also fits as we write it: letters of a domain may be longer in
/// lower case (`Ⱥ`), and a trace line must not say a path that nobody would take.
fn address(inner: &str, parse: fn(&str) -> Result<Address, AddressError>) -> Result<Address, PathError> {
    let address = parse(without_route(inner)?)?;
    text(address.to_string().as_bytes())?;
    Ok(address)
}

/// A source route (`@a,@b:user@c`) is read over, as RFC 5321, appendix C asks: only its last
/// address counts, and whether that one is ours is asked like any other.
fn without_route(inner: &str) -> Result<&str, PathError> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    let (route, address) = inner.split_once(':').ok_or(PathError::Syntax)?;
    let hops_are_domains = route
        .split(',')
        .all(|hop| hop.strip_prefix('@').is_some_and(|domain| super::Domain::parse(domain).is_ok()));
    if hops_are_domains { Ok(address) } else { Err(PathError::Syntax) }
}

impl From<AddressError> for PathError {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::LocalPartTooLong | AddressError::DomainTooLong => Self::TooLong,
            AddressError::Syntax | AddressError::NotAnAccount => Self::Syntax,
        }
    }
}

/// With the angle brackets.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// With the angle brackets.
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_path_is_not_an_address() {
        assert_eq!(ReversePath::parse(b""), Ok(ReversePath::Null));
        assert_eq!(ForwardPath::parse(b""), Err(PathError::Syntax));
    }

    #[test]
    fn postmaster_needs_no_domain() {
        assert_eq!(ForwardPath::parse(b"PostMaster"), Ok(ForwardPath::Postmaster));
        assert_eq!(ReversePath::parse(b"postmaster"), Err(PathError::Syntax));
    }

    #[test]
    fn a_source_route_leaves_its_last_address() {
        let path = ForwardPath::parse(b"@a.example,@b.example:anna@example.org").unwrap();
        assert_eq!(path.to_string(), "<anna@example.org>");
        for bad in [&b"@a.example"[..], b"@:anna@x.org", b"@a,b:anna@x.org", b"@a.example:"] {
            assert_eq!(ForwardPath::parse(bad), Err(PathError::Syntax));
        }
    }

    #[test]
    fn too_long_and_not_utf8_are_told_apart() {
        assert_eq!(ForwardPath::parse(b"\xff@example.org"), Err(PathError::NotUtf8));
        assert_eq!(ForwardPath::parse(&[b'a'; 300]), Err(PathError::TooLong));
        let long = format!("{}@x.org", "a".repeat(65));
        assert_eq!(ForwardPath::parse(long.as_bytes()), Err(PathError::TooLong));
    }

    #[test]
    fn a_sender_has_the_whole_path_for_its_name() {
        for (octets, fits) in [(65, true), (248, true), (249, false)] {
            let inner = format!("{}@x.org", "a".repeat(octets));
            assert_eq!(ReversePath::parse(inner.as_bytes()).is_ok(), fits, "{octets}");
        }
        // Two quotation marks more where it is written.
        for (octets, fits) in [(246, true), (247, false)] {
            let inner = format!("{}.@x.org", "a".repeat(octets - 1));
            assert_eq!(ReversePath::parse(inner.as_bytes()).is_ok(), fits, "{octets}");
        }
        let path = ReversePath::parse(b"taro..yamada.@docomo.example").unwrap();
        assert_eq!(path.to_string(), "<\"taro..yamada.\"@docomo.example>");
        assert_eq!(ForwardPath::parse(b"taro..yamada.@docomo.example"), Err(PathError::Syntax));
    }

    #[test]
    fn a_domain_that_grows_in_lower_case_does_not_make_a_path_too_long() {
        // Two octets in upper case, three in lower.
        let label = "\u{23a}".repeat(21);
        for (local_part, fits) in [("a".repeat(62), true), ("a".repeat(63), false)] {
            let inner = format!("{local_part}@{label}.{label}.{label}");
            let path = ReversePath::parse(inner.as_bytes());
            assert_eq!(path.is_ok(), fits, "{path:?}");
            assert_eq!(ForwardPath::parse(inner.as_bytes()).is_ok(), fits);
        }
    }
}
