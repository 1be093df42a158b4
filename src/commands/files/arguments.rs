//! What an operator may say about the files of an old server.

use super::fits;
use crate::commands::old_server::{self, Access};
use crate::fetch::Server as OldServer;
use crate::import::maildir::{self, Folders};
use crate::import::mbox::{self, Md5Of};
use crate::import::{Doveconf, Error, UidlFormat};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, ValueEnum};
use std::path::PathBuf;

/// What decides unique-ids, order and octets.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How the old server showed it")]
pub struct Habits {
    /// Dovecot's pop3_uidl_format, as 2.3 writes it (%08Xu%08Xv) or 2.4 (%{uid | hex(8)}…)
    #[arg(long, value_name = "FORMAT", value_parser = uidl_format)]
    pub uidl_format: Option<UidlFormat>,
    /// A file with the output of `doveconf -n`: pop3_uidl_format and the like are taken from it
    #[arg(long, value_name = "FILE")]
    pub doveconf: Option<PathBuf>,
    /// Dovecot's pop3_reuse_xuidl
    #[arg(long)]
    pub reuse_xuidl: bool,
    /// Dovecot's pop3_uidl_duplicates = rename
    #[arg(long)]
    pub rename_duplicate_uidls: bool,
    /// Dovecot's mbox_md5
    #[arg(long, value_name = "WHICH", value_parser = md5_of())]
    pub mbox_md5: Option<Md5Of>,
    /// dovecot-uidlist, if it does not lie in the Maildir (CONTROL=)
    #[arg(long, value_name = "FILE")]
    pub uidlist: Option<PathBuf>,
    /// Maildir++ subfolders, which POP3 never showed [default: skip]
    #[arg(long, value_enum)]
    pub folders: Option<Subfolders>,
}

/// What becomes of subfolders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subfolders {
    /// They stay where they are, and are reported
    Skip,
    /// They come after the inbox, with new unique-ids
    Append,
}

/// How it is done, and what is said of it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How it is done")]
pub struct How {
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "report")]
    pub dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Write old and new side by side, as JSON into FILE and as a table into FILE.txt
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// The old server, if it can still be asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The old server, if it can still be asked")]
pub struct Asked {
    /// Compare with the old server afterwards; exit 1 if a mail program would notice
    #[arg(long, value_name = "HOST[:PORT]", value_parser = old_server::server, requires = "user")]
    #[arg(conflicts_with = "dry_run")]
    pub verify: Option<OldServer>,
    /// Take unique-ids and order from the old server, and the mail from the files
    #[arg(long, value_name = "HOST[:PORT]", value_parser = old_server::server, requires = "user")]
    pub uidls_from: Option<OldServer>,
    #[command(flatten)]
    pub access: Access,
}

/// `restante import maildir DIR --to ADDRESS …`
#[derive(Clone, Debug, Args)]
#[command(args_override_self = true, mut_args(|option| hidden(option, &["mbox_md5"])))]
pub struct MaildirArgs {
    /// The Maildir: the folder with cur/ and new/ in it
    pub dir: PathBuf,
    /// The account here, which must be there already
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// Which server showed it [default: by the index that lies in it]
    #[arg(long, value_name = "NAME", value_parser = maildir_servers())]
    pub server: Option<maildir::Server>,
    #[command(flatten)]
    pub habits: Habits,
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub how: How,
}

/// `restante import mbox FILE --to ADDRESS …`
#[derive(Clone, Debug, Args)]
#[command(args_override_self = true, mut_args(|option| hidden(option, &["uidlist", "folders"])))]
pub struct MboxArgs {
    /// The mbox
    pub file: PathBuf,
    /// The account here, which must be there already
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// Which server showed it [default: by what stands in the file]
    #[arg(long, value_name = "NAME", value_parser = mbox_servers())]
    pub server: Option<mbox::Server>,
    #[command(flatten)]
    pub habits: Habits,
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub how: How,
}

impl Habits {
    /// What `doveconf -n` says, where a file of it was given.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn doveconf(&self) -> Result<Doveconf, Error> {
        self.doveconf.as_deref().map_or_else(|| Ok(Doveconf::default()), Doveconf::load)
    }

    /// For a Maildir. An option beats what `doveconf -n` said.
    pub fn of_maildir(&self, server: Option<maildir::Server>, dovecot: &Doveconf) -> maildir::Options {
        maildir::Options {
            server: server.or(fits::means_dovecot(self).then_some(maildir::Server::Dovecot)),
            // Who ran doveconf has a Dovecot: where nobody has logged in yet, there is no index to show it.
            otherwise: self.doveconf.is_some().then_some(maildir::Server::Dovecot),
            if_unseen: None,
            uidl_format: self.uidl_format.clone().or_else(|| dovecot.uidl_format.clone()),
            reuse_xuidl: self.reuse_xuidl || dovecot.reuse_xuidl,
            rename_duplicates: self.rename_duplicate_uidls || dovecot.rename_duplicates,
            uidlist: self.uidlist.clone(),
            folders: match self.folders {
                Some(Subfolders::Append) => Folders::Append,
                Some(Subfolders::Skip) | None => Folders::Skip,
            },
            without_ids: false,
        }
    }

    /// For an mbox.
    pub fn of_mbox(&self, server: Option<mbox::Server>, dovecot: &Doveconf) -> mbox::Options {
        let said = dovecot.mbox_md5.as_deref().and_then(Md5Of::parse);
        mbox::Options {
            server: server.or(fits::means_dovecot(self).then_some(mbox::Server::Dovecot)),
            uidl_format: self.uidl_format.clone().or_else(|| dovecot.uidl_format.clone()),
            reuse_xuidl: self.reuse_xuidl || dovecot.reuse_xuidl,
            rename_duplicates: self.rename_duplicate_uidls || dovecot.rename_duplicates,
            mbox_md5: self.mbox_md5.or(said).unwrap_or_default(),
            is_dovecots: self.doveconf.is_some(),
            without_ids: false,
        }
    }
}

/// The `useless` ones decide nothing for a command: they are understood, so that `fits` can say what they belong
/// to, and not offered.
pub fn hidden(option: Arg, useless: &[&str]) -> Arg {
    let is_useless = useless.contains(&option.get_id().as_str());
    if is_useless { option.hide(true) } else { option }
}

fn uidl_format(text: &str) -> Result<UidlFormat, String> {
    UidlFormat::parse(text).map_err(|error| error.to_string())
}

fn md5_of() -> impl TypedValueParser<Value = Md5Of> {
    PossibleValuesParser::new(["apop3d", "all"]).try_map(|name| Md5Of::parse(&name).ok_or("no such recipe"))
}

fn maildir_servers() -> impl TypedValueParser<Value = maildir::Server> {
    let names = PossibleValuesParser::new(maildir::Server::ALL.map(maildir::Server::as_str));
    names.try_map(|name| maildir::Server::parse(&name).ok_or("no such server"))
}

fn mbox_servers() -> impl TypedValueParser<Value = mbox::Server> {
    let names = PossibleValuesParser::new(mbox::Server::ALL.map(mbox::Server::as_str));
    names.try_map(|name| mbox::Server::parse(&name).ok_or("no such server"))
}
