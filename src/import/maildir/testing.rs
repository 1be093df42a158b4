//! Maildirs of other servers for the tests.

use super::*;
use crate::import::UidlFormat;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// A Maildir in a folder of its own.
pub(super) struct Old(pub(super) tempfile::TempDir);

impl Old {
    /// With these files in cur/, each with a small text.
    pub(super) fn with(names: &[&[u8]]) -> Self {
        let old = Self::empty();
        for name in names {
            old.put("cur", name, b"Subject: x\n\nb\n");
        }
        old
    }

    pub(super) fn empty() -> Self {
        let old = Self(tempfile::tempdir().unwrap());
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir(old.path().join(sub)).unwrap();
        }
        old
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&self, sub: &str, name: &[u8]) -> PathBuf {
        self.path().join(sub).join(OsStr::from_bytes(name))
    }

    pub(super) fn put(&self, sub: &str, name: &[u8], octets: &[u8]) {
        fs::write(self.file(sub, name), octets).unwrap();
    }

    pub(super) fn set_time(&self, sub: &str, name: &[u8], millis: u64) {
        let file = File::open(self.file(sub, name)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(millis)).unwrap();
    }

    /// dovecot-uidlist.
    pub(super) fn uidlist(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(uidlist::FILE), text).unwrap();
    }

    /// courierpop3dsizelist.
    pub(super) fn sizelist(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(courier::FILE), text).unwrap();
    }

    pub(super) fn source(&self, options: &Options) -> Box<dyn Source> {
        open(self.path(), options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn inventory(&self, options: &Options) -> Inventory {
        self.source(options).inventory().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Unique-ids in order; one that is made as `made IDENTITY`.
    pub(super) fn ids(&self, options: &Options) -> Vec<String> {
        ids(&self.inventory(options))
    }

    /// What an [`Error::Source`] says.
    pub(super) fn refusal(&self, options: &Options) -> String {
        match self.source(options).inventory() {
            Err(Error::Source { what, remedy }) => format!("{what}: {remedy}"),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn ids(inventory: &Inventory) -> Vec<String> {
    let shown = |found: &Found| match &found.unique_id {
        UniqueIdOf::Kept(id) => id.as_bytes().escape_ascii().to_string(),
        UniqueIdOf::Made { identity } => format!("made {}", identity.escape_ascii()),
    };
    inventory.messages.iter().map(shown).collect()
}

/// `--server NAME` and nothing else.
pub(super) fn served_by(server: Server) -> Options {
    Options { server: Some(server), ..Options::default() }
}

/// Dovecot with this `pop3_uidl_format`.
pub(super) fn format(text: &str) -> Options {
    Options {
        server: Some(Server::Dovecot),
        uidl_format: Some(UidlFormat::parse(text).unwrap()),
        ..Options::default()
    }
}
