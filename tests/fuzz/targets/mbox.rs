//! An mbox of any octets is the same index, and the same messages, in blocks of any size; each message lies
//! in the file, behind a From line, and nothing is held but one block.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::import::mbox::scan::{self, ReadAt};
use restante::import::mbox::{Indexed, Server};
use restante::limits;
use std::io;

/// A file that gives no more than so many octets at once.
struct Blocks<'a> {
    octets: &'a [u8],
    size: usize,
}

impl ReadAt for Blocks<'_> {
    fn read_at(&self, block: &mut [u8], at: u64) -> io::Result<usize> {
        assert!(block.len() <= limits::COUNT_BLOCK);
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.octets.len());
        let given = &self.octets[start..][..block.len().min(self.size).min(self.octets.len() - start)];
        block[..given.len()].copy_from_slice(given);
        Ok(given.len())
    }
}

/// The index, and what is shown of each message.
fn read(octets: &[u8], size: usize, server: Server) -> Option<Vec<(Indexed, Vec<u8>)>> {
    let (file, habits) = (Blocks { octets, size }, server.habits());
    let (messages, _) = scan::index(&file, habits, habits.identity).unwrap()?;
    let shown = |indexed: Indexed| {
        let mut out = Vec::new();
        let mut sink = |block: &[u8]| {
            out.extend_from_slice(block);
            Ok(())
        };
        scan::read(&file, habits, &indexed.message, &mut sink).unwrap();
        (indexed, out)
    };
    Some(messages.into_iter().map(shown).collect())
}

fuzz_target!(|data: &[u8]| {
    let [server, size, octets @ ..] = data else { return };
    let server = Server::ALL[usize::from(*server) % Server::ALL.len()];
    let whole = read(octets, usize::MAX, server);
    assert_eq!(read(octets, usize::from(*size) + 1, server), whole);
    let mut behind = 0;
    for (Indexed { message, .. }, _) in whole.unwrap_or_default() {
        let (start, end) = (message.start as usize, message.end as usize);
        assert!(behind <= start && start <= end && end <= octets.len());
        assert!(octets[behind..start].trim_ascii_start().starts_with(b"From "));
        behind = end;
    }
});
