//! An old server's account file on the command line: which it is, how it is read, and `account import`.
//!
//! Knows no format; what a line means is said in `accounts::import`.

use super::database::{existing, json, open, storage};
use super::{Ending, table};
use crate::accounts::import::{self, Format, How, Refused, Users};
use crate::accounts::{Report, Wish};
use crate::config::Settings;
use crate::finding::Finding;
use crate::import::words::{cannot_be_read, counted, of_number};
use crate::limits;
use crate::mail::Domain;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Which file, and how it is read.
#[derive(Debug, Args)]
pub struct AccountFile {
    /// The old server's account file; `-` reads standard input
    pub file: PathBuf,
    /// Which server wrote it
    #[arg(long, value_parser = formats())]
    pub format: Format,
    /// Put behind names that have no @
    #[arg(long, value_parser = domain)]
    pub domain: Option<Domain>,
    /// Accounts with smaller user numbers belong to the system (shadow with a passwd beside it, passwd)
    /// [default: 1000]
    #[arg(long, value_name = "N")]
    pub min_uid: Option<u32>,
}

/// `account import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Which file.
    #[command(flatten)]
    pub source: AccountFile,
    /// Put logins off until the old mail is here, or `account release`
    #[arg(long)]
    pub hold: bool,
    /// Take the file's hash for accounts that are here and that nobody has logged in to
    #[arg(long)]
    pub update: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// By the names that the formats have.
fn formats() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(Format::ALL.map(|(name, _)| name));
    names.try_map(|name| Format::parse(&name).ok_or("no such format"))
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|_| "no domain: write it like example.org".to_owned())
}

impl AccountFile {
    /// Reads the file and understands each line.
    ///
    /// # Errors
    /// A finding for a file that cannot be read; nothing is taken then. [`Ending::Usage`] for an option that
    /// decides nothing.
    pub fn read(&self) -> Result<Users, Ending> {
        if self.min_uid.is_some() && !matches!(self.format, Format::Shadow | Format::Passwd) {
            return Err(Ending::Usage(Finding {
                what: "--min-uid decides nothing here: it belongs to --format shadow and passwd".to_owned(),
                remedy: "leave it out".to_owned(),
            }));
        }
        let octets = if self.file.as_os_str() == "-" {
            read_all(io::stdin().lock())
        } else {
            File::open(&self.file).and_then(read_all)
        };
        let octets = octets.map_err(|error| Finding {
            what: cannot_be_read(&self.file, error),
            remedy: "name the old server's account file; nothing was imported".to_owned(),
        })?;
        let passwd = if self.format == Format::Shadow { beside(&self.file, "passwd") } else { None };
        let how = How {
            domain: self.domain.as_ref(),
            min_uid: self.min_uid.unwrap_or(limits::MIN_UID_DEFAULT),
            passwd: passwd.as_deref(),
            today: today(),
        };
        Ok(import::read(&octets, self.format, &how))
    }
}

fn read_all(input: impl Read) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    input.take(limits::ACCOUNT_FILE_MAX + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > limits::ACCOUNT_FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than an account file has"));
    }
    Ok(octets)
}

/// A neighbour of a file; standard input has none.
fn beside(file: &Path, name: &str) -> Option<Vec<u8>> {
    let neighbour = file.parent().filter(|_| file.as_os_str() != "-")?.join(name);
    read_all(File::open(neighbour).ok()?).ok()
}

/// Days since 1970.
fn today() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs() / 86_400).unwrap_or(i64::MAX)
}

/// `account import FILE --format FORMAT …`
///
/// # Errors
/// A finding for a file that cannot be read, a database fault, or lines that were refused: the others are
/// taken then.
pub fn import(settings: &Settings, arguments: &ImportArgs) -> Result<(), Ending> {
    let users = arguments.source.read()?;
    let wish = Wish { hold: arguments.hold, update: arguments.update, dry_run: arguments.dry_run };
    let report = take(settings, &users, wish)?;
    let text = if arguments.json { json(&report)? } else { told(&report, users.passed_over, wish.dry_run) };
    table::print(&text)?;
    Ok(judge(&report)?)
}

/// Success, if nobody was refused.
fn judge(report: &Report) -> Result<(), Finding> {
    let (refused, taken) = (&report.refused, taken(report));
    let (what, remedy) = match (&refused[..], taken) {
        ([], _) => return Ok(()),
        // The heading of a table: there is no user in it.
        ([Refused { line, address, why }], 0) if address.is_empty() => {
            (format!("line {line}: {why}"), "see that --format names what the file is; nothing was imported")
        }
        (refused, 0) => {
            let all = format!("all {} users were", refused.len());
            let what = format!(
                "{} refused: {}",
                of_number(refused.len(), "the only user was", &all),
                lines(refused)
            );
            match same_reason(refused) {
                // It says what is wrong with all of them, which may be an option that is missing.
                Some(why) => return Err(Finding { what, remedy: format!("{why}; nothing was imported") }),
                None => {
                    (what, "see that --format names what the file is, or mend the lines, and import it again")
                }
            }
        }
        (refused, taken) => (
            format!(
                "{} of {} users {} refused: {}; the others are taken",
                refused.len(),
                refused.len() + taken,
                of_number(refused.len(), "was", "were"),
                lines(refused)
            ),
            "mend their lines and import the file again",
        ),
    };
    Err(Finding { what, remedy: remedy.to_owned() })
}

fn lines(refused: &[Refused]) -> String {
    table::first_few(refused, limits::REFUSALS_SHOWN_MAX, |refused| format!("line {}", refused.line))
}

/// Why, if all were refused for one reason.
fn same_reason(refused: &[Refused]) -> Option<&str> {
    let why = &refused.first()?.why;
    refused.iter().all(|other| other.why == *why).then_some(why)
}

/// Makes, updates and leaves alone, and reports it together with the lines that say no user.
///
/// # Errors
/// A finding for a database fault.
pub fn take(settings: &Settings, users: &Users, wish: Wish) -> Result<Report, Finding> {
    let accounts = if wish.dry_run { existing(settings)? } else { Some(open(settings)?) };
    let mut report = match accounts {
        None => Report::of_an_empty_database(&users.records),
        Some(accounts) => {
            let total = users.records.len();
            let imported = accounts.import(&users.records, wish, &mut |done| show_progress(done, total));
            imported.map_err(|error| storage(settings, &error))?
        }
    };
    report.refused.extend_from_slice(&users.refused);
    report.refused.sort_by_key(|refused| refused.line);
    Ok(report)
}

fn taken(report: &Report) -> usize {
    report.added + report.updated + report.unchanged + report.disabled
}

/// For a person: how many became what, each account that stays closed though the file has a password for it, and
/// each refused line. `passed_over`: accounts of the system.
pub fn told(report: &Report, passed_over: usize, dry_run: bool) -> String {
    let Report { added, updated, unchanged, disabled, still_closed, refused } = report;
    let would = if dry_run { "would be: " } else { "" };
    let (added, refusals) = (counted(*added, "account"), refused.len());
    let mut text = format!(
        "{would}added {added}, updated {updated}, unchanged {unchanged}, disabled {disabled}, refused {refusals}\n"
    );
    if passed_over > 0 {
        let _ = writeln!(text, "passed over {} of the system", counted(passed_over, "account"));
    }
    text.extend(still_closed.iter().map(|address| {
        format!("{address} was disabled before: `restante account enable {address}` lets it in\n")
    }));
    text.extend(refused.iter().map(|line| format!("{line}\n")));
    text
}

/// Clear passwords take a while to hash: a person at a terminal sees that it goes on.
fn show_progress(done: usize, total: usize) {
    let mut terminal = io::stderr().lock();
    if total > limits::IMPORT_BATCH && terminal.is_terminal() {
        let end = if done == total { "\n" } else { "" };
        // Nobody is left to be told that standard error is closed.
        let _ = write!(terminal, "\r{done} of {total} accounts{end}").and_then(|()| terminal.flush());
    }
}
