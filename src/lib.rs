//! restante: mail comes in over SMTP and LMTP, waits in Maildirs, goes out over POP3.
#![warn(missing_docs)]

pub mod accounts;
pub mod config;
pub mod delivery;
pub mod limits;
pub mod mail;
pub mod maildrop;
pub mod net;
pub mod pop3;
pub mod process;
pub mod runtime;
pub mod sasl;
pub mod smtp;
pub mod wire;
