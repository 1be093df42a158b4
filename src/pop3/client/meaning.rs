//! What `-ERR` means to whoever asked: the response code where there is one (RFC 2449, 8), and the server's words
//! where there is none.
//!
//! The words decide between "try again later" and "wrong password", and a mail program that is told the latter
//! throws its password away. So only words that plainly say so are a wrong password, whatever speaks against it
//! goes first, and in doubt it is the server's own fault.

/// What `-ERR` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Another session has the maildrop, or the last one was a moment ago (RFC 2449, 8.1).
    InUse,
    /// The server's own fault (RFC 3206, 4).
    Temporary,
    /// It wants TLS first.
    NeedsTls,
    /// `[AUTH]` (RFC 3206, 5): name or password are wrong.
    Credentials,
    /// Its words, without a code, say the same.
    Wrong,
    /// Nothing that could be told.
    Other,
}

/// Cyrus: `USER command only available under a layer`.
const NEEDS_TLS: [&str; 8] = [
    "plaintext",
    "plain text",
    "cleartext",
    "clear text",
    "starttls",
    "encrypt",
    "under a layer",
    "must use",
];
/// The same, only as words of their own: `[mailssl.example.org]` is a name.
const NEEDS_TLS_WORDS: [&str; 4] = ["tls", "ssl", "stls", "secure"];
const IN_USE: [&str; 7] = ["in use", "in-use", "busy", "already", "being used", "another session", "lock"];
const TEMPORARY: [&str; 49] = [
    "temporar",
    "try again",
    "later",
    "unavailable",
    "not available",
    "internal",
    "too many",
    "too often",
    "too fast",
    "frequen",
    "shutting",
    "shut down",
    "disconnect",
    "connection",
    "system",
    "service",
    "server",
    "can't",
    "cannot",
    "could not",
    "couldn't",
    "unable",
    "exceed",
    "limit",
    "maximum",
    "quota",
    "database",
    "backend",
    "ldap",
    "sql",
    "socket",
    "daemon",
    "timeout",
    "timed out",
    "time out",
    "respond",
    "no such file",
    "crashed",
    "disk",
    "maildir",
    // An account that is shut is no wrong password: it may be opened again.
    "disabled",
    "suspended",
    "expired",
    "inactive",
    "blocked",
    "banned",
    "maintenance",
    "not allowed",
    "not enabled",
];
const WRONG: [&str; 34] = [
    "password",
    "passwd",
    "credential",
    "authentication fail",
    "authentication err",
    "authentication was not",
    "authentication reject",
    "bad authentication",
    "invalid authentication",
    "not authenticated",
    "auth fail",
    "bad auth",
    "invalid auth",
    "authorization fail",
    "authorisation fail",
    "login fail",
    "login incorrect",
    "login invalid",
    "bad login",
    "invalid login",
    "incorrect login",
    "wrong login",
    "logon fail",
    "invalid logon",
    "bad user",
    "invalid user",
    "incorrect user",
    "wrong user",
    "unknown user",
    "user unknown",
    "no such user",
    "user not found",
    "no such mailbox",
    "unknown account",
];

impl Why {
    /// Of what stands behind `-ERR`, in lower case.
    pub(super) fn of(text: &str) -> Self {
        Self::of_code(text).unwrap_or_else(|| Self::of_words(text))
    }

    /// By the response code, which stands first.
    fn of_code(text: &str) -> Option<Self> {
        let (code, words) = text.strip_prefix('[')?.split_once(']')?;
        match code.trim() {
            "in-use" | "login-delay" => Some(Self::InUse),
            "sys/temp" | "sys/perm" => Some(Self::Temporary),
            // Dovecot says `[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) …`.
            "auth" if wants_tls(words) => Some(Self::NeedsTls),
            "auth" => Some(Self::Credentials),
            _ => None,
        }
    }

    fn of_words(text: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if wants_tls(text) {
            Self::NeedsTls
        } else if says(&["account", "user"]) && says(&["locked"]) && !says(&["by "]) {
            Self::Temporary // `Account locked` is no session.
        } else if says(&IN_USE) {
            Self::InUse
        } else if says(&TEMPORARY) {
            Self::Temporary
        } else if says(&WRONG) {
            Self::Wrong
        } else {
            Self::Other
        }
    }
}

fn wants_tls(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '.'));
    NEEDS_TLS.iter().any(|part| text.contains(part)) || words.any(|word| NEEDS_TLS_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all_mean(meaning: Why, lines: &[&str]) {
        for line in lines {
            assert_eq!(Why::of(&line.to_ascii_lowercase()), meaning, "{line}");
        }
    }

    #[test]
    fn a_code_goes_before_words() {
        all_mean(
            Why::Credentials,
            &[
                "[AUTH] Authentication failed.",                              // Dovecot
                "[AUTH] Username and password not accepted.",                 // Gmail
                "[AUTH] Web login required: https://support.google.com/mail", // Gmail
                "[AUTH] Invalid login",                                       // Cyrus
                "[AUTH] (#AUTH012) Incorrect username or password.",          // Yahoo
                "[AUTH] Password supplied for \"anna\" is incorrect.",        // qpopper
            ],
        );
        all_mean(
            Why::Temporary,
            &[
                "[SYS/TEMP] Temporary authentication failure. [mail:2026]", // Dovecot
                "[SYS/TEMP] Internal error occurred. Refer to server log for more information.",
                "[SYS/PERM] Unable to open maildrop: Permission denied", // Cyrus
                "[SYS/TEMP] POP authentication DB not available (anna): No such file or directory (2)", // qpopper
                "[LIMIT] wrong password, but that is not the point",
            ],
        );
        all_mean(
            Why::InUse,
            &[
                "[IN-USE] Mailbox is locked by another POP3 session.",
                "[IN-USE] /var/spool/pop/.anna.pop lock busy!  Is another session active? (11)", // qpopper
                "[LOGIN-DELAY] minimum time between mail checks violation",
            ],
        );
        all_mean(
            Why::NeedsTls,
            &[
                "[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", // Dovecot
                "[AUTH] USER command only available under a layer",                                // Cyrus
            ],
        );
    }

    #[test]
    fn words_that_plainly_say_so_are_a_wrong_password() {
        all_mean(
            Why::Wrong,
            &[
                "Authentication failed (bad password?)",             // popa3d
                "Login failed.",                                     // Courier
                "Bad login",                                         // UW
                "Bad authentication",                                // UW
                "authorization failed",                              // qmail, vpopmail
                "authentication failed",                             // solid-pop3d
                "Password supplied for \"anna\" is incorrect.",      // qpopper without codes
                "Invalid user name or password.",                    // hMailServer
                "Logon failure: unknown user name or bad password.", // Exchange
                "Invalid login",                                     // Cyrus without codes
                "Invalid auth or access denied",                     // XMail
                "incorrect password or account name",                // CommuniGate
                "invalid username/password",                         // Zimbra
                "Invalid login or password",                         // nginx
                "invalid password",                                  // RFC 1939
            ],
        );
    }

    #[test]
    fn everything_else_is_a_session_that_holds_it_or_a_fault() {
        all_mean(
            Why::InUse,
            &[
                "maildrop already locked",                                      // RFC 1939
                "Unable to lock maildrop: Mailbox is locked by POP server",     // Cyrus
                "Can't get lock.  Mailbox in use",                              // UW
                "Your mailbox is already locked",                               // hMailServer
                "Maildrop lock busy!  Is another session active?",              // qpopper
                "the mailbox of this account is being used by another program", // CommuniGate's way
            ],
        );
        all_mean(
            Why::Temporary,
            &[
                "Server temporarily out of order",
                "Temporary problem, please try again later", // Courier
                "Maximum connection limit reached for ::1",  // Courier
                "Disconnected: Server shutting down.",       // Dovecot
                "Server Unavailable. 21",                    // Exchange
                "Too many invalid logon attempts.",          // hMailServer
                "this user has no $HOME/Maildir",            // qmail
                "unable to scan $HOME/Maildir",              // qmail
                "aack, child crashed",                       // qmail
                "Could not connect to server",               // perdition
                "internal server error",                     // nginx
                "Password database is not available",
                "Authentication failed: LDAP server does not respond",
                "login failed: account is disabled",
                "User account locked",
                "your password has expired",
            ],
        );
        all_mean(Why::NeedsTls, &["TLS required to log in", "must use SSL", "Plaintext login disabled"]);
        all_mean(Why::Other, &["", "no", "Permission denied", "[mailssl.example.org] go away"]);
    }
}
