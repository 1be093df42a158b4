//! `restante import pop3`: the mail of one account, or of a list of them, from an old server over the wire.
//!
//! The old server is left as it is, unless `--delete-after` is given; then what is safely here is deleted
//! there, after the last message.

mod list;

use super::Ending;
use super::database::{address, json, open, refused};
use super::landed::{self, Bar, Report};
use super::old_server::Access;
use super::table;
use crate::config::Settings;
use crate::fetch::{Login, Mailbox, Patience, Server};
use crate::finding::Finding;
use crate::import::landing::{Imported, Landing, Pair, Progress};
use crate::limits;
use crate::mail::AccountAddress;
use clap::Args;
use std::path::PathBuf;

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
struct Puller<'a> {
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
    let landing = landed::landing(settings, arguments.how.dry_run)?;
    let puller = Puller { settings, landing, how: arguments.how, quiet };
    if let Some(file) = &arguments.list {
        let jobs = list::read(file, &arguments.access.security)?;
        return many(&puller, &jobs, arguments);
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
        let bar = Bar::shown_if(!quiet);
        puller.pull(&job, true, &mut |now| bar.show(now))?
    };
    report.warn();
    table::print(&if arguments.json { json(&report)? } else { report.told() })?;
    report.judge()
}

impl Puller<'_> {
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
        if is_complete && !self.how.dry_run {
            let accounts = open(self.settings)?;
            let (mailbox, here) =
                ((&*job.server.host, job.server.port, &job.login.user), imported.imported + imported.already);
            accounts
                .note_brought(&job.to, mailbox, here as u64)
                .and_then(|()| if is_last { accounts.release(&job.to) } else { Ok(()) })
                .map_err(|error| refused(self.settings, &job.to, &error))?;
        }
        if !self.how.delete_after {
            return Ok(Report::new(&job.to, imported, quit(mailbox)).rehearsed(self.how.dry_run));
        }
        // What has come over is told, whatever becomes of it there.
        Ok(match self.delete(&job.to, mailbox, &imported) {
            Ok(deleted) => Report::new(&job.to, imported, deleted),
            Err(why) => Report::new(&job.to, imported, Some(0)).undeleted(&why),
        })
    }

    /// The mailboxes of one account, which is released behind the last one if none lacks anything.
    fn pull_each(&self, jobs: &[&Job], bar: &Bar) -> Vec<Report> {
        let mut is_complete = true;
        let pull = |(nth, job): (usize, &&Job)| {
            let pulled = self.pull(job, is_complete && nth + 1 == jobs.len(), &mut |_| {});
            let report = pulled.unwrap_or_else(|why| {
                let source = format!("pop3 {} at {}", job.login.user, job.server);
                Report::of_failure(&job.to, source, &Ending::Failed(why))
            });
            is_complete &= report.is_complete();
            bar.one_done(report.bytes());
            report
        };
        jobs.iter().enumerate().map(pull).collect()
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

/// Several at a time.
fn many(puller: &Puller<'_>, jobs: &[Job], arguments: &PullArgs) -> Result<(), Finding> {
    let bar = Bar::of_many(jobs.len(), !puller.quiet);
    let of_one_account = |jobs: &[&Job]| puller.pull_each(jobs, &bar);
    let reports = landed::in_parallel(jobs, arguments.parallel, |job| &job.to, of_one_account);
    drop(bar);
    let all = landed::All::of(reports);
    all.warn();
    table::print(&if arguments.json { json(&all)? } else { all.told() })?;
    all.judge().map_err(Ending::finding)
}
