//! The octets of one message of a foreign Maildir.

use super::super::source::Error;
use super::entry::{Entry, Place};
use super::folder::{Root, open_file};
use crate::limits;
use nix::errno::Errno;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};

impl Root {
    /// Gives a message in blocks. Refuses what `may_be_packed` servers keep in another form than they show.
    pub(super) fn read(
        &mut self,
        entry: &Entry,
        may_be_packed: bool,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut file = self.open_message(entry)?;
        let mut block = vec![0; limits::COUNT_BLOCK];
        let mut is_first = true;
        loop {
            let count = match file.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.unread(entry, &error.to_string())),
            };
            let octets = block.get(..count).unwrap_or_default();
            if let Some(how) = packed(octets).filter(|_| is_first && may_be_packed) {
                return Err(self.unread(entry, how));
            }
            is_first = false;
            sink(octets).map_err(Error::Landing)?;
        }
    }

    /// Opens a message, also one that was moved or got other flags since it was listed.
    pub(super) fn open_message(&mut self, entry: &Entry) -> Result<File, Error> {
        let opened = self.open_at(entry.place, &entry.name);
        if opened.as_ref().err() != Some(&Errno::ENOENT) {
            return opened.map_err(|errno| self.unread(entry, errno.desc()));
        }
        let found = self.moved()?.get(entry.base()).cloned();
        let opened = found.ok_or(Errno::ENOENT).and_then(|(place, name)| self.open_at(place, &name));
        opened.map_err(|errno| match errno {
            Errno::ENOENT => self.unread(entry, "it has vanished"),
            errno => self.unread(entry, errno.desc()),
        })
    }

    fn open_at(&self, place: Place, name: &OsStr) -> Result<File, Errno> {
        open_file(self.fd(place).ok_or(Errno::ENOENT)?, name)
    }

    /// Where each message is now: one listing for all that have moved.
    fn moved(&mut self) -> Result<&HashMap<Vec<u8>, (Place, OsString)>, Error> {
        if self.moved.is_none() {
            let entries = self.list()?.entries.into_iter();
            let by_base = entries.map(|entry| (entry.base().to_vec(), (entry.place, entry.name)));
            self.moved = Some(by_base.collect());
        }
        Ok(self.moved.get_or_insert_default())
    }

    fn unread(&self, entry: &Entry, why: &str) -> Error {
        Error::Message { what: format!("{}: {why}", self.place(entry)) }
    }
}

/// What Dovecot's plugins make of a message; a mail program never saw it like this.
fn packed(octets: &[u8]) -> Option<&'static str> {
    const PACKED: &str = "it is compressed (Dovecot's zlib plugin); let Dovecot unpack it first: \
                          `doveadm sync` into a Maildir without the plugin";
    const LOCKED: &str = "it is encrypted (Dovecot's mail_crypt plugin); let Dovecot decrypt it first: \
                          `doveadm sync` into a Maildir without the plugin";
    let starts: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", PACKED),
        (b"BZh", PACKED),
        (b"\xfd7zXZ\0", PACKED),
        (b"Dovecot-LZ4\r*\x9b\xc5", PACKED),
        (b"\x28\xb5\x2f\xfd", PACKED),
        (b"CRYPTED\x03\x07", LOCKED),
    ];
    starts.into_iter().find(|(start, _)| octets.starts_with(start)).map(|(_, how)| how)
}
