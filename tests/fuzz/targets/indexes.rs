//! The index beside an old server's Maildir may hold anything: it is believed or refused with its line, and
//! what is believed lists each message of the folder once at most.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::import::maildir::{self, Options, Server};
use restante::import::{Error, UniqueIdOf};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Names that the seeds' indexes list, and one that no index knows.
const FILES: [&str; 4] = [
    "new/1006995233.M2P1.old",
    "cur/1006995232.M1P1.old:2,S",
    "cur/1006995231.M3P1.old,S=4,W=5:2,",
    "cur/not a time",
];

static MAILDIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = place.join(format!("restante-fuzz-{}", std::process::id()));
    for sub in ["tmp", "new", "cur"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
    for file in FILES {
        fs::write(folder.join(file), "A: b\n").unwrap();
    }
    folder
});

fuzz_target!(|data: &[u8]| {
    let [kind, index @ ..] = data else { return };
    let (server, name) = match kind % 2 {
        0 => (Server::Dovecot, "dovecot-uidlist"),
        _ => (Server::Courier, "courierpop3dsizelist"),
    };
    fs::write(MAILDIR.join(name), index).unwrap();
    let options = Options { server: Some(server), ..Options::default() };
    match maildir::open(&MAILDIR, &options).unwrap().inventory() {
        Ok(inventory) => {
            assert!(inventory.messages.len() + inventory.skipped.len() == FILES.len());
            let places: HashSet<_> = inventory.messages.iter().map(|found| found.place.to_string()).collect();
            assert_eq!(places.len(), inventory.messages.len());
            for found in &inventory.messages {
                if let UniqueIdOf::Kept(id) = &found.unique_id {
                    assert!(!id.as_bytes().contains(&b'\n'));
                }
            }
        }
        Err(Error::Source { what, .. }) => assert!(what.contains(name), "{what}"),
        Err(error) => panic!("{error}"),
    }
});
