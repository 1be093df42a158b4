//! What the tests of this folder share: a database in a folder of its own, and short names.

use super::*;
use crate::mail::{Password, UserName};
use std::path::PathBuf;

/// Few rounds: 600,000 in each test would be minutes.
pub const ROUNDS: u32 = limits::PBKDF2_ROUNDS_MIN;

pub struct Fixture {
    pub folder: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("data/accounts.sqlite")
    }

    /// As another process would have it: with connections and a memory of its own.
    pub fn open(&self) -> Accounts {
        Accounts::open(&self.file(), ROUNDS).unwrap()
    }

    /// With these accounts, whose password is `secret`.
    pub fn with(&self, accounts: &[&str]) -> Accounts {
        let opened = self.open();
        for account in accounts {
            opened.add(&address(account), &password("secret")).unwrap();
        }
        opened
    }
}

/// What a login came to.
#[derive(Debug, PartialEq)]
pub enum Said {
    Welcome(AccountAddress),
    Held,
    Wrong,
}

pub fn said(accounts: &Accounts, name: &str, secret: &str) -> Said {
    match accounts.verify(&user(name), &password(secret)).unwrap() {
        Verdict::Welcome(grant) => Said::Welcome(grant.account().clone()),
        Verdict::Held => Said::Held,
        Verdict::Wrong => Said::Wrong,
    }
}

pub fn address(text: &str) -> AccountAddress {
    AccountAddress::parse(text).unwrap()
}

pub fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

pub fn user(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

pub fn alias(text: &str) -> AliasName {
    match text.strip_prefix('@') {
        Some(domain) => AliasName::CatchAll(Domain::parse(domain).unwrap()),
        None => AliasName::Address(address(text)),
    }
}
