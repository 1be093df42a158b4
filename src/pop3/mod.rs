//! POP3 without I/O: what a line means, whether it may be said now, and what is answered
//! (RFC 1939, 2449, 2595, 3206, 5034, 6856).

mod capabilities;
pub mod client;
pub mod command;
pub mod listing;
pub mod relay;
pub mod response;
pub mod session;

pub use command::Extent;
pub use listing::{Listing, Marked};
pub use relay::Relayed;
pub use response::Response;
pub use session::{
    Goodbye, LoginTicket, LookUpTicket, PartTicket, Refusal, SendTicket, Session, Step, Terms, UpdateTicket,
};
