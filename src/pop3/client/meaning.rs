//! What `-ERR` means to whoever asked: the response code where there is one (RFC 2449, 8), and the server's words
//! where there is none.
//!
//! The words decide between "try again later" and "wrong password", and a mail program that is told the latter
//! throws its password away. So what speaks of a fault goes before everything but a plain word about the
//! password, and words that nobody knows are no wrong password. A bare `no` is one, in answer to a password: that is
//! what `-ERR` says there (RFC 1939, 7), and who has a fault to tell of tells of it.

use crate::mail::UserName;

/// What `-ERR` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Another session has the maildrop, or the last one was a moment ago (RFC 2449, 8.1).
    InUse,
    /// `[SYS/TEMP]`, `[SYS/PERM]` (RFC 3206, 4), or plain words for a fault: it says nothing about the password,
    /// so it must not count as a wrong one, or a sick old server would have all of an office banned here.
    Temporary,
    /// It wants TLS first.
    NeedsTls,
    /// `[AUTH]` (RFC 3206, 5) from a server that may want TLS first.
    CredentialsOrTls,
    /// `[AUTH]`, or a plain word: name or password are wrong.
    Credentials,
    /// Its words, without a code, say the same.
    Wrong,
    /// It says no in one word, which is nothing but what `-ERR` has said.
    Bare,
    /// Its words, without a code, may speak of a fault, or not.
    Fault,
    /// Nothing that could be told.
    Other,
}

// Phrases of whole words, in lower case and without apostrophes; `*` stands for the rest of a word.

/// Cyrus: `USER command only available under a layer`.
const NEEDS_TLS: [&str; 13] = [
    "plaintext",
    "plain text",
    "cleartext",
    "clear text",
    "starttls",
    "encrypt*",
    "unencrypted",
    "under a layer",
    "tls",
    "ssl",
    "stls",
    "secure",
    "insecure",
];
const IN_USE: [&str; 6] = ["in use", "busy", "already", "being used", "another session", "lock*"];
/// The server's own faults: nobody's password was judged, whatever is said of it beside.
const FAULTS: [&str; 31] = [
    "temporar*",
    "unavailable",
    "not available",
    "internal",
    "too many",
    "too often",
    "too fast",
    "frequen*",
    "limit*",
    "exceed*",
    "maximum",
    "quota",
    "database",
    "db",
    "backend",
    "ldap*",
    "sql*",
    "mysql*",
    "socket",
    "daemon",
    "timeout",
    "timed out",
    "time out",
    "respond*",
    "crash*",
    "disk*",
    "no such file",
    "maildir",
    "maintenance",
    "overload*",
    "shut*",
];
const PASSWORD: [&str; 5] = ["password", "passwd", "passphrase", "credential", "credentials"];
const IS_WRONG: [&str; 6] = ["incorrect", "invalid", "wrong", "bad", "mismatch", "not match"];
/// Windows' servers: `Unable to log on`. It is no maildrop that they are unable to open.
const NO_LOGIN: [&str; 5] =
    ["unable to log on", "unable to logon", "unable to log in", "unable to login", "unable to authenticate"];
/// What goes with a fault mostly, and with a wrong password now and then.
const MAYBE_FAULTS: [&str; 34] = [
    "try again",
    "later",
    "disconnect*",
    "connect*",
    "unreachable",
    "not reachable",
    "down",
    "system",
    "service*",
    "server",
    "servers",
    "offline",
    "gone away",
    "memory",
    "not running",
    "no reply",
    "no response",
    "eof",
    "no such process",
    "retry*",
    "cant",
    "cannot",
    "could not",
    "couldnt",
    "unable",
    // An account that is shut is no wrong password: it may be opened again.
    "disabled",
    "suspended",
    "expired",
    "inactive",
    "blocked",
    "banned",
    "not allowed",
    "not enabled",
    "went wrong",
];
/// Whatever else is said beside it: it is about the password, the user or the right to come in.
const WRONG: [&str; 76] = [
    "password*",
    "passwd",
    "bad pass*",
    "invalid pass*",
    "pass fail*",
    "pass invalid",
    "pass reject*",
    "pass refused",
    "credential*",
    "authentication fail*",
    "authentication attempt fail*",
    "authentication was not",
    "authentication reject*",
    "authentication refused",
    "authentication required",
    "authentication unsuccessful",
    "bad authentication",
    "invalid authentication",
    "not authenticated",
    "auth fail*",
    "auth reject*",
    "auth required",
    "bad auth",
    "invalid auth",
    "authorization fail*",
    "authorization required",
    "authorisation fail*",
    "authorisation required",
    "not authorized",
    "not authorised",
    "unauthorized",
    "unauthorised",
    "login fail*",
    "login attempt fail*",
    "login invalid",
    "login refused",
    "login reject*",
    "login unsuccessful",
    "bad login",
    "invalid login",
    "logon fail*",
    "logon attempt fail*",
    "invalid logon",
    "sign in fail*",
    "signin fail*",
    "bad user*",
    "invalid user*",
    "invalid mailbox",
    "invalid account",
    "unknown user*",
    "user unknown",
    "unknown name",
    "unknown mailbox",
    "mailbox unknown",
    "unknown account",
    "account unknown",
    "no such user",
    "no such mailbox",
    "no such account",
    "user does not exist",
    "user doesnt exist",
    "mailbox does not exist",
    "mailbox doesnt exist",
    "account does not exist",
    "account doesnt exist",
    "user not found",
    "account not found",
    "mailbox not found",
    // RFC 1939, 7: `sorry, no mailbox for frated here`, `never heard of mailbox name`.
    "no mailbox",
    "never heard",
    "denied",
    "wrong",
    "incorrect",
    "not accepted",
    "not recognized",
    "not recognised",
];
/// The same where nothing follows: what follows is the error, and it may be anything.
const WRONG_AT_THE_END: [&str; 9] = [
    "pass error",
    "authentication error",
    "auth error",
    "authorization error",
    "authorisation error",
    "login error",
    "logon error",
    "sign in error",
    "signin error",
];
/// What `-ERR` says without them. An `error` may be anything.
const BARE: [&str; 6] = ["no", "bad", "invalid", "rejected", "refused", "failed"];

impl Why {
    /// Of what stands behind `-ERR`, said to a login of that user.
    pub(super) fn of(words: &str, user: &UserName) -> Self {
        let text = words.to_lowercase();
        Self::of_code(&text).unwrap_or_else(|| Self::of_words(&text, user))
    }

    /// By the response code, which stands first.
    fn of_code(text: &str) -> Option<Self> {
        let (code, words) = text.strip_prefix('[')?.split_once(']')?;
        match code.trim() {
            "in-use" | "login-delay" => Some(Self::InUse),
            "sys/temp" | "sys/perm" => Some(Self::Temporary),
            // Dovecot says `[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) …`.
            "auth" if says(&phrase(words, &[]), &NEEDS_TLS) => Some(Self::CredentialsOrTls),
            "auth" => Some(Self::Credentials),
            _ => None,
        }
    }

    /// Who is called Busy is not in use: the name and what is quoted is passed over, unless nothing is left
    /// that means anything.
    fn of_words(text: &str, user: &UserName) -> Self {
        let text = unsigned(text);
        let user = user.as_str().to_lowercase();
        let local_part = user.rsplit_once('@').map_or(&*user, |(local_part, _)| local_part);
        let unquoted: Vec<&str> = text.split('"').step_by(2).collect();
        match Self::of_phrase(&phrase(&unquoted.join(" "), &[&user, local_part])) {
            Self::Other => Self::of_phrase(&phrase(text, &[])),
            why => why,
        }
    }

    fn of_phrase(text: &str) -> Self {
        let says = |phrases: &[&str]| says(text, phrases);
        // `Unable to log on` is no fault in itself, as other things are that it is unable to do.
        let besides = NO_LOGIN.iter().fold(text.to_owned(), |text, words| text.replace(words, ""));
        if is_shut(text) {
            Self::Fault
        } else if says(&FAULTS) {
            Self::Temporary
        } else if says(&PASSWORD) && says(&IS_WRONG) {
            Self::Credentials
        } else if says(&NEEDS_TLS) {
            Self::NeedsTls
        } else if says(&IN_USE) {
            Self::InUse
        } else if self::says(&besides, &MAYBE_FAULTS) {
            Self::Fault
        } else if says(&NO_LOGIN) || says(&WRONG) || ends_with(text, &WRONG_AT_THE_END) {
            Self::Wrong
        } else if BARE.contains(&text.trim()) {
            Self::Bare
        } else {
            Self::Other
        }
    }
}

/// Without the name that a server signs with, which tells of no fault: `Server: authentication failed`,
/// `Authentication failed on server pop.example.org`.
fn unsigned(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("server:").unwrap_or(text);
    let mut last = text.rsplitn(4, char::is_whitespace);
    // `on server failure` names no server.
    let is_name = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric()).contains(|c: char| c == '.' || c.is_ascii_digit())
    };
    match (last.next(), last.next(), last.next(), last.next()) {
        (Some(name), Some("server"), Some("on"), Some(rest)) if is_name(name) => rest,
        _ => text,
    }
}

/// `Account locked` is no session, unless it is one by which it is locked; and a mailbox is locked by nothing else.
fn is_shut(phrase: &str) -> bool {
    if says(phrase, &["by", "mailbox*", "maildrop*"]) {
        return false;
    }
    let mut before = phrase.split_once(" locked ").map_or("", |(before, _)| before).split(' ').rev();
    let last = before.find(|word| !["is", "has", "been", "already", "currently", "now"].contains(word));
    last.is_some_and(|word| ["account", "user"].contains(&word))
}

/// The words alone, one blank before each and one behind the last; without those that are one of `names`.
fn phrase(text: &str, names: &[&str]) -> String {
    let mut phrase = " ".to_owned();
    let text = text.replace(['\'', '`', '\u{2019}'], "");
    for chunk in text.split_whitespace().filter(|chunk| !names.iter().any(|name| is(chunk, name))) {
        // With its dots, `[mailssl.example.org]` is a name and says nothing about TLS.
        for word in chunk.split(|c: char| !(c.is_alphanumeric() || c == '.')) {
            let word = word.trim_matches('.');
            if !word.is_empty() {
                phrase.push_str(word);
                phrase.push(' ');
            }
        }
    }
    phrase
}

fn is(chunk: &str, name: &str) -> bool {
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).replace('\'', "");
    bare(chunk) == bare(name)
}

fn says(phrase: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|words| match words.strip_suffix('*') {
        Some(start) => phrase.contains(&format!(" {start}")),
        None => phrase.contains(&format!(" {words} ")),
    })
}

fn ends_with(phrase: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|words| phrase.ends_with(&format!(" {words} ")))
}

#[cfg(test)]
mod tests;
