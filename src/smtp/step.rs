//! What a session is held by, and what it wants done.
//!
//! A step that asks a question carries the ticket for its answer, so a second answer, or one to a
//! question that nobody asked, does not compile. Knows no order of commands.

use super::extension::Offer;
use super::reply::Reply;
use super::transaction::{Chunk, DataTicket, MailTicket, RcptTicket};
use crate::mail::{Domain, Envelope, ForwardPath};

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// SMTP from other mail servers (RFC 5321).
    Mx,
    /// LMTP from a mail server of our own house (RFC 2033): an answer for each recipient.
    Lmtp,
}

/// What a session is held by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Our own name.
    pub hostname: Domain,
    /// Which protocol is spoken.
    pub role: Role,
    /// What is offered.
    pub offer: Offer,
    /// Whether the connection runs over TLS already; if not, a handshake can be had.
    pub secure: bool,
}

/// How the peer introduced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The name it said.
    pub name: String,
    /// EHLO or LHLO, and not HELO.
    pub extended: bool,
}

/// What the session wants done. After `Say` and `Discard` it waits for the next line.
#[must_use]
#[derive(Debug)]
pub enum Step<M> {
    /// Say this.
    Say(Reply),
    /// Is there room for a message of so many octets? Answer with [`super::Session::sender_checked`].
    CheckRoom(u64, MailTicket),
    /// Which mailboxes does this path lead to? Answer with [`super::Session::resolved`].
    Resolve(ForwardPath, RcptTicket),
    /// Say [`Reply::GO_AHEAD`] and read a message up to its dot, or refuse it right away. Answer
    /// with [`super::Session::received`].
    Receive(Box<Envelope<M>>, DataTicket),
    /// Read the octets of a chunk. Answer what it asks for.
    ReceiveChunk(Box<Chunk<M>>),
    /// Read over so many octets, then say this.
    Discard(u64, Vec<Reply>),
    /// Say this, forget what came behind the line, do the handshake, call [`super::Session::secured`].
    StartTls(Reply),
    /// The peer has said QUIT: say this and close.
    Quit(Reply),
    /// Say this and close; it is we who end the conversation.
    HangUp(Reply),
}
