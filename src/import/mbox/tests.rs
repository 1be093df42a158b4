//! A whole mbox, as the landing asks for it.

use super::*;
use std::fs;
use std::time::Duration;

mod cuts;
mod facts;
mod hostile;

const FROM: &str = "From ada@example.net Thu Nov 29 22:33:52 2001\n";

struct Mailbox {
    folder: tempfile::TempDir,
}

impl Mailbox {
    fn new(octets: impl AsRef<[u8]>) -> Self {
        let mailbox = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(mailbox.path(), octets).unwrap();
        mailbox
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("anna")
    }

    fn open(&self, server: Option<Server>) -> Result<Box<dyn Source>, Error> {
        open(&self.path(), &Options { server, ..Options::default() })
    }

    fn inventory(&self, server: Server) -> Result<Inventory, Error> {
        self.open(Some(server)).unwrap().inventory()
    }
}

fn asks(result: Result<Box<dyn Source>, Error>) -> String {
    match result.map(|source| source.name()) {
        Err(Error::Ask { what, remedy }) => format!("{what}: {remedy}"),
        other => panic!("{other:?}"),
    }
}

fn refuses<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Source { what, remedy }) => format!("{what}: {remedy}"),
        other => panic!("{other:?}"),
    }
}

fn identities(inventory: &Inventory) -> Vec<Vec<u8>> {
    let identity = |found: &Found| match &found.unique_id {
        UniqueIdOf::Made { identity } => identity.to_vec(),
        UniqueIdOf::Kept(id) => panic!("{id}"),
    };
    inventory.messages.iter().map(identity).collect()
}

#[test]
fn the_first_message_shows_who_served_it_or_it_is_asked_for() {
    let named =
        |header: &str| Mailbox::new(format!("{FROM}{header}\nbody\n")).open(None).map(|source| source.name());
    for (header, server) in [
        ("X-IMAPbase: 1795334055 3\nStatus: RO\nX-Status: \nX-Keywords: \nX-UID: 3\n", "uw mbox:"),
        ("Subject: internal\nX-IMAP: 1006995232 0000000003\nStatus: RO\n", "uw mbox:"),
        ("X-UIDL: abc\nSubject: x\n", "qpopper mbox:"),
    ] {
        let name = named(header).unwrap();
        assert!(name.starts_with(server) && name.ends_with("/anna"), "{name}");
    }
    for header in [
        "Subject: x\n",
        "X-IMAPbase: 1006995232 3\nX-UID: 3                     \nStatus: RO\n",
        // The room behind X-UID is used up, as flags were set.
        "X-IMAPbase: 1006995232 0000000003 NonJunk\nX-UID: 3\nStatus: RO\n",
        "X-UIDL: abc\nX-IMAPbase: 1006995232 3\n",
        "Subject: x\n\nX-UIDL: in the body\n",
    ] {
        let said = asks(Mailbox::new(format!("{FROM}{header}\nbody\n")).open(None));
        let choices = "--server dovecot, uw, popa3d, qpopper, mailutils, solid-pop3d, plain;";
        assert!(said.contains("/anna: which server showed this mail?") && said.contains(choices), "{said}");
    }
    let empty = Mailbox::new("").open(None).map(|source| source.name());
    assert!(empty.unwrap().starts_with("plain mbox:"), "no message, no wrong guess");
    let mailbox = Mailbox::new(format!("{FROM}X-IMAPbase: 7 1\nX-UID: 1\n\nbody\n"));
    let options = Options { is_dovecots: true, ..Options::default() };
    assert!(open(&mailbox.path(), &options).unwrap().name().starts_with("dovecot mbox:"));
}

/// Which unique-ids it has is asked elsewhere; which of its lines were shown is not.
#[test]
fn without_unique_ids_it_is_shown_as_its_server_showed_it() {
    let damaged = format!("{FROM}X-IMAPbase: 7 9\nX-UID: 3\n\na\n\n{FROM}X-UID: 2\nStatus: RO\n\nb\n");
    let fresh = format!("{FROM}Subject: a\n\na\n");
    let inventory = |text: &str, server| {
        let options = Options { server, without_ids: true, ..Options::default() };
        let mailbox = Mailbox::new(text);
        let mut source = open(&mailbox.path(), &options)?;
        let inventory = source.inventory()?;
        let mut octets = Vec::new();
        source.read(inventory.messages.len() - 1, &mut |block| {
            octets.extend_from_slice(block);
            Ok(())
        })?;
        assert!(inventory.warnings.is_empty(), "{:?}", inventory.warnings);
        Ok((source.name(), identities(&inventory).len(), String::from_utf8(octets).unwrap()))
    };
    for server in [Some(Server::Dovecot), Some(Server::Uw), None] {
        let (name, messages, last) = inventory(&damaged, server).unwrap();
        assert_eq!((messages, last.contains("X-UID")), (2, false), "{name}: {last}");
    }
    assert!(inventory(&fresh, None).unwrap().0.starts_with("plain mbox:"), "there is nothing to hide");
    let marked = damaged.replacen("X-UID: 3\n", "X-UID: 3     \n", 1);
    for text in [&marked, &format!("{FROM}Status: RO\n\na\n"), &format!("{FROM}Content-Length: 2\n\na\n")] {
        let Err(Error::Ask { what, .. }) = inventory(text, None) else { panic!("{text}") };
        assert!(what.contains("which server showed this mail?"), "{what}");
    }
}

#[test]
fn settings_of_dovecot_say_that_it_was_dovecot() {
    let mailbox = Mailbox::new(format!("{FROM}X-UIDL: abc\n\nbody\n"));
    let options = Options { reuse_xuidl: true, ..Options::default() };
    assert!(open(&mailbox.path(), &options).unwrap().name().starts_with("dovecot mbox:"));
}

#[test]
fn what_is_no_mbox_is_refused_by_name() {
    for text in ["Subject: x\n\nbody\n", "\0\0\0", "From", "  x"] {
        let mailbox = Mailbox::new(text);
        let wanted = format!("{}: it is no mbox", mailbox.path().display());
        for server in Server::ALL {
            assert!(refuses(mailbox.inventory(server)).starts_with(&wanted), "{server:?}");
        }
        assert!(refuses(mailbox.open(None).map(|source| source.name())).starts_with(&wanted), "{text:?}");
    }
    let mailbox = Mailbox::new("");
    let options = Options { server: Some(Server::Plain), ..Options::default() };
    let folder = refuses(open(mailbox.folder.path(), &options).map(|source| source.name()));
    assert!(folder.contains("it is a folder") && folder.contains("import maildir"), "{folder}");
    let missing = refuses(open(&mailbox.folder.path().join("bert"), &options).map(|source| source.name()));
    assert!(missing.contains("bert cannot be read: "), "{missing}");
    refuses(open(Path::new("/dev/null"), &options).map(|source| source.name()));
}

#[test]
fn an_empty_file_is_a_mailbox_without_messages() {
    for server in Server::ALL {
        assert_eq!(Mailbox::new("").inventory(server).unwrap(), Inventory::default(), "{server:?}");
    }
}

#[test]
fn flags_and_times_come_along() {
    let message = |status: &str, date: &str| format!("From a@b {date}\n{status}\nbody\n\n");
    let mailbox = Mailbox::new(
        [
            message("", "Thu Nov 29 22:33:52 2001"),
            message("Status: O\n", "Thu Nov 29 22:33:52 2001 +0200"),
            message("Status: RO\nX-Status: AFT\n", "no date at all, but an empty line in front"),
            message("Status: R\nX-Status: D\n", "Thu Nov 29 22:33:52 2001"),
        ]
        .concat(),
    );
    let inventory = mailbox.inventory(Server::Popa3d).unwrap();
    let seen = |found: &Found| {
        let seconds = found.received.map(|at| at.duration_since(std::time::UNIX_EPOCH).unwrap());
        (found.flags.to_string(), found.is_new, seconds)
    };
    let at = |seconds| Some(Duration::from_secs(seconds));
    let wanted = [
        (String::new(), true, at(1_007_073_232)),
        (String::new(), false, at(1_007_066_032)),
        ("DFRS".to_owned(), false, None),
        ("ST".to_owned(), false, at(1_007_073_232)),
    ];
    assert_eq!(inventory.messages.iter().map(seen).collect::<Vec<_>>(), wanted);
    assert_eq!(inventory.messages[1].place.to_string(), "message 2, at octet 81");
}

#[test]
fn dovecot_and_uw_write_the_numbers_each_in_its_own_order() {
    let mailbox = Mailbox::new(format!(
        "{FROM}X-IMAPbase: 1006995232 0000000009\nX-UID: 3\n\na\n\n{FROM}X-UID: 5\n\nb\n\n{FROM}\nc\n"
    ));
    for (server, wanted) in [
        (Server::Dovecot, ["000000033c058720", "000000053c058720", "0000000a3c058720"]),
        (Server::Uw, ["3c05872000000003", "3c05872000000005", "3c0587200000000a"]),
    ] {
        let ids =
            mailbox.inventory(server).unwrap().messages.into_iter().map(|found| match found.unique_id {
                UniqueIdOf::Kept(id) => id.to_string(),
                UniqueIdOf::Made { .. } => panic!("nothing is made here"),
            });
        assert_eq!(ids.collect::<Vec<_>>(), wanted, "{server:?}");
    }
}

#[test]
fn what_came_since_the_last_login_is_known_by_what_stays_the_same_of_it() {
    let numbered = |uid: &str| format!("{FROM}X-UID: {uid}\nSubject: {uid}\n\n{uid}\n\n");
    let first = format!("{FROM}X-IMAPbase: 7 9\nX-UID: 1\n\na\n\n");
    let newcomer = format!("{FROM}Subject: b\nX-UIDL: mine\n\nb\n");
    for server in [Server::Dovecot, Server::Uw] {
        let before = Mailbox::new(format!("{first}{}{newcomer}", numbered("5"))).inventory(server).unwrap();
        assert_eq!(before.foreseen.iter().collect::<Vec<_>>(), [&2]);
        let named = newcomer.replace("X-UIDL: mine\n", "X-UIDL: mine\nX-UID: 10\nStatus: O\n");
        let after = Mailbox::new(format!("{first}{named}")).inventory(server).unwrap();
        assert!(after.foreseen.is_empty());
        assert_eq!([&before.names[0], &before.names[2]], [&after.names[0], &after.names[1]]);
        assert_eq!(before.messages[2].unique_id, after.messages[1].unique_id);
    }
    let options = Options { reuse_xuidl: true, ..Options::default() };
    let mailbox = Mailbox::new(format!("{first}{newcomer}"));
    assert!(open(&mailbox.path(), &options).unwrap().inventory().unwrap().foreseen.is_empty());
}

#[test]
fn without_a_base_nothing_is_guessed_unless_nobody_was_there() {
    let fresh = format!("{FROM}Subject: a\n\na\n\n{FROM}Subject: b\n\nb\n");
    let seen = format!("{FROM}Subject: a\n\na\n\n{FROM}Status: RO\n\nb\n");
    for server in [Server::Dovecot, Server::Uw] {
        let inventory = Mailbox::new(&fresh).inventory(server).unwrap();
        assert_eq!(identities(&inventory).len(), 2);
        assert!(inventory.warnings[0].contains("2 messages have no unique-id"), "{:?}", inventory.warnings);
        let said = refuses(Mailbox::new(&seen).inventory(server));
        assert!(said.contains("/anna: message 2 has been seen") && said.contains("--server plain"), "{said}");
    }
}

#[test]
fn a_number_that_voids_all_of_uws_is_named() {
    let mailbox = Mailbox::new(format!("{FROM}X-IMAPbase: 7 9\nX-UID: 3\n\na\n\n{FROM}X-UID: 2\n\nb\n"));
    let said = refuses(mailbox.inventory(Server::Uw));
    assert!(said.contains("X-UID: 2 does not fit") && said.contains("--uidls-from"), "{said}");
}

#[test]
fn a_format_that_asks_for_a_file_name_is_not_for_an_mbox() {
    let options = Options { uidl_format: Some(UidlFormat::parse("%f").unwrap()), ..Options::default() };
    let mailbox = Mailbox::new(format!("{FROM}\nbody\n"));
    let found = open(&mailbox.path(), &options).unwrap().inventory();
    assert!(matches!(found, Err(Error::Ask { .. })), "{found:?}");
}

#[test]
fn what_uw_had_marked_as_deleted_stays_behind_and_is_told() {
    let mailbox = Mailbox::new(format!("{FROM}Subject: a\n\na\n\n{FROM}X-Status: D\nSubject: b\n\nb\n"));
    let inventory = mailbox.inventory(Server::Uw).unwrap();
    assert_eq!(inventory.messages.len(), 1);
    assert!(inventory.skipped.is_empty(), "nothing that has to come over is missing");
    let said = "1 message is marked as deleted, so uw did not show it; it stays behind";
    assert!(inventory.warnings.iter().any(|warning| warning.ends_with(said)), "{:?}", inventory.warnings);
    assert_eq!(mailbox.inventory(Server::Dovecot).unwrap().messages.len(), 2);
}

#[test]
fn a_new_identity_lasts_while_servers_write_into_the_message() {
    let before = Mailbox::new(format!("{FROM}Subject: a\n\na\n\n{FROM}Subject: b\n\nb\n\n"));
    let after = Mailbox::new(format!(
        "{FROM}Subject: a\nX-IMAPbase: 7 9\nStatus: RO\nX-UID: 1\n\na\n\n{FROM}Status: O\nSubject: b\nX-Keywords: x\n y\n\nb\n\n\
         {FROM}Subject: c\n\nc\n"
    ));
    let (old, new) = (before.inventory(Server::Plain).unwrap(), after.inventory(Server::Plain).unwrap());
    assert_eq!(identities(&old), identities(&new)[..2]);
}

/// What ends a message at the end of the file is completed by the next delivery, or by the server's next login.
#[test]
fn the_last_message_is_known_again_when_its_end_is_completed() {
    let first = format!("{FROM}X-IMAPbase: 5 0000000009\nX-UID: 9\nX-UIDL: x\n\nx\n\n");
    let last = format!("{FROM}Subject: b\n");
    let written = format!("{FROM}X-UID: 10\nX-UIDL: y\nStatus: O\nSubject: b\n");
    for (text, completed) in [
        ("\ny\n", "\ny\n\n"),
        ("\ny", "\ny\n\n"),
        ("\ny\r", "\ny\r\n\n"),
        ("\ny\r\n", "\ny\r\n\n"),
        ("\ny\n\n\n", "\ny\n\n\n\n"),
        ("Content-Length: 2\n\ny\n", "Content-Length: 2\n\ny\n\n"),
        ("Content-Length: 5\n\ny\n\n\n\n", "Content-Length: 5\n\ny\n\n\n\n\n"),
        ("To: c", "To: c\n\n\n"),
        ("", "\n\n"),
    ] {
        for server in Server::ALL {
            let names = |octets: String| Mailbox::new(octets).inventory(server).unwrap().names;
            let before = names(format!("{first}{last}{text}"));
            for grown in [
                format!("{last}{completed}"),
                format!("{last}{completed}{last}\nz\n"),
                format!("{written}{completed}"),
            ] {
                let after = names(format!("{first}{grown}"));
                assert_eq!(before[..], after[..2], "{server:?} {text:?} became {grown:?}");
            }
        }
    }
}

/// Ledgers hold these.
#[test]
fn what_ends_as_most_messages_do_is_called_by_its_octets_as_the_server_counts_them() {
    use sha2::{Digest, Sha256};
    let mailbox = Mailbox::new(format!("{FROM}Subject: b\n\nbody\n\n{FROM}\nz\n"));
    for server in Server::ALL {
        let counted = if matches!(server.habits().end, habits::End::All) { 6_u64 } else { 5 };
        let name =
            Sha256::new().chain_update(format!("{FROM}Subject: b\n\0")).chain_update(counted.to_be_bytes());
        assert_eq!(mailbox.inventory(server).unwrap().names[0][..], name.finalize()[..], "{server:?}");
    }
}

#[test]
fn messages_that_are_alike_are_two() {
    let one = format!("{FROM}Subject: a\n\na\n\n");
    let found = identities(&Mailbox::new(one.repeat(3)).inventory(Server::Plain).unwrap());
    assert_eq!(found.iter().collect::<std::collections::HashSet<_>>().len(), 3);
    assert_eq!(found[..1], identities(&Mailbox::new(one).inventory(Server::Plain).unwrap()));
}

#[test]
fn an_empty_message_is_the_empty_line_that_was_sent() {
    let mailbox = Mailbox::new(format!("{FROM}\n{FROM}Subject: b\n\nb\n"));
    let mut source = mailbox.open(Some(Server::Dovecot)).unwrap();
    assert_eq!(source.inventory().unwrap().messages.len(), 2);
    let mut octets = Vec::new();
    let mut sink = |block: &[u8]| {
        octets.extend_from_slice(block);
        Ok(())
    };
    source.read(0, &mut sink).unwrap();
    assert_eq!(octets, b"\r\n");
}

#[test]
fn the_source_is_not_changed_and_is_locked_while_it_is_read() {
    let text = format!("{FROM}Subject: a\n\na\n");
    let mailbox = Mailbox::new(&text);
    let before = fs::metadata(mailbox.path()).unwrap();
    let mut source = mailbox.open(Some(Server::Plain)).unwrap();
    assert_eq!(fs::read_dir(mailbox.folder.path()).unwrap().count(), 1, "no lock before the inventory");
    source.inventory().unwrap();
    assert_eq!(fs::read_dir(mailbox.folder.path()).unwrap().count(), 2);
    source.read(0, &mut |_| Ok(())).unwrap();
    drop(source);
    assert_eq!(fs::read_dir(mailbox.folder.path()).unwrap().count(), 1);
    let after = fs::metadata(mailbox.path()).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(before.accessed().unwrap(), after.accessed().unwrap());
    assert_eq!(fs::read_to_string(mailbox.path()).unwrap(), text);
}

#[test]
fn a_full_disk_of_ours_and_a_file_that_has_shrunk_are_told_apart() {
    let mailbox = Mailbox::new(format!("{FROM}Subject: a\n\na\n\n{FROM}Subject: b\n\nb\n"));
    let mut source = mailbox.open(Some(Server::Plain)).unwrap();
    source.inventory().unwrap();
    let full = source.read(0, &mut |_| Err(io::ErrorKind::StorageFull.into()));
    assert!(
        matches!(&full, Err(Error::Landing(error)) if error.kind() == io::ErrorKind::StorageFull),
        "{full:?}"
    );
    fs::write(mailbox.path(), FROM).unwrap();
    let shrunk = source.read(1, &mut |_| Ok(()));
    assert!(
        matches!(&shrunk, Err(Error::Message { what }) if what.contains("/anna: message at octet")),
        "{shrunk:?}"
    );
    assert!(matches!(source.read(2, &mut |_| Ok(())), Err(Error::Message { .. })));
}

/// Ten gibibytes in one message, most of them a hole: `cargo test --release ten_gib -- --ignored --nocapture`.
#[test]
#[ignore = "reads ten gibibytes"]
fn ten_gib_need_no_more_memory_than_ten_kib() {
    let peak = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mailbox = Mailbox::new(format!("{FROM}Subject: a\n\na\n\n{FROM}Subject: b\n\n"));
    let octets = || {
        let mut source = mailbox.open(Some(Server::Plain)).unwrap();
        assert_eq!(source.inventory().unwrap().messages.len(), 2);
        let mut octets = 0;
        let mut sink = |block: &[u8]| {
            octets += block.len() as u64;
            Ok(())
        };
        source.read(1, &mut sink).unwrap();
        octets
    };
    octets();
    let small = peak();
    fs::OpenOptions::new().write(true).open(mailbox.path()).unwrap().set_len(10 << 30).unwrap();
    assert!(octets() > 9 << 30);
    println!("peak with ten KiB {small} KiB, with ten GiB {} KiB", peak());
    assert!(peak() < small + 1024);
}
