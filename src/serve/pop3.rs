//! The driver of one POP3 connection: reads lines, carries out the session's steps, writes answers.
//!
//! Knows no command and no reply text; what a line means is [`crate::pop3`]'s business. Nothing is
//! removed from a maildrop but by [`Step::Update`].

mod ahead;
mod connection;
mod end;
mod holders;
mod login;
mod old_server;
mod send;

use crate::accounts::Error as AccountsError;
use crate::config::{PlaintextLogin, Settings};
use crate::mail::{AccountAddress, Octets, Peer, SessionId};
use crate::maildrop::{Changes, Error, Maildrop};
use crate::net::{Shutdown, Stream, Tickets};
use crate::pop3::{Goodbye, LoginTicket, Marked, Response, Session, Step, Terms, UpdateTicket};
use crate::sasl::{ChannelBindings, Login};
use crate::serve::log::Line as LogLine;
use crate::serve::shared::Shared;
use crate::wire::line::Line;
use ahead::Ahead;
use connection::Connection;
use end::End;
use futures_lite::future;
pub use holders::Holders;
use holders::{Holder, Holding};
use login::LoggedIn;
use std::sync::Arc;
use std::time::Instant;

/// Serves one connection to its end. `implicit_tls`: it begins with the handshake (port 995).
pub async fn run(shared: Arc<Shared>, stream: Stream, id: SessionId, implicit_tls: bool) {
    let mut visit = Visit::new(shared, stream.peer(), id);
    let (shutdown, leave) = (visit.shared.shutdown.clone(), visit.leave.clone());
    let cut = async {
        shutdown.was_cut().await;
        (End::Cut, None)
    };
    // Between two commands it is told so; here, where it is busy or takes no octets, it is not.
    let sent_away = async {
        leave.begun().await;
        (End::Revoked, None)
    };
    let ends = future::or(talk(&mut visit, stream, implicit_tls), future::or(cut, sent_away));
    let (end, connection) = ends.await;
    // Before the goodbyes, which may take a while: the next login must find the lock free.
    visit.maildrop = None;
    visit.holding = None;
    visit.log_end(&end);
    if let Some(connection) = connection.filter(|_| !end.is_abrupt()) {
        future::or(Box::pin(connection.close(end.last_words())), shutdown.was_cut()).await;
    }
}

/// All that is known of one connection but its stream.
struct Visit {
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    id: SessionId,
    peer: Peer,
    /// `TLSv1.3 TLS13_AES_256_GCM_SHA384`, for the log.
    tls: Option<String>,
    /// Shared with the disk job that reads from it; whoever drops it last gives the lock back.
    maildrop: Option<Arc<Maildrop>>,
    /// What it was opened on, once somebody is logged in here.
    holding: Option<Holding>,
    /// Tells this session alone to end: its maildrop is asked for, and its grant is void.
    leave: Shutdown,
    ahead: Ahead,
    began: Instant,
    tally: Tally,
}

/// What the end of a session is logged with.
#[derive(Default)]
struct Tally {
    account: Option<AccountAddress>,
    messages: usize,
    retrieved: usize,
    octets: Octets,
    deleted: usize,
}

/// Whether a step ends the conversation in this session.
enum Flow {
    GoOn,
    Handshake,
}

/// The whole conversation. The connection is given back unless a handshake used it up.
async fn talk(visit: &mut Visit, mut stream: Stream, implicit_tls: bool) -> (End, Option<Connection>) {
    if implicit_tls {
        stream = match Box::pin(stream.secure(&visit.shared.tls, Tickets::Send)).await {
            Ok(stream) => stream,
            Err(error) => return (End::Handshake(error), None),
        };
    }
    let mut connection = Connection::new(stream, visit.settings.pop3.idle_timeout);
    if let Err(error) = connection.say(&Response::GREETING).await {
        return (End::from(error), Some(connection));
    }
    loop {
        if let Err(end) = converse(visit, &mut connection).await {
            return (end, Some(connection));
        }
        // What was said before the handshake is not part of what follows (RFC 2595, 4).
        connection = match Box::pin(connection.secure(&visit.shared.tls)).await {
            Ok(secured) => secured,
            Err(error) => return (End::Handshake(error), None),
        };
    }
}

/// One session, up to the next handshake (`Ok`) or the end.
async fn converse(visit: &mut Visit, connection: &mut Connection) -> Result<(), End> {
    let mut session = Session::new(visit.terms(connection).await);
    loop {
        let line = connection.next_line(&visit.shared.shutdown, &visit.leave).await?;
        // Not even a QUIT counts once another session has the maildrop, or the login is void.
        if !visit.touch() {
            return Err(End::TakenOver);
        }
        visit.go_on().await?;
        let step = match line {
            Line::Whole(line) => session.line(&line),
            Line::TooLong => session.line_too_long(),
        };
        if let Flow::Handshake = carry_out(visit, connection, &mut session, step).await? {
            return Ok(());
        }
    }
}

/// Carries out a step, and the steps that its answers lead to.
///
/// Boxed is what is large and not under way for long: what lies across an await is part of the connection's
/// task all the time, and most of the time it is idle.
async fn carry_out(
    visit: &mut Visit,
    connection: &mut Connection,
    session: &mut Session,
    mut step: Step,
) -> Result<Flow, End> {
    loop {
        step = match step {
            Step::Say(response) => {
                visit.log_plaintext(&response);
                connection.say(&response).await?;
                return Ok(Flow::GoOn);
            }
            Step::SayPart(response, ticket) => {
                connection.say(&response).await?;
                // Others wait on this thread while a part is put together.
                future::yield_now().await;
                session.go_on(ticket)
            }
            Step::HangUp(response, why) => {
                connection.say(&response).await?;
                return Err(End::HungUp(why));
            }
            Step::LogIn(login, ticket) => Box::pin(log_in(visit, connection, session, login, ticket)).await?,
            Step::LookUp(user, ticket) => Box::pin(login::look_up(visit, session, user, ticket)).await,
            Step::Send(number, extent, ticket) => {
                let sent = Box::pin(send::send(visit, connection, number, extent, &ticket)).await?;
                if sent {
                    session.sent(ticket);
                }
                return Ok(Flow::GoOn);
            }
            Step::Update(marked, ticket) => Box::pin(update(visit, connection, marked, ticket)).await?,
            // Whoever sits in between may have written it (RFC 2595, 4).
            Step::StartTls(_) if connection.has_more() => {
                Step::HangUp(Response::BEHIND_STLS, Goodbye::BehindStls)
            }
            Step::StartTls(response) => {
                connection.say(&response).await?;
                connection.flush().await?;
                return Ok(Flow::Handshake);
            }
        }
    }
}

/// The session goes on with the answer, or ends at the old server.
async fn log_in(
    visit: &mut Visit,
    connection: &mut Connection,
    session: &mut Session,
    login: Login,
    ticket: LoginTicket,
) -> Result<Step, End> {
    // In a box of its own, which is gone when the relay begins: that may last for hours.
    match Box::pin(login::log_in(visit, session, login, ticket)).await {
        LoggedIn::Step(step) => {
            if visit.holding.is_some() {
                connection.logged_in();
            }
            Ok(step)
        }
        LoggedIn::Relayed(response, passage) => {
            connection.say(&response).await?;
            connection.flush().await?;
            Err(Box::pin(old_server::relay(visit, connection, *passage)).await)
        }
    }
}

/// Removes and flags; the lock is free before the answer is said: mutt logs in again at once.
async fn update(
    visit: &mut Visit,
    connection: &mut Connection,
    marked: Marked,
    ticket: UpdateTicket,
) -> Result<Step, End> {
    // A client that sends RETR, DELE and QUIT in one packet gets the message before it is removed, or
    // the connection breaks here and it is kept.
    connection.flush().await?;
    // That may have taken minutes, and behind it there is no way back.
    visit.go_on().await?;
    let wanted = marked.deleted.len();
    let Some(maildrop) = visit.maildrop.take().and_then(Arc::into_inner) else {
        return Ok(ticket.answer(wanted == 0));
    };
    if wanted == 0 && marked.seen.is_empty() {
        drop(maildrop); // Whoever only looked for new mail needs no way to the disk for that.
        return Ok(ticket.answer(true));
    }
    let changes = Changes { deleted: marked.deleted, seen: marked.seen };
    let complete = match visit.shared.doorway.disk(move || maildrop.update(&changes)).await {
        Ok(updated) => {
            visit.tally.deleted = updated.removed;
            updated.failed == 0
        }
        Err(Error::TakenOver | Error::InUse) => return Err(End::TakenOver),
        Err(error) => {
            visit.log_fault("update", &error);
            wanted == 0
        }
    };
    Ok(ticket.answer(complete))
}

impl Visit {
    fn new(shared: Arc<Shared>, peer: Peer, id: SessionId) -> Self {
        let settings = shared.settings();
        let began = Instant::now();
        Self {
            shared,
            settings,
            id,
            peer,
            tls: None,
            maildrop: None,
            holding: None,
            leave: Shutdown::new(),
            ahead: Ahead::default(),
            began,
            tally: Tally::default(),
        }
    }

    /// What may be said on this connection, as a value for the session.
    async fn terms(&mut self, connection: &Connection) -> Terms {
        let facts = connection.tls();
        self.tls = facts.map(ToString::to_string);
        let may_log_in = facts.is_some() || may_log_in_plain(self.settings.pop3.plaintext_login, &self.peer);
        let tls = facts.map(|facts| ChannelBindings {
            exporter: facts.exporter.clone(),
            server_end_point: facts.server_end_point.clone(),
        });
        Terms { may_log_in, tls, scram: login::scram_is_for_all(self).await }
    }

    /// The client was heard from, or takes octets. `false`: another session has its maildrop now.
    fn touch(&self) -> bool {
        self.maildrop.as_ref().is_none_or(|maildrop| maildrop.touch())
    }

    /// Before anything is done for whoever is logged in: an administrator may have changed the password, or
    /// disabled or removed the account. While nothing at all has changed that costs one read of 16 octets from
    /// memory.
    async fn go_on(&self) -> Result<(), End> {
        let Some(holding) = &self.holding else { return Ok(()) };
        if self.shared.accounts.stands_at_hand(holding.holder().grant()) {
            return Ok(());
        }
        match Box::pin(self.stands(Arc::clone(holding.holder()))).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(End::Revoked),
            // A database that cannot be read is no reason to throw out who was let in by it.
            Err(error) => {
                self.log_fault("accounts", &error);
                Ok(())
            }
        }
    }

    /// Whether what a session was let in by still stands.
    async fn stands(&self, holder: Arc<Holder>) -> Result<bool, AccountsError> {
        let accounts = Arc::clone(&self.shared.accounts);
        self.shared.doorway.disk(move || accounts.stands(holder.grant())).await
    }

    /// A line of the log with what every line about a session has.
    fn log(&self, event: &str) -> LogLine {
        LogLine::new(event).with("session", self.id).with("peer", self.peer)
    }

    /// A fault of ours, for the administrator; the client hears [SYS/TEMP] where it keeps us from anything.
    fn log_fault(&self, during: &str, error: &dyn std::fmt::Debug) {
        let line = self.log("pop3.fault").with_some("account", self.tally.account.as_ref());
        line.with("why", format_args!("{during}: {error:?}")).warn();
    }

    /// The commonest mistake of a new mail program's settings, seen from our side.
    fn log_plaintext(&self, response: &Response) {
        if *response == Response::NEED_TLS {
            self.log("pop3.refused").with("why", "plaintext").info();
        }
    }

    fn log_end(&self, end: &End) {
        let Tally { account, messages, retrieved, octets, deleted } = &self.tally;
        self.log("pop3.end")
            .with_some("account", account.as_ref())
            .with("retr", retrieved)
            .with("octets", octets)
            .with("deleted", deleted)
            .with("kept", messages.saturating_sub(*deleted))
            .with("ms", self.began.elapsed().as_millis())
            .with("why", end.why())
            .info();
    }
}

/// `plaintext_login`: who may log in without TLS.
fn may_log_in_plain(policy: PlaintextLogin, peer: &Peer) -> bool {
    match policy {
        PlaintextLogin::Never => false,
        PlaintextLogin::Loopback => peer.is_loopback(),
        PlaintextLogin::Private => peer.is_private(),
        PlaintextLogin::Always => true,
    }
}

#[cfg(test)]
mod tests;
