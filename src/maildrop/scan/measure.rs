//! The sizes of messages whose names do not tell them: from the cache, else by reading the file.
//!
//! Knows files; in which order the messages stand, and what they are called, is settled elsewhere.

use super::candidate::Candidate;
use crate::limits;
use crate::mail::{Bytes, LineEnds, OctetCount, Octets};
use crate::maildrop::disk::Disk;
use crate::maildrop::find::{self, Sought, Whereabouts};
use crate::maildrop::folder;
use crate::maildrop::listing::Location;
use crate::maildrop::sizes::{Mark, Sizes};
use crate::maildrop::tree::Folders;
use nix::errno::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Read};

/// Octets that were counted, and of which file.
type Counted = (Mark, Octets);

/// The sizes of all that `is_asked` for. One that cannot be had is missing, and told if somebody should look
/// after it.
///
/// # Errors
/// What will be better next time: a message that is left out for one session is one whose unique-id the client
/// forgets, and that it fetches again. A refused login costs less.
pub(super) fn measure<D: Disk>(
    disk: &D,
    folders: &Folders,
    text: &[u8],
    candidates: &[Candidate],
    is_asked: impl Fn(&Candidate) -> bool,
    known: &Sizes,
) -> io::Result<Sizes> {
    let (mut sizes, mut left_out) = (Sizes::default(), LeftOut::default());
    // `false`: it is not there any more.
    let mut look = |candidate: &Candidate, at: &Location| -> io::Result<bool> {
        let key = candidate.key(text);
        match counted(disk, folders, at, &candidate.sought(text), |mark| known.get(&key, mark)) {
            Ok(None) => return Ok(false),
            Ok(Some((mark, octets))) => sizes.put(&key, mark, octets),
            Err(error) => left_out.note(error)?,
        }
        Ok(true)
    };
    // With the names at which the latest look found nothing.
    let mut moved = Vec::new();
    for candidate in candidates.iter().filter(|candidate| is_asked(candidate)) {
        let at = candidate.name.location(text);
        if !look(candidate, &at)? {
            moved.push((candidate, vec![at]));
        }
    }
    let mut empty = Vec::new();
    for _ in 0..limits::FOLDER_LOOKS_MAX {
        // All at once: a neighbour who flags a whole mailbox would cost a look at the folders for each.
        let sought: Vec<_> = moved.iter().map(|(candidate, _)| candidate.sought(text)).collect();
        let found = if sought.is_empty() { Vec::new() } else { find::again(disk, folders, &sought)? };
        for ((candidate, before), found) in std::mem::take(&mut moved).into_iter().zip(found) {
            let names = match found {
                Whereabouts::Nowhere => continue,
                Whereabouts::At(names) if names.last().map_or(Ok(false), |at| look(candidate, at))? => {
                    continue;
                }
                Whereabouts::At(names) | Whereabouts::Empty(names) => names,
                Whereabouts::Unclear => Vec::new(),
            };
            // Who renames a message gives it another name. To wait for the file of one that stays would keep
            // all the other messages from their reader for good.
            match names == before {
                true => empty.extend(names.into_iter().next_back()),
                false if names.is_empty() => moved.push((candidate, before)),
                false => moved.push((candidate, names)),
            }
        }
    }
    empty.iter().for_each(|at| left_out.note_empty(folders, at));
    left_out.tell();
    if moved.is_empty() { Ok(sizes) } else { Err(find::unclear(folders)) }
}

/// The octets of the message there, from what is known of such a file, or counted. `None`: it is gone.
fn counted<D: Disk>(
    disk: &D,
    folders: &Folders,
    at: &Location,
    sought: &Sought<'_>,
    known: impl Fn(Mark) -> Option<Octets>,
) -> io::Result<Option<Counted>> {
    let folder = folders.of(at.place);
    let mark = match folder.stat(&at.name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        stat => Mark::of(&stat?),
    };
    if let Some(octets) = known(mark).filter(|_| sought.is_file(mark.inode())) {
        return Ok(Some((mark, octets)));
    }
    let Some(mut file) = find::open_at(disk, folders, at, sought)? else { return Ok(None) };
    count(&mut file).map(Some).map_err(|error| folder::at(&folder.path().join(&at.name), error))
}

/// Reads a file through. The mark is taken before and after: a file that is being written is not
/// counted with the wrong mark.
fn count(file: &mut File) -> io::Result<Counted> {
    let mark = Mark::of(&nix::sys::stat::fstat(&*file)?);
    let mut count = OctetCount::new(LineEnds::AsFound);
    let mut block = vec![0; limits::COUNT_BLOCK];
    let mut bytes = 0;
    loop {
        match file.read(&mut block)? {
            0 if Bytes(bytes) == mark.bytes() => return Ok((mark, count.total())),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => {
                count.push(&block[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// Messages that are not shown, though they are there.
#[derive(Debug, Default, PartialEq, Eq)]
struct LeftOut {
    messages: usize,
    /// Of the first of them.
    why: Option<String>,
}

impl LeftOut {
    /// One more, because of this.
    ///
    /// # Errors
    /// What will be better next time.
    fn note(&mut self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            // No message any more, or none yet: removed, a link or a pipe by now, or being written.
            ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => return Ok(()),
            ErrorKind::PermissionDenied => {}
            // A disk that fails for a moment says the same as a damaged file. But a damaged one stays so, and
            // to refuse the login for it would keep all the other messages from their reader for good.
            _ if is_damage(&error) => {}
            _ => return Err(error),
        }
        self.add(&error);
        Ok(())
    }

    /// One more, whose name leads to nothing.
    fn note_empty(&mut self, folders: &Folders, at: &Location) {
        let why = io::Error::other("the folder lists this name, and has no file of it");
        self.add(&folder::at(&folders.of(at.place).path().join(&at.name), why));
    }

    fn add(&mut self, why: &io::Error) {
        self.messages += 1;
        self.why.get_or_insert_with(|| why.to_string());
    }

    /// One line for the log, for all.
    fn tell(&self) {
        if let Some(why) = &self.why {
            log::warn!("maildrop.left_out messages={} why={why:?}", self.messages);
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    // ext4 and XFS have the latter two for what does not check out.
    matches!(folder::errno(error), Some(Errno::EIO | Errno::EUCLEAN | Errno::EBADMSG))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn noted(errno: Errno) -> Option<LeftOut> {
        let mut left_out = LeftOut::default();
        left_out.note(folder::at(Path::new("/cur/1.a"), errno.into())).ok()?;
        Some(left_out)
    }

    #[test]
    fn what_stays_as_it_is_is_left_out_and_what_passes_is_an_error() {
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ESTALE, Errno::ETIMEDOUT] {
            assert_eq!(noted(errno), None, "{errno}");
        }
        assert_eq!(noted(Errno::ENOENT), Some(LeftOut::default()));
        for errno in [Errno::EACCES, Errno::EPERM, Errno::EIO, Errno::EUCLEAN, Errno::EBADMSG] {
            let told = noted(errno).unwrap();
            assert!(told.messages == 1 && told.why.unwrap().starts_with("/cur/1.a: "), "{errno}");
        }
    }
}
