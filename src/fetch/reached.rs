//! Whether an old server answers, as far as that shows without a password.

use super::connection::Connection;
use super::problem::Problem;
use super::server::{Patience, Server};
use crate::net::ConnectError;
use crate::runtime;
use std::io;
use std::time::Duration;

/// Looks for the host, connects, and hears the greeting, what the server can do and whose certificate it has;
/// no longer than `limit` in all. One on this machine is only looked for: it may be started later, when it has
/// left its ports to us.
///
/// # Errors
/// What is in the way.
pub fn answers(server: &Server, limit: Duration) -> Result<(), Problem> {
    runtime::block_on(within(server, limit, async {
        if server.is_local().await? { Ok(()) } else { greet(server, limit).await }
    }))
}

async fn within(
    server: &Server,
    limit: Duration,
    asked: impl Future<Output = Result<(), Problem>>,
) -> Result<(), Problem> {
    let too_late = || ConnectError::NoAnswer(io::ErrorKind::TimedOut.into());
    runtime::timeout(limit, asked).await.unwrap_or_else(|| Err(Problem::connect(server, too_late())))
}

async fn greet(server: &Server, limit: Duration) -> Result<(), Problem> {
    let patience = Patience { connect: limit, answer: limit, ..Patience::default() };
    Connection::greet(server, &patience).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    /// Long enough for any machine; nothing here waits for its end.
    const LONG: Duration = Duration::from_secs(60);

    fn at(listener: &TcpListener) -> Server {
        Server::parse(&listener.local_addr().unwrap().to_string()).unwrap()
    }

    /// Says these lines, one behind each that it hears, and gives what it has heard.
    fn peer(lines: &'static [&str]) -> (Server, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = at(&listener);
        let said = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let mut all = Vec::new();
            for line in lines {
                stream.write_all(line.as_bytes()).unwrap();
                all.extend(heard.next());
            }
            all.extend(heard);
            all
        };
        (server, thread::spawn(said))
    }

    #[test]
    fn a_server_is_asked_all_that_needs_no_password() {
        let (server, heard) = peer(&["+OK hello\r\n", "+OK\r\nUSER\r\nUIDL\r\n.\r\n"]);
        runtime::block_on(greet(&server, LONG)).unwrap();
        assert_eq!(heard.join().unwrap(), ["CAPA", "QUIT"]);
        let (server, heard) = peer(&["220 mail.example.org ESMTP\r\n"]);
        let why = runtime::block_on(greet(&server, LONG)).unwrap_err();
        assert!(matches!(why, Problem::Session { .. }), "{why}");
        assert_eq!(heard.join().unwrap(), [""; 0]);
    }

    #[test]
    fn one_that_cannot_be_reached_or_is_silent_is_none() {
        let closed = at(&TcpListener::bind("127.0.0.1:0").unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (silent, short) = (at(&listener), Duration::from_millis(10));
        for (server, limit) in [(closed, LONG), (silent, short)] {
            let why = runtime::block_on(within(&server, limit, greet(&server, LONG))).unwrap_err();
            assert!(matches!(why, Problem::Connect { .. }), "{why}");
        }
    }

    #[test]
    fn one_on_this_machine_is_left_in_peace() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        answers(&at(&listener), LONG).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
