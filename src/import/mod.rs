//! Moving users in: what an old server showed of its mail, and how it comes into a Maildir here.
//!
//! A [`Source`] says what the old server listed, message by message, and gives the octets; it knows that
//! server's files and habits. The landing knows our Maildir alone: all messages of a source become
//! visible at once, in their order, under their unique-ids, or none of them does.
//!
//! Knows no account database, no socket and no command line.

pub mod doveconf;
pub mod essence;
pub mod landing;
pub mod maildir;
pub mod mbox;
pub mod provenance;
pub mod source;
pub mod uidl_format;
mod way;
pub mod words;

pub use doveconf::Doveconf;
pub use landing::{Failure, Imported, Landing, Progress, Uidl};
pub use provenance::{Provenance, Tag};
pub use source::{Error, Flags, Found, Inventory, Place, SkippedFolder, SkippedItem, Source, UniqueIdOf};
pub use uidl_format::{UidlFormat, Variable, Variables};
