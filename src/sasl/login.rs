//! LOGIN: the name, then the password (draft-murchison-sasl-login).
//!
//! Never a standard, and the only mechanism that some programs know.

use super::{Credentials, Exchange, Turn};
use crate::mail::{Password, UserName};

/// The words matter: old programs look for them.
pub(super) const USER_CHALLENGE: &[u8] = b"Username:";
const PASSWORD_CHALLENGE: &[u8] = b"Password:";

/// What is waited for.
#[derive(Debug)]
pub enum Login {
    /// The user name, also as an initial response.
    User,
    /// The password of this user.
    Password(UserName),
}

impl Login {
    /// Takes the name or the password.
    pub(super) fn respond(self, response: &[u8]) -> Turn {
        match self {
            Self::User => match std::str::from_utf8(response).ok().and_then(UserName::parse) {
                Some(user) => {
                    Turn::Challenge(PASSWORD_CHALLENGE.to_vec(), Exchange::Login(Self::Password(user)))
                }
                None => Turn::Failed,
            },
            Self::Password(user) => match Password::new(response) {
                Some(password) => Turn::Judge(super::Login::Password(Credentials { user, password })),
                None => Turn::Failed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_then_the_password() {
        let Turn::Challenge(challenge, Exchange::Login(login)) = Login::User.respond(b"anna") else {
            panic!("no second challenge")
        };
        assert_eq!(challenge, b"Password:");
        let Turn::Judge(super::super::Login::Password(credentials)) = login.respond(b" s\xe4 ") else {
            panic!("nothing to judge")
        };
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("anna", &b" s\xe4 "[..]));
    }

    #[test]
    fn an_empty_name_or_password_fails() {
        assert!(matches!(Login::User.respond(b""), Turn::Failed));
        assert!(matches!(Login::User.respond(b"\xff"), Turn::Failed));
        let user = UserName::parse("anna").unwrap();
        assert!(matches!(Login::Password(user).respond(b""), Turn::Failed));
    }
}
