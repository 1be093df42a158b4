//! What solid-pop3d showed: the MD5 of each name, in the order of the files' times.

use super::entry::Entry;
use super::{Shown, kept, order};
use crate::import::words::{counted, of_number};
use md5::{Digest, Md5};
use std::fmt::Write;

/// See the head of this file.
pub(super) fn shown(entries: &[Entry]) -> Shown {
    let mut shown = Shown::default();
    let (mut last, mut together) = (None, 0);
    for index in order::by_time(entries) {
        let Some(entry) = entries.get(index) else { continue };
        together += usize::from(last.replace(entry.seconds()) == Some(entry.seconds()));
        let id = kept(unique_id(entry.base()).as_bytes(), entry, &mut shown.warnings);
        shown.messages.push((index, id));
    }
    shown.warnings.extend(warning(together));
    shown
}

fn warning(together: usize) -> Option<String> {
    (together > 0).then(|| {
        let (are, them) = of_number(together, ("is", "it"), ("are", "them"));
        format!(
            "{} {are} as old as the one before {them}, to the second. solid-pop3d showed such in the order of \
             its folder, which a copy changes: copy it with its times (`cp -a`), or import the folder itself",
            counted(together, "message")
        )
    })
}

fn unique_id(base: &[u8]) -> String {
    let mut text = String::new();
    for octet in Md5::digest(base) {
        let _ = write!(text, "{octet:02x}"); // Writing to a String cannot fail.
    }
    text
}
