//! The lines of an index: each ends with LF, the last one too, or the file was cut off there.

use crate::limits;
use std::io::{BufRead, Read};

/// A file that is read line by line, without ever holding more of it than one.
pub(super) struct Lines<R> {
    file: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, line: Vec::new(), number: 0 }
    }

    /// How many were read, the one that is damaged counted too.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the file.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.line.clear();
        let mut bounded = (&mut self.file).take(limits::INDEX_LINE_MAX);
        let count = bounded.read_until(b'\n', &mut self.line).map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.number > limits::IMPORT_MESSAGES_MAX as u64 {
            return Err(format!("there are more than {} lines in it", limits::IMPORT_MESSAGES_MAX));
        }
        match self.line.split_last() {
            Some((b'\n', line)) => Ok(Some(line)),
            _ if self.line.len() as u64 == limits::INDEX_LINE_MAX => Err("it is too long".to_owned()),
            _ => Err("it is cut off, there is no line end".to_owned()),
        }
    }
}
