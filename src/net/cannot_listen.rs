//! Why an address cannot be listened on, in words for the operator: the same at the start and in `check`.

use super::listen_address::ListenAddress;
use crate::finding::Finding;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

/// What [`super::Listener::bind`] has failed with, and what to do about it.
pub fn cannot_listen(address: &ListenAddress, error: &io::Error) -> Finding {
    if error.kind() == ErrorKind::AddrInUse {
        return Finding {
            what: format!("{address} is in use by another program"),
            remedy: "stop that program (`ss -ltnxp` tells which), or listen elsewhere".to_owned(),
        };
    }
    let remedy = match address {
        ListenAddress::Tcp(address) => of_tcp(*address, error.kind()).to_owned(),
        ListenAddress::Unix(path) => of_unix(path, error.kind()),
    };
    Finding { what: format!("{address} cannot be listened on: {error}"), remedy }
}

fn of_tcp(address: SocketAddr, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied if address.port() < 1024 => {
            "ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE): use etc/restante.service, which \
             has it, or choose another port"
        }
        ErrorKind::PermissionDenied => "something on this machine forbids it, such as SELinux: see its log",
        ErrorKind::AddrNotAvailable => "give an address that this machine has (`ip address` tells them)",
        _ => "listen elsewhere",
    }
}

fn of_unix(path: &Path, kind: ErrorKind) -> String {
    let folder = path.parent().unwrap_or(path).display();
    match kind {
        ErrorKind::AlreadyExists => "move it away, or name another path".to_owned(),
        ErrorKind::PermissionDenied => {
            format!("let the user that restante runs as write in {folder}, or name another path")
        }
        ErrorKind::NotFound => format!("make the folder {folder} for the user that restante runs as"),
        _ => format!("see that {folder} is a folder on a disk that can be written to, or name another path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remedy_is_for_its_kind_of_address() {
        let said = |address: &str, kind| cannot_listen(&address.parse().unwrap(), &io::Error::from(kind));
        let socket = "unix:/run/x/lmtp.sock";
        for (address, kind, remedy) in [
            ("0.0.0.0:25", ErrorKind::PermissionDenied, "ports below 1024 "),
            ("0.0.0.0:2525", ErrorKind::PermissionDenied, "something on this machine "),
            (socket, ErrorKind::PermissionDenied, "let the user that restante runs as write in /run/x,"),
            ("192.0.2.1:25", ErrorKind::AddrNotAvailable, "give an address "),
            (socket, ErrorKind::NotFound, "make the folder /run/x "),
            (socket, ErrorKind::NotADirectory, "see that /run/x is a folder "),
            (socket, ErrorKind::AlreadyExists, "move it away, "),
            ("0.0.0.0:25", ErrorKind::AddrInUse, "stop that program "),
            (socket, ErrorKind::AddrInUse, "stop that program "),
        ] {
            let finding = said(address, kind);
            assert!(finding.remedy.starts_with(remedy), "{finding}");
            assert!(finding.what.starts_with(address), "{finding}");
        }
    }
}
