//! Refusals as real servers word them.

use super::*;

#[track_caller]
fn all_mean(meaning: Why, lines: &[&str]) {
    for line in lines {
        assert_eq!(Why::of(line, &UserName::parse("frated@example.org").unwrap()), meaning, "{line}");
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
        Why::CredentialsOrTls,
        &[
            "[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", // Dovecot
            "[AUTH] USER command only available under a layer",                                // Cyrus
        ],
    );
}

#[test]
fn words_that_say_so_are_a_wrong_password() {
    all_mean(
        Why::Credentials,
        &[
            "Authentication failed (bad password?)",             // popa3d
            "Password supplied for \"anna\" is incorrect.",      // qpopper without codes
            "Invalid user name or password.",                    // hMailServer
            "Logon failure: unknown user name or bad password.", // Exchange
            "incorrect password or account name",                // CommuniGate
            "invalid username/password",                         // Zimbra
            "Invalid login or password",                         // nginx
            "invalid password",                                  // RFC 1939
            "Invalid password, please try again",
            "the server says: wrong password",
        ],
    );
    all_mean(
        Why::Wrong,
        &[
            "Login failed.",                     // Courier
            "Bad login",                         // UW
            "Bad authentication",                // UW
            "authorization failed",              // qmail, vpopmail
            "authentication failed",             // solid-pop3d
            "Invalid login",                     // Cyrus without codes
            "Invalid auth or access denied",     // XMail
            "sorry, no mailbox for frated here", // RFC 1939
            "never heard of mailbox name",       // RFC 1939
            "Unable to log on",
            "Permission denied",
            "denied",
            "access denied",
            "login denied",
            "wrong",
            "incorrect",
            "login incorrect",
            "not accepted",
            "unknown user",
            "unknown user slater",
            "no such user as sherlock",
            "user does not exist",
            "Mailbox doesn't exist",
            "Invalid mailbox",
            "not authorized",
            "User not authorised.",
            "Unauthorized",
            "Login error",
            "Logon attempt failed",
            "Sign-in failed",
            "bad pass",
            "PASS failed",
            "Authentication required",
            "Logon error (frated)",
            "mailbox does not exist",
            "Server: authentication failed",
            "Authentication failed on server mail01",
            "authentication failed on server pop.example.org",
            "Login denied on server [pop.example.org].",
            "[server1.example.org] login failed",
        ],
    );
}

#[test]
fn a_bare_no_says_nothing_more_than_that() {
    all_mean(
        Why::Bare,
        &["no", "No.", "bad", "Invalid", "rejected", "-- refused --", "failed", "no, frated"],
    );
    all_mean(Why::Other, &["", "error", "no more", "go away", "[mailssl.example.org] go away", "not today"]);
}

#[test]
fn the_name_of_a_user_and_what_is_quoted_say_nothing() {
    for name in ["later", "busy@tls.org", "Lock", "o'server@a.org", "user", "quota+disk@b.org"] {
        let user = UserName::parse(name).unwrap();
        for shown in [name, name.split('@').next().unwrap()] {
            for line in ["login failed for SHOWN", "no such user (SHOWN)", "unknown user: <SHOWN>."] {
                let line = line.replace("SHOWN", shown);
                assert_eq!(Why::of(&line, &user), Why::Wrong, "{line}");
            }
        }
    }
    all_mean(Why::Wrong, &["login failed for \"disk of the server\"", "\"login failed\""]);
    all_mean(Why::Other, &["frated", "\""]);
}

#[test]
fn everything_else_is_a_session_that_holds_it_or_a_fault() {
    all_mean(
        Why::InUse,
        &[
            "maildrop already locked",                                  // RFC 1939
            "Unable to lock maildrop: Mailbox is locked by POP server", // Cyrus
            "Can't get lock.  Mailbox in use",                          // UW
            "Your mailbox is already locked",                           // hMailServer
            "Maildrop lock busy!  Is another session active?",          // qpopper
            "Maildrop already locked for user frated",
            "mailbox for this account is locked",
            "this account is locked by another session",
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
            "internal server error",                     // nginx
            "Password database is not available",
            "Authentication failed: LDAP server does not respond",
            "Too many wrong passwords",
            "[LIMIT] wrong password, but that is not the point",
            "Unable to log on: the service is unavailable",
            "Login rejected: overloaded",
            "No: timeout",
            "authorization error: internal",
        ],
    );
    all_mean(
        Why::Fault,
        &[
            "Could not connect to server", // perdition
            "login failed: account is disabled",
            "User account locked",
            "login failed: account frated is locked",
            "your account has already been locked",
            "your password has expired",
            "something went wrong",
            "login failed, try again later",
            "Authentication failed, please try again later",
            "Login failed: server error",
            "Authentication failed, the LDA server is down",
            "login failed: authentication server not reachable",
            "Unable to open maildrop: Permission denied",
            "Login error: unexpected EOF",
            "auth error: no such process",
        ],
    );
    all_mean(Why::NeedsTls, &["TLS required to log in", "must use SSL", "Plaintext login disabled"]);
}

#[test]
fn what_is_said_of_a_server_is_a_fault() {
    all_mean(
        Why::Fault,
        &[
            "Authentication failed: server offline",
            "Authentication failed: Server gone away",
            "Authentication failed: server not found",
            "Login failed: mail server offline",
            "Login failed: remote server refused",
            "Authentication failed: invalid response from server",
            "Auth failed: no reply from server",
            "server out of memory, login failed",
            "Access denied: server is full",
            "password server is not running",
            "Server: offline, login failed",
            "Login failed on server failure",
            "Login failed on server mail01: gone",
            "Unable to log on: server not found",
        ],
    );
}
