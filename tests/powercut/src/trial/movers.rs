//! An administrator who brings old mailboxes over while the mail runs, and the clients of those mailboxes:
//! imports, deletions, newcomers at the old server, imports again.

use super::letter;
use super::load::Load;
use super::moves::{Move, Seen};
use super::old::OldMailbox;
use super::people;
use super::server::Program;
use super::wire::Wire;
use crate::rng::Rng;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

/// Letters that come to an old mailbox before an import of it, at most.
const NEWCOMERS: usize = 5;

/// An old mailbox that has so many is done with: the next account gets a new one.
const LARGE: usize = 20;

/// One who moves mailboxes, one after the other.
pub struct Mover {
    /// Where the old mailboxes lie.
    folder: PathBuf,
    name: String,
    /// Mailboxes so far.
    count: usize,
    current: Option<Move>,
    /// Imports that ended with exit status 0.
    pub done: u64,
    /// Cuts that fell into an import.
    pub broken_off: u64,
}

impl Mover {
    /// `name` begins the names of its accounts and letters.
    pub fn new(folder: PathBuf, name: &str) -> Self {
        Self { folder, name: name.to_owned(), count: 0, current: None, done: 0, broken_off: 0 }
    }

    /// Works until the load ends.
    pub fn run(&mut self, load: &Load, program: &Program, pop3: SocketAddr, mut rng: Rng) {
        while !load.has_ended() {
            // An error is the cut; what was promised before is noted.
            let _ = self.work(load, program, pop3, &mut rng);
            load.pause();
        }
    }

    /// After a cut: all of an import or nothing is here, one more import completes it, and another one
    /// finds nothing to do. Then the next mailbox, if this one is done with.
    pub fn settle(&mut self, load: &Load, program: &Program, pop3: SocketAddr, rng: &mut Rng) {
        if let Some(one) = &mut self.current {
            self.broken_off += u64::from(one.is_undecided());
            let checked = look(load, pop3, one)
                .and_then(|()| import(program, one))
                .and_then(|_| look(load, pop3, one))
                .and_then(|()| match import(program, one)? {
                    0 => Ok(()),
                    again => Err(format!("{}: {again} messages imported again", one.address)),
                });
            if let Err(why) = checked {
                load.ledger().broken(why);
            }
        }
        if self.current.as_ref().is_none_or(|one| one.old.len() >= LARGE)
            && let Err(why) = self.next(program, rng)
        {
            load.ledger().broken(why);
        }
    }

    /// A new account, whose mail is at the old server.
    fn next(&mut self, program: &Program, rng: &mut Rng) -> Result<(), String> {
        self.count += 1;
        let name = format!("{}{}", self.name, self.count);
        let (address, password) = (format!("{name}@example.org"), format!("old{name}"));
        people::run(program, "add", &address, Some(&password))?;
        let old = OldMailbox::make(self.folder.join(&name), &name);
        let mut one = Move::new(address, password, old.map_err(|error| error.to_string())?);
        grow(&mut one, rng).map_err(|error| error.to_string())?;
        self.current = Some(one);
        Ok(())
    }

    /// An import, and a visit of the client.
    fn work(&mut self, load: &Load, program: &Program, pop3: SocketAddr, rng: &mut Rng) -> io::Result<()> {
        let Some(one) = &mut self.current else { return Ok(()) };
        if let Err(why) = import(program, one) {
            load.accuse(why);
            return Ok(());
        }
        self.done += 1;
        visit(load, pop3, one, rng)?;
        if one.old.len() < LARGE { grow(one, rng) } else { Ok(()) }
    }
}

fn grow(one: &mut Move, rng: &mut Rng) -> io::Result<()> {
    (0..=rng.below(NEWCOMERS)).try_for_each(|_| one.old.receive(rng))
}

/// Runs `import maildir`; how many came over. The error is what it said, or what is wrong with that.
fn import(program: &Program, one: &mut Move) -> Result<usize, String> {
    one.begins();
    let mut command = program.command(&["import", "maildir"]);
    command.arg(one.old.folder()).args(["--to", &one.address, "--server", "dovecot", "--json"]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: the import failed: {}", one.address, said.trim()));
    }
    let json = String::from_utf8_lossy(&output.stdout);
    let (Some(imported), Some(already)) = (number(&json, "imported"), number(&json, "already")) else {
        return Err(format!("{}: the import said {json}", one.address));
    };
    one.ended_well(imported, already)?;
    Ok(imported)
}

/// The number behind a key.
fn number(json: &str, key: &str) -> Option<usize> {
    let (_, behind) = json.split_once(&format!("\"{key}\":"))?;
    let digits = behind.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// A client that deletes some of what it finds, and mostly says QUIT.
fn visit(load: &Load, pop3: SocketAddr, one: &mut Move, rng: &mut Rng) -> io::Result<()> {
    let mut wire = match enter(pop3, one)? {
        Ok(wire) => wire,
        Err(answer) => {
            if let Err(why) = one.refused(&answer) {
                load.accuse(why);
            }
            return Ok(());
        }
    };
    let mut marked = Vec::new();
    for (at, unique_id) in unique_ids(&mut wire)?.into_iter().enumerate() {
        if rng.chance(30) && wire.ask(&format!("DELE {}", at + 1))?.starts_with("+OK") {
            marked.push(unique_id);
        }
    }
    if rng.chance(25) {
        return Ok(());
    }
    one.leaving(&marked);
    if wire.ask("QUIT")?.starts_with("+OK") {
        one.gone(&marked);
    } else {
        load.accuse(format!("{}: QUIT failed", one.address));
    }
    Ok(())
}

/// Reads the whole mailbox and notes what is wrong with it. The error is a server that does not answer.
fn look(load: &Load, pop3: SocketAddr, one: &mut Move) -> Result<(), String> {
    let broke_off = |error: io::Error| format!("POP3 broke off after the cut: {error}");
    let wrong = match enter(pop3, one).map_err(broke_off)? {
        Ok(mut wire) => one.judge(&read_all(&mut wire).map_err(broke_off)?),
        Err(answer) => one.refused(&answer).err().into_iter().collect(),
    };
    wrong.into_iter().for_each(|what| load.ledger().broken(what));
    Ok(())
}

fn read_all(wire: &mut Wire) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for (at, unique_id) in unique_ids(wire)?.into_iter().enumerate() {
        let answer = wire.ask(&format!("RETR {}", at + 1))?;
        let letter = if answer.starts_with("+OK") { letter::read(&wire.multi_line()?) } else { Err(answer) };
        seen.push(Seen { unique_id, letter });
    }
    wire.ask("QUIT")?;
    Ok(seen)
}

/// Logs in, or tells the refusal.
fn enter(pop3: SocketAddr, one: &Move) -> io::Result<Result<Wire, String>> {
    let mut wire = Wire::connect(pop3)?;
    wire.line()?;
    wire.ask(&format!("USER {}", one.address))?;
    let answer = wire.ask(&format!("PASS {}", one.password))?;
    Ok(if answer.starts_with("+OK") { Ok(wire) } else { Err(answer) })
}

fn unique_ids(wire: &mut Wire) -> io::Result<Vec<String>> {
    if !wire.ask("UIDL")?.starts_with("+OK") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let lines = wire.multi_line()?;
    let lines = String::from_utf8_lossy(&lines);
    Ok(lines.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_what_an_import_says() {
        let json = "{\"found\":12,\"imported\":3,\n \"already\": 9,\"bytes\":0}";
        let numbers = ["found", "imported", "already", "to"].map(|key| number(json, key));
        assert_eq!(numbers, [Some(12), Some(3), Some(9), None]);
    }
}
