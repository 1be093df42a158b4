//! Can the server listen where it is told to? An address that a running restante has taken is no
//! fault: `check` is run beside it.

use super::Remark;
use crate::config::Settings;
use crate::limits;
use crate::net::{self, ListenAddress, Listener};
use crate::serve;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

/// What became of the wish to listen on one address.
enum Found {
    Free,
    /// Somebody listens there; what it says first, empty if nothing.
    Taken {
        greeting: String,
    },
    Refused(io::Error),
}

/// One remark for each address; an error when there is none at all.
pub(super) fn examine(settings: &Settings) -> Vec<Remark> {
    let plain = [&settings.smtp.listen, &settings.pop3.listen, &settings.lmtp.listen];
    let mut found: Vec<_> = plain.into_iter().flatten().map(|at| (at, look(at, true))).collect();
    // Before its handshake a TLS port says nothing that could be looked at.
    found.extend(settings.pop3.listen_tls.iter().map(|at| (at, look(at, false))));
    if found.is_empty() {
        return vec![Remark::Error(serve::nothing_to_listen_on())];
    }
    let running = found.iter().any(|(_, found)| match found {
        Found::Taken { greeting } => is_ours(greeting),
        _ => false,
    });
    found.into_iter().map(|(address, found)| remark(address, found, running)).collect()
}

/// `running`: one of the other addresses greets as ours, so a taken one that says nothing (TLS) is
/// taken for ours, too.
fn remark(address: &ListenAddress, found: Found, running: bool) -> Remark {
    match found {
        Found::Free => Remark::Fine(format!("{address} can be listened on")),
        Found::Taken { greeting } if is_ours(&greeting) || (running && greeting.is_empty()) => {
            Remark::Fine(format!("{address} is in use by a running restante"))
        }
        Found::Taken { .. } => Remark::Error(net::cannot_listen(address, &io::ErrorKind::AddrInUse.into())),
        Found::Refused(error) if Listener::is_without_ipv6(address, &error) => Remark::warning(
            format!("{address} cannot be listened on: this machine has no IPv6"),
            "take it from the list",
        ),
        Found::Refused(error) => Remark::Error(net::cannot_listen(address, &error)),
    }
}

/// Our greetings of SMTP, LMTP and POP3 name the program, as a word of its own. The host name proves
/// nothing: another mail server on this machine greets with it, too.
fn is_ours(greeting: &str) -> bool {
    greeting.split_whitespace().any(|word| word == "restante")
}

/// Binds the address for a moment. `greets`: who has taken it is asked for a greeting.
fn look(address: &ListenAddress, greets: bool) -> Found {
    // Somebody who listens on a socket must not be disturbed by our trying to.
    if let ListenAddress::Unix(path) = address
        && let Ok(stream) = UnixStream::connect(path)
    {
        drop(stream.set_read_timeout(Some(limits::CHECK_GREETING_TIME)));
        return Found::Taken { greeting: greeting(stream) };
    }
    match Listener::bind(address) {
        Ok(_) => Found::Free,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let said = if greets { call(address) } else { None };
            Found::Taken { greeting: said.unwrap_or_default() }
        }
        Err(error) => Found::Refused(error),
    }
}

fn call(address: &ListenAddress) -> Option<String> {
    let ListenAddress::Tcp(address) = address else { return None };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let reached = SocketAddr::new(ip, address.port());
    let stream = TcpStream::connect_timeout(&reached, limits::CHECK_GREETING_TIME).ok()?;
    stream.set_read_timeout(Some(limits::CHECK_GREETING_TIME)).ok()?;
    Some(greeting(stream))
}

/// What comes first, up to the end of its line.
fn greeting(stream: impl Read) -> String {
    let mut said = Vec::new();
    for octet in io::BufReader::new(stream).take(limits::CHECK_GREETING_MAX as u64).bytes() {
        match octet {
            Ok(b'\n') | Err(_) => break,
            Ok(octet) => said.push(octet),
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
