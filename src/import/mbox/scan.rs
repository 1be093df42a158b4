//! The way from a file to its index, and from the index to the octets of one message.
//!
//! Reads in blocks of one size, wherever it is told; knows no lock and no unique-id.

use super::habits::{Habits, Identity};
use super::index::{Indexed, Message, line_ends_behind};
use super::numbers::Numbers;
use super::shown::Shown;
use super::splitter::{Splitter, Step};
use crate::limits;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

/// Octets that can be read anywhere.
pub trait ReadAt {
    /// As [`FileExt::read_at`].
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, block: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, block: &mut [u8], at: u64) -> io::Result<usize> {
        // No file reaches so far, and the system calls it a mistake to ask; a Content-Length may lead there.
        if i64::try_from(at).is_err() {
            return Ok(0);
        }
        FileExt::read_at(self, block, at)
    }
}

/// Indexes an mbox; `None` if it is none.
///
/// # Errors
/// What the disk says; [`ErrorKind::FileTooLarge`] for more messages than [`limits::IMPORT_MESSAGES_MAX`].
pub fn index(
    file: &impl ReadAt,
    habits: Habits,
    identity: Identity,
) -> io::Result<Option<(Vec<Indexed>, Numbers)>> {
    index_up_to(limits::IMPORT_MESSAGES_MAX, file, habits, identity)
}

pub(super) fn index_up_to(
    most: usize,
    file: &impl ReadAt,
    habits: Habits,
    identity: Identity,
) -> io::Result<Option<(Vec<Indexed>, Numbers)>> {
    let mut splitter = Splitter::new(habits, identity);
    let mut block = vec![0; limits::COUNT_BLOCK];
    let mut at = 0;
    loop {
        let read = read_some(file, &mut block, at)?;
        if read == 0 {
            return Ok(splitter.finish());
        }
        if splitter.messages() > most {
            let why = format!("there are more than {most} messages in it");
            return Err(io::Error::new(ErrorKind::FileTooLarge, why));
        }
        match splitter.push(&block[..read]) {
            Step::More => at += read as u64,
            Step::NoMbox => return Ok(None),
            Step::Claim { taken, end } => {
                at += taken as u64;
                if is_borne_out(file, &splitter, end)? {
                    splitter.jump(end, end_of_text(file, at, end)?);
                    at = end;
                }
            }
        }
    }
}

fn is_borne_out(file: &impl ReadAt, splitter: &Splitter, end: u64) -> io::Result<bool> {
    let mut head = [0; limits::MBOX_LINE_HEAD];
    let mut filled = 0;
    // A block may come in parts, and the end of the file is known only by an empty one.
    while filled < head.len() {
        match read_some(file, &mut head[filled..], end.saturating_add(filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(splitter.bears_out(&head[..filled], filled < head.len()))
}

/// Where the line ends in front of `end` begin, or `start` if nothing else stands there.
fn end_of_text(file: &impl ReadAt, start: u64, mut end: u64) -> io::Result<u64> {
    let mut block = [0; limits::MBOX_LINE_HEAD];
    while end > start {
        let from = end.saturating_sub(block.len() as u64).max(start);
        let mut filled = 0;
        let wanted = usize::try_from(end - from).unwrap_or(block.len());
        while filled < wanted {
            match read_some(file, &mut block[filled..wanted], from + filled as u64)? {
                0 => return Ok(start), // The file has become shorter: its messages can no more be read.
                read => filled += read,
            }
        }
        let line_ends = line_ends_behind(&block[..wanted]);
        end -= line_ends as u64;
        if line_ends < wanted {
            break;
        }
    }
    Ok(end)
}

/// Gives one message as its server showed it.
///
/// # Errors
/// What the disk or the sink says; [`ErrorKind::UnexpectedEof`] if the file has become shorter.
pub fn read(
    file: &impl ReadAt,
    habits: Habits,
    message: &Message,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut shown = Shown::new(habits, message);
    let mut block = vec![0; limits::COUNT_BLOCK];
    let mut out = Vec::with_capacity(limits::COUNT_BLOCK);
    let mut at = message.start;
    while at < message.end {
        let wanted = usize::try_from(message.end - at).unwrap_or(usize::MAX).min(block.len());
        let read = read_some(file, &mut block[..wanted], at).map_err(Stop::Disk)?;
        if read == 0 {
            return Err(Stop::Disk(ErrorKind::UnexpectedEof.into()));
        }
        shown.push(&block[..read], &mut out);
        at += read as u64;
        sink(&out)?;
        out.clear();
    }
    shown.finish(&mut out);
    sink(&out)
}

/// What ends the reading of a message early.
#[derive(Debug)]
pub enum Stop {
    /// The file cannot be read.
    Disk(io::Error),
    /// The sink takes no more.
    Sink(io::Error),
}

fn read_some(file: &impl ReadAt, block: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(block, at) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
