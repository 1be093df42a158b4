//! The test suite: one binary, so that it links once.

mod client;
mod dialogue;
mod harness;
mod old_server;
mod rude;
mod scram;

mod abuse;
mod account_faults;
mod account_import;
mod bare_pop3;
mod bare_smtp;
mod cli;
mod concurrency;
mod configs;
mod delivery;
mod fetch;
mod fetch_tls;
mod fetch_without_uidl;
mod first_run;
mod foreign_mail;
mod guessing;
mod house;
mod lifecycle;
mod live_dialogues;
mod lmtp;
mod login;
mod maildrop;
mod moving_in;
mod pull;
mod relayed;
mod smtp_live;
mod tls;
mod upstream;
mod upstream_trouble;
mod words;
