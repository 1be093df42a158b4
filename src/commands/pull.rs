//! `restante import pop3`: the mail of one account, or of a list of them, from an old server over the wire.
//!
//! The old server is left as it is, unless `--delete-after` is given; then what is safely here is deleted
//! there, after the last message.

mod list;

use super::database::{address, json, open, refused};
use super::landed::{self, Report};
use super::old_server::Access;
use super::table;
use crate::config::{Finding, Settings};
use crate::fetch::{Login, Mailbox, Patience, Server};
use crate::import::landing::{Imported, Landing};
use crate::mail::AccountAddress;
use clap::Args;
use std::path::PathBuf;
use std::sync::Mutex;

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
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..))]
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
}

/// Pulls one mailbox, or all of a list.
///
/// # Errors
/// A finding for what could not be pulled; the other mailboxes of a list are.
pub fn run(settings: &Settings, arguments: &PullArgs) -> Result<(), Finding> {
    let place = Place { settings, landing: landed::landing(settings)?, how: arguments.how };
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
    let report = place.pull(&job, true)?;
    report.warn();
    table::print(&if arguments.json { json(&report)? } else { report.told() })?;
    report.judge()
}

impl Place<'_> {
    fn pull(&self, job: &Job, is_shown: bool) -> Result<Report, Finding> {
        landed::there_is(self.settings, &job.to)?;
        let (server, login) = (job.server.clone(), job.login.clone());
        let mut mailbox = Mailbox::new(server, login, Patience::default(), self.how.no_uidl);
        let imported = if self.how.dry_run {
            self.landing.rehearse(&job.to, &mut mailbox)
        } else {
            let progress = landed::Progress::shown_if(is_shown);
            self.landing.import(&job.to, &mut mailbox, &mut |now| progress.show(now))
        };
        let imported = imported.map_err(|failure| landed::failed(&job.to, failure))?;
        let is_complete = imported.is_complete();
        if is_complete && !self.how.dry_run {
            let accounts = open(self.settings)?;
            accounts.release(&job.to).map_err(|error| refused(self.settings, &job.to, &error))?;
        }
        let deleted = if self.how.delete_after { self.delete(mailbox, &imported)? } else { quit(mailbox) };
        Ok(Report::new(&job.to, imported, deleted))
    }

    /// Only after all is here for good: then each message that was listed is one that came over.
    fn delete(&self, mailbox: Mailbox, imported: &Imported) -> Result<Option<usize>, Finding> {
        if !imported.is_complete() {
            mailbox.close();
            return Ok(Some(0));
        }
        let all: Vec<usize> = (0..mailbox.messages().len()).collect();
        Ok(Some(mailbox.delete(&all)?))
    }
}

fn quit(mailbox: Mailbox) -> Option<usize> {
    mailbox.close();
    None
}

/// Several at a time; those of one account one after the other, in the order of the list.
fn many(place: &Place<'_>, jobs: Vec<Job>, arguments: &PullArgs) -> Result<(), Finding> {
    let mut accounts: Vec<Vec<(usize, Job)>> = Vec::new();
    let count = jobs.len();
    for (line, job) in jobs.into_iter().enumerate() {
        match accounts.iter_mut().find(|account| account.iter().any(|(_, other)| other.to == job.to)) {
            Some(account) => account.push((line, job)),
            None => accounts.push(vec![(line, job)]),
        }
    }
    let (queue, done) = (Mutex::new(accounts.into_iter()), Mutex::new(Vec::with_capacity(count)));
    std::thread::scope(|scope| {
        for _ in 0..arguments.parallel {
            scope.spawn(|| {
                while let Some(account) = landed::unpoisoned(&queue).next() {
                    for (line, job) in account {
                        let outcome = place.pull(&job, false);
                        landed::unpoisoned(&done).push((line, job.to, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(line, ..)| *line);
    let all = landed::All::of(done.into_iter().map(|(_, to, outcome)| (to, outcome)).collect());
    all.warn();
    table::print(&if arguments.json { json(&all)? } else { all.told() })?;
    all.judge()
}
