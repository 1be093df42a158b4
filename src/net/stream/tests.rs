//! Connections over the loopback, with a client of rustls at the other end.

use super::*;
use crate::mail::Domain;
use crate::net::{ListenAddress, Listener, Trust, make_self_signed};
use crate::runtime::block_on;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned, SupportedProtocolVersion, version};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

const LIMIT: Duration = Duration::from_secs(10);

/// The client's side runs on a thread, ours on this one.
fn connect<T: Send + 'static>(
    client: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Stream, thread::JoinHandle<T>) {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let ListenAddress::Tcp(address) = listener.address() else { unreachable!() };
    let client = thread::spawn(move || client(TcpStream::connect(address).unwrap()));
    (block_on(listener.accept()).unwrap(), client)
}

fn certificate() -> Tls {
    let home = tempfile::tempdir().unwrap();
    let (certificate, key) = make_self_signed(home.path(), &Domain::parse("localhost").unwrap()).unwrap();
    Tls::load(&certificate, &key).unwrap()
}

/// Of a client that takes any certificate, as a person does who clicks the warning away.
fn client_config(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap();
    let verifier = Trust::anybody().verifier();
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    Arc::new(config)
}

struct Seen {
    resumed: bool,
    tickets: u32,
    exporter: Vec<u8>,
    heard: Vec<u8>,
    certificate: Vec<u8>,
}

/// One conversation: the client says `hello`, we answer `welcome` and close.
fn converse(tls: &Tls, tickets: Tickets, config: &Arc<ClientConfig>) -> (TlsFacts, Seen) {
    let config = Arc::clone(config);
    let (stream, client) = connect(move |socket| {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(config, name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(b"hello").unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap(); // Fails without close_notify.
        let connection = &stream.conn;
        Seen {
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            tickets: connection.tls13_tickets_received(),
            exporter: connection
                .export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""))
                .unwrap(),
            heard,
            certificate: connection.peer_certificates().unwrap()[0].to_vec(),
        }
    });
    let facts = block_on(async {
        let mut stream = stream.secure(tls, tickets).await.unwrap();
        let mut octets = [0; 16];
        assert_eq!(stream.read_some(&mut octets, LIMIT).await.unwrap(), 5);
        stream.send(b"welcome", LIMIT).await.unwrap();
        let facts = stream.tls().unwrap().clone();
        stream.close().await;
        facts
    });
    (facts, client.join().unwrap())
}

#[test]
fn smtp_sends_no_ticket_and_resumes_nothing() {
    let tls = certificate();
    for version in [&version::TLS13, &version::TLS12] {
        let config = client_config(version);
        for _ in 0..2 {
            let (_, seen) = converse(&tls, Tickets::Never, &config);
            assert_eq!((seen.tickets, seen.resumed), (0, false));
            assert_eq!(seen.heard, b"welcome");
        }
    }
}

#[test]
fn pop3_sends_tickets_and_resumes() {
    let tls = certificate();
    for (version, is_13) in [(&version::TLS13, true), (&version::TLS12, false)] {
        let config = client_config(version);
        let (_, first) = converse(&tls, Tickets::Send, &config);
        assert_eq!((first.tickets > 0, first.resumed), (is_13, false));
        for _ in 0..3 {
            let (_, again) = converse(&tls, Tickets::Send, &config);
            assert!(again.resumed);
        }
    }
}

#[test]
fn who_takes_a_part_is_told_of_before_the_end() {
    let (progress, told) = std::sync::mpsc::channel();
    let (stream, client) = connect(move |mut socket| {
        // Reads nothing until it is told of: were that at the end, both would wait for ever.
        told.recv_timeout(LIMIT).unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        heard.len()
    });
    let octets = vec![b'x'; 64 * limits::SEND_BUFFER];
    block_on(async {
        let mut stream = stream;
        let took = || progress.send(()).unwrap_or(());
        stream.send_telling(&octets, LIMIT, took).await.unwrap();
        stream.close().await;
    });
    assert_eq!(client.join().unwrap(), octets.len());
}

/// Has room for one octet at each third try, for three in all, and never says so.
#[derive(Default)]
struct Quiet {
    tries: u32,
    taken: usize,
}

impl AsyncWrite for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.tries += 1;
        if !self.tries.is_multiple_of(3) || self.taken == 3 {
            return Poll::Pending;
        }
        self.taken += 1;
        Poll::Ready(Ok(octets.len().min(1)))
    }

    /// Gives it octets that it was given before.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _taken = self.poll_write(context, b"x")?;
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_write_that_waits_is_tried_again_until_nothing_is_taken_for_the_limit() {
    let (mut waits, mut to, mut told) = (Waits::default(), Quiet::default(), 0);
    let limits = (Duration::from_millis(50), Duration::from_millis(1));
    let written = block_on(write(&mut waits, &mut to, b"abcd", limits, || told += 1));
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!((to.taken, told), (3, 3));
}

#[test]
fn a_flush_that_waits_is_tried_again_and_told_of_like_a_write() {
    let (mut waits, mut to, mut told) = (Waits::default(), Quiet::default(), 0);
    let limits = (Duration::from_millis(50), Duration::from_millis(1));
    let flushed = block_on(flush(&mut waits, &mut to, |to| to.taken as u64, limits, || told += 1));
    assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!((to.taken, told), (3, 3));
}

#[test]
fn what_tls_holds_back_counts_as_taken_when_it_goes_out() {
    let config = client_config(&version::TLS13);
    let (full, reads) = std::sync::mpsc::channel();
    let (stream, client) = connect(move |socket| {
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        reads.recv_timeout(LIMIT).unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        heard.len()
    });
    let (mut written, mut told) = (0, 0);
    block_on(async {
        let mut stream = stream.secure(&certificate(), Tickets::Never).await.unwrap();
        // Until neither the socket nor TLS has room: nothing of what is flushed has gone out.
        let block = vec![b'x'; limits::SEND_BUFFER];
        while let Some(taken) = future::poll_once(stream.channel.write(&block)).await {
            written += taken.unwrap();
        }
        let Stream { waits, channel, .. } = &mut stream;
        full.send(()).unwrap();
        flush(waits, channel, Channel::taken, (LIMIT, LIMIT), || told += 1).await.unwrap();
        stream.close().await;
    });
    assert_eq!((client.join().unwrap(), told), (written, 1));
}

#[test]
fn what_comes_is_added_to_what_came_before() {
    let (stream, client) = connect(|mut socket| socket.write_all(b"ab").unwrap());
    let heard = block_on(async {
        let (mut stream, mut heard) = (stream, b"_".to_vec());
        while stream.read_more(&mut heard, LIMIT).await.unwrap() > 0 {}
        heard
    });
    client.join().unwrap();
    assert_eq!(heard, b"_ab");
}

#[test]
fn both_sides_know_the_same_facts() {
    use sha2::{Digest, Sha256};
    let tls = certificate();
    let (facts, seen) = converse(&tls, Tickets::Never, &client_config(&version::TLS13));
    assert_eq!(facts.version, "TLSv1.3");
    assert!(facts.cipher.starts_with("TLS13_AES"), "{}", facts.cipher);
    assert_eq!(facts.exporter, Some(seen.exporter));
    assert_eq!(facts.server_end_point, Some(Sha256::digest(&seen.certificate).to_vec()));

    let (facts, seen) = converse(&tls, Tickets::Never, &client_config(&version::TLS12));
    assert_eq!((facts.version, facts.exporter), ("TLSv1.2", None));
    assert!(facts.cipher.starts_with("TLS_ECDHE_ECDSA"), "{}", facts.cipher);
    assert_eq!(facts.server_end_point, Some(Sha256::digest(&seen.certificate).to_vec()));
}

#[test]
fn a_peer_that_talks_no_tls_fails_the_handshake() {
    let (stream, client) = connect(|mut socket| {
        socket.write_all(b"USER alice\r\n").unwrap();
        let mut answer = Vec::new();
        drop(socket.read_to_end(&mut answer)); // An alert, then the end or a reset.
    });
    assert!(block_on(stream.secure(&certificate(), Tickets::Never)).is_err());
    client.join().unwrap();
}

#[test]
fn a_silent_peer_and_a_deaf_one_run_into_the_limit() {
    let (mut stream, _client) = connect(|socket| {
        thread::park(); // Neither reads nor writes; ends with the test.
        drop(socket);
    });
    assert!(stream.tls().is_none());
    let silent = block_on(stream.read_some(&mut [0; 8], Duration::from_millis(1)));
    assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let flood = vec![0; 64 * 1024 * 1024]; // More than any socket buffer.
    let deaf = block_on(stream.send(&flood, Duration::from_millis(50)));
    assert_eq!(deaf.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn the_last_reply_arrives_though_the_peer_still_talks() {
    let (mut stream, client) = connect(|mut socket| {
        let talker = socket.try_clone().unwrap();
        let talking = thread::spawn(move || drop((&talker).write_all(&[b'x'; 40_000])));
        let mut heard = String::new();
        socket.read_to_string(&mut heard).unwrap(); // A reset would be an error.
        talking.join().unwrap();
        heard
    });
    block_on(async {
        stream.send(b"421 too many\r\n", LIMIT).await.unwrap();
        stream.close().await;
    });
    assert_eq!(client.join().unwrap(), "421 too many\r\n");
}

#[test]
fn a_unix_socket_is_a_stream_like_any_other() {
    use std::os::unix::net::UnixStream;
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut stream = Stream::new(Peer::Unix, Socket::from(runtime::unix_stream(ours).unwrap()));
    theirs.write_all(b"LHLO here\r\n").unwrap();
    let client = thread::spawn(move || {
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).unwrap(); // Ends because our side is shut down.
        heard
    });
    block_on(async {
        let mut octets = [0; 64];
        let read = stream.read_some(&mut octets, LIMIT).await.unwrap();
        assert_eq!(&octets[..read], b"LHLO here\r\n");
        stream.send(b"250 here\r\n", LIMIT).await.unwrap();
        stream.close().await;
    });
    assert_eq!(client.join().unwrap(), "250 here\r\n");
}

#[test]
fn there_is_no_tls_inside_tls() {
    let tls = Arc::new(certificate());
    let config = client_config(&version::TLS13);
    let (stream, client) = connect(move |socket| {
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), socket);
        drop(stream.read(&mut [0])); // Does the handshake; then the end.
    });
    block_on(async {
        let stream = stream.secure(&tls, Tickets::Never).await.unwrap();
        assert!(stream.secure(&tls, Tickets::Never).await.is_err());
    });
    client.join().unwrap();
}

#[test]
fn a_peer_that_takes_everything_at_once_lets_others_have_their_turn() {
    let (mut stream, client) = connect(|mut wire| {
        let mut got = Vec::new();
        wire.read_to_end(&mut got).unwrap();
        got.len()
    });
    let gave_way = block_on(async {
        let mut gave_way = 0;
        for _ in 0..limits::TURNS_IN_A_ROW {
            let mut sending = std::pin::pin!(stream.send(b"there is room for this", LIMIT));
            match futures_lite::future::poll_once(&mut sending).await {
                Some(sent) => sent.unwrap(),
                None => {
                    gave_way += 1;
                    sending.await.unwrap();
                }
            }
        }
        gave_way
    });
    assert!(gave_way > 0, "no turn for anybody else");
    drop(stream);
    assert_eq!(client.join().unwrap(), 22 * limits::TURNS_IN_A_ROW as usize);
}

#[test]
fn little_is_held_for_a_peer_that_never_reads() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (mut stream, client) = connect(move |wire| {
        let _until_the_end = told.recv();
        drop(wire);
    });
    let block = vec![0; limits::OUTPUT_MAX];
    let mut taken = 0;
    // The limit only ends the test: a deaf peer takes no more, however long it is waited for.
    while block_on(stream.send(&block, Duration::from_millis(300))).is_ok() {
        taken += block.len();
    }
    // Our own buffer as the kernel counts it, and what a client's has at first.
    assert!(taken <= 4 * limits::SEND_BUFFER, "{taken} octets");
    drop(tell);
    client.join().unwrap();
}
