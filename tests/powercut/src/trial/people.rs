//! An administrator who makes accounts and changes passwords while the mail runs: exit status 0 is
//! a promise like 250.

use super::collector;
use super::load::Load;
use super::server::Program;
use crate::rng::Rng;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Accounts that come and go in a trial; more would only make lists longer.
const PEOPLE: usize = 12;

/// What an account may be: no account at all, or one with this password.
type State = Option<String>;

/// The accounts that the administrator works on, with all that each may be.
#[derive(Default)]
pub struct People {
    states: Mutex<BTreeMap<String, Vec<State>>>,
    /// Commands that ended with exit status 0.
    done: Mutex<u64>,
}

impl People {
    /// Works until the load ends.
    pub fn administer(&self, load: &Load, program: &Program, mut rng: Rng) {
        while !load.has_ended() {
            let address = format!("guest{}@example.org", rng.below(PEOPLE));
            self.act(load, program, &address, &mut rng);
            load.pause();
        }
    }

    /// Commands that ended with exit status 0.
    pub fn done(&self) -> u64 {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One command: makes the account, or changes its password, or removes it.
    fn act(&self, load: &Load, program: &Program, address: &str, rng: &mut Rng) {
        let before = self.states().get(address).cloned().unwrap_or_else(|| vec![None]);
        // Only a cut leaves two states, and the check after it settles them.
        let [state] = before.as_slice() else { return };
        let password = format!("p{:x}", rng.bits());
        let (verb, after) = match state {
            None => ("add", Some(password)),
            Some(_) if rng.chance(25) => ("remove", None),
            Some(_) => ("passwd", Some(password)),
        };
        // Before the command runs: killed half-way, it may have done either.
        self.states().insert(address.to_owned(), vec![state.clone(), after.clone()]);
        match run(program, verb, address, after.as_deref()) {
            Ok(()) => {
                self.states().insert(address.to_owned(), vec![after]);
                *self.done.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
            Err(why) => load.accuse(format!("account {verb} {address} failed: {why}")),
        }
    }

    /// After a cut: each account is one of what it may be, and the server lets it in.
    pub fn settle(&self, load: &Load, program: &Program, pop3: SocketAddr, rng: &mut Rng) {
        let listed = match list(program) {
            Ok(listed) => listed,
            Err(why) => return load.ledger().broken(format!("account list failed after the cut: {why}")),
        };
        for mailbox in &load.mailboxes {
            if !names(&listed, &mailbox.address) {
                load.ledger().broken(format!("account lost: {}", mailbox.address));
            }
        }
        for (address, states) in self.states().iter_mut() {
            let is_new = states.len() > 1;
            if !names(&listed, address) {
                if !states.contains(&None) {
                    load.ledger().broken(format!("account lost: {address}"));
                }
                *states = vec![None];
                continue;
            }
            states.retain(Option::is_some);
            // Removed with exit status 0, and listed.
            if states.is_empty() {
                load.ledger().broken(format!("account came back: {address}"));
            }
            // A login costs a hash: all that are in doubt, and some of the others.
            if is_new || rng.chance(10) {
                let works = states.iter().find(|state| lets_in(pop3, address, state));
                match works.cloned() {
                    Some(state) => *states = vec![state],
                    None => load.ledger().broken(format!("password lost: {address}")),
                }
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<String, Vec<State>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `account VERB ADDRESS`, with the password on its standard input. The error is what it said.
pub fn run(program: &Program, verb: &str, address: &str, password: Option<&str>) -> Result<(), String> {
    let mut command = program.command(&["account", verb, address]);
    if password.is_some() {
        command.arg("--password-stdin");
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = piped.map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may have failed before it asked.
        let _ = writeln!(stdin, "{}", password.unwrap_or_default());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// What `account list --json` prints. It reads the database without the server.
fn list(program: &Program) -> Result<String, String> {
    let output =
        program.command(&["account", "list", "--json"]).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the JSON has the address as one of its strings.
fn names(json: &str, address: &str) -> bool {
    json.contains(&format!("\"{address}\""))
}

/// Whether POP3 takes the password. A connection that breaks is no.
fn lets_in(pop3: SocketAddr, address: &str, password: &State) -> bool {
    let Some(password) = password else { return false };
    match collector::log_in(pop3, address, password) {
        Ok(Some((mut wire, _))) => wire.ask("QUIT").is_ok(),
        Ok(None) | Err(_) => false,
    }
}
