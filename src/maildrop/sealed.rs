//! Small files beside a Maildir's folders: a head that names the form, lines, and the SHA-256 of both.
//!
//! Knows text alone. What was torn by a crash, cut, or edited is told from what was written.

use super::disk::Disk;
use super::folder::Folder;
use super::name;
use crate::limits;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::File;
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
    let mut text = String::from_utf8(bytes).map_err(|_| damaged(folder, file))?;
    let lines = unseal(head, &text).map(str::len).ok_or_else(|| damaged(folder, file))?;
    // It may be long, so it is not copied.
    text.truncate(head.len() + lines);
    text.drain(..head.len());
    Ok(Some(text))
}

/// The error for a file that is not what was written.
pub fn damaged(folder: &Folder, file: &OsStr) -> io::Error {
    let path = folder.path().join(file);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is damaged and must come back from a backup", path.display()),
    )
}

/// Such a file while it is written: in memory there is one block of it, however many lines there are.
#[derive(Debug)]
pub struct Draft {
    file: File,
    sum: Sha256,
    /// What is not written yet.
    waiting: Vec<u8>,
    length: u64,
}

impl Draft {
    /// Makes the file. A left-over of a run that was killed makes way.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create<D: Disk>(disk: &D, folder: &Folder, file: &OsStr, head: &str) -> io::Result<Self> {
        match disk.unlink(folder, file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.create(folder, file)?;
        let mut begun = Self { file, sum: Sha256::new(), waiting: Vec::new(), length: 0 };
        begun.line(disk, head)?;
        Ok(begun)
    }

    /// One more line, with its line end.
    ///
    /// # Errors
    /// What the disk says.
    pub fn line<D: Disk>(&mut self, disk: &D, line: &str) -> io::Result<()> {
        self.sum.update(line);
        self.waiting.extend_from_slice(line.as_bytes());
        self.length += line.len() as u64;
        if self.waiting.len() >= limits::MESSAGE_BLOCK {
            disk.write(&self.file, &self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// No more lines: the file is whole and on the disk when this returns. How long it is.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish<D: Disk>(mut self, disk: &D) -> io::Result<u64> {
        let sum = name::hex(&self.sum.clone().finalize());
        self.line(disk, &(sum + "\n"))?;
        disk.write(&self.file, &self.waiting)?;
        disk.sync_file(&self.file)?;
        Ok(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::OsDisk;
    use super::super::twin::folder;
    use super::*;

    const HEAD: &str = "test 1\n";

    fn write(place: &Folder, file: &OsStr, lines: &str) {
        let mut draft = Draft::create(&OsDisk, place, file, HEAD).unwrap();
        lines.split_inclusive('\n').for_each(|line| draft.line(&OsDisk, line).unwrap());
        let length = draft.finish(&OsDisk).unwrap();
        assert_eq!(length, seal(HEAD, lines).len() as u64);
    }

    #[test]
    fn what_fills_many_blocks_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (place, file) = (folder(dir.path()), OsStr::new("file"));
        let lines = "a line of some length\n".repeat(limits::MESSAGE_BLOCK / 7);
        write(&place, file, &lines);
        assert_eq!(read(&place, file, HEAD, u64::MAX).unwrap(), Some(lines));
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else_is_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let (place, file) = (folder(dir.path()), OsStr::new("file"));
        assert!(read(&place, file, HEAD, 1000).unwrap().is_none());
        for lines in ["", "one\ntwo\n"] {
            write(&place, file, lines);
            assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), seal(HEAD, lines));
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
