//! The unique-ids that each server showed, out of the index of an mbox.
//!
//! Where the file does not say them, nothing is guessed: it is an error, or, if nobody can have seen one,
//! new ones are made. Knows no file but its name.

use super::Options;
use super::habits::{Identity, Server};
use super::index::Indexed;
use super::numbers::Numbers;
use crate::import::source::Error;
use crate::import::uidl_format::{UidlFormat, Variable, Variables};
use crate::mail::UniqueId;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

/// What a mail program knows one message by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// `None` if nobody has seen one.
    pub unique_id: Option<UniqueId>,
    /// Whether it is only what the server will give at the next login, if nothing comes between.
    pub foreseen: bool,
}

/// For each message of the index.
///
/// # Errors
/// [`Error::Source`] where it would have to be guessed.
pub fn of(
    path: &Path,
    server: Server,
    options: &Options,
    messages: &[Indexed],
    numbers: &Numbers,
) -> Result<Vec<Shown>, Error> {
    match server.habits().identity {
        _ if options.without_ids => Ok(vec![Shown::default(); messages.len()]),
        Identity::DovecotNumbers(_) => dovecots(path, options, messages, numbers),
        Identity::UwNumbers => uws(path, messages, numbers),
        Identity::Written => {
            Ok(messages.iter().map(|indexed| carried(indexed.message.uidl.as_deref())).collect())
        }
        Identity::Hash(_) => Ok(messages.iter().map(|indexed| hashed(server, indexed)).collect()),
        Identity::New => Ok(vec![Shown::default(); messages.len()]),
    }
}

fn carried(octets: Option<&[u8]>) -> Shown {
    Shown { unique_id: octets.and_then(UniqueId::carried), foreseen: false }
}

/// popa3d prints two words of its hash, each with its lowest octet last.
fn hashed(server: Server, indexed: &Indexed) -> Shown {
    let Some(hash) = indexed.hash else { return Shown::default() };
    let [a, b, c, d, e, f, g, h, ..] = hash;
    let text = if server == Server::Popa3d { hex(&[d, c, b, a, h, g, f, e]) } else { hex(&hash) };
    carried(Some(text.as_bytes()))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}"); // Writing to a String cannot fail.
        text
    })
}

fn uws(path: &Path, messages: &[Indexed], numbers: &Numbers) -> Result<Vec<Shown>, Error> {
    let Some(validity) = base(path, Server::Uw, messages, numbers)? else {
        return Ok(vec![Shown::default(); messages.len()]);
    };
    let id = |indexed: &Indexed| Shown {
        foreseen: indexed.foreseen,
        ..carried(Some(format!("{validity:08x}{:08x}", indexed.uid).as_bytes()))
    };
    Ok(messages.iter().map(id).collect())
}

/// The UIDVALIDITY; `None` if no session has ever been there.
fn base(path: &Path, server: Server, messages: &[Indexed], numbers: &Numbers) -> Result<Option<u32>, Error> {
    if let Some(uid) = numbers.misfit() {
        let what = format!(
            "{}: X-UID: {uid} does not fit between its neighbours and X-IMAPbase, so the old server would \
             number all messages anew",
            path.display()
        );
        return Err(Error::Source { what, remedy: without_numbers() });
    }
    let habits = server.habits();
    let seen = |Indexed { message, numbered, .. }: &Indexed| {
        (message.status.old || message.status.read || *numbered) && !habits.hides(message)
    };
    match (numbers.validity(), messages.iter().position(seen)) {
        (Some(validity), _) => Ok(Some(validity)),
        (None, None) => Ok(None),
        (None, Some(index)) => Err(Error::Source {
            what: format!(
                "{}: message {} has been seen by the old server, but the first message has no X-IMAPbase that \
                 counts",
                path.display(),
                index + 1
            ),
            remedy: without_numbers(),
        }),
    }
}

fn without_numbers() -> String {
    "log in once at the old server, which writes X-IMAPbase, or ask it with --uidls-from HOST:PORT --user USER, \
     or take the mail without its unique-ids with --server plain: each mail program then downloads everything once more"
        .to_owned()
}

fn dovecots(
    path: &Path,
    options: &Options,
    messages: &[Indexed],
    numbers: &Numbers,
) -> Result<Vec<Shown>, Error> {
    let format = options.uidl_format.clone().unwrap_or_default();
    if format.uses(Variable::FileName) {
        return Err(Error::Ask {
            what: format!("{}: pop3_uidl_format asks for a file name, and an mbox has none", path.display()),
            remedy: "take the value of pop3_uidl_format as `doveconf -n` prints it".to_owned(),
        });
    }
    let reused = |indexed: &Indexed| options.reuse_xuidl && indexed.message.uidl.is_some();
    let by_number = format.uses(Variable::Uid) || format.uses(Variable::UidValidity);
    let validity = match by_number && !messages.iter().all(reused) {
        true => base(path, Server::Dovecot, messages, numbers)?,
        false => None,
    };
    let mut copies = HashMap::new();
    let ids = messages.iter().map(|indexed| {
        let mut id = match &indexed.message.uidl {
            Some(id) if options.reuse_xuidl => id.to_vec(),
            _ if by_number && validity.is_none() => return Shown::default(),
            _ => filled_in(&format, indexed, validity.unwrap_or(0)),
        };
        if options.rename_duplicates {
            rename(&mut copies, &mut id);
        }
        Shown { foreseen: by_number && indexed.foreseen && !reused(indexed), ..carried(Some(&id)) }
    });
    Ok(ids.collect())
}

fn filled_in(format: &UidlFormat, indexed: &Indexed, uid_validity: u32) -> Vec<u8> {
    let hash = hex(&indexed.hash.unwrap_or_default());
    // The GUID of a message in an mbox is that hash as well.
    let (md5, guid) = (hash.as_bytes(), hash.as_bytes());
    format.fill_in(&Variables { uid: indexed.uid, uid_validity, md5, guid, file_name: b"" })
}

/// As `pop3_uidl_duplicates = rename` does: `-2`, `-3` behind what the first one has.
fn rename(copies: &mut HashMap<Vec<u8>, u32>, id: &mut Vec<u8>) {
    while let Some(count) = copies.get_mut(id) {
        *count += 1;
        let number = *count;
        id.extend_from_slice(format!("-{number}").as_bytes());
    }
    copies.insert(id.clone(), 1);
}
