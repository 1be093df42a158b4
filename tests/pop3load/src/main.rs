//! One job for a POP3 server, and what it cost: `pop3load JOB KEY=VALUE …` prints one line of JSON.
//!
//! Any server will do, restante or another: this knows POP3 and `/proc`, and nothing of the source.
//!
//! | job | what it does | keys of its own |
//! | --- | --- | --- |
//! | `poll` | connects, logs in, STAT, UIDL, QUIT, over and over | `clients`, `seconds` |
//! | `open` | once: login to STAT's answer, then UIDL | |
//! | `fetch` | RETR of every message, one by one or pipelined | `pipelined` |
//! | `delete` | DELE of every message, pipelined, then QUIT | |
//! | `hold` | opens connections and lets them idle; tells the server's memory for each | `clients`, `seconds`, `login` |
//!
//! For all jobs: `server=HOST:PORT`, `tls=no|stls|yes`, `tls12=1` for no TLS 1.3, `resume=0` for a whole
//! handshake each time, `user=NAME` (`{}` in it becomes the client's number, from 1), `password=`, and
//! `pid=` of the server: the processor time of that process and of all below it is told.

mod connection;
mod encryption;
mod jobs;
mod processes;
mod wish;

use std::process::ExitCode;
use wish::Wish;

/// What went wrong, for whoever started this.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match Wish::parse(std::env::args().skip(1)).and_then(|wish| jobs::run(&wish)) {
        Ok(figures) => {
            let fields: Vec<_> = figures.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            println!("{{{}}}", fields.join(", "));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("pop3load: {error}");
            ExitCode::FAILURE
        }
    }
}
