//! What came of an import: as JSON for scripts, as lines for a person, and as how the command ends.
//!
//! Knows what was done by its counts alone.

use crate::commands::verify::Verdict;
use crate::commands::{Ending, table};
use crate::finding::Finding;
use crate::import::landing::{self, Imported};
use crate::import::words::{counted, of_number};
use crate::mail::AccountAddress;
use serde::Serialize;

/// What came over for one account; the names are a promise to scripts.
#[derive(Debug, Serialize)]
pub struct Report {
    source: String,
    to: String,
    found: usize,
    imported: usize,
    already: usize,
    bytes: u64,
    uidl: Uidl,
    folders_skipped: Vec<Folder>,
    skipped: Vec<Skipped>,
    warnings: Vec<String>,
    #[serde(skip)]
    is_rehearsal: bool,
    /// One of many that could not be imported: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Only the operator can say what it is.
    #[serde(skip)]
    is_question: bool,
    /// On the old server, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<usize>,
    /// Why nobody knows what was deleted there; one of the warnings.
    #[serde(skip)]
    undeleted: Option<String>,
    /// How it compares with the old server, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verdict>,
}

#[derive(Debug, Serialize)]
struct Uidl {
    kept: usize,
    generated: usize,
    renamed: usize,
}

#[derive(Debug, Serialize)]
struct Folder {
    name: String,
    messages: usize,
}

#[derive(Debug, Serialize)]
struct Skipped {
    what: String,
    why: String,
}

impl Report {
    /// Of an import; `deleted` on the old server, where that was asked for.
    pub fn new(to: &AccountAddress, imported: Imported, deleted: Option<usize>) -> Self {
        let folders = imported.folders_skipped.into_iter();
        let skipped = imported.skipped.into_iter();
        let landing::Uidl { kept, generated, renamed } = imported.uidl;
        Self {
            source: imported.source,
            to: to.to_string(),
            found: imported.found,
            imported: imported.imported,
            already: imported.already,
            bytes: imported.bytes.0,
            uidl: Uidl { kept, generated, renamed },
            folders_skipped: folders
                .map(|folder| Folder { name: folder.name, messages: folder.messages })
                .collect(),
            skipped: skipped.map(|item| Skipped { what: item.what, why: item.why }).collect(),
            warnings: imported.warnings,
            deleted,
            undeleted: None,
            verify: None,
            is_rehearsal: false,
            error: None,
            is_question: false,
        }
    }

    /// Of a mailbox, one of many, of which nothing came over.
    pub fn of_failure(to: &AccountAddress, source: String, ending: &Ending) -> Self {
        let (is_question, finding) = match ending {
            Ending::Usage(finding) => (true, finding),
            Ending::Failed(finding) => (false, finding),
        };
        let imported = Imported { source, ..Imported::default() };
        Self { error: Some(finding.to_string()), is_question, ..Self::new(to, imported, None) }
    }

    /// The same, of an import that was only rehearsed.
    pub fn rehearsed(self, is_rehearsal: bool) -> Self {
        Self { is_rehearsal, ..self }
    }

    /// The same, where the deletion on the old server came to no certain end.
    pub fn undeleted(mut self, why: &Finding) -> Self {
        let words = format!(
            "all of it is here, but whether it was deleted on the old server is not certain: {}",
            why.what
        );
        self.warnings.push(words.clone());
        Self { undeleted: Some(words), ..self }
    }

    /// Whether nothing was left behind.
    pub fn is_complete(&self) -> bool {
        self.skipped.is_empty() && self.error.is_none()
    }

    /// Of the files of what came over.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tells the warnings, on standard error.
    pub fn warn(&self) {
        // That is how the command ends.
        let warnings = self.warnings.iter().filter(|warning| Some(*warning) != self.undeleted.as_ref());
        warnings.for_each(|warning| table::warn(&format!("{}: {warning}", self.to)));
    }

    /// For a person.
    pub fn told(&self) -> String {
        if let Some(error) = &self.error {
            return format!("{}: {error}\n", self.to);
        }
        let Self { to, source, found, imported, already, uidl, .. } = self;
        let size = table::size(self.bytes);
        let done = if self.is_rehearsal { "would be imported" } else { "imported" };
        let imported = counted(*imported, "message");
        let mut text =
            format!("{to}: {imported} {done} ({size}), {already} here already, {found} at {source}\n");
        let Uidl { kept, generated, renamed } = uidl;
        text += &format!("  unique-ids: {kept} kept, {generated} new, {renamed} renamed\n");
        let folders = self.folders_skipped.iter();
        text.extend(folders.map(|Folder { name, messages }| {
            format!("  left there: {name} ({})\n", counted(*messages, "message"))
        }));
        let lines = self.skipped.iter().map(|item| format!("  not taken: {}: {}\n", item.what, item.why));
        text.extend(lines);
        if let Some(deleted) = self.deleted {
            text += &format!("  {deleted} deleted on the old server\n");
        }
        text.extend(self.verify.iter().map(Verdict::told));
        text
    }

    /// Success, if nothing is missing and what was to be deleted is.
    ///
    /// # Errors
    /// A finding with the first message that is missing.
    pub fn judge(&self) -> Result<(), Finding> {
        if let Some(error) = &self.error {
            let remedy = "run the same command again when this is mended".to_owned();
            return Err(Finding { what: format!("{}: {error}", self.to), remedy });
        }
        if let Some(words) = &self.undeleted {
            let remedy = "run the same command again: it deletes what is still there".to_owned();
            return Err(Finding { what: format!("{}: {words}", self.to), remedy });
        }
        let Some(first) = self.skipped.first() else { return Ok(()) };
        Err(Finding {
            what: format!(
                "{}: {} of {} did not come over, the first: {}: {}",
                self.to,
                self.skipped.len(),
                counted(self.found, "message"),
                first.what,
                first.why
            ),
            remedy: "mend them, or take them away there, and run the same command again".to_owned(),
        })
    }
}

/// What came over for many accounts.
#[derive(Debug, Serialize)]
pub struct All {
    imported: usize,
    already: usize,
    bytes: u64,
    users: Vec<Report>,
}

impl All {
    /// Adds up.
    pub fn of(users: Vec<Report>) -> Self {
        Self {
            imported: users.iter().map(|report| report.imported).sum(),
            already: users.iter().map(|report| report.already).sum(),
            bytes: users.iter().map(|report| report.bytes).sum(),
            users,
        }
    }

    /// Tells the warnings of all, on standard error.
    pub fn warn(&self) {
        self.users.iter().for_each(Report::warn);
    }

    /// For a person.
    pub fn told(&self) -> String {
        self.users.iter().map(Report::told).collect()
    }

    /// Success, if nothing is missing.
    ///
    /// # Errors
    /// A finding with the first account of which something is. Where only the operator can say what is
    /// missing, it is wrong usage.
    pub fn judge(&self) -> Result<(), Ending> {
        let wrong: Vec<(&Report, Finding)> =
            self.users.iter().filter_map(|report| Some((report, report.judge().err()?))).collect();
        let Some((_, first)) = wrong.first() else { return Ok(()) };
        let finding = Finding {
            what: format!(
                "{} of {} {} not complete: {}",
                wrong.len(),
                counted(self.users.len(), "mailbox"),
                of_number(wrong.len(), "is", "are"),
                first.what
            ),
            remedy: "run the same command again when this is mended: it takes only what is missing, and \
                     `restante account list` says who is held until then"
                .to_owned(),
        };
        let is_asked = wrong.iter().all(|(report, _)| report.is_question);
        Err(if is_asked { Ending::Usage(finding) } else { Ending::Failed(finding) })
    }
}
