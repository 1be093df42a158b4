//! SMTP and LMTP as a receiver speaks them, without I/O: RFC 5321, RFC 2033 and the extensions of
//! [`extension`].
//!
//! [`Session`] takes a line and gives a [`Step`]. Knows nothing of sockets, clocks, accounts and
//! disks: what a recipient is turned into is the caller's own type.

pub mod command;
pub mod extension;
pub mod reply;
pub mod session;
pub mod step;
pub mod transaction;

pub use command::Command;
pub use extension::Offer;
pub use reply::Reply;
pub use session::Session;
pub use step::{Hello, Role, Step, Terms};
pub use transaction::{Chunk, ChunkAnswer, ChunkTicket, DataTicket, MailTicket, RcptTicket};
