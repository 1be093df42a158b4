//! `restante import maildir`, `import mbox`, `import users`: mail from files of an old server.
//!
//! What the files are is said in `import`, where the mail lands in `import::landing`.

mod alone;
mod arguments;
mod bulk;
mod fits;
mod mailbox;
mod place;
mod report;

pub use arguments::{MaildirArgs, MboxArgs};
pub use bulk::{UsersArgs, users};

use super::database::{address, json, open, refused, storage};
use super::landed::{self, Report};
use super::{Ending, table, verify};
use crate::config::{Finding, Settings};
use crate::fetch::{Matched, Patience};
use crate::import::landing::{Failure, Imported, Landing, Progress};
use crate::import::{Error, Source, maildir as maildirs, mbox as mboxes};
use crate::mail::AccountAddress;
use arguments::{Asked, How};
use place::Kind;
use report::Proof;
use verify::Verdict;

/// `import maildir DIR --to ADDRESS …`
///
/// # Errors
/// [`Ending::Usage`] when only the operator can say what the files are; a finding for the rest.
pub fn maildir(settings: &Settings, arguments: &MaildirArgs, quiet: bool) -> Result<(), Ending> {
    let MaildirArgs { dir, to, server, habits, asked, how } = arguments;
    fits::check(habits, &[Kind::Maildir], server.map(maildirs::Server::as_str))?;
    fits::check_asked(asked)?;
    let to = address(to)?;
    let open = || {
        let mut options = habits.of_maildir(*server, &habits.doveconf()?);
        options.without_ids = asked.uidls_from.is_some();
        maildirs::open(dir, &options)
    };
    one(settings, &to, (open, asked, how), quiet)
}

/// `import mbox FILE --to ADDRESS …`
///
/// # Errors
/// As [`maildir`].
pub fn mbox(settings: &Settings, arguments: &MboxArgs, quiet: bool) -> Result<(), Ending> {
    let MboxArgs { file, to, server, habits, asked, how } = arguments;
    fits::check(habits, &[Kind::Mbox], server.map(mboxes::Server::as_str))?;
    fits::check_asked(asked)?;
    let to = address(to)?;
    let open = || {
        let mut options = habits.of_mbox(*server, &habits.doveconf()?);
        options.without_ids = asked.uidls_from.is_some();
        mboxes::open(file, &options)
    };
    one(settings, &to, (open, asked, how), quiet)
}

/// Where mail lands, and how.
struct Place<'a> {
    settings: &'a Settings,
    landing: Landing,
    is_rehearsal: bool,
}

fn one(
    settings: &Settings,
    to: &AccountAddress,
    (open, asked, how): (impl FnOnce() -> Result<Box<dyn Source>, Error>, &Asked, &How),
    quiet: bool,
) -> Result<(), Ending> {
    landed::there_is(settings, to)?;
    let login = if asked.access.user.is_some() { Some(asked.access.login()?) } else { None };
    let source = open().map_err(|error| ended(to, error.into()))?;
    let mut source: Box<dyn Source> = match (&asked.uidls_from, &login) {
        (Some(server), Some(login)) => {
            let server = asked.access.security.server(server)?;
            Box::new(Matched::new(source, server, login.clone(), Patience::default()))
        }
        _ => source,
    };
    let place =
        Place { settings, landing: landed::landing(settings, how.dry_run)?, is_rehearsal: how.dry_run };
    let imported = {
        let progress = landed::Progress::shown_if(!quiet);
        let taken = place.take(to, source.as_mut(), &mut |now| progress.show(now));
        taken.map_err(|failure| ended(to, failure))?
    };
    if let Some(file) = &how.report {
        report::write(file, &[place.proof(to, &imported)?], false)?;
    }
    let mut report = Report::new(to, imported, None).rehearsed(how.dry_run);
    // Before anybody logs in: a difference that no mail program has seen can still be mended.
    let verified = match (&asked.verify, &login) {
        (Some(server), Some(login)) if report.is_complete() => asked
            .access
            .security
            .server(server)
            .and_then(|server| verify::verify(settings, to, &server, login))
            .map(Some),
        _ => Ok(None),
    };
    let (verdict, not_verified) = match verified {
        Ok(verdict) => (verdict, None),
        Err(finding) => (None, Some(finding)),
    };
    let judgement = verdict.as_ref().map_or(Ok(()), Verdict::judge);
    report.verify = verdict;
    report.warn();
    table::print(&if how.json { json(&report)? } else { report.told() })?;
    report.judge()?;
    not_verified.map_or(judgement, Err)?;
    Ok(place.release(to)?)
}

impl Place<'_> {
    /// Imports one mailbox.
    fn take(
        &self,
        to: &AccountAddress,
        source: &mut dyn Source,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Imported, Failure> {
        if self.is_rehearsal {
            self.landing.rehearse(to, source)
        } else {
            self.landing.import(to, source, watch)
        }
    }

    /// All of the mail is here: its owner may log in.
    fn release(&self, to: &AccountAddress) -> Result<(), Finding> {
        if self.is_rehearsal {
            return Ok(());
        }
        let accounts = open(self.settings)?;
        if accounts.is_held(to).map_err(|error| storage(self.settings, &error))? {
            accounts.release(to).map_err(|error| refused(self.settings, to, &error))?;
        }
        Ok(())
    }

    fn proof(&self, to: &AccountAddress, imported: &Imported) -> Result<Proof, Ending> {
        let pairs = self.landing.prove(to, imported).map_err(|failure| ended(to, failure))?;
        Ok(Proof::new(&imported.source, to, &pairs))
    }
}

/// What only the operator can say is wrong usage.
fn ended(to: &AccountAddress, failure: Failure) -> Ending {
    match failure {
        Failure::Ask { what, remedy } => Ending::Usage(Finding { what, remedy }),
        failure => Ending::Failed(landed::failed(to, failure)),
    }
}
