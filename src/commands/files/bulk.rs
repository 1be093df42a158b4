//! `restante import users`: accounts of an old server's file, and the mail of all of them.
//!
//! Several mailboxes at a time; one that cannot be read does not stop the others, and stays held.

use super::alone::{self, Said};
use super::arguments::{Habits, How, hidden};
use super::fits;
use super::mailbox::{OfAll, is_missing, source};
use super::place::{Kind, OldMailbox, Template, User};
use super::report::{self, Proof};
use super::{Importer, ended};
use crate::accounts;
use crate::accounts::Wish;
use crate::accounts::import::{Format, Record, Users};
use crate::commands::account_file::{self, AccountFile};
use crate::commands::database::json;
use crate::commands::landed::{self, All, Bar, Report};
use crate::commands::{Ending, table};
use crate::config::Settings;
use crate::finding::Finding;
use crate::import::{Doveconf, Error, maildir, mbox};
use crate::limits;
use crate::mail::AccountAddress;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use std::collections::BTreeSet;

/// `restante import users FILE --format FORMAT --mail TEMPLATE …`
#[derive(Debug, Args)]
#[command(mut_args(|option| hidden(option, &["uidlist"])))]
pub struct UsersArgs {
    /// Which accounts.
    #[command(flatten)]
    pub accounts: AccountFile,
    /// Where each user's mail lies: maildir:/var/vmail/%d/%n/Maildir, mbox:/var/mail/%n [default: what the
    /// file of accounts says of each, or else mail_location of --doveconf]
    #[arg(long, value_name = "TEMPLATE", value_parser = Template::parse)]
    pub mail: Option<Template>,
    /// Which server showed it [default: by what lies in each mailbox]
    #[arg(long, value_name = "NAME", value_parser = servers())]
    pub server: Option<String>,
    /// Mailboxes that are imported at the same time
    #[arg(long, value_name = "N", default_value_t = limits::IMPORT_MAILBOXES,
          value_parser = clap::value_parser!(u8).range(1..))]
    pub parallel: u8,
    /// What decides unique-ids, order and octets.
    #[command(flatten)]
    pub habits: Habits,
    /// How it is done.
    #[command(flatten)]
    pub how: How,
}

/// The names are a promise to scripts.
#[derive(Serialize)]
struct Whole {
    accounts: accounts::Report,
    #[serde(flatten)]
    mail: All,
    /// Accounts of the system.
    #[serde(skip)]
    passed_over: usize,
    #[serde(skip)]
    is_rehearsal: bool,
}

/// One user's mailbox.
struct Job<'a> {
    to: &'a AccountAddress,
    /// Of the file of accounts.
    line: usize,
    old: Result<OldMailbox, String>,
}

/// `import users FILE …`
///
/// # Errors
/// [`Ending::Usage`] without a word of where the mail is; a finding for the file of accounts, and when one
/// mailbox is not complete: the others are.
pub fn users(settings: &Settings, arguments: &UsersArgs, quiet: bool) -> Result<(), Ending> {
    let dovecot = arguments.habits.doveconf().map_err(usage)?;
    let users = arguments.accounts.read()?;
    let jobs = jobs(arguments, &dovecot, &users)?;
    fit(arguments, &jobs)?;
    let wish = Wish { hold: true, update: false, dry_run: arguments.how.dry_run };
    let accounts = account_file::take(settings, &users, wish)?;
    // A line that was refused, an alias for example, has no mailbox to put mail into. Its address may have
    // been taken all the same, from another line.
    let refused: BTreeSet<usize> = accounts.refused.iter().map(|refused| refused.line).collect();
    let jobs: Vec<_> = jobs.into_iter().filter(|job| !refused.contains(&job.line)).collect();
    let importer = Importer {
        settings,
        landing: landed::landing(settings, arguments.how.dry_run)?,
        is_rehearsal: arguments.how.dry_run,
    };
    let outcomes = each(&importer, &jobs, (arguments, &dovecot), quiet);
    let mut proofs = Vec::new();
    let reports = outcomes.into_iter().map(|(report, proof)| {
        proofs.extend(proof);
        report
    });
    let mail = All::of(reports.collect());
    if let Some(file) = &arguments.how.report {
        report::write(file, &proofs, true)?;
    }
    let (passed_over, is_rehearsal) = (users.passed_over, arguments.how.dry_run);
    let whole = Whole { accounts, mail, passed_over, is_rehearsal };
    whole.mail.warn();
    table::print(&if arguments.how.json { json(&whole)? } else { whole.told() })?;
    whole.judge()
}

fn jobs<'a>(arguments: &UsersArgs, dovecot: &Doveconf, users: &'a Users) -> Result<Vec<Job<'a>>, Ending> {
    let location = match (&arguments.mail, &dovecot.mail_location) {
        (Some(template), _) => Some(template.clone()),
        (None, Some(location)) => Some(Template::parse(location).map_err(|what| not_known(&what))?),
        (None, None) => None,
    };
    if location.is_none() && users.records.iter().all(|user| user.mail.is_none()) {
        return Err(not_known("where the users' mail lies is not known"));
    }
    let old = |user: &Record| {
        let template = match (&arguments.mail, &user.mail) {
            (None, Some(own)) => Template::parse(own)?,
            _ => location.clone().ok_or_else(|| "the file does not say where the mail lies".to_owned())?,
        };
        let domain = user.address.domain().as_str();
        template.find(&User { name: &user.name, domain, home: user.home.as_deref() })
    };
    let job = |user: &'a Record| Job { to: &user.address, line: user.line, old: old(user) };
    let jobs: Vec<Job<'a>> = users.records.iter().map(job).collect();
    // A single user may never have got mail; that nobody has is a mistake in the template.
    let is_there = |job: &Job<'_>| job.old.as_ref().is_ok_and(|old| !is_missing(old));
    match jobs.iter().find_map(|job| job.old.as_ref().ok()) {
        Some(old) if !jobs.iter().any(is_there) => Err(Ending::Failed(Finding {
            what: format!("none of the users has mail there, the first not at {}", old.path.display()),
            remedy: "see that --mail names the place; nothing was imported".to_owned(),
        })),
        _ => Ok(jobs),
    }
}

fn not_known(what: &str) -> Ending {
    Ending::Usage(Finding {
        what: what.to_owned(),
        remedy: "say it with --mail, like maildir:/var/vmail/%d/%n/Maildir".to_owned(),
    })
}

fn usage(error: Error) -> Ending {
    match error {
        Error::Ask { what, remedy } => Ending::Usage(Finding { what, remedy }),
        error => {
            Ending::Failed(Finding { what: error.to_string(), remedy: "nothing was imported".to_owned() })
        }
    }
}

/// Options that belong to no mailbox of the file are wrong usage; so is a server that showed none of them.
fn fit(arguments: &UsersArgs, jobs: &[Job<'_>]) -> Result<(), Ending> {
    if arguments.habits.uidlist.is_some() {
        return Err(fits::misfit("--uidlist", "import maildir; for many, CONTROL= in --mail says it"));
    }
    let kinds: Vec<Kind> = jobs.iter().filter_map(|job| Some(job.old.as_ref().ok()?.kind)).collect();
    match (&arguments.server, kinds.first()) {
        (Some(server), Some(kind)) if !kinds.iter().any(|kind| kind.servers().contains(&server.as_str())) => {
            Err(Ending::Usage(Finding {
                what: format!("--server {server} did not show {}", kind.of_one()),
                remedy: format!("name one of {}", kind.servers().join(", ")),
            }))
        }
        _ => fits::check(&arguments.habits, &kinds, arguments.server.as_deref()),
    }
}

type Outcome = (Report, Option<Proof>);

/// All mailboxes, several at a time, in the order of the file.
fn each(
    importer: &Importer<'_>,
    jobs: &[Job<'_>],
    (arguments, dovecot): (&UsersArgs, &Doveconf),
    quiet: bool,
) -> Vec<Outcome> {
    let bar = Bar::of_many(jobs.len(), !quiet);
    let one = |job: &&Job<'_>| {
        let outcome = take(importer, job, (arguments, dovecot));
        bar.one_done(outcome.0.bytes());
        outcome
    };
    landed::in_parallel(jobs, arguments.parallel, |job| job.to, |of_one| of_one.iter().map(one).collect())
}

fn take(importer: &Importer<'_>, job: &Job<'_>, with: (&UsersArgs, &Doveconf)) -> Outcome {
    try_take(importer, job, with).unwrap_or_else(|ending| {
        let source = job.old.as_ref().map_or_else(|_| String::new(), |old| old.path.display().to_string());
        (Report::of_failure(job.to, source, &ending), None)
    })
}

fn try_take(
    importer: &Importer<'_>,
    job: &Job<'_>,
    (arguments, dovecot): (&UsersArgs, &Doveconf),
) -> Result<Outcome, Ending> {
    let old = job.old.as_ref().map_err(|why| Finding {
        what: why.clone(),
        remedy: format!(
            "write another --mail, or import this one with `restante import maildir DIR --to {}`",
            job.to
        ),
    })?;
    if !importer.is_rehearsal {
        landed::there_is(importer.settings, job.to)?; // It may have been removed meanwhile.
    }
    let (habits, server) = (&arguments.habits, arguments.server.as_deref());
    let said = Said { habits, server, is_rehearsal: importer.is_rehearsal };
    let alone = |failure| ended(job.to, alone::named(failure, old, job.to, &said));
    let accounts_are_dovecots = arguments.accounts.format == Format::DovecotPasswd;
    let of_all = OfAll { habits, server, dovecot, accounts_are_dovecots };
    let mut source = source(old, &of_all).map_err(|error| alone(error.into()))?;
    let imported = importer.take(job.to, source.as_mut(), &mut |_| ()).map_err(alone)?;
    let proof = match arguments.how.report {
        Some(_) => Some(importer.proof(job.to, &imported)?),
        None => None,
    };
    if imported.is_complete() {
        importer.release(job.to)?;
    }
    Ok((Report::new(job.to, imported, None).rehearsed(importer.is_rehearsal), proof))
}

fn servers() -> impl TypedValueParser<Value = String> {
    let names = maildir::Server::ALL.map(maildir::Server::as_str).into_iter();
    let names: BTreeSet<&str> = names.chain(mbox::Server::ALL.map(mbox::Server::as_str)).collect();
    PossibleValuesParser::new(names)
}

impl Whole {
    fn told(&self) -> String {
        account_file::told(&self.accounts, self.passed_over, self.is_rehearsal) + &self.mail.told()
    }

    fn judge(&self) -> Result<(), Ending> {
        self.mail.judge()?;
        let Some(first) = self.accounts.refused.first() else { return Ok(()) };
        Err(Ending::Failed(Finding {
            what: first.to_string(),
            remedy: "mend it, or take it away there, and run the same command again".to_owned(),
        }))
    }
}
