//! A mailbox of an old Dovecot, on a disk that forgets nothing: letters in cur/, and the index that says
//! under which unique-ids its clients know them.

use super::letter;
use crate::rng::Rng;
use std::io;
use std::path::{Path, PathBuf};

/// The UIDVALIDITY of all of them.
const VALIDITY: u32 = 1_000_000_001;

/// One old mailbox. Message `n` of it, counted from 0, is letter [`OldMailbox::letter`] under
/// [`OldMailbox::unique_id`], in that order.
#[derive(Debug)]
pub struct OldMailbox {
    folder: PathBuf,
    name: String,
    letters: usize,
}

impl OldMailbox {
    /// An empty one. `name` begins the names of its letters.
    pub fn make(folder: PathBuf, name: &str) -> io::Result<Self> {
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let old = Self { folder, name: name.to_owned(), letters: 0 };
        old.write_index()?;
        Ok(old)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many letters it has.
    pub fn len(&self) -> usize {
        self.letters
    }

    /// One more letter, that a client of the old server has seen.
    pub fn receive(&mut self, rng: &mut Rng) -> io::Result<()> {
        let text =
            String::from_utf8_lossy(&letter::write(&self.letter(self.letters), rng)).replace("\r\n", "\n");
        std::fs::write(self.folder.join("cur").join(format!("{}:2,S", file(self.letters))), text)?;
        self.letters += 1;
        self.write_index()
    }

    /// The name that the letter itself tells.
    pub fn letter(&self, index: usize) -> String {
        format!("{}-{index}", self.name)
    }

    /// As `pop3_uidl_format = %08Xu%08Xv` gives it.
    pub fn unique_id(&self, index: usize) -> String {
        format!("{:08x}{VALIDITY:08x}", index + 1)
    }

    /// Whose unique-id it is.
    pub fn index_of(&self, unique_id: &str) -> Option<usize> {
        (0..self.letters).find(|index| self.unique_id(*index) == unique_id)
    }

    fn write_index(&self) -> io::Result<()> {
        let mut text = format!("3 V{VALIDITY} N{} G00000000000000000000000000000000\n", self.letters + 1);
        for index in 0..self.letters {
            text.push_str(&format!("{} :{}\n", index + 1, file(index)));
        }
        std::fs::write(self.folder.join("dovecot-uidlist"), text)
    }
}

/// Names in another order than the index: who goes by them is found out.
fn file(index: usize) -> String {
    format!("{}.M1P1.old", 2_000_000_000 - index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_holds_is_what_it_says() {
        let home = tempfile::tempdir().unwrap();
        let mut old = OldMailbox::make(home.path().join("old"), "m1").unwrap();
        let mut rng = Rng::new(1);
        (0..2).for_each(|_| old.receive(&mut rng).unwrap());
        let index = std::fs::read_to_string(old.folder().join("dovecot-uidlist")).unwrap();
        assert_eq!(index.lines().last(), Some("2 :1999999999.M1P1.old"));
        assert_eq!(old.unique_id(1), "000000023b9aca01");
        assert_eq!((old.index_of("000000023b9aca01"), old.index_of("x"), old.len()), (Some(1), None, 2));
        let text = std::fs::read_to_string(old.folder().join("cur/1999999999.M1P1.old:2,S")).unwrap();
        assert_eq!(letter::read(text.replace('\n', "\r\n").as_bytes()), Ok(old.letter(1)));
    }
}
