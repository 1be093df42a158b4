//! What is wanted, as it was written on the command line.

use crate::Error;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// STLS behind the greeting.
    Stls,
    /// From the first octet.
    Implicit,
}

/// The job and its keys.
#[derive(Debug)]
pub struct Wish {
    /// The name of the job.
    pub job: String,
    /// `HOST:PORT`
    pub server: String,
    /// Of every connection.
    pub encryption: Encryption,
    /// No TLS 1.3.
    pub tls12: bool,
    /// TLS sessions are resumed.
    pub resume: bool,
    /// `{}` stands for the client's number.
    pub user: String,
    /// The same for all.
    pub password: String,
    /// The server, for its cost.
    pub pid: Option<u32>,
    /// Connections at once.
    pub clients: usize,
    /// How long to go on.
    pub time: Duration,
    /// Commands are sent before the answers to earlier ones have come.
    pub pipelined: bool,
    /// Whether held connections log in.
    pub login: bool,
}

impl Wish {
    /// Reads `JOB KEY=VALUE …`.
    ///
    /// # Errors
    /// A word that is no key of ours, or a value that cannot be.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Error> {
        let job = words.next().ok_or("say a job: poll, open, fetch, delete or hold")?;
        let mut keys = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("{word}: say KEY=VALUE"))?;
            keys.insert(key.to_owned(), value.to_owned());
        }
        let mut take = |key: &str, default: &str| keys.remove(key).unwrap_or_else(|| default.to_owned());
        let wish = Self {
            job,
            server: take("server", "127.0.0.1:2110"),
            encryption: encryption(&take("tls", "no"))?,
            tls12: take("tls12", "0") == "1",
            resume: take("resume", "1") == "1",
            user: take("user", "anna@example.org"),
            password: take("password", "correct horse"),
            pid: Some(take("pid", "0").parse()?).filter(|pid| *pid != 0),
            clients: take("clients", "1").parse()?,
            time: Duration::from_secs_f64(take("seconds", "3").parse()?),
            pipelined: take("pipelined", "0") == "1",
            login: take("login", "0") == "1",
        };
        match keys.keys().next() {
            Some(unknown) => Err(format!("no such key: {unknown}").into()),
            None => Ok(wish),
        }
    }

    /// The user name of a client, from 1.
    pub fn user_of(&self, client: usize) -> String {
        self.user.replace("{}", &client.to_string())
    }
}

fn encryption(word: &str) -> Result<Encryption, Error> {
    match word {
        "no" => Ok(Encryption::None),
        "stls" => Ok(Encryption::Stls),
        "yes" => Ok(Encryption::Implicit),
        _ => Err(format!("tls={word}: no, stls or yes").into()),
    }
}
