//! The Maildir as any tool sees it: how many letters lie in a mailbox.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Letters in new/ and cur/ of `address` under the folder of its domain. A letter in both, with
/// flags or without, is one: what stands before the colon is its name.
pub fn count(domain: &Path, address: &str) -> io::Result<usize> {
    let local = address.split('@').next().unwrap_or(address);
    let mut letters = BTreeSet::new();
    for folder in ["new", "cur"] {
        let entries = match std::fs::read_dir(domain.join(local).join(folder)) {
            Ok(entries) => entries,
            // Not made yet: no mail has come.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            letters.insert(name.split(':').next().unwrap_or(&name).to_owned());
        }
    }
    Ok(letters.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_in_both_folders_is_one() {
        let domain = tempfile::tempdir().unwrap();
        assert_eq!(count(domain.path(), "a@example.org").unwrap(), 0);
        for path in ["a/new/1", "a/new/2", "a/cur/2:2,S", "a/cur/3", "a/tmp/4", "b/new/5"] {
            let path = domain.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        assert_eq!(count(domain.path(), "a@example.org").unwrap(), 3);
    }
}
