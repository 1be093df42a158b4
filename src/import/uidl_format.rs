//! Dovecot's `pop3_uidl_format`: read once, then filled in for each message.
//!
//! Both ways of writing it: `%08Xu%08Xv` (up to 2.3) and `%{uid | hex(8)}%{uidvalidity | hex(8)}` (2.4).
//! What is not known is refused by name: a unique-id that is nearly right makes a mail program
//! download everything again. Knows no file and no message.

mod filter;
mod parse;

use super::source::Error;
use filter::Filter;

/// What Dovecot uses when nothing is configured; 2.4 says the same in its own words.
pub const DEFAULT: &str = "%08Xu%08Xv";

/// A `pop3_uidl_format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidlFormat(Vec<Part>);

/// What a format may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `%u`, `%{uid}`: the message's IMAP UID.
    Uid,
    /// `%v`, `%{uidvalidity}`: the mailbox's UIDVALIDITY.
    UidValidity,
    /// `%f`, `%{filename}`: the name in a Maildir, up to its flags.
    FileName,
    /// `%g`, `%{guid}`: `G` of dovecot-uidlist, else the name.
    Guid,
    /// `%m`, `%{md5}`: of a message's header in an mbox, as hex digits.
    Md5,
}

/// The values for one message. What the format does not ask for may be left empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variables<'a> {
    /// See [`Variable::Uid`].
    pub uid: u32,
    /// See [`Variable::UidValidity`].
    pub uid_validity: u32,
    /// See [`Variable::FileName`].
    pub file_name: &'a [u8],
    /// See [`Variable::Guid`].
    pub guid: &'a [u8],
    /// See [`Variable::Md5`].
    pub md5: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(u8),
    Value(Variable, Vec<Filter>),
}

impl UidlFormat {
    /// Reads a format in either way of writing.
    ///
    /// # Errors
    /// [`Error::Ask`] with what is not known in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let asks = |what: String| Error::Ask {
            what: format!("pop3_uidl_format `{text}`: {what}"),
            remedy: "take the value of pop3_uidl_format as `doveconf -n` prints it, or its default \
                     `%08Xu%08Xv`"
                .to_owned(),
        };
        let parts = parse::parts(text).map_err(asks)?;
        if !parts.iter().any(|part| matches!(part, Part::Value(..))) {
            return Err(asks("it has no variable, so all messages would be the same".to_owned()));
        }
        Ok(Self(parts))
    }

    /// Whether a variable stands in it.
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value(used, _) if *used == variable))
    }

    /// The unique-id that Dovecot shows. May be empty, or no line at all, if the values are.
    pub fn fill_in(&self, values: &Variables) -> Vec<u8> {
        let mut id = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(octet) => id.push(*octet),
                Part::Value(variable, filters) => id.extend(value(*variable, filters, values)),
            }
        }
        id
    }
}

impl Default for UidlFormat {
    fn default() -> Self {
        let zero_padded_hex = || vec![Filter::Hex, Filter::PadLeft(8, b'0')];
        Self(vec![
            Part::Value(Variable::Uid, zero_padded_hex()),
            Part::Value(Variable::UidValidity, zero_padded_hex()),
        ])
    }
}

fn value(variable: Variable, filters: &[Filter], values: &Variables) -> Vec<u8> {
    let start = match variable {
        Variable::Uid => values.uid.to_string().into_bytes(),
        Variable::UidValidity => values.uid_validity.to_string().into_bytes(),
        Variable::FileName => values.file_name.to_vec(),
        Variable::Guid => values.guid.to_vec(),
        Variable::Md5 => values.md5.to_vec(),
    };
    filters.iter().fold(start, |value, filter| filter.apply(value))
}

#[cfg(test)]
mod tests;
