//! The vocabulary of mail: what every floor above speaks with.
//!
//! Values only. A value that exists has been checked; nothing here reads, writes, waits or looks at
//! a clock.

pub mod address;
pub mod contents;
pub mod credentials;
pub mod date;
pub mod envelope;
pub mod idn;
pub mod octets;
pub mod path;
pub mod peer;
pub mod trace;
pub mod unique_id;

pub use address::{AccountAddress, Address, AddressError, Domain, Host};
pub use contents::Contents;
pub use credentials::{Password, UserName};
pub use envelope::{Envelope, Recipient};
pub use octets::{Bytes, LineEnds, MessageNumber, OctetCount, Octets};
pub use path::{ForwardPath, PathError, ReversePath};
pub use peer::{Peer, SessionId};
pub use unique_id::UniqueId;
