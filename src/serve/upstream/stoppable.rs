//! A source that can be told to stop, and that counts what it gives.

use super::busy::Pull;
use crate::import::{Error, Found, Inventory, Provenance, Source};
use crate::net::Shutdown;
use std::io;
use std::sync::Arc;

/// See above. It stops between two blocks, so that nobody waits for the end of a large message.
pub struct Stoppable<S> {
    source: S,
    pull: Arc<Pull>,
    shutdown: Shutdown,
    /// What LIST said of each message.
    octets: Vec<u64>,
    /// A message that cannot be read ends all.
    whole: bool,
}

impl<S: Source> Stoppable<S> {
    /// A source that ends with `pull`, or with the server.
    pub fn new(source: S, pull: Arc<Pull>, shutdown: Shutdown) -> Self {
        Self { source, pull, shutdown, octets: Vec::new(), whole: false }
    }

    /// All or nothing: a mailbox of which one message is missing stays where it is, or that message would
    /// come at the end when it can be read.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Whether it has been stopped: then its errors mean nothing.
    pub fn is_stopped(&self) -> bool {
        self.pull.is_stopped() || self.shutdown.has_begun()
    }

    /// The source itself.
    pub fn into_inner(self) -> S {
        self.source
    }

    fn go_on(&self) -> io::Result<()> {
        if self.is_stopped() { Err(io::Error::other("it was stopped")) } else { Ok(()) }
    }
}

impl<S: Source> Source for Stoppable<S> {
    fn name(&self) -> String {
        self.source.name()
    }

    /// The old server has accepted the password of this account: whatever name was typed with it today, it is
    /// the mailbox that was met before.
    fn provenance(&self) -> Provenance {
        self.source.provenance().whoever_asks()
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        self.go_on().map_err(Error::Landing)?;
        let inventory = self.source.inventory()?;
        let octets = |found: &Found| found.octets.map_or(0, |octets| octets.0);
        self.octets = inventory.messages.iter().map(octets).collect();
        Ok(inventory)
    }

    fn expect(&mut self, wanted: &[usize]) {
        // What an earlier pull has staged does not come again.
        self.pull.expect(wanted.iter().filter_map(|index| self.octets.get(*index)).sum());
        self.source.expect(wanted);
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        self.go_on().map_err(Error::Landing)?;
        let (pull, shutdown) = (Arc::clone(&self.pull), self.shutdown.clone());
        let mut counted = |block: &[u8]| {
            if pull.is_stopped() || shutdown.has_begun() {
                return Err(io::Error::other("it was stopped"));
            }
            pull.add(block.len() as u64);
            sink(block)
        };
        match self.source.read(index, &mut counted) {
            Err(Error::Message { what }) if self.whole => {
                Err(Error::Source { what, remedy: "the old server goes on serving this mailbox".to_owned() })
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::busy::Busy;
    use super::*;
    use crate::mail::AccountAddress;

    struct Endless;

    impl Source for Endless {
        fn name(&self) -> String {
            "endless".to_owned()
        }
        fn provenance(&self) -> Provenance {
            Provenance::Wire { user: "anna".to_owned(), host: "pop.a.org".to_owned(), port: None }
        }
        fn inventory(&mut self) -> Result<Inventory, Error> {
            Ok(Inventory::default())
        }
        fn read(&mut self, _: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
            loop {
                sink(b"block").map_err(Error::Landing)?;
            }
        }
    }

    #[test]
    fn it_stops_in_the_middle_of_a_message_and_gives_nothing_after() {
        let guard = Arc::new(Busy::default()).pull(&AccountAddress::parse("anna@a.org").unwrap()).unwrap();
        let pull = guard.shared();
        let mut source = Stoppable::new(Endless, guard.shared(), Shutdown::new());
        assert_eq!(source.provenance(), Provenance::Behind { host: "pop.a.org".to_owned(), port: None });
        source.inventory().unwrap();
        let mut blocks = 0;
        let outcome = source.read(0, &mut |_| {
            blocks += 1;
            if blocks == 3 {
                pull.stop();
            }
            Ok(())
        });
        assert!(matches!(outcome, Err(Error::Landing(_))) && source.is_stopped());
        assert_eq!((blocks, pull.progress().0), (3, 15));
        assert!(source.inventory().is_err());
        assert!(source.read(1, &mut |_| panic!("nothing more")).is_err());
    }

    #[test]
    fn it_stops_with_the_server() {
        let guard = Arc::new(Busy::default()).pull(&AccountAddress::parse("anna@a.org").unwrap()).unwrap();
        let shutdown = Shutdown::new();
        let source = Stoppable::new(Endless, guard.shared(), shutdown.clone());
        assert!(!source.is_stopped());
        shutdown.begin();
        assert!(source.is_stopped());
    }
}
