//! Which mailbox of which old server mail comes from.
//!
//! A unique-id names a message within one mailbox. Mail of two old mailboxes may come to one account here,
//! and then the same unique-id may stand for two messages. Knows no ledger.

use crate::maildrop::name;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Hex digits of a tag.
const DIGITS: usize = 15;

/// Where mail comes from: the same at every run of the same import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Provenance {
    /// There is but one mailbox that it could be: its unique-ids are believed. Not for anything that lists mail:
    /// what is called like mail of another mailbox would never come over.
    #[default]
    Sole,
    /// Files, by their path.
    Files(PathBuf),
    /// A user of a server on the wire.
    Wire {
        /// The name that logs in there.
        user: String,
        /// The server.
        host: String,
        /// Its port, where one was named.
        port: Option<u16>,
    },
    /// What a server on the wire has for one account here, whichever of its names the user types.
    Behind {
        /// The server.
        host: String,
        /// Its port, where one was named.
        port: Option<u16>,
    },
}

impl Provenance {
    /// Files, however the path to them is written.
    pub fn of_files(path: &Path) -> Self {
        Self::Files(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    /// Of somebody who has proved to be the account's owner: another name is no other mailbox.
    #[must_use]
    pub fn whoever_asks(self) -> Self {
        match self {
            Self::Wire { host, port, .. } => Self::Behind { host, port },
            other => other,
        }
    }

    /// As the ledger notes it; `None` where there is nothing to tell apart.
    pub fn tag(&self) -> Option<Tag> {
        let tag = |kind: char, octets: &[u8]| {
            let mut tag = format!("{kind}{}", name::sha256_hex(octets));
            tag.truncate(1 + DIGITS);
            Some(Tag(tag))
        };
        match self {
            Self::Sole => None,
            Self::Files(path) => tag('f', path.as_os_str().as_bytes()),
            Self::Wire { user, host, port } => {
                tag('w', format!("{user} at {} {port:?}", host.to_lowercase()).as_bytes())
            }
            Self::Behind { host, port } => tag('b', format!("{} {port:?}", host.to_lowercase()).as_bytes()),
        }
    }
}

/// A [`Provenance`] in sixteen letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// As it is noted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the ledger notes it of a message.
    pub fn is_among(&self, noted: &[String]) -> bool {
        noted.contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(user: &str, host: &str, port: Option<u16>) -> Tag {
        Provenance::Wire { user: user.to_owned(), host: host.to_owned(), port }.tag().unwrap()
    }

    #[test]
    fn a_user_of_a_server_is_known_by_name_host_and_port() {
        let here = wire("anna", "pop.example.org", Some(110));
        assert_eq!(here, wire("anna", "POP.example.org", Some(110)));
        assert_ne!(here, wire("anna", "pop.example.org", None));
        assert_ne!(here, wire("carl", "pop.example.org", Some(110)));
        assert_ne!(here, wire("anna", "pop.example.com", Some(110)));
        assert_eq!(here.as_str().len(), 16);
        assert!(here.is_among(&["f".to_owned(), here.as_str().to_owned()]) && !here.is_among(&[]));
    }

    #[test]
    fn who_is_the_owner_may_type_any_name() {
        let typed = |user: &str, port| {
            let wire = Provenance::Wire { user: user.to_owned(), host: "pop.example.org".to_owned(), port };
            wire.whoever_asks().tag().unwrap()
        };
        let anna = typed("anna", Some(110));
        assert_eq!(anna, typed("anna@example.org", Some(110)));
        assert_ne!(anna, typed("anna", Some(1110)), "a tunnel may lead anywhere");
        assert_ne!(anna, wire("anna", "pop.example.org", Some(110)));
        let files = Provenance::Files("/anna".into());
        assert_eq!(files.clone().whoever_asks(), files);
    }

    #[test]
    fn files_are_known_by_where_they_lie() {
        let dir = tempfile::tempdir().unwrap();
        let tag = |path: &Path| Provenance::of_files(path).tag().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        assert_eq!(tag(&dir.path().join("a")), tag(&dir.path().join("a/../a/")));
        assert_ne!(tag(&dir.path().join("a")), tag(dir.path()));
        assert_eq!(Provenance::Sole.tag(), None);
    }
}
