//! Addresses that are refused for a while, kept over a restart. Whom to ban is decided in `net`.

use super::sqlite::Version;
use super::{Accounts, Ban, Error, moment, seconds};
use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::SystemTime;

impl Accounts {
    /// Writes a ban down, in the place of an older one for the same address. Bans that have run out
    /// are forgotten on the way.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn ban(&self, ban: &Ban) -> Result<(), Error> {
        self.store.write(|db| {
            db.execute("DELETE FROM bans WHERE until <= ?1", (seconds(SystemTime::now()),))?;
            db.execute(
                "INSERT INTO bans (address, until) VALUES (?1, ?2)
                 ON CONFLICT (address) DO UPDATE SET until = excluded.until",
                (ban.address.to_string(), seconds(ban.until)),
            )?;
            Ok(())
        })
    }

    /// `false` when that address was not banned.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn lift_ban(&self, address: IpAddr) -> Result<bool, Error> {
        self.store
            .write(|db| Ok(db.execute("DELETE FROM bans WHERE address = ?1", (address.to_string(),))? > 0))
    }

    /// Whether anybody has written to the database since the bans were read, for who must not wait. Says so
    /// once for each change: who is told shall read them.
    pub fn bans_may_have_changed(&self) -> bool {
        let version = self.store.version_at_hand();
        version.is_some() && self.note_bans(version)
    }

    /// Whether that is another state than the one noted before.
    fn note_bans(&self, version: Option<Version>) -> bool {
        let mut read = self.bans_read.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *read, version) != version
    }

    /// Those that still hold at `now`, in the order of their addresses.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn bans(&self, now: SystemTime) -> Result<Vec<Ban>, Error> {
        self.note_bans(self.store.version());
        let mut bans = self.store.read(|db| {
            let mut query = db.prepare_cached("SELECT address, until FROM bans WHERE until > ?1")?;
            let mut rows = query.query((seconds(now),))?;
            let mut bans = Vec::new();
            while let Some(row) = rows.next()? {
                let text: String = row.get(0)?;
                let address =
                    text.parse().map_err(|_| Error::Damaged(format!("{text} is not an IP address")))?;
                bans.push(Ban { address, until: moment(row.get(1)?) });
            }
            Ok(bans)
        })?;
        bans.sort_by_key(|ban| ban.address);
        Ok(bans)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_ban_holds_until_its_end_and_over_a_restart() {
        let fixture = Fixture::new();
        let accounts = fixture.open();
        let now = moment(seconds(SystemTime::now()));
        let ban = |address: &str, minutes: u64| Ban {
            address: address.parse().unwrap(),
            until: now + Duration::from_secs(minutes * 60),
        };
        for ban in [ban("192.0.2.10", 60), ban("2001:db8::", 10), ban("192.0.2.9", 10), ban("192.0.2.9", 30)]
        {
            accounts.ban(&ban).unwrap();
        }
        let reopened = fixture.open();
        let found = reopened.bans(now).unwrap();
        assert_eq!(found, [ban("192.0.2.9", 30), ban("192.0.2.10", 60), ban("2001:db8::", 10)]);
        let later = reopened.bans(now + Duration::from_secs(1800)).unwrap();
        assert_eq!(later, [ban("192.0.2.10", 60)]);
    }

    #[test]
    fn a_ban_is_lifted_once() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.open(), fixture.open());
        let address = "192.0.2.9".parse().unwrap();
        let until = SystemTime::now() + Duration::from_secs(60);
        server.ban(&Ban { address, until }).unwrap();
        assert!(command.lift_ban(address).unwrap());
        assert!(!command.lift_ban(address).unwrap());
        assert!(server.bans(SystemTime::now()).unwrap().is_empty());
    }

    #[test]
    fn bans_that_have_run_out_are_forgotten() {
        let fixture = Fixture::new();
        let accounts = fixture.open();
        let ban = |n: u8, until| Ban { address: [192, 0, 2, n].into(), until };
        accounts.ban(&ban(1, moment(1))).unwrap();
        accounts.ban(&ban(2, SystemTime::now() + Duration::from_secs(60))).unwrap();
        let all: Vec<_> = accounts.bans(moment(0)).unwrap().iter().map(|ban| ban.address).collect();
        assert_eq!(all, [IpAddr::from([192, 0, 2, 2])]);
    }

    #[test]
    fn a_change_by_anybody_is_told_once() {
        let fixture = Fixture::new();
        let (server, command) = (fixture.open(), fixture.open());
        assert!(server.bans(moment(0)).unwrap().is_empty());
        if server.store.version_at_hand().is_none() {
            return; // A disk that cannot be asked without waiting (tmpfs): the clockwork reads them.
        }
        assert!(!server.bans_may_have_changed());
        command.ban(&Ban { address: [192, 0, 2, 1].into(), until: moment(1) }).unwrap();
        assert_eq!([(); 2].map(|()| server.bans_may_have_changed()), [true, false]);
        command.lift_ban([192, 0, 2, 1].into()).unwrap();
        server.bans(moment(0)).unwrap();
        assert!(!server.bans_may_have_changed(), "read since");
    }
}
