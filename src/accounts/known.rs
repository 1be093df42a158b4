//! Where addresses led lately: a sender that brings a hundred messages asks a hundred times, and the
//! answer changes only with the database.
//!
//! In memory only. Each answer belongs to one state of the file; SQLite's own counter of changes, which
//! every process that writes moves on, tells whether that is still the state. So nothing has to be told
//! to this memory, by no process.

use super::Mailbox;
use super::sqlite::Version;
use crate::limits;
use crate::mail::{Domain, ForwardPath};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was found in one state of the database, for one host name.
#[derive(Default)]
pub(super) struct Known(Mutex<Option<State>>);

struct State {
    version: Version,
    hostname: Domain,
    leads: HashMap<ForwardPath, Vec<Mailbox>>,
}

impl Known {
    /// Where a path leads, if that was found in this very state of the database.
    pub fn get(&self, version: &Version, to: &ForwardPath, hostname: &Domain) -> Option<Vec<Mailbox>> {
        let state = self.lock();
        let state = state.as_ref().filter(|state| state.is(version, hostname))?;
        state.leads.get(to).cloned()
    }

    /// Remembers where a path led. What leads nowhere is not kept: names that strangers made up would
    /// drive the others out.
    pub fn keep(&self, version: Version, to: &ForwardPath, hostname: &Domain, mailboxes: &[Mailbox]) {
        if mailboxes.len() > limits::KNOWN_MAILBOXES_MAX {
            return; // One look-up is little beside so many copies.
        }
        let mut state = self.lock();
        let usable =
            |state: &State| state.is(&version, hostname) && state.leads.len() < limits::KNOWN_RECIPIENTS_MAX;
        let mut kept = state.take().filter(usable).unwrap_or_else(|| State {
            version,
            hostname: hostname.clone(),
            leads: HashMap::new(),
        });
        kept.leads.insert(to.clone(), mailboxes.to_vec());
        *state = Some(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is(&self, version: &Version, hostname: &Domain) -> bool {
        self.version == *version && self.hostname == *hostname
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::*;
    use crate::mail::{Address, ForwardPath};

    fn to(text: &str) -> ForwardPath {
        ForwardPath::Address(Address::parse(text).unwrap())
    }

    fn host() -> Domain {
        Domain::parse("mail.example.org").unwrap()
    }

    fn names(mailboxes: Option<Vec<Mailbox>>) -> Option<Vec<String>> {
        let name = |mailbox: Mailbox| mailbox.address.local_part().to_owned();
        mailboxes.map(|mailboxes| mailboxes.into_iter().map(name).collect())
    }

    #[test]
    fn an_answer_is_known_once_it_was_given() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@example.org"]);
        let anna = to("anna@example.org");
        assert_eq!(accounts.known(&anna, &host()), None);
        accounts.resolve(&anna, &host()).unwrap().unwrap();
        assert_eq!(names(accounts.known(&anna, &host())), Some(vec!["anna".to_owned()]));
        let other_host = Domain::parse("other.example.org").unwrap();
        assert_eq!(accounts.known(&anna, &other_host), None, "another host name is another question");
    }

    #[test]
    fn who_leads_nowhere_is_asked_for_each_time() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@example.org"]);
        let nobody = to("nobody@example.org");
        assert!(accounts.resolve(&nobody, &host()).unwrap().is_err());
        assert_eq!(accounts.known(&nobody, &host()), None);
    }

    #[test]
    fn a_change_by_any_process_counts_at_once() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@example.org", "bert@example.org"]);
        let command = fixture.open();
        let info = to("info@example.org");
        for target in ["anna", "bert", "anna"] {
            let targets = [address(&format!("{target}@example.org"))];
            command.add_alias(&alias("info@example.org"), &targets).unwrap();
            assert_eq!(accounts.known(&info, &host()), None, "a change before {target}");
            accounts.resolve(&info, &host()).unwrap().unwrap();
            assert_eq!(names(accounts.known(&info, &host())), Some(vec![target.to_owned()]));
            command.remove_alias(&alias("info@example.org")).unwrap();
            assert_eq!(accounts.known(&info, &host()), None);
            assert!(accounts.resolve(&info, &host()).unwrap().is_err());
        }
    }

    #[test]
    fn a_quota_that_changed_is_seen_by_the_process_that_changed_it() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@example.org"]);
        let anna = to("anna@example.org");
        for quota in [Some(Bytes(10)), None, Some(Bytes(20))] {
            accounts.set_quota(&address("anna@example.org"), quota).unwrap();
            accounts.resolve(&anna, &host()).unwrap().unwrap();
            let known = accounts.known(&anna, &host()).unwrap();
            assert_eq!(known[0].quota, quota);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@example.org"]);
        let paths = |number| to(&format!("anna+{number}@example.org"));
        let version = accounts.store.version().unwrap();
        let anna = Mailbox { address: address("anna@example.org"), quota: None };
        for number in 0..=limits::KNOWN_RECIPIENTS_MAX {
            accounts.known.keep(version, &paths(number), &host(), std::slice::from_ref(&anna));
        }
        let kept = accounts.known.0.lock().unwrap().as_ref().unwrap().leads.len();
        assert_eq!(kept, 1, "begun anew");
        let many = vec![anna; limits::KNOWN_MAILBOXES_MAX + 1];
        accounts.known.keep(version, &paths(0), &host(), &many);
        assert_eq!(accounts.known.get(&version, &paths(0), &host()), None);
    }
}
