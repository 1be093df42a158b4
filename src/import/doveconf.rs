//! What `doveconf -n` prints of an old server, as far as it decides how its mail is moved.
//!
//! Up to 2.3 (`mail_location`) and 2.4 (`mail_driver`, `mail_path`). Knows no mailbox and no user: places
//! are templates here.

use super::source::Error;
use super::uidl_format::UidlFormat;
use super::words::cannot_be_read;
use crate::limits;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The settings that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doveconf {
    /// Where mail lies, in the way of 2.3 whatever the version: `maildir:/var/vmail/%d/%n:CONTROL=/x/%u`.
    pub mail_location: Option<String>,
    /// `pop3_uidl_format`.
    pub uidl_format: Option<UidlFormat>,
    /// `pop3_reuse_xuidl`.
    pub reuse_xuidl: bool,
    /// `pop3_uidl_duplicates = rename`.
    pub rename_duplicates: bool,
    /// `mbox_md5`: `apop3d` or `all`.
    pub mbox_md5: Option<String>,
}

/// Where mail lies, in the way of 2.4.
#[derive(Default)]
struct Places {
    driver: Option<String>,
    path: Option<String>,
    inbox: Option<String>,
    control: Option<String>,
}

/// The blocks around a line; each setting counts only in some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// `protocol pop3 {`: counts, and after what stands outside.
    Pop3,
    /// `namespace inbox {`: may name the mail's place.
    Namespace,
    Other,
}

impl Doveconf {
    /// Reads a file that holds what `doveconf -n` printed.
    ///
    /// # Errors
    /// [`Error::Source`] when it cannot be read or holds something else; [`Error::Ask`] for a format that
    /// is not known.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read(path).map_err(|error| Error::Source {
            what: cannot_be_read(path, error),
            remedy: "name a file with the output of `doveconf -n`".to_owned(),
        })?;
        Self::parse(&text, path)
    }

    /// The same for a text; `path` is for messages.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let (mut found, mut places) = (Self::default(), Places::default());
        let mut settings = 0;
        each_setting(text, |blocks, key, value| {
            settings += 1;
            found.take(blocks, key, value)?;
            places.take(blocks, key, value);
            Ok(())
        })?;
        if settings == 0 || text.lines().any(|line| line.trim_start().starts_with("!include")) {
            return Err(Error::Source {
                what: format!("{}: it is not the output of `doveconf -n`", path.display()),
                remedy: "run `doveconf -n > FILE` on the old server and name that FILE".to_owned(),
            });
        }
        found.mail_location = found.mail_location.or_else(|| places.location());
        Ok(found)
    }

    fn take(&mut self, blocks: &[Block], key: &str, value: &str) -> Result<(), Error> {
        match (blocks, key) {
            ([] | [Block::Pop3], "pop3_uidl_format") => self.uidl_format = Some(UidlFormat::parse(value)?),
            ([] | [Block::Pop3], "pop3_reuse_xuidl") => self.reuse_xuidl = is_yes(value),
            ([] | [Block::Pop3], "pop3_uidl_duplicates") => self.rename_duplicates = value == "rename",
            ([] | [Block::Pop3], "mbox_md5") => self.mbox_md5 = Some(value.to_owned()),
            ([] | [Block::Pop3], "mail_location") | ([Block::Namespace], "location") if !value.is_empty() => {
                self.mail_location = Some(value.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Places {
    fn take(&mut self, blocks: &[Block], key: &str, value: &str) {
        if !matches!(blocks, [] | [Block::Pop3 | Block::Namespace]) || value.is_empty() {
            return;
        }
        match key {
            "mail_driver" => self.driver = Some(value.to_owned()),
            "mail_path" => self.path = Some(in_short(value)),
            "mail_inbox_path" => self.inbox = Some(in_short(value)),
            "mail_control_path" => self.control = Some(in_short(value)),
            _ => {}
        }
    }

    fn location(&self) -> Option<String> {
        let mut location = format!("{}:{}", self.driver.as_ref()?, self.path.as_ref()?);
        for (key, place) in [("INBOX", &self.inbox), ("CONTROL", &self.control)] {
            if let Some(place) = place {
                location.push_str(&format!(":{key}={place}"));
            }
        }
        Some(location)
    }
}

/// Calls `setting` with the blocks, the key and the value of each line that has some. Of namespaces, only
/// the inbox's counts.
fn each_setting(
    text: &str,
    mut setting: impl FnMut(&[Block], &str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut blocks = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line == "}" {
            blocks.pop();
        } else if let Some(head) = line.strip_suffix('{') {
            blocks.push(block(head.trim()));
        } else if let Some((key, value)) = line.split_once('=') {
            setting(&blocks, key.trim(), unquoted(value.trim()))?;
        }
    }
    Ok(())
}

fn block(head: &str) -> Block {
    let mut words = head.split_whitespace();
    match (words.next(), words.next()) {
        (Some("protocol"), Some("pop3")) => Block::Pop3,
        (Some("namespace"), Some("inbox")) => Block::Namespace,
        _ => Block::Other,
    }
}

/// doveconf puts a value with blanks at its ends into quotes.
fn unquoted(value: &str) -> &str {
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inside.unwrap_or(value)
}

fn is_yes(value: &str) -> bool {
    matches!(value, "yes" | "y" | "1" | "true")
}

/// `%{user | domain}` is `%d`: the variables of 2.4 in the way of 2.3.
fn in_short(path: &str) -> String {
    let mut short = String::new();
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once("%{") {
        let Some((inside, after)) = behind.split_once('}') else { break };
        short.push_str(before);
        match short_name(inside) {
            Some(name) => short.push_str(&name),
            None => short.push_str(&format!("%{{{inside}}}")),
        }
        rest = after;
    }
    short + rest
}

fn short_name(inside: &str) -> Option<String> {
    let mut words: Vec<&str> = inside.split('|').map(str::trim).collect();
    let lower = if words.contains(&"lower") { "L" } else { "" };
    words.retain(|word| *word != "lower");
    let letter = match words.as_slice() {
        ["user"] => 'u',
        ["user", "username"] => 'n',
        ["user", "domain"] => 'd',
        ["home"] => 'h',
        _ => return None,
    };
    Some(format!("%{lower}{letter}"))
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(limits::CONFIG_FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
