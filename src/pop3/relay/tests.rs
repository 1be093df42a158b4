//! A relayed session is understood wherever TCP cuts it.

use super::*;

/// `C` lines are the mail program's, `S` lines the old server's, in their order.
fn played(turns: &[(char, &[u8])], cut: usize) -> Relayed {
    let mut relayed = Relayed::default();
    for (who, octets) in turns {
        let (first, second) = octets.split_at(cut.min(octets.len()));
        for part in [first, second] {
            match who {
                'C' => relayed.said(part),
                _ => relayed.answered(part),
            }
        }
    }
    relayed
}

fn deleted(turns: &[(char, &[u8])]) -> Vec<u32> {
    let longest = turns.iter().map(|(_, octets)| octets.len()).max().unwrap();
    let whole: Vec<u32> = played(turns, 0).deleted().collect();
    for cut in 0..=longest {
        let relayed = played(turns, cut);
        assert_eq!(relayed.deleted().collect::<Vec<_>>(), whole, "cut at {cut}");
        assert!(relayed.is_between(), "cut at {cut}");
    }
    whole
}

#[test]
fn what_is_deleted_is_known_at_quit() {
    let turns: [(char, &[u8]); 8] = [
        ('C', b"UIDL\r\n"),
        ('S', b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"),
        ('C', b"dele 1\r\n"),
        ('S', b"+OK\r\n"),
        ('C', b"DELE  3\r\nDELE 4\r\n"),
        ('S', b"+ok gone\r\n-ERR no message 4\r\n"),
        ('C', b"QUIT\r\n"),
        ('S', b"+OK goodbye\r\n"),
    ];
    assert_eq!(deleted(&turns), [1, 3]);
    assert_eq!(deleted(&turns[..6]), [0; 0], "without QUIT nothing is deleted");
}

#[test]
fn marks_that_were_taken_back_and_a_quit_that_failed_delete_nothing() {
    let reset: [(char, &[u8]); 2] =
        [('C', b"DELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\n"), ('S', b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n")];
    assert_eq!(deleted(&reset), [2]);
    let failed: [(char, &[u8]); 2] =
        [('C', b"DELE 1\r\nQUIT\r\n"), ('S', b"+OK\r\n-ERR [SYS/TEMP] disk\r\n")];
    assert_eq!(deleted(&failed), [0; 0]);
}

#[test]
fn the_text_of_a_message_is_no_answer() {
    let turns: [(char, &[u8]); 2] = [
        ('C', b"RETR 1\r\nTOP 2 0\r\nDELE 2\r\nRETR 9\r\nDELE 1\r\nQUIT\r\n"),
        (
            'S',
            b"+OK 20 octets\r\n+OK\r\n..\r\n\r\n.x\n-ERR\r\n.\r\n+OK\r\nA: 1\r\n\r\n.\r\n+OK\r\n-ERR no 9\r\n+OK\r\n+OK\r\n",
        ),
    ];
    assert_eq!(deleted(&turns), [1, 2]);
    let relayed = played(&turns, 0);
    assert!(relayed.has_quit() && relayed.is_over());
    assert_eq!(relayed.retrieved(), 1);
}

#[test]
fn single_lines_and_lists_are_told_apart() {
    let turns: [(char, &[u8]); 2] = [
        ('C', b"LIST 1\r\nUIDL 1\r\nLIST\r\nCAPA\r\nNOOP\r\nSTAT\r\nLANG *\r\nLANG\r\nXYZ\r\nDELE 1\r\nQUIT\r\n"),
        (
            'S',
            b"+OK 1 2\r\n+OK 1 a\r\n+OK\r\n1 2\r\n.\r\n+OK\r\nTOP\r\n.\r\n+OK\r\n+OK 1 2\r\n+OK\r\n+OK\r\nen\r\n.\r\n-ERR\r\n+OK\r\n+OK\r\n",
        ),
    ];
    assert_eq!(deleted(&turns), [1]);
}

#[test]
fn it_is_known_whether_an_answer_is_under_way() {
    let mut relayed = Relayed::default();
    assert!(relayed.is_between());
    relayed.said(b"RETR 1\r\nNO");
    assert_eq!((relayed.waiting(), relayed.is_between()), (1, false));
    relayed.answered(b"+OK\r\nSubject");
    assert_eq!((relayed.waiting(), relayed.is_between()), (0, false));
    relayed.answered(b": x\r\n");
    assert!(!relayed.is_between());
    relayed.answered(b".\r\n");
    assert!(relayed.is_between());
    relayed.answered(b"-ERR idle for too long\r\n");
    assert!(relayed.is_between() && relayed.deleted().next().is_none());
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut relayed = Relayed::default();
    for _ in 0..10 {
        relayed.said(&[b'x'; limits::POP3_LINE_MAX]);
        relayed.answered(&[b'+'; limits::POP3_LINE_MAX]);
    }
    assert_eq!(relayed.waiting(), 1, "too long, told once");
    relayed.said(b"\r\nQUIT\r\n");
    assert_eq!(relayed.waiting(), 2);
}
