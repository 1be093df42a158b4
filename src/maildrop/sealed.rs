//! Small files beside a Maildir's folders: a head that names the form, lines, and the SHA-256 of both.
//!
//! Knows text alone. What was torn by a crash, cut, or edited is told from what was written.

use super::disk::Disk;
use super::folder::Folder;
use super::name;
use std::ffi::OsStr;
use std::io::{self, Read};

/// The text of such a file. `head` and each line of `lines` end with a line end.
pub fn seal(head: &str, lines: &str) -> String {
    let mut text = format!("{head}{lines}");
    let sum = name::sha256_hex(text.as_bytes());
    text.push_str(&sum);
    text.push('\n');
    text
}

/// The lines between head and sum; `None` unless both are right.
pub fn unseal<'a>(head: &str, text: &'a str) -> Option<&'a str> {
    let body = text.strip_suffix('\n')?;
    let (body, sum) = body.split_at(body.rfind('\n')? + 1);
    if name::sha256_hex(body.as_bytes()) != sum {
        return None;
    }
    body.strip_prefix(head)
}

/// Reads a file that must be right if it is there.
///
/// # Errors
/// `InvalidData` for a damaged one; what the disk says.
pub fn read(folder: &Folder, file: &OsStr, head: &str, max: u64) -> io::Result<Option<String>> {
    let opened = match folder.open_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    opened.take(max).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).ok();
    match text.as_deref().and_then(|text| unseal(head, text)) {
        Some(lines) => Ok(Some(lines.to_owned())),
        None => Err(damaged(folder, file)),
    }
}

/// The error for a file that is not what was written.
pub fn damaged(folder: &Folder, file: &OsStr) -> io::Error {
    let path = folder.path().join(file);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is damaged and must come back from a backup", path.display()),
    )
}

/// Writes a file that was not there, its bytes on the disk when this returns. A left-over of a run that was
/// killed makes way.
///
/// # Errors
/// What the disk says.
pub fn write<D: Disk>(disk: &D, folder: &Folder, file: &OsStr, text: &str) -> io::Result<()> {
    match disk.unlink(folder, file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let opened = disk.create(folder, file)?;
    disk.write(&opened, text.as_bytes())?;
    disk.sync_file(&opened)
}

#[cfg(test)]
mod tests {
    use super::super::disk::OsDisk;
    use super::super::twin::folder;
    use super::*;

    const HEAD: &str = "test 1\n";

    #[test]
    fn what_was_written_is_read_and_nothing_else_is_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let (place, file) = (folder(dir.path()), OsStr::new("file"));
        assert!(read(&place, file, HEAD, 1000).unwrap().is_none());
        for lines in ["", "one\ntwo\n"] {
            write(&OsDisk, &place, file, &seal(HEAD, lines)).unwrap();
            assert_eq!(read(&place, file, HEAD, 1000).unwrap().as_deref(), Some(lines));
        }
        let good = std::fs::read(dir.path().join("file")).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            for bad in [&bad[..], &good[..at]] {
                std::fs::write(dir.path().join("file"), bad).unwrap();
                let error = read(&place, file, HEAD, 1000).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "byte {at}");
                assert!(error.to_string().contains("file is damaged"));
            }
        }
        assert_eq!(unseal("other 1\n", &seal(HEAD, "one\n")), None);
    }
}
