//! Messages that their owner has deleted at the old server under our eyes: they are never to come over,
//! whatever it lists.
//!
//! Written down by itself and before anything is pulled: the pull may come in another session, or after a
//! restart.

use super::staging::Staging;
use super::{Failure, Landing};
use crate::import::Tag;
use crate::mail::{AccountAddress, UniqueId};
use crate::maildrop::disk::Disk;
use crate::maildrop::ledger::Ledger;
use crate::maildrop::moving;

impl<D: Disk> Landing<D> {
    /// Notes these unique-ids of the mailbox `tag` in the ledger, as if the messages had come over and were
    /// deleted since; without a tag, of any mailbox. For good when this returns; messages that an earlier
    /// import has staged stay there for the next one.
    ///
    /// # Errors
    /// `Running` while an import of this account is; `InUse`, `Disk`.
    pub fn bury(
        &self,
        account: &AccountAddress,
        gone: &[UniqueId],
        tag: Option<&Tag>,
    ) -> Result<(), Failure> {
        self.tree.for_delivery(account, "new")?;
        let folders = self.tree.existing_folders(account)?;
        let disk = &self.tree.disk;
        let mut staging = Staging::open(disk, &folders, false)?;
        // It has a ledger of its own, which would take the place of this one.
        if moving::committed(&staging.folder)?.is_some() {
            if !self.publish(account, &folders, &staging)? {
                return Err(Failure::InUse);
            }
            drop(staging); // Or it would keep itself out.
            staging = Staging::open(disk, &folders, false)?;
        }
        let mut ledger = Ledger::load(&folders.root)?;
        if ledger.bury(gone, tag.map(Tag::as_str)) {
            moving::replace_ledger(disk, &folders.root, &staging.folder, &ledger)?;
        }
        self.give_up(&folders, &staging);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Here, Mailbox};
    use super::*;
    use crate::import::Provenance;
    use crate::maildrop::twin::{Fails, Twin};
    use nix::errno::Errno;

    fn ids(ids: &[&str]) -> Vec<UniqueId> {
        ids.iter().map(|id| UniqueId::parse(id).unwrap()).collect()
    }

    fn shown(here: &Here) -> Vec<String> {
        here.seen().unwrap().iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn what_was_deleted_at_the_old_server_under_our_eyes_never_comes() {
        let here = Here::new();
        let bury = |gone: &[&str]| here.landing(Twin::sound()).bury(&Here::anna(), &ids(gone), None).unwrap();
        bury(&["old-2", "not-listed"]);
        assert!(!here.path("restante-import").exists());
        let first = here.import(&mut Mailbox::numbered(3)).unwrap();
        assert_eq!((first.imported, first.already), (2, 1));
        assert_eq!(shown(&here), ["old-1", "old-3"]);
        bury(&["old-4", "old-1"]);
        let mut later = Mailbox::numbered(4);
        later.messages.extend(Mailbox::of(&[(b"not-listed", b"x\r\n")]).messages);
        assert_eq!(here.import(&mut later).unwrap().imported, 0);
        assert_eq!(shown(&here), ["old-1", "old-3"], "what is here is not taken away");
    }

    /// The same unique-id of another mailbox is another message, and nothing is known of its text.
    #[test]
    fn what_was_deleted_in_one_mailbox_keeps_nothing_of_another_away() {
        let here = Here::new();
        let provenance = |host: &str| Provenance::Behind { host: host.to_owned(), port: None };
        let of = |host: &str, count| Mailbox { provenance: provenance(host), ..Mailbox::numbered(count) };
        let tag = provenance("pop.a.org").tag();
        let bury = |gone: &[&str]| {
            here.landing(Twin::sound()).bury(&Here::anna(), &ids(gone), tag.as_ref()).unwrap();
        };
        bury(&["old-2"]);
        assert_eq!(here.import(&mut of("pop.b.org", 2)).unwrap().imported, 2);
        assert_eq!(shown(&here), ["old-1", "old-2-2"], "a mail program may know the other one by that name");
        assert_eq!(here.import(&mut of("pop.a.org", 2)).unwrap().imported, 0);
        // What came from elsewhere does not stand for what is deleted there.
        assert_eq!(here.import(&mut of("pop.b.org", 3)).unwrap().imported, 1);
        bury(&["old-3"]);
        assert_eq!(here.import(&mut of("pop.a.org", 3)).unwrap().already, 3);
        assert_eq!(here.import(&mut of("pop.b.org", 3)).unwrap().already, 3);
    }

    #[test]
    fn mail_of_the_old_server_still_comes_before_what_was_delivered_here() {
        let here = Here::new();
        here.landing(Twin::sound()).bury(&Here::anna(), &ids(&["old-2"]), None).unwrap();
        std::fs::create_dir_all(here.path("new")).unwrap();
        std::fs::write(here.path("new/1000000000.M1P1.here"), "Subject: here\n\n").unwrap();
        let listed = || -> Vec<String> {
            here.open().unwrap().entries().iter().map(|entry| entry.unique_id.to_string()).collect()
        };
        here.import(&mut Mailbox::numbered(3)).unwrap();
        assert_eq!(listed()[..2], ["old-1", "old-3"]);
        assert_eq!(listed().len(), 3);
        // What comes later is new to everybody.
        here.import(&mut Mailbox::numbered(4)).unwrap();
        assert_eq!(listed()[3], "old-4");
    }

    #[test]
    fn what_has_come_so_far_is_not_lost_by_it() {
        let here = Here::new();
        let mut old = Mailbox { ends_at: Some(2), ..Mailbox::numbered(3) };
        here.import(&mut old).unwrap_err();
        here.landing(Twin::sound()).bury(&Here::anna(), &ids(&["old-1"]), None).unwrap();
        (old.ends_at, old.read) = (None, Vec::new());
        assert_eq!(here.import(&mut old).unwrap().imported, 2);
        assert_eq!((shown(&here), old.read), (vec!["old-2".to_owned(), "old-3".to_owned()], vec![2]));
    }

    #[test]
    fn it_is_noted_for_good_or_not_at_all() {
        for step in 0.. {
            let here = Here::new();
            here.import(&mut Mailbox::numbered(2)).unwrap();
            let landing = here.landing(Twin::new(Fails::From(step), Errno::EIO));
            let done = landing.bury(&Here::anna(), &ids(&["old-3"]), None);
            let imported = here.import(&mut Mailbox::numbered(3)).unwrap().imported;
            assert!(done.is_err() || imported == 0, "step {step}");
            assert_eq!(shown(&here)[..2], ["old-1", "old-2"], "step {step}");
            if !landing.tree.disk.has_failed() {
                assert!(done.is_ok() && step > 8, "so few steps cannot be all: {step}");
                break;
            }
        }
    }
}
