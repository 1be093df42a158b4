//! What the commands that bring mail over share: where it lands, what is said on the way, and the report.

use super::Ending;
use super::database::{open, storage};
use super::verify::Verdict;
use crate::config::{Finding, Settings};
use crate::import::landing::{self, Failure, Imported, Landing};
use crate::mail::AccountAddress;
use crate::maildrop::Maildrops;
use crate::maildrop::disk::Owner;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::{Gid, Uid};
use serde::Serialize;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where mail lands. Files made by root belong to whose the data folder is, as if `serve` had made them.
///
/// # Errors
/// A finding for a data folder that cannot be made or looked at.
pub fn landing(settings: &Settings) -> Result<Landing, Finding> {
    drop(open(settings)?); // Makes the data folder.
    let folder = &settings.data_dir;
    let found = std::fs::metadata(folder).map_err(|error| Finding {
        what: format!("{} cannot be looked at: {error}", folder.display()),
        remedy: "run this as the user that restante runs as, or as root".to_owned(),
    })?;
    let owner = Owner { user: Uid::from_raw(found.uid()), group: Gid::from_raw(found.gid()) };
    let owner = Some(owner).filter(|owner| Uid::effective().is_root() && !owner.user.is_root());
    let mail = settings.mail();
    Ok(Landing::new(mail.clone(), &settings.hostname, Maildrops::new(mail), owner))
}

/// Mail comes over for accounts that are there.
///
/// # Errors
/// A finding when it is not.
pub fn there_is(settings: &Settings, address: &AccountAddress) -> Result<(), Finding> {
    let accounts = open(settings)?.list().map_err(|error| storage(settings, &error))?;
    if accounts.iter().any(|account| account.address == *address) {
        return Ok(());
    }
    Err(Finding {
        what: format!("{address} is not an account"),
        remedy: format!("make it with `restante account add {address}`"),
    })
}

/// An import that came to no end.
pub fn failed(to: &AccountAddress, failure: Failure) -> Finding {
    match failure {
        Failure::Ask { what, remedy } | Failure::Source { what, remedy } => Finding { what, remedy },
        Failure::Running => Finding {
            what: format!("another import for {to} is running"),
            remedy: "let it end first".to_owned(),
        },
        Failure::InUse => Finding {
            what: format!(
                "a session has the mailbox of {to} open, and mail of an earlier import waits for its end"
            ),
            remedy: "nothing is lost; run the same command again when the session has ended".to_owned(),
        },
        Failure::Disk(error) => Finding {
            what: format!("the mail of {to} cannot be taken in: {error}"),
            remedy: "see that the disk has room and can be written to, and run the same command again: it \
                     goes on where it stopped"
                .to_owned(),
        },
    }
}

/// A bar on the terminal, as long as it takes.
pub struct Progress(ProgressBar);

impl Progress {
    /// For one mailbox; nothing is shown where nobody looks, or nobody wants it.
    pub fn shown_if(wanted: bool) -> Self {
        Self::of(0, "{bar:30} {pos} of {len} messages, {msg}, {eta} left", wanted)
    }

    /// For many mailboxes.
    pub fn of_many(mailboxes: usize, wanted: bool) -> Self {
        Self::of(mailboxes, "{bar:30} {pos} of {len} mailboxes, {msg}, {eta} left", wanted)
    }

    fn of(count: usize, template: &str, wanted: bool) -> Self {
        // Draws nothing if standard error is no terminal.
        let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(count as u64), target);
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }

    /// How far one mailbox is.
    pub fn show(&self, now: landing::Progress) {
        self.0.set_length(now.of as u64);
        self.0.set_position(now.messages as u64);
        self.0.set_message(super::table::size(now.bytes.0));
    }

    /// One of many mailboxes is done, and all of them together have brought so many bytes.
    pub fn one_done(&self, bytes: u64) {
        self.0.set_message(super::table::size(bytes));
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

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
        self.warnings.iter().for_each(|warning| super::table::warn(&format!("{}: {warning}", self.to)));
    }

    /// For a person.
    pub fn told(&self) -> String {
        if let Some(error) = &self.error {
            return format!("{}: {error}\n", self.to);
        }
        let Self { to, source, found, imported, already, uidl, .. } = self;
        let size = super::table::size(self.bytes);
        let done = if self.is_rehearsal { "would be imported" } else { "imported" };
        let mut text = format!(
            "{to}: {imported} messages {done} ({size}), {already} here already, {found} at {source}\n"
        );
        let Uidl { kept, generated, renamed } = uidl;
        text += &format!("  unique-ids: {kept} kept, {generated} new, {renamed} renamed\n");
        let folders = self.folders_skipped.iter();
        text.extend(
            folders.map(|folder| format!("  left there: {} ({} messages)\n", folder.name, folder.messages)),
        );
        let lines = self.skipped.iter().map(|item| format!("  not taken: {}: {}\n", item.what, item.why));
        text.extend(lines);
        if let Some(deleted) = self.deleted {
            text += &format!("  {deleted} deleted on the old server\n");
        }
        text.extend(self.verify.iter().map(Verdict::told));
        text
    }

    /// Success, if nothing is missing.
    ///
    /// # Errors
    /// A finding with the first message that is.
    pub fn judge(&self) -> Result<(), Finding> {
        if let Some(error) = &self.error {
            let remedy = "run the same command again when this is mended".to_owned();
            return Err(Finding { what: format!("{}: {error}", self.to), remedy });
        }
        let Some(first) = self.skipped.first() else { return Ok(()) };
        Err(Finding {
            what: format!(
                "{}: {} of {} messages did not come over, the first: {}: {}",
                self.to,
                self.skipped.len(),
                self.found,
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
                "{} of {} mailboxes are not complete: {}",
                wrong.len(),
                self.users.len(),
                first.what
            ),
            remedy: "run the same command again when this is mended: it takes only what is missing"
                .to_owned(),
        };
        let is_asked = wrong.iter().all(|(report, _)| report.is_question);
        Err(if is_asked { Ending::Usage(finding) } else { Ending::Failed(finding) })
    }
}

/// A lock that outlives the panic of another thread.
pub fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
