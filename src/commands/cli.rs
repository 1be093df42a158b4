//! The command line as it is written: `restante [--config FILE] [-v|-q] COMMAND`.
//!
//! Completions and man pages are made from the same description.

use super::account_file::ImportArgs;
use super::files::{MaildirArgs, MboxArgs, UsersArgs};
use super::old_server::Secured;
use super::pull::PullArgs;
use super::verify::VerifyArgs;
use crate::finding::Finding;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// A mail server for your own house: SMTP and LMTP in, a Maildir for each user, POP3 out.
#[derive(Debug, Parser)]
#[command(name = "restante", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Without a configuration file, `restante serve` makes everything under ./restante-data \
    to be tried out, and prints what to type into a mail program.\n\n\
    Exit status: 0 done, 1 failed (one line on standard error says what and how to mend it), 2 wrong usage."
)]
pub struct Cli {
    /// The configuration [default: $RESTANTE_CONFIG, else /etc/restante/restante.toml if it is there]
    #[arg(long, value_name = "FILE", global = true, display_order = 100)]
    pub config: Option<PathBuf>,
    /// Log more (twice: still more)
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet", display_order = 101)]
    pub verbose: u8,
    /// Log less (twice: errors only)
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 102)]
    pub quiet: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command, in the order in which a new server meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every configured listener in the foreground until SIGTERM or SIGINT
    ///
    /// Running sessions end first; a second signal, or `shutdown_grace`, cuts them off. SIGHUP
    /// reloads certificates and settings.
    Serve,
    /// Check configuration, database, certificate, folders and ports; exit 1 if `serve` would not work
    ///
    /// Prints each finding with its remedy, and as whom `serve` would run and what confines it. May be
    /// run beside a running server, best as the user that the server runs as.
    Check,
    /// Make and change accounts
    Account {
        /// What to do with it.
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Make and change aliases
    Alias {
        /// What to do with it.
        #[command(subcommand)]
        command: AliasCommand,
    },
    /// Show and lift bans of addresses that guessed passwords
    Ban {
        /// What to do with it.
        #[command(subcommand)]
        command: BanCommand,
    },
    /// Bring mail over from an old server
    Import {
        /// From where.
        #[command(subcommand)]
        command: Box<ImportCommand>,
    },
    /// Compare a mailbox with the old server it came from; exit 1 if a mail program would notice
    ///
    /// Unique-ids, order and sizes. Mail that came here since is no difference, and what was deleted here
    /// since is none either.
    Verify(VerifyArgs),
    /// Move accounts here from an old POP3 server while they are used
    Upstream {
        /// What to do with it.
        #[command(subcommand)]
        command: UpstreamCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    Man {
        /// The folder, which must exist.
        folder: PathBuf,
    },
}

/// `restante account …`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account; its password is asked for twice
    Add {
        /// name@domain
        address: String,
        /// Read the password as one line from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a new password
    Passwd {
        /// name@domain
        address: String,
        /// Read the password as one line from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show address, enabled, messages, bytes, quota and last login of each account
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse logins; mail is still accepted
    Disable {
        /// name@domain
        address: String,
    },
    /// Allow logins again
    Enable {
        /// name@domain
        address: String,
    },
    /// Take over accounts with their password hashes from an old server's file
    ///
    /// The old hash is used until the first successful login. Exit status 1 when lines were refused: each is
    /// named, and the others are taken.
    Import(ImportArgs),
    /// Take logins again for an account that is held, whose mail was still to come from an old server
    Release {
        /// name@domain
        address: String,
    },
    /// Bound the size of a mailbox
    Quota {
        /// name@domain
        address: String,
        /// Bytes, or with KiB, MiB, GiB (`500 MiB`); 0 is unlimited
        size: String,
    },
    /// Remove an account; its mail stays, and whoever gets the address next gets it
    Remove {
        /// name@domain
        address: String,
        /// Remove its mail as well, for good
        #[arg(long)]
        purge: bool,
    },
}

/// `restante alias …`
#[derive(Debug, Subcommand)]
pub enum AliasCommand {
    /// Deliver mail for ADDRESS to each TARGET
    Add {
        /// name@domain, or @domain for everything there that has no mailbox of its own
        address: String,
        /// Accounts or other aliases
        #[arg(required = true, value_name = "TARGET")]
        targets: Vec<String>,
    },
    /// Remove an alias
    Remove {
        /// name@domain, or @domain
        address: String,
    },
    /// Show all aliases
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// `restante ban …`
#[derive(Debug, Subcommand)]
pub enum BanCommand {
    /// Show the addresses that are refused, and until when
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Lift a ban
    Remove {
        /// An IPv4 or IPv6 address
        address: String,
    },
}

/// `restante upstream …`
#[derive(Debug, Subcommand)]
pub enum UpstreamCommand {
    /// Name the old server of a domain, or of one address
    ///
    /// Whoever logs in here first is checked there, and their mail is brought over. TLS is used unless
    /// --plain is given; to an old server on this machine it is used if it is offered.
    Add(UpstreamArguments),
    /// Show the old servers, and how far each account is
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Show it again and again, until it is interrupted
        #[arg(long, conflicts_with = "json")]
        watch: bool,
    },
    /// Take an old server away; refused while accounts are not moved
    Remove {
        /// The domain or address it was added for
        #[arg(value_name = "DOMAIN|ADDRESS")]
        scope: String,
        /// Though accounts are not moved: they stay held
        #[arg(long)]
        force: bool,
    },
}

/// `restante upstream add …`
#[derive(Debug, clap::Args)]
pub struct UpstreamArguments {
    /// Whose old server it is
    #[arg(value_name = "DOMAIN|ADDRESS")]
    pub scope: String,
    /// Its name or address; without a port, 995 with TLS and 110 otherwise
    #[arg(value_name = "HOST[:PORT]")]
    pub host: String,
    #[command(flatten)]
    pub secured: Secured,
    /// The user name there: %u as it is typed here, %n what stands before the @
    #[arg(long, value_name = "PATTERN", default_value = "%u", value_parser = ["%u", "%n"])]
    pub user: String,
    /// Take mail for any address of the domain, before its owner has logged in
    #[arg(long)]
    pub accept_unknown: bool,
}

/// `restante import …`
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Bring over the mail of a Maildir, with its unique-ids and in its order
    ///
    /// The Maildir is only read. All of it is shown at once; run again, only what is new comes over.
    Maildir(Box<MaildirArgs>),
    /// Bring over the mail of an mbox, with its unique-ids and in its order
    ///
    /// The mbox is only read. All of it is shown at once; run again, only what is new comes over.
    Mbox(Box<MboxArgs>),
    /// Make the accounts of an old server's file, held, and bring over the mail of all of them
    ///
    /// Each account is released when all of its mail is here. One mailbox that cannot be read does not stop
    /// the others.
    Users(Box<UsersArgs>),
    /// Pull mail over POP3, with its unique-ids and in its order
    ///
    /// The old server is left as it is. Run again, only what is new comes over.
    Pop3(Box<PullArgs>),
}

/// Ends the program as it ends for any wrong usage, with status 2; without the line `Usage:`, which clap
/// would give for the whole program and not for the command that was typed.
pub fn wrong_usage(what: &str) -> ! {
    eprintln!("error: {what}\n\nFor more information, try '--help'.");
    std::process::exit(2)
}

/// Prints the completion script for `shell`.
///
/// # Errors
/// As [`super::table::print`].
pub fn completions(shell: clap_complete::Shell) -> Result<(), Finding> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "restante", &mut script);
    super::table::print(&String::from_utf8_lossy(&script))
}

/// Writes `restante.1` and a page for each command into `folder`.
///
/// # Errors
/// A finding when the folder cannot be written to.
pub fn man_pages(folder: &Path) -> Result<(), Finding> {
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| Finding {
        what: format!("{}: {error}", folder.display()),
        remedy: "name a folder that exists and can be written to".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_behind_the_command() {
        let before = Cli::try_parse_from(["restante", "--config", "x", "-v", "serve"]).unwrap();
        let behind = Cli::try_parse_from(["restante", "serve", "--config", "x", "-v"]).unwrap();
        assert_eq!((before.config, before.verbose), (behind.config, behind.verbose));
    }

    #[test]
    fn an_alias_needs_a_target() {
        assert!(Cli::try_parse_from(["restante", "alias", "add", "a@b.c"]).is_err());
    }
}
