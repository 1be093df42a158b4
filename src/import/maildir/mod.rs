//! A Maildir of another server, as a [`Source`].
//!
//! Which server it was decides the unique-ids, the order, and whether there is an index to read; the
//! octets are those of the files. Everything is opened for reading only and without following links, and
//! where the system lets us, without leaving a time of access behind. Knows no Maildir of ours.

mod courier;
mod dovecot;
mod entry;
mod folder;
mod lines;
mod listing;
mod message;
mod options;
mod order;
mod plain;
mod solid;
mod subfolders;
mod uidlist;
mod xuidl;

pub use options::{Folders, Options, Server};

use super::Provenance;
use super::source::{Error, Flags, Found, Inventory, Place, SkippedItem, Source, UniqueIdOf};
use super::words;
use crate::mail::UniqueId;
use entry::Entry;
use folder::Root;
use listing::Listing;
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// What the unique-ids of one server are for the messages of a listing.
#[derive(Debug, Default)]
struct Shown {
    /// By index of the listing, in the server's order.
    messages: Vec<(usize, UniqueIdOf)>,
    /// Indexes of the listing: what the server has yet to number.
    foreseen: HashSet<usize>,
    skipped: Vec<SkippedItem>,
    warnings: Vec<String>,
}

/// A Maildir.
#[derive(Debug)]
struct Maildir {
    root: Root,
    server: Server,
    options: Options,
    /// Where each message of the inventory lies: which of `folders`, and its entry there.
    messages: Vec<(usize, Entry)>,
    /// The inbox, then the subfolders that are appended.
    folders: Vec<Root>,
}

/// Opens a Maildir for moving in.
///
/// # Errors
/// [`Error::Ask`] when it does not show who served it; [`Error::Source`] when it is no Maildir or may not
/// be read.
pub fn open(dir: &Path, options: &Options) -> Result<Box<dyn Source>, Error> {
    let root = Root::open(dir)?;
    let server = match options.server {
        Some(server) => server,
        None => guess(&root, options)?,
    };
    Ok(Box::new(Maildir {
        root,
        server,
        options: options.clone(),
        messages: Vec::new(),
        folders: Vec::new(),
    }))
}

/// By the index that lies there. Without one nothing is guessed, unless there is nothing to guess about.
fn guess(root: &Root, options: &Options) -> Result<Server, Error> {
    if options.uidlist.is_some() || root.has(uidlist::FILE) {
        return Ok(Server::Dovecot);
    }
    if root.has(courier::FILE) {
        return Ok(Server::Courier);
    }
    if let Some(server) = options.otherwise {
        return Ok(server);
    }
    if options.without_ids {
        return Ok(Server::Plain);
    }
    let entries = root.list()?.entries;
    if entries.is_empty() {
        return Ok(Server::Plain);
    }
    if let Some(server) = options.if_unseen
        && entries.iter().all(Entry::is_new)
    {
        return Ok(server);
    }
    let why = format!("there is neither {} nor {} in it", uidlist::FILE, courier::FILE);
    let servers = Server::ALL.map(|server| match server {
        Server::Dovecot => "dovecot (and --uidlist FILE if its CONTROL= is elsewhere)",
        other => other.as_str(),
    });
    Err(words::which_server(root.path(), &why, &servers))
}

impl Source for Maildir {
    fn name(&self) -> String {
        format!("{} maildir:{}", self.server, self.root.path().display())
    }

    fn provenance(&self) -> Provenance {
        Provenance::of_files(self.root.path())
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let Listing { entries, skipped } = self.root.list()?;
        let mut shown = match self.server {
            _ if self.options.without_ids => plain::shown(&entries),
            Server::Dovecot => dovecot::shown(&self.root, &entries, &self.options)?,
            Server::Courier => courier::shown(&self.root, &entries)?,
            Server::SolidPop3d => solid::shown(&entries),
            Server::Plain => plain::shown(&entries),
        };
        shown.skipped.extend(skipped);
        shown.warnings.extend(self.doubts());
        let mut inventory =
            Inventory { skipped: shown.skipped, warnings: shown.warnings, ..Inventory::default() };
        self.folders = vec![self.root.again()?];
        let mut entries: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
        for (index, id) in shown.messages {
            let Some(entry) = entries.get_mut(index).and_then(Option::take) else { continue };
            if shown.foreseen.contains(&index) {
                inventory.foreseen.insert(inventory.messages.len());
            }
            inventory.names.push(entry.identity());
            self.add(0, entry, id, &mut inventory);
        }
        self.add_subfolders(&mut inventory)?;
        Ok(inventory)
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let Some((folder, entry)) = self.messages.get(index) else {
            return Err(Error::Message { what: format!("there is no message {}", index + 1) });
        };
        let Some(folder) = self.folders.get_mut(*folder) else {
            return Err(Error::Message { what: format!("there is no folder for message {}", index + 1) });
        };
        let mut is_empty = true;
        let mut give = |block: &[u8]| {
            is_empty = false;
            match self.server {
                // These put a CR before each LF, also where there is one.
                Server::Courier | Server::SolidPop3d => sink(&with_cr(block)),
                Server::Dovecot | Server::Plain => sink(block),
            }
        };
        folder.read(entry, self.server == Server::Dovecot, &mut give)?;
        if is_empty && self.server != Server::Plain {
            // An empty message was sent as an empty line.
            sink(b"\r\n").map_err(Error::Landing)?;
        }
        Ok(())
    }
}

impl Maildir {
    /// What the operator should look at twice.
    fn doubts(&self) -> Option<String> {
        let both = self.root.has(uidlist::FILE) && self.root.has(courier::FILE);
        (both && self.options.server.is_none() && !self.options.without_ids).then(|| {
            format!(
                "{}: there are a {} and a {}; it is taken for a Maildir of dovecot (--server courier says \
                 otherwise)",
                self.root.path().display(),
                uidlist::FILE,
                courier::FILE
            )
        })
    }

    fn add(&mut self, folder: usize, entry: Entry, unique_id: UniqueIdOf, inventory: &mut Inventory) {
        inventory.messages.push(Found {
            unique_id,
            octets: None, // S= and W= in names lie.
            bytes: Some(entry.bytes()),
            received: entry.received(),
            flags: Flags::new(entry.flags()),
            is_new: entry.is_new(),
            place: Place::File(
                self.folders.get(folder).map_or_else(Box::default, |folder| folder.place(&entry).into()),
            ),
        });
        self.messages.push((folder, entry));
    }

    fn add_subfolders(&mut self, inventory: &mut Inventory) -> Result<(), Error> {
        for (name, root) in subfolders::of(&self.root)? {
            let Listing { entries, skipped } = root.list()?;
            match self.options.folders {
                Folders::Skip => {
                    let messages = entries.len() + skipped.len();
                    inventory.folders_skipped.push(super::SkippedFolder { name, messages });
                }
                Folders::Append => {
                    inventory.skipped.extend(skipped);
                    self.folders.push(root);
                    let folder = self.folders.len() - 1;
                    for (index, identity) in plain::of_subfolder(&name, &entries) {
                        let Some(entry) = entries.get(index) else { continue };
                        inventory.names.push(identity.clone());
                        inventory.appended.insert(inventory.messages.len());
                        self.add(folder, entry.clone(), UniqueIdOf::Made { identity }, inventory);
                    }
                }
            }
        }
        Ok(())
    }
}

fn with_cr(block: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(block.len() + block.len() / 32);
    for line in block.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                octets.extend_from_slice(text);
                octets.extend_from_slice(b"\r\n");
            }
            None => octets.extend_from_slice(line),
        }
    }
    octets
}

/// What the server showed, if a listing can hold it; else one is made, and the operator told.
fn kept(octets: &[u8], entry: &Entry, warnings: &mut Vec<String>) -> UniqueIdOf {
    UniqueId::carried(octets).map_or_else(
        || {
            warnings.push(format!(
                "{}: its unique-id {:?} fits no line of a listing; it gets a new one",
                entry.shown_name(),
                String::from_utf8_lossy(octets)
            ));
            made(entry)
        },
        UniqueIdOf::Kept,
    )
}

/// What helps when the index is missing or damaged.
fn without_index(first: &str) -> String {
    format!(
        "{first}, or ask the old server with --uidls-from HOST:PORT --user USER, or take the mail \
         without its unique-ids with --server plain: each mail program then downloads everything once more"
    )
}

/// Nobody has seen one: known again by the part of the name that stays.
fn made(entry: &Entry) -> UniqueIdOf {
    UniqueIdOf::Made { identity: entry.identity() }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
