//! The commands: what `restante COMMAND` does, and how it ends.
//!
//! Exit status: 0 done, 1 failed (one line on standard error that says what and how to mend it),
//! 2 wrong usage. Knows no protocol.

mod account;
mod account_file;
mod alias;
mod ban;
mod check;
mod cli;
mod database;
mod files;
mod landed;
mod old_server;
mod prompt;
mod pull;
mod table;
#[cfg(test)]
mod testing;
mod upstream;
mod verify;

use crate::config::Settings;
use crate::finding::Finding;
use crate::process;
use clap::Parser;
use cli::{AccountCommand, AliasCommand, BanCommand, Cli, Command, ImportCommand, UpstreamCommand};
use nix::sys::stat::Mode;
use std::io::Write;
use std::process::ExitCode;

/// Reads the command line, does what it says, and tells how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse(); // Wrong usage ends here, with status 2.
    start_log(&cli);
    process::leave_no_core();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ending::Failed(finding)) => {
            tell(&finding);
            ExitCode::FAILURE
        }
        Err(Ending::Usage(finding)) => {
            tell(&finding);
            ExitCode::from(2)
        }
    }
}

/// In one line, whatever stands in a name that it tells.
fn tell(finding: &Finding) {
    eprintln!("restante: {}", table::one_line(&finding.to_string()));
}

/// How a command ends that has not done what it was asked for.
#[derive(Debug)]
pub enum Ending {
    /// It could not be done.
    Failed(Finding),
    /// It was not said clearly what is to be done, which only a look at the files has shown.
    Usage(Finding),
}

impl Ending {
    /// What is to be said of it.
    pub fn finding(self) -> Finding {
        match self {
            Self::Failed(finding) | Self::Usage(finding) => finding,
        }
    }
}

impl From<Finding> for Ending {
    fn from(finding: Finding) -> Self {
        Self::Failed(finding)
    }
}

fn run(cli: &Cli) -> Result<(), Ending> {
    let load = || Settings::load(cli.config.as_deref());
    if !matches!(cli.command, Command::Completions { .. } | Command::Man { .. }) {
        // What is made is for its owner alone and is made with the modes that it asks for, whatever the
        // caller's umask gives away or takes.
        nix::sys::stat::umask(Mode::S_IRWXG | Mode::S_IRWXO);
    }
    match &cli.command {
        Command::Check => check::run(load())?,
        Command::Serve => crate::serve::run(load()?, cli.config.clone())?,
        Command::Account { command } => account_command(&load()?, command)?,
        Command::Alias { command } => alias_command(&load()?, command)?,
        Command::Ban { command } => match command {
            BanCommand::List { json } => ban::list(&load()?, *json)?,
            BanCommand::Remove { address } => ban::remove(&load()?, address)?,
        },
        Command::Upstream { command } => upstream_command(&load()?, command)?,
        Command::Import { command } => import_command(&load()?, command, cli.quiet > 0)?,
        Command::Verify(arguments) => verify::run(&load()?, arguments)?,
        Command::Completions { shell } => cli::completions(*shell)?,
        Command::Man { folder } => cli::man_pages(folder)?,
    }
    Ok(())
}

fn account_command(settings: &Settings, command: &AccountCommand) -> Result<(), Ending> {
    match command {
        AccountCommand::Add { address, password_stdin } => account::add(settings, address, *password_stdin)?,
        AccountCommand::Passwd { address, password_stdin } => {
            account::passwd(settings, address, *password_stdin)?;
        }
        AccountCommand::List { json } => account::list(settings, *json)?,
        AccountCommand::Disable { address } => account::disable(settings, address)?,
        AccountCommand::Enable { address } => account::enable(settings, address)?,
        AccountCommand::Import(arguments) => account_file::import(settings, arguments)?,
        AccountCommand::Release { address } => account::release(settings, address)?,
        AccountCommand::Quota { address, size } => account::quota(settings, address, size)?,
        AccountCommand::Remove { address, purge } => account::remove(settings, address, *purge)?,
    }
    Ok(())
}

fn import_command(settings: &Settings, command: &ImportCommand, quiet: bool) -> Result<(), Ending> {
    match command {
        ImportCommand::Maildir(arguments) => files::maildir(settings, arguments, quiet),
        ImportCommand::Mbox(arguments) => files::mbox(settings, arguments, quiet),
        ImportCommand::Users(arguments) => files::users(settings, arguments, quiet),
        ImportCommand::Pop3(arguments) => Ok(pull::run(settings, arguments, quiet)?),
    }
}

fn alias_command(settings: &Settings, command: &AliasCommand) -> Result<(), Finding> {
    match command {
        AliasCommand::Add { address, targets } => alias::add(settings, address, targets),
        AliasCommand::Remove { address } => alias::remove(settings, address),
        AliasCommand::List { json } => alias::list(settings, *json),
    }
}

fn upstream_command(settings: &Settings, command: &UpstreamCommand) -> Result<(), Finding> {
    match command {
        UpstreamCommand::Add(arguments) => upstream::add(settings, arguments),
        UpstreamCommand::List { watch: true, .. } => upstream::watch(settings),
        UpstreamCommand::List { json, .. } => upstream::list(settings, *json),
        UpstreamCommand::Remove { scope, force } => upstream::remove(settings, scope, *force),
    }
}

/// The log goes to standard error: `2026-11-22T04:00:00Z INFO pop3.login session=…`.
///
/// `serve` tells of each session, other commands only of what went wrong. `RUST_LOG` beats both.
fn start_log(cli: &Cli) {
    let ordinary = if matches!(cli.command, Command::Serve) { 3 } else { 2 };
    let level = match ordinary + i16::from(cli.verbose) - i16::from(cli.quiet) {
        ..=1 => log::LevelFilter::Error,
        2 => log::LevelFilter::Warn,
        3 => log::LevelFilter::Info,
        4 => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    };
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Warn)
        .filter_module("restante", level)
        .parse_default_env()
        .format(|out, record| {
            let now = crate::mail::date::rfc3339(std::time::SystemTime::now());
            writeln!(out, "{now} {:<5} {}", record.level(), record.args())
        })
        .init();
}
