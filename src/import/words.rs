//! What is said to an operator in more than one place, always in the same words.

use super::source::Error;
use std::fmt::Display;
use std::path::Path;

/// `1 message`, `0 messages`, `2 mailboxes`.
pub fn counted(count: usize, noun: &str) -> String {
    let many = if noun.ends_with('x') { "es" } else { "s" };
    format!("{count} {noun}{}", of_number(count, "", many))
}

/// The one of two forms that goes with so many: `of_number(count, "is", "are")`.
pub fn of_number<T>(count: usize, one: T, many: T) -> T {
    if count == 1 { one } else { many }
}

/// Of a file or a folder that was named.
pub fn cannot_be_read(file: &Path, why: impl Display) -> String {
    format!("{} cannot be read: {why}", file.display())
}

/// The question that only the operator can answer: which of `servers`, of which the last is `plain`, has shown
/// the mail in `mailbox`. `why` nothing there tells it.
pub fn which_server(mailbox: &Path, why: &str, servers: &[&str]) -> Error {
    Error::Ask {
        what: format!("{}: which server showed this mail? {why}", mailbox.display()),
        remedy: format!(
            "say it with --server {}; plain is for mail that no mail program has to recognise: a wrong one makes \
             each of them download everything again",
            servers.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "message")),
            ["0 messages", "1 message", "2 messages"]
        );
        assert_eq!(counted(2, "mailbox"), "2 mailboxes");
        assert_eq!([0, 1, 2].map(|count| of_number(count, "is", "are")), ["are", "is", "are"]);
    }
}
