//! The client's side of POP3 without I/O: what to say to an old server, and what its answers mean
//! (RFC 1939, 2449, 2595, 3206, 5034).
//!
//! The counterpart of [`super::session`]. What a server sends can be anything at all, and is bounded in
//! `limits`; it ends a session with a [`Failure`] and never with a panic.

mod answer;
mod capabilities;
mod failure;
mod line;
mod listing;
mod login;
mod meaning;
mod request;
mod session;

pub use answer::{Refusal, Words};
pub use capabilities::Capabilities;
pub use failure::Failure;
pub use listing::Numbered;
pub use request::{Line, Request};
pub use session::{Answer, Session, Step, TlsWish};

#[cfg(test)]
mod tests;
