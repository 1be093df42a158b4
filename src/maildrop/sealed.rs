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
use std::io::{self, BufRead, BufReader, Read};

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
    // All at once: a Vec that grows while it is read is in memory twice each time it moves.
    let size = usize::try_from(opened.metadata()?.len().min(max)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size + 1);
    opened.take(max).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8(bytes).map_err(|_| damaged(folder, file))?;
    let lines = unseal(head, &text).map(str::len).ok_or_else(|| damaged(folder, file))?;
    // It may be long, so it is not copied.
    text.truncate(head.len() + lines);
    text.drain(..head.len());
    Ok(Some(text))
}

/// Reads a file that must be right if it is there, line by line. `each` gets the lines between head and sum,
/// without their ends, and says whether they are right; nothing is to be believed before this returns.
///
/// # Errors
/// As [`read`].
pub fn each_line(
    folder: &Folder,
    file: &OsStr,
    (head, max): (&str, u64),
    each: &mut dyn FnMut(&str) -> bool,
) -> io::Result<()> {
    let opened = match folder.open_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut reader = BufReader::new(opened.take(max));
    let mut next = |line: &mut String| {
        line.clear();
        match reader.read_line(line) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged(folder, file)),
            read => read,
        }
    };
    let (mut sum, mut lines) = (Sha256::new(), 0_u64);
    let (mut line, mut ahead) = (String::new(), String::new());
    next(&mut line)?;
    // The last line is the sum, and shows that it is the last by having none behind it.
    while next(&mut ahead)? > 0 {
        let is_right = if lines == 0 { line == head } else { each(line.trim_end_matches('\n')) };
        if !is_right {
            return Err(damaged(folder, file));
        }
        sum.update(&line);
        lines += 1;
        std::mem::swap(&mut line, &mut ahead);
    }
    let is_whole = lines > 0 && line.strip_suffix('\n') == Some(&*name::hex(&sum.finalize()));
    if is_whole { Ok(()) } else { Err(damaged(folder, file)) }
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
        each_line(&place, file, (HEAD, 1000), &mut |_| panic!("there is no line")).unwrap();
        for lines in ["", "one\ntwo\n"] {
            write(&place, file, lines);
            assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), seal(HEAD, lines));
            assert_eq!(read(&place, file, HEAD, 1000).unwrap().as_deref(), Some(lines));
            let mut seen = String::new();
            let mut note = |line: &str| {
                seen += &format!("{line}\n");
                true
            };
            each_line(&place, file, (HEAD, 1000), &mut note).unwrap();
            assert_eq!(seen, lines);
            let refused = each_line(&place, file, (HEAD, 1000), &mut |_| false);
            assert_eq!(refused.is_err(), !lines.is_empty());
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
                let error = each_line(&place, file, (HEAD, 1000), &mut |_| true).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "byte {at}");
                assert!(error.to_string().contains("file is damaged"));
            }
        }
        assert_eq!(unseal("other 1\n", &seal(HEAD, "one\n")), None);
    }
}
