//! `restante check`: would `serve` work, and what would its users dislike? Prints each finding with
//! its remedy. Makes nothing that lasts, and may be run beside a running server.

mod folders;
mod mailboxes;
mod ports;
mod process;

use crate::accounts::Accounts;
use crate::config::{PlaintextLogin, Settings};
use crate::finding::Finding;
use crate::limits;
use crate::net::{self, ListenAddress, Tls};
use crate::serve::shared::{accounts_finding, open_accounts};
use std::fmt;
use std::time::{Duration, SystemTime};

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remark {
    /// As it should be.
    Fine(String),
    /// `serve` works, but somebody may not like it.
    Warning(Finding),
    /// `serve` would not work.
    Error(Finding),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine(what) => write!(f, "ok: {what}"),
            Self::Warning(finding) => write!(f, "warning: {finding}"),
            Self::Error(finding) => write!(f, "error: {finding}"),
        }
    }
}

impl Remark {
    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Warning(Finding { what: what.into(), remedy: remedy.into() })
    }

    fn error(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Error(Finding { what: what.into(), remedy: remedy.into() })
    }
}

/// Prints what there is to say, one line each.
///
/// # Errors
/// The one thing for which `serve` would not work, as `serve` itself would end with it: a script that throws the
/// report away learns of it on standard error. Of several, their number: nobody reads one of them twice.
pub fn run(settings: Result<Settings, Finding>) -> Result<(), Finding> {
    let remarks = match settings {
        Ok(settings) => examine(&settings),
        Err(finding) => vec![Remark::Error(finding)],
    };
    for remark in &remarks {
        // A reader that went away has read enough.
        let _ = super::table::print(&remark.to_string());
    }
    let errors = remarks.into_iter().filter_map(|remark| match remark {
        Remark::Error(finding) => Some(finding),
        Remark::Fine(_) | Remark::Warning(_) => None,
    });
    ending(errors.collect())
}

fn ending(mut errors: Vec<Finding>) -> Result<(), Finding> {
    match errors.len() {
        0 | 1 => errors.pop().map_or(Ok(()), Err),
        count => Err(Finding {
            what: format!("serve would not start: {count} errors above"),
            remedy: "mend them and run check again".to_owned(),
        }),
    }
}

fn examine(settings: &Settings) -> Vec<Remark> {
    // In the order of `serve`: as root it binds the ports and makes the data folder, and gives root
    // up before all else.
    let ports = ports::examine(settings);
    let made = (!settings.data_dir.exists()).then(|| folders::examine(settings));
    let process = process::examine(settings);
    let folders = made.unwrap_or_else(|| folders::examine(settings));
    // Nothing will be made where nothing can be.
    let is_usable = !folders.iter().any(|remark| matches!(remark, Remark::Error(_)));
    let mut remarks = vec![Remark::Fine(match &settings.file {
        Some(file) => format!("configuration {}", file.display()),
        None => "no configuration file: the built-in defaults for trying it out".to_owned(),
    })];
    remarks.extend(hostname(settings));
    remarks.extend(folders);
    remarks.extend(accounts(settings, is_usable));
    remarks.extend(certificate(settings, is_usable));
    remarks.extend(ports);
    remarks.extend(below_the_rfcs(settings));
    remarks.extend(plaintext(settings));
    remarks.extend(open_lmtp(settings));
    remarks.push(descriptors(settings, net::descriptor_limit().unwrap_or(u64::MAX)));
    remarks.extend(process);
    remarks
}

/// Tried out, any name will do; on the network, other mail servers must find it.
fn hostname(settings: &Settings) -> Option<Remark> {
    let name = settings.hostname.as_str();
    (settings.file.is_some() && !name.contains('.')).then(|| {
        Remark::warning(
            format!("the host name `{name}` has no domain"),
            "set `hostname` to the name that the MX record points to",
        )
    })
}

/// Opens the database as `serve` would, an older one's migration included, and looks where its accounts and
/// aliases lead. `can_be_made`: if it is not there.
fn accounts(settings: &Settings, can_be_made: bool) -> Vec<Remark> {
    let file = settings.database();
    let shown = file.display();
    // Opening would make it.
    if !file.exists() {
        return can_be_made.then(|| Remark::Fine(format!("{shown} will be made"))).into_iter().collect();
    }
    let look = |accounts: Accounts| {
        // Looked through to its last page: damage in a corner shows here and not at somebody's login.
        accounts.examine()?;
        let list = accounts.list()?;
        let mut remarks = vec![match list.len() {
            0 => Remark::warning(
                format!("{shown} has no account"),
                "make one with `restante account add ADDRESS`",
            ),
            count => Remark::Fine(format!("{shown}, accounts: {count}")),
        }];
        remarks.extend(mailboxes::maildirs(settings, &list));
        remarks.extend(mailboxes::aliases(settings, &accounts)?);
        Ok(remarks)
    };
    let looked = open_accounts(settings)
        .and_then(|accounts| look(accounts).map_err(|error| accounts_finding(settings, &error)));
    looked.unwrap_or_else(|finding| vec![Remark::Error(finding)])
}

/// The files in [tls], or the self-signed pair if it has been made already or `can_be_made`.
fn certificate(settings: &Settings, can_be_made: bool) -> Vec<Remark> {
    let folder = settings.tls_folder();
    let (certificate, key) = match &settings.tls {
        Some(files) => (files.certificate.clone(), files.key.clone()),
        None => (folder.join("cert.pem"), folder.join("key.pem")),
    };
    if settings.tls.is_none() && !(certificate.exists() && key.exists()) {
        let will_be = || Remark::Fine(format!("{} will be made, self-signed", certificate.display()));
        return can_be_made.then(will_be).into_iter().collect();
    }
    let tls = match Tls::load(&certificate, &key) {
        Ok(tls) => tls,
        Err(problem) => return vec![Remark::Error(settings.located(problem))],
    };
    let mut remarks = vec![Remark::Fine(format!("certificate {}", certificate.display()))];
    let warnings = tls.warnings(&settings.hostname, SystemTime::now());
    remarks.extend(warnings.into_iter().map(Remark::Warning));
    if settings.tls.is_none() && settings.file.is_some() {
        remarks.push(Remark::warning(
            "the certificate is self-signed: each mail program asks once whether to trust it",
            "name one from an authority, such as Let's Encrypt, in [tls]",
        ));
    }
    remarks
}

/// Values that are taken, though an RFC asks for more: who sets them may know all of the peers.
fn below_the_rfcs(settings: &Settings) -> Vec<Remark> {
    let (smtp, pop3) = (&settings.smtp, &settings.pop3);
    let idle = |section, found: Duration, asked: Duration, rfc| {
        below(section, "idle_timeout", found.as_secs(), asked.as_secs(), "s", rfc)
    };
    let recipients = u64::try_from(smtp.max_recipients).unwrap_or(u64::MAX);
    let recipients_asked = limits::RECIPIENTS_DEFAULT as u64;
    [
        idle("smtp", smtp.idle_timeout, limits::SMTP_IDLE_DEFAULT, "RFC 5321, 4.5.3.2.7"),
        idle("pop3", pop3.idle_timeout, limits::POP3_IDLE_MIN, "RFC 1939, 3"),
        below("smtp", "max_recipients", recipients, recipients_asked, "recipients", "RFC 5321, 4.5.3.1.8"),
        below(
            "smtp",
            "max_message_size",
            smtp.max_message_size,
            limits::MESSAGE_SIZE_MIN,
            "bytes",
            "RFC 5321, 4.5.3.1.7",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn below(section: &str, key: &str, found: u64, asked: u64, unit: &str, rfc: &str) -> Option<Remark> {
    (found < asked).then(|| {
        Remark::warning(
            format!("`{key}` in [{section}] is {found} {unit}; {rfc} asks for {asked}"),
            "raise it, unless you know that no peer needs more",
        )
    })
}

/// RFC 8314, 3 wants TLS for every password; whoever decides otherwise should have meant it.
fn plaintext(settings: &Settings) -> Option<Remark> {
    (settings.pop3.plaintext_login == PlaintextLogin::Always && !settings.pop3.listen.is_empty()).then(|| {
        Remark::warning(
            "`plaintext_login` in [pop3] lets everybody send passwords in the clear",
            "set it to \"loopback\" or \"private\", and let mail programs use TLS",
        )
    })
}

/// LMTP is for the mail server beside us: nothing slows or refuses a stranger there, and quotas are all that stops
/// one who fills a mailbox.
fn open_lmtp(settings: &Settings) -> Vec<Remark> {
    let is_open = |address: &&ListenAddress| matches!(address, ListenAddress::Tcp(tcp) if !tcp.ip().to_canonical().is_loopback());
    let warn = |address: &ListenAddress| {
        Remark::warning(
            format!("`listen` in [lmtp] has {address}: whoever can connect to it may deliver to anybody"),
            "listen on 127.0.0.1, [::1] or a socket file, or keep others away with a firewall",
        )
    };
    settings.lmtp.listen.iter().filter(is_open).map(warn).collect()
}

/// The connection limits, held against the limit that `serve` would have.
fn descriptors(settings: &Settings, limit: u64) -> Remark {
    match settings.descriptors_finding(limit) {
        Some(finding) => Remark::Warning(finding),
        None => Remark::Fine(format!("{limit} descriptors, up to {} wanted", settings.descriptors_wanted())),
    }
}

#[cfg(test)]
mod tests;
