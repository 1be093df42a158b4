//! Delivery on a real disk: what is written, where, with which rights, and when it is refused.

use super::*;
use crate::mail::Peer;
use crate::maildrop::twin::{Twin, names_in};
use crate::maildrop::{Maildrops, folder};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// The top of each copy.
pub const TRACE: &str = "Return-Path: <a@example.net>\n";
/// What was sent.
pub const MESSAGE: &[u8] = b"Subject: x\n\nbody\n.\nlast line without an end";

/// A data folder of its own, removed at the end.
pub struct Mailboxes {
    dir: tempfile::TempDir,
}

impl Mailboxes {
    /// An empty one.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The parent of DATA_DIR.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// DATA_DIR/mail; neither is there at the beginning.
    pub fn mail(&self) -> PathBuf {
        self.root().join("data/mail")
    }

    /// The account of that name.
    pub fn account(&self, name: &str) -> AccountAddress {
        AccountAddress::parse(&format!("{name}@example.org")).unwrap()
    }

    /// Its Maildir.
    pub fn maildir(&self, name: &str) -> PathBuf {
        self.mail().join("example.org").join(name)
    }

    /// A copy for it, without a quota.
    pub fn target(&self, name: &str) -> Target {
        let trace = format!("{TRACE}Delivered-To: {}\n", self.account(name));
        Target { address: self.account(name), quota: None, trace }
    }

    /// What its copy looks like.
    pub fn expected(&self, name: &str) -> Vec<u8> {
        [self.target(name).trace.as_bytes(), MESSAGE].concat()
    }

    /// What lies in its new/.
    pub fn messages(&self, name: &str) -> Vec<Vec<u8>> {
        let new = self.maildir(name).join("new");
        names_in(&new).iter().map(|name| std::fs::read(new.join(name)).unwrap()).collect()
    }

    /// A delivery on that disk.
    pub fn delivery_on(&self, twin: Twin) -> Delivery<Twin> {
        let host = Domain::parse("mail.example.org").unwrap();
        Delivery::on(twin, self.mail(), &host, Some(Bytes(0)), SystemTime::now)
    }

    fn delivery(&self) -> Delivery {
        Delivery::new(self.mail(), &Domain::parse("mail.example.org").unwrap(), Some(Bytes(0)))
    }

    fn deliver(&self, target: Target) -> Result<Published, Error> {
        let mut drafts = self.delivery().open(vec![target], None);
        drafts.write(MESSAGE);
        drafts.publish(Together::AllOrNone).remove(0)
    }
}

#[test]
fn a_message_lies_whole_in_new_for_its_owner_alone() {
    let boxes = Mailboxes::new();
    let published = boxes.deliver(boxes.target("anna")).unwrap();
    let expected = boxes.expected("anna");
    assert_eq!(published.bytes, Bytes(expected.len() as u64));
    assert_eq!(boxes.messages("anna"), [expected]);
    let name = names_in(&boxes.maildir("anna").join("new")).pop_first().unwrap();
    assert!(name.contains(&format!(",S={},W={}", published.bytes, published.octets)), "{name}");
    assert!(names_in(&boxes.maildir("anna").join("tmp")).is_empty());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&boxes.maildir("anna").join("new").join(&name)), 0o600);
    let mut folder = boxes.maildir("anna").join("new");
    while folder != boxes.root() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        folder.pop();
    }
}

#[test]
fn sessions_may_move_between_threads() {
    fn assert_send<T: Send + 'static>() {}
    assert_send::<Arc<Delivery>>();
    assert_send::<Drafts>();
    assert_send::<crate::maildrop::Maildrop>();
    assert_send::<Arc<Maildrops>>();
}

#[test]
fn any_maildir_tool_may_read_it() {
    let boxes = Mailboxes::new();
    boxes.deliver(boxes.target("anna")).unwrap();
    let reader = maildir::Maildir::from(boxes.maildir("anna"));
    let mut entries: Vec<_> = reader.list_new().map(Result::unwrap).collect();
    assert_eq!((entries.len(), reader.count_cur()), (1, 0));
    let headers = entries[0].headers().unwrap();
    let subject = headers.iter().find(|header| header.get_key() == "Subject");
    assert_eq!(subject.map(|header| header.get_value()), Some("x".to_owned()));
}

#[test]
fn pop3_sees_it_with_the_octets_that_were_counted() {
    let boxes = Mailboxes::new();
    let published = boxes.deliver(boxes.target("anna")).unwrap();
    let maildrop = Maildrops::new(boxes.mail()).open(&boxes.account("anna"), Peer::Unix).unwrap();
    assert_eq!(maildrop.entries().len(), 1);
    assert_eq!(maildrop.entries()[0].octets, published.octets);
}

#[test]
fn a_quota_counts_what_lies_there_what_is_expected_and_what_came() {
    let boxes = Mailboxes::new();
    let size = boxes.expected("anna").len() as u64;
    let with_quota = |quota| Target { quota: Some(Bytes(quota)), ..boxes.target("anna") };
    assert_eq!(boxes.deliver(with_quota(size - 1)).unwrap_err(), Error::OverQuota);
    assert!(boxes.messages("anna").is_empty() && names_in(&boxes.maildir("anna").join("tmp")).is_empty());
    boxes.deliver(with_quota(size)).unwrap();
    let (delivery, anna) = (boxes.delivery(), boxes.account("anna"));
    let room = |quota, expected: Option<u64>| delivery.room(&anna, Some(Bytes(quota)), expected.map(Bytes));
    assert_eq!(room(size, None), Err(Error::OverQuota), "full to the byte");
    assert_eq!(room(size + 10, None), Ok(()));
    assert_eq!(room(size + 10, Some(10)), Ok(()));
    assert_eq!(room(size + 10, Some(11)), Err(Error::OverQuota));
    assert_eq!(delivery.room(&anna, None, Some(Bytes(u64::MAX))), Ok(()));
    let drafts = delivery.open(vec![with_quota(size + 10), boxes.target("bert")], Some(Bytes(10)));
    assert_eq!(drafts.faults(), [Some(Error::OverQuota), None], "known before the body is sent");
}

#[test]
fn one_full_mailbox_fails_all_over_smtp_and_itself_over_lmtp() {
    for (together, kept) in [(Together::AllOrNone, 0), (Together::Each, 1)] {
        let boxes = Mailboxes::new();
        let full = Target { quota: Some(Bytes(1)), ..boxes.target("anna") };
        let mut drafts = boxes.delivery().open(vec![full, boxes.target("bert")], None);
        drafts.write(MESSAGE);
        let results = drafts.publish(together);
        assert_eq!(results[0].as_ref().unwrap_err(), &Error::OverQuota);
        assert_eq!(results[1].is_ok(), kept == 1);
        assert_eq!((boxes.messages("anna").len(), boxes.messages("bert").len()), (0, kept));
    }
}

#[test]
fn the_reserve_is_asked_for_before_anything_is_made() {
    let boxes = Mailboxes::new();
    let host = Domain::parse("h.example").unwrap();
    let delivery = Delivery::new(boxes.mail(), &host, Some(Bytes(u64::MAX)));
    assert_eq!(delivery.space(None), Err(Error::NoSpace));
    let drafts = delivery.open(vec![boxes.target("anna")], None);
    assert_eq!(drafts.faults(), [Some(Error::NoSpace)]);
    assert!(!boxes.mail().exists());
    assert_eq!(boxes.delivery().space(Some(Bytes(1))), Ok(()));
}

#[test]
fn nothing_is_made_before_there_is_text_for_it() {
    let boxes = Mailboxes::new();
    let mut drafts = boxes.delivery().open(vec![boxes.target("anna")], None);
    assert!(!drafts.have_files() && !boxes.mail().exists());
    drafts.write(b"");
    assert!(drafts.have_files());
    assert_eq!(names_in(&boxes.maildir("anna").join("tmp")).len(), 1);
    drop(drafts);
    let drafts = boxes.delivery().open(vec![boxes.target("anna")], None);
    assert!(drafts.publish(Together::AllOrNone)[0].is_ok(), "a message without a text is one, too");
    assert_eq!(boxes.messages("anna"), [boxes.target("anna").trace.as_bytes()]);
}

#[test]
fn a_purge_is_not_undone_by_a_message_that_was_on_its_way() {
    for given_up in [false, true] {
        let boxes = Mailboxes::new();
        let mut drafts = boxes.delivery().open(vec![boxes.target("anna")], None);
        drafts.write(MESSAGE);
        assert_eq!(names_in(&boxes.maildir("anna").join("tmp")).len(), 1);
        crate::maildrop::purge(&boxes.mail(), &boxes.account("anna")).unwrap();
        if given_up {
            drafts.give_up(&[0, 7]);
            assert_eq!(drafts.faults(), [Some(Error::GivenUp)]);
        }
        drop(drafts);
        assert!(!boxes.maildir("anna").exists());
    }
}

#[test]
fn a_copy_is_given_up_without_the_others() {
    let boxes = Mailboxes::new();
    let mut drafts = boxes.delivery().open(["anna", "bert"].map(|name| boxes.target(name)).into(), None);
    drafts.write(MESSAGE);
    drafts.give_up(&[0]);
    assert!(names_in(&boxes.maildir("anna").join("tmp")).is_empty());
    let made = drafts.publish(Together::Each);
    assert_eq!((&made[0], made[1].is_ok()), (&Err(Error::GivenUp), true));
    assert_eq!((boxes.messages("anna").len(), boxes.messages("bert").len()), (0, 1));
}

#[test]
fn text_may_come_in_pieces_and_stands_behind_the_trace_lines_of_each() {
    let boxes = Mailboxes::new();
    let mut drafts = boxes.delivery().open(["anna", "bert"].map(|name| boxes.target(name)).into(), None);
    MESSAGE.chunks(7).for_each(|piece| drafts.write(piece));
    let published = drafts.publish(Together::AllOrNone);
    for (name, published) in ["anna", "bert"].iter().zip(published) {
        assert_eq!(boxes.messages(name), [boxes.expected(name)]);
        assert_eq!(published.unwrap().bytes, Bytes(boxes.expected(name).len() as u64));
    }
}

#[test]
fn the_disk_is_not_asked_again_for_those_without_a_quota() {
    let boxes = Mailboxes::new();
    let delivery = boxes.delivery();
    let anna = || vec![boxes.target("anna")];
    assert!(delivery.open_unseen(anna(), None).is_err(), "nobody has asked yet");
    delivery.space(None).unwrap();
    let limited = vec![boxes.target("anna"), Target { quota: Some(Bytes(1)), ..boxes.target("bert") }];
    assert_eq!(delivery.open_unseen(limited, None).unwrap_err().len(), 2);
    assert!(delivery.open_unseen(anna(), Some(Bytes(u64::MAX))).is_err());
    let mut drafts = delivery.open_unseen(anna(), Some(Bytes(10))).unwrap();
    drafts.write(MESSAGE);
    assert!(drafts.publish(Together::AllOrNone)[0].is_ok());
    assert_eq!(boxes.messages("anna"), [boxes.expected("anna")]);
}

#[test]
fn a_mailbox_with_a_quota_is_read_once_for_all_who_ask_at_the_moment() {
    let boxes = Mailboxes::new();
    let delivery = boxes.delivery_on(Twin::sound());
    let size = boxes.expected("anna").len() as u64;
    let target = || Target { quota: Some(Bytes(2 * size)), ..boxes.target("anna") };
    let (anna, quota) = (boxes.account("anna"), Some(Bytes(2 * size)));
    let deliver = |drafts: Drafts<Twin>| drafts.finish(MESSAGE, Together::AllOrNone).remove(0);
    deliver(delivery.open(vec![target()], None)).unwrap();
    assert!(delivery.room(&anna, quota, Some(Bytes(size))).is_ok());
    delivery.space(None).unwrap();
    let before = delivery.shared.tree.disk.steps();
    for _ in 0..100 {
        assert!(delivery.room(&anna, quota, Some(Bytes(size))).is_ok());
        assert!(delivery.open_unseen(vec![target()], None).is_ok());
    }
    assert_eq!(delivery.shared.tree.disk.steps(), before, "the disk was not asked");
    deliver(delivery.open_unseen(vec![target()], None).unwrap()).unwrap();
    assert!(!delivery.had_room(&anna, quota, None), "what was delivered counts at once");
    assert_eq!(delivery.room(&anna, quota, None), Err(Error::OverQuota));
    let before = delivery.shared.tree.disk.steps();
    assert_eq!(delivery.room(&anna, quota, None), Err(Error::OverQuota));
    assert_eq!(delivery.shared.tree.disk.steps() - before, 4, "the folders are opened and not read");
}

#[test]
fn a_message_is_judged_by_what_lies_there_at_its_end() {
    let boxes = Mailboxes::new();
    let size = boxes.expected("anna").len() as u64;
    let target = || Target { quota: Some(Bytes(size)), ..boxes.target("anna") };
    let (delivery, anna) = (boxes.delivery(), boxes.account("anna"));
    std::fs::create_dir_all(boxes.maildir("anna").join("new")).unwrap();
    assert!(delivery.room(&anna, Some(Bytes(size)), None).is_ok());
    std::fs::write(boxes.maildir("anna").join("new/foreign"), "x").unwrap();
    assert!(delivery.room(&anna, Some(Bytes(size)), None).is_ok(), "a moment old");
    let drafts = delivery.open(vec![target()], None);
    assert_eq!(drafts.faults(), [None]);
    assert_eq!(drafts.finish(MESSAGE, Together::AllOrNone), [Err(Error::OverQuota)]);
}

#[test]
fn the_reserve_is_looked_at_again_before_anything_is_written() {
    let boxes = Mailboxes::new();
    let mut drafts = boxes.delivery().open(vec![boxes.target("anna")], None);
    // Between 354 and the text somebody else has filled the disk.
    let full = Delivery::new(boxes.mail(), &Domain::parse("h.example").unwrap(), Some(Bytes(u64::MAX)));
    drafts.shared = Arc::clone(&full.shared);
    drafts.write(MESSAGE);
    assert_eq!(drafts.faults(), [Some(Error::NoSpace)]);
    assert!(!drafts.have_files() && !boxes.mail().exists());
    assert_eq!(drafts.publish(Together::Each), [Err(Error::NoSpace)]);
}

#[test]
fn no_link_in_the_mail_tree_is_followed() {
    for link in ["example.org", "example.org/anna", "example.org/anna/tmp", "example.org/anna/new"] {
        let boxes = Mailboxes::new();
        let outside = boxes.root().join("outside");
        for folder in ["anna/tmp", "anna/new", "tmp", "new"] {
            std::fs::create_dir_all(outside.join(folder)).unwrap();
        }
        let link = boxes.mail().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&outside, &link).unwrap();
        let error = boxes.deliver(boxes.target("anna")).unwrap_err();
        assert!(matches!(&error, Error::Temporary(why) if why.contains("example.org")), "{error:?}");
        assert!(names_in(&outside.join("new")).is_empty() && names_in(&outside.join("anna/new")).is_empty());
    }
}

#[test]
fn names_stay_unique_though_the_clock_stands_still_or_jumps_back() {
    fn stopped() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1)
    }
    let boxes = Mailboxes::new();
    let host = Domain::parse("h.example").unwrap();
    let delivery = Delivery::on(OsDisk, boxes.mail(), &host, Some(Bytes(0)), stopped);
    for _ in 0..20 {
        let mut drafts = delivery.open(vec![boxes.target("anna")], None);
        drafts.write(MESSAGE);
        assert!(drafts.publish(Together::AllOrNone)[0].is_ok());
    }
    assert_eq!(boxes.messages("anna").len(), 20);
}

#[test]
fn a_name_that_is_taken_is_never_replaced() {
    let taken = ["one", "two", "three"];
    let mut next = taken.iter();
    let make = |name: &std::ffi::OsString| {
        if name == "three" { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    };
    let (name, ()) = draft::unused_name(|| next.next().unwrap().into(), make).unwrap();
    assert_eq!(name, "three");
    let never = |_: &std::ffi::OsString| Err::<(), _>(io::ErrorKind::AlreadyExists.into());
    assert!(draft::unused_name(|| "x".into(), never).is_err(), "it gives up in the end");
}

#[test]
fn the_faults_of_a_disk_are_told_apart() {
    use nix::errno::Errno;
    for (errno, no_space) in [
        (Errno::ENOSPC, true),
        (Errno::EDQUOT, true),
        (Errno::EIO, false),
        (Errno::EROFS, false),
        (Errno::EACCES, false),
    ] {
        let error = Error::from(io::Error::from(errno));
        assert_eq!(error == Error::NoSpace, no_space, "{errno}");
        let with_path = Error::from(folder::at(Path::new("/x"), errno.into()));
        assert_eq!(with_path == Error::NoSpace, no_space, "{errno} with its path");
    }
}

#[test]
fn many_senders_and_a_collector_share_a_mailbox() {
    const SENDERS: usize = 4;
    const EACH: usize = 8;
    let boxes = Mailboxes::new();
    let (delivery, maildrops) = (boxes.delivery(), Maildrops::new(boxes.mail()));
    let (target, anna) = (boxes.target("anna"), boxes.account("anna"));
    let mut collected = std::collections::BTreeSet::new();
    let mut collect = || {
        let maildrop = maildrops.open(&anna, Peer::Unix).unwrap();
        let all = 0..maildrop.entries().len();
        let fresh = maildrop.entries().iter().all(|entry| collected.insert(entry.unique_id.clone()));
        assert!(fresh, "a unique-id came twice, or a message that was deleted came back");
        let deleted: Vec<_> = all.filter_map(crate::mail::MessageNumber::from_index).collect();
        let changes = crate::maildrop::Changes { deleted, seen: Vec::new() };
        assert_eq!(maildrop.update(&changes).unwrap().failed, 0);
    };
    std::thread::scope(|scope| {
        let send = || {
            for _ in 0..EACH {
                let mut drafts = delivery.open(vec![target.clone()], None);
                drafts.write(MESSAGE);
                assert!(drafts.publish(Together::AllOrNone)[0].is_ok());
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        while !senders.iter().all(|sender| sender.is_finished()) {
            collect();
        }
    });
    collect();
    assert_eq!(collected.len(), SENDERS * EACH, "accepted = collected");
}
