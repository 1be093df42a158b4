//! What EHLO and LHLO offer: exactly what works.
//!
//! Knows no session: whether TLS may still be had is told by the caller.

/// What the lines behind EHLO depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Octets of the largest message that is taken.
    pub max_message_size: u64,
    /// Recipients that one message may have.
    pub max_recipients: usize,
}

impl Offer {
    /// The lines, without reply code. `starttls`: whether it would be followed by a handshake.
    pub fn lines(&self, starttls: bool) -> Vec<String> {
        let mut lines = vec![
            "PIPELINING".to_owned(),                   // RFC 2920
            format!("SIZE {}", self.max_message_size), // RFC 1870
            "8BITMIME".to_owned(),                     // RFC 6152
            "SMTPUTF8".to_owned(),                     // RFC 6531
            "ENHANCEDSTATUSCODES".to_owned(),          // RFC 2034
            "CHUNKING".to_owned(),                     // RFC 3030; without BINARYMIME: line ends are ours
        ];
        if starttls {
            lines.push("STARTTLS".to_owned()); // RFC 3207
        }
        lines.push(format!("LIMITS RCPTMAX={}", self.max_recipients)); // RFC 9422
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starttls_is_offered_only_when_it_works() {
        let offer = |starttls| Offer { max_message_size: 7, max_recipients: 3 }.lines(starttls);
        assert!(offer(true).contains(&"STARTTLS".to_owned()));
        assert!(!offer(false).contains(&"STARTTLS".to_owned()));
        assert_eq!(offer(false)[1], "SIZE 7");
        assert_eq!(offer(false).last().map(String::as_str), Some("LIMITS RCPTMAX=3"));
    }
}
