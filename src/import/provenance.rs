//! Which mailbox of which old server mail comes from.
//!
//! A unique-id names a message within one mailbox. Mail of two old mailboxes may come to one account here,
//! and then the same unique-id may stand for two messages. Knows no ledger.

use crate::maildrop::name;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Hex digits that stand for files.
const FILES_LEN: usize = 15;
/// Hex digits that stand for a user of a server.
const USER_LEN: usize = 9;
/// Hex digits that stand for the port.
const PORT_LEN: usize = 6;

/// Where mail comes from: the same at every run of the same import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Provenance {
    /// There is but one mailbox that it could be: its unique-ids are believed.
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
}

impl Provenance {
    /// Files, however the path to them is written.
    pub fn of_files(path: &Path) -> Self {
        Self::Files(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    /// As the ledger notes it; `None` where there is nothing to tell apart.
    pub fn tag(&self) -> Option<Tag> {
        let hash = |octets: &[u8], digits: usize| {
            let mut hash = name::sha256_hex(octets);
            hash.truncate(digits);
            hash
        };
        match self {
            Self::Sole => None,
            Self::Files(path) => Some(Tag(format!("f{}", hash(path.as_os_str().as_bytes(), FILES_LEN)))),
            Self::Wire { user, host, port } => {
                let user = hash(format!("{user} at {}", host.to_lowercase()).as_bytes(), USER_LEN);
                let port = hash(format!("{port:?}").as_bytes(), PORT_LEN);
                Some(Tag(format!("w{user}{port}")))
            }
        }
    }
}

/// A [`Provenance`] in sixteen letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// One from the ledger.
    pub fn noted(tag: &str) -> Self {
        Self(tag.to_owned())
    }

    /// As it is noted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for files, in which each message can be looked at for nothing.
    pub fn is_files(&self) -> bool {
        self.0.starts_with('f')
    }

    /// The same user of the same host on the wire, though at another port.
    pub fn is_same_user(&self, other: &Self) -> bool {
        let user =
            |tag: &Self| tag.0.strip_prefix('w').and_then(|rest| rest.get(..USER_LEN).map(str::to_owned));
        user(self).is_some() && user(self) == user(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(user: &str, host: &str, port: Option<u16>) -> Tag {
        Provenance::Wire { user: user.to_owned(), host: host.to_owned(), port }.tag().unwrap()
    }

    #[test]
    fn a_port_is_told_from_a_user() {
        let here = wire("anna", "pop.example.org", Some(110));
        assert_eq!(here, wire("anna", "POP.example.org", Some(110)));
        assert_ne!(here, wire("anna", "pop.example.org", None));
        assert!(here.is_same_user(&wire("anna", "pop.example.org", None)));
        assert!(!here.is_same_user(&wire("carl", "pop.example.org", Some(110))));
        assert!(!here.is_same_user(&wire("anna", "pop.example.com", Some(110))));
    }

    #[test]
    fn files_are_known_by_where_they_lie() {
        let dir = tempfile::tempdir().unwrap();
        let tag = |path: &Path| Provenance::of_files(path).tag().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        assert_eq!(tag(&dir.path().join("a")), tag(&dir.path().join("a/../a/")));
        assert_ne!(tag(&dir.path().join("a")), tag(dir.path()));
        assert!(tag(dir.path()).is_files() && !wire("a", "b", None).is_files());
        assert!(!tag(dir.path()).is_same_user(&tag(dir.path())));
        assert_eq!(Provenance::Sole.tag(), None);
    }
}
