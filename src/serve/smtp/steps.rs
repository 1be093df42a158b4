//! Grants what the session wants between messages: looks recipients up, asks for room, hangs up.
//!
//! Knows no reply text; knows how many unknown recipients are too many.

use super::{Driver, End};
use crate::accounts::{Mailbox, Unresolved};
use crate::limits;
use crate::mail::{Bytes, Domain, ForwardPath, trace};
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
            Step::Quit(reply) => {
                self.say(&reply);
                return Err(End::Quit);
            }
            Step::HangUp(reply) => {
                self.say_and_log(&reply);
                return Err(End::Refused);
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
            Ok(()) // Saves one of the four passes through the doorway that a small message costs under load.
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
        if self.session.envelope().is_some_and(|envelope| envelope.recipients.is_empty()) {
            self.found_in = self.shared.accounts.version_at_hand();
        }
        let found = self.find(&path).await;
        // Told by what was found and not by the reply: other refusals are no sign of somebody who guesses.
        if matches!(found, Ok(Err(_))) {
            self.slow_down(stream).await?;
        }
        let found = found.and_then(|found| Ok(found?)).map_err(|refusal| self.told(refusal));
        let reply = self.session.resolved(ticket, found);
        if reply.is_refusal() {
            let from = self.session.envelope().map(|envelope| &envelope.reverse_path);
            let line = self.log_line("refused").with_some("from", from);
            self.log_refusal(line.with("to", &path), &reply);
        }
        self.say(&reply);
        Ok(())
    }

    /// Where a recipient's mail goes, if there is room for it.
    async fn find(&self, path: &ForwardPath) -> Result<Result<Vec<Mailbox>, Unresolved>, Refusal> {
        if let Some(mailboxes) = self.known_mailboxes(path).or_else(|| self.named_before(path)) {
            return Ok(Ok(mailboxes));
        }
        let (shared, to) = (Arc::clone(&self.shared), path.clone());
        let (hostname, expected) = (self.settings.hostname.clone(), self.expected(path));
        self.shared.doorway.disk(move || mailboxes_of(&shared, &to, &hostname, expected.as_ref())).await
    }

    /// Most mail comes to those who had some a moment ago: they cost no pass through the doorway, unless
    /// there is a quota and nobody has looked at it lately.
    fn known_mailboxes(&self, path: &ForwardPath) -> Option<Vec<Mailbox>> {
        let known = self.shared.accounts.known(path, &self.settings.hostname)?;
        if known.iter().all(|mailbox| mailbox.quota.is_none()) {
            return Some(known);
        }
        let expected = self.expected(path)?;
        let had_room = |mailbox: &Mailbox| {
            self.shared.delivery.had_room(&mailbox.address, mailbox.quota, Some(expected.of(mailbox)))
        };
        known.iter().all(had_room).then_some(known)
    }

    /// Who names one recipient again gets the first answer again.
    fn named_before(&self, path: &ForwardPath) -> Option<Vec<Mailbox>> {
        let mut named = self.session.envelope()?.recipients.iter();
        named.find(|recipient| recipient.forward_path == *path).map(|recipient| recipient.mailboxes.clone())
    }

    /// What a copy takes if no other recipient comes: the same that is asked for before 354.
    fn expected(&self, path: &ForwardPath) -> Option<Expected> {
        let envelope = self.session.envelope()?;
        let recipients = envelope.recipients.iter().map(|recipient| &recipient.forward_path);
        let id = self.id.message(self.counts.begun.saturating_add(1));
        let trace = self.trace(envelope, recipients.chain([path]), &id);
        Some(Expected { text: envelope.declared_size.unwrap_or(0), trace })
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
        self.log_fault(&refusal);
        refusal.reply
    }

    /// Logs what a refusal says of a fault of ours, if it was one.
    pub(super) fn log_fault(&self, refusal: &Refusal) {
        if let Some(fault) = &refusal.fault {
            self.log_line("fault").with("why", fault).warn();
        }
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

/// What a copy is going to take.
struct Expected {
    /// By MAIL's `SIZE=`.
    text: u64,
    trace: trace::Lines,
}

impl Expected {
    fn of(&self, mailbox: &Mailbox) -> Bytes {
        let trace = self.trace.on_copy_of(&mailbox.address).len() as u64;
        Bytes(self.text.saturating_add(trace))
    }
}

/// Where a recipient's mail goes, if there is room in each of these mailboxes.
fn mailboxes_of(
    shared: &Shared,
    to: &ForwardPath,
    hostname: &Domain,
    expected: Option<&Expected>,
) -> Result<Result<Vec<Mailbox>, Unresolved>, Refusal> {
    let mailboxes = match shared.accounts.resolve(to, hostname)? {
        Ok(mailboxes) => mailboxes,
        unresolved => return Ok(unresolved),
    };
    // An alias is refused when one of its mailboxes is full: over SMTP there is one answer for all,
    // and a bounce after 250 would go to who knows whom.
    for mailbox in &mailboxes {
        let expected = expected.map(|expected| expected.of(mailbox));
        shared.delivery.room(&mailbox.address, mailbox.quota, expected)?;
    }
    Ok(Ok(mailboxes))
}
