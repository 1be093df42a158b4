//! What a server says it can do (RFC 2449): of its list, what matters to us.

/// What CAPA told. A server that does not know CAPA can do none of it, as far as we know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// There was a list at all.
    pub(super) told: bool,
    pub(super) stls: bool,
    pub(super) user: bool,
    pub(super) plain: bool,
    /// A wrong password is told as `[AUTH]` and in no other way (RFC 3206, 6).
    pub(super) tells_wrong: bool,
    /// Commands may be sent without waiting for answers (RFC 2449, 6.6).
    pub pipelining: bool,
    /// UIDL is there; servers without CAPA may have it all the same.
    pub uidl: bool,
    /// TOP is there.
    pub top: bool,
}

impl Capabilities {
    /// Of a list's lines.
    pub(super) fn parse(list: &[u8]) -> Self {
        let mut found = Self { told: true, ..Self::default() };
        for line in list.split(|octet| *octet == b'\n') {
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("STLS") => found.stls = true,
                Some("USER") => found.user = true,
                Some("SASL") => found.plain |= words.any(|word| word == "PLAIN"),
                Some("AUTH-RESP-CODE") => found.tells_wrong = true,
                Some("PIPELINING") => found.pipelining = true,
                Some("UIDL") => found.uidl = true,
                Some("TOP") => found.top = true,
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_any_case_and_what_is_unknown_is_passed_over() {
        let dovecot =
            b"CAPA\nTOP\nUIDL\nRESP-CODES\nPIPELINING\nAUTH-RESP-CODE\nSTLS\nUSER\nSASL PLAIN LOGIN\n";
        let all = Capabilities {
            told: true,
            stls: true,
            user: true,
            plain: true,
            tells_wrong: true,
            pipelining: true,
            uidl: true,
            top: true,
        };
        assert_eq!(Capabilities::parse(dovecot), all);
        assert_eq!(Capabilities::parse(&dovecot.to_ascii_lowercase()), all);
        let little = Capabilities::parse(b"SASL CRAM-MD5\nX-PLAIN\n\n\xff\nPLAIN\n");
        assert_eq!(little, Capabilities { told: true, ..Capabilities::default() });
    }
}
