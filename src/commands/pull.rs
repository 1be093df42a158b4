//! `restante import pop3`: the mail of one account, or of a list of them, from an old server over the wire.
//!
//! The old server is left as it is, unless `--delete-after` is given; then what is safely here is deleted
//! there, after the last message.

mod list;

use super::Ending;
use super::database::{address, json, open, refused};
use super::landed::{self, Report};
use super::old_server::Access;
use super::table;
use crate::config::{Finding, Settings};
use crate::fetch::{Login, Mailbox, Patience, Server};
use crate::import::landing::{Imported, Landing, Pair, Progress};
use crate::limits;
use crate::mail::AccountAddress;
use clap::Args;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// `restante import pop3 HOST[:PORT] …`
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The old server
    #[arg(value_name = "HOST[:PORT]", value_parser = super::old_server::server)]
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    pub server: Option<Server>,
    /// The account here, which must be there already
    #[arg(long, value_name = "ADDRESS", required_unless_present = "list", conflicts_with = "list")]
    pub to: Option<String>,
    /// Many mailboxes: a file with the columns host,port,tls,user,password,address, named in its first line
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["user", "password_stdin", "security"])]
    pub list: Option<PathBuf>,
    /// Mailboxes of the list that are pulled at the same time
    #[arg(long, value_name = "N", default_value_t = limits::PULL_MAILBOXES, value_parser = clap::value_parser!(u8).range(1..))]
    pub parallel: u8,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub how: How,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What is done with each mailbox.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "How it is done")]
pub struct How {
    /// Take a server that has no unique-ids: mail programs download everything again
    #[arg(long)]
    pub no_uidl: bool,
    /// Delete on the old server what is safely here, after the last message
    #[arg(long)]
    pub delete_after: bool,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "delete_after")]
    pub dry_run: bool,
}

/// One mailbox to be pulled.
struct Job {
    server: Server,
    login: Login,
    to: AccountAddress,
}

/// What a pull needs beside its job.
struct Place<'a> {
    settings: &'a Settings,
    landing: Landing,
    how: How,
    /// No bar on the terminal.
    quiet: bool,
}

/// Pulls one mailbox, or all of a list.
///
/// # Errors
/// A finding for what could not be pulled; the other mailboxes of a list are.
pub fn run(settings: &Settings, arguments: &PullArgs, quiet: bool) -> Result<(), Finding> {
    let place = Place {
        settings,
        landing: landed::landing(settings, arguments.how.dry_run)?,
        how: arguments.how,
        quiet,
    };
    if let Some(file) = &arguments.list {
        let jobs = list::read(file, &arguments.access.security)?;
        return many(&place, jobs, arguments);
    }
    let (Some(server), Some(to)) = (&arguments.server, &arguments.to) else {
        return Ok(()); // Not without a list.
    };
    let job = Job {
        to: address(to)?,
        server: arguments.access.security.server(server)?,
        login: arguments.access.login()?,
    };
    let report = {
        let progress = landed::Progress::shown_if(!quiet);
        place.pull(&job, true, &mut |now| progress.show(now))?
    };
    report.warn();
    table::print(&if arguments.json { json(&report)? } else { report.told() })?;
    report.judge()
}

impl Place<'_> {
    /// `is_last`: with this mailbox all is here that the account waits for.
    fn pull(&self, job: &Job, is_last: bool, watch: &mut dyn FnMut(Progress)) -> Result<Report, Finding> {
        landed::there_is(self.settings, &job.to)?;
        let (server, login) = (job.server.clone(), job.login.clone());
        let mut mailbox = Mailbox::new(server, login, Patience::default(), self.how.no_uidl);
        let imported = if self.how.dry_run {
            self.landing.rehearse(&job.to, &mut mailbox)
        } else {
            self.landing.import(&job.to, &mut mailbox, watch)
        };
        let imported = imported.map_err(|failure| landed::failed(&job.to, failure))?;
        let is_complete = imported.is_complete();
        if is_complete && is_last && !self.how.dry_run {
            let accounts = open(self.settings)?;
            accounts.release(&job.to).map_err(|error| refused(self.settings, &job.to, &error))?;
        }
        let deleted =
            if self.how.delete_after { self.delete(&job.to, mailbox, &imported)? } else { quit(mailbox) };
        Ok(Report::new(&job.to, imported, deleted).rehearsed(self.how.dry_run))
    }

    /// Only after all is here for good, and only what is seen to be here: brought by this run, looked at and
    /// found equal in this run, or here since an earlier run of the same mailbox and as large as there.
    fn delete(
        &self,
        to: &AccountAddress,
        mut mailbox: Mailbox,
        imported: &Imported,
    ) -> Result<Option<usize>, Finding> {
        if !imported.is_complete() {
            mailbox.close();
            return Ok(Some(0));
        }
        let pairs = self.landing.prove(to, imported).map_err(|failure| landed::failed(to, failure))?;
        let Sorted { mut here, doubtful } = Sorted::of(pairs, &imported.read);
        // Dovecot and Courier list a message without its last line end; what they send tells.
        let indexes: Vec<usize> = doubtful.iter().map(|(index, _)| *index).collect();
        let sent = mailbox.retrieved_sizes(&indexes)?;
        let same = doubtful.into_iter().zip(sent).filter(|((_, octets), sent)| *sent == Some(*octets));
        here.extend(same.map(|((index, _), _)| index));
        Ok(Some(mailbox.delete(&here)?))
    }
}

/// Messages of the old server, by index of its list.
#[derive(Default)]
struct Sorted {
    /// That are here.
    here: Vec<usize>,
    /// That are here by their unique-ids, with so many octets, and not by what LIST said there.
    doubtful: Vec<(usize, u64)>,
}

impl Sorted {
    /// `read`: by index, what this very run has read and knows to be here, whatever size the old server said.
    fn of(pairs: Vec<Pair>, read: &[bool]) -> Self {
        let mut sorted = Self::default();
        for pair in pairs {
            let (Some(there), Some(here)) = (pair.there, pair.here) else { continue };
            let Some(index) = there.number.checked_sub(1) else { continue };
            if read.get(index).is_some_and(|read| *read) || there.octets == Some(here.octets) {
                sorted.here.push(index);
            } else {
                sorted.doubtful.push((index, here.octets.0));
            }
        }
        sorted
    }
}

fn quit(mailbox: Mailbox) -> Option<usize> {
    mailbox.close();
    None
}

/// Several at a time; those of one account one after the other, in the order of the list.
fn many(place: &Place<'_>, jobs: Vec<Job>, arguments: &PullArgs) -> Result<(), Finding> {
    let work = Work::of(jobs, !place.quiet);
    std::thread::scope(|scope| {
        for _ in 0..arguments.parallel {
            scope.spawn(|| work.carry_out(place));
        }
    });
    let all = landed::All::of(work.outcomes());
    all.warn();
    table::print(&if arguments.json { json(&all)? } else { all.told() })?;
    all.judge().map_err(Ending::finding)
}

/// What is left of a list, and what came of the rest; numbers are places in the list.
struct Work {
    accounts: Mutex<std::vec::IntoIter<Vec<(usize, Job)>>>,
    done: Mutex<Vec<(usize, Report)>>,
    bytes: AtomicU64,
    progress: landed::Progress,
}

impl Work {
    fn of(jobs: Vec<Job>, is_shown: bool) -> Self {
        let progress = landed::Progress::of_many(jobs.len(), is_shown);
        let mut accounts: Vec<Vec<(usize, Job)>> = Vec::new();
        let mut known: HashMap<AccountAddress, usize> = HashMap::new();
        for (number, job) in jobs.into_iter().enumerate() {
            let at = *known.entry(job.to.clone()).or_insert(accounts.len());
            match accounts.get_mut(at) {
                Some(account) => account.push((number, job)),
                None => accounts.push(vec![(number, job)]),
            }
        }
        let accounts = Mutex::new(accounts.into_iter());
        Self { accounts, done: Mutex::default(), bytes: AtomicU64::new(0), progress }
    }

    /// Takes one account after the other until none is left.
    fn carry_out(&self, place: &Place<'_>) {
        loop {
            // Not in the head of the loop: there the lock would be held while mail comes.
            let next = landed::unpoisoned(&self.accounts).next();
            let Some(account) = next else { return };
            let (last, mut is_complete) = (account.len() - 1, true);
            for (nth, (number, job)) in account.into_iter().enumerate() {
                let pulled = place.pull(&job, is_complete && nth == last, &mut |_| {});
                let report = pulled.unwrap_or_else(|why| {
                    let source = format!("pop3 {} at {}", job.login.user, job.server);
                    Report::of_failure(&job.to, source, &Ending::Failed(why))
                });
                is_complete &= report.is_complete();
                let came = report.bytes();
                self.progress.one_done(self.bytes.fetch_add(came, Relaxed) + came);
                landed::unpoisoned(&self.done).push((number, report));
            }
        }
    }

    /// In the order of the list.
    fn outcomes(self) -> Vec<Report> {
        let mut done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}
