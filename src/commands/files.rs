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
use super::landed::{self, Bar, Report};
use super::{Ending, table, verify};
use crate::config::Settings;
use crate::fetch::{Login, Matched, Patience};
use crate::finding::Finding;
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
    import_one(settings, &to, (open, asked, how), quiet)
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
    import_one(settings, &to, (open, asked, how), quiet)
}

/// Brings mailboxes over, or says what would come.
struct Importer<'a> {
    settings: &'a Settings,
    landing: Landing,
    is_rehearsal: bool,
}

fn import_one(
    settings: &Settings,
    to: &AccountAddress,
    (open, asked, how): (impl FnOnce() -> Result<Box<dyn Source>, Error>, &Asked, &How),
    quiet: bool,
) -> Result<(), Ending> {
    landed::there_is(settings, to)?;
    let login = if asked.access.user.is_some() { Some(asked.access.login()?) } else { None };
    let source = open().map_err(|error| ended(to, error.into()))?;
    let mut source = matched(source, asked, login.as_ref())?;
    let landing = landed::landing(settings, how.dry_run)?;
    let importer = Importer { settings, landing, is_rehearsal: how.dry_run };
    let imported = {
        let bar = Bar::shown_if(!quiet);
        let taken = importer.take(to, source.as_mut(), &mut |now| bar.show(now));
        taken.map_err(|failure| ended(to, failure))?
    };
    if let Some(file) = &how.report {
        report::write(file, &[importer.proof(to, &imported)?], false)?;
    }
    let mut report = Report::new(to, imported, None).rehearsed(how.dry_run);
    // Before anybody logs in: a difference that no mail program has seen can still be mended.
    let verified =
        if report.is_complete() { verified(settings, to, asked, login.as_ref()) } else { Ok(None) };
    let judgement = match &verified {
        Ok(verdict) => verdict.as_ref().map_or(Ok(()), Verdict::judge),
        Err(finding) => Err(finding.clone()),
    };
    report.verify = verified.unwrap_or_default();
    report.warn();
    table::print(&if how.json { json(&report)? } else { report.told() })?;
    report.judge()?;
    judgement?;
    Ok(importer.release(to)?)
}

/// The files, with unique-ids and order from the old server where that was asked for.
fn matched(
    source: Box<dyn Source>,
    asked: &Asked,
    login: Option<&Login>,
) -> Result<Box<dyn Source>, Finding> {
    let (Some(server), Some(login)) = (&asked.uidls_from, login) else { return Ok(source) };
    let server = asked.access.security.server(server)?;
    Ok(Box::new(Matched::new(source, server, login.clone(), Patience::default())))
}

/// How it compares with the old server; `None` where that was not asked for.
fn verified(
    settings: &Settings,
    to: &AccountAddress,
    asked: &Asked,
    login: Option<&Login>,
) -> Result<Option<Verdict>, Finding> {
    let (Some(server), Some(login)) = (&asked.verify, login) else { return Ok(None) };
    let server = asked.access.security.server(server)?;
    verify::verify(settings, to, &server, login).map(Some)
}

impl Importer<'_> {
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
