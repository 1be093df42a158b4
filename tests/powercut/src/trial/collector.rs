//! A collector: takes mail over POP3, checks that it is whole, and deletes some of it; and the
//! reading of a whole mailbox after a cut.

use super::letter;
use super::load::{Load, Mailbox};
use super::wire::Wire;
use crate::rng::Rng;
use std::io;
use std::net::SocketAddr;

/// Letters that one visit takes at most: short visits meet the cut more often in QUIT.
const VISIT: usize = 6;

/// What a mailbox holds at most when a round begins, so that reading all of it stays quick.
const KEPT: usize = 40;

/// Collects from every mailbox whose index leaves `part` of `parts`, until the load ends.
pub fn run(load: &Load, address: SocketAddr, part: usize, parts: usize, mut rng: Rng) {
    while !load.has_ended() {
        for mailbox in load.mailboxes.iter().skip(part).step_by(parts) {
            if !load.has_ended() {
                // An error is the cut; what was promised before stands in the ledger.
                let _ = visit(load, address, mailbox, &mut rng);
            }
        }
        load.pause();
    }
}

/// One session: in, some letters, and out by QUIT or without it.
fn visit(load: &Load, address: SocketAddr, mailbox: &Mailbox, rng: &mut Rng) -> io::Result<()> {
    let Some((mut wire, count)) = log_in(address, &mailbox.address, &mailbox.password)? else {
        return Ok(());
    };
    let mut marked = Vec::new();
    for number in 1..=count.min(VISIT) {
        let Some(id) = retrieve(load, &mut wire, &mailbox.address, number)? else { continue };
        if rng.chance(70) && wire.ask(&format!("DELE {number}"))?.starts_with("+OK") {
            marked.push(id);
        }
    }
    if rng.chance(25) {
        // Without QUIT nothing is deleted: the ledger is not told.
        return Ok(());
    }
    quit(load, &mut wire, &mailbox.address, &marked)
}

/// The names of all that `mailbox` holds, in the order of the listing, with the ledger settled by
/// them. Deletes the oldest of too many, after that: the session is one like any other.
pub fn take_stock(load: &Load, address: SocketAddr, mailbox: &Mailbox) -> Result<Vec<String>, String> {
    let failed = |error: io::Error| format!("{}: POP3 broke off after the cut: {error}", mailbox.address);
    let (mut wire, count) = log_in(address, &mailbox.address, &mailbox.password)
        .map_err(failed)?
        .ok_or_else(|| format!("{}: no login after the cut", mailbox.address))?;
    let mut found = Vec::new();
    let mut surplus = Vec::new();
    for number in 1..=count {
        let Some(id) = retrieve(load, &mut wire, &mailbox.address, number).map_err(failed)? else { continue };
        if number + KEPT <= count && wire.ask(&format!("DELE {number}")).map_err(failed)?.starts_with("+OK") {
            surplus.push(id.clone());
        }
        found.push(id);
    }
    load.ledger().settle(&mailbox.address, &found);
    quit(load, &mut wire, &mailbox.address, &surplus).map_err(failed)?;
    Ok(found)
}

/// Logs in; the number of messages, or `None` if the server refuses.
pub fn log_in(address: SocketAddr, user: &str, password: &str) -> io::Result<Option<(Wire, usize)>> {
    let mut wire = Wire::connect(address)?;
    wire.line()?;
    wire.ask(&format!("USER {user}"))?;
    // Refused: busy with another session, or a password that is not (or no longer) right.
    if !wire.ask(&format!("PASS {password}"))?.starts_with("+OK") {
        return Ok(None);
    }
    let stat = wire.ask("STAT")?;
    let count = stat.split(' ').nth(1).and_then(|count| count.parse().ok());
    Ok(count.map(|count| (wire, count)))
}

/// One letter by RETR. What is not whole is a violation, and has no name.
fn retrieve(load: &Load, wire: &mut Wire, mailbox: &str, number: usize) -> io::Result<Option<String>> {
    let answer = wire.ask(&format!("RETR {number}"))?;
    if !answer.starts_with("+OK") {
        // Without power an error is the honest answer.
        load.accuse(format!("{mailbox}: RETR {number} says {answer}"));
        return Ok(None);
    }
    let octets = wire.multi_line()?;
    match letter::read(&octets) {
        Ok(id) => {
            load.ledger().served(mailbox, &id);
            Ok(Some(id))
        }
        Err(why) => {
            load.ledger().broken(format!("{mailbox}: served, but not whole: {why}"));
            Ok(None)
        }
    }
}

/// QUIT, with the ledger told before it is sent: an answer that never comes leaves both open.
fn quit(load: &Load, wire: &mut Wire, mailbox: &str, marked: &[String]) -> io::Result<()> {
    marked.iter().for_each(|id| load.ledger().leaving(mailbox, id));
    if wire.ask("QUIT")?.starts_with("+OK") {
        marked.iter().for_each(|id| load.ledger().gone(mailbox, id));
    } else {
        load.accuse(format!("{mailbox}: QUIT failed"));
    }
    Ok(())
}
