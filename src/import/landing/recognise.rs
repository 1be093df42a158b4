//! Whether mail that is called like some that came over is that very mail.
//!
//! The same mailbox may come twice by different ways: from its files and over the wire, from a copy in
//! another folder. And two mailboxes may have given one unique-id to two messages, none of which may be lost.
//! Neither names nor sizes tell the one from the other, so each such message is read and compared; what is
//! found to be here is noted as met in this mailbox too, and is not read again. Knows the source by its trait,
//! and writes nothing.

use super::Failure;
use super::digest::Digest;
use super::plan::{Doubted, Plan};
use crate::import::essence::Essence;
use crate::import::{Error, Source, Tag};
use crate::limits;
use crate::mail::{Bytes, Octets};
use crate::maildrop::ledger::Ledger;
use crate::wire::dot_decoder::LineEndDecoder;
use std::collections::HashMap;

/// Settles all doubts of a plan: what is here already is noted in the ledger as met in the mailbox `tag`, the
/// rest is wanted. Gives the entries that only hold once the rest has come: another message of the mailbox has the
/// same unique-id.
///
/// # Errors
/// The source's, except for single messages. What was recognised before is noted all the same.
pub fn settle(
    source: &mut dyn Source,
    ledger: &mut Ledger,
    plan: &mut Plan,
    tag: &Tag,
) -> Result<Vec<usize>, Failure> {
    let doubted = std::mem::take(&mut plan.doubted);
    if doubted.is_empty() {
        return Ok(Vec::new());
    }
    source.expect(&doubted.iter().map(|doubted| doubted.wanted.index).collect::<Vec<_>>());
    // Entries of the ledger, and whether their message has its unique-id alone.
    let mut claimed = HashMap::new();
    let outcome = doubted.into_iter().try_for_each(|Doubted { wanted, rivals }| {
        let digest = match look(source, wanted.index) {
            Ok(look) => Some(look.digest),
            // Whoever wants to take it says so.
            Err(Error::Message { .. }) => None,
            Err(error) => return Err(error),
        };
        let is_it = |rival: &usize| {
            let noted = ledger.entries.get(*rival).and_then(|entry| Digest::parse(&entry.digest));
            digest.is_some() && noted == digest && !claimed.contains_key(rival)
        };
        match rivals.into_iter().find(is_it) {
            Some(rival) => {
                claimed.insert(rival, !wanted.is_ambiguous);
                plan.already += 1;
                plan.equal.push(wanted.index);
            }
            None => plan.wanted.push(wanted),
        }
        Ok(())
    });
    plan.wanted.sort_by_key(|wanted| wanted.index);
    if outcome.is_err() {
        // The first so many of a name count as met: one before these may not be here.
        claimed.retain(|_, is_alone| *is_alone);
    }
    for (at, entry) in ledger.entries.iter_mut().enumerate() {
        if claimed.contains_key(&at) {
            note(&mut entry.mailboxes, tag);
        }
    }
    outcome?;
    Ok(claimed.into_iter().filter(|(_, is_alone)| !is_alone).map(|(at, _)| at).collect())
}

/// Takes back what [`settle`] has noted of these entries.
pub fn unsettle(ledger: &mut Ledger, shared: &[usize]) {
    for at in shared {
        if let Some(entry) = ledger.entries.get_mut(*at) {
            entry.mailboxes.pop();
        }
    }
}

/// A mailbox that was met too long ago is looked at again.
fn note(mailboxes: &mut Vec<String>, tag: &Tag) {
    if mailboxes.len() >= limits::LEDGER_MAILBOXES_MAX {
        mailboxes.remove(0);
    }
    mailboxes.push(tag.as_str().to_owned());
}

/// What a message would be here.
pub struct Look {
    /// Of what stays the same of its text.
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
