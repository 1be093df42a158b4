//! Numbers in what an operator reads. Knows no sentence.

/// `1 message`, `0 messages`, `2 mailboxes`.
pub fn counted(count: usize, noun: &str) -> String {
    let many = if noun.ends_with('x') { "es" } else { "s" };
    format!("{count} {noun}{}", of_number(count, "", many))
}

/// The one of two forms that goes with so many: `of_number(count, "is", "are")`.
pub fn of_number<T>(count: usize, one: T, many: T) -> T {
    if count == 1 { one } else { many }
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
