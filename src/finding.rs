//! A mistake of an operator, with the way to mend it. Knows nothing of what is wrong.

use std::fmt;

/// A mistake an operator can mend: what is wrong and where, and how to mend it.
///
/// Shown as `what: remedy` on one line; `check`, start and commands use the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and where: it begins with the file and the line if there is one.
    pub what: String,
    /// What to do about it, as an imperative.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

impl std::error::Error for Finding {}
