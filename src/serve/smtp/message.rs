//! One message through the driver: room found for it before the peer is told to go ahead, read,
//! published, answered.
//!
//! Knows no bytes of the text ([`super::reception`] does) and no file names (`delivery` does).

use super::copies::Copies;
use super::reception::{Bounds, Decoder, Reception};
use super::{Driver, End, Until};
use crate::accounts::{Mailbox, Version};
use crate::config::BareNewline;
use crate::delivery::{Drafts, Target, Together};
use crate::limits;
use crate::mail::trace::{self, Received, Transport};
use crate::mail::{Bytes, Envelope, ForwardPath, date};
use crate::net::Stream;
use crate::serve::outcomes::Refusal;
use crate::smtp::{Chunk, ChunkAnswer, DataTicket, Reply, Role};
use crate::wire::dot_decoder::{DotDecoder, LineEndDecoder};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A message between its first and its last octet.
pub(super) struct Incoming {
    reception: Reception,
    copies: Copies,
    /// Stands in the `Received` line, in the log and in the reply: whoever has one finds the others.
    id: String,
    from: String,
    to: Vec<ForwardPath>,
    /// The state of the accounts in which `to` was looked up.
    found_in: Option<Version>,
    /// A message that drips in slowly is given up in the end.
    began: Instant,
}

impl Incoming {
    /// When its first octets were asked for.
    pub fn began(&self) -> Instant {
        self.began
    }
}

impl Driver {
    /// DATA: 354, the text, the verdict.
    pub(super) async fn receive(
        &mut self,
        stream: &mut Stream,
        envelope: Envelope<Mailbox>,
        ticket: DataTicket,
    ) -> Result<(), End> {
        let decoder = Decoder::Dots(DotDecoder::default());
        let mut incoming = match self.open(envelope, decoder).await {
            Ok(incoming) => incoming,
            Err(reply) => {
                let reply = self.session.refused(ticket, reply);
                self.say_and_log(&reply);
                return Ok(());
            }
        };
        self.say(&Reply::GO_AHEAD);
        let read = self.read_text(stream, &mut incoming).await;
        self.still_there(read, &mut incoming).await?;
        self.finish(incoming, ticket).await;
        Ok(())
    }

    /// BDAT: the octets of one chunk; with the first of them the message is opened.
    pub(super) async fn receive_chunk(
        &mut self,
        stream: &mut Stream,
        chunk: Chunk<Mailbox>,
    ) -> Result<(), End> {
        let opened = match chunk.envelope {
            Some(envelope) => self.open(envelope, Decoder::Chunks(LineEndDecoder::default())).await,
            None => self.incoming.take().map(|incoming| *incoming).ok_or(Reply::LOCAL_FAULT),
        };
        let mut incoming = match opened {
            Ok(incoming) => incoming,
            Err(reply) => {
                // The octets are on their way already, and are no commands.
                self.read_over(stream, chunk.octets).await?;
                self.answer_chunk(chunk.answer, &reply);
                return Ok(());
            }
        };
        let read = self.read_octets(stream, chunk.octets, &mut incoming).await;
        self.still_there(read, &mut incoming).await?;
        match (chunk.answer, incoming.reception.refusal().cloned()) {
            (ChunkAnswer::Last(ticket), _) => self.finish(incoming, ticket).await,
            // Told now and not at the end: the sender can save itself the rest.
            (answer @ ChunkAnswer::More(_), Some(refusal)) => {
                incoming.reception.discard(&self.shared.doorway).await;
                self.answer_chunk(answer, &refusal);
            }
            (ChunkAnswer::More(ticket), None) => {
                self.incoming = Some(Box::new(incoming));
                let reply = self.session.chunk_received(ticket, Ok(()));
                self.say(&reply);
            }
        }
        Ok(())
    }

    /// Reads so many octets and forgets them: they came behind a BDAT that was refused.
    pub(super) async fn read_over(&mut self, stream: &mut Stream, octets: u64) -> Result<(), End> {
        let (mut left, began) = (octets, Instant::now());
        left -= self.lines.take(at_most(left)).len() as u64;
        while left > 0 {
            left -= self.read_body(stream, at_most(left), began).await? as u64;
        }
        Ok(())
    }

    /// Throws away what there is of a message in chunks.
    pub(super) async fn discard_incoming(&mut self) {
        if let Some(mut incoming) = self.incoming.take() {
            Box::pin(incoming.reception.discard(&self.shared.doorway)).await;
        }
    }

    /// Finds room in the mailboxes: a full disk is told before the text is sent.
    async fn open(&mut self, envelope: Envelope<Mailbox>, decoder: Decoder) -> Result<Incoming, Reply> {
        self.counts.begun += 1;
        let id = self.id.message(self.counts.begun);
        let recipients = envelope.recipients.iter().map(|recipient| &recipient.forward_path);
        let trace = self.trace(&envelope, recipients, &id);
        let found = envelope.recipients.into_iter().map(|found| (found.forward_path, Ok(found.mailboxes)));
        let (to, mut found): (Vec<_>, Vec<_>) = found.unzip();
        let mut found_in = self.found_in;
        if let Some(now) = self.look_again(&to, &mut found_in).await {
            found = now;
        }
        let copies = Copies::of(found, self.together());
        if let Some(refusal) = copies.refusal() {
            return Err(refusal);
        }
        let drafts = self.open_drafts(copies.targets(&trace), envelope.declared_size.map(Bytes)).await?;
        let bounds = Bounds {
            max_size: self.session.max_message_size(),
            reject_bare_newline: self.settings.smtp.bare_newline == BareNewline::Reject,
        };
        Ok(Incoming {
            reception: Reception::new(decoder, bounds, Some(drafts)),
            copies,
            id,
            from: envelope.reverse_path.to_string(),
            to,
            found_in,
            began: Instant::now(),
        })
    }

    /// The trace lines of a message to `recipients`.
    pub(super) fn trace<'a>(
        &self,
        envelope: &Envelope<Mailbox>,
        mut recipients: impl Iterator<Item = &'a ForwardPath>,
        id: &str,
    ) -> trace::Lines {
        // With two of them, `for` would tell one about the other, who may be a blind copy.
        let recipient = match (recipients.next(), recipients.next()) {
            (Some(only), None) => Some(only.to_string()),
            _ => None,
        };
        let hello = self.session.hello();
        let received = Received {
            helo: hello.map_or("", |hello| &hello.name),
            peer: self.peer,
            by: &self.settings.hostname,
            transport: Transport {
                lmtp: self.role == Role::Lmtp,
                extended: hello.is_some_and(|hello| hello.extended),
                tls: self.tls.is_some(),
                utf8: envelope.smtputf8,
            },
            tls: self.tls.as_deref(),
            id,
            recipient: recipient.as_deref(),
            date: &date::rfc5322(SystemTime::now()),
        };
        trace::Lines::new(&envelope.reverse_path, &received)
    }

    /// Asks whether there is room, the disk only if nobody has asked it lately.
    async fn open_drafts(&self, targets: Vec<Target>, expected: Option<Bytes>) -> Result<Drafts, Reply> {
        let targets = match self.shared.delivery.open_unseen(targets, expected) {
            Ok(drafts) => return Ok(drafts),
            Err(targets) => targets,
        };
        // The faults are asked for on the same way through the doorway: one pass, not two.
        let delivery = Arc::clone(&self.shared.delivery);
        let opened = self.shared.doorway.disk(move || {
            let drafts = delivery.open(targets, expected);
            let faults = drafts.faults();
            (drafts, faults)
        });
        let (drafts, faults) = opened.await;
        // SMTP has one answer for all; over LMTP those who can have the message get it.
        let hopeless = match self.together() {
            Together::AllOrNone => faults.iter().any(Option::is_some),
            Together::Each => faults.iter().all(Option::is_some),
        };
        match faults.into_iter().flatten().next() {
            Some(fault) if hopeless => Err(self.told(Refusal::from(fault))),
            _ => Ok(drafts),
        }
    }

    /// Reads up to the final dot. What came behind it is put back: commands of a peer that sends
    /// the next message without waiting (RFC 2920).
    async fn read_text(&mut self, stream: &mut Stream, incoming: &mut Incoming) -> Result<(), End> {
        let pipelined = self.lines.take(usize::MAX);
        let used = incoming.reception.push(&pipelined);
        self.lines.push(&pipelined[used..]);
        while !incoming.reception.is_over() {
            let count = self.read_body(stream, usize::MAX, incoming.began).await?;
            let used = incoming.reception.push(&self.chunk[..count]);
            self.lines.push(&self.chunk[used..count]);
            incoming.reception.settle(&self.shared.doorway, &self.shared.large_blocks).await;
        }
        Ok(())
    }

    /// Reads the octets of a chunk and not one more.
    async fn read_octets(
        &mut self,
        stream: &mut Stream,
        octets: u64,
        incoming: &mut Incoming,
    ) -> Result<(), End> {
        let pipelined = self.lines.take(at_most(octets));
        incoming.reception.push(&pipelined);
        let mut left = octets - pipelined.len() as u64;
        while left > 0 {
            let count = self.read_body(stream, at_most(left), incoming.began).await?;
            left -= count as u64;
            incoming.reception.push(&self.chunk[..count]);
            incoming.reception.settle(&self.shared.doorway, &self.shared.large_blocks).await;
        }
        // Or many small chunks fill the memory.
        incoming.reception.settle(&self.shared.doorway, &self.shared.large_blocks).await;
        Ok(())
    }

    /// Reads octets of a message that `began` then. A shutdown lets it come to its end, until the
    /// grace is over.
    async fn read_body(&mut self, stream: &mut Stream, most: usize, began: Instant) -> Result<usize, End> {
        let limit = self.time_for(began)?;
        self.make_chunk(limits::READ_CHUNK);
        self.read(stream, most, limit, Until::Cut).await
    }

    /// How long the next octets of a message that `began` then may be waited for; its end when it has
    /// taken too long.
    pub(super) fn time_for(&self, began: Instant) -> Result<Duration, End> {
        // The peer's patience is not ours: one octet a minute would hold a file and a place for ever.
        let left = self.patience.message.saturating_sub(began.elapsed());
        if left.is_zero() { Err(End::Timeout) } else { Ok(self.settings.smtp.idle_timeout.min(left)) }
    }

    /// When the peer has gone nothing of the message stays.
    async fn still_there(&self, read: Result<(), End>, incoming: &mut Incoming) -> Result<(), End> {
        if read.is_err() {
            incoming.reception.discard(&self.shared.doorway).await;
        }
        read
    }

    /// SMTP has one answer for all, LMTP one for each.
    fn together(&self) -> Together {
        if self.role == Role::Lmtp { Together::Each } else { Together::AllOrNone }
    }

    /// All text is there: onto the disk with it, then the answer.
    async fn finish(&mut self, mut incoming: Incoming, ticket: DataTicket) {
        self.find_again(&mut incoming).await;
        let Incoming { reception, copies, id, from, to, began, .. } = incoming;
        let to: Vec<String> = to.iter().map(ToString::to_string).collect();
        // Our own commit has no time limit and does not look at the shutdown: once it has begun the
        // sender must hear how it ended, or it sends the message again.
        let octets = reception.octets();
        let outcome = reception.finish(&self.shared.doorway, self.together()).await.map(|made| {
            let made: Vec<_> = made.into_iter().map(|copy| copy.map_err(Refusal::from)).collect();
            made.iter().filter_map(|copy| copy.as_ref().err()).for_each(|refusal| self.log_fault(refusal));
            copies.verdicts(&made, &Reply::accepted(&id))
        });
        let replies = self.session.received(ticket, outcome);
        let accepted = recipients_told(&replies, &to, |reply| !reply.is_refusal());
        let line = |event: &str, to: &[&str]| {
            let line = self.log_line(event).with("id", &id).with("from", &from).with("to", to.join(","));
            line.with("size", octets)
        };
        // Over LMTP some may have got it and others not: a line for those, and one for these.
        if !accepted.is_empty() {
            let line = line("message", &accepted).with_some("tls", self.tls.as_deref());
            line.with("ms", began.elapsed().as_millis()).info();
        }
        if let Some(refusal) = replies.iter().find(|reply| reply.is_refusal()) {
            let refused = recipients_told(&replies, &to, Reply::is_refusal);
            self.log_refusal(line("refused", &refused), refusal);
        }
        if !accepted.is_empty() {
            self.counts.messages += 1;
            self.counts.octets += octets;
        }
        replies.iter().for_each(|reply| self.say(reply));
    }

    /// A text may take an hour to come, and a recipient may have gone since it began. Between this look and
    /// the name in new/ is the commit alone.
    async fn find_again(&self, incoming: &mut Incoming) {
        if let Some(found) = self.look_again(&incoming.to, &mut incoming.found_in).await {
            incoming.copies.regard(&found);
            incoming.reception.give_up(incoming.copies.unwanted(), &self.shared.doorway).await;
        }
    }

    /// A refused chunk: one reply, or one for each recipient when it was the last over LMTP.
    fn answer_chunk(&mut self, answer: ChunkAnswer, refusal: &Reply) {
        let replies = match answer {
            ChunkAnswer::More(ticket) => vec![self.session.chunk_received(ticket, Err(refusal.clone()))],
            ChunkAnswer::Last(ticket) => self.session.received(ticket, Err(refusal.clone())),
        };
        replies.iter().for_each(|reply| self.say_and_log(reply));
    }
}

/// The recipients whose reply is such; one reply alone is for all of them.
fn recipients_told<'a>(replies: &[Reply], to: &'a [String], such: impl Fn(&Reply) -> bool) -> Vec<&'a str> {
    let reply_of = |at: usize| if replies.len() == 1 { replies.first() } else { replies.get(at) };
    let told = to.iter().enumerate().filter(|(at, _)| reply_of(*at).is_some_and(&such));
    told.map(|(_, path)| path.as_str()).collect()
}

/// As many octets as memory could ever hold; what is read at once is bounded elsewhere.
fn at_most(octets: u64) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reply_is_for_all_and_many_are_for_each() {
        let to = ["<a@x.org>".to_owned(), "<b@x.org>".to_owned()];
        let refused = |replies: &[Reply]| recipients_told(replies, &to, Reply::is_refusal);
        assert_eq!(refused(&[Reply::TOO_LARGE]), ["<a@x.org>", "<b@x.org>"]);
        assert_eq!(refused(&[Reply::OK, Reply::MAILBOX_FULL]), ["<b@x.org>"]);
        assert_eq!(refused(&[Reply::OK]), [""; 0]);
    }
}
