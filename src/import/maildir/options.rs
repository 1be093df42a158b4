//! What an operator may say about a Maildir: who served it, and how.
//!
//! Words alone; opens nothing.

use crate::import::UidlFormat;
use std::fmt;
use std::path::PathBuf;

/// Who served a Maildir over POP3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Dovecot: dovecot-uidlist and `pop3_uidl_format`.
    Dovecot,
    /// Courier: courierpop3dsizelist.
    Courier,
    /// solid-pop3d: file names and times.
    SolidPop3d,
    /// Nobody whose unique-ids matter: new ones are made.
    Plain,
}

/// What becomes of the folders beside the inbox, which POP3 never showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folders {
    /// They stay where they are, and are reported.
    #[default]
    Skip,
    /// They come after the inbox, with new unique-ids.
    Append,
}

/// What an operator may say about a Maildir.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `None` goes by what lies there, and asks when that says nothing.
    pub server: Option<Server>,
    /// Taken instead of asking, where nothing that lies there tells the server.
    pub otherwise: Option<Server>,
    /// Taken instead of asking, where all mail lies in new/ and no index beside it: nobody has ever logged in.
    pub if_unseen: Option<Server>,
    /// Dovecot's `pop3_uidl_format`; `None` is Dovecot's default.
    pub uidl_format: Option<UidlFormat>,
    /// Dovecot's `pop3_reuse_xuidl`.
    pub reuse_xuidl: bool,
    /// Dovecot's `pop3_uidl_duplicates = rename`.
    pub rename_duplicates: bool,
    /// dovecot-uidlist, if it does not lie in the Maildir (CONTROL= in `mail_location`).
    pub uidlist: Option<PathBuf>,
    /// See [`Folders`].
    pub folders: Folders,
    /// The unique-ids are known from elsewhere: none is computed, and no index is read for them.
    pub without_ids: bool,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dovecot, Self::Courier, Self::SolidPop3d, Self::Plain];

    /// As `--server` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dovecot => "dovecot",
            Self::Courier => "courier",
            Self::SolidPop3d => "solid-pop3d",
            Self::Plain => "plain",
        }
    }

    /// The server of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.as_str() == name)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
