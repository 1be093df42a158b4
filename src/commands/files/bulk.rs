//! `restante import users`: accounts of an old server's file, and the mail of all of them.
//!
//! Several mailboxes at a time; one that cannot be read does not stop the others, and stays held.

use super::arguments::{Habits, How};
use super::place::{Kind, Place as Lies, Template, User};
use super::report::{self, Proof};
use super::{Place, ended};
use crate::accounts;
use crate::accounts::Wish;
use crate::accounts::import::{Record, Users};
use crate::commands::account_file::{self, AccountFile};
use crate::commands::database::{json, open, storage};
use crate::commands::landed::{self, All, Report};
use crate::commands::{Ending, table};
use crate::config::{Finding, Settings};
use crate::import::{Doveconf, Error, Inventory, Source, maildir, mbox};
use crate::limits;
use crate::mail::AccountAddress;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// `restante import users FILE --format FORMAT --mail TEMPLATE …`
#[derive(Debug, Args)]
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
    #[serde(skip)]
    is_rehearsal: bool,
}

/// One user's mailbox.
struct Job<'a> {
    to: &'a AccountAddress,
    lies: Result<Lies, String>,
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
    let wish = Wish { hold: true, update: false, dry_run: arguments.how.dry_run };
    let accounts = account_file::take(settings, &users, wish)?;
    // An address that was refused, an alias for example, has no mailbox to put mail into.
    let refused: BTreeSet<&str> = accounts.refused.iter().map(|refused| refused.address.as_str()).collect();
    let jobs: Vec<_> = jobs.into_iter().filter(|job| !refused.contains(&*job.to.to_string())).collect();
    let place = Place { settings, landing: landed::landing(settings)?, is_rehearsal: arguments.how.dry_run };
    let outcomes = each(&place, &jobs, (arguments, &dovecot), quiet);
    let mut proofs = Vec::new();
    let outcomes = outcomes.into_iter().map(|(to, outcome)| match outcome {
        Ok((report, proof)) => {
            proofs.extend(proof);
            (to, Ok(report))
        }
        Err(finding) => (to, Err(finding)),
    });
    let mail = All::of(outcomes.collect());
    if let Some(file) = &arguments.how.report {
        report::write(file, &proofs, true)?;
    }
    let whole = Whole { accounts, mail, is_rehearsal: arguments.how.dry_run };
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
    let lies = |user: &Record| {
        let template = match (&arguments.mail, &user.mail) {
            (None, Some(own)) => Template::parse(own)?,
            _ => location.clone().ok_or_else(|| "the file does not say where the mail lies".to_owned())?,
        };
        let domain = user.address.domain().as_str();
        template.find(&User { name: &user.name, domain, home: user.home.as_deref() })
    };
    let jobs: Vec<Job<'a>> =
        users.records.iter().map(|user| Job { to: &user.address, lies: lies(user) }).collect();
    // A single user may never have got mail; that nobody has is a mistake in the template.
    let is_there = |job: &Job<'_>| job.lies.as_ref().is_ok_and(|lies| !is_missing(lies));
    match jobs.iter().find_map(|job| job.lies.as_ref().ok()) {
        Some(lies) if !jobs.iter().any(is_there) => Err(Ending::Failed(Finding {
            what: format!("none of the users has mail there, the first not at {}", lies.path.display()),
            remedy: "see that --mail names the place; nothing was imported".to_owned(),
        })),
        _ => Ok(jobs),
    }
}

fn is_missing(lies: &Lies) -> bool {
    matches!(lies.path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
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

type Outcome = Result<(Report, Option<Proof>), Finding>;

/// All mailboxes, several at a time, in the order of the file.
fn each(
    place: &Place<'_>,
    jobs: &[Job<'_>],
    (arguments, dovecot): (&UsersArgs, &Doveconf),
    quiet: bool,
) -> Vec<(AccountAddress, Outcome)> {
    let (progress, bytes) = (landed::Progress::of_many(jobs.len(), !quiet), AtomicU64::new(0));
    let (queue, done) = (Mutex::new(jobs.iter().enumerate()), Mutex::new(Vec::with_capacity(jobs.len())));
    std::thread::scope(|scope| {
        for _ in 0..arguments.parallel {
            scope.spawn(|| {
                loop {
                    let next = landed::unpoisoned(&queue).next();
                    let Some((index, job)) = next else { return };
                    let outcome = take(place, job, (arguments, dovecot));
                    let new = outcome.as_ref().map_or(0, |(report, _)| report.bytes());
                    progress.one_done(bytes.fetch_add(new, Ordering::Relaxed) + new);
                    landed::unpoisoned(&done).push((index, job.to.clone(), outcome));
                }
            });
        }
    });
    drop(progress);
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, ..)| *index);
    done.into_iter().map(|(_, to, outcome)| (to, outcome)).collect()
}

fn take(place: &Place<'_>, job: &Job<'_>, (arguments, dovecot): (&UsersArgs, &Doveconf)) -> Outcome {
    let lies = job.lies.as_ref().map_err(|why| Finding {
        what: why.clone(),
        remedy: "write another --mail, or import this one with `restante import maildir`".to_owned(),
    })?;
    if !place.is_rehearsal {
        let accounts = open(place.settings)?;
        if !accounts.exists(job.to).map_err(|error| storage(place.settings, &error))? {
            return Err(Finding {
                what: format!("{} is no account any more", job.to),
                remedy: "run the same command again".to_owned(),
            });
        }
    }
    let mut source =
        source(lies, arguments, dovecot).map_err(|error| ended(job.to, error.into()).finding())?;
    let imported = place.take(job.to, source.as_mut(), &mut |_| ()).map_err(Ending::finding)?;
    let proof = match arguments.how.report {
        Some(_) => Some(place.proof(job.to, &imported).map_err(Ending::finding)?),
        None => None,
    };
    if imported.is_complete() {
        place.release(job.to)?;
    }
    Ok((Report::new(job.to, imported, None).rehearsed(place.is_rehearsal), proof))
}

fn source(lies: &Lies, arguments: &UsersArgs, dovecot: &Doveconf) -> Result<Box<dyn Source>, Error> {
    if is_missing(lies) {
        return Ok(Box::new(Nothing(lies.path.display().to_string())));
    }
    let (habits, server) = (&arguments.habits, arguments.server.as_deref());
    let other = |kind: &str, choices: &str| Error::Ask {
        what: format!("--server {} shows no {kind}", server.unwrap_or_default()),
        remedy: format!("name one of {choices}"),
    };
    match lies.kind {
        Kind::Maildir => {
            let named = server.and_then(maildir::Server::parse);
            if server.is_some() && named.is_none() {
                return Err(other("Maildir", &maildir::Server::ALL.map(maildir::Server::as_str).join(", ")));
            }
            let mut options = habits.of_maildir(named, dovecot);
            options.uidlist = options.uidlist.or_else(|| lies.uidlist());
            maildir::open(&lies.path, &options)
        }
        Kind::Mbox => {
            let named = server.and_then(mbox::Server::parse);
            if server.is_some() && named.is_none() {
                return Err(other("mbox", &mbox::Server::ALL.map(mbox::Server::as_str).join(", ")));
            }
            mbox::open(&lies.path, &habits.of_mbox(named, dovecot))
        }
    }
}

fn servers() -> impl TypedValueParser<Value = String> {
    let names = maildir::Server::ALL.map(maildir::Server::as_str).into_iter();
    let names: BTreeSet<&str> = names.chain(mbox::Server::ALL.map(mbox::Server::as_str)).collect();
    PossibleValuesParser::new(names)
}

impl Whole {
    fn told(&self) -> String {
        let accounts::Report { added, updated, unchanged, disabled, refused } = &self.accounts;
        let would = if self.is_rehearsal { "would be: " } else { "" };
        let accounts = format!(
            "{would}{added} accounts added, {updated} updated, {unchanged} unchanged, {disabled} disabled, {} refused\n",
            refused.len()
        );
        accounts + &self.mail.told()
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

/// The mailbox of a user who never got mail.
struct Nothing(String);

impl Source for Nothing {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let warnings = vec![format!("{} is not there: no mail was imported", self.0)];
        Ok(Inventory { warnings, ..Inventory::default() })
    }

    fn read(&mut self, _: usize, _: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        Ok(())
    }
}
