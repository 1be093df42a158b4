//! Sockets that systemd has bound for us (`LISTEN_FDS`, sd_listen_fds(3)). Knows descriptors; what
//! is to be listened on stands in the configuration.

use super::listen_address::ListenAddress;
use super::listener::Listener;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

/// The sockets that were passed and not taken yet.
///
/// A socket unit for the default addresses needs `BindIPv6Only=ipv6-only`: else systemd's `[::]:25`
/// takes IPv4, too, and `0.0.0.0:25` cannot be bound beside it.
pub struct Passed(Vec<Listener>);

impl Passed {
    /// Those of this process; none when systemd passed none.
    ///
    /// # Errors
    /// When a descriptor is not a listening stream socket, or cannot be had (before Linux 5.6).
    pub fn from_environment() -> io::Result<Self> {
        sd_notify::listen_fds()?.map(|number| listener(own(number)?)).collect::<io::Result<_>>().map(Self)
    }

    /// Takes the socket for that address; without one, binds it.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn take_or_bind(&mut self, address: &ListenAddress) -> io::Result<Listener> {
        match self.0.iter().position(|passed| passed.address() == *address) {
            Some(index) => Ok(self.0.swap_remove(index)),
            None => Listener::bind(address),
        }
    }

    /// Addresses that were passed and not asked for: a mistake in the configuration or the unit.
    pub fn left(&self) -> Vec<ListenAddress> {
        self.0.iter().map(Listener::address).collect()
    }
}

/// Owns a descriptor that is known by its number. The number alone proves nothing, so std makes
/// this unsafe; asking the kernel for a copy, as for another process' descriptor, is not.
fn own(number: i32) -> io::Result<OwnedFd> {
    let ourselves = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(&ourselves, number, PidfdGetfdFlags::empty())?)
}

fn listener(socket: OwnedFd) -> io::Result<Listener> {
    let tcp = TcpListener::from(socket);
    if tcp.local_addr().is_ok() {
        return Listener::of_tcp(tcp);
    }
    Listener::of_unix(UnixListener::from(OwnedFd::from(tcp)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Takes the sockets in a child whose descriptors begin like those of a service: a shell moves
    /// what std can pass (standard input) to number 3.
    #[test]
    fn what_systemd_passes_is_taken() {
        const ADDRESS: &str = "RESTANTE_TEST_PASSED";
        if let Ok(expected) = std::env::var(ADDRESS) {
            let mut passed = Passed::from_environment().unwrap();
            let expected: ListenAddress = expected.parse().unwrap();
            assert_eq!(passed.left(), std::slice::from_ref(&expected));
            assert!(Listener::bind(&expected).is_err(), "the socket is in use: ours");
            assert_eq!(passed.take_or_bind(&expected).unwrap().address(), expected);
            assert!(passed.left().is_empty());
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lmtp.sock");
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let of_tcp = tcp.local_addr().unwrap().to_string();
        let of_unix = format!("unix:{}", path.display());
        let unix = UnixListener::bind(&path).unwrap();
        for (socket, address) in [(OwnedFd::from(tcp), of_tcp), (OwnedFd::from(unix), of_unix)] {
            let outcome = Command::new("sh")
                .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --exact \"$1\" 3<&0"])
                .arg(std::env::current_exe().unwrap())
                .arg("net::passed::tests::what_systemd_passes_is_taken")
                .env(ADDRESS, address)
                .stdin(socket)
                .output()
                .unwrap();
            assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
        }
    }

    #[test]
    fn without_systemd_everything_is_bound() {
        let mut passed = Passed(Vec::new());
        let listener = passed.take_or_bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(listener.address().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn what_is_no_listening_socket_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(listener(OwnedFd::from(file)).is_err());
    }
}
