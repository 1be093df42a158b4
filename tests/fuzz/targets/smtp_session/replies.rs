//! What a legal reply is: RFC 5321, 4.2 and 4.5.3.1.5; RFC 2034, 4.

use restante::limits;
use restante::smtp::Reply;

/// Panics unless each line has the code, is short enough and has no line end inside.
pub fn check(reply: &Reply) {
    let mut written = Vec::new();
    reply.write_to(&mut written);
    let text = String::from_utf8(written).unwrap();
    let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    let code = reply.code().to_string();
    let digits = code.as_bytes();
    assert!(digits.len() == 3 && (b'2'..=b'5').contains(&digits[0]) && digits[1] <= b'5', "{text:?}");
    for (nth, line) in lines.iter().enumerate() {
        assert!(line.len() + 2 <= limits::SMTP_REPLY_LINE_MAX, "{} octets", line.len());
        assert!(line.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{line:?}");
        let mark = if nth + 1 == lines.len() { ' ' } else { '-' };
        let rest = line.strip_prefix(&code).and_then(|rest| rest.strip_prefix(mark));
        let rest = rest.unwrap_or_else(|| panic!("{line:?} lacks {code}{mark}"));
        // An enhanced status code has the class of the reply code.
        if let Some((class, _)) = rest.split_once('.').filter(|(class, _)| class.len() == 1) {
            assert_eq!(class.as_bytes()[0], digits[0], "{line:?}");
        }
    }
}
