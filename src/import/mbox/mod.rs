//! An mbox of another server, as a [`Source`]: one file with all messages of a mailbox, one behind the other.
//!
//! Which server it was decides where a message ends, what of it was shown, and under which unique-id. The
//! file is read in blocks, under lock, and not changed; what is kept of it in memory is an index. Knows no
//! Maildir of ours.

mod fingerprint;
mod from_line;
mod guess;
mod habits;
mod header;
mod identity;
mod index;
mod lock;
mod numbers;
mod pieces;
pub mod scan;
mod shown;
mod splitter;
mod unique_ids;

pub use habits::{Habits, Identity, Server};
pub use index::{Indexed, Message};
pub use numbers::Numbers;

use super::Provenance;
use super::source::{Error, Flags, Found, Inventory, Place, Source, UniqueIdOf};
use super::uidl_format::{UidlFormat, Variable};
use super::way::{self, Lost};
use super::words::{cannot_be_read, counted, of_number};
use crate::limits;
use fingerprint::Recipe;
use lock::{Busy, Lock};
use scan::Stop;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Dovecot's `mbox_md5`: what `%m` is a hash of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Md5Of {
    /// Some lines of the header.
    #[default]
    Apop3d,
    /// All lines of the header but Dovecot's own.
    All,
}

/// What an operator may say about an mbox.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `None` goes by what stands in the file, and asks when that says nothing.
    pub server: Option<Server>,
    /// Dovecot's `pop3_uidl_format`; `None` is Dovecot's default.
    pub uidl_format: Option<UidlFormat>,
    /// Dovecot's `pop3_reuse_xuidl`.
    pub reuse_xuidl: bool,
    /// Dovecot's `pop3_uidl_duplicates = rename`.
    pub rename_duplicates: bool,
    /// Dovecot's `mbox_md5`.
    pub mbox_md5: Md5Of,
    /// It is known otherwise that a Dovecot showed it, though none of these says so.
    pub is_dovecots: bool,
    /// The unique-ids are known from elsewhere: none is computed. What the server showed is shown.
    pub without_ids: bool,
}

/// An mbox.
#[derive(Debug)]
struct Mbox {
    path: PathBuf,
    file: File,
    server: Server,
    options: Options,
    /// Held from the inventory to the last message.
    lock: Option<Lock>,
    /// By index of the inventory.
    messages: Vec<Message>,
}

impl Md5Of {
    /// As `--mbox-md5` and Dovecot have it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "apop3d" => Some(Self::Apop3d),
            "all" => Some(Self::All),
            _ => None,
        }
    }
}

/// Opens an mbox for moving in.
///
/// # Errors
/// [`Error::Ask`] when it does not show who served it; [`Error::Source`] when it is no mbox or may not be
/// read.
pub fn open(path: &Path, options: &Options) -> Result<Box<dyn Source>, Error> {
    let lost = |lost: Lost| lost.error(path).unwrap_or_else(|| unreadable(path, &lost.errno().into()));
    let file = File::from(way::open_for_reading(path).map_err(lost)?);
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(Error::Source {
            what: format!("{}: it is a folder, and an mbox is a file", path.display()),
            remedy: "take it with import maildir, if it holds cur/ and new/".to_owned(),
        });
    }
    if !metadata.is_file() {
        return Err(no_mbox(path));
    }
    let server = match options.server {
        Some(server) => server,
        None => guess::server(path, &file, options)?,
    };
    Ok(Box::new(Mbox {
        path: path.to_owned(),
        file,
        server,
        options: options.clone(),
        lock: None,
        messages: Vec::new(),
    }))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Source {
        what: cannot_be_read(path, error),
        remedy: "name the mbox of the inbox, and run this as a user who may read it".to_owned(),
    }
}

fn no_mbox(path: &Path) -> Error {
    Error::Source {
        what: format!("{}: it is no mbox: it does not begin with a `From ` line", path.display()),
        remedy: "name the file in which the old server kept the inbox, like /var/mail/NAME".to_owned(),
    }
}

impl Source for Mbox {
    fn name(&self) -> String {
        format!("{} mbox:{}", self.server.as_str(), self.path.display())
    }

    fn provenance(&self) -> Provenance {
        Provenance::of_files(&self.path)
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let lock =
            Lock::take(&self.file, &self.path, limits::MBOX_LOCK_WAIT).map_err(|busy| self.busy(busy))?;
        let mut inventory = Inventory { warnings: lock.warnings.clone(), ..Inventory::default() };
        self.lock = Some(lock);
        let (messages, numbers) = self.index()?;
        let ids = unique_ids::of(&self.path, self.server, &self.options, &messages, &numbers)?;
        let is_shown = |indexed: &&Indexed| !self.habits().hides(&indexed.message);
        let mut copies = identity::copies(messages.iter().filter(is_shown)).into_iter();
        let mut hidden = 0;
        let mut shown = Vec::with_capacity(messages.len());
        for (number, (indexed, id)) in (1..).zip(messages.into_iter().zip(ids)) {
            if self.habits().hides(&indexed.message) {
                hidden += 1;
                continue;
            }
            let place = Place::Mbox { number, octet: indexed.message.start };
            let name = identity::of(&indexed.name, copies.next().unwrap_or(1));
            if id.foreseen {
                inventory.foreseen.insert(inventory.messages.len());
            }
            let unique_id = match id.unique_id {
                Some(id) => UniqueIdOf::Kept(id),
                None => UniqueIdOf::Made { identity: name.clone() },
            };
            inventory.names.push(name);
            inventory.messages.push(found(&indexed, unique_id, place));
            shown.push(indexed.message);
        }
        inventory.warnings.extend(self.doubts(&inventory));
        inventory.warnings.extend(self.left_behind(hidden));
        self.messages = shown;
        Ok(inventory)
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let Some(message) = self.messages.get(index) else {
            return Err(Error::Message { what: format!("there is no message {}", index + 1) });
        };
        let mut is_empty = true;
        let mut give = |block: &[u8]| {
            is_empty &= block.is_empty();
            sink(block).map_err(Stop::Sink)
        };
        scan::read(&self.file, self.habits(), message, &mut give).map_err(|stop| match stop {
            Stop::Sink(error) => Error::Landing(error),
            Stop::Disk(error) => Error::Message {
                what: format!("{}: message at octet {}: {error}", self.path.display(), message.start),
            },
        })?;
        if is_empty && self.server != Server::Plain {
            // An empty message was sent as an empty line.
            sink(b"\r\n").map_err(Error::Landing)?;
        }
        Ok(())
    }
}

impl Mbox {
    fn habits(&self) -> Habits {
        self.server.habits()
    }

    fn index(&self) -> Result<(Vec<Indexed>, Numbers), Error> {
        let identity = match (self.habits().identity, &self.options.uidl_format) {
            (Identity::DovecotNumbers(_), Some(format)) if needs_hash(format) => {
                Identity::DovecotNumbers(Some(match self.options.mbox_md5 {
                    Md5Of::Apop3d => Recipe::DovecotApop3d,
                    Md5Of::All => Recipe::DovecotAll,
                }))
            }
            (identity, _) => identity,
        };
        let index = scan::index(&self.file, self.habits(), identity);
        index.map_err(|error| unreadable(&self.path, &error))?.ok_or_else(|| no_mbox(&self.path))
    }

    fn busy(&self, busy: Busy) -> Error {
        match busy {
            Busy::Failed(error) => unreadable(&self.path, &error),
            Busy::Held(by) => Error::Source {
                what: format!("{}: it is in use: {by}", self.path.display()),
                remedy:
                    "wait until the old server or the delivery is done with it, or stop them, and run the \
                         same command again"
                        .to_owned(),
            },
        }
    }

    fn left_behind(&self, hidden: usize) -> Option<String> {
        (hidden > 0).then(|| {
            let (are, them) = of_number(hidden, ("is", "it; it stays"), ("are", "them; they stay"));
            format!(
                "{}: {} {are} marked as deleted, so {} did not show {them} behind",
                self.path.display(),
                counted(hidden, "message"),
                self.server.as_str()
            )
        })
    }

    /// What the operator should know about unique-ids that nobody could know.
    fn doubts(&self, inventory: &Inventory) -> Option<String> {
        if self.options.without_ids {
            return None;
        }
        let made = |found: &&Found| matches!(found.unique_id, UniqueIdOf::Made { .. });
        let count = inventory.messages.iter().filter(made).count();
        let line = match self.habits().identity {
            Identity::Written => "X-UIDL",
            Identity::DovecotNumbers(_) | Identity::UwNumbers => "X-IMAPbase",
            Identity::Hash(_) | Identity::New => return None,
        };
        (count > 0).then(|| {
            let (have, gets) = of_number(count, ("has", "it gets a new one"), ("have", "they get new ones"));
            format!(
                "{}: {} {have} no unique-id of {}, which writes {line} into a mailbox that it has shown; {gets}",
                self.path.display(),
                counted(count, "message"),
                self.server.as_str()
            )
        })
    }
}

fn needs_hash(format: &UidlFormat) -> bool {
    format.uses(Variable::Md5) || format.uses(Variable::Guid)
}

fn found(Indexed { message, received, .. }: &Indexed, unique_id: UniqueIdOf, place: Place) -> Found {
    Found {
        unique_id,
        octets: None, // What is hidden is not counted here.
        bytes: None,
        received: *received,
        flags: Flags::new(message.status.letters()),
        is_new: !message.status.old && !message.status.read,
        place,
    }
}

#[cfg(test)]
mod tests;
