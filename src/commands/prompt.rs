//! How a command gets a password: prompted for twice on a terminal, or one line of standard input.
//!
//! Never from the command line, where every user of the machine could read it.

use crate::finding::Finding;
use crate::limits;
use crate::mail::Password;
use std::io::{self, BufRead, IsTerminal};

/// Asks for a new password.
///
/// # Errors
/// A finding for an empty or unusable password, two that differ, and no terminal to ask on.
pub fn new_password(password_stdin: bool) -> Result<Password, Finding> {
    password(password_stdin, || {
        let typed = ask("Password: ")?;
        if typed != ask("Again: ")? {
            return Err(finding("the two passwords differ", "run the command again"));
        }
        Ok(typed)
    })
}

/// Asks once for a password that is known elsewhere.
///
/// # Errors
/// As [`new_password`].
pub fn old_password(password_stdin: bool, user: &str) -> Result<Password, Finding> {
    password(password_stdin, || ask(&format!("Password of {user} at the old server: ")))
}

/// The line on standard input, or what is typed.
fn password(
    password_stdin: bool,
    typed: impl FnOnce() -> Result<String, Finding>,
) -> Result<Password, Finding> {
    if password_stdin {
        return from_line(io::stdin().lock());
    }
    if !io::stdin().is_terminal() {
        return Err(finding(
            "there is no terminal to ask for the password on",
            "write it to standard input as one line, with --password-stdin",
        ));
    }
    checked(typed()?.into_bytes())
}

fn ask(prompt: &str) -> Result<String, Finding> {
    rpassword::prompt_password(prompt).map_err(|error| {
        finding(
            &format!("the password could not be read from the terminal: {error}"),
            "run the command again, or use --password-stdin",
        )
    })
}

/// The first line, without its line end (LF or CR LF). Blanks belong to the password, and octets
/// that are no UTF-8 do too. What comes behind the line is not waited for: whoever writes it may keep
/// the pipe open.
fn from_line(input: impl BufRead) -> Result<Password, Finding> {
    let mut octets = Vec::new();
    // A line end and one octet more than a password may have: enough to see that it is too long.
    let enough = limits::PASSWORD_MAX as u64 + 3;
    input.take(enough).read_until(b'\n', &mut octets).map_err(|error| {
        finding(
            &format!("the password could not be read from standard input: {error}"),
            "write it there as one line",
        )
    })?;
    if octets.pop_if(|last| *last == b'\n').is_some() {
        octets.pop_if(|last| *last == b'\r');
    }
    checked(octets)
}

fn checked(octets: Vec<u8>) -> Result<Password, Finding> {
    if octets.is_empty() {
        return Err(finding("the password is empty", "give one of at least one character"));
    }
    Password::new(octets).ok_or_else(|| {
        finding(
            &format!(
                "the password is longer than {} octets or has a line end or NUL in it",
                limits::PASSWORD_MAX
            ),
            "take one that a mail program can send",
        )
    })
}

fn finding(what: &str, remedy: &str) -> Finding {
    Finding { what: what.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    #[test]
    fn one_line_is_the_password_and_only_its_line_end_goes() {
        for (input, password) in [
            (&b"secret\n"[..], &b"secret"[..]),
            (b"secret\r\n", b"secret"),
            (b"secret", b"secret"),
            (b" two words \n", b" two words "),
            (b"first\nsecond\n", b"first"),
            (b"first\r\nsecond", b"first"),
            (b"\xe9t\xe9\n", b"\xe9t\xe9"),
            ("gr\u{fc}n\n".as_bytes(), "gr\u{fc}n".as_bytes()),
        ] {
            assert_eq!(from_line(input).unwrap().expose(), password, "{input:?}");
        }
    }

    /// Gives one line; whoever reads on would wait for ever.
    struct OpenPipe(Option<&'static [u8]>);

    impl Read for OpenPipe {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.take().expect("read behind the line").read(into)
        }
    }

    #[test]
    fn nothing_is_waited_for_behind_the_line() {
        let pipe = BufReader::new(OpenPipe(Some(b"secret\n")));
        assert_eq!(from_line(pipe).unwrap().expose(), b"secret");
    }

    #[test]
    fn an_empty_password_is_told_apart() {
        for input in [&b""[..], b"\n", b"\r\n", b"\nsecond\n"] {
            assert!(from_line(input).unwrap_err().what.contains("empty"), "{input:?}");
        }
    }

    #[test]
    fn what_no_mail_program_could_send_is_refused_and_not_shown() {
        let longest = vec![b'x'; limits::PASSWORD_MAX];
        assert!(from_line(&[&longest[..], b"\r\n"].concat()[..]).is_ok());
        for input in
            [&[&longest[..], b"x\n"].concat()[..], &vec![b'x'; 100_000], b"hun\0ter2\n", b"hun\rter2\n"]
        {
            let error = from_line(input).unwrap_err().to_string();
            assert!(!error.contains("hun") && !error.contains("xx"), "{error}");
        }
    }
}
