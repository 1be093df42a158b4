//! The test suite: one binary, so that it links once.

mod bare_pop3;
mod bare_smtp;
mod dialogue;
