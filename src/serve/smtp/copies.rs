//! Which copies a message needs, and what each recipient is told when they are made.
//!
//! One mailbox reached over several addresses gets one copy, and every recipient that leads there
//! shares its fate. Values only: nothing is read or written here.

use super::again::Found;
use crate::accounts::Mailbox;
use crate::delivery::{Published, Target, Together};
use crate::mail::AccountAddress;
use crate::mail::trace;
use crate::serve::outcomes::Refusal;
use crate::smtp::Reply;
use std::collections::{HashMap, HashSet};

/// The copies of one message.
#[derive(Debug)]
pub(super) struct Copies {
    mailboxes: Vec<Mailbox>,
    /// For each recipient, in the order of the RCPTs, the copies that are its own, or why it gets none.
    of_recipient: Vec<Result<Vec<usize>, Reply>>,
    together: Together,
}

impl Copies {
    /// Each mailbox once, in the order in which the recipients name them.
    pub fn of(recipients: Vec<Found>, together: Together) -> Self {
        let mut copies = Self { mailboxes: Vec::new(), of_recipient: Vec::new(), together };
        let mut known: HashMap<AccountAddress, usize> = HashMap::new();
        for recipient in recipients {
            let copy_for = |mailbox: Mailbox| {
                *known.entry(mailbox.address.clone()).or_insert_with(|| {
                    copies.mailboxes.push(mailbox);
                    copies.mailboxes.len() - 1
                })
            };
            let of_this = recipient.map(|mailboxes| mailboxes.into_iter().map(copy_for).collect());
            copies.of_recipient.push(of_this.map_err(|gone| for_now(&gone)));
        }
        copies.agree();
        copies
    }

    /// Takes note of where the recipients lead by now. One that leads elsewhere gets none of the copies that
    /// were begun: who sends again reaches the mailboxes that it has then.
    pub fn regard(&mut self, found: &[Found]) {
        for (copies, found) in self.of_recipient.iter_mut().zip(found) {
            let gone = match (&*copies, found) {
                (Ok(_), Err(gone)) => for_now(gone),
                (Ok(copies), Ok(found)) if !leads_to(&self.mailboxes, copies, found) => {
                    Reply::RECIPIENT_CHANGED
                }
                _ => continue,
            };
            *copies = Err(gone);
        }
        self.agree();
    }

    /// SMTP has one answer for all.
    fn agree(&mut self) {
        let some_stay = self.of_recipient.iter().any(Result::is_ok);
        let some_are_gone = self.of_recipient.iter().any(Result::is_err);
        if self.together == Together::AllOrNone && some_stay && some_are_gone {
            self.of_recipient.fill(Err(Reply::RECIPIENT_CHANGED));
        }
    }

    /// Why the message is for nobody, if it is.
    pub fn refusal(&self) -> Option<Reply> {
        let nobody = self.of_recipient.iter().all(Result::is_err);
        self.of_recipient.iter().find_map(|copies| copies.as_ref().err()).filter(|_| nobody).cloned()
    }

    /// The copies that no recipient is to have.
    pub fn unwanted(&self) -> Vec<usize> {
        let wanted: HashSet<usize> = self.of_recipient.iter().flatten().flatten().copied().collect();
        (0..self.mailboxes.len()).filter(|copy| !wanted.contains(copy)).collect()
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
    pub fn verdicts(&self, made: &[Result<Published, Refusal>], accepted: &Reply) -> Vec<Reply> {
        // An alias whose members got it only in part is refused: the sender tries again, and
        // doubling is chosen over losing.
        let verdict = |copies: &Result<Vec<usize>, Reply>| {
            let copies = match copies {
                Ok(copies) => copies,
                Err(gone) => return gone.clone(),
            };
            let fault = copies.iter().find_map(|copy| match made.get(*copy) {
                Some(Ok(_)) => None,
                Some(Err(refusal)) => Some(refusal.reply.clone()),
                // A copy nobody has reported on is a copy that is not there.
                None => Some(Reply::LOCAL_FAULT),
            });
            fault.unwrap_or_else(|| accepted.clone())
        };
        self.of_recipient.iter().map(verdict).collect()
    }
}

/// Never a 5xx for who was accepted at RCPT: it would be a bounce for other recipients, too, and for one whose
/// alias an administrator is just taking away to make it anew. Who tries again hears about each at its RCPT.
fn for_now(gone: &Reply) -> Reply {
    if gone.code() >= 500 { Reply::RECIPIENT_CHANGED } else { gone.clone() }
}

/// Whether those copies are for these mailboxes and no others.
fn leads_to(all: &[Mailbox], copies: &[usize], found: &[Mailbox]) -> bool {
    let of_copies: HashSet<_> =
        copies.iter().filter_map(|copy| all.get(*copy)).map(|it| &it.address).collect();
    of_copies == found.iter().map(|mailbox| &mailbox.address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Bytes, Octets};

    /// As RCPT would be told of it.
    const GONE: Result<&[&str], Reply> = Err(Reply::NO_SUCH_MAILBOX);

    fn found(recipients: &[Result<&[&str], Reply>]) -> Vec<Found> {
        let mailbox = |name: &&str| Mailbox {
            address: AccountAddress::parse(&format!("{name}@example.org")).unwrap(),
            quota: None,
        };
        let recipient =
            |names: &Result<&[&str], Reply>| names.clone().map(|names| names.iter().map(mailbox).collect());
        recipients.iter().map(recipient).collect()
    }

    /// With an answer for each.
    fn copies(recipients: &[&[&str]]) -> Copies {
        Copies::of(found(&recipients.iter().map(|names| Ok(*names)).collect::<Vec<_>>()), Together::Each)
    }

    fn fine() -> Result<Published, Refusal> {
        Ok(Published { bytes: Bytes(1), octets: Octets(2) })
    }

    #[test]
    fn a_mailbox_gets_one_copy_however_often_it_is_named() {
        let copies = copies(&[&["anna"], &["bert", "anna"], &["anna"]]);
        let names: Vec<&str> = copies.mailboxes.iter().map(|mailbox| mailbox.address.local_part()).collect();
        assert_eq!(names, ["anna", "bert"]);
        assert_eq!(copies.of_recipient, [Ok(vec![0]), Ok(vec![1, 0]), Ok(vec![0])]);
    }

    #[test]
    fn a_recipient_is_told_of_its_own_copies() {
        let copies = copies(&[&["anna"], &["bert", "anna"], &["carl"]]);
        let made = [fine(), Err(Reply::MAILBOX_FULL.into())];
        let verdicts = copies.verdicts(&made, &Reply::OK);
        assert_eq!(verdicts, [Reply::OK, Reply::MAILBOX_FULL, Reply::LOCAL_FAULT]);
    }

    #[test]
    fn who_is_gone_is_told_and_the_others_keep_their_copies() {
        let mut copies = copies(&[&["anna"], &["bert", "anna"], &["carl"], &["dora"]]);
        copies.regard(&found(&[Ok(&["anna"]), Ok(&["anna", "bert"]), GONE, Ok(&["emil"])]));
        assert_eq!((copies.refusal(), copies.unwanted()), (None, vec![2, 3]));
        let made = [fine(), fine(), Err(Reply::LOCAL_FAULT.into()), Err(Reply::LOCAL_FAULT.into())];
        let told = [Reply::OK, Reply::OK, Reply::RECIPIENT_CHANGED, Reply::RECIPIENT_CHANGED];
        assert_eq!(copies.verdicts(&made, &Reply::OK), told);
        copies.regard(&found(&[Err(Reply::LOCAL_FAULT), GONE, Ok(&["carl"]), GONE]));
        assert_eq!(copies.refusal(), Some(Reply::LOCAL_FAULT));
        assert_eq!(copies.verdicts(&[], &Reply::OK)[2], Reply::RECIPIENT_CHANGED, "gone stays gone");
    }

    #[test]
    fn over_smtp_nobody_is_bounced_for_another_who_is_gone() {
        let of = |found: &[Result<&[&str], Reply>]| Copies::of(self::found(found), Together::AllOrNone);
        assert_eq!(of(&[Ok(&["anna"]), Ok(&["bert"])]).refusal(), None);
        assert_eq!(of(&[GONE, GONE]).refusal(), Some(Reply::RECIPIENT_CHANGED));
        let copies = of(&[GONE, Ok(&["bert"])]);
        assert_eq!(copies.refusal(), Some(Reply::RECIPIENT_CHANGED));
        assert_eq!((copies.mailboxes.len(), copies.unwanted()), (1, vec![0]));
        // One is gone, an alias leads to those who are left, and who sends again reaches them.
        for names in [[&["anna"][..], &["anna", "bert"]], [&["anna", "bert"], &["anna"]]] {
            let mut copies = of(&names.map(Ok));
            let left = names.map(|names| if names.len() > 1 { Ok(&["bert"][..]) } else { GONE });
            copies.regard(&found(&left));
            assert_eq!(copies.refusal(), Some(Reply::RECIPIENT_CHANGED), "{names:?}");
        }
    }
}
