//! restante: mail comes in over SMTP and LMTP, waits in Maildirs, goes out over POP3.
//!
//! # Floors
//!
//! A module imports from its own floor's row and from floors below, never upwards. The exact list, which is
//! shorter, is in `tests/suite/house.rs`: a test holds it against the tree.
//!
//! | floor | modules | what it is | never in it |
//! | --- | --- | --- | --- |
//! | 0 | [`mail`], [`limits`], [`finding`] | the vocabulary, every fixed bound, and a mistake with its remedy | I/O, async, log |
//! | 1 | [`wire`], [`sasl`], [`smtp`], [`pop3`] | byte machines and protocol cores: a line goes in, a step comes out | I/O, async, clock, randomness, log |
//! | 2 | [`accounts`], [`maildrop`], [`delivery`], [`import`] | the storage: SQLite, Maildirs, the way onto the disk, moving in | async, protocol words, settings |
//! | 3 | [`runtime`], [`net`], [`config`], [`process`] | sockets, TLS, time, the doorway for blocking work; settings; what the process may do | storage, protocols |
//! | 4 | [`serve`] | one driver loop for each protocol; where storage meets replies; the log | SQL, Maildir names, reply literals |
//! | 4 | [`fetch`] | sessions with other POP3 servers, whose mail is to come here | SQL, Maildir names |
//! | 5 | [`commands`] | the command line | protocol |
//!
//! On floor 2, [`delivery`] stands on [`maildrop`]: both write into the same folders, so names, paths,
//! usage and the few disk operations (with the faulty twin that tests use) have their one home there.
//!
//! # One message, from port 25 to new/
//!
//! 1. [`serve::door`] accepts, asks the [`net::Gate`], and hands the stream to [`serve::smtp`].
//! 2. RCPT: [`smtp::Session`] asks `Resolve`; [`accounts::Accounts::resolve`] answers in one read.
//! 3. DATA or BDAT: [`delivery::Delivery::open`] finds room on the disk and in each mailbox before 354
//!    is said.
//! 4. The octets pass [`wire`]'s dot decoder and header filter. What fills a block goes to a file in tmp/
//!    for each mailbox, with the trace lines of [`mail::trace`] on top.
//! 5. End of data: [`delivery::Drafts::publish`] syncs, publishes in new/, syncs the folders; then 250.
//!    A message within one block comes to the disk here, in one pass through the doorway.
//!
//! # One POP3 session
//!
//! 1. [`serve::door`], [`net::Gate`], [`serve::pop3`]; on port 995 the handshake comes first.
//! 2. PASS or AUTH: [`pop3::Session`] asks `LogIn`; [`accounts`] verifies, [`maildrop`] locks and scans.
//! 3. STAT, LIST, UIDL, DELE, RSET, NOOP: the session's memory only.
//! 4. RETR, TOP: [`maildrop::Maildrop::read`], the dot encoder, the stream.
//! 5. QUIT: [`maildrop::Maildrop::update`] removes and syncs; then +OK. Any other end removes nothing.
//!
//! While an old server stands behind an account (`restante upstream`), 2 goes to [`serve::upstream`] first: the
//! old server judges the password, and the mail is pulled through [`fetch`] into [`import::landing`], or the
//! session is relayed to it.
#![warn(missing_docs)]

pub mod accounts;
pub mod commands;
pub mod config;
pub mod delivery;
pub mod fetch;
pub mod finding;
pub mod import;
pub mod limits;
pub mod mail;
pub mod maildrop;
pub mod net;
pub mod pop3;
pub mod process;
pub mod runtime;
pub mod sasl;
pub mod serve;
pub mod smtp;
pub mod wire;
