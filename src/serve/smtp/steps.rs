//! Grants what the session wants between messages: looks recipients up, asks for room, hangs up.
//!
//! Knows no reply text; knows how many unknown recipients are too many.

use super::{Driver, End};
use crate::accounts::Mailbox;
use crate::limits;
use crate::mail::{Bytes, Domain, ForwardPath};
use crate::net::Stream;
use crate::runtime;
use crate::serve::log::Line as LogLine;
use crate::serve::outcomes::Refusal;
use crate::serve::shared::Shared;
use crate::smtp::{MailTicket, RcptTicket, Reply, Step};
use crate::wire::line::Line;
use std::sync::Arc;

impl Driver {
    /// One line, its answer included.
    pub(super) async fn answer(&mut self, stream: &mut Stream, line: Line) -> Result<(), End> {
        let step = match line {
            Line::Whole(line) => self.session.line(&line),
            Line::TooLong => self.session.line_too_long(),
        };
        self.grant(stream, step).await?;
        if !self.session.is_receiving() {
            self.discard_incoming().await; // RSET, EHLO, a chunk that failed.
        }
        Ok(())
    }

    /// Does what the session wants.
    pub(super) async fn grant(&mut self, stream: &mut Stream, step: Step<Mailbox>) -> Result<(), End> {
        match step {
            Step::Say(reply) => self.say_and_log(&reply),
            Step::CheckRoom(size, ticket) => self.check_room(size, ticket).await,
            Step::Resolve(path, ticket) => return Box::pin(self.resolve(stream, path, ticket)).await,
            Step::Receive(envelope, ticket) => {
                return Box::pin(self.receive(stream, *envelope, ticket)).await;
            }
            Step::ReceiveChunk(chunk) => return Box::pin(self.receive_chunk(stream, *chunk)).await,
            Step::Discard(octets, replies) => {
                Box::pin(self.read_over(stream, octets)).await?;
                replies.iter().for_each(|reply| self.say_and_log(reply));
            }
            Step::StartTls(reply) => return self.start_tls(&reply),
            Step::HangUp(reply) => {
                self.say_and_log(&reply);
                return Err(if reply == Reply::BYE { End::Quit } else { End::Refused });
            }
        }
        Ok(())
    }

    /// STARTTLS: the answer goes out in the clear, then [`Driver::serve`] does the handshake.
    fn start_tls(&mut self, reply: &Reply) -> Result<(), End> {
        if !self.lines.is_empty() {
            // Whoever sits in between may have written it (RFC 3207, 4.2).
            // A peer that pipelined its own commands is told so in words; a handshake would have
            // failed without one.
            self.lines.discard();
            self.say_and_log(&Reply::TEXT_BEHIND_STARTTLS);
            return Err(End::Refused);
        }
        self.say(reply);
        Err(End::Handshake)
    }

    /// MAIL with `SIZE=`: a full disk is told before anything is sent (RFC 1870, 6.1).
    async fn check_room(&mut self, size: u64, ticket: MailTicket) {
        let delivery = Arc::clone(&self.shared.delivery);
        let room = if delivery.had_space(Bytes(size)) {
            Ok(()) // Under load this is one pass through the doorway in four.
        } else {
            let space = self.shared.doorway.disk(move || delivery.space(Some(Bytes(size)))).await;
            space.map_err(|error| self.told(error.into()))
        };
        let reply = self.session.sender_checked(ticket, room);
        self.say_and_log(&reply);
    }

    /// RCPT: "is it for one of our users?" is answered here and never by a bounce.
    async fn resolve(
        &mut self,
        stream: &mut Stream,
        path: ForwardPath,
        ticket: RcptTicket,
    ) -> Result<(), End> {
        let found = match self.known_mailboxes(&path) {
            Some(mailboxes) => Ok(mailboxes),
            None => self.look_up(&path).await.map_err(|refusal| self.told(refusal)),
        };
        let reply = self.session.resolved(ticket, found);
        if [Reply::NO_SUCH_MAILBOX, Reply::NOT_YET_KNOWN, Reply::NO_RELAY].contains(&reply) {
            self.slow_down(stream).await?;
        }
        if reply.is_refusal() {
            let line = self.log_line("refused").with_some("from", self.session.reverse_path());
            self.log_refusal(line.with("to", &path), &reply);
        }
        self.say(&reply);
        Ok(())
    }

    /// Most mail comes to those who had some a moment ago: they cost no pass through the doorway, unless
    /// there is a quota to look at.
    fn known_mailboxes(&self, path: &ForwardPath) -> Option<Vec<Mailbox>> {
        let known = self.shared.accounts.known(path, &self.settings.hostname)?;
        known.iter().all(|mailbox| mailbox.quota.is_none()).then_some(known)
    }

    async fn look_up(&self, path: &ForwardPath) -> Result<Vec<Mailbox>, Refusal> {
        let (shared, to) = (Arc::clone(&self.shared), path.clone());
        let hostname = self.settings.hostname.clone();
        let expected = self.session.declared_size().map(Bytes);
        self.shared.doorway.disk(move || mailboxes_of(&shared, &to, &hostname, expected)).await
    }

    /// One more recipient that is not ours: whoever tries many names is collecting them, and whoever
    /// tries many domains looks for an open relay.
    async fn slow_down(&mut self, stream: &mut Stream) -> Result<(), End> {
        let Some(delay) = self.patience.unknown_recipient else { return Ok(()) };
        self.counts.unknown_recipients += 1;
        if self.counts.unknown_recipients > limits::UNKNOWN_RECIPIENTS_MAX {
            self.say_and_log(&Reply::TOO_MANY_UNKNOWN);
            return Err(End::Refused);
        }
        if self.counts.unknown_recipients > limits::UNKNOWN_RECIPIENTS_BEFORE_DELAY {
            // The answers before this one are not the cause of it.
            self.flush(stream).await?;
            runtime::sleep(delay).await;
        }
        Ok(())
    }

    /// Logs a fault of ours and gives what the peer is told.
    pub(super) fn told(&self, refusal: Refusal) -> Reply {
        if let Some(fault) = refusal.fault {
            self.log_line("fault").with("why", fault).warn();
        }
        refusal.reply
    }

    /// Says it; a refusal is one line of the log.
    pub(super) fn say_and_log(&mut self, reply: &Reply) {
        if reply.is_refusal() {
            self.log_refusal(self.log_line("refused"), reply);
        }
        self.say(reply);
    }

    /// Finishes a line about a refusal. Not every refusal is a mistake that is counted, so a peer can
    /// earn any number of them; the last line of the connection tells how many there were.
    pub(super) fn log_refusal(&mut self, line: LogLine, reply: &Reply) {
        self.counts.refused += 1;
        if self.counts.refused <= limits::REFUSALS_LOGGED_MAX {
            line.with("reply", reply.summary()).info();
        }
    }
}

/// Where a recipient's mail goes, if there is room in each of these mailboxes.
fn mailboxes_of(
    shared: &Shared,
    to: &ForwardPath,
    hostname: &Domain,
    expected: Option<Bytes>,
) -> Result<Vec<Mailbox>, Refusal> {
    let mailboxes = shared.accounts.resolve(to, hostname)??;
    // An alias is refused when one of its mailboxes is full: over SMTP there is one answer for all,
    // and a bounce after 250 would go to who knows whom.
    for mailbox in &mailboxes {
        shared.delivery.room(&mailbox.address, mailbox.quota, expected)?;
    }
    Ok(mailboxes)
}
