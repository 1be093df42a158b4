//! Mail whose unique-ids nobody needs: in the order of arrival, as the names tell it.

use super::entry::Entry;
use super::{Shown, made, order};

/// The inbox.
pub(super) fn shown(entries: &[Entry]) -> Shown {
    let messages = arrived(entries).filter_map(|index| Some((index, made(entries.get(index)?)))).collect();
    Shown { messages, ..Shown::default() }
}

/// A folder that is put behind the inbox. Copies of one message may have one name in many folders, so the
/// folder takes part in what it is known by.
pub(super) fn of_subfolder(folder: &str, entries: &[Entry]) -> Vec<(usize, Box<[u8]>)> {
    let identity =
        |entry: &Entry| -> Box<[u8]> { [folder.as_bytes(), b"/", &entry.identity()].concat().into() };
    arrived(entries).filter_map(|index| Some((index, identity(entries.get(index)?)))).collect()
}

fn arrived(entries: &[Entry]) -> impl Iterator<Item = usize> {
    order::by_arrival(entries, (0..entries.len()).collect()).into_iter()
}
