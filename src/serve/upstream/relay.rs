//! A session that is relayed: the mail program and its old server, octet by octet.
//!
//! Looks at what passes only through [`Relayed`], changes nothing of it and logs nothing of it. An old server
//! that does not take commands ahead of its answers gets them one at a time: mail programs send them ahead,
//! since we said that they may.

use crate::limits;
use crate::net::{Shutdown, Stream};
use crate::pop3::Relayed;
use futures_lite::future;
use std::io;
use std::time::Duration;

/// How a relayed session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The old server has said goodbye, and the mail program has it.
    Quit,
    /// The mail program has closed, without QUIT.
    ClientGone,
    /// Neither side said anything for too long.
    Silent,
    /// The old server has closed, or broke off.
    OldServerGone,
    /// Our server ends, between two commands.
    ShutDown,
}

/// Both ends of a relayed session.
pub struct Ends<'a> {
    /// The mail program.
    pub client: &'a mut Stream,
    /// What it has said already.
    pub said: Vec<u8>,
    /// The old server.
    pub old: Stream,
    /// What it has said already.
    pub answered: Vec<u8>,
    /// Whether it takes commands ahead of its answers (RFC 2449, 6.6).
    pub pipelining: bool,
    /// How long both may be silent.
    pub idle: Duration,
}

enum Heard {
    Client(io::Result<usize>),
    Old(io::Result<usize>),
    Shutdown,
}

/// Relays until one side ends it.
pub async fn relay(mut ends: Ends<'_>, shutdown: &Shutdown) -> (Relayed, Ended) {
    let mut relayed = Relayed::default();
    let ended = talk(&mut ends, &mut relayed, shutdown).await;
    (relayed, ended)
}

async fn talk(ends: &mut Ends<'_>, relayed: &mut Relayed, shutdown: &Shutdown) -> Ended {
    let answered = std::mem::take(&mut ends.answered);
    if let Err(ended) = to_client(ends, relayed, &answered).await {
        return ended;
    }
    let (mut from_client, mut from_old) = (vec![0; limits::POP3_LINE_MAX], vec![0; limits::READ_CHUNK]);
    loop {
        if relayed.is_over() {
            return Ended::Quit;
        }
        if let Err(ended) = pass_on(ends, relayed).await {
            return ended;
        }
        let passed = match hear(ends, relayed, shutdown, &mut from_client, &mut from_old).await {
            // What was passed on is carried out, whether somebody still waits for the answer or not.
            Heard::Client(Ok(0) | Err(_)) if relayed.has_quit() => see_out(ends, relayed).await,
            Heard::Client(Ok(0)) => Err(Ended::ClientGone),
            Heard::Client(Err(error)) => Err(why(&error, Ended::ClientGone)),
            Heard::Client(Ok(count)) => {
                ends.said.extend_from_slice(&from_client[..count]);
                Ok(())
            }
            Heard::Old(Ok(0)) => Err(Ended::OldServerGone),
            Heard::Old(Err(error)) => Err(why(&error, Ended::OldServerGone)),
            Heard::Old(Ok(count)) => to_client(ends, relayed, &from_old[..count]).await,
            Heard::Shutdown => Err(Ended::ShutDown),
        };
        if let Err(ended) = passed {
            return ended;
        }
    }
}

/// Waits for whoever speaks first. The mail program is not listened to while too much that it asked is
/// unanswered or waits for its turn, and the shutdown waits for the end of an answer.
async fn hear(
    ends: &mut Ends<'_>,
    relayed: &Relayed,
    shutdown: &Shutdown,
    from_client: &mut [u8],
    from_old: &mut [u8],
) -> Heard {
    let idle = ends.idle;
    let all_said = turn(&ends.said).is_none();
    let listens = all_said && relayed.waiting() < limits::RELAYED_COMMANDS_MAX && !relayed.has_quit();
    let old = async { Heard::Old(ends.old.read_some(from_old, idle).await) };
    let client = async {
        if !listens {
            // Only its end is heard, by what is written to it.
            return future::pending().await;
        }
        Heard::Client(ends.client.read_some(from_client, idle).await)
    };
    let end = async {
        if !relayed.is_between() || !all_said {
            return future::pending().await;
        }
        shutdown.begun().await;
        Heard::Shutdown
    };
    future::or(old, future::or(client, end)).await
}

/// What the mail program has said, as far as the old server takes it now.
async fn pass_on(ends: &mut Ends<'_>, relayed: &mut Relayed) -> Result<(), Ended> {
    if ends.pipelining {
        let said = std::mem::take(&mut ends.said);
        return to_old(ends, relayed, &said).await;
    }
    match turn(&ends.said) {
        Some(end) if relayed.is_between() => {
            let rest = ends.said.split_off(end);
            let line = std::mem::replace(&mut ends.said, rest);
            to_old(ends, relayed, &line).await
        }
        _ => Ok(()),
    }
}

/// How long the line is that comes next; `None` while it is not whole. One that has no end is no command, and
/// goes on as it comes.
fn turn(said: &[u8]) -> Option<usize> {
    let line = said.iter().position(|octet| *octet == b'\n').map(|end| end + 1);
    line.or((said.len() >= limits::POP3_LINE_MAX).then_some(said.len()))
}

async fn to_old(ends: &mut Ends<'_>, relayed: &mut Relayed, octets: &[u8]) -> Result<(), Ended> {
    if octets.is_empty() {
        return Ok(());
    }
    relayed.said(octets);
    ends.old.send(octets, ends.idle).await.map_err(|error| why(&error, Ended::OldServerGone))
}

async fn to_client(ends: &mut Ends<'_>, relayed: &mut Relayed, octets: &[u8]) -> Result<(), Ended> {
    relayed.answered(octets);
    let sent = ends.client.send(octets, ends.idle.min(limits::WRITE_TIMEOUT)).await;
    match sent {
        Err(_) if relayed.has_quit() && !relayed.is_over() => see_out(ends, relayed).await,
        sent => sent.map_err(|error| why(&error, Ended::ClientGone)),
    }
}

/// The mail program has said QUIT and is gone: what the old server makes of it must be known.
async fn see_out(ends: &mut Ends<'_>, relayed: &mut Relayed) -> Result<(), Ended> {
    let mut octets = vec![0; limits::READ_CHUNK];
    while !relayed.is_over() {
        match ends.old.read_some(&mut octets, ends.idle).await {
            Ok(0) | Err(_) => return Err(Ended::OldServerGone),
            Ok(count) => relayed.answered(&octets[..count]),
        }
    }
    Ok(())
}

fn why(error: &io::Error, otherwise: Ended) -> Ended {
    if error.kind() == io::ErrorKind::TimedOut { Ended::Silent } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_turn_when_it_is_whole_and_what_has_no_end_when_it_is_no_command() {
        for (said, length) in
            [(&b""[..], None), (b"NOOP\r", None), (b"\n", Some(1)), (b"A\r\nB\r\n", Some(3))]
        {
            assert_eq!(turn(said), length, "{said:?}");
        }
        let endless = vec![b'x'; limits::POP3_LINE_MAX];
        assert_eq!((turn(&endless[1..]), turn(&endless)), (None, Some(endless.len())));
    }
}
