//! RETR and TOP: a message from its file to the client, block by block.
//!
//! A message that is smaller than a block takes one pass through the doorway, with those behind it if
//! the client goes through them, and leaves in one write with the +OK line before it.

use super::Visit;
use super::ahead::{self, Ready};
use super::connection::Connection;
use super::end::End;
use crate::limits;
use crate::mail::{MessageNumber, Octets};
use crate::maildrop::{Error, Maildrop, Message};
use crate::pop3::{Extent, Response, SendTicket};
use crate::wire::dot_encoder::{DotEncoder, HOLD_BACK};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

/// Sends a message. `false`: it could not be opened, and the client was told so instead of +OK.
pub(super) async fn send(
    visit: &mut Visit,
    connection: &mut Connection,
    number: MessageNumber,
    extent: Extent,
    ticket: &SendTicket,
) -> Result<bool, End> {
    if let Some(ready) = visit.ahead.take(number, extent) {
        connection.say(&ticket.announcement()).await?;
        connection.add(ready.wire);
        connection.flush_when_full().await?;
        visit.note_sent(number, extent, ready.sent, ticket.octets());
        return Ok(true);
    }
    let Opened { mut outgoing, first, behind } = match open(visit, number, extent).await {
        Ok(opened) => opened,
        Err(Error::TakenOver | Error::InUse) => return Err(End::TakenOver),
        Err(error) => {
            connection.say(&refusal(visit, number, &error)).await?;
            return Ok(false);
        }
    };
    connection.say(&ticket.announcement()).await?;
    connection.add(first);
    while outgoing.sent.is_none() {
        // Four minutes pass over a block with a client of 1 KB/s, which is heard from all the time.
        connection
            .flush_telling(|| {
                visit.touch();
            })
            .await?;
        if !visit.touch() {
            return Err(End::TakenOverInside);
        }
        let room = connection.room();
        let block;
        (outgoing, block) = visit.shared.doorway.disk(move || outgoing.read_on(room)).await;
        connection.add(block.map_err(|error| unreadable(visit, number, &error))?);
    }
    connection.flush_when_full().await?;
    visit.ahead.sent(number, extent, behind);
    visit.note_sent(number, extent, outgoing.sent.unwrap_or_default(), ticket.octets());
    Ok(true)
}

/// A message on its way out, its first block, and small messages behind it that were read as well.
struct Opened {
    outgoing: Outgoing,
    first: Vec<u8>,
    behind: VecDeque<Ready>,
}

/// A message on its way out.
struct Outgoing {
    file: File,
    /// Bytes of the file that were not read yet.
    left: u64,
    /// Some of it was encoded.
    encoded: bool,
    /// `None` once all was encoded.
    encoder: Option<DotEncoder>,
    /// What is read lands here: fresh pages of memory for each block would cost as much as the reading.
    block: Vec<u8>,
    /// Octets that must leave together with the final dot, should nothing follow them.
    held: Vec<u8>,
    /// All was encoded, and this many octets of the message.
    sent: Option<Octets>,
}

impl Outgoing {
    fn new(message: Message, extent: Extent) -> Self {
        let encoder = match extent {
            Extent::Whole => DotEncoder::whole(message.line_ends),
            Extent::Top { body_lines } => DotEncoder::top(message.line_ends, body_lines),
        };
        // What was listed is what is sent: bytes that are appended meanwhile are not part of it.
        let left = message.bytes.0;
        Self {
            file: message.file,
            left,
            encoded: false,
            encoder: Some(encoder),
            block: Vec::new(),
            held: Vec::new(),
            sent: None,
        }
    }

    /// The next octets to send, put into `out`, which is empty. A file that has become shorter is an error,
    /// never a short message.
    fn next(&mut self, mut out: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(out) };
        // The first block is held until +OK can be said, and often is the whole message.
        let most = if self.encoded { limits::LARGE_BLOCK } else { limits::OUTPUT_MAX };
        self.encoded = true;
        let size = usize::try_from(self.left).map_or(most, |left| left.min(most));
        self.block.resize(size, 0);
        // Whole or not at all: a file that was cut off meanwhile must not pass for a message.
        self.file.read_exact(&mut self.block)?;
        self.left -= size as u64;
        out.append(&mut self.held);
        encoder.push(&self.block, &mut out);
        if self.left == 0 || encoder.is_complete() {
            self.sent = Some(encoder.finish(&mut out));
        } else {
            self.held = out.split_off(out.len().saturating_sub(HOLD_BACK));
            self.encoder = Some(encoder);
        }
        Ok(out)
    }

    fn read_on(mut self, room: Vec<u8>) -> (Self, io::Result<Vec<u8>>) {
        let block = self.next(room);
        (self, block)
    }
}

/// Opens a message and reads its first block: a fault shows before +OK is said.
async fn open(visit: &Visit, number: MessageNumber, extent: Extent) -> Result<Opened, Error> {
    // Without a maildrop the session asks for no message.
    let Some(maildrop) = visit.maildrop.as_ref().map(Arc::clone) else { return Err(Error::Gone) };
    let continues = visit.ahead.continues(number, extent);
    let opened = move || {
        let mut outgoing = Outgoing::new(maildrop.read(number)?, extent);
        let first = outgoing.next(Vec::new()).map_err(Error::Temporary)?;
        let is_small = continues && outgoing.sent.is_some();
        let behind = if is_small { behind(&maildrop, number, extent, first.len()) } else { VecDeque::new() };
        Ok(Opened { outgoing, first, behind })
    };
    visit.shared.doorway.disk(opened).await
}

/// The small messages behind one, read on the same way.
fn behind(maildrop: &Maildrop, number: MessageNumber, extent: Extent, first: usize) -> VecDeque<Ready> {
    let contents = maildrop.contents();
    let listed = |index: usize| (index < contents.count()).then(|| contents.octets(index));
    let read = |index: usize| {
        let number = MessageNumber::from_index(index)?;
        let mut outgoing = Outgoing::new(maildrop.read(number).ok()?, extent);
        let wire = outgoing.next(Vec::new()).ok()?;
        outgoing.sent.map(|sent| Ready { wire, sent })
    };
    ahead::read_on(first, number, listed, read)
}

/// What the client is told instead of +OK. That a neighbour removed a message is no fault of ours.
fn refusal(visit: &Visit, number: MessageNumber, error: &Error) -> Response {
    match error {
        Error::Gone => Response::GONE,
        Error::Changed => Response::CHANGED,
        _ => {
            visit.log_fault(&format!("message {number}"), error);
            Response::TEMPORARY
        }
    }
}

/// In the middle of a message there is nothing left to say: the connection is dropped.
fn unreadable(visit: &Visit, number: MessageNumber, error: &io::Error) -> End {
    visit.log_fault(&format!("message {number}"), error);
    End::Unreadable
}

impl Visit {
    /// Counts for the log. TOP is a look, not a retrieval.
    fn note_sent(&mut self, number: MessageNumber, extent: Extent, sent: Octets, listed: Octets) {
        self.tally.octets.0 += sent.0;
        if extent != Extent::Whole {
            return;
        }
        self.tally.retrieved += 1;
        // Nothing on the wire is wrong then but what LIST said: worth a look, not worth the message.
        if sent != listed {
            self.log_fault(&format!("message {number} listed with {listed} octets"), &sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Bytes, LineEnds};
    use std::io::{Seek as _, Write as _};

    fn outgoing(text: &[u8], bytes: u64, extent: Extent) -> Outgoing {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.rewind().unwrap();
        Outgoing::new(Message { file, line_ends: LineEnds::AsFound, bytes: Bytes(bytes) }, extent)
    }

    fn blocks(text: &[u8], extent: Extent) -> Vec<Vec<u8>> {
        let mut outgoing = outgoing(text, text.len() as u64, extent);
        let mut blocks = Vec::new();
        while outgoing.sent.is_none() {
            blocks.push(outgoing.next(Vec::new()).unwrap());
        }
        assert!(outgoing.next(Vec::new()).unwrap().is_empty());
        blocks
    }

    #[test]
    fn a_small_message_is_one_block() {
        assert_eq!(blocks(b"a\n.b\n", Extent::Whole), [b"a\r\n..b\r\n.\r\n"]);
        assert_eq!(blocks(b"", Extent::Whole), [b".\r\n"]);
    }

    #[test]
    fn the_last_line_end_and_the_final_dot_are_never_parted() {
        for size in
            [limits::OUTPUT_MAX - 1, limits::OUTPUT_MAX, limits::OUTPUT_MAX + 1, 3 * limits::OUTPUT_MAX]
        {
            let mut text = vec![b'x'; size];
            text[size - 1] = b'\n';
            text[size - 2] = b'\r';
            let blocks = blocks(&text, Extent::Whole);
            assert!(blocks.last().unwrap().ends_with(b"\r\n.\r\n"), "{size}");
            assert_eq!(blocks.concat().len(), size + 3);
        }
    }

    #[test]
    fn top_reads_no_more_than_it_sends() {
        let text = [&b"A: 1\n\n"[..], &vec![b'\n'; 4 * limits::OUTPUT_MAX]].concat();
        assert_eq!(blocks(&text, Extent::Top { body_lines: 1 }), [b"A: 1\r\n\r\n\r\n.\r\n"]);
    }

    #[test]
    fn a_file_that_became_shorter_is_no_message() {
        let error = outgoing(b"a\n", 3, Extent::Whole).next(Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
