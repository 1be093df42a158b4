//! The folders beside an inbox: Maildir++ (`.Sent`) and Dovecot's LAYOUT=fs (`Sent/2020`).

use super::super::source::Error;
use super::folder::Root;
use crate::limits;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// By name.
pub(super) fn of(root: &Root) -> Result<Vec<(String, Root)>, Error> {
    let mut found = Vec::new();
    look(root, "", 0, &mut found)?;
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn look(root: &Root, above: &str, depth: usize, found: &mut Vec<(String, Root)>) -> Result<(), Error> {
    for name in root.names()? {
        if depth == limits::SUBFOLDER_DEPTH_MAX || is_own(&name) {
            continue;
        }
        let Some(folder) = root.inside(&name) else { continue };
        let shown = format!("{above}{}", name.display());
        look(&folder, &format!("{shown}/"), depth + 1, found)?;
        found.push((shown, folder));
    }
    Ok(())
}

fn is_own(name: &OsStr) -> bool {
    matches!(name.as_bytes(), b"cur" | b"new" | b"tmp")
}
