//! The server: what is started in which order, how it ends, and one driver loop for each protocol.
//!
//! The order of the start matters: listeners are bound first, while the privilege to do so is still
//! there; then the storage is opened; the log names the listeners only when a connection would be
//! served; systemd is told last; and what takes its time, such as left-overs, is done beside the sessions.

pub mod door;
pub mod first_run;
pub mod log;
pub mod outcomes;
pub mod pop3;
pub mod reload;
pub mod shared;
pub mod smtp;
#[cfg(test)]
mod testing;
pub mod upkeep;
pub mod upstream;

use crate::config::Settings;
use crate::finding::Finding;
use crate::limits;
use crate::net::{self, ListenAddress, Listener, Passed, Tls};
use crate::process;
use crate::runtime::{self, Signal, Signals};
use door::{Door, Protocol};
use log::Line;
use shared::Shared;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the server until it is told to end. `config`: the file given with `--config`, for reloads.
///
/// # Errors
/// A finding when it could not start. Once it has started, it ends only when told to.
pub fn run(settings: Settings, config: Option<PathBuf>) -> Result<(), Finding> {
    match net::raise_descriptor_limit() {
        Ok(limit) => match settings.descriptors_finding(limit) {
            Some(finding) => Line::new("serve.descriptors").with("why", finding).warn(),
            None => ::log::debug!("serve.descriptors limit={limit}"),
        },
        Err(error) => ::log::warn!("serve.descriptors why={error:?}"),
    }
    let listeners = bind(&settings)?;
    process::make_data_dir(settings.user.as_deref(), &settings.data_dir)?;
    give_sockets(&settings, &listeners)?;
    // Behind the ports and before all else: no other file is made, and no peer heard, as root.
    let privileges = process::give_up_root(settings.user.as_deref(), needs_root(&settings))?;
    let calls = process::SystemCalls::of_this_process();
    let tls = load_tls(&settings)?;
    let shared = Arc::new(Shared::open(settings, tls)?);
    let confinement = confine(&shared.settings());
    let start = Line::new("serve.start").with("version", env!("CARGO_PKG_VERSION"));
    start.with("user", privileges).with("confined", confinement).with("calls", calls).info();
    first_run::greet(&shared)?;
    let signals = Signals::new().map_err(|error| Finding {
        what: format!("signals cannot be caught: {error}"),
        remedy: "raise the limit of open files (ulimit -n)".to_owned(),
    })?;
    runtime::block_on(serve(shared, listeners, signals, config));
    Ok(())
}

async fn serve(
    shared: Arc<Shared>,
    listeners: Vec<(Protocol, Listener)>,
    mut signals: Signals,
    config: Option<PathBuf>,
) {
    upkeep::read_bans(&shared).await;
    upkeep::judge_certificate(&shared);
    let door = Arc::new(Door::new(Arc::clone(&shared)));
    for (protocol, listener) in listeners {
        let address = listener.address();
        Line::new("serve.listening").with("protocol", protocol).with("address", address).info();
        door.open(protocol, listener);
    }
    net::notify("READY=1");
    upkeep::start(&shared);
    while reload_is_next(&mut signals).await {
        net::notify("RELOADING=1");
        reload::reload(&shared, &door, config.as_deref()).await;
        net::notify("READY=1");
    }
    end(&shared, signals).await;
}

/// Ends between two commands of each session; after the grace, or at a second signal, at once.
async fn end(shared: &Arc<Shared>, mut signals: Signals) {
    let grace = shared.settings().shutdown_grace;
    Line::new("serve.stopping").with("grace", format!("{grace:?}")).info();
    net::notify("STOPPING=1");
    shared.shutdown.begin();
    let ended = async {
        shared.shutdown.all_ended().await;
        true
    };
    let told_again = async {
        // A reload is no reason to hurry.
        while reload_is_next(&mut signals).await {}
        false
    };
    let in_peace = runtime::timeout(grace, futures_lite::future::or(ended, told_again)).await == Some(true);
    if !in_peace {
        shared.shutdown.cut();
        if runtime::timeout(limits::CUT_GRACE, shared.shutdown.all_ended()).await.is_none() {
            Line::new("serve.cut").with("why", "sessions did not end").warn();
        }
    }
    upkeep::write_last_logins(shared).await;
    Line::new("serve.stopped").with("panics", runtime::panics()).info();
}

/// Waits for a signal; if none can be heard any more, the server ends rather than run on deaf.
async fn reload_is_next(signals: &mut Signals) -> bool {
    matches!(signals.next().await, Ok(Signal::Reload))
}

/// Binds every configured listener, before anything else can fail half-way.
fn bind(settings: &Settings) -> Result<Vec<(Protocol, Listener)>, Finding> {
    let lists = [
        (Protocol::Smtp, &settings.smtp.listen),
        (Protocol::Lmtp, &settings.lmtp.listen),
        (Protocol::Pop3, &settings.pop3.listen),
        (Protocol::Pop3s, &settings.pop3.listen_tls),
    ];
    let mut passed = Passed::from_environment().map_err(|error| Finding {
        what: format!("the sockets that systemd passed cannot be used: {error}"),
        remedy: "list stream sockets only in the socket unit, or do without one".to_owned(),
    })?;
    let mut listeners = Vec::new();
    for (protocol, addresses) in lists {
        for address in addresses {
            match passed.take_or_bind(address) {
                Ok(listener) => listeners.push((protocol, listener)),
                Err(error) if Listener::is_without_ipv6(address, &error) => {
                    Line::new("serve.without").with("address", address).with("why", error).warn();
                }
                Err(error) => return Err(net::cannot_listen(address, &error)),
            }
        }
    }
    for address in passed.left() {
        let line = Line::new("serve.unasked").with("address", address);
        line.with("why", "systemd passed a socket that no `listen` names").warn();
    }
    if listeners.is_empty() {
        return Err(nothing_to_listen_on());
    }
    Ok(listeners)
}

/// What is said of settings in which every listener is switched off.
pub fn nothing_to_listen_on() -> Finding {
    Finding {
        what: "nothing to listen on".to_owned(),
        remedy: "give an address in [smtp], [pop3] or [lmtp]".to_owned(),
    }
}

/// The files of Unix sockets that root has bound become those of the user it will be: else only root could
/// connect, and nobody remove them.
fn give_sockets(settings: &Settings, listeners: &[(Protocol, Listener)]) -> Result<(), Finding> {
    let Some(user) = process::successor(settings.user.as_deref())? else { return Ok(()) };
    for (_, listener) in listeners {
        listener.give_to(user.uid, user.gid).map_err(|error| Finding {
            what: format!("{} cannot be given to the user {}: {error}", listener.address(), user.name),
            remedy: "name a socket on a disk that keeps owners".to_owned(),
        })?;
    }
    Ok(())
}

/// Whether a port is to be bound that only root, or who has CAP_NET_BIND_SERVICE, can bind.
pub fn needs_root(settings: &Settings) -> bool {
    let is_privileged = |address: &ListenAddress| matches!(address, ListenAddress::Tcp(tcp) if (1..1024).contains(&tcp.port()));
    settings.addresses().any(is_privileged)
}

/// What is read to find a host by its name, and to believe its certificate: at a reload, and whenever an
/// old server is asked.
const NAMES_AND_AUTHORITIES: [&str; 12] = [
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
];

/// Leaves the process its data, its configuration, its certificate and the folders of its sockets.
fn confine(settings: &Settings) -> process::Confinement {
    // mail/ by itself as well: an administrator may have put a link there to a larger disk.
    let mut writable = vec![settings.data_dir.clone(), settings.mail()];
    let sockets = settings.addresses().filter_map(|address| match address {
        ListenAddress::Unix(path) => path.parent(),
        ListenAddress::Tcp(_) => None,
    });
    writable.extend(sockets.map(Path::to_owned));
    let mut readable: Vec<PathBuf> = NAMES_AND_AUTHORITIES.iter().map(PathBuf::from).collect();
    // systemd-resolved and its like leave a symbolic link there, into /run.
    readable.extend(Path::new("/etc/resolv.conf").canonicalize());
    let files = settings.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]).chain(&settings.file);
    for file in files {
        // Where the name stands, and where it leads: certbot renews by moving a symbolic link.
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        readable.extend([file.as_path(), &real].into_iter().filter_map(Path::parent).map(Path::to_owned));
    }
    // The folder of a bare file name is the current one.
    let named = |folder: PathBuf| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let [writable, readable] =
        [writable, readable].map(|list| list.into_iter().map(named).collect::<Vec<_>>());
    process::confine(&writable, &readable)
}

fn load_tls(settings: &Settings) -> Result<Tls, Finding> {
    let (certificate, key) = certificate_files(settings)?;
    Tls::load(&certificate, &key).map_err(|finding| settings.located(finding))
}

/// The configured certificate and key, or the self-signed ones, made when they are not there yet.
fn certificate_files(settings: &Settings) -> Result<(PathBuf, PathBuf), Finding> {
    if let Some(files) = &settings.tls {
        return Ok((files.certificate.clone(), files.key.clone()));
    }
    let folder = settings.tls_folder();
    net::make_self_signed(&folder, &settings.hostname).map_err(|error| Finding {
        what: format!("{}: a self-signed certificate could not be made: {error}", folder.display()),
        remedy: format!(
            "let the user that restante runs as write to {}, or configure [tls] certificate and key",
            settings.data_dir.display()
        ),
    })
}
