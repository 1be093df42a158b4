//! Whether mail that is called like some of another mailbox is that very mail.
//!
//! The same mailbox may come twice by different ways: from its files and over the wire, from a copy in
//! another folder. And two mailboxes may have given one unique-id to two messages, none of which may be lost.
//! Files are looked at one by one. Over the wire that would be to fetch all of it once more: there a few
//! messages stand for the mailbox. Knows the source by its trait, and writes nothing.

use super::Failure;
use super::digest::Digest;
use super::plan::{Doubted, Plan};
use crate::import::essence::Essence;
use crate::import::{Error, Inventory, Source, Tag};
use crate::limits;
use crate::mail::{Bytes, Octets};
use crate::maildrop::ledger::{Entry, Ledger};
use crate::maildrop::name;
use crate::wire::dot_decoder::LineEndDecoder;
use std::collections::{HashMap, HashSet};

/// Settles all doubts of a plan: what is here already is noted in the ledger as met in the mailbox `tag`, the
/// rest is wanted. Whether anything was noted.
///
/// # Errors
/// The source's, except for single messages.
pub fn settle(
    source: &mut dyn Source,
    inventory: &Inventory,
    ledger: &mut Ledger,
    plan: &mut Plan,
    tag: &Tag,
) -> Result<bool, Failure> {
    let doubted = std::mem::take(&mut plan.doubted);
    if doubted.is_empty() {
        return Ok(false);
    }
    let same = same(source, inventory, ledger, &doubted, tag)?;
    let mut claimed = HashSet::new();
    for Doubted { wanted, rivals } in doubted {
        let free = rivals.into_iter().filter(|rival| !claimed.contains(rival));
        match free.into_iter().find(|rival| same.is(wanted.index, ledger.entries.get(*rival))) {
            Some(rival) => {
                claimed.insert(rival);
                plan.already += 1;
            }
            None => plan.wanted.push(wanted),
        }
    }
    plan.wanted.sort_by_key(|wanted| wanted.index);
    for (at, entry) in ledger.entries.iter_mut().enumerate() {
        if claimed.contains(&at) {
            entry.mailboxes.push(tag.as_str().to_owned());
        }
    }
    Ok(!claimed.is_empty())
}

/// Which messages are the ones that they are called like.
enum Same {
    /// All: it is the same mailbox.
    All,
    /// Those with these digests, by index of the inventory.
    Equal(HashMap<usize, Digest>),
}

impl Same {
    fn is(&self, index: usize, rival: Option<&Entry>) -> bool {
        match (self, rival) {
            (Self::All, rival) => rival.is_some(),
            (Self::Equal(digests), Some(rival)) => {
                digests.get(&index).is_some_and(|digest| is_of(rival, *digest))
            }
            (Self::Equal(_), None) => false,
        }
    }
}

/// Whether an entry is of a text.
fn is_of(entry: &Entry, digest: Digest) -> bool {
    Digest::parse(&entry.digest) == Some(digest)
}

fn same(
    source: &mut dyn Source,
    inventory: &Inventory,
    ledger: &Ledger,
    doubted: &[Doubted],
    tag: &Tag,
) -> Result<Same, Failure> {
    let rivals = doubted.iter().flat_map(|doubted| &doubted.rivals);
    let tags: HashSet<&str> = rivals
        .filter_map(|rival| ledger.entries.get(*rival))
        .flat_map(|entry| entry.mailboxes.iter().map(String::as_str))
        .collect();
    let tags: Vec<Tag> = tags.into_iter().map(Tag::noted).collect();
    if tag.is_files() && tags.iter().all(Tag::is_files) {
        return Ok(Same::Equal(digests(source, doubted.iter())?));
    }
    let has_size = |doubted: &Doubted| has_the_size(inventory, ledger, doubted);
    if tags.iter().any(|other| other.is_same_user(tag)) && doubted.iter().all(has_size) {
        return Ok(Same::All);
    }
    // From all over the mailbox, as far as they go.
    let step = doubted.len().div_ceil(limits::IMPORT_SAMPLES);
    let samples: Vec<&Doubted> = doubted.iter().step_by(step.max(1)).collect();
    let digests = digests(source, samples.iter().copied())?;
    let is_equal = |doubted: &&&Doubted| {
        let mut rivals = doubted.rivals.iter().filter_map(|rival| ledger.entries.get(*rival));
        let digest = digests.get(&doubted.wanted.index);
        digest.is_some_and(|digest| rivals.any(|rival| is_of(rival, *digest)))
    };
    let equal = samples.iter().filter(is_equal).count();
    // Not every one: Courier sends a message with 8-bit letters in its header as another one each time.
    if equal > 0 && equal * 2 >= digests.len() { Ok(Same::All) } else { Ok(Same::Equal(HashMap::new())) }
}

/// Whether LIST says of a message what is known of one that it is called like.
fn has_the_size(inventory: &Inventory, ledger: &Ledger, doubted: &Doubted) -> bool {
    let octets = inventory.messages.get(doubted.wanted.index).and_then(|found| found.octets);
    let size = |entry: &Entry| name::parse(&entry.base).written.map(|written| written.octets);
    let mut rivals = doubted.rivals.iter().filter_map(|rival| ledger.entries.get(*rival));
    octets.is_some() && rivals.any(|rival| size(rival) == octets)
}

fn digests<'a>(
    source: &mut dyn Source,
    doubted: impl Iterator<Item = &'a Doubted>,
) -> Result<HashMap<usize, Digest>, Failure> {
    let indexes: Vec<usize> = doubted.map(|doubted| doubted.wanted.index).collect();
    source.expect(&indexes);
    let mut digests = HashMap::with_capacity(indexes.len());
    for index in indexes {
        match look(source, index) {
            Ok(look) => drop(digests.insert(index, look.digest)),
            // Whoever wants to take it says so.
            Err(Error::Message { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(digests)
}

/// What a message would be here.
pub struct Look {
    /// Of its text.
    pub digest: Digest,
    /// Of its file.
    pub bytes: Bytes,
    /// On the wire.
    pub octets: Octets,
}

/// Reads a message, and keeps nothing of it.
///
/// # Errors
/// The source's.
pub fn look(source: &mut dyn Source, index: usize) -> Result<Look, Error> {
    let (mut decoder, mut text) = (LineEndDecoder::default(), Vec::new());
    let (mut essence, mut bytes) = (Essence::default(), 0);
    let mut count = crate::mail::OctetCount::new(crate::mail::LineEnds::OwnLf);
    let mut take = |text: &mut Vec<u8>| {
        essence.push(text);
        count.push(text);
        bytes += text.len() as u64;
        text.clear();
    };
    source.read(index, &mut |block| {
        decoder.push(block, &mut text);
        take(&mut text);
        Ok(())
    })?;
    decoder.finish(&mut text);
    take(&mut text);
    Ok(Look { digest: Digest::of(essence.finish()), bytes: Bytes(bytes), octets: count.total() })
}
