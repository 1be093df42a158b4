//! The octets of one message as its server sent them, out of the octets in the file: header lines hidden, a
//! quote taken off, line ends as they went out.
//!
//! Works on blocks, and holds no more than one line. Knows no file.

use super::fingerprint::{name_of, value_of};
use super::habits::{CarriageReturns, Habits};
use super::index::Message;
use super::pieces::{Piece, Pieces};

/// See the module.
#[derive(Debug)]
pub struct Shown {
    habits: Habits,
    pieces: Pieces,
    sieve: Sieve,
}

#[derive(Debug)]
struct Sieve {
    in_header: bool,
    /// Whether this header line and those that continue it are hidden.
    hiding: bool,
    /// Put in before the first Status line, or else before the header's end: qpopper's X-UIDL.
    uidl_line: Option<Vec<u8>>,
    /// Put in before the header's end, unless there is no header: c-client's Status.
    status_line: Option<Vec<u8>>,
    /// Whether anything has been shown.
    began: bool,
}

impl Shown {
    /// For one message.
    pub fn new(habits: Habits, message: &Message) -> Self {
        let uidl_line = message.uidl.as_deref().filter(|_| habits.moves_uidl);
        let sieve = Sieve {
            in_header: true,
            hiding: false,
            uidl_line: uidl_line.map(|id| [b"X-UIDL: ", id, b"\n"].concat()),
            status_line: habits.adds_status.then(|| status_line(message)),
            began: false,
        };
        Self { habits, pieces: Pieces::default(), sieve }
    }

    /// Appends what is shown of a block.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        while let Some(piece) = self.pieces.next(&mut rest) {
            self.sieve.piece(self.habits, piece, out);
        }
    }

    /// No more will come.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(piece) = self.pieces.finish() {
            self.sieve.piece(self.habits, piece, out);
        }
        if self.sieve.in_header {
            self.sieve.end_of_header(out);
        }
    }
}

/// Two letters or blanks, always, so that the size does not change when a message has been read.
fn status_line(message: &Message) -> Vec<u8> {
    let letter = |set, letter| if set { letter } else { ' ' };
    format!("Status: {}{}\n", letter(message.status.read, 'R'), letter(message.status.old, 'O')).into_bytes()
}

impl Sieve {
    fn piece(&mut self, habits: Habits, piece: Piece, out: &mut Vec<u8>) {
        if !self.in_header {
            let quoted = habits.unquotes && piece.starts && is_quoted(piece.octets);
            habits.show(&piece.octets[usize::from(quoted)..], out);
            return;
        }
        if habits.ends_header(piece) {
            self.in_header = false;
            self.end_of_header(out);
            habits.show(piece.octets, out);
            return;
        }
        if piece.starts && !starts_with_blank(piece.octets) {
            let name = name_of(piece.octets).unwrap_or_default().to_ascii_lowercase();
            self.hiding = habits.hidden.contains(&name.as_slice());
            if name == b"status" {
                out.append(&mut self.uidl_line.take().unwrap_or_default());
            }
        }
        if !self.hiding {
            self.began = true;
            let value = if habits.evens_blanks { even_blanks(piece, out) } else { piece.octets };
            habits.show(value, out);
        }
    }

    fn end_of_header(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.uidl_line.take().unwrap_or_default());
        if self.began {
            out.append(&mut self.status_line.take().unwrap_or_default());
        }
    }
}

/// Shows name, colon and one blank of a field; gives the value.
fn even_blanks<'a>(piece: Piece<'a>, out: &mut Vec<u8>) -> &'a [u8] {
    let name = name_of(piece.octets).filter(|_| piece.starts && !starts_with_blank(piece.octets));
    let Some(name) = name else { return piece.octets };
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let value = value_of(piece.octets);
    let blanks = value.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    &value[blanks..]
}

fn starts_with_blank(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// `>From `, `>>From ` and so on.
fn is_quoted(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    quotes > 0 && line[quotes..].starts_with(b"From ")
}

impl Habits {
    /// Appends a piece of a line with the line end it went out with.
    fn show(&self, octets: &[u8], out: &mut Vec<u8>) {
        match self.carriage_returns {
            CarriageReturns::AsFound => out.extend_from_slice(octets),
            CarriageReturns::Dropped => out.extend(octets.iter().filter(|octet| **octet != b'\r')),
            CarriageReturns::Doubled => match octets.strip_suffix(b"\n") {
                Some(line) => {
                    out.extend_from_slice(line);
                    out.extend_from_slice(b"\r\n");
                }
                None => out.extend_from_slice(octets),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::mbox::habits::Server;
    use crate::import::mbox::header::Status;

    fn shown(server: Server, message: &Message, text: &str) -> String {
        let mut whole = Vec::new();
        let mut sieve = Shown::new(server.habits(), message);
        sieve.push(text.as_bytes(), &mut whole);
        sieve.finish(&mut whole);
        for cut in 0..=text.len() {
            let (mut sieve, mut out) = (Shown::new(server.habits(), message), Vec::new());
            sieve.push(&text.as_bytes()[..cut], &mut out);
            sieve.push(&text.as_bytes()[cut..], &mut out);
            sieve.finish(&mut out);
            assert_eq!(out, whole, "{server:?} {text:?} cut at {cut}");
        }
        String::from_utf8(whole).unwrap()
    }

    fn message(uidl: Option<&str>) -> Message {
        Message { uidl: uidl.map(|id| id.as_bytes().into()), ..Message::default() }
    }

    #[test]
    fn qpopper_moves_its_own_line() {
        for (text, wanted) in [
            (
                "X-UIDL: a\nSubject: b\nStatus: RO\n\nStatus: c\n",
                "Subject: b\nX-UIDL: a\nStatus: RO\n\nStatus: c\n",
            ),
            ("x-uidl: a\nSubject: b\n\nX-UIDL: c\n", "Subject: b\nX-UIDL: a\n\nX-UIDL: c\n"),
            ("X-UIDL: a\nX-UIDL: c\nContent-Length: 9\n\n", "X-UIDL: a\n\n"),
        ] {
            let found = shown(Server::Qpopper, &message(Some("a")), text);
            assert_eq!(found.replace("\r\n", "\n"), wanted, "{text:?}");
        }
        assert_eq!(shown(Server::Qpopper, &message(None), "Subject: b\n\n"), "Subject: b\r\n\r\n");
    }

    #[test]
    fn uws_status_stands_at_the_end_of_each_header() {
        let read = Message { status: Status { read: true, ..Status::default() }, ..Message::default() };
        let text = "Status: R\nSubject: b\nX-Keywords: c\n d\n\nStatus: e\rf\n";
        assert_eq!(shown(Server::Uw, &read, text), "Subject: b\nStatus: R \n\nStatus: ef\n");
        assert_eq!(shown(Server::Uw, &message(None), "\nbody\n"), "\nbody\n");
        assert_eq!(shown(Server::Uw, &message(None), "Subject: b\n"), "Subject: b\nStatus:   \n");
    }

    #[test]
    fn a_line_end_in_the_file_goes_out_as_each_server_sent_it() {
        let text = "A: b\r\n\r\nc\r\r\nd\re\n";
        assert_eq!(shown(Server::Dovecot, &message(None), text), text);
        assert_eq!(shown(Server::Popa3d, &message(None), text), "A: b\r\r\n\r\r\nc\r\r\r\nd\re\r\n");
        assert_eq!(shown(Server::Uw, &message(None), text), "A: b\nStatus:   \n\nc\nde\n");
    }

    #[test]
    fn mailutils_takes_one_quote_off_and_evens_blanks() {
        let text = "A:b\nC :\td\n e\n\n>From a\n>>From b\n>from c\n";
        let wanted = "A: b\nC: d\n e\n\nFrom a\n>From b\n>from c\n";
        assert_eq!(shown(Server::Mailutils, &message(None), text).replace("\r\n", "\n"), wanted);
        assert_eq!(shown(Server::Dovecot, &message(None), text), text);
    }
}
