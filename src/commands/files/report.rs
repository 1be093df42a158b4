//! `--report FILE`: old and new side by side, for scripts and for people.

use crate::commands::table::{self, Align, Column};
use crate::finding::Finding;
use crate::import::landing::Pair;
use crate::import::words::counted;
use crate::mail::{AccountAddress, UniqueId};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What a report says of one mailbox; the names are a promise to scripts.
#[derive(Debug, Serialize)]
pub struct Proof {
    source: String,
    to: String,
    /// What a mail program would notice.
    differences: usize,
    messages: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    old: Option<Side>,
    new: Option<Side>,
    /// `missing`, `uidl`, `size` or `order`.
    difference: Option<&'static str>,
    /// Whether it came over and was deleted here since, which is no difference.
    deleted_here: bool,
}

#[derive(Debug, Serialize)]
struct Side {
    number: usize,
    /// Octets that are no UTF-8 are replaced, as any mail program's log would do.
    uidl: Option<String>,
    octets: Option<u64>,
}

/// What stands for a number or a unique-id that is not there.
const NONE: &str = "-";

impl Proof {
    /// Of what came of an import.
    pub fn new(source: &str, to: &AccountAddress, pairs: &[Pair]) -> Self {
        Self {
            source: source.to_owned(),
            to: to.to_string(),
            differences: pairs.iter().filter(|pair| pair.difference.is_some()).count(),
            messages: pairs.iter().map(row).collect(),
        }
    }

    fn table(&self) -> String {
        let columns = [
            Column("OLD", Align::Right),
            Column("UIDL", Align::Left),
            Column("OCTETS", Align::Right),
            Column("NEW", Align::Right),
            Column("UIDL", Align::Left),
            Column("OCTETS", Align::Right),
            Column("", Align::Left),
        ];
        let table = table::render_each(&columns, self.messages.iter().map(Row::cells));
        let differences = counted(self.differences, "difference");
        format!("{} -> {}: {differences}\n\n{table}", self.source, self.to)
    }
}

fn row(pair: &Pair) -> Row {
    let text = |id: &UniqueId| id.to_string();
    Row {
        old: pair.there.as_ref().map(|there| Side {
            number: there.number,
            uidl: there.unique_id.as_ref().map(text),
            octets: there.octets.map(|octets| octets.0),
        }),
        new: pair.here.as_ref().map(|here| Side {
            number: here.number,
            uidl: Some(text(&here.unique_id)),
            octets: Some(here.octets.0),
        }),
        difference: pair.difference.map(|difference| difference.as_str()),
        deleted_here: pair.there.as_ref().is_some_and(|there| there.is_deleted),
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let note = if self.deleted_here { "deleted here" } else { self.difference.unwrap_or_default() };
        let sides = [&self.old, &self.new].into_iter().flat_map(|side| match side {
            None => [NONE; 3].map(str::to_owned),
            Some(side) => [
                side.number.to_string(),
                side.uidl.clone().unwrap_or_else(|| NONE.to_owned()),
                side.octets.map_or_else(|| NONE.to_owned(), |octets| octets.to_string()),
            ],
        });
        sides.chain([note.to_owned()]).collect()
    }
}

/// Writes the JSON into `file`, and the table into `file` with `.txt` behind its name: one mailbox as an
/// object, several as a list.
///
/// # Errors
/// A finding when one cannot be written; the mail is here all the same.
pub fn write(file: &Path, proofs: &[Proof], is_list: bool) -> Result<(), Finding> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".txt");
    let tables: Vec<String> = proofs.iter().map(Proof::table).collect();
    let written = write_json(file, proofs, is_list);
    written.and_then(|()| std::fs::write(&beside, &*table::harmless(&tables.join("\n")))).map_err(|error| {
        Finding {
            what: format!("the report {} could not be written: {error}", file.display()),
            remedy: "the mail is here; name another file and run the same command again".to_owned(),
        }
    })
}

fn write_json(file: &Path, proofs: &[Proof], is_list: bool) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    match proofs {
        [proof] if !is_list => serde_json::to_writer_pretty(&mut out, proof)?,
        proofs => serde_json::to_writer_pretty(&mut out, proofs)?,
    }
    out.write_all(b"\n")?;
    out.flush()
}
