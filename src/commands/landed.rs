//! What the commands that bring mail over share: where it lands, what is said on the way, and the report.

mod report;

pub use report::{All, Report};

use super::database::{existing, nothing_in, open, refused, storage};
use crate::accounts::ChangeError;
use crate::config::Settings;
use crate::finding::Finding;
use crate::import::landing::{self, Failure, Landing};
use crate::mail::AccountAddress;
use crate::maildrop::Maildrops;
use crate::maildrop::disk::Owner;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::unistd::{Gid, Uid};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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

/// Does all jobs, so many at a time, and gives what came of each, in the order of the jobs. Those of one account
/// are done one after the other, in their order, by one call of `work`, which gives as many as it got.
pub fn in_parallel<J: Sync, T: Send>(
    jobs: &[J],
    at_once: u8,
    account: impl Fn(&J) -> &AccountAddress,
    work: impl Fn(&[&J]) -> Vec<T> + Sync,
) -> Vec<T> {
    let queue = Mutex::new(by_account(jobs, account).into_iter());
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    // Not in the head of the loop: there the lock would be held while mail comes.
                    let next = unpoisoned(&queue).next();
                    let Some((places, jobs)) = next else { return };
                    let outcomes = work(&jobs);
                    // The rest would be missing in the report, and nobody would know whose mail has come.
                    debug_assert_eq!(outcomes.len(), places.len(), "as many come back as were given");
                    unpoisoned(&done).extend(places.into_iter().zip(outcomes));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Of each account its jobs and their places in the list, by its first one.
fn by_account<J>(jobs: &[J], account: impl Fn(&J) -> &AccountAddress) -> Vec<(Vec<usize>, Vec<&J>)> {
    let mut accounts: Vec<(Vec<usize>, Vec<&J>)> = Vec::new();
    let mut known: HashMap<&AccountAddress, usize> = HashMap::new();
    for (place, job) in jobs.iter().enumerate() {
        let at = *known.entry(account(job)).or_insert(accounts.len());
        match accounts.get_mut(at) {
            Some((places, its)) => {
                places.push(place);
                its.push(job);
            }
            None => accounts.push((vec![place], vec![job])),
        }
    }
    accounts
}

/// A bar on the terminal, as long as it takes.
pub struct Bar {
    bar: ProgressBar,
    /// That many mailboxes have brought, all together.
    bytes: AtomicU64,
}

impl Bar {
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
        Self { bar, bytes: AtomicU64::new(0) }
    }

    /// How far one mailbox is.
    pub fn show(&self, now: landing::Progress) {
        self.bar.set_length(now.of as u64);
        self.bar.set_position(now.messages as u64);
        self.bar.set_message(super::table::size(now.bytes.0));
    }

    /// One of many mailboxes is done, and has brought so many bytes.
    pub fn one_done(&self, bytes: u64) {
        let all = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        self.bar.set_message(super::table::size(all));
        self.bar.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A lock that outlives the panic of another thread.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn jobs() -> Vec<(AccountAddress, usize)> {
        let names = ["anna", "bert", "anna", "carl", "bert", "anna"];
        let address = |name| AccountAddress::parse(&format!("{name}@example.org")).unwrap();
        names.into_iter().enumerate().map(|(number, name)| (address(name), number)).collect()
    }

    #[test]
    fn jobs_are_done_beside_each_other_and_come_back_in_their_order() {
        let together = Barrier::new(3); // Nobody gets through it alone.
        let done = in_parallel(
            &jobs(),
            3,
            |job| &job.0,
            |of_one| {
                together.wait();
                assert!(
                    of_one.iter().all(|job| job.0 == of_one[0].0) && of_one.is_sorted_by_key(|job| job.1)
                );
                of_one.iter().map(|job| (job.1, of_one.len())).collect()
            },
        );
        assert_eq!(done, [(0, 3), (1, 2), (2, 3), (3, 1), (4, 2), (5, 3)]);
    }

    #[test]
    fn one_thread_does_all() {
        let done = in_parallel(&jobs(), 1, |job| &job.0, |of_one| of_one.iter().map(|job| job.1).collect());
        assert_eq!(done, [0, 1, 2, 3, 4, 5]);
        assert_eq!(in_parallel(&jobs()[..0], 4, |job| &job.0, |_| vec![0]), [0; 0]);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_report_that_is_missing_is_a_fault_of_ours() {
        in_parallel(&jobs(), 1, |job| &job.0, |_| vec![0]);
    }
}
