//! UIDs out of X-IMAPbase and X-UID, as Dovecot and c-client believe them. Both write them into every message
//! at the first session that sees it, and both distrust what a message may have brought along: a number
//! counts only if it is greater than the one before, and for Dovecot no greater than it could be. Knows no file.

/// Who numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Dovecot: what does not fit is numbered anew, and all behind it.
    Dovecot,
    /// c-client: what does not fit voids the validity of all.
    Uw,
}

/// The number of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The UID.
    pub uid: u32,
    /// Whether it does not stand in the file yet: the server will give it at the next login.
    pub foreseen: bool,
}

/// Numbers the messages of one mbox, in order.
#[derive(Clone, Debug)]
pub struct Numbers {
    rules: Rules,
    /// 0: none has been seen, or it is void.
    validity: u32,
    /// The greatest number ever given.
    last: u32,
    /// The number of the message before.
    previous: u32,
    /// The number of this message, 0 if it has none that counts.
    uid: u32,
    /// Whether this is the first message of the file.
    first: bool,
    /// Whether the base has been seen in it.
    based: bool,
    /// Whether this message is none, but a box for the base.
    pseudo: bool,
    /// A number that leaves no room for those behind it, or voided the validity.
    misfit: Option<u32>,
}

impl Numbers {
    /// At the start of a file.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            validity: 0,
            last: 0,
            previous: 0,
            uid: 0,
            first: true,
            based: false,
            pseudo: false,
            misfit: None,
        }
    }

    /// X-IMAPbase, or X-IMAP (`pseudo`).
    pub fn base(&mut self, pseudo: bool, value: &[u8]) {
        if !self.first || self.based {
            return; // Somebody else's, brought along by a message.
        }
        let Some((validity, last)) = parse_base(value, self.rules) else { return };
        self.validity = validity;
        self.last = last;
        self.based = true;
        self.pseudo = pseudo;
    }

    /// X-UID.
    pub fn uid(&mut self, value: &[u8]) {
        match self.rules {
            Rules::Dovecot => self.dovecots_uid(value),
            Rules::Uw => self.uws_uid(value),
        }
    }

    fn dovecots_uid(&mut self, value: &[u8]) {
        let (number, rest) = leading_number(without_line_end(value));
        let broken = !rest.iter().all(|octet| matches!(octet, b' ' | b'\t' | b'\n'));
        let next = self.last.saturating_add(1);
        if self.uid != 0 || broken || (self.first && !self.based) || number > next || number <= self.previous
        {
            return;
        }
        self.last = self.last.max(number);
        self.uid = number;
    }

    fn uws_uid(&mut self, value: &[u8]) {
        if self.validity == 0 || self.pseudo {
            return;
        }
        let number = leading_number(value.trim_ascii_start()).0;
        if self.uid != 0 || number <= self.previous {
            self.misfit = Some(number);
            self.validity = 0;
            self.uid = 0;
        } else {
            self.last = self.last.max(number);
            self.uid = number;
        }
    }

    /// The header of this message is over: its number, or `None` when it is no message.
    pub fn end_header(&mut self) -> Option<Number> {
        let mut uid = std::mem::take(&mut self.uid);
        let foreseen = uid == 0;
        let pseudo = std::mem::take(&mut self.pseudo);
        self.first = false;
        if pseudo {
            return None;
        }
        if foreseen {
            if self.last == u32::MAX {
                self.misfit = Some(self.last); // There are no more: both servers begin anew.
            }
            self.last = self.last.saturating_add(1);
            uid = self.last;
        }
        self.previous = uid;
        Some(Number { uid, foreseen })
    }

    /// The UIDVALIDITY, if the file has one that counts.
    pub fn validity(&self) -> Option<u32> {
        (self.validity != 0).then_some(self.validity)
    }

    /// A number for which the server would number all messages anew.
    pub fn misfit(&self) -> Option<u32> {
        self.misfit
    }
}

/// `VALIDITY LAST`, and maybe keywords behind it.
fn parse_base(value: &[u8], rules: Rules) -> Option<(u32, u32)> {
    let value = without_line_end(value);
    let value = if rules == Rules::Uw { value.trim_ascii_start() } else { value };
    let (validity, rest) = leading_number(value);
    if rules == Rules::Dovecot && !matches!(rest.first(), None | Some(b' ')) {
        return None;
    }
    let (last, rest) = leading_number(rest.trim_ascii_start());
    if rules == Rules::Dovecot && !matches!(rest.first(), None | Some(b' ' | b'\t' | b'\n')) {
        return None;
    }
    (validity != 0).then_some((validity, last))
}

fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

/// The digits at the front as a number, 0 if there are none or too many.
fn leading_number(value: &[u8]) -> (u32, &[u8]) {
    let end = value.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(value.len());
    let (digits, rest) = value.split_at(end);
    (std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `base` is X-IMAPbase of the first message; then X-UID of each, empty for none.
    fn numbered(rules: Rules, base: &str, uids: &[&str]) -> (Vec<u32>, Option<u32>, Option<u32>) {
        let mut numbers = Numbers::new(rules);
        numbers.base(false, base.as_bytes());
        let given = uids.iter().map(|uid| {
            if !uid.is_empty() {
                numbers.uid(uid.as_bytes());
            }
            numbers.end_header().unwrap().uid
        });
        (given.collect(), numbers.validity(), numbers.misfit())
    }

    #[test]
    fn dovecot_believes_what_fits() {
        for (base, uids, wanted, validity) in [
            ("7 0000000009\n", ["3\n", "5\r\n", ""], [3, 5, 10], Some(7)),
            ("7 9 $Keyword\n", ["3     \n", "3\n", "4\n"], [3, 10, 11], Some(7)),
            ("7 9\n", ["11\n", "10\n", "11\n"], [10, 11, 12], Some(7)),
            ("7 9\n", ["3x\n", " 4\n", "-1\n"], [10, 11, 12], Some(7)),
            ("  7 9\n", ["3\n", "", ""], [1, 2, 3], None),
            ("7x 9\n", ["1\n", "2\n", "3\n"], [1, 2, 3], None),
            ("0 9\n", ["1\n", "2\n", "3\n"], [1, 2, 3], None),
            ("99999999999 9\n", ["", "", ""], [1, 2, 3], None),
        ] {
            assert_eq!(
                numbered(Rules::Dovecot, base, &uids),
                (wanted.to_vec(), validity, None),
                "{base:?} {uids:?}"
            );
        }
    }

    #[test]
    fn for_c_client_one_number_that_does_not_fit_voids_all() {
        assert_eq!(numbered(Rules::Uw, "  7   9\n", &["3\n", "5x\n", ""]), (vec![3, 5, 10], Some(7), None));
        assert_eq!(numbered(Rules::Uw, "7 9\n", &["3\n", "12\n", ""]), (vec![3, 12, 13], Some(7), None));
        for (uids, misfit) in [(["3\n", "3\n"], 3), (["5\n", "4\n"], 4), (["", "9\n"], 9)] {
            let (_, validity, found) = numbered(Rules::Uw, "7 9\n", &uids);
            assert_eq!((validity, found), (None, Some(misfit)), "{uids:?}");
        }
    }

    #[test]
    fn when_the_numbers_are_used_up_it_is_said() {
        for rules in [Rules::Dovecot, Rules::Uw] {
            let base = format!("7 {}\n", u32::MAX);
            assert_eq!(numbered(rules, &base, &["3\n"]), (vec![3], Some(7), None));
            assert_eq!(numbered(rules, &base, &["3\n", ""]).2, Some(u32::MAX));
        }
    }

    #[test]
    fn only_the_first_message_brings_a_base_and_x_imap_is_no_message() {
        let mut numbers = Numbers::new(Rules::Dovecot);
        numbers.base(true, b"7 9\n");
        numbers.base(false, b"8 1\n");
        let foreseen = |uid| Some(Number { uid, foreseen: true });
        assert_eq!((numbers.end_header(), numbers.end_header()), (None, foreseen(10)));
        numbers.base(false, b"8 1\n");
        assert_eq!((numbers.end_header(), numbers.validity()), (foreseen(11), Some(7)));
        numbers.uid(b"12\n");
        assert_eq!(numbers.end_header(), Some(Number { uid: 12, foreseen: false }));
    }
}
