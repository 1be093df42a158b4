//! The proof: what the old server listed and what a login here shows, side by side.
//!
//! Knows the ledger, which says what became of whom. Asks no server.

use super::plan::{Certain, certain, is_from};
use super::{Failure, Imported, Landing};
use crate::import::{Found, Tag, UniqueIdOf};
use crate::limits;
use crate::mail::{AccountAddress, Octets, Peer, UniqueId};
use crate::maildrop::disk::Disk;
use crate::maildrop::ledger::Ledger;
use crate::maildrop::{Entry, Error, Maildrop};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Instant;

/// One message, there and here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// `None` for mail that came here another way.
    pub there: Option<There>,
    /// `None` if it is not here.
    pub here: Option<Here>,
    /// What a mail program would notice.
    pub difference: Option<Difference>,
}

/// As the old server listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct There {
    /// From 1.
    pub number: usize,
    /// `None` if nobody has seen one.
    pub unique_id: Option<UniqueId>,
    /// `None` if that is not known without asking.
    pub octets: Option<Octets>,
    /// Whether it came over and was deleted here since.
    pub is_deleted: bool,
}

/// As a login here shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// From 1.
    pub number: usize,
    /// See [`Entry`].
    pub unique_id: UniqueId,
    /// See [`Entry`].
    pub octets: Octets,
}

/// What a mail program would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It did not come over.
    Missing,
    /// It is called otherwise.
    UniqueId,
    /// LIST says another size.
    Size,
    /// It stands before one that it stood behind.
    Order,
}

impl Difference {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::UniqueId => "uidl",
            Self::Size => "size",
            Self::Order => "order",
        }
    }
}

impl<D: Disk> Landing<D> {
    /// Compares what an import found with what a login shows now: the old server's mail in its order, then
    /// the rest of what is here.
    ///
    /// # Errors
    /// `Disk`, also when a session has the mailbox open and does not end.
    pub fn prove(&self, account: &AccountAddress, imported: &Imported) -> Result<Vec<Pair>, Failure> {
        let maildrop = self.look(account)?;
        let ledger = Ledger::load(&self.tree.existing(account)?)?;
        let there = (&imported.listed[..], imported.tag.as_ref());
        Ok(pairs(there, &ledger, maildrop.entries(), maildrop.bases()))
    }

    fn look(&self, account: &AccountAddress) -> Result<Maildrop, Failure> {
        let until = Instant::now() + self.patience;
        loop {
            match self.maildrops.open(account, Peer::Unix) {
                Ok(maildrop) => return Ok(maildrop),
                Err(Error::InUse) if Instant::now() < until => std::thread::sleep(limits::IMPORT_LOCK_POLL),
                Err(Error::Temporary(error)) => return Err(error.into()),
                Err(error) => return Err(Failure::Disk(io::Error::other(error.to_string()))),
            }
        }
    }
}

fn pairs(
    (listed, tag): (&[Found], Option<&Tag>),
    ledger: &Ledger,
    entries: Vec<Entry>,
    bases: Vec<Vec<u8>>,
) -> Vec<Pair> {
    let mut here: HashMap<Vec<u8>, Here> = HashMap::with_capacity(bases.len());
    for (index, (base, entry)) in bases.into_iter().zip(entries).enumerate() {
        let Entry { unique_id, octets } = entry;
        here.insert(base, Here { number: index + 1, unique_id, octets });
    }
    let mut landed: HashMap<Certain<'_>, VecDeque<&[u8]>> = HashMap::with_capacity(ledger.entries.len());
    for entry in ledger.entries.iter().filter(|entry| is_from(entry, tag)) {
        // What was foreseen is what is shown here: only an import cares for the difference.
        landed.entry(Certain::from(&entry.origin)).or_default().push_back(&entry.base);
    }
    let mut pairs = Vec::with_capacity(listed.len());
    let mut last = 0;
    for (index, found) in listed.iter().enumerate() {
        let base = landed.get_mut(&certain(found)).and_then(VecDeque::pop_front);
        let here = base.and_then(|base| here.remove(base));
        let there = There {
            number: index + 1,
            unique_id: match &found.unique_id {
                UniqueIdOf::Kept(id) => Some(id.clone()),
                UniqueIdOf::Made { .. } => None,
            },
            octets: found.octets,
            is_deleted: base.is_some() && here.is_none(),
        };
        let difference = difference(&there, here.as_ref(), last);
        last = here.as_ref().map_or(last, |here| here.number.max(last));
        pairs.push(Pair { there: Some(there), here, difference });
    }
    let mut others: Vec<Here> = here.into_values().collect();
    others.sort_by_key(|here| here.number);
    pairs.extend(others.into_iter().map(|here| Pair { there: None, here: Some(here), difference: None }));
    pairs
}

fn difference(there: &There, here: Option<&Here>, last: usize) -> Option<Difference> {
    let Some(here) = here else { return (!there.is_deleted).then_some(Difference::Missing) };
    if there.unique_id.as_ref().is_some_and(|id| *id != here.unique_id) {
        Some(Difference::UniqueId)
    } else if there.octets.is_some_and(|octets| octets != here.octets) {
        Some(Difference::Size)
    } else {
        (here.number < last).then_some(Difference::Order)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Here as Place, Mailbox, Old, made};
    use super::*;
    use crate::maildrop::twin::Twin;

    fn prove(place: &Place, old: &mut Mailbox) -> Vec<Pair> {
        let imported = place.import(old).unwrap();
        place.landing(Twin::sound()).prove(&Place::anna(), &imported).unwrap()
    }

    fn differences(pairs: &[Pair]) -> Vec<Option<Difference>> {
        pairs.iter().map(|pair| pair.difference).collect()
    }

    #[test]
    fn a_good_move_has_no_difference_and_deleting_here_is_none() {
        let place = Place::new();
        let mut old = Mailbox::numbered(3);
        old.messages.push(Old { found: made(b"unseen"), sent: b"new\r\n".to_vec() });
        let pairs = prove(&place, &mut old);
        assert_eq!(differences(&pairs), [None; 4]);
        assert_eq!(pairs[2].there.as_ref().unwrap().unique_id, UniqueId::parse("old-3"));
        assert_eq!(
            (pairs[3].there.as_ref().unwrap().unique_id.as_ref(), pairs[3].here.is_some()),
            (None, true)
        );
        place.delete(&[0]);
        std::fs::write(place.path("new/9999999999.other"), "here\n").unwrap();
        let pairs = prove(&place, &mut old);
        assert_eq!(differences(&pairs), [None; 5]);
        assert!(pairs[0].here.is_none() && pairs[0].there.as_ref().unwrap().is_deleted);
        assert!(pairs[4].there.is_none() && pairs[4].here.as_ref().unwrap().number == 4);
    }

    #[test]
    fn what_a_mail_program_would_notice_is_named() {
        let place = Place::new();
        place.import(&mut Mailbox::of(&[(b"a", b"1\r\n")])).unwrap();
        let mut old = Mailbox::of(&[(b"a", b"1\r\n"), (b"a", b"2\r\n"), (b"b", b"3\r\n"), (b"c", b"no end")]);
        old.broken = vec![2];
        assert_eq!(
            differences(&prove(&place, &mut old)),
            [None, Some(Difference::UniqueId), Some(Difference::Missing), Some(Difference::Size)]
        );
        old.broken.clear();
        old.messages[3].sent = b"no end\r\n".to_vec();
        // It came later, so it stands behind.
        assert_eq!(differences(&prove(&place, &mut old))[2..], [None, Some(Difference::Order)]);
    }
}
