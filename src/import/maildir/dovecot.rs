//! What Dovecot showed: the `P` of its list, or X-UIDL, or its format; in the order of `O`, then of UIDs.

use super::entry::Entry;
use super::folder::Root;
use super::uidlist::{self, Record, Uidlist};
use super::{Error, Options, Shown, SkippedItem, kept, made, order, xuidl};
use crate::import::uidl_format::{Variable, Variables};
use crate::import::way;
use crate::import::words::counted;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

/// A message and what is known of it.
struct Message {
    index: usize,
    /// Without a list, only formats that do without a UID can be filled in.
    record: Option<Record>,
    /// It stands in no list.
    is_newcomer: bool,
}

/// See the head of this file.
pub(super) fn shown(root: &Root, entries: &[Entry], options: &Options) -> Result<Shown, Error> {
    let format = options.uidl_format.clone().unwrap_or_default();
    if format.uses(Variable::Md5) {
        return Err(Error::Ask {
            what: "pop3_uidl_format has %m, which Dovecot refuses for a Maildir".to_owned(),
            remedy: "give the format of the server that showed this Maildir".to_owned(),
        });
    }
    let list = list(root, options)?;
    let needs_list = format.uses(Variable::Uid) || format.uses(Variable::UidValidity);
    let seen = entries.iter().filter(|entry| !entry.is_new()).count();
    if list.is_none() && needs_list && seen > 0 {
        return Err(missing(root, seen));
    }
    let mut shown = Shown::default();
    skip_unlisted(entries, &mut shown);
    let uid_validity = list.as_ref().map(|list| list.uid_validity);
    let messages = numbered(entries, list);
    let mut ids = Ids { root: root.again()?, options, format, uid_validity, copies: HashMap::new() };
    let mut ordered = Vec::with_capacity(messages.len());
    // In the order of UIDs: doubles are numbered in it, whatever order POP3 shows.
    for Message { index, record, is_newcomer } in messages {
        let Some(entry) = entries.get(index) else { continue };
        let place = record.as_ref().and_then(|record| record.order).unwrap_or(u32::MAX);
        if is_newcomer && (needs_list || options.rename_duplicates) {
            shown.foreseen.insert(index);
        }
        match ids.of(entry, record.as_ref()) {
            Ok(Some(id)) => ordered.push((place, index, kept(&id, entry, &mut shown.warnings))),
            Ok(None) => ordered.push((place, index, made(entry))),
            Err(why) => shown.skipped.push(SkippedItem { what: entry.shown_name(), why }),
        }
    }
    ordered.sort_by_key(|(place, ..)| *place);
    shown.messages = ordered.into_iter().map(|(_, index, id)| (index, id)).collect();
    Ok(shown)
}

/// The list, wherever it lies.
fn list(root: &Root, options: &Options) -> Result<Option<Uidlist>, Error> {
    if let Some(path) = &options.uidlist {
        let file = way::open_for_reading(path).map_err(|lost| {
            lost.error(path).unwrap_or_else(|| Error::Source {
                what: format!("{}: {lost}", path.display()),
                remedy: "name the dovecot-uidlist of this mailbox with --uidlist".to_owned(),
            })
        });
        let file = File::from(file?);
        return Uidlist::read(BufReader::new(file), path).map(Some);
    }
    let path = root.path().join(uidlist::FILE);
    let file = root.index(uidlist::FILE)?;
    file.map(|file| Uidlist::read(BufReader::new(file), &path)).transpose()
}

fn missing(root: &Root, seen: usize) -> Error {
    Error::Source {
        what: format!(
            "{}: it is missing, and Dovecot has numbered {} in cur/",
            root.path().join(uidlist::FILE).display(),
            counted(seen, "message")
        ),
        remedy: super::without_index(
            "name it with --uidlist FILE if mail_location has a CONTROL= (`doveconf -n mail_location`)",
        ),
    }
}

/// Dovecot passes over names with a line end.
fn skip_unlisted(entries: &[Entry], shown: &mut Shown) {
    for entry in entries.iter().filter(|entry| !is_listed(entry)) {
        let why = "there is a line end in its name, so Dovecot never showed it; rename it to take it along";
        shown.skipped.push(SkippedItem { what: entry.shown_name(), why: why.to_owned() });
    }
}

fn is_listed(entry: &Entry) -> bool {
    memchr::memchr2(b'\r', b'\n', entry.base()).is_none()
}

/// All messages by UID: those of the list, then those that came since, numbered as Dovecot will.
fn numbered(entries: &[Entry], list: Option<Uidlist>) -> Vec<Message> {
    let mut known = Vec::new();
    let mut newcomers = Vec::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_listed(entry)) {
        let record = list.as_ref().and_then(|list| list.records.get(entry.base()));
        match record.filter(|_| !entry.is_double) {
            Some(record) => {
                known.push(Message { index, record: Some(record.clone()), is_newcomer: false });
            }
            None => newcomers.push(index),
        }
    }
    known.sort_by_key(|message| message.record.as_ref().map(|record| record.uid));
    let mut next_uid = list.map(|list| list.next_uid);
    for index in order::by_arrival(entries, newcomers) {
        let record = next_uid.map(|uid| Record { uid, ..Record::default() });
        known.push(Message { index, record, is_newcomer: true });
        next_uid = next_uid.map(|uid| uid.saturating_add(1));
    }
    known
}

/// What each message is called.
struct Ids<'a> {
    root: Root,
    options: &'a Options,
    format: crate::import::UidlFormat,
    uid_validity: Option<u32>,
    /// How often each unique-id was met.
    copies: HashMap<Vec<u8>, u32>,
}

impl Ids<'_> {
    /// `None` if nobody can know it; an error if the message cannot be looked into.
    fn of(&mut self, entry: &Entry, record: Option<&Record>) -> Result<Option<Vec<u8>>, String> {
        let Some(mut id) = self.original(entry, record)? else { return Ok(None) };
        if self.options.rename_duplicates {
            self.rename(&mut id);
        }
        Ok(Some(id))
    }

    fn original(&mut self, entry: &Entry, record: Option<&Record>) -> Result<Option<Vec<u8>>, String> {
        if entry.is_double {
            return Ok(None); // Dovecot gives it a name of its own making.
        }
        match record.and_then(|record| record.unique_id.as_deref()) {
            Some(b"") => return Ok(Some(entry.base().to_vec())),
            Some(id) => return Ok(Some(id.to_vec())),
            None => {}
        }
        if self.options.reuse_xuidl
            && let Some(id) = self.x_uidl(entry)?
        {
            return Ok(Some(id));
        }
        let needs_uid = self.format.uses(Variable::Uid) || self.format.uses(Variable::UidValidity);
        if needs_uid && self.uid_validity.is_none() {
            return Ok(None);
        }
        Ok(Some(self.format.fill_in(&Variables {
            uid: record.map_or(0, |record| record.uid),
            uid_validity: self.uid_validity.unwrap_or(0),
            file_name: entry.base(),
            guid: record.and_then(|record| record.guid.as_deref()).unwrap_or(entry.base()),
            md5: b"",
        })))
    }

    fn x_uidl(&mut self, entry: &Entry) -> Result<Option<Vec<u8>>, String> {
        let file = self.root.open_message(entry).map_err(|error| error.to_string())?;
        xuidl::first(BufReader::new(file)).map_err(|error| error.to_string())
    }

    /// As `pop3_uidl_duplicates = rename` does: `-2`, `-3` behind what the first one has, and again if that
    /// is taken too.
    fn rename(&mut self, id: &mut Vec<u8>) {
        while let Some(copies) = self.copies.get_mut(id) {
            *copies += 1;
            let number = *copies;
            id.extend_from_slice(format!("-{number}").as_bytes());
        }
        self.copies.insert(id.clone(), 1);
    }
}

#[cfg(test)]
mod tests;
