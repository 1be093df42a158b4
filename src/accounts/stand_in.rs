//! What a login under a name that nobody has is shown and what it costs: what it would be with one of the
//! accounts, or whoever asks has a list of our users without a single password.
//!
//! Accounts differ: some have an old server's hash, some keys of another cost than today's. So each such name
//! has an account that stands in for it, always the same one, and the names are spread over all accounts.
//! Knows no password.

use super::password::{Credential, keyed_digest};
use super::{Accounts, Error};
use crate::limits;
use crate::mail::{AccountAddress, UserName};
use rusqlite::{Connection, OptionalExtension};

/// What a name that nobody has is taken for.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StandIn {
    /// The old server's hash of the account that stands in.
    pub imported: Option<String>,
    /// The cost and the length of that account's credential, with a salt that is the name's own and with keys
    /// that no password leads to.
    pub credential: Credential,
}

/// What is looked at of the account that stands in.
struct Account {
    imported: Option<String>,
    rounds: u32,
    salt_len: u32,
    domain: String,
}

/// The salt, the cost and the imported hash.
type Shown = (Vec<u8>, u32, Option<String>);

const LAST: &str = "SELECT max(id) FROM accounts";
/// Those behind a gap come up more often, which does no harm.
const NEXT: &str = "SELECT imported, rounds, length(salt), domain FROM accounts WHERE id > ?1
    ORDER BY id LIMIT 1";
/// Of those with one local part, the same one each time.
const NAMESAKE: &str = "SELECT imported, rounds, salt FROM accounts WHERE local_part = ?1
    ORDER BY id LIMIT 1";

impl StandIn {
    /// The cost of a wrong password: beside an imported hash, what would take its place is hashed at today's.
    pub fn rounds_of_a_login(&self, today: u32) -> u32 {
        if self.imported.is_some() { today } else { self.credential.rounds }
    }
}

impl Accounts {
    /// For a name that nobody has: the same as long as there is the account that stands in for it. A local part
    /// that several have means none of them, and shows what one of them shows: shown a third salt, it would tell
    /// that there is more than one.
    ///
    /// # Errors
    /// See [`Error`].
    pub(super) fn stand_in(&self, db: &Connection, user: &UserName) -> Result<StandIn, Error> {
        let mut name = user.as_str().to_lowercase();
        let namesake = namesake(db, &name)?;
        // A local part alone means an address, of which the same must be shown.
        if !name.contains('@')
            && let Some(account) = self.beside(db, &name)?
        {
            name = format!("{name}@{}", account.domain);
        }
        // Both forms of an international domain mean one address, too.
        if let Some(other) = AccountAddress::parse(&name).ok().and_then(|address| address.in_other_form()) {
            name = name.min(other.to_string());
        }
        let account = self.beside(db, &name)?.unwrap_or_else(|| Account {
            imported: None,
            rounds: self.rounds,
            salt_len: limits::SALT_LEN as u32,
            domain: String::new(),
        });
        // Made up in any case, or the time would tell.
        let made_up = (self.made_up_salt(&name, &account), account.rounds, account.imported);
        let (salt, rounds, imported) = namesake.unwrap_or(made_up);
        let credential = Credential {
            salt,
            // A damaged one makes no login cost minutes.
            rounds: rounds.clamp(1, limits::PBKDF2_ROUNDS_MAX),
            stored_key: self.made_up(&[b"stored key", b"\0", name.as_bytes()]),
            server_key: self.made_up(&[b"server key", b"\0", name.as_bytes()]),
        };
        Ok(StandIn { imported, credential })
    }

    /// The account that stands in for a name; `None` when there is no account at all.
    fn beside(&self, db: &Connection, name: &str) -> Result<Option<Account>, Error> {
        let digest = self.made_up(&[b"stand-in", b"\0", name.as_bytes()]);
        let key = digest.iter().take(8).fold(0, |key, octet| key << 8 | u64::from(*octet));
        let last: Option<i64> = db.prepare_cached(LAST)?.query_row((), |row| row.get(0))?;
        let before = one_of(last.unwrap_or(0), key);
        let mut next = db.prepare_cached(NEXT)?;
        let account = next.query_row((before,), |row| {
            Ok(Account {
                imported: row.get(0)?,
                rounds: row.get(1)?,
                salt_len: row.get(2)?,
                domain: row.get(3)?,
            })
        });
        Ok(account.optional()?)
    }

    /// Of another cost, a name has another salt, as an account has that is hashed anew.
    fn made_up_salt(&self, name: &str, account: &Account) -> Vec<u8> {
        let rounds = account.rounds.to_be_bytes();
        let block = |number: u64| {
            self.made_up(&[b"salt", b"\0", name.as_bytes(), b"\0", &rounds, &number.to_be_bytes()])
        };
        (0..).flat_map(block).take(account.salt_len as usize).collect()
    }

    fn made_up(&self, parts: &[&[u8]]) -> [u8; 32] {
        keyed_digest(&self.seed, parts)
    }
}

/// Of an account with this local part. An address is none.
fn namesake(db: &Connection, name: &str) -> Result<Option<Shown>, Error> {
    let mut query = db.prepare_cached(NAMESAKE)?;
    let found = query.query_row((name,), |row| Ok((row.get(2)?, row.get(1)?, row.get(0)?)));
    Ok(found.optional()?)
}

/// A number from 0 on and below `count`, so that one more of them takes its share of the keys, and all other
/// keys stay where they are: a new account must not change what is shown for every name that nobody has
/// (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014).
fn one_of(count: i64, mut key: u64) -> i64 {
    let (mut chosen, mut next) = (0, 0);
    while next < count {
        chosen = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let stretch = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((chosen + 1) as f64 * stretch) as i64;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::scheme::Secret;
    use super::super::testing::{Fixture, ROUNDS, Said, address, password, said, user};
    use super::super::{Admission, ScramCredential};
    use super::*;

    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

    fn shown(accounts: &Accounts, name: &str) -> ScramCredential {
        accounts.scram(&user(name)).unwrap()
    }

    fn of(accounts: &Accounts, name: &str) -> StandIn {
        accounts.store.read(|db| accounts.stand_in(db, &user(name))).unwrap()
    }

    fn strangers() -> Vec<String> {
        (0..100).map(|at| format!("stranger{at}@x.org")).collect()
    }

    fn set(accounts: &Accounts, sql: &str) {
        accounts.store.write::<_, Error>(|db| Ok(db.execute(sql, ())?)).unwrap();
    }

    #[test]
    fn names_that_nobody_has_are_shown_what_accounts_are_shown() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["a@x.org", "b@x.org", "c@x.org", "d@x.org"]);
        // As keys of SCRAM-SHA-256 that came from elsewhere: cheaper, and with another salt.
        set(
            &accounts,
            "UPDATE accounts SET rounds = 5000, salt = zeroblob(40) WHERE local_part IN ('a', 'b')",
        );
        let of_accounts = ["a@x.org", "c@x.org"].map(|name| shown(&accounts, name));
        let kinds = of_accounts.map(|shown| (shown.rounds, shown.salt.len()));
        assert_eq!(kinds, [(5000, 40), (ROUNDS, limits::SALT_LEN)]);
        let mut counts = [0; 2];
        for name in strangers() {
            let shown = shown(&accounts, &name);
            let kind = kinds.iter().position(|kind| *kind == (shown.rounds, shown.salt.len()));
            counts[kind.expect("what no account has")] += 1;
            assert!(shown.account.is_none());
        }
        assert!(counts.iter().all(|count| *count > 20), "half of the accounts each: {counts:?}");
        set(&accounts, "UPDATE accounts SET rounds = 5000");
        assert_eq!(of(&accounts, "stranger").rounds_of_a_login(ROUNDS), 5000);
        set(&accounts, "UPDATE accounts SET imported = '{SHA}x'");
        assert_eq!(of(&accounts, "stranger").rounds_of_a_login(ROUNDS), ROUNDS);
    }

    #[test]
    fn a_name_always_shows_the_same_and_its_local_part_alone_too() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["a@x.org", "b@x.org", "c@x.org", "d@x.org"]);
        set(&accounts, "UPDATE accounts SET rounds = 5000 WHERE local_part = 'a'");
        let again = fixture.open();
        for name in strangers() {
            let first = of(&accounts, &name);
            assert!(first == of(&again, &name.to_uppercase()), "after a restart, too");
            // anna and anna@x.org show the same salt: so must a name that nobody has.
            assert!(first == of(&accounts, name.strip_suffix("@x.org").unwrap()), "{name}");
        }
        assert!(of(&accounts, "carl@bücher.org") == of(&accounts, "Carl@xn--bcher-kva.org"));
        let salts: std::collections::HashSet<_> =
            strangers().iter().map(|name| shown(&accounts, name).salt).collect();
        assert_eq!(salts.len(), 100, "each its own");
    }

    #[test]
    fn a_local_part_that_two_have_shows_what_one_of_them_shows_and_lets_nobody_in() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["anna@x.org", "anna@y.org", "bert@x.org"]);
        set(&accounts, "UPDATE accounts SET rounds = 5000 WHERE local_part = 'anna' AND domain = 'x.org'");
        let [first, second, both] = ["anna@x.org", "anna@y.org", "Anna"].map(|name| shown(&accounts, name));
        assert_eq!((&both.salt, both.rounds), (&first.salt, 5000), "as if there were one alone");
        assert_ne!(both.salt, second.salt);
        assert!(both.account.is_none());
        assert!(both.stored_key != first.stored_key && both.server_key != first.server_key);
        assert_eq!(of(&accounts, "anna").rounds_of_a_login(ROUNDS), 5000);
        set(&accounts, "UPDATE accounts SET imported = '{SHA}x' WHERE domain = 'x.org'");
        assert!(of(&accounts, "anna").imported.is_some());
    }

    #[test]
    fn a_new_account_changes_little_and_one_that_is_hashed_anew_changes_the_salt_too() {
        let fixture = Fixture::new();
        let accounts = fixture.with(&["a@x.org", "b@x.org", "c@x.org", "d@x.org"]);
        let all = || strangers().iter().map(|name| of(&accounts, name)).collect::<Vec<_>>();
        let before = all();
        accounts.add(&address("e@x.org"), &password("secret")).unwrap();
        assert!(all() == before, "its cost is that of the others");
        set(&accounts, "UPDATE accounts SET rounds = 5000 WHERE local_part = 'e'");
        let after = all();
        let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!((1..50).contains(&changed.len()), "a fifth of them, {}", changed.len());
        assert!(changed.iter().all(|(before, after)| before.credential.salt != after.credential.salt));
    }

    #[test]
    fn names_that_nobody_has_cost_what_the_accounts_cost() {
        let fixture = Fixture::new();
        let accounts = fixture.open();
        let nobodys = of(&accounts, "nobody");
        assert_eq!(
            (nobodys.imported, nobodys.credential.rounds),
            (None, ROUNDS),
            "there is no account at all"
        );
        let secret = Secret::parse(BCRYPT.as_bytes(), "").unwrap();
        for at in 0..4 {
            accounts.add_with(&address(&format!("old{at}@x.org")), &secret, Admission::default()).unwrap();
        }
        let imported = || strangers().iter().filter(|name| of(&accounts, name).imported.is_some()).count();
        assert_eq!(imported(), 100);
        for at in 0..4 {
            accounts.add(&address(&format!("own{at}@x.org")), &password("secret")).unwrap();
        }
        assert!((20..80).contains(&imported()), "half of the accounts, {} of the strangers", imported());
        assert_eq!(said(&accounts, "stranger1", "secret"), Said::Wrong);
        for at in 0..4 {
            assert_ne!(said(&accounts, &format!("old{at}"), "secret"), Said::Wrong);
        }
        assert_eq!(imported(), 0, "none is left");
    }

    #[test]
    fn numbers_are_chosen_evenly_and_stay_when_there_is_one_more() {
        let keys = || (0..10_000_u64).map(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for count in [1, 2, 3, 10, 100] {
            let mut hits = vec![0; count];
            for key in keys() {
                let chosen = one_of(count as i64, key);
                hits[chosen as usize] += 1;
                let with_one_more = one_of(count as i64 + 1, key);
                assert!(with_one_more == chosen || with_one_more == count as i64, "{chosen} {with_one_more}");
            }
            let share = 10_000 / count;
            assert!(hits.iter().all(|hits| (share / 2..=share * 2).contains(hits)), "{count}: {hits:?}");
        }
        assert_eq!(one_of(0, 7), 0);
    }
}
