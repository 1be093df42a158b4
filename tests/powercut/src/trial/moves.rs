//! What is known of an old mailbox whose mail is brought over: which of it must be seen here, which must not,
//! and what an import that a cut broke off may have left.
//!
//! Knows no command and no connection: it is told what was done, and what a client sees.

use super::old::OldMailbox;

/// One message of the old server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// No import of it has ended well: all of these are here, or none.
    Coming,
    /// Exit status 0: must be here.
    Here,
    /// Marked, and QUIT sent: may be here.
    Leaving,
    /// QUIT was answered with +OK, or it was not here after a cut: must not be here.
    Gone,
}

/// One message as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By UIDL.
    pub unique_id: String,
    /// The name of the letter that RETR gave, or why it has none.
    pub letter: Result<String, String>,
}

/// An old mailbox and what has become of it here.
#[derive(Debug)]
pub struct Move {
    /// The account here.
    pub address: String,
    /// Its password.
    pub password: String,
    /// What is brought over.
    pub old: OldMailbox,
    known: Vec<Known>,
}

impl Move {
    /// Nothing of it is here yet.
    pub fn new(address: String, password: String, old: OldMailbox) -> Self {
        Self { address, password, old, known: Vec::new() }
    }

    /// An import of all that the old mailbox holds is about to begin.
    pub fn begins(&mut self) {
        self.known.resize(self.old.len(), Known::Coming);
    }

    /// It ended with exit status 0, and told these numbers.
    pub fn ended_well(&mut self, imported: usize, already: usize) -> Result<(), String> {
        let coming = self.count(Known::Coming);
        self.known.iter_mut().filter(|known| **known == Known::Coming).for_each(|known| *known = Known::Here);
        // One that was broken off behind its commit leaves nothing to an import that comes after a login.
        let fits = imported + already == self.old.len() && imported <= coming;
        let told = || format!("{}: {imported} imported and {already} already, {coming} wanted", self.address);
        if fits { Ok(()) } else { Err(told()) }
    }

    /// Whether no import has ended well.
    pub fn has_not_come(&self) -> bool {
        self.known.iter().all(|known| *known == Known::Coming)
    }

    /// Whether an import was begun and has not ended well.
    pub fn is_undecided(&self) -> bool {
        self.known.contains(&Known::Coming)
    }

    /// QUIT is about to be sent with these marked, by unique-id.
    pub fn leaving(&mut self, unique_ids: &[String]) {
        self.mark(unique_ids, Known::Leaving);
    }

    /// +OK for that QUIT.
    pub fn gone(&mut self, unique_ids: &[String]) {
        self.mark(unique_ids, Known::Gone);
    }

    /// A login was refused, with these words.
    pub fn refused(&self, answer: &str) -> Result<(), String> {
        if self.has_not_come() && answer.starts_with("-ERR [SYS/TEMP]") {
            return Ok(());
        }
        Err(format!("{}: refused after an import: {answer}", self.address))
    }

    /// All that a client sees, and what is wrong with it. What may be is settled by what is.
    pub fn judge(&mut self, seen: &[Seen]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut here = vec![false; self.known.len()];
        let mut last = None;
        for Seen { unique_id, letter } in seen {
            let Some(index) = self.old.index_of(unique_id).filter(|index| *index < here.len()) else {
                wrong.push(format!("{}: a unique-id that nobody gave: {unique_id}", self.address));
                continue;
            };
            if *letter != Ok(self.old.letter(index)) {
                wrong.push(format!("{}: served, but not whole: {letter:?}, {unique_id}", self.address));
            }
            if last >= Some(index) {
                wrong.push(format!("{}: not in the old order: {unique_id}", self.address));
            }
            last = Some(index);
            here[index] = true;
        }
        wrong.extend(self.settle(&here));
        wrong
    }

    fn settle(&mut self, here: &[bool]) -> Vec<String> {
        let mut wrong = Vec::new();
        let coming = self.count(Known::Coming);
        let come =
            self.known.iter().zip(here).filter(|(known, here)| **known == Known::Coming && **here).count();
        if come != 0 && come != coming {
            wrong.push(format!("{}: an import shows {come} of {coming} messages", self.address));
        }
        for (index, (known, here)) in self.known.iter_mut().zip(here).enumerate() {
            let unique_id = self.old.unique_id(index);
            match (*known, here) {
                (Known::Here, false) => {
                    wrong.push(format!("{}: imported and lost: {unique_id}", self.address))
                }
                (Known::Gone, true) => {
                    wrong.push(format!("{}: came back after +OK: {unique_id}", self.address))
                }
                _ => {}
            }
            *known = match (*known, here) {
                (_, true) => Known::Here,
                (Known::Coming, false) => Known::Coming,
                (_, false) => Known::Gone,
            };
        }
        wrong
    }

    fn mark(&mut self, unique_ids: &[String], as_known: Known) {
        for index in unique_ids.iter().filter_map(|id| self.old.index_of(id)) {
            if let Some(known) = self.known.get_mut(index) {
                *known = as_known;
            }
        }
    }

    fn count(&self, what: Known) -> usize {
        self.known.iter().filter(|known| **known == what).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A mailbox of three letters, an import of which has begun.
    fn begun() -> (tempfile::TempDir, Move) {
        let home = tempfile::tempdir().unwrap();
        let mut old = OldMailbox::make(home.path().to_owned(), "m").unwrap();
        (0..3).for_each(|_| old.receive(&mut Rng::new(1)).unwrap());
        let mut one = Move::new("a@example.org".into(), "x".into(), old);
        one.begins();
        (home, one)
    }

    fn seen(one: &Move, indexes: &[usize]) -> Vec<Seen> {
        let seen =
            |index: &usize| Seen { unique_id: one.old.unique_id(*index), letter: Ok(one.old.letter(*index)) };
        indexes.iter().map(seen).collect()
    }

    fn wrong(one: &mut Move, indexes: &[usize]) -> usize {
        let seen = seen(one, indexes);
        one.judge(&seen).len()
    }

    #[test]
    fn what_has_not_ended_well_is_here_whole_or_not_at_all() {
        let (_home, mut one) = begun();
        assert_eq!(one.refused("-ERR [SYS/TEMP] later"), Ok(()));
        assert!(one.refused("-ERR [AUTH] no").is_err());
        assert_eq!(wrong(&mut one, &[]), 0);
        assert!(one.is_undecided());
        assert_eq!(wrong(&mut one, &[0, 1, 2]), 0);
        assert!(one.refused("-ERR [SYS/TEMP] later").is_err(), "it was seen");
        assert_eq!(wrong(&mut one, &[0, 1]), 1, "it was seen, and stays");
        let (_home, mut one) = begun();
        assert_eq!(wrong(&mut one, &[0, 2]), 1, "a part");
    }

    #[test]
    fn what_ended_well_stays_and_what_was_deleted_stays_away() {
        let (_home, mut one) = begun();
        assert_eq!(one.ended_well(3, 0), Ok(()));
        assert_eq!(wrong(&mut one, &[0, 1, 2]), 0);
        let first = [one.old.unique_id(0)];
        one.leaving(&first);
        one.gone(&first);
        assert_eq!(one.ended_well(0, 3), Ok(()));
        assert!(one.ended_well(1, 2).is_err(), "imported again");
        assert_eq!(wrong(&mut one, &[1, 2]), 0);
        assert_eq!(wrong(&mut one, &[0, 1, 2]), 1);
    }

    #[test]
    fn newcomers_are_an_import_of_their_own() {
        let (_home, mut one) = begun();
        assert_eq!(one.ended_well(3, 0), Ok(()));
        (0..2).for_each(|_| one.old.receive(&mut Rng::new(2)).unwrap());
        one.begins();
        assert_eq!(wrong(&mut one, &[0, 1, 2]), 0);
        assert_eq!(wrong(&mut one, &[0, 1, 2, 3]), 1);
    }

    #[test]
    fn another_order_other_octets_and_strangers_are_noticed() {
        let (_home, mut one) = begun();
        assert_eq!(one.ended_well(3, 0), Ok(()));
        assert_eq!(wrong(&mut one, &[1, 0, 2]), 1);
        assert_eq!(wrong(&mut one, &[0, 1, 1, 2]), 1, "twice");
        let mut strange = seen(&one, &[0, 1, 2]);
        strange[1].letter = Ok("m-0".to_owned());
        assert_eq!(one.judge(&strange).len(), 1);
        strange.push(Seen { unique_id: "x".to_owned(), letter: Err("half".to_owned()) });
        assert_eq!(one.judge(&strange).len(), 2);
    }
}
