//! What strangers write into a mailbox, or its owner, to get at the move itself.

use super::*;
use crate::import::mbox::scan::index_up_to;

#[test]
fn a_length_that_no_file_has_is_not_believed() {
    for length in [i64::MAX as u64 - 20, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let letter = format!("{FROM}Subject: x\nContent-Length: {length}\n\nbody\n\n");
        let mailbox = Mailbox::new(letter.repeat(2));
        let inventory = mailbox.inventory(Server::Dovecot).unwrap();
        assert_eq!(inventory.messages.len(), 2, "{length}");
    }
}

#[test]
fn a_file_of_nothing_but_from_lines_has_its_end() {
    let habits = Server::Uw.habits();
    // Looked at once for each block: the file has more than one.
    let mailbox = Mailbox::new(format!("{FROM}\n").repeat(2 * limits::COUNT_BLOCK / FROM.len()));
    let file = File::open(mailbox.path()).unwrap();
    let error = index_up_to(3, &file, habits, Identity::Written).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert!(index_up_to(10_000, &file, habits, Identity::Written).unwrap().is_some());
}
