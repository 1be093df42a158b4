//! What a session was let in by, and whether that still stands: an administrator's change counts at once, for
//! who is logged in already too.
//!
//! Knows the account's row and no session.

use super::sqlite::Version;
use super::{Accounts, Error, Login};
use crate::limits;
use crate::mail::AccountAddress;
use rusqlite::OptionalExtension;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a login was granted by: this account, with this password.
///
/// It stands as long as the account is there, is enabled and has that credential. An account that was removed
/// and made again is another one.
pub struct Grant {
    id: i64,
    account: AccountAddress,
    stored_key: [u8; 32],
    is_first: bool,
    seen: Mutex<Seen>,
}

/// As it was when it was looked at last.
struct Seen {
    /// The state of the database; `None`: the grant did not stand, or there is nothing to know the state by.
    as_of: Option<Version>,
    at: Instant,
    /// What was found in the place of the stored key.
    successor: Option<[u8; 32]>,
}

/// What took the place of stored keys that were hashed anew, by the old ones: that changes no password.
///
/// One step leads to what is stored now: within one run of the server a credential of today's cost is never
/// hashed anew.
#[derive(Default)]
pub(super) struct Successors(Mutex<Generations>);

/// The younger ones become the older ones when they are many, and those go: a grant that is looked at meanwhile
/// has its successor noted in itself. Were all forgotten at once, sessions that nobody touched would end.
#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], [u8; 32]>,
    old: HashMap<[u8; 32], [u8; 32]>,
}

impl Accounts {
    /// Whether a grant stands, for who must not wait. `false` means no more than that [`Accounts::stands`] is to
    /// be asked: the database has changed, by anybody's doing. Where that cannot be known without waiting
    /// it stands for [`limits::GRANT_TRUSTED_FOR`] since it was looked at.
    pub fn stands_at_hand(&self, grant: &Grant) -> bool {
        if self.store.must_wait() {
            let seen = grant.seen();
            return seen.as_of.is_some() && seen.at.elapsed() < limits::GRANT_TRUSTED_FOR;
        }
        let now = self.store.version_at_hand();
        now.is_some() && now == grant.seen().as_of
    }

    /// Whether a grant stands.
    ///
    /// # Errors
    /// See [`Error`]; nothing is known then.
    pub fn stands(&self, grant: &Grant) -> Result<bool, Error> {
        let began = Instant::now();
        let (found, as_of) = self.store.read(|db| {
            let mut query = db.prepare_cached("SELECT stored_key, enabled FROM accounts WHERE id = ?1")?;
            let found = query.query_row((grant.id,), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            Ok((found, self.store.version()))
        })?;
        let mut seen = grant.seen();
        let stands = found.is_some_and(|(key, enabled)| {
            // Kept here, it need not be remembered elsewhere any more.
            seen.successor = self.successors.of(&grant.stored_key).or(seen.successor);
            enabled && (key == grant.stored_key || seen.successor == Some(key))
        });
        // A grant that has ended is asked about each time: the account may be enabled again.
        seen.as_of = as_of.filter(|_| stands);
        seen.at = began;
        Ok(stands)
    }
}

impl Grant {
    /// As `login` was found in the state `as_of`.
    pub(super) fn of(login: Login, as_of: Option<Version>) -> Self {
        let Login { id, address: account, credential, has_logged_in, .. } = login;
        let seen = Mutex::new(Seen { as_of, at: Instant::now(), successor: None });
        Self { id, account, stored_key: credential.stored_key, is_first: !has_logged_in, seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no login of the account was written down when this one was granted; see
    /// [`Accounts::note_first_login`].
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whose it is.
    pub fn account(&self) -> &AccountAddress {
        &self.account
    }
}

impl Successors {
    /// Notes what takes the place of a stored key.
    pub fn note(&self, old: [u8; 32], new: [u8; 32]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.young.len() >= limits::SUCCESSORS_MAX / 2 {
            noted.old = std::mem::take(&mut noted.young);
        }
        noted.young.insert(old, new);
    }

    fn of(&self, old: &[u8; 32]) -> Option<[u8; 32]> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.young.get(old).or_else(|| noted.old.get(old)).copied()
    }
}

/// Tells nothing of the key.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grant").field(&self.account).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, ROUNDS, address, password, user};
    use super::super::{Admission, Recognition, Verdict};
    use super::*;
    use crate::accounts::scheme::Secret;
    use crate::mail::Bytes;
    use std::time::{Duration, SystemTime};

    fn granted(accounts: &Accounts, secret: &str) -> Grant {
        match accounts.verify(&user("anna"), &password(secret)).unwrap() {
            Verdict::Welcome(grant) => grant,
            other => panic!("no login: {other:?}"),
        }
    }

    fn recognised(accounts: &Accounts) -> Grant {
        match accounts.recognise(&user("anna"), &password("secret")).unwrap() {
            Recognition::Known(grant) => grant,
            Recognition::Unknown => panic!("not known"),
        }
    }

    fn proved(accounts: &Accounts) -> Grant {
        let shown = accounts.scram(&user("anna")).unwrap();
        match accounts.confirm(&user("anna"), &shown.stored_key).unwrap() {
            Verdict::Welcome(grant) => grant,
            other => panic!("no login: {other:?}"),
        }
    }

    #[test]
    fn a_grant_ends_with_the_account_with_its_password_and_while_it_is_disabled() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
        let anna = address("anna@x.org");
        let first = [granted(&server, "secret"), recognised(&server), proved(&server)];
        let stand = |grants: &[Grant]| {
            let asked: Vec<bool> = grants.iter().map(|grant| server.stands(grant).unwrap()).collect();
            assert!(asked.iter().all(|stands| *stands == asked[0]), "whatever the way of the login");
            asked[0]
        };
        assert!(stand(&first));
        command.set_enabled(&anna, false).unwrap();
        assert!(!stand(&first));
        command.set_enabled(&anna, true).unwrap();
        assert!(stand(&first), "nothing has happened to the password");
        command.set_password(&anna, &password("fresh")).unwrap();
        assert!(!stand(&first));
        let second = [granted(&server, "fresh")];
        assert!(stand(&second));
        command.remove(&anna).unwrap();
        assert!(!stand(&second));
        command.add(&anna, &password("fresh")).unwrap();
        assert!(!stand(&second), "another account of the same name");
    }

    #[test]
    fn only_a_change_makes_anybody_ask() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
        let anna = address("anna@x.org");
        for grant in [granted(&server, "secret"), recognised(&server), proved(&server)] {
            assert!(server.stands_at_hand(&grant));
        }
        let grant = granted(&server, "secret");
        command.set_quota(&anna, Some(Bytes(10))).unwrap();
        server.record_logins(&[(anna.clone(), SystemTime::now())]).unwrap();
        assert!(!server.stands_at_hand(&grant), "it might be anything");
        assert!(server.stands(&grant).unwrap(), "it was nothing");
        assert!(server.stands_at_hand(&grant));
        command.set_enabled(&anna, false).unwrap();
        assert!(!server.stands_at_hand(&grant) && !server.stands(&grant).unwrap());
        assert!(!server.stands_at_hand(&grant), "and so it stays");
    }

    #[test]
    fn where_every_look_may_wait_a_grant_is_looked_at_now_and_then() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
        server.store.make_wait();
        let grant = granted(&server, "secret");
        // Later than any delay of this test's.
        grant.seen().at += Duration::from_secs(3600);
        assert!(server.stands_at_hand(&grant), "or each command would be a transaction");
        grant.seen().at = Instant::now().checked_sub(limits::GRANT_TRUSTED_FOR).unwrap();
        let before = Instant::now();
        assert!(!server.stands_at_hand(&grant) && server.stands(&grant).unwrap());
        assert!(grant.seen().at >= before && grant.seen().as_of.is_some());
        command.set_enabled(&address("anna@x.org"), false).unwrap();
        assert!(!server.stands(&grant).unwrap());
        assert!(!server.stands_at_hand(&grant), "one that has ended is never trusted");
    }

    #[test]
    fn a_password_that_was_changed_while_it_was_verified_grants_nothing_for_long() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.with(&["anna@x.org"]), fixture.open());
        let verified = granted(&server, "secret");
        command.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
        assert!(!server.stands_at_hand(&verified) && !server.stands(&verified).unwrap());
    }

    #[test]
    fn a_credential_that_is_hashed_anew_is_the_same_password() {
        let fixture = Fixture::new();
        fixture.with(&["anna@x.org"]);
        let dearer = Accounts::open(&fixture.file(), ROUNDS + 1).unwrap();
        let before = proved(&dearer);
        let hashed = granted(&dearer, "secret");
        dearer.record_logins(&[]).unwrap();
        assert!(!dearer.has_rehashed() && !dearer.stands_at_hand(&hashed), "it was written");
        assert!(dearer.stands(&hashed).unwrap() && dearer.stands(&before).unwrap());
        dearer.set_password(&address("anna@x.org"), &password("secret")).unwrap();
        assert!(!dearer.stands(&hashed).unwrap(), "an administrator's hash is another one");
    }

    #[test]
    fn the_first_login_with_an_imported_hash_stands() {
        for hash in ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{SSHA}pYXRaU9HR2QKBind2xhErqwKjoSS/7Qx"] {
            let fixture = Fixture::new();
            let accounts = fixture.open();
            let secret = Secret::parse(hash.as_bytes(), "anna").unwrap();
            accounts.add_with(&address("anna@x.org"), &secret, Admission::default()).unwrap();
            let first = granted(&accounts, "secret");
            assert_eq!(accounts.list().unwrap()[0].credential, "pbkdf2-sha256", "replaced already");
            assert!(accounts.stands(&first).unwrap());
        }
    }

    fn numbered(number: usize) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn what_is_noted_of_successors_is_bounded_and_the_older_half_goes() {
        let successors = Successors::default();
        for number in 0..=limits::SUCCESSORS_MAX {
            successors.note(numbered(number), numbered(number + 1));
        }
        let left = (0..=limits::SUCCESSORS_MAX)
            .filter(|number| successors.of(&numbered(*number)) == Some(numbered(number + 1)));
        let half = limits::SUCCESSORS_MAX / 2;
        assert!(left.eq(half..=limits::SUCCESSORS_MAX));
    }

    #[test]
    fn a_session_that_was_looked_at_outlives_what_is_forgotten_of_its_credential() {
        let fixture = Fixture::new();
        fixture.with(&["anna@x.org"]);
        let dearer = Accounts::open(&fixture.file(), ROUNDS + 1).unwrap();
        let hashed = granted(&dearer, "secret");
        dearer.record_logins(&[]).unwrap();
        assert!(dearer.stands(&hashed).unwrap());
        for number in 0..=limits::SUCCESSORS_MAX {
            dearer.successors.note(numbered(number), numbered(number));
        }
        assert!(dearer.stands(&hashed).unwrap(), "nobody has touched the account");
        dearer.set_password(&address("anna@x.org"), &password("fresh")).unwrap();
        assert!(!dearer.stands(&hashed).unwrap());
    }
}
