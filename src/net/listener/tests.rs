//! Listeners on this machine.

use super::*;
use crate::runtime::block_on;
use futures_lite::future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn listen(text: &str) -> Listener {
    Listener::bind(&text.parse().unwrap()).unwrap()
}

fn port(listener: &Listener) -> u16 {
    match listener.address() {
        ListenAddress::Tcp(address) => address.port(),
        ListenAddress::Unix(_) => 0,
    }
}

#[test]
fn a_connection_is_accepted_with_its_peer() {
    let listener = listen("127.0.0.1:0");
    let mut client = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
    let mut stream = block_on(listener.accept()).unwrap();
    assert_eq!(stream.peer(), Peer::Tcp(client.local_addr().unwrap()));
    client.write_all(b"hello").unwrap();
    let mut octets = [0; 9];
    let read = block_on(stream.read_some(&mut octets, LIMIT)).unwrap();
    assert_eq!(&octets[..read], b"hello");
}

#[test]
fn the_port_that_was_taken_is_told_and_binds_again_at_once() {
    let listener = listen("127.0.0.1:0");
    let address = listener.address();
    assert_ne!(port(&listener), 0);
    let taken = Listener::bind(&address).err().map(|error| error.kind());
    assert_eq!(taken, Some(io::ErrorKind::AddrInUse));
    // With a connection that we close first, which then waits in TIME_WAIT.
    let mut client = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
    drop(block_on(listener.accept()).unwrap());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop(client);
    drop(listener);
    assert_eq!(listen(&address.to_string()).address(), address);
}

#[test]
fn ipv6_leaves_the_port_to_ipv4() {
    if Listener::bind(&"[::]:0".parse().unwrap()).is_err() {
        return; // No IPv6 here.
    }
    // Another test may have that port over IPv4 just now.
    let both = || {
        let six = listen("[::]:0");
        Listener::bind(&format!("0.0.0.0:{}", port(&six)).parse().unwrap()).is_ok()
    };
    assert!((0..20).any(|_| both()));
}

#[test]
fn a_unix_socket_is_made_for_owner_and_group_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("lmtp.sock");
    let address = ListenAddress::Unix(path.clone());
    let listener = Listener::bind(&address).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let _client = UnixStream::connect(&path).unwrap();
    assert_eq!(block_on(listener.accept()).unwrap().peer(), Peer::Unix);
    assert!(Listener::bind(&address).is_err(), "somebody listens");
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_makes_room_and_any_other_file_does_not() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("lmtp.sock");
    let address = ListenAddress::Unix(path.clone());
    drop(UnixListener::bind(&path).unwrap()); // std leaves the file, like a process that is killed.
    let listener = Listener::bind(&address).unwrap();
    // A successor under the same name outlives us.
    fs::remove_file(&path).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
    let file = home.path().join("mail");
    fs::write(&file, "precious").unwrap();
    let refused = Listener::bind(&ListenAddress::Unix(file.clone())).err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::AlreadyExists));
    assert_eq!(fs::read(file).unwrap(), b"precious");
}

#[test]
fn what_passes_is_told_from_what_does_not() {
    for (errno, exhaustion, one_peer) in [
        (Errno::EMFILE, true, false),
        (Errno::ENFILE, true, false),
        (Errno::ENOMEM, true, false),
        (Errno::ECONNABORTED, false, true),
        (Errno::EBADF, false, false),
    ] {
        let error = io::Error::from(errno);
        assert_eq!((is_exhaustion(&error), is_about_one_peer(&error)), (exhaustion, one_peer), "{errno}");
    }
}

#[test]
fn only_all_of_ipv6_can_be_done_without() {
    let everywhere = |address: &str, errno: Errno| {
        Listener::is_without_ipv6(&address.parse().unwrap(), &io::Error::from(errno))
    };
    assert!(everywhere("[::]:25", Errno::EAFNOSUPPORT) && everywhere("[::]:25", Errno::EADDRNOTAVAIL));
    assert!(!everywhere("[::]:25", Errno::EADDRINUSE), "somebody has it");
    assert!(!everywhere("[2001:db8::1]:25", Errno::EADDRNOTAVAIL), "asked for by name");
    assert!(!everywhere("0.0.0.0:25", Errno::EAFNOSUPPORT));
}

/// Descriptors belong to the whole process, so this one needs a process of its own.
#[test]
fn accepting_goes_on_after_descriptors_had_run_out() {
    const ALONE: &str = "RESTANTE_TEST_ALONE";
    let name = "net::listener::tests::accepting_goes_on_after_descriptors_had_run_out";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let outcome = alone.args(["--exact", name]).env(ALONE, "1").output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
        return;
    }
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let listener = listen("127.0.0.1:0");
    block_on(async {
        let first = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
        drop(listener.accept().await.unwrap()); // The runtime has all that it needs now.
        let waiting = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            hoard.push(file);
        }
        let mut accepting = std::pin::pin!(listener.accept());
        assert!(runtime::timeout(limits::ACCEPT_PAUSE / 2, &mut accepting).await.is_none());
        assert!(listener.exhaustion().is_open);
        drop(hoard);
        assert_eq!(accepting.await.unwrap().peer(), Peer::Tcp(waiting.local_addr().unwrap()));
        assert!(!listener.exhaustion().is_open);
        drop(first);
    });
}

#[test]
fn a_socket_that_does_not_listen_is_told_and_not_tried_for_ever() {
    let fd = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let listener = Listener::of_tcp(TcpListener::from(fd)).unwrap();
    let told = block_on(runtime::timeout(LIMIT, listener.accept())).unwrap();
    assert_eq!(told.err().and_then(|error| error.raw_os_error()), Some(Errno::EINVAL as i32));
}

#[test]
fn waiting_for_a_connection_can_be_given_up() {
    let listener = listen("127.0.0.1:0");
    block_on(async {
        let nobody = future::poll_once(std::pin::pin!(listener.accept())).await;
        assert!(nobody.is_none());
        let client = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
        assert_eq!(listener.accept().await.unwrap().peer(), Peer::Tcp(client.local_addr().unwrap()));
    });
}

#[test]
fn descriptors_that_come_and_go_fill_no_log() {
    let (mut exhaustion, start) = (Exhaustion::default(), Instant::now());
    let mut told = 0;
    for tenth in 0..1000 {
        let now = start + Duration::from_millis(100) * tenth;
        told += usize::from(exhaustion.began(now)) + usize::from(exhaustion.ended());
    }
    assert_eq!(told, 20, "two lines each ten seconds, for a hundred seconds");
    assert!(exhaustion.began(start + Duration::from_secs(200)));
    assert!(!exhaustion.began(start + Duration::from_secs(300)), "it is not over yet");
}
