//! The server as a process: started, listened to until it listens, killed without a warning.

use crate::shared::Shared;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);

/// Log lines that are shown when a start fails.
const LOG_TAIL: usize = 15;

/// The program under trial, and its configuration.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary.
    pub binary: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
}

impl Program {
    /// A command of the binary with the configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }
}

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// SMTP.
    pub smtp: SocketAddr,
    /// LMTP.
    pub lmtp: SocketAddr,
    /// POP3.
    pub pop3: SocketAddr,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub addresses: Addresses,
}

/// How the log ends.
type Log = Arc<Mutex<VecDeque<String>>>;

impl Server {
    /// Starts it and waits for its listeners. The error tells how the log ends; it also comes when
    /// the disk's power goes before it listens.
    pub fn start(program: &Program, disk: &Shared) -> Result<Self, String> {
        let mut command = program.command(&["serve"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.binary.display()))?;
        let log = Log::default();
        let (tell, told) = channel();
        if let Some(stderr) = child.stderr.take() {
            let log = log.clone();
            std::thread::spawn(move || follow(BufReader::new(stderr), &log, &tell));
        }
        match listeners(&told, disk) {
            Ok(addresses) => Ok(Self { child, addresses }),
            Err(why) => {
                stop(&mut child);
                let log = log.lock().unwrap_or_else(PoisonError::into_inner);
                Err(format!("{why}; its log: {}", log.iter().cloned().collect::<Vec<_>>().join(" | ")))
            }
        }
    }

    /// kill -9.
    pub fn kill(mut self) {
        stop(&mut self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// SIGKILL: no handler runs, nothing is flushed, as when the power goes.
fn stop(child: &mut Child) {
    // Both fail only for a process that has ended and was waited for.
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for one listener of each protocol.
fn listeners(told: &Receiver<(String, SocketAddr)>, disk: &Shared) -> Result<Addresses, String> {
    let deadline = Instant::now() + START;
    let (mut smtp, mut lmtp, mut pop3) = (None, None, None);
    loop {
        if let (Some(smtp), Some(lmtp), Some(pop3)) = (smtp, lmtp, pop3) {
            return Ok(Addresses { smtp, lmtp, pop3 });
        }
        // Short, to see the power go.
        match told.recv_timeout(Duration::from_millis(20)) {
            Ok((protocol, address)) => match protocol.as_str() {
                "smtp" => smtp = Some(address),
                "lmtp" => lmtp = Some(address),
                "pop3" => pop3 = Some(address),
                _ => {}
            },
            Err(RecvTimeoutError::Disconnected) => return Err("it ended before it listened".to_owned()),
            Err(RecvTimeoutError::Timeout) if disk.lock().is_off() => return Err("the power went".to_owned()),
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                return Err("it does not listen".to_owned());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Reads the log to its end: a server must never wait for its log to be read.
fn follow(lines: impl BufRead, log: &Log, tell: &Sender<(String, SocketAddr)>) {
    for line in lines.lines().map_while(Result::ok) {
        if let Some(listener) = listener(&line) {
            // Nobody listens any more once all have been told.
            let _ = tell.send(listener);
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_TAIL {
            log.pop_front();
        }
        log.push_back(line);
    }
}

/// Protocol and address of a line `… serve.listening protocol=pop3 address=127.0.0.1:2110 …`.
fn listener(line: &str) -> Option<(String, SocketAddr)> {
    let (_, values) = line.split_once("serve.listening")?;
    let value =
        |key: &str| values.split_whitespace().find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    Some((value("protocol")?.to_owned(), value("address")?.parse().ok()?))
}

/// Whether the binary is there, before anything is mounted.
pub fn is_there(binary: &Path) -> Result<(), String> {
    if binary.is_file() { Ok(()) } else { Err(format!("{}: no such program", binary.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_in_the_log() {
        let line = "[2026-01-01T00:00:00Z INFO ] serve.listening protocol=pop3 address=127.0.0.1:40123";
        assert_eq!(listener(line), Some(("pop3".to_owned(), "127.0.0.1:40123".parse().unwrap())));
        assert_eq!(listener("pop3.login session=1 address=127.0.0.1:1"), None);
        assert_eq!(listener("serve.listening protocol=lmtp address=unix:/run/x"), None);
    }
}
