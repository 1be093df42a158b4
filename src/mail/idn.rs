//! The two forms of an international domain: in letters (`münchen.example`), and in the ASCII that stands for
//! them (`xn--mnchen-3ya.example`; RFC 5890, 2.3.2.1).
//!
//! A sender without SMTPUTF8 can only write the second, so who has an account in the first gets next to
//! no mail if they are two domains. Letters are folded to lower case before, in [`Domain`]; nothing else
//! of what RFC 5895 lets a program do for the one who types is done here.

use super::{AccountAddress, Domain};

/// What an ASCII label with letters in it begins with.
const PREFIX: &str = "xn--";

// RFC 3492, 5.
const BASE: u32 = 36;
const LOWEST: u32 = 1;
const HIGHEST: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_LETTER: u32 = 0x80;

impl Domain {
    /// The same domain in its other form; `None` if it has only one. A label that is not what a correct
    /// program makes of any letters stays as it is.
    pub fn other_form(&self) -> Option<Self> {
        if self.as_str().is_ascii() && !self.as_str().contains(PREFIX) {
            return None; // Next to all, and each recipient is asked.
        }
        let turned = |label: &str| match label.strip_prefix(PREFIX) {
            Some(coded) => in_letters(coded),
            None if !label.is_ascii() => in_ascii(label).map(|coded| format!("{PREFIX}{coded}")),
            None => None,
        };
        let labels = self.as_str().split('.').map(|label| turned(label).unwrap_or_else(|| label.to_owned()));
        let other = labels.collect::<Vec<_>>().join(".");
        if other == self.as_str() {
            return None;
        }
        // Each form by itself: `xn--….xn--…` has no half-way house.
        Self::parse(&other).ok()
    }
}

impl AccountAddress {
    /// The same address with its domain in the other form; `None` if there is only one.
    pub fn in_other_form(&self) -> Option<Self> {
        Self::new(self.local_part(), self.domain().other_form()?)
    }
}

/// `mnchen-3ya` is `münchen`; `None` unless the letters lead back to just this.
fn in_letters(coded: &str) -> Option<String> {
    let (plain, digits) = coded.rsplit_once('-').unwrap_or(("", coded));
    let mut letters: Vec<char> = plain.chars().collect();
    let (mut letter, mut bias, mut at) = (FIRST_LETTER, FIRST_BIAS, 0u32);
    let mut digits = digits.bytes();
    while digits.len() > 0 {
        let before = at;
        let (mut weight, mut k) = (1u32, BASE);
        loop {
            let digit = value_of(digits.next()?)?;
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = threshold(k, bias);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = u32::try_from(letters.len()).ok()? + 1;
        bias = adapted(at - before, count, before == 0);
        letter = letter.checked_add(at / count)?;
        at %= count;
        letters.insert(usize::try_from(at).ok()?, char::from_u32(letter)?);
        at += 1;
    }
    let letters: String = letters.into_iter().collect();
    let is_canonical = !letters.is_ascii() && letters.to_lowercase() == letters;
    (is_canonical && in_ascii(&letters).as_deref() == Some(coded)).then_some(letters)
}

/// `münchen` is `mnchen-3ya`.
fn in_ascii(letters: &str) -> Option<String> {
    let all: Vec<u32> = letters.chars().map(u32::from).collect();
    let mut coded: String = letters.chars().filter(char::is_ascii).collect();
    let plain = u32::try_from(coded.len()).ok()?;
    if plain > 0 {
        coded.push('-');
    }
    let (mut letter, mut bias, mut delta, mut done) = (FIRST_LETTER, FIRST_BIAS, 0u32, plain);
    while let Some(next) = all.iter().copied().filter(|found| *found >= letter).min() {
        delta = delta.checked_add((next - letter).checked_mul(done + 1)?)?;
        for found in &all {
            if *found < next {
                delta = delta.checked_add(1)?;
            } else if *found == next {
                push_number(&mut coded, delta, bias);
                bias = adapted(delta, done + 1, done == plain);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        letter = next + 1;
    }
    Some(coded)
}

/// A number of variable length, whose last digit is the first one below its threshold.
fn push_number(coded: &mut String, number: u32, bias: u32) {
    let (mut rest, mut k) = (number, BASE);
    loop {
        let threshold = threshold(k, bias);
        if rest < threshold {
            coded.push(digit_of(rest));
            return;
        }
        coded.push(digit_of(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(LOWEST, HIGHEST)
}

/// RFC 3492, 6.1.
fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > ((BASE - LOWEST) * HIGHEST) / 2 {
        delta /= BASE - LOWEST;
        k += BASE;
    }
    k + (BASE - LOWEST + 1) * delta / (delta + SKEW)
}

/// a–z are 0 to 25, 0–9 are 26 to 35; a domain is in lower case.
fn value_of(digit: u8) -> Option<u32> {
    match digit {
        b'a'..=b'z' => Some(u32::from(digit - b'a')),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 26),
        _ => None,
    }
}

/// Below 36, always.
fn digit_of(value: u32) -> char {
    char::from_digit((value + 10) % BASE, BASE).unwrap_or('a')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use proptest::prelude::*;

    /// The samples of RFC 3492, 7.1 that are in one case, and domains that are in use.
    #[test]
    fn the_forms_are_those_of_the_rfc() {
        for (letters, coded) in [
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            (
                "세계의모든사람들이한국어를이해한다면얼마나좋을까",
                "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c",
            ),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"),
            ("münchen", "mnchen-3ya"),
            ("bücher", "bcher-kva"),
            ("straße", "strae-oqa"),
            ("ü", "tda"),
            ("a-ü", "a--yka"),
        ] {
            assert_eq!(in_ascii(letters).as_deref(), Some(coded), "{letters}");
            assert_eq!(in_letters(coded).as_deref(), Some(letters), "{coded}");
        }
    }

    #[test]
    fn a_domain_has_another_form_if_it_has_letters() {
        let other = |text| Domain::parse(text).unwrap().other_form().map(|domain| domain.to_string());
        assert_eq!(other("mail.münchen.example").as_deref(), Some("mail.xn--mnchen-3ya.example"));
        assert_eq!(other("mail.XN--MNCHEN-3YA.example").as_deref(), Some("mail.münchen.example"));
        assert_eq!(other("xn--mnchen-3ya.xn--p1ai").as_deref(), Some("münchen.рф"));
        assert_eq!(other("example.org"), None);
    }

    /// Two names of ours may never fall together because one of them is not what anybody would have made.
    #[test]
    fn what_no_program_makes_has_no_other_form() {
        for text in ["xn--", "xn--a", "xn--abc-", "xn--99999999", "xn--mnchen-3y", "xn--a-b"] {
            let Ok(domain) = Domain::parse(&format!("{text}.example")) else { continue };
            assert_eq!(domain.other_form(), None, "{text}");
        }
        // U+00DC, a capital letter.
        assert_eq!(in_letters("mnchen-psa"), None);
        // Too long for a label in its ASCII form.
        assert_eq!(
            Domain::parse("가나다라마바사아자차카타파하거너더러머버서.example").unwrap().other_form(),
            None
        );
    }

    proptest! {
        #[test]
        fn forms_lead_back_to_each_other(label in "[a-z0-9äöüßéñłжщ漢字]{1,16}") {
            let domain = Domain::parse(&format!("{label}.example")).unwrap();
            match domain.other_form() {
                Some(other) => {
                    prop_assert!(other.as_str().is_ascii());
                    prop_assert_eq!(other.other_form(), Some(domain));
                }
                None => prop_assert!(label.is_ascii(), "{}", label),
            }
        }

        /// All that is one octet away from what a program makes. Little else can be decoded at all.
        #[test]
        fn no_octets_of_a_peer_are_too_much(label in "[a-z0-9äöüßéñłжщ漢字]{0,15}[äöüßéñłжщ漢字]") {
            let coded = in_ascii(&label).unwrap();
            for other in neighbours(&coded) {
                let Some(letters) = in_letters(&other) else { continue };
                prop_assert!(!letters.is_ascii(), "{other}: {letters:?}");
                prop_assert_eq!(&letters.to_lowercase(), &letters, "{}", &other);
                prop_assert!(letters.chars().count() <= other.len(), "{other}: {letters:?}");
                let domain = Domain::parse(&format!("{PREFIX}{other}.example")).ok();
                if let Some(turned) = domain.and_then(|domain| domain.other_form()) {
                    let label = turned.as_str().split('.').next().unwrap();
                    prop_assert!(label == letters && label.len() <= limits::DOMAIN_LABEL_MAX, "{label:?}");
                }
            }
        }
    }

    /// One octet is changed, removed or doubled, or nothing stands behind it.
    fn neighbours(coded: &str) -> Vec<String> {
        let mut all = Vec::new();
        for at in 0..coded.len() {
            let (before, one, behind) = (&coded[..at], &coded[at..=at], &coded[at + 1..]);
            all.extend(
                "abcdefghijklmnopqrstuvwxyz0123456789-".chars().map(|c| format!("{before}{c}{behind}")),
            );
            all.extend([
                format!("{before}{behind}"),
                format!("{before}{one}{one}{behind}"),
                format!("{before}{one}"),
            ]);
        }
        all
    }
}
