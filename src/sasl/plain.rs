//! PLAIN: authzid NUL authcid NUL password, in one message (RFC 4616).

use super::{Credentials, Login, Turn};
use crate::mail::{Password, UserName};

/// Takes the one message.
pub(super) fn respond(message: &[u8]) -> Turn {
    parse(message).map_or(Turn::Failed, |credentials| Turn::Judge(Login::Password(credentials)))
}

/// `None` for what is no PLAIN message, and for a wish to act as somebody else: nobody may.
fn parse(message: &[u8]) -> Option<Credentials> {
    let mut parts = message.splitn(3, |octet| *octet == 0);
    let acting_as = std::str::from_utf8(parts.next()?).ok()?;
    let user = UserName::parse(std::str::from_utf8(parts.next()?).ok()?)?;
    // A third NUL would be in the password, which refuses it.
    let password = Password::new(parts.next()?)?;
    may_act_as(&user, acting_as).then_some(Credentials { user, password })
}

/// Jakarta Mail sends the user as authzid too, and some programs in another case.
pub(super) fn may_act_as(user: &UserName, acting_as: &str) -> bool {
    acting_as.is_empty() || acting_as.to_lowercase() == user.as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_taken_as_typed() {
        for (message, user, password) in [
            ("\0tim\0tanstaaftanstaaf", "tim", "tanstaaftanstaaf"), // RFC 4616, 4.
            ("Tim\0tim\0 two words ", "tim", " two words "),
            ("ÄNNE@example.org\0änne@example.org\0ß", "änne@example.org", "ß"),
        ] {
            let credentials = parse(message.as_bytes()).unwrap();
            assert_eq!(credentials.user.as_str(), user);
            assert_eq!(credentials.password.expose(), password.as_bytes());
        }
    }

    #[test]
    fn a_password_may_be_in_an_old_charset_but_a_name_may_not() {
        assert_eq!(parse(b"\0anna\0\xe4").unwrap().password.expose(), b"\xe4");
        assert!(parse(b"\0\xe4nna\0x").is_none());
    }

    #[test]
    fn what_is_no_plain_message_fails() {
        for message in [
            "",
            "\0",
            "\0\0",
            "anna",
            "\0anna",
            "\0anna\0",
            "\0\0secret",
            "\0anna\0sec\0ret",
            "Ursel\0Kurt\0xipj3plmq",
        ] {
            assert!(matches!(respond(message.as_bytes()), Turn::Failed), "{message:?}");
        }
    }
}
