//! Which copies a message needs, and what each recipient is told when they are made.
//!
//! One mailbox reached over several addresses gets one copy, and every recipient that leads there
//! shares its fate. Values only: nothing is read or written here.

use crate::accounts::Mailbox;
use crate::delivery::{self, Published, Target};
use crate::mail::trace;
use crate::mail::{AccountAddress, Envelope};
use crate::serve::outcomes::Refusal;
use crate::smtp::Reply;
use std::collections::HashMap;

/// The copies of one message.
#[derive(Debug)]
pub(super) struct Copies {
    mailboxes: Vec<Mailbox>,
    /// For each recipient, in the order of the RCPTs, the copies that are its own.
    of_recipient: Vec<Vec<usize>>,
}

impl Copies {
    /// Each mailbox once, in the order in which the recipients name them.
    pub fn of(envelope: &Envelope<Mailbox>) -> Self {
        let mut copies = Self { mailboxes: Vec::new(), of_recipient: Vec::new() };
        let mut known: HashMap<AccountAddress, usize> = HashMap::new();
        for recipient in &envelope.recipients {
            let of_this = recipient.mailboxes.iter().map(|mailbox| {
                *known.entry(mailbox.address.clone()).or_insert_with(|| {
                    copies.mailboxes.push(mailbox.clone());
                    copies.mailboxes.len() - 1
                })
            });
            let of_this = of_this.collect();
            copies.of_recipient.push(of_this);
        }
        copies
    }

    /// What `delivery` is to make, trace lines on top.
    pub fn targets(&self, lines: &trace::Lines) -> Vec<Target> {
        // `Delivered-To` is the mailbox's own name and not the address that was used: an alias's
        // other members stay private.
        let target = |mailbox: &Mailbox| Target {
            address: mailbox.address.clone(),
            quota: mailbox.quota,
            trace: lines.on_copy_of(&mailbox.address),
        };
        self.mailboxes.iter().map(target).collect()
    }

    /// One verdict for each recipient: its first copy that failed, else that all is well.
    pub fn verdicts(&self, made: &[Result<Published, delivery::Error>], accepted: &Reply) -> Vec<Reply> {
        // An alias whose members got it only in part is refused: the sender tries again, and
        // doubling is chosen over losing.
        let verdict = |copies: &Vec<usize>| {
            let fault = copies.iter().find_map(|copy| match made.get(*copy) {
                Some(Ok(_)) => None,
                Some(Err(error)) => Some(Refusal::from(error.clone()).reply),
                // A copy nobody has reported on is a copy that is not there.
                None => Some(Reply::LOCAL_FAULT),
            });
            fault.unwrap_or_else(|| accepted.clone())
        };
        self.of_recipient.iter().map(verdict).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Body, Bytes, ForwardPath, Octets, Recipient, ReversePath};

    fn envelope(recipients: &[&[&str]]) -> Envelope<Mailbox> {
        let mailbox = |name: &&str| Mailbox {
            address: AccountAddress::parse(&format!("{name}@example.org")).unwrap(),
            quota: None,
        };
        let recipient = |names: &&[&str]| Recipient {
            forward_path: ForwardPath::Postmaster,
            mailboxes: names.iter().map(mailbox).collect(),
        };
        Envelope {
            reverse_path: ReversePath::Null,
            body: Body::SevenBit,
            smtputf8: false,
            declared_size: None,
            recipients: recipients.iter().map(recipient).collect(),
        }
    }

    fn fine() -> Result<Published, delivery::Error> {
        Ok(Published { bytes: Bytes(1), octets: Octets(2) })
    }

    #[test]
    fn a_mailbox_gets_one_copy_however_often_it_is_named() {
        let copies = Copies::of(&envelope(&[&["anna"], &["bert", "anna"], &["anna"]]));
        let names: Vec<&str> = copies.mailboxes.iter().map(|mailbox| mailbox.address.local_part()).collect();
        assert_eq!(names, ["anna", "bert"]);
        assert_eq!(copies.of_recipient, [vec![0], vec![1, 0], vec![0]]);
    }

    #[test]
    fn a_recipient_is_told_of_its_own_copies() {
        let copies = Copies::of(&envelope(&[&["anna"], &["bert", "anna"], &["carl"]]));
        let made = [fine(), Err(delivery::Error::OverQuota)];
        let verdicts = copies.verdicts(&made, &Reply::OK);
        assert_eq!(verdicts, [Reply::OK, Reply::MAILBOX_FULL, Reply::LOCAL_FAULT]);
    }
}
