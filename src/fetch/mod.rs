//! Fetching: POP3 sessions with other servers, whose mail is to come here or is compared with what is here.
//!
//! [`crate::pop3::client`] says what to do; this does it, over [`crate::net`], with limits to waiting. Knows
//! no account database, no Maildir and no command line.

mod again;
mod compare;
mod connection;
mod letter;
mod letters;
mod mailbox;
mod matched;
mod numbers;
mod problem;
mod reached;
mod server;
mod share;

pub use compare::{Compared, Difference, Here};
pub use connection::{Connection, Message};
pub use mailbox::Mailbox;
pub use matched::Matched;
pub use problem::Problem;
pub use reached::answers;
pub use server::{Login, Patience, Security, Server};
pub use share::{Listings, Share};
