//! The settings as used: checked values, with a default for everything that is not written.

use super::written::{self, Number, Parsed, Written};
use super::{listening, machine, source};
use crate::finding::Finding;
use crate::limits;
use crate::mail::{Bytes, Domain};
use crate::net::{FailurePolicy, ListenAddress, Network};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the server runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `None`: the built-in defaults for trying it out.
    pub file: Option<PathBuf>,
    /// What the server calls itself; also a local domain.
    pub hostname: Domain,
    /// Where everything that lasts is kept.
    pub data_dir: PathBuf,
    /// Who the server becomes, started as root, once its ports are bound.
    pub user: Option<String>,
    /// How long running sessions get at a shutdown.
    pub shutdown_grace: Duration,
    /// Kept free on the disk by deliveries; `None` is 64 MiB, or less on a small disk.
    pub min_free: Option<Bytes>,
    /// `[smtp]`
    pub smtp: Smtp,
    /// `[pop3]`
    pub pop3: Pop3,
    /// `[lmtp]`
    pub lmtp: Lmtp,
    /// `[auth]`
    pub auth: Auth,
    /// `None`: self-signed under data_dir/tls.
    pub tls: Option<TlsFiles>,
}

/// How mail is taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Empty: switched off.
    pub listen: Vec<ListenAddress>,
    /// In octets.
    pub max_message_size: u64,
    /// For one message.
    pub max_recipients: usize,
    /// How long a silent peer is waited for.
    pub idle_timeout: Duration,
    /// At once, from everywhere.
    pub max_connections: usize,
    /// At once, from one IPv4 address or IPv6 /64.
    pub max_connections_per_ip: usize,
    /// What becomes of a message with a bare LF.
    pub bare_newline: BareNewline,
}

/// How mail is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pop3 {
    /// Without TLS at first. Empty: switched off.
    pub listen: Vec<ListenAddress>,
    /// With TLS from the first octet (RFC 8314). Empty: switched off.
    pub listen_tls: Vec<ListenAddress>,
    /// Who may log in without TLS.
    pub plaintext_login: PlaintextLogin,
    /// How long a silent peer is waited for.
    pub idle_timeout: Duration,
    /// At once, from everywhere.
    pub max_connections: usize,
    /// At once, from one IPv4 address or IPv6 /64.
    pub max_connections_per_ip: usize,
    /// How long a first login waits for its mail from an old server, before it is relayed there.
    pub upstream_wait: Duration,
}

/// How a mail server on this machine hands mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lmtp {
    /// Empty: switched off.
    pub listen: Vec<ListenAddress>,
}

/// What passwords cost, right ones and wrong ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// What wrong passwords lead to.
    pub failures: FailurePolicy,
    /// `pbkdf2_rounds = 600000`
    pub pbkdf2_rounds: u32,
}

/// A certificate from elsewhere, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's own certificate, then the intermediate ones.
    pub certificate: PathBuf,
    /// The key of the first certificate.
    pub key: PathBuf,
}

/// What becomes of a message with a bare LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareNewline {
    /// Kept as a line end; it never ends the message.
    Accept,
    /// 550 5.6.0.
    Reject,
}

/// Who may log in without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextLogin {
    /// Nobody.
    Never,
    /// Programs on this machine.
    Loopback,
    /// This machine and private networks.
    Private,
    /// Everybody.
    Always,
}

impl Settings {
    /// `--config FILE`, else `$RESTANTE_CONFIG`, else /etc/restante/restante.toml if it is there, else the defaults.
    ///
    /// # Errors
    /// A file that was named is not there, cannot be read, or has a mistake in it.
    pub fn load(given: Option<&Path>) -> Result<Self, Finding> {
        let named = std::env::var_os(source::VARIABLE);
        match source::choose(given, named.as_deref(), Path::new(source::SYSTEM_FILE)) {
            Some(file) => Self::read(&file),
            None => Ok(Self::try_out()),
        }
    }

    /// The built-in defaults (`./restante-data`, 127.0.0.1:2525, :2110, :2995).
    pub fn try_out() -> Self {
        let here = |port| vec![listen(IpAddr::V4(Ipv4Addr::LOCALHOST), port)];
        let mut settings = Self::complete(Written::default(), None);
        settings.file = None;
        settings.data_dir = PathBuf::from("./restante-data");
        settings.smtp.listen = here(2525);
        settings.pop3.listen = here(2110);
        settings.pop3.listen_tls = here(2995);
        settings
    }

    /// DATA_DIR/accounts.sqlite
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("accounts.sqlite")
    }

    /// DATA_DIR/mail
    pub fn mail(&self) -> PathBuf {
        self.data_dir.join("mail")
    }

    /// DATA_DIR/tls
    pub fn tls_folder(&self) -> PathBuf {
        self.data_dir.join("tls")
    }

    /// How many descriptors may be open when all connection limits are reached; a message above
    /// [`limits::MESSAGE_BLOCK`] takes one more for each further mailbox.
    pub fn descriptors_wanted(&self) -> u64 {
        let count = |connections: usize| u64::try_from(connections).unwrap_or(u64::MAX);
        // LMTP has the limits of SMTP, and a count of its own.
        let gates = if self.lmtp.listen.is_empty() { 1 } else { 2 };
        let senders = count(self.smtp.max_connections).saturating_mul(gates);
        let readers = count(self.pop3.max_connections).saturating_mul(limits::DESCRIPTORS_OF_A_READER);
        let connections = senders.saturating_mul(limits::DESCRIPTORS_OF_A_SENDER).saturating_add(readers);
        connections.saturating_add(limits::DESCRIPTORS_BESIDE_CONNECTIONS)
    }

    /// What an operator should know when `limit` descriptors are too few.
    pub fn descriptors_finding(&self, limit: u64) -> Option<Finding> {
        let wanted = self.descriptors_wanted();
        (limit < wanted).then(|| Finding {
            what: format!(
                "{limit} descriptors are fewer than the {wanted} that the connection limits may need"
            ),
            remedy: "raise the limit (`LimitNOFILE=` in the unit), or lower `max_connections`".to_owned(),
        })
    }

    /// Says of a finding about a file that `[tls]` names where it names it.
    pub fn located(&self, finding: Finding) -> Finding {
        let (Some(file), Some(tls)) = (&self.file, &self.tls) else { return finding };
        let is_about = |path: &Path| {
            let rest = finding.what.strip_prefix(&path.display().to_string());
            rest.is_some_and(|rest| rest.starts_with([' ', ':']))
        };
        let key = match tls {
            tls if is_about(&tls.certificate) => "certificate",
            tls if is_about(&tls.key) => "key",
            _ => return finding,
        };
        // Out of reach by now, it is named without a line.
        let text = source::read(file).unwrap_or_default();
        let at = source::place(file, &text, "tls", Some(key));
        Finding { what: format!("{at}: `{key}` in [tls]: {}", finding.what), ..finding }
    }

    fn read(file: &Path) -> Result<Self, Finding> {
        Self::parse(file, &source::read(file)?)
    }

    /// The settings that a text means; `file` is where it was read, and is named in a finding.
    ///
    /// # Errors
    /// The first mistake in the text.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Finding> {
        let mut written: Written =
            toml::from_str(text).map_err(|error| source::explain(file, text, &error))?;
        let tls = match (written.tls.certificate.take(), written.tls.key.take()) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.0, key: key.0 }),
            (None, None) => None,
            (certificate, _) => {
                let missing = if certificate.is_none() { "certificate" } else { "key" };
                return Err(Finding {
                    what: format!("{}: [tls] lacks `{missing}`", source::place(file, text, "tls", None)),
                    remedy: "give both the certificate and its key, or neither".to_owned(),
                });
            }
        };
        let settings = Self { file: Some(file.to_owned()), ..Self::complete(written, tls) };
        listening::clash(&settings, file, text).map_or(Ok(settings), Err)
    }

    fn complete(written: Written, tls: Option<TlsFiles>) -> Self {
        Self {
            file: None,
            hostname: written.hostname.map_or_else(machine::name, |name| name.0),
            data_dir: or(written.data_dir, || PathBuf::from("/var/lib/restante")),
            user: written.user,
            shutdown_grace: or(written.shutdown_grace, || limits::SHUTDOWN_GRACE_DEFAULT),
            min_free: written.min_free.map(|size| Bytes(size.0)),
            smtp: Smtp::complete(written.smtp),
            pop3: Pop3::complete(written.pop3, written.upstream_wait),
            lmtp: Lmtp { listen: listens(written.lmtp.listen, None) },
            auth: Auth::complete(written.auth),
            tls,
        }
    }
}

impl Smtp {
    fn complete(written: written::Smtp) -> Self {
        Self {
            listen: listens(written.listen, Some(25)),
            max_message_size: written.max_message_size.map_or(limits::MESSAGE_SIZE_DEFAULT, |size| size.0),
            max_recipients: count(written.max_recipients, limits::RECIPIENTS_DEFAULT),
            idle_timeout: or(written.idle_timeout, || limits::SMTP_IDLE_DEFAULT),
            max_connections: count(written.max_connections, limits::CONNECTIONS_DEFAULT),
            max_connections_per_ip: count(written.max_connections_per_ip, limits::CONNECTIONS_PER_IP_DEFAULT),
            bare_newline: or(written.bare_newline, || BareNewline::Accept),
        }
    }
}

impl Pop3 {
    fn complete(written: written::Pop3, upstream_wait: Option<Parsed<Duration>>) -> Self {
        Self {
            listen: listens(written.listen, Some(110)),
            listen_tls: listens(written.listen_tls, Some(995)),
            plaintext_login: or(written.plaintext_login, || PlaintextLogin::Loopback),
            idle_timeout: or(written.idle_timeout, || limits::POP3_IDLE_MIN),
            max_connections: count(written.max_connections, limits::CONNECTIONS_DEFAULT),
            max_connections_per_ip: count(written.max_connections_per_ip, limits::CONNECTIONS_PER_IP_DEFAULT),
            upstream_wait: or(written.upstream_wait.or(upstream_wait), || limits::UPSTREAM_WAIT_DEFAULT),
        }
    }
}

impl Auth {
    fn complete(written: written::Auth) -> Self {
        let number = |given: Option<written::Natural>, default| given.map_or(default, |given| given.0);
        let exempt = match written.exempt {
            Some(given) => given.into_iter().map(|network| network.0).collect(),
            None => vec![
                Network { base: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), prefix: 8 },
                Network { base: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 },
            ],
        };
        let failures = FailurePolicy {
            before_delay: number(written.failures_before_delay, limits::FAILURES_BEFORE_DELAY_DEFAULT),
            before_ban: number(written.failures_before_ban, limits::FAILURES_BEFORE_BAN_DEFAULT),
            ban_time: or(written.ban_time, || limits::BAN_TIME_DEFAULT),
            exempt,
        };
        let rounds = written.pbkdf2_rounds.map_or(limits::PBKDF2_ROUNDS_DEFAULT, |rounds| rounds.0);
        Self { failures, pbkdf2_rounds: rounds }
    }
}

fn or<T>(written: Option<Parsed<T>>, default: impl FnOnce() -> T) -> T {
    written.map_or_else(default, |value| value.0)
}

fn count<const MIN: u32, const MAX: u32>(written: Option<Number<MIN, MAX>>, default: usize) -> usize {
    // Fits wherever usize has 32 bits; where it has fewer, more could not be held anyway.
    written.map_or(default, |number| usize::try_from(number.0).unwrap_or(usize::MAX))
}

/// What is written; else the port on all addresses, both kinds; without a port, nowhere.
fn listens(written: Option<Vec<Parsed<ListenAddress>>>, port: Option<u16>) -> Vec<ListenAddress> {
    match (written, port) {
        (Some(addresses), _) => addresses.into_iter().map(|address| address.0).collect(),
        (None, Some(port)) => {
            let everywhere: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
            everywhere.map(|ip| listen(ip, port)).to_vec()
        }
        (None, None) => Vec::new(),
    }
}

fn listen(ip: IpAddr, port: u16) -> ListenAddress {
    ListenAddress::Tcp(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests;
