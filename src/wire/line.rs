//! Lines out of a stream of octets, cut anywhere by TCP.
//!
//! Knows nothing of what a line means. Bounded: a line over the limit is reported once, as soon as
//! it is over, and read over up to its end.

/// Collects octets and gives whole lines.
#[derive(Debug)]
pub struct LineBuffer {
    pending: Vec<u8>,
    /// Where the octets start that have not been given out.
    start: usize,
    /// Where the search for the next LF goes on; what lies before was searched.
    searched: usize,
    limit: usize,
    skipping: bool,
}

/// What [`LineBuffer::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, its CR LF (or LF: printers) taken off.
    Whole(Vec<u8>),
    /// A line over the limit; its rest is read over.
    TooLong,
}

impl LineBuffer {
    /// Lines of up to `limit` octets, the line end counted.
    pub fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), start: 0, searched: 0, limit, skipping: false }
    }

    /// Adds octets that were read.
    pub fn push(&mut self, octets: &[u8]) {
        // What was given out goes away here and not at each line, or many small lines cost n².
        self.pending.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.pending.extend_from_slice(octets);
    }

    /// The next line; `None` when more octets are needed.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let Some(found) = memchr::memchr(b'\n', &self.pending[self.searched..]) else {
                self.searched = self.pending.len();
                return self.give_up_when_too_long();
            };
            let end = self.searched + found;
            let line = &self.pending[self.start..end];
            let too_long = line.len() + 1 > self.limit;
            let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            self.start = end + 1;
            self.searched = self.start;
            if !std::mem::take(&mut self.skipping) {
                return Some(if too_long { Line::TooLong } else { Line::Whole(line) });
            }
        }
    }

    /// Takes up to `most` octets that came behind the last line: the octets of BDAT and of DATA.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let end = self.pending.len().min(self.start.saturating_add(most));
        let taken = self.pending[self.start..end].to_vec();
        self.start = end;
        self.searched = end;
        taken
    }

    /// Octets that came and were not given out.
    pub fn len(&self) -> usize {
        self.pending.len() - self.start
    }

    /// Whether all that came was given out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all: what came before a TLS handshake is not part of the conversation.
    pub fn discard(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Gives back the memory of lines that were given out. Called with the beginning of a line at most: that
    /// stays, in as much room as a line may take.
    pub fn give_back(&mut self) {
        if self.is_empty() {
            self.pending = Vec::new();
            (self.start, self.searched) = (0, 0);
        } else if self.pending.capacity() > self.limit {
            self.push(&[]);
            self.pending.shrink_to(self.limit);
        }
    }

    /// Octets of memory that are held.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.pending.capacity()
    }

    fn give_up_when_too_long(&mut self) -> Option<Line> {
        if self.len() < self.limit {
            return None;
        }
        self.pending.clear();
        self.start = 0;
        self.searched = 0;
        if std::mem::replace(&mut self.skipping, true) { None } else { Some(Line::TooLong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Line> {
        let mut buffer = LineBuffer::new(8);
        let mut found = Vec::new();
        for piece in pieces {
            buffer.push(piece);
            while let Some(line) = buffer.next_line() {
                found.push(line);
            }
        }
        found
    }

    #[test]
    fn the_same_lines_wherever_the_stream_is_cut() {
        for stream in [
            &b"NOOP\r\nQUIT\n"[..],
            b"\r\n\n",
            b"123456\r\n1234567\r\nabc\r\n",
            b"far too long to take\r\nok\r\n",
            b"a\rb\r\n",
        ] {
            let whole = lines(&[stream]);
            for cut in 0..=stream.len() {
                assert_eq!(lines(&[&stream[..cut], &stream[cut..]]), whole, "cut at {cut}");
            }
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(lines(&single), whole);
        }
    }

    #[test]
    fn a_line_over_the_limit_is_told_once_and_the_next_is_whole() {
        let found = lines(&[b"123456789abcdefghijklmnopq", b"rstuvwxyz\r\nNOOP\r\n"]);
        assert_eq!(found, [Line::TooLong, Line::Whole(b"NOOP".to_vec())]);
    }

    #[test]
    fn what_was_given_out_takes_no_memory_while_nobody_speaks() {
        let mut buffer = LineBuffer::new(64);
        for (end, held) in [(&b""[..], 0), (b"NO", 64)] {
            buffer.push(&b"NOOP\r\n".repeat(1000));
            buffer.push(end);
            while buffer.next_line().is_some() {}
            buffer.give_back();
            assert_eq!(buffer.held(), held);
        }
        buffer.push(b"OP\r\n");
        assert_eq!(buffer.next_line(), Some(Line::Whole(b"NOOP".to_vec())));
    }

    #[test]
    fn octets_behind_a_line_are_given_as_they_are() {
        let mut buffer = LineBuffer::new(64);
        buffer.push(b"BDAT 4\r\na\nb\r\nNOOP\r\n");
        assert_eq!(buffer.next_line(), Some(Line::Whole(b"BDAT 4".to_vec())));
        assert_eq!(buffer.take(4), b"a\nb\r");
        assert_eq!(buffer.next_line(), Some(Line::Whole(Vec::new())));
        assert_eq!(buffer.next_line(), Some(Line::Whole(b"NOOP".to_vec())));
        assert!(buffer.is_empty());
    }
}
