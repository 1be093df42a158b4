//! What the commands that bring mail over share: where it lands, what is said on the way, and the report.

mod report;

pub use report::{All, Report};

use super::database::{existing, nothing_in, open, refused, storage};
use crate::accounts::ChangeError;
use crate::config::{Finding, Settings};
use crate::import::landing::{self, Failure, Landing};
use crate::mail::AccountAddress;
use crate::maildrop::Maildrops;
use crate::maildrop::disk::Owner;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::{Gid, Uid};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where mail lands. Files made by root belong to whose the data folder is, as if `serve` had made them. A
/// rehearsal makes none, and no data folder either.
///
/// # Errors
/// A finding for a data folder that cannot be made or looked at.
pub fn landing(settings: &Settings, is_rehearsal: bool) -> Result<Landing, Finding> {
    let owner = if is_rehearsal {
        None
    } else {
        drop(open(settings)?); // Makes the data folder.
        owner(&settings.data_dir)?
    };
    let mail = settings.mail();
    Ok(Landing::new(mail.clone(), &settings.hostname, Maildrops::new(mail), owner))
}

/// `None`: whoever runs this.
fn owner(data_dir: &Path) -> Result<Option<Owner>, Finding> {
    let found = std::fs::metadata(data_dir).map_err(|error| Finding {
        what: format!("{} cannot be looked at: {error}", data_dir.display()),
        remedy: "run this as the user that restante runs as, or as root".to_owned(),
    })?;
    let owner = Owner { user: Uid::from_raw(found.uid()), group: Gid::from_raw(found.gid()) };
    Ok(Some(owner).filter(|owner| Uid::effective().is_root() && !owner.user.is_root()))
}

/// Mail comes over for accounts that are there.
///
/// # Errors
/// A finding when it is not.
pub fn there_is(settings: &Settings, address: &AccountAddress) -> Result<(), Finding> {
    let mut finding = refused(settings, address, &ChangeError::NoSuchAccount);
    finding.remedy = format!("make it with `restante account add {address}`");
    match existing(settings)? {
        Some(accounts) if accounts.exists(address).map_err(|error| storage(settings, &error))? => {
            return Ok(());
        }
        Some(_) => {}
        None => finding.what += &format!(", and there is none {}", nothing_in(settings)),
    }
    Err(finding)
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

/// A lock that outlives the panic of another thread.
pub fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
