//! Who has a maildrop open in this server, and on what grounds: for the login that finds it in use.
//!
//! An administrator's change ends a session at its next command. One that is silent, or takes a message
//! drop by drop, says no command, and would keep its owner out of the maildrop all the while: it is told to
//! leave when the owner comes. Knows no maildrop and no password.

use crate::accounts::Grant;
use crate::mail::AccountAddress;
use crate::net::{SessionGuard, Shutdown};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sessions that have a maildrop open, by account.
#[derive(Default)]
pub struct Holders(Mutex<HashMap<AccountAddress, Arc<Holder>>>);

/// One of them.
pub(super) struct Holder {
    grant: Grant,
    leave: Shutdown,
}

/// A session's own entry, until it is dropped.
pub(super) struct Holding {
    holders: Arc<Holders>,
    holder: Arc<Holder>,
    /// Who has told it to leave waits for this to be dropped.
    _there: SessionGuard,
}

impl Holders {
    /// A session has opened the maildrop. `leave` tells it to give it up.
    pub(super) fn enter(self: &Arc<Self>, grant: Grant, leave: &Shutdown) -> Holding {
        let account = grant.account().clone();
        let holder = Arc::new(Holder { grant, leave: leave.clone() });
        self.table().insert(account, Arc::clone(&holder));
        Holding { holders: Arc::clone(self), holder, _there: leave.session() }
    }

    /// Who opened the maildrop of an account last, and is still there.
    pub(super) fn of(&self, account: &AccountAddress) -> Option<Arc<Holder>> {
        self.table().get(account).cloned()
    }

    fn table(&self) -> MutexGuard<'_, HashMap<AccountAddress, Arc<Holder>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    /// What it was let in by.
    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Tells it to leave, and waits until it has.
    pub(super) async fn send_away(&self) {
        self.leave.begin();
        self.leave.all_ended().await;
    }
}

impl Holding {
    /// The entry, as others see it.
    pub(super) fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut table = self.holders.table();
        let account = self.holder.grant.account();
        // Another session may have taken the maildrop over, and stands there now.
        if table.get(account).is_some_and(|holder| Arc::ptr_eq(holder, &self.holder)) {
            table.remove(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Verdict;
    use crate::mail::{Password, UserName};
    use crate::runtime::block_on;
    use crate::serve::testing::with_anna;
    use futures_lite::future;
    use std::pin::pin;

    fn grants() -> (AccountAddress, [Grant; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = with_anna(folder.path());
        let (user, password) = (UserName::parse("anna").unwrap(), Password::new("secret").unwrap());
        let granted = |_| match shared.accounts.verify(&user, &password).unwrap() {
            Verdict::Welcome(grant) => grant,
            other => panic!("no login: {other:?}"),
        };
        (anna, [0, 1].map(granted))
    }

    #[test]
    fn who_is_told_to_leave_is_waited_for() {
        let (anna, [grant, _]) = grants();
        let (holders, leave) = (Arc::new(Holders::default()), Shutdown::new());
        assert!(holders.of(&anna).is_none());
        let holding = holders.enter(grant, &leave);
        let holder = holders.of(&anna).unwrap();
        block_on(async {
            let mut sent_away = pin!(holder.send_away());
            assert!(future::poll_once(&mut sent_away).await.is_none());
            assert!(leave.has_begun());
            drop(holding);
            sent_away.await;
        });
        assert!(holders.of(&anna).is_none());
    }

    #[test]
    fn who_was_taken_over_leaves_the_entry_of_the_other() {
        let (anna, [first, second]) = grants();
        let holders = Arc::new(Holders::default());
        let taken_over = holders.enter(first, &Shutdown::new());
        let there = holders.enter(second, &Shutdown::new());
        drop(taken_over);
        assert!(Arc::ptr_eq(&holders.of(&anna).unwrap(), there.holder()));
    }
}
