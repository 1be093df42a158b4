//! The driver of one SMTP or LMTP connection: reads, lets the session decide, grants what it wants,
//! writes.
//!
//! One plain loop: take all complete lines, answer them into one buffer, write once, read on. Never
//! waits for the peer while answers wait to be written. Knows no reply text and no protocol order.

mod again;
mod copies;
mod message;
mod patience;
mod reception;
mod steps;

pub use reception::LargeBlocks;

use crate::config::Settings;
use crate::limits;
use crate::mail::{Peer, SessionId};
use crate::net::{Stream, Tickets};
use crate::runtime;
use crate::serve::log::Line as LogLine;
use crate::serve::shared::Shared;
use crate::smtp::{Offer, Reply, Role, Session, Terms};
use crate::wire::line::LineBuffer;
use futures_lite::future;
use patience::Patience;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Serves one connection that the gate has let in, to its end.
pub async fn run(shared: Arc<Shared>, stream: Stream, role: Role, id: SessionId) {
    let largest = shared.settings().smtp.max_message_size;
    let patience = Patience::towards(&stream.peer(), role, largest);
    let mut driver = Driver::new(shared, &stream, role, id, patience);
    let end = driver.serve(stream).await;
    driver.log_end(&end);
}

/// One connection; the stream itself is handed from call to call, since a handshake consumes it.
struct Driver {
    shared: Arc<Shared>,
    /// Those in force when the connection began.
    settings: Arc<Settings>,
    role: Role,
    id: SessionId,
    peer: Peer,
    patience: Patience,
    began: Instant,
    /// `TLSv1.3 TLS13_AES_256_GCM_SHA384`
    tls: Option<String>,
    session: Session<crate::accounts::Mailbox>,
    /// The state of the accounts when the first recipient of this transaction was looked up.
    found_in: Option<crate::accounts::Version>,
    lines: LineBuffer,
    /// Answers that wait to be written.
    out: Vec<u8>,
    /// What is read lands here: [`limits::COMMAND_CHUNK`] between messages, when most connections are idle, and
    /// [`limits::READ_CHUNK`] within one.
    chunk: Vec<u8>,
    /// A message that comes in by chunks, between two of them.
    incoming: Option<Box<message::Incoming>>,
    counts: Counts,
}

/// For the log, and for the limits that a connection has.
#[derive(Default)]
struct Counts {
    /// Messages begun: the number in their ids.
    begun: u32,
    /// Messages accepted.
    messages: u64,
    /// Octets of those.
    octets: u64,
    /// Recipients that are not ours.
    unknown_recipients: u32,
    /// Refusals; only so many of them are in the log.
    refused: u64,
}

/// Why a conversation is over.
#[derive(Debug)]
enum End {
    /// STARTTLS was answered: the conversation goes on over TLS.
    Handshake,
    /// QUIT.
    Quit,
    /// We have told the peer to go.
    Refused,
    /// The peer has closed.
    Gone,
    /// Silent for too long, or a message that took too long.
    Timeout,
    /// A shutdown, between two commands.
    Shutdown,
    /// A shutdown whose grace is over, in the middle of a message.
    Cut,
    /// The connection broke.
    Broken(io::Error),
}

/// What a wait for the peer ends with, beside the peer itself.
#[derive(Clone, Copy)]
enum Until {
    /// The shutdown.
    Shutdown,
    /// The end of its grace: a message that is being received is finished first.
    Cut,
}

impl Driver {
    fn new(shared: Arc<Shared>, stream: &Stream, role: Role, id: SessionId, patience: Patience) -> Self {
        let settings = shared.settings();
        let tls = stream.tls().map(ToString::to_string);
        let terms = Terms {
            hostname: settings.hostname.clone(),
            role,
            offer: Offer {
                max_message_size: settings.smtp.max_message_size,
                max_recipients: settings.smtp.max_recipients,
            },
            secure: tls.is_some(),
        };
        Self {
            shared,
            settings,
            role,
            id,
            peer: stream.peer(),
            patience,
            began: Instant::now(),
            tls,
            session: Session::new(terms),
            found_in: None,
            lines: LineBuffer::new(limits::SMTP_LINE_MAX),
            out: Vec::new(),
            chunk: Vec::new(),
            incoming: None,
            counts: Counts::default(),
        }
    }

    async fn serve(&mut self, mut stream: Stream) -> End {
        // Boxed, like all that is large and not under way for long: what lies across an await is part of the
        // connection's task all the time.
        let mut greeted = Box::pin(self.greet(&mut stream)).await;
        loop {
            let end = match greeted {
                Ok(()) => self.converse(&mut stream).await,
                Err(end) => end,
            };
            // However it ended, what there is of a message in chunks must not stay on the disk.
            self.discard_incoming().await;
            if let Some(reply) = end.last_word() {
                self.say(&reply);
            }
            if !matches!(end, End::Gone | End::Broken(_)) {
                // Whether the last word arrives changes nothing any more.
                let _ = self.flush(&mut stream).await;
            }
            if !matches!(end, End::Handshake) {
                stream.close().await;
                return end;
            }
            stream = match stream.secure(&self.shared.tls, Tickets::Never).await {
                Ok(secured) => secured,
                Err(error) => return End::Broken(error),
            };
            self.tls = stream.tls().map(ToString::to_string);
            self.session.secured();
            greeted = Ok(()); // TLS needs no greeting.
        }
    }

    /// Says who we are, unless the peer could not wait for it.
    async fn greet(&mut self, stream: &mut Stream) -> Result<(), End> {
        let wait = self.patience.before_greeting;
        self.make_chunk(limits::COMMAND_CHUNK);
        if !wait.is_zero() {
            match self.read(stream, limits::COMMAND_CHUNK, wait, Until::Shutdown).await {
                Err(End::Timeout) => {} // Silent, as it should be.
                Err(end) => return Err(end),
                Ok(_) => {
                    runtime::sleep(self.patience.early_talker).await;
                    self.say_and_log(&Reply::TALKED_TOO_EARLY);
                    return Err(End::Refused);
                }
            }
        }
        // Written with the first wait, like all else that is said.
        self.say(&self.session.greeting());
        Ok(())
    }

    /// Until something ends it.
    async fn converse(&mut self, stream: &mut Stream) -> End {
        loop {
            if let Err(end) = self.turn(stream).await {
                return end;
            }
        }
    }

    /// Answers all lines that are there, then waits for more.
    async fn turn(&mut self, stream: &mut Stream) -> Result<(), End> {
        while let Some(line) = self.lines.next_line() {
            self.answer(stream, line).await?;
            if self.out.len() >= limits::OUTPUT_MAX {
                self.flush(stream).await?;
            }
        }
        let (limit, until) = match &self.incoming {
            Some(incoming) => (self.time_for(incoming.began())?, Until::Cut),
            None => (self.settings.smtp.idle_timeout, Until::Shutdown),
        };
        self.make_chunk(limits::COMMAND_CHUNK);
        let count = self.read(stream, limits::COMMAND_CHUNK, limit, until).await?;
        let octets = &self.chunk[..count];
        // Before the line buffer sees them: a TLS hello has no LF to wait for.
        let too_early = self.session.arrived(octets);
        self.lines.push(octets);
        match too_early {
            Some(step) => self.grant(stream, step).await,
            None => Ok(()),
        }
    }

    /// Writes what waits, then reads up to `most` octets into `chunk`: how many, never 0.
    async fn read(
        &mut self,
        stream: &mut Stream,
        most: usize,
        limit: Duration,
        until: Until,
    ) -> Result<usize, End> {
        self.flush(stream).await?;
        self.give_back();
        let most = most.min(self.chunk.len());
        let shutdown = &self.shared.shutdown;
        let stopped = async {
            match until {
                Until::Shutdown => {
                    shutdown.begun().await;
                    Err(End::Shutdown)
                }
                Until::Cut => {
                    shutdown.was_cut().await;
                    Err(End::Cut)
                }
            }
        };
        let read = async {
            match stream.read_some(&mut self.chunk[..most], limit).await {
                Ok(0) => Err(End::Gone),
                Ok(count) => Ok(count),
                Err(error) => Err(End::from(error)),
            }
        };
        // A peer that never stops talking must not keep a shutdown waiting: it is asked first.
        future::or(stopped, read).await
    }

    /// Keeps next to nothing while the peer is silent: that may be for minutes, and a thousand are. What many
    /// lines in one piece needed goes; what a line or two need is not worth keeping.
    fn give_back(&mut self) {
        self.lines.give_back();
        self.out.shrink_to(limits::OUTPUT_KEPT);
    }

    /// What is read next lands in a buffer of that size.
    fn make_chunk(&mut self, octets: usize) {
        if self.chunk.len() != octets {
            self.chunk = vec![0; octets];
        }
    }

    fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.out);
    }

    async fn flush(&mut self, stream: &mut Stream) -> Result<(), End> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = stream.send(&self.out, self.patience.output).await;
        self.out.clear();
        // Told to nobody: a peer that takes no octets takes no timeout reply either.
        sent.map_err(End::Broken)
    }

    /// A line of the log about this connection: `smtp.message`, `lmtp.end`, …
    fn log_line(&self, event: &str) -> LogLine {
        let protocol = if self.role == Role::Lmtp { "lmtp" } else { "smtp" };
        LogLine::new(&format!("{protocol}.{event}")).with("session", self.id).with("peer", self.peer)
    }

    fn log_end(&self, end: &End) {
        self.log_line("end")
            .with("messages", self.counts.messages)
            .with("octets", self.counts.octets)
            .with("refused", self.counts.refused)
            .with_some("tls", self.tls.as_deref())
            .with("ms", self.began.elapsed().as_millis())
            .with("why", end)
            .info();
    }
}

impl End {
    /// What the peer is told, if it is not told already.
    fn last_word(&self) -> Option<Reply> {
        match self {
            Self::Timeout => Some(Reply::TIMEOUT),
            Self::Shutdown | Self::Cut => Some(Reply::CLOSING),
            Self::Handshake | Self::Quit | Self::Refused | Self::Gone | Self::Broken(_) => None,
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout,
            // Everyday ends of a connection, not worth an error's words in the log.
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Gone,
            _ => Self::Broken(error),
        }
    }
}

/// As the log's `why` has it.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake => f.write_str("handshake"),
            Self::Quit => f.write_str("quit"),
            Self::Refused => f.write_str("refused"),
            Self::Gone => f.write_str("gone"),
            Self::Timeout => f.write_str("timeout"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Cut => f.write_str("cut"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
