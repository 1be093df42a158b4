//! A socket that listens: bound before there is a runtime, accepting for as long as it lives.
//! Knows addresses and connections; knows no protocol and no limit of connections.

use super::listen_address::ListenAddress;
use super::socket::Socket;
use super::stream::Stream;
use crate::limits;
use crate::mail::Peer;
use crate::runtime;
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, sockopt};
use nix::unistd::{Gid, Uid};
use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Bound and listening (SO_REUSEADDR; `[::]` is IPv6 only, so that 0.0.0.0 may be bound beside it).
pub struct Listener {
    address: ListenAddress,
    bound: Bound,
    exhaustion: Mutex<Exhaustion>,
    /// Removed with the listener.
    file: Option<SocketFile>,
}

/// Descriptors have run out. At the limit each one that is freed is taken and the next is missing, so it
/// is told now and then and not each time.
#[derive(Default)]
struct Exhaustion {
    told: Option<Instant>,
    /// Told, and not yet that it is over.
    is_open: bool,
}

impl Exhaustion {
    /// Whether it is to be told.
    fn began(&mut self, now: Instant) -> bool {
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= limits::REFUSAL_LOG_EVERY);
        if is_due && !self.is_open {
            *self = Self { told: Some(now), is_open: true };
            return true;
        }
        false
    }

    /// Whether it is to be told that it is over.
    fn ended(&mut self) -> bool {
        std::mem::take(&mut self.is_open)
    }
}

/// The socket as it was bound, and as the runtime sees it once there is one.
enum Bound {
    Tcp(TcpListener, OnceLock<runtime::TcpListener>),
    Unix(UnixListener, OnceLock<runtime::UnixListener>),
}

/// The file of a Unix socket; removed on drop, if it is still the one we made.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Listener {
    /// Needs no runtime yet: bound before root is given up.
    ///
    /// # Errors
    /// What the system says: `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`, …; `AlreadyExists` when what lies
    /// at the path is no socket. [`super::cannot_listen`] has words for it; see [`Listener::is_without_ipv6`] for
    /// the one that a server can do with.
    pub fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Self::of_tcp(bind_tcp(*address)?),
            ListenAddress::Unix(path) => {
                let (listener, file) = bind_unix(path)?;
                Ok(Self::new(address.clone(), Bound::Unix(listener, OnceLock::new()), Some(file)))
            }
        }
    }

    /// A TCP socket that somebody else has bound for us.
    pub(super) fn of_tcp(listener: TcpListener) -> io::Result<Self> {
        let address = ListenAddress::Tcp(listener.local_addr()?);
        // Connections inherit it. They work without; they only may take more of the kernel's memory.
        let _ = socket::setsockopt(&listener, sockopt::SndBuf, &limits::SEND_BUFFER);
        Ok(Self::new(address, Bound::Tcp(listener, OnceLock::new()), None))
    }

    /// A Unix socket that somebody else has bound for us, and will remove.
    pub(super) fn of_unix(listener: UnixListener) -> io::Result<Self> {
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        let path = path.ok_or_else(|| io::Error::other("a Unix socket without a path"))?;
        Ok(Self::new(ListenAddress::Unix(path), Bound::Unix(listener, OnceLock::new()), None))
    }

    fn new(address: ListenAddress, bound: Bound, file: Option<SocketFile>) -> Self {
        Self { address, bound, exhaustion: Mutex::default(), file }
    }

    /// Whether `bind` failed because this machine has no IPv6: then `[::]` beside `0.0.0.0`, as in
    /// the defaults, is worth a warning and no more.
    pub fn is_without_ipv6(address: &ListenAddress, error: &io::Error) -> bool {
        let errno = error.raw_os_error().map(Errno::from_raw);
        let everywhere =
            matches!(address, ListenAddress::Tcp(at) if at.is_ipv6() && at.ip().is_unspecified());
        everywhere && matches!(errno, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
    }

    /// Gives the file of a Unix socket that was bound here to the user and the group who shall use it; other
    /// sockets have no file, or one that is somebody else's affair.
    ///
    /// # Errors
    /// What the system says: only root may give anything away.
    pub fn give_to(&self, user: Uid, group: Gid) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // Not through a link: who may write in that folder could have put one in the place of the socket, and
        // would be given what it leads to.
        lchown(&file.path, Some(user.as_raw()), Some(group.as_raw()))
    }

    /// With the port that was really taken.
    pub fn address(&self) -> ListenAddress {
        self.address.clone()
    }

    /// Pauses and resumes by itself when descriptors run out; TCP_NODELAY is set.
    ///
    /// # Errors
    /// What is neither the fault of one peer nor for want of descriptors. It may be there to stay, so whoever asks
    /// again should rest before.
    pub async fn accept(&self) -> io::Result<Stream> {
        loop {
            match self.accept_one().await {
                Ok(stream) => {
                    if self.exhaustion().ended() {
                        log::warn!("net.resumed address={}", self.address);
                    }
                    return Ok(stream);
                }
                Err(error) if is_exhaustion(&error) => {
                    if self.exhaustion().began(Instant::now()) {
                        log::warn!("net.exhausted address={} why={:?}", self.address, error.to_string());
                    }
                    // The peer stays in the queue; asking at once would only burn the processor.
                    runtime::sleep(limits::ACCEPT_PAUSE).await;
                }
                Err(error) if is_about_one_peer(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn exhaustion(&self) -> MutexGuard<'_, Exhaustion> {
        self.exhaustion.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept_one(&self) -> io::Result<Stream> {
        match &self.bound {
            Bound::Tcp(listener, cell) => {
                let listener = watched(cell, || runtime::tcp_listener(listener.try_clone()?))?;
                let (stream, peer) = listener.accept().await?;
                // Replies are written whole; waiting for more to send would only delay them. A peer
                // that is gone already shows at the first read.
                drop(stream.set_nodelay(true));
                Ok(Stream::new(Peer::Tcp(peer), Socket::from(stream)))
            }
            Bound::Unix(listener, cell) => {
                let listener = watched(cell, || runtime::unix_listener(listener.try_clone()?))?;
                let (stream, _) = listener.accept().await?;
                Ok(Stream::new(Peer::Unix, Socket::from(stream)))
            }
        }
    }
}

/// The listener as the runtime sees it, made at the first use.
fn watched<T>(cell: &OnceLock<T>, make: impl FnOnce() -> io::Result<T>) -> io::Result<&T> {
    if cell.get().is_none() {
        drop(cell.set(make()?)); // Two at once: one of the two is kept.
    }
    cell.get().ok_or_else(|| io::Error::other("the listener is gone"))
}

/// Nothing to open a connection with, or (`ENOSPC`) to watch it with; it passes.
fn is_exhaustion(error: &io::Error) -> bool {
    use Errno::{EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC};
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(EMFILE | ENFILE | ENOBUFS | ENOMEM | ENOSPC))
}

/// The connection that was to be accepted is broken; accept(2) hands its network errors to us.
fn is_about_one_peer(error: &io::Error) -> bool {
    use Errno::{
        ECONNABORTED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, EINTR, ENETDOWN, ENETUNREACH, ENONET, ENOPROTOOPT,
        EOPNOTSUPP, EPERM, EPROTO, ETIMEDOUT,
    };
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            ECONNABORTED
                | ECONNRESET
                | EHOSTDOWN
                | EHOSTUNREACH
                | EINTR
                | ENETDOWN
                | ENETUNREACH
                | ENONET
                | ENOPROTOOPT
                | EOPNOTSUPP
                | EPERM
                | EPROTO
                | ETIMEDOUT
        )
    )
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let fd = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Connections of the process before us linger in TIME_WAIT; without this a restart fails.
    socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        socket::setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    socket::bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    // As many waiting connections as the system allows (net.core.somaxconn).
    socket::listen(&fd, Backlog::MAXCONN)?;
    Ok(TcpListener::from(fd))
}

fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bind_over(path, error)?,
        outcome => outcome?,
    };
    // Whoever may write to it may deliver mail to anybody: the owner and the group (Postfix's).
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
    Ok((listener, file))
}

/// In the place of a socket nobody listens on, left by a process that was killed; of nothing else.
fn bind_over(path: &Path, in_use: io::Error) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what lies there is no socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        _ => Err(in_use),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A successor may listen under the same name already.
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // Without the right to, the file stays and the next start finds it stale.
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests;
