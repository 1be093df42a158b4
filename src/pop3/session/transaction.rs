//! The commands of the TRANSACTION state, answered from memory.

use super::{PartTicket, SendTicket, Step};
use crate::mail::MessageNumber;
use crate::pop3::command::{Command, Extent, Number};
use crate::pop3::listing::{List, Listing};
use crate::pop3::response::Response;

/// The commands of RFC 1939, 5 and 7. A number that no message has is no mistake to be counted: a
/// client that works through an old list of its own makes many.
pub(super) fn answer(listing: &mut Listing, command: Command) -> Step {
    let about = |listing: &mut Listing, number: Number, act: fn(&mut Listing, MessageNumber) -> Response| {
        Step::Say(match listing.find(number) {
            Some(found) => act(listing, found),
            None => Response::no_such_message(number),
        })
    };
    match command {
        Command::Stat => Step::Say(listing.stat()),
        Command::List(None) => list(listing, List::Sizes, 0),
        Command::List(Some(number)) => about(listing, number, |listing, found| listing.size(found)),
        Command::Uidl(None) => list(listing, List::UniqueIds, 0),
        Command::Uidl(Some(number)) => about(listing, number, |listing, found| listing.unique_id(found)),
        Command::Dele(number) => about(listing, number, |listing, found| {
            listing.delete(found);
            Response::MARKED
        }),
        Command::Retr(number) => send(listing, number, Extent::Whole),
        Command::Top { number, body_lines } => send(listing, number, Extent::Top { body_lines }),
        Command::Rset => {
            listing.reset();
            Step::Say(listing.summary())
        }
        Command::Last => Step::Say(listing.last()),
        // NOOP; all others were answered before a maildrop was asked for.
        _ => Step::Say(Response::NOOP),
    }
}

/// A list, or a part of one that is long.
pub(super) fn list(listing: &Listing, list: List, from: usize) -> Step {
    match listing.part(list, from) {
        (response, Some(next)) => Step::SayPart(response, PartTicket { list, next }),
        (response, None) => Step::Say(response),
    }
}

fn send(listing: &Listing, number: Number, extent: Extent) -> Step {
    match listing.find(number) {
        Some(found) => {
            let octets = listing.octets(found);
            Step::Send(found, extent, SendTicket { number: found, extent, octets })
        }
        None => Step::Say(Response::no_such_message(number)),
    }
}
