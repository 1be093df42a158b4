//! Who has served an mbox, by the header lines it has left in the first message.
//!
//! A wrong guess makes every mail program download everything again, so what two servers could have
//! written is asked for.

use super::habits::{PLAIN, Server};
use super::pieces::{Piece, Pieces};
use super::scan::ReadAt;
use super::{Options, no_mbox, unreadable};
use crate::import::source::Error;
use crate::import::words;
use crate::limits;
use std::path::Path;

/// What the first header has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Traces {
    /// X-IMAPbase or X-IMAP.
    base: bool,
    /// X-UIDL.
    uidl: bool,
    /// X-UID filled up with blanks, or a last UID filled up with zeros: Dovecot leaves itself room.
    padded: bool,
    /// A line that some server hides: shown or not, that depends on which it was.
    marked: bool,
    /// Nothing at all.
    empty: bool,
}

/// Goes by X-IMAPbase (UW) and X-UIDL (qpopper), if nothing speaks against it.
///
/// # Errors
/// [`Error::Ask`] when it cannot be known, [`Error::Source`] when it is no mbox.
pub fn server(path: &Path, file: &impl ReadAt, options: &Options) -> Result<Server, Error> {
    if options.uidl_format.is_some() || options.reuse_xuidl || options.rename_duplicates {
        return Ok(Server::Dovecot); // These are settings of its.
    }
    let Some(traces) = first_header(file).map_err(|error| unreadable(path, &error))? else {
        return Err(no_mbox(path));
    };
    match traces {
        // No message, no unique-id that could be wrong.
        Traces { empty: true, .. } => Ok(Server::Plain),
        // Who ran doveconf has a Dovecot.
        _ if options.is_dovecots => Ok(Server::Dovecot),
        Traces { base: true, uidl: false, padded: false, .. } => Ok(Server::Uw),
        Traces { base: false, uidl: true, .. } => Ok(Server::Qpopper),
        // None of its octets depends on who showed it.
        Traces { marked: false, .. } if options.without_ids => Ok(Server::Plain),
        traces => Err(ask(path, &traces)),
    }
}

fn ask(path: &Path, traces: &Traces) -> Error {
    let why = match traces {
        Traces { base: true, uidl: true, .. } => "it has X-IMAPbase and X-UIDL, which more than one writes",
        Traces { base: true, .. } => "its X-IMAPbase looks like Dovecot's, UW's server writes it too",
        _ => "there is neither X-IMAPbase nor X-UIDL in its first message",
    };
    words::which_server(path, why, &Server::ALL.map(Server::as_str))
}

/// `None` if there is no From line at the start. An empty file has no traces.
fn first_header(file: &impl ReadAt) -> std::io::Result<Option<Traces>> {
    let mut block = vec![0; limits::COUNT_BLOCK];
    let read = file.read_at(&mut block, 0)?;
    let start = block[..read].iter().position(|octet| !octet.is_ascii_whitespace()).unwrap_or(read);
    let mut rest = &block[start..read];
    if !rest.is_empty() && !rest.starts_with(b"From ") {
        return Ok(None);
    }
    let mut traces = Traces { empty: rest.is_empty() && read < block.len(), ..Traces::default() };
    let mut pieces = Pieces::default();
    while let Some(piece) = pieces.next(&mut rest) {
        if PLAIN.ends_header(piece) {
            break;
        }
        note(piece, &mut traces);
    }
    Ok(Some(traces))
}

fn note(piece: Piece, traces: &mut Traces) {
    let name = super::fingerprint::name_of(piece.octets).unwrap_or_default().to_ascii_lowercase();
    traces.marked |= Server::ALL.iter().any(|server| server.habits().hidden.contains(&name.as_slice()));
    match name.as_slice() {
        b"x-imap" => traces.base = true,
        b"x-imapbase" => {
            traces.base = true;
            let last = piece.octets.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(2);
            traces.padded |= last.is_some_and(|uid| uid.len() == 10 && uid.starts_with(b"0"));
        }
        b"x-uidl" => traces.uidl = true,
        b"x-uid" => traces.padded |= piece.octets.trim_ascii_end().len() + 2 < piece.octets.len(),
        _ => {}
    }
}
