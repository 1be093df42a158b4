//! Mail that is here already, though by its unique-ids it is not: brought over, it would be shown twice.
//!
//! That is the account's own Maildir, and a mailbox that lists what came over before under other unique-ids:
//! another format of them was named than the first time, or the old server has numbered its mail anew. Changes
//! nothing.

use super::digest::Digest;
use super::gather::Gathered;
use super::outcome::Failure;
use super::plan::{Certain, Plan, certain, is_from, name_of};
use super::staging::Staged;
use crate::import::words::{counted, of_number};
use crate::import::{Inventory, Provenance, Source, Tag};
use crate::limits;
use crate::maildrop::folder::Folder;
use crate::maildrop::ledger::{Entry, Ledger};
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;

/// Refuses the Maildir `root` as its own source.
///
/// # Errors
/// `Source`.
pub fn refuse_itself(root: &Folder, source: &dyn Source) -> Result<(), Failure> {
    let Provenance::Files(path) = source.provenance() else { return Ok(()) };
    let (Ok(there), Ok(here)) = (std::fs::metadata(&path), root.stat_self()) else { return Ok(()) };
    if (there.dev(), there.ino()) != (here.st_dev, here.st_ino) {
        return Ok(());
    }
    Err(Failure::Source {
        what: format!("{}: it is the Maildir of this very account, so its mail is here", path.display()),
        remedy: "name the folder in which the old server kept the mail".to_owned(),
    })
}

/// Refuses a mailbox most of whose messages are here under other unique-ids. Where a few are, they may have been
/// moved away and back at the old server, which numbers them anew: gives a warning. What was moved into a folder
/// that is appended has no number, and is not counted. Without a `tag` nothing is looked at.
///
/// # Errors
/// `Source`.
pub fn refuse_renumbered(
    inventory: &Inventory,
    (ledger, plan): (&Ledger, &Plan),
    gathered: &Gathered,
    tag: Option<&Tag>,
) -> Result<Option<String>, Failure> {
    let came: Vec<&Staged> = gathered
        .staged
        .iter()
        .filter(|(index, _)| !inventory.appended.contains(index))
        .map(|(_, staged)| staged)
        .collect();
    let twice = tag.map_or(0, |tag| count(inventory, ledger, &came, tag));
    if twice < limits::IMPORT_TWICE_MIN || twice <= plan.already || 2 * twice < came.len() {
        return Ok((twice > 0).then(|| {
            format!(
                "{} came over before under other unique-ids: mail programs show {} a second time",
                counted(twice, "message"),
                of_number(twice, "it", "them")
            )
        }));
    }
    Err(Failure::Source {
        what: format!(
            "{twice} of the {} messages are here already under other unique-ids, so that each would be shown twice",
            inventory.messages.len()
        ),
        remedy:
            "say --server, --uidl-format, --doveconf and the like as the first time; or, if all of it was \
                 renumbered by the old server, take what came over away with `restante account remove --purge` \
                 (and with it what was delivered here), add the account again, and import once more"
                .to_owned(),
    })
}

/// How many of the messages that are to come have the text of one that came from this mailbox and that it does
/// not list any more by what it was known by. Memory goes by those alone, not by the mailbox.
fn count(inventory: &Inventory, ledger: &Ledger, came: &[&Staged], tag: &Tag) -> usize {
    if came.is_empty() || ledger.entries.is_empty() {
        return 0; // Nearly every import is the first one, or has nothing to bring.
    }
    let mut coming = HashMap::<Digest, usize>::new();
    for staged in came {
        *coming.entry(staged.digest).or_default() += 1;
    }
    let alike = |entry: &&Entry| {
        !entry.base.is_empty()
            && is_from(entry, Some(tag))
            && Digest::parse(&entry.digest).is_some_and(|digest| coming.contains_key(&digest))
    };
    let mut gone: Vec<&Entry> = ledger.entries.iter().filter(alike).collect();
    if gone.is_empty() {
        return 0;
    }
    let origins: HashSet<Certain<'_>> = gone.iter().map(|entry| Certain::from(&entry.origin)).collect();
    let listed: HashSet<Certain<'_>> =
        inventory.messages.iter().map(certain).filter(|origin| origins.contains(origin)).collect();
    let names: HashSet<&[u8]> = gone.iter().filter_map(|entry| name_of(&entry.origin)).collect();
    let named: HashSet<&[u8]> =
        inventory.names.iter().map(|name| &name[..]).filter(|name| names.contains(name)).collect();
    gone.retain(|entry| {
        !listed.contains(&Certain::from(&entry.origin))
            && name_of(&entry.origin).is_none_or(|name| !named.contains(name))
    });
    let mut is_met = |entry: &&Entry| {
        let left = Digest::parse(&entry.digest).and_then(|digest| coming.get_mut(&digest));
        left.is_some_and(|left| {
            let is_left = *left > 0;
            *left = left.saturating_sub(1);
            is_left
        })
    };
    gone.iter().filter(|entry| is_met(entry)).count()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Here, Mailbox, kept, made};
    use super::super::{Failure, Imported};
    use crate::import::Provenance;
    use crate::maildrop::twin::{Twin, names_in};

    fn files(mailbox: Mailbox) -> Mailbox {
        Mailbox { provenance: Provenance::Files("/anna".into()), ..mailbox }
    }

    /// The same mail, from the message `from` on, under other unique-ids.
    fn renumbered(mut mailbox: Mailbox, from: usize) -> Mailbox {
        for (number, old) in mailbox.messages.iter_mut().enumerate().skip(from) {
            old.found = kept(format!("new-{number}").as_bytes());
        }
        mailbox
    }

    /// A rehearsal says what an import does.
    fn import(here: &Here, old: &mut Mailbox) -> Result<Imported, Failure> {
        let rehearsed = here.landing(Twin::sound()).rehearse(&Here::anna(), old);
        let done = here.import(old);
        match (&rehearsed, &done) {
            (Ok(rehearsed), Ok(done)) => {
                assert_eq!((rehearsed.imported, &rehearsed.warnings), (done.imported, &done.warnings));
            }
            _ => assert_eq!(rehearsed.unwrap_err().to_string(), done.as_ref().unwrap_err().to_string()),
        }
        done
    }

    #[test]
    fn a_mailbox_that_is_here_under_other_unique_ids_is_refused() {
        let here = Here::new();
        let old = files(Mailbox::numbered(14));
        here.import(&mut old.clone()).unwrap();
        // What was deleted here does not come back by another name either.
        here.delete(&[0]);
        let mut grown = files(Mailbox::numbered(16));
        grown.messages.remove(1);
        let mut unseen = old.clone();
        unseen.messages.iter_mut().for_each(|old| old.found = made(&old.sent));
        for mut other in
            [renumbered(old.clone(), 0), renumbered(grown, 0), renumbered(old.clone(), 1), unseen]
        {
            let refused = import(&here, &mut other).unwrap_err().to_string();
            assert!(refused.contains("under other unique-ids") && refused.contains("--purge"), "{refused}");
            assert_eq!(here.seen().unwrap(), old.shown()[1..]);
            assert!(!here.path("restante-import").exists(), "logins are not put off");
        }
        assert_eq!(here.import(&mut old.clone()).unwrap().already, 14);
    }

    #[test]
    fn a_few_that_were_moved_away_and_back_come_again_with_a_warning() {
        let here = Here::new();
        let old = files(Mailbox::numbered(5));
        here.import(&mut old.clone()).unwrap();
        let imported = here.import(&mut renumbered(old.clone(), 3)).unwrap();
        assert_eq!((imported.imported, imported.already, imported.warnings.len()), (2, 3, 1));
        assert!(imported.warnings[0].starts_with("2 messages came over before"), "{:?}", imported.warnings);
        // The same text once more is no other name for what is listed still.
        let mut doubled = files(Mailbox::numbered(5));
        doubled.messages.extend(renumbered(old, 0).messages.into_iter().take(2));
        let imported = here.import(&mut doubled).unwrap();
        assert_eq!((imported.imported, imported.warnings.len()), (2, 0), "{:?}", imported.warnings);
    }

    #[test]
    fn a_tidied_inbox_brings_its_newcomers() {
        let here = Here::new();
        let old = Mailbox::numbered(50);
        here.import(&mut files(old.clone())).unwrap();
        // Emptied, but for one that went to a folder and back, and one that is new.
        let mut emptied = renumbered(Mailbox::numbered(51), 0);
        emptied.messages.drain(..49);
        let imported = import(&here, &mut files(emptied)).unwrap();
        assert_eq!((imported.imported, imported.already, imported.warnings.len()), (2, 0, 1));
        // Most of it went to a folder, which is appended.
        let mut archived = Mailbox { appended: Some(10), ..old };
        for old in archived.messages.iter_mut().skip(10) {
            old.found = made(&[b"Archive/", &old.sent[..]].concat());
        }
        let imported = import(&here, &mut files(archived)).unwrap();
        assert_eq!((imported.imported, imported.already, imported.warnings.len()), (40, 10, 0));
    }

    #[test]
    fn one_message_is_spoken_of_as_one() {
        let here = Here::new();
        let old = files(Mailbox::numbered(5));
        here.import(&mut old.clone()).unwrap();
        let warned = here.import(&mut renumbered(old, 4)).unwrap().warnings;
        assert_eq!(
            warned,
            ["1 message came over before under other unique-ids: mail programs show it a second time"]
        );
    }

    #[test]
    fn another_mailbox_may_hold_the_same_mail() {
        let here = Here::new();
        here.import(&mut files(Mailbox::numbered(2))).unwrap();
        let copy = Mailbox { provenance: Provenance::Files("/carl".into()), ..Mailbox::numbered(2) };
        assert_eq!(import(&here, &mut renumbered(copy, 0)).unwrap().imported, 2);
    }

    #[test]
    fn the_accounts_own_maildir_is_no_source() {
        let here = Here::new();
        here.import(&mut Mailbox::numbered(2)).unwrap();
        let before = names_in(&here.path("cur"));
        let own = Provenance::Files(here.path("cur/.."));
        let refused = import(&here, &mut Mailbox { provenance: own, ..Mailbox::numbered(3) }).unwrap_err();
        assert!(refused.to_string().contains("the Maildir of this very account"), "{refused}");
        assert_eq!(names_in(&here.path("cur")), before);
        assert!(!here.path("restante-import").exists());
    }
}
