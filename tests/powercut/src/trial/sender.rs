//! A sender: letters over SMTP or LMTP, one after the other, to one mailbox or several.

use super::letter;
use super::load::Load;
use super::wire::Wire;
use crate::rng::Rng;
use std::io;
use std::net::SocketAddr;

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One answer for all recipients.
    Smtp,
    /// An answer for each (RFC 2033, 4.2).
    Lmtp,
}

/// Sends until the load ends. `name` begins the name of each letter.
pub fn run(load: &Load, address: SocketAddr, dialect: Dialect, name: &str, mut rng: Rng) {
    let mut count = 0;
    while !load.has_ended() {
        // An error is the cut, or a connection that a fault ended: what was promised stands in the
        // ledger, and a new connection shows whether the server is still there.
        let _ = converse(load, address, dialect, name, &mut count, &mut rng);
        load.pause();
    }
}

/// One connection, with letter after letter.
fn converse(
    load: &Load,
    address: SocketAddr,
    dialect: Dialect,
    name: &str,
    count: &mut u64,
    rng: &mut Rng,
) -> io::Result<()> {
    let mut wire = Wire::connect(address)?;
    wire.reply()?;
    let hello = if dialect == Dialect::Lmtp { "LHLO" } else { "EHLO" };
    wire.command(&format!("{hello} trial.example.net"))?;
    while !load.has_ended() {
        *count += 1;
        send(load, &mut wire, dialect, &format!("{name}-{count}"), rng)?;
    }
    Ok(())
}

/// One letter, mostly to one mailbox. The ledger is told before the last dot is sent: from then on
/// the letter may be there, whatever the answer.
fn send(load: &Load, wire: &mut Wire, dialect: Dialect, id: &str, rng: &mut Rng) -> io::Result<()> {
    let text = letter::write(id, rng);
    wire.command("MAIL FROM:<trial@example.net>")?;
    let mut taken = Vec::new();
    let wanted = if rng.chance(30) { 2 + rng.below(2) } else { 1 };
    let first = rng.below(load.mailboxes.len());
    for mailbox in load.mailboxes.iter().cycle().skip(first).take(wanted.min(load.mailboxes.len())) {
        if wire.command(&format!("RCPT TO:<{}>", mailbox.address))?.starts_with("250") {
            taken.push(mailbox.address.as_str());
        }
    }
    if taken.is_empty() || !wire.command("DATA")?.starts_with("354") {
        return wire.command("RSET").map(|_| ());
    }
    taken.iter().for_each(|mailbox| load.ledger().sent(mailbox, id));
    wire.send(&stuffed(&text))?;
    match dialect {
        // One answer for all: a 4xx may have left copies, a 250 must have left all.
        Dialect::Smtp if wire.reply()?.starts_with("250") => {
            taken.iter().for_each(|mailbox| load.ledger().acknowledged(mailbox, id));
        }
        Dialect::Smtp => {}
        Dialect::Lmtp => {
            for mailbox in taken {
                if wire.reply()?.starts_with("250") {
                    load.ledger().acknowledged(mailbox, id);
                }
            }
        }
    }
    Ok(())
}

/// RFC 5321, 4.5.2, with the final dot.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_line_starts_are_doubled() {
        assert_eq!(stuffed(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
    }
}
