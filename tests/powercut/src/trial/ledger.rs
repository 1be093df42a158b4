//! The ledger: what the server has promised about each copy of each letter.
//!
//! Written by the clients as they get answers, read against what is there after a cut. Every letter
//! is sent once, so a second copy in a mailbox is always one too many.

use std::collections::{BTreeMap, HashMap};

/// What is known of one letter in one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    /// Sent, and no answer, or none that promises anything: may be there.
    Sent,
    /// 250: must be there.
    Kept,
    /// Marked, and QUIT sent: may be there.
    Leaving,
    /// QUIT was answered with +OK, or it was not there after a cut: must not be there.
    Gone,
}

/// All promises, and all that were broken.
#[derive(Debug, Default)]
pub struct Ledger {
    copies: BTreeMap<(String, String), Copy>,
    /// Copies that were acknowledged with 250.
    pub acknowledged: u64,
    /// Deletions that were acknowledged with +OK.
    pub deleted: u64,
    /// Copies without an answer when the power went.
    pub undecided: u64,
    violations: Vec<String>,
}

impl Ledger {
    /// `id` is about to be sent to `mailbox`.
    pub fn sent(&mut self, mailbox: &str, id: &str) {
        self.set(mailbox, id, Copy::Sent);
    }

    /// 250 for it.
    pub fn acknowledged(&mut self, mailbox: &str, id: &str) {
        self.acknowledged += 1;
        // A collector may have been faster than the answer to the sender.
        if self.get(mailbox, id) == Some(Copy::Sent) {
            self.set(mailbox, id, Copy::Kept);
        }
    }

    /// RETR gave it, whole.
    pub fn served(&mut self, mailbox: &str, id: &str) {
        match self.get(mailbox, id) {
            None => self.broken(format!("{mailbox}: a letter that nobody sent: {id}")),
            Some(Copy::Gone) => self.broken(format!("{mailbox}: came back after +OK: {id}")),
            Some(_) => {}
        }
    }

    /// QUIT is about to be sent, with `id` marked. DELE alone promises nothing and is not told.
    pub fn leaving(&mut self, mailbox: &str, id: &str) {
        self.set(mailbox, id, Copy::Leaving);
    }

    /// +OK for that QUIT.
    pub fn gone(&mut self, mailbox: &str, id: &str) {
        self.deleted += 1;
        self.set(mailbox, id, Copy::Gone);
    }

    /// After a cut: `found` is all that `mailbox` holds, each told by [`Self::served`] before. What
    /// may be is settled by what is.
    pub fn settle(&mut self, mailbox: &str, found: &[String]) {
        let mut wrong = Vec::new();
        let mut undecided = 0;
        let mut counts: HashMap<&str, usize> = HashMap::new();
        found.iter().for_each(|id| *counts.entry(id).or_default() += 1);
        for ((_, id), copy) in self.copies.iter_mut().filter(|((owner, _), _)| owner == mailbox) {
            let count = counts.get(id.as_str()).copied().unwrap_or(0);
            undecided += u64::from(matches!(copy, Copy::Sent | Copy::Leaving));
            if count > 1 {
                wrong.push(format!("{mailbox}: {count} times: {id}"));
            }
            if count == 0 && *copy == Copy::Kept {
                wrong.push(format!("{mailbox}: acknowledged and lost: {id}"));
            }
            // What the cut left lasts: there it must stay now, or it must stay away.
            *copy = if count == 0 { Copy::Gone } else { Copy::Kept };
        }
        self.undecided += undecided;
        wrong.into_iter().for_each(|what| self.broken(what));
    }

    /// Notes a broken promise.
    pub fn broken(&mut self, what: String) {
        self.violations.push(what);
    }

    /// The promises broken since the last call.
    pub fn take_violations(&mut self) -> Vec<String> {
        std::mem::take(&mut self.violations)
    }

    fn get(&self, mailbox: &str, id: &str) -> Option<Copy> {
        self.copies.get(&(mailbox.to_owned(), id.to_owned())).copied()
    }

    fn set(&mut self, mailbox: &str, id: &str, copy: Copy) {
        self.copies.insert((mailbox.to_owned(), id.to_owned()), copy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_after_a_cut(ledger: &mut Ledger, found: &[&str]) {
        found.iter().for_each(|id| ledger.served("a", id));
        ledger.settle("a", &found.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    }

    fn after(work: impl Fn(&mut Ledger), found: &[&str]) -> Vec<String> {
        let mut ledger = Ledger::default();
        work(&mut ledger);
        found_after_a_cut(&mut ledger, found);
        ledger.take_violations()
    }

    fn kept(ledger: &mut Ledger) {
        ledger.sent("a", "1");
        ledger.acknowledged("a", "1");
    }

    fn asked(ledger: &mut Ledger) {
        kept(ledger);
        ledger.leaving("a", "1");
    }

    fn removed(ledger: &mut Ledger) {
        asked(ledger);
        ledger.gone("a", "1");
    }

    #[test]
    fn each_promise_and_what_breaks_it() {
        type Work = fn(&mut Ledger);
        // Found 0, 1, 2 times: is it all right?
        let table: [(Work, [bool; 3]); 4] = [
            (|ledger| ledger.sent("a", "1"), [true, true, false]),
            (kept, [false, true, false]),
            (asked, [true, true, false]),
            (removed, [true, false, false]),
        ];
        for (row, (work, fine)) in table.into_iter().enumerate() {
            for (count, fine) in fine.into_iter().enumerate() {
                let violations = after(work, &["1", "1"][..count]);
                assert_eq!(violations.is_empty(), fine, "row {row}, {count} times: {violations:?}");
            }
        }
    }

    #[test]
    fn what_was_found_must_stay_and_what_was_not_must_not_come() {
        let mut ledger = Ledger::default();
        ["1", "2"].iter().for_each(|id| ledger.sent("a", id));
        found_after_a_cut(&mut ledger, &["1"]);
        assert_eq!(ledger.take_violations(), Vec::<String>::new());
        assert_eq!(ledger.undecided, 2);
        found_after_a_cut(&mut ledger, &["2"]);
        let violations = ledger.take_violations();
        assert_eq!(violations, ["a: came back after +OK: 2", "a: acknowledged and lost: 1"]);
    }

    #[test]
    fn a_stranger_and_another_mailbox_are_noticed() {
        assert_eq!(after(|_| {}, &["9"]), ["a: a letter that nobody sent: 9"]);
        let mut ledger = Ledger::default();
        ledger.sent("b", "1");
        ledger.acknowledged("b", "1");
        ledger.settle("a", &[]);
        assert!(ledger.take_violations().is_empty());
        ledger.settle("b", &[]);
        assert_eq!(ledger.take_violations().len(), 1);
    }

    #[test]
    fn a_collector_faster_than_the_250_is_no_way_back() {
        let mut ledger = Ledger::default();
        ledger.sent("a", "1");
        ledger.leaving("a", "1");
        ledger.gone("a", "1");
        ledger.acknowledged("a", "1");
        ledger.settle("a", &[]);
        assert!(ledger.take_violations().is_empty());
    }
}
