//! The scan listing: what lies in new/ and cur/, joined, in order, with unique-ids and sizes.
//!
//! One pass over two folders; nothing of our own is opened or stat-ed. Knows no lock and no session.

use super::disk::Disk;
use super::folder::Folder;
use super::name::{self, Parsed};
use super::sizes::{Mark, Sizes};
use super::tree::{Folders, Place};
use super::{Entry, find};
use crate::limits;
use crate::mail::{Bytes, LineEnds, OctetCount, Octets, UniqueId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

/// Where a message was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder.
    pub place: Place,
    /// The name in it, flags included.
    pub name: OsString,
}

/// One message of the listing, as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where to look for it first.
    pub at: Location,
    /// Further names of the same file: a move that a power cut broke off. They go when it goes.
    pub also: Vec<Location>,
    /// The size of the file.
    pub bytes: Bytes,
    /// Whether our own delivery wrote it.
    pub line_ends: LineEnds,
}

/// The two halves of a listing, index by index.
#[derive(Debug, Default)]
pub struct Listing {
    /// What the client sees.
    pub entries: Vec<Entry>,
    /// What the disk has.
    pub stored: Vec<Stored>,
}

/// A message before its sizes are known.
struct Candidate {
    at: Location,
    also: Vec<Location>,
    parsed: Parsed,
    /// Not zero when another file has the same name up to the `:`.
    salt: u64,
}

impl Location {
    /// The name without flags.
    pub fn base(&self) -> &[u8] {
        name::base(self.name.as_bytes())
    }
}

impl Candidate {
    /// The key of its sizes: two files of one name must not share them.
    fn key(&self) -> Vec<u8> {
        match self.salt {
            0 => self.at.base().to_vec(),
            salt => name::derived_id(self.at.base(), salt).as_bytes().into(),
        }
    }
}

/// Lists a Maildir. A foreign file that cannot be read is left out: the others are still served.
///
/// # Errors
/// What the disk says about the folders.
pub fn scan<D: Disk>(disk: &D, folders: &Folders) -> io::Result<Listing> {
    let candidates = join(folders, names(disk, folders)?);
    let ids = unique_ids(&candidates);
    let known = Sizes::load(&folders.root);
    let mut keep = Sizes::default();
    let mut listing = Listing::default();
    for (candidate, unique_id) in candidates.into_iter().zip(ids) {
        let Some((bytes, octets, line_ends)) = measure(disk, folders, &candidate, &known, &mut keep) else {
            continue;
        };
        listing.entries.push(Entry { unique_id, octets });
        listing.stored.push(Stored { at: candidate.at, also: candidate.also, bytes, line_ends });
    }
    // Only what is there now is kept, so the file never outgrows the Maildir.
    if keep != known {
        keep.save(&folders.root);
    }
    Ok(listing)
}

/// All names, by time, then by counter, then by name; new/ before cur/ for one name.
fn names<D: Disk>(disk: &D, folders: &Folders) -> io::Result<Vec<(Location, Parsed)>> {
    let mut found = Vec::new();
    // A message moves from new/ to cur/, so in this order none is missed on its way.
    for place in [Place::New, Place::Cur] {
        disk.each_file(folders.of(place), &mut |name| {
            let parsed = name::parse(name::base(name.as_bytes()));
            found.push((Location { place, name: name.to_owned() }, parsed));
        })?;
    }
    // By time, then by name: a client that remembers "I have 1 to 40" does not fetch 39 twice.
    found.sort_unstable_by(|(a, parsed_a), (b, parsed_b)| {
        let key_a = (parsed_a.order, a.base(), a.place, &a.name);
        key_a.cmp(&(parsed_b.order, b.base(), b.place, &b.name))
    });
    Ok(found)
}

/// Puts the names of one message together.
fn join(folders: &Folders, found: Vec<(Location, Parsed)>) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(found.len());
    let mut found = found.into_iter().peekable();
    while let Some((at, parsed)) = found.next() {
        let mut same = Vec::new();
        while let Some((next, _)) = found.next_if(|(next, _)| next.base() == at.base()) {
            same.push(next);
        }
        if same.is_empty() {
            candidates.push(Candidate { at, also: Vec::new(), parsed, salt: 0 });
        } else {
            same.insert(0, at);
            candidates.extend(resolve(folders, same, &parsed));
        }
    }
    candidates
}

/// Several names with one base: a message that was moved while we looked, a move that was broken off,
/// or really two messages. Only the disk can tell, so here it is asked.
fn resolve(folders: &Folders, same: Vec<Location>, parsed: &Parsed) -> Vec<Candidate> {
    let latest = same.last().cloned();
    let mut files = BTreeMap::<u64, Vec<Location>>::new();
    for location in same {
        if let Ok(stat) = folders.of(location.place).stat(&location.name) {
            files.entry(stat.st_ino).or_default().push(location);
        }
    }
    if files.is_empty() {
        // Moved once more; it is looked for again when it is wanted.
        let at = latest.into_iter();
        return at.map(|at| Candidate { at, also: Vec::new(), parsed: parsed.clone(), salt: 0 }).collect();
    }
    let contested = files.len() > 1;
    let candidate = |(inode, mut names): (u64, Vec<Location>)| {
        let at = names.pop()?; // The one in cur/.
        let salt = if contested { inode } else { 0 };
        Some(Candidate { at, also: names, parsed: parsed.clone(), salt })
    };
    files.into_iter().filter_map(candidate).collect()
}

/// A legal and unique id for each.
///
/// When two messages carry the same, neither keeps it: a client then fetches one a second time, where
/// otherwise it could take a new message for one it has, and never fetch it.
fn unique_ids(candidates: &[Candidate]) -> Vec<UniqueId> {
    let mut carriers = HashMap::<&UniqueId, u32>::with_capacity(candidates.len());
    for id in candidates.iter().filter_map(|candidate| candidate.parsed.unique_id.as_ref()) {
        *carriers.entry(id).or_default() += 1;
    }
    let carried = |candidate: &Candidate| {
        let id = candidate.parsed.unique_id.as_ref()?;
        (carriers.get(id) == Some(&1)).then(|| id.clone())
    };
    let mut given = HashSet::with_capacity(candidates.len());
    let unique = |candidate: &Candidate| {
        let derive = |salt| name::derived_id(candidate.at.base(), salt);
        let mut id = carried(candidate).unwrap_or_else(|| derive(candidate.salt));
        let mut salt = candidate.salt;
        while !given.insert(id.clone()) {
            salt = salt.wrapping_add(1); // Somebody named a file after the hash of another.
            id = derive(salt);
        }
        id
    };
    candidates.iter().map(unique).collect()
}

/// The sizes: from the name where we wrote it, else from the cache, else by reading the file.
fn measure<D: Disk>(
    disk: &D,
    folders: &Folders,
    candidate: &Candidate,
    known: &Sizes,
    keep: &mut Sizes,
) -> Option<(Bytes, Octets, LineEnds)> {
    let key = candidate.key();
    // A name of ours in the cache belonged to a file that was not what its name said.
    if let Some(written) = candidate.parsed.written.filter(|_| candidate.salt == 0 && !known.knows(&key)) {
        return Some((written.bytes, written.octets, LineEnds::OwnLf));
    }
    let Location { place, name } = &candidate.at;
    let stat = folders.of(*place).stat(name);
    let (mark, octets) = match stat.ok().map(|stat| Mark::of(&stat)) {
        Some(mark) if known.get(&key, mark).is_some() => (mark, known.get(&key, mark)?),
        _ => count(&mut find::open(disk, folders, &candidate.at).ok()??).ok()?,
    };
    keep.put(&key, mark, octets);
    Some((mark.bytes(), octets, LineEnds::AsFound))
}

/// Reads a file through. The mark is taken before and after: a file that is being written is not
/// counted with the wrong mark.
fn count(file: &mut File) -> io::Result<(Mark, Octets)> {
    let mark = Mark::of(&nix::sys::stat::fstat(&*file)?);
    let mut count = OctetCount::new(LineEnds::AsFound);
    let mut block = vec![0; limits::COUNT_BLOCK];
    let mut bytes = 0;
    loop {
        match file.read(&mut block)? {
            0 if Bytes(bytes) == mark.bytes() => return Ok((mark, count.total())),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                count.push(&block[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// Marks a message as one whose name or cached size lied, so that the next scan counts it.
pub fn distrust(root: &Folder, at: &Location) {
    let mut sizes = Sizes::load(root);
    sizes.put(at.base(), Mark::NEVER, Octets(0));
    sizes.save(root);
}

#[cfg(test)]
pub mod tests;
