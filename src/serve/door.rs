//! The door: accepts connections, asks the gate, and hands each to its protocol's driver.
//!
//! Over the limit means an answer in words and a close, logged once for each rush and not for each
//! connection.

use super::log::Line;
use super::shared::Shared;
use super::{pop3, smtp, upkeep};
use crate::config::Settings;
use crate::limits;
use crate::mail::{Peer, SessionId};
use crate::net::{Full, Gate, Listener, Permit, Stream, Tickets};
use crate::pop3::Response;
use crate::runtime;
use crate::smtp::{Reply, Role};
use async_lock::Semaphore;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321
    Smtp,
    /// RFC 2033
    Lmtp,
    /// RFC 1939, STLS possible
    Pop3,
    /// RFC 1939 inside TLS (RFC 8314, 3.3)
    Pop3s,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
        })
    }
}

/// The door with its gates: one for SMTP, one for LMTP, one for both kinds of POP3.
pub struct Door {
    shared: Arc<Shared>,
    smtp: Arc<Gate>,
    lmtp: Arc<Gate>,
    pop3: Arc<Gate>,
    /// Handshakes with those who are turned away.
    courtesies: Arc<Semaphore>,
    /// By [`Why`]: a banned address that keeps knocking does not hide that we are full.
    refused: Mutex<[Rush; 3]>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug)]
enum Why {
    AllFull,
    PeerFull,
    Banned,
}

/// A run of refused connections, told in one line each [`limits::REFUSAL_LOG_EVERY`].
#[derive(Default)]
struct Rush {
    told: Option<Instant>,
    since: u64,
}

impl Door {
    /// A door with the limits that `shared`'s settings give.
    pub fn new(shared: Arc<Shared>) -> Self {
        let settings = shared.settings();
        let smtp = || Gate::new(settings.smtp.max_connections, settings.smtp.max_connections_per_ip);
        let pop3 = Gate::new(settings.pop3.max_connections, settings.pop3.max_connections_per_ip);
        let courtesies = Arc::new(Semaphore::new(limits::REFUSED_HANDSHAKES_MAX));
        Self { smtp: smtp(), lmtp: smtp(), pop3, courtesies, refused: Mutex::default(), shared }
    }

    /// Puts the limits of other settings in force; who is in stays in.
    pub fn set_limits(&self, settings: &Settings) {
        for gate in [&self.smtp, &self.lmtp] {
            gate.set_limits(settings.smtp.max_connections, settings.smtp.max_connections_per_ip);
        }
        self.pop3.set_limits(settings.pop3.max_connections, settings.pop3.max_connections_per_ip);
    }

    /// Accepts on `listener` from now on, until the shutdown begins. The end waits for it as for a session, or
    /// the process would be gone before the file of a socket is.
    pub fn open(self: &Arc<Self>, protocol: Protocol, listener: Listener) {
        let (door, open) = (Arc::clone(self), self.shared.shutdown.session());
        runtime::spawn(async move {
            door.watch(protocol, &listener).await;
            drop(listener);
            drop(open);
        });
    }

    async fn watch(self: &Arc<Self>, protocol: Protocol, listener: &Listener) {
        let mut told = None;
        loop {
            let accepted = async { Some(listener.accept().await) };
            let closing = async {
                self.shared.shutdown.begun().await;
                None
            };
            match futures_lite::future::or(closing, accepted).await {
                None => return,
                Some(Ok(stream)) => self.admit(protocol, stream),
                Some(Err(error)) => {
                    if is_due(&mut told, Instant::now(), limits::ACCEPT_FAULT_LOG_EVERY) {
                        let line = Line::new("serve.accept").with("protocol", protocol);
                        line.with("address", listener.address()).with("why", error).warn();
                    }
                    // It may be of no use any more. Tried on all the same: the others serve, and nobody else would
                    // find out that it has passed.
                    runtime::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, protocol: Protocol, stream: Stream) {
        match self.enter(protocol, &stream.peer()) {
            // Perhaps an administrator has lifted it a moment ago.
            Err(Why::Banned) if self.shared.accounts.bans_may_have_changed() => {
                let door = Arc::clone(self);
                runtime::spawn(async move {
                    upkeep::read_bans(&door.shared).await;
                    let entered = door.enter(protocol, &stream.peer());
                    door.decide(protocol, stream, entered);
                });
            }
            entered => self.decide(protocol, stream, entered),
        }
    }

    fn decide(&self, protocol: Protocol, stream: Stream, entered: Result<Permit, Why>) {
        match entered {
            Ok(permit) => {
                let id = self.shared.session_id();
                let session = session(Arc::clone(&self.shared), protocol, stream, permit, id);
                runtime::spawn_named(format!("{protocol} session={id}"), session);
            }
            Err(why) => {
                self.tell_refusal(protocol, &stream, why);
                match protocol {
                    Protocol::Pop3s => self.refuse_inside_tls(stream, why),
                    _ => runtime::spawn(refuse(protocol, stream, why)),
                }
            }
        }
    }

    /// A ban is for guessing passwords, and only POP3 has any: mail is taken from everywhere. It comes
    /// first of all, so that a guesser costs neither a place nor a handshake.
    fn enter(&self, protocol: Protocol, peer: &Peer) -> Result<Permit, Why> {
        let gate = match protocol {
            Protocol::Smtp => &self.smtp,
            Protocol::Lmtp => &self.lmtp,
            Protocol::Pop3 | Protocol::Pop3s
                if self.shared.failures.banned(peer, Instant::now()).is_some() =>
            {
                return Err(Why::Banned);
            }
            Protocol::Pop3 | Protocol::Pop3s => &self.pop3,
        };
        gate.enter(peer).map_err(|full| match full {
            Full::All => Why::AllFull,
            Full::Peer => Why::PeerFull,
        })
    }

    /// A mail program takes a port that closes without a word for broken TLS, and its user looks for the fault
    /// there. But a handshake for everyone who is refused is what a flood would want: a few at a time
    /// get one, and a guesser none.
    fn refuse_inside_tls(&self, stream: Stream, why: Why) {
        if matches!(why, Why::Banned) {
            return;
        }
        let Some(courtesy) = self.courtesies.try_acquire_arc() else { return };
        let shared = Arc::clone(&self.shared);
        runtime::spawn(async move {
            let refusal = Box::pin(async {
                if let Ok(stream) = stream.secure(&shared.tls, Tickets::Never).await {
                    refuse(Protocol::Pop3s, stream, why).await;
                }
            });
            let _ = runtime::timeout(limits::REFUSED_HANDSHAKE_TIMEOUT, refusal).await;
            drop(courtesy);
        });
    }

    fn tell_refusal(&self, protocol: Protocol, stream: &Stream, why: Why) {
        let mut rushes = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let rush = &mut rushes[why as usize];
        rush.since += 1;
        if !is_due(&mut rush.told, Instant::now(), limits::REFUSAL_LOG_EVERY) {
            return;
        }
        let why = match why {
            Why::AllFull => "too many connections",
            Why::PeerFull => "too many connections from this address",
            Why::Banned => "banned",
        };
        let line = Line::new("serve.refused").with("protocol", protocol).with("peer", stream.peer());
        line.with("why", why).with("connections", rush.since).warn();
        rush.since = 0;
    }
}

/// Whether what happens again and again is to be told now; notes that it is.
fn is_due(told: &mut Option<Instant>, now: Instant, every: Duration) -> bool {
    let is_due = told.is_none_or(|told| now.duration_since(told) >= every);
    if is_due {
        *told = Some(now);
    }
    is_due
}

async fn session(shared: Arc<Shared>, protocol: Protocol, stream: Stream, permit: Permit, id: SessionId) {
    let running = shared.shutdown.session();
    // Boxed, or each session would have room for the largest of them.
    match protocol {
        Protocol::Smtp => Box::pin(smtp::run(shared, stream, Role::Mx, id)).await,
        Protocol::Lmtp => Box::pin(smtp::run(shared, stream, Role::Lmtp, id)).await,
        Protocol::Pop3 => Box::pin(pop3::run(shared, stream, id, false)).await,
        Protocol::Pop3s => Box::pin(pop3::run(shared, stream, id, true)).await,
    }
    drop((permit, running));
}

/// Says why, and closes.
async fn refuse(protocol: Protocol, mut stream: Stream, why: Why) {
    let mut words = Vec::new();
    match (protocol, why) {
        (Protocol::Smtp | Protocol::Lmtp, _) => Reply::TOO_MANY_CONNECTIONS.write_to(&mut words),
        (Protocol::Pop3 | Protocol::Pop3s, Why::Banned) => Response::BANNED.write_to(&mut words),
        (Protocol::Pop3 | Protocol::Pop3s, _) => Response::TOO_MANY_CONNECTIONS.write_to(&mut words),
    }
    // Whether it arrives is the peer's affair: it was refused either way.
    if stream.send(&words, limits::REFUSAL_TIMEOUT).await.is_ok() && protocol == Protocol::Pop3s {
        stream.close().await; // TLS has an end of its own.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::ListenAddress;
    use crate::serve::testing::with_anna;

    #[test]
    fn a_listener_that_is_of_no_use_fills_no_log() {
        let (mut told, start) = (None, Instant::now());
        let tried = (0..36_000).map(|time| start + limits::ACCEPT_PAUSE * time); // For an hour.
        let lines = tried.filter(|now| is_due(&mut told, *now, limits::ACCEPT_FAULT_LOG_EVERY)).count();
        assert_eq!(lines, 6);
    }

    #[test]
    fn the_end_waits_until_the_file_of_a_socket_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, _) = with_anna(folder.path());
        let path = folder.path().join("lmtp.sock");
        let door = Arc::new(Door::new(Arc::clone(&shared)));
        door.open(Protocol::Lmtp, Listener::bind(&ListenAddress::Unix(path.clone())).unwrap());
        shared.shutdown.begin();
        runtime::block_on(shared.shutdown.all_ended());
        assert!(!path.exists());
    }
}
