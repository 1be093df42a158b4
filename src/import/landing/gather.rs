//! Reading the wanted messages into the staging folder, each synced there.
//!
//! One thread reads the source and writes; several others wait for the disk, so that a thousand small
//! messages do not wait for it one after the other. Knows the source by its trait.

mod syncs;

use super::digest::Digest;
use super::plan::{Plan, Wanted, certain};
use super::recognise::{self, Look};
use super::staging::{Staged, Staging};
use super::{Failure, Progress};
use crate::import::essence::Essence;
use crate::import::{Error, Found, Inventory, SkippedItem, Source};
use crate::limits;
use crate::mail::{Bytes, LineEnds, OctetCount};
use crate::maildrop::disk::Disk;
use crate::maildrop::folder::Folder;
use crate::wire::dot_decoder::LineEndDecoder;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use syncs::{Syncs, Written};

/// What lies in the staging folder now.
#[derive(Debug, Default)]
pub struct Gathered {
    /// By index in the inventory, ascending.
    pub staged: Vec<(usize, Staged)>,
    /// What the source could not give.
    pub skipped: Vec<SkippedItem>,
    /// Whether one of these shares its unique-id with others: these are not here either.
    pub holds_back: bool,
}

impl Gathered {
    fn of(plan: &Plan) -> Self {
        Self { staged: Vec::with_capacity(plan.wanted.len()), skipped: Vec::new(), holds_back: false }
    }

    /// Of messages that share a unique-id the first so many count as met: what stands behind one that could not
    /// be read waits for it.
    fn hold_back(&mut self, inventory: &Inventory, plan: &Plan) {
        let name = |index: usize| inventory.messages.get(index).map(certain);
        let staged: HashSet<usize> = self.staged.iter().map(|(index, _)| *index).collect();
        let mut missing = HashMap::new();
        for wanted in plan.wanted.iter().filter(|wanted| wanted.is_ambiguous) {
            if !staged.contains(&wanted.index) {
                missing.entry(name(wanted.index)).or_insert(wanted.index);
            }
        }
        self.holds_back = !missing.is_empty();
        let skipped = &mut self.skipped;
        self.staged.retain(|(index, _)| {
            let stays = missing.get(&name(*index)).is_none_or(|missing| index < missing);
            if let (false, Some(found)) = (stays, inventory.messages.get(*index)) {
                skipped.push(self::skipped(found, "one before it, of the same unique-id, could not be read"));
            }
            stays
        });
    }
}

/// Gathers what the plan wants. What an earlier run has staged is not asked for again.
///
/// # Errors
/// The source's, except for single messages; `Disk`. What is staged stays.
pub fn gather<D: Disk>(
    disk: &D,
    staging: &mut Staging,
    source: &mut dyn Source,
    (inventory, plan): (&Inventory, &Plan),
    syncers: usize,
    watch: &mut dyn FnMut(Progress),
) -> Result<Gathered, Failure> {
    staging.sweep(disk)?;
    let (mut gathered, missing) = take_up(disk, staging, plan)?;
    source.expect(&missing.iter().map(|wanted| wanted.index).collect::<Vec<_>>());
    let folder = &staging.folder;
    syncs::beside(disk, folder, syncers, |syncs| {
        let progress = Progress { messages: gathered.staged.len(), of: plan.wanted.len(), bytes: Bytes(0) };
        watch(progress);
        Work { disk, folder, progress, watch }.take_each(source, inventory, &missing, &syncs, &mut gathered)
    })?;
    gathered.staged.sort_by_key(|(index, _)| *index);
    gathered.hold_back(inventory, plan);
    Ok(gathered)
}

/// What an earlier run has staged and this one can use, and what is still to be read.
fn take_up<'a, D: Disk>(
    disk: &D,
    staging: &mut Staging,
    plan: &'a Plan,
) -> io::Result<(Gathered, Vec<&'a Wanted>)> {
    let (mut gathered, mut missing) = (Gathered::of(plan), Vec::new());
    for wanted in &plan.wanted {
        match staging.left.remove(&wanted.key) {
            Some(staged) if !wanted.is_ambiguous => gathered.staged.push((wanted.index, staged)),
            stale => {
                if let Some(stale) = stale {
                    disk.unlink(&staging.folder, &stale.name())?;
                }
                missing.push(wanted);
            }
        }
    }
    Ok((gathered, missing))
}

/// For a rehearsal: as if all had been staged. Messages that share a unique-id are read, and those of which
/// nobody has said how large they are; unless `all` are, the others are unlike each other, whatever is in them.
///
/// # Errors
/// As [`gather`].
pub fn rehearse(
    source: &mut dyn Source,
    inventory: &Inventory,
    plan: &Plan,
    all: bool,
) -> Result<Gathered, Failure> {
    let found = |wanted: &Wanted| inventory.messages.get(wanted.index);
    let is_read = |wanted: &Wanted| {
        all || wanted.is_ambiguous
            || found(wanted).is_some_and(|found| found.bytes.is_none() && found.octets.is_none())
    };
    let read = plan.wanted.iter().filter(|wanted| is_read(wanted)).map(|wanted| wanted.index);
    source.expect(&read.collect::<Vec<_>>());
    let mut gathered = Gathered::of(plan);
    for wanted in &plan.wanted {
        let Some(found) = found(wanted) else { continue };
        let look =
            if is_read(wanted) { recognise::look(source, wanted.index) } else { Ok(unread(wanted, found)) };
        match look {
            Ok(Look { digest, bytes, octets }) => {
                gathered.staged.push((wanted.index, Staged { key: wanted.key, bytes, octets, digest }));
            }
            Err(Error::Message { what }) => {
                gathered.skipped.push(skipped(found, &what));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(gathered)
}

/// Of a message whose size was said: a digest that no other has.
fn unread(wanted: &Wanted, found: &Found) -> Look {
    let octets = found.octets.unwrap_or_default();
    let bytes = found.bytes.unwrap_or(Bytes(octets.0));
    Look { digest: Digest::unread(wanted.index), bytes, octets }
}

/// The place is named once.
fn skipped(found: &Found, why: &str) -> SkippedItem {
    let place = found.place.to_string();
    let why = why.strip_prefix(&place).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(why);
    SkippedItem { why: why.to_owned(), what: place }
}

/// What writing a message needs.
struct Work<'a, D> {
    disk: &'a D,
    folder: &'a Folder,
    progress: Progress,
    watch: &'a mut dyn FnMut(Progress),
}

/// A message while it is written.
struct Incoming {
    file: File,
    text: LineEndDecoder,
    /// What is not written yet.
    waiting: Vec<u8>,
    essence: Essence,
    count: OctetCount,
    bytes: u64,
}

impl<D: Disk> Work<'_, D> {
    /// Reads what is missing, and hands each message over as soon as it is written.
    fn take_each(
        mut self,
        source: &mut dyn Source,
        inventory: &Inventory,
        missing: &[&Wanted],
        syncs: &Syncs<'_, D>,
        gathered: &mut Gathered,
    ) -> Result<(), Failure> {
        for wanted in missing {
            if syncs.have_failed() {
                break; // Told by whoever started them.
            }
            let Some(found) = inventory.messages.get(wanted.index) else { continue };
            match self.take(source, (wanted.index, found), wanted.key) {
                Ok((staged, written)) => {
                    gathered.staged.push((wanted.index, staged));
                    syncs.hand_over(written)?;
                }
                Err(Error::Message { what }) => gathered.skipped.push(skipped(found, &what)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        source: &mut dyn Source,
        (index, found): (usize, &Found),
        key: Digest,
    ) -> Result<(Staged, Written), Error> {
        let draft = OsString::from(format!("{key}.draft"));
        let file = self.disk.create(self.folder, &draft).map_err(Error::Landing)?;
        let mut incoming = Incoming {
            file,
            text: LineEndDecoder::default(),
            waiting: Vec::new(),
            essence: Essence::default(),
            count: OctetCount::new(LineEnds::OwnLf),
            bytes: 0,
        };
        let read = source.read(index, &mut |block| self.push(&mut incoming, block));
        let ended = read.and_then(|()| self.end(&mut incoming, found).map_err(Error::Landing));
        if let Err(error) = ended {
            // Left behind, it would be swept away by the next run.
            let _ = self.disk.unlink(self.folder, &draft);
            return Err(error);
        }
        self.progress.messages += 1;
        (self.watch)(self.progress);
        let Incoming { file, essence, count, bytes, .. } = incoming;
        let digest = Digest::of(essence.finish());
        let staged = Staged { key, bytes: Bytes(bytes), octets: count.total(), digest };
        Ok((staged, Written { file, draft, name: staged.name() }))
    }

    fn push(&mut self, incoming: &mut Incoming, block: &[u8]) -> io::Result<()> {
        incoming.text.push(block, &mut incoming.waiting);
        if incoming.waiting.len() >= limits::MESSAGE_BLOCK {
            self.write(incoming)?;
            (self.watch)(self.progress);
        }
        Ok(())
    }

    fn write(&mut self, incoming: &mut Incoming) -> io::Result<()> {
        incoming.essence.push(&incoming.waiting);
        incoming.count.push(&incoming.waiting);
        incoming.bytes += incoming.waiting.len() as u64;
        self.progress.bytes.0 += incoming.waiting.len() as u64;
        self.disk.write(&incoming.file, &incoming.waiting)?;
        incoming.waiting.clear();
        Ok(())
    }

    fn end(&mut self, incoming: &mut Incoming, found: &Found) -> io::Result<()> {
        incoming.text.finish(&mut incoming.waiting);
        if !incoming.waiting.is_empty() {
            self.write(incoming)?;
        }
        match found.received {
            Some(time) => self.disk.set_time(&incoming.file, time),
            None => Ok(()),
        }
    }
}
