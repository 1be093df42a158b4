//! An old server's mailbox that lives in memory.

use super::super::{Error, Flags, Found, Inventory, Place, Provenance, Source, UniqueIdOf};
use super::{Failure, Imported, Landing, Progress};
use crate::mail::{AccountAddress, LineEnds, MessageNumber, Octets, Peer, UniqueId};
use crate::maildrop::disk::Disk;
use crate::maildrop::tree::Tree;
use crate::maildrop::twin::Twin;
use crate::maildrop::{self, Changes, Maildrops};
use std::collections::HashSet;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// One message.
#[derive(Clone)]
pub struct Old {
    pub found: Found,
    pub sent: Vec<u8>,
}

/// The mailbox.
#[derive(Clone, Default)]
pub struct Mailbox {
    pub messages: Vec<Old>,
    /// Indexes that cannot be read.
    pub broken: Vec<usize>,
    /// From which index on they are of folders that are appended.
    pub appended: Option<usize>,
    /// The index at which the whole source fails.
    pub ends_at: Option<usize>,
    /// Which were read.
    pub read: Vec<usize>,
    /// Which were asked for ahead, pass by pass.
    pub expected: Vec<Vec<usize>>,
    /// Of which mailbox it is.
    pub provenance: Provenance,
}

/// As the old server showed it, read and answered.
pub fn kept(id: &[u8]) -> Found {
    Found {
        unique_id: UniqueIdOf::Kept(UniqueId::carried(id).unwrap()),
        octets: None,
        bytes: None,
        received: Some(UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        flags: Flags::new("SR".chars()),
        is_new: false,
        place: Place::File(String::from_utf8_lossy(id).into()),
    }
}

/// As nobody has seen it.
pub fn made(identity: &[u8]) -> Found {
    Found {
        unique_id: UniqueIdOf::Made { identity: identity.into() },
        flags: Flags::default(),
        is_new: true,
        ..kept(b"x")
    }
}

/// Messages with these unique-ids.
pub fn inventory(ids: &[&str]) -> Inventory {
    let messages = ids.iter().map(|id| kept(id.as_bytes())).collect();
    Inventory { messages, ..Inventory::default() }
}

impl Mailbox {
    /// Messages with these unique-ids and contents.
    pub fn of(messages: &[(&[u8], &[u8])]) -> Self {
        let old = |(id, sent): &(&[u8], &[u8])| Old { found: kept(id), sent: sent.to_vec() };
        Self { messages: messages.iter().map(old).collect(), ..Self::default() }
    }

    /// `count` of them, called `old-1` and so on.
    pub fn numbered(count: usize) -> Self {
        let old = |number: usize| Old {
            found: kept(format!("old-{number}").as_bytes()),
            sent: format!("Subject: {number}\r\n\r\n{}\r\n", "x".repeat(number)).into_bytes(),
        };
        Self { messages: (1..=count).map(old).collect(), ..Self::default() }
    }
}

impl Source for Mailbox {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn provenance(&self) -> Provenance {
        self.provenance.clone()
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let messages = self.messages.iter().map(|old| {
            let octets = Some(Octets(old.sent.len() as u64));
            Found { octets, ..old.found.clone() }
        });
        let appended =
            self.appended.map_or_else(HashSet::new, |first| (first..self.messages.len()).collect());
        Ok(Inventory { messages: messages.collect(), appended, ..Inventory::default() })
    }

    fn expect(&mut self, wanted: &[usize]) {
        self.expected.push(wanted.to_vec());
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        self.read.push(index);
        if self.ends_at == Some(index) {
            return Err(Error::Source { what: "the line broke".into(), remedy: "run it again".into() });
        }
        for block in self.messages[index].sent.chunks(7) {
            sink(block).map_err(Error::Landing)?;
        }
        if self.broken.contains(&index) {
            return Err(Error::Message { what: "unreadable".into() });
        }
        Ok(())
    }
}

/// What a client sees: unique-id and octets of each message, in order.
pub type Seen = Vec<(UniqueId, Vec<u8>)>;

/// The mail folder of a server here, with one account.
pub struct Here {
    dir: tempfile::TempDir,
}

impl Here {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn anna() -> AccountAddress {
        AccountAddress::parse("anna@example.org").unwrap()
    }

    /// A path below DATA_DIR's parent.
    pub fn root(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub fn mail(&self) -> PathBuf {
        self.dir.path().join("data/mail")
    }

    /// A path in the Maildir.
    pub fn path(&self, name: &str) -> PathBuf {
        self.mail().join("example.org/anna").join(name)
    }

    pub fn landing<D: Disk>(&self, disk: D) -> Landing<D> {
        Landing {
            tree: Tree::new(disk, self.mail()),
            maildrops: Maildrops::new(self.mail()),
            host: "host".to_owned(),
            syncers: 0,
            patience: Duration::ZERO,
            is_in_use: false,
            left: None,
        }
    }

    pub fn import(&self, source: &mut Mailbox) -> Result<Imported, Failure> {
        self.landing(Twin::sound()).import(&Self::anna(), source, &mut |_: Progress| ())
    }

    pub fn open(&self) -> Result<maildrop::Maildrop, maildrop::Error> {
        Maildrops::new(self.mail()).open(&Self::anna(), Peer::Unix)
    }

    /// What a login shows now.
    pub fn seen(&self) -> Result<Seen, maildrop::Error> {
        let maildrop = self.open()?;
        let message = |index: usize| {
            let entry = &maildrop.entries()[index];
            let mut message = maildrop.read(MessageNumber::from_index(index).unwrap()).unwrap();
            let mut file = Vec::new();
            message.file.read_to_end(&mut file).unwrap();
            assert_eq!(message.line_ends, LineEnds::OwnLf);
            let mut sent: Vec<u8> = file
                .iter()
                .flat_map(|&octet| match octet {
                    b'\n' => vec![b'\r', b'\n'],
                    octet => vec![octet],
                })
                .collect();
            if !sent.is_empty() && !sent.ends_with(b"\n") {
                sent.extend_from_slice(b"\r\n");
            }
            assert_eq!(entry.octets.0, sent.len() as u64, "LIST is what RETR sends");
            (entry.unique_id.clone(), sent)
        };
        Ok((0..maildrop.entries().len()).map(message).collect())
    }

    /// Deletes messages, as a client does.
    pub fn delete(&self, indexes: &[usize]) {
        let deleted = indexes.iter().map(|&index| MessageNumber::from_index(index).unwrap()).collect();
        self.open().unwrap().update(&Changes { deleted, seen: Vec::new() }).unwrap();
    }
}

impl Mailbox {
    /// What its clients saw, if all unique-ids are kept.
    pub fn shown(&self) -> Seen {
        let seen = |old: &Old| match &old.found.unique_id {
            UniqueIdOf::Kept(id) => (id.clone(), old.sent.clone()),
            UniqueIdOf::Made { .. } => panic!("nobody saw that one"),
        };
        self.messages.iter().map(seen).collect()
    }
}
