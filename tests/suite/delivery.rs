//! From the SMTP port to the Maildir to the POP3 port: the same octets, once, with their trace.

use crate::harness::Server;

/// The trace fields on top of a message, and the message itself.
fn without_trace(message: &[u8]) -> (String, Vec<u8>) {
    let mut end = 0;
    for (index, line) in message.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let trace = match index {
            0 => line.starts_with(b"Return-Path: "),
            1 => line.starts_with(b"Delivered-To: "),
            2 => line.starts_with(b"Received: "),
            _ => line.starts_with(b"\t"),
        };
        if !trace {
            assert!(index > 2, "no trace on top of {:?}", String::from_utf8_lossy(message));
            break;
        }
        end += line.len();
    }
    (String::from_utf8(message[..end].to_vec()).unwrap(), message[end..].to_vec())
}

/// Sent with DATA, got with RETR, and LIST told the truth.
#[track_caller]
fn comes_back_as(server: &Server, sent: &[u8], expected: &[u8]) {
    server.send(&["anna@example.org"], sent);
    let mut client = server.log_in("anna@example.org");
    let last = client.list().pop().unwrap();
    let got = client.retr(last.0);
    assert_eq!(last.1, got.len(), "LIST and RETR");
    let (_, message) = without_trace(&got);
    let shown = |octets: &[u8]| String::from_utf8_lossy(&octets[..octets.len().min(300)]).into_owned();
    assert!(message == expected, "sent {:?}\ngot  {:?}", shown(sent), shown(&message));
    client.ask(&format!("DELE {}", last.0), "+OK");
    client.quit();
}

#[test]
fn every_octet_comes_back() {
    let server = Server::start("");
    let every_octet: Vec<u8> = (0..=255).filter(|octet| !b"\r\n".contains(octet)).collect();
    for message in [
        &b""[..],
        b"Subject: x\r\n\r\nhello\r\n",
        b"no header at all\r\n",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b".\r\n",
        b"..\r\n.\r\n.a\r\n...\r\n",
        b"Subject: x\r\n\r\na\rb\r\n",
        b"Subject: x\r\n\r\na\r\r\nb\r\r\r\n",
        b"Subject: x\r\n\r\n\r\r\n",
        b"Subject: x\r\n\r\n\0\0a\0\r\n",
        b"Subject: \xc3\xa4\r\n\r\n\xff\xfe\x80\r\n",
        b"From the start\r\nFrom here\r\n",
        &[b"Subject: all\r\n\r\n", every_octet.as_slice(), b"\r\n"].concat(),
        &[b"Subject: long\r\n\r\n", "x".repeat(100_000).as_bytes(), b"\r\n"].concat(),
        &[b"X-Long: ", "y".repeat(100_000).as_bytes(), b"\r\n\r\n.\r\n"].concat(),
    ] {
        comes_back_as(&server, message, message);
    }
}

#[test]
fn a_bare_newline_is_kept_as_a_line_end() {
    let server = Server::start("");
    comes_back_as(&server, b"Subject: x\n\na\nb\n\r\nc\r\n", b"Subject: x\r\n\r\na\r\nb\r\n\r\nc\r\n");
}

#[test]
fn ten_megabytes_come_back() {
    let server = Server::start("");
    let line = b"The quick brown fox jumps over the lazy dog, and nobody minds it.\r\n";
    let message = [b"Subject: large\r\n\r\n".to_vec(), line.repeat(10_000_000 / line.len())].concat();
    comes_back_as(&server, &message, &message);
}

#[test]
fn a_message_in_chunks_comes_back() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<c@example.net> BODY=8BITMIME", "250 ");
    client.ask("RCPT TO:<anna@example.org>", "250 ");
    client.send(b"BDAT 14\r\nSubject: x\r\n\r\n");
    client.expect("250 ");
    // Everything in one packet, as Exim does; dots mean nothing here, and a line end may be cut.
    client.send(b"BDAT 4\r\n.\r\n\rBDAT 0\r\nBDAT 6 LAST\r\n\n.\r\na\rQUIT\r\n");
    for wanted in ["250 ", "250 ", "250 2.0.0", "221 "] {
        client.expect(wanted);
    }
    client.closed();
    let (_, message) = without_trace(&server.log_in("anna").retr(1));
    // POP3 cannot send a message without a line end at its end.
    assert_eq!(String::from_utf8(message).unwrap(), "Subject: x\r\n\r\n.\r\n\r\n.\r\na\r\r\n");
}

#[test]
fn only_cr_lf_dot_cr_lf_ends_a_message() {
    let server = Server::start("");
    for (index, end) in ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\n\0.\r\n"]
        .iter()
        .enumerate()
    {
        let smuggled = "MAIL FROM:<x@example.net>\r\nRCPT TO:<bert@example.org>\r\nDATA\r\nsmuggled\r\n";
        let mut client = server.smtp();
        client.ask("EHLO mx", "250 ");
        client.ask("MAIL FROM:<c@example.net>", "250 ");
        client.ask("RCPT TO:<anna@example.org>", "250 ");
        client.ask("DATA", "354 ");
        client.send(format!("Subject: {index}\r\n\r\ntext{end}{smuggled}.\r\n").as_bytes());
        client.expect("250 2.0.0");
        client.quit();
        let stored = server.files("anna@example.org", "new");
        assert_eq!(stored.len(), index + 1, "{end:?}");
        assert!(server.files("bert@example.org", "new").is_empty(), "{end:?} lets a message through");
    }
    for message in server.files("anna@example.org", "new") {
        let text = std::fs::read_to_string(&message).unwrap();
        assert!(text.ends_with("DATA\nsmuggled\n"), "{text:?}");
    }
}

#[test]
fn the_trace_is_ours_and_the_senders_return_path_is_removed() {
    let server = Server::start("");
    server.send(
        &["anna+shop@example.org"],
        b"Return-Path: <liar@example.com>\r\nX-First: 1\r\nreturn-path:\r\n <other@example.com>\r\nX-Last: 2\r\n\r\n\
          Return-Path: <body@example.com>\r\n",
    );
    let stored = &server.files("anna@example.org", "new")[0];
    let on_disk = std::fs::read(stored).unwrap();
    assert!(!on_disk.contains(&b'\r'), "LF line ends on the disk");
    let (trace, message) = without_trace(&server.log_in("anna").retr(1));
    assert_eq!(
        String::from_utf8(message).unwrap(),
        "X-First: 1\r\nX-Last: 2\r\n\r\nReturn-Path: <body@example.com>\r\n"
    );
    let lines: Vec<&str> = trace.lines().collect();
    assert_eq!(lines[0], "Return-Path: <carl@example.net>");
    assert_eq!(lines[1], "Delivered-To: anna@example.org");
    let received = lines[2..].join(" ");
    for wanted in
        ["from mx.example.net", "([127.0.0.1])", "by mail.example.org with ESMTP ", "<anna+shop@example.org>"]
    {
        assert!(received.contains(wanted), "{wanted:?} in {received}");
    }
    assert!(lines.iter().all(|line| line.len() <= 78), "{trace}");
    let id = received.split_whitespace().skip_while(|word| *word != "id").nth(1).unwrap();
    server.wait_for_log(&format!("id={id} "));
}

#[test]
fn the_null_reverse_path_is_kept() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.ask("HELO mx", "250 ");
    client.send_message("", &["anna@example.org"], b"Subject: bounce\r\n\r\n");
    client.quit();
    let (trace, _) = without_trace(&server.log_in("anna").retr(1));
    assert!(trace.starts_with("Return-Path: <>\r\n"), "{trace}");
    assert!(trace.contains(" with SMTP"), "{trace}");
}

#[test]
fn a_loop_is_ended_after_a_hundred_hops() {
    let server = Server::start("");
    let hops = |count: usize| [b"Received: from a by b\r\n".repeat(count), b"\r\nx\r\n".to_vec()].concat();
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.transaction("c@example.net", &["anna@example.org"], &hops(100), "250 2.0.0");
    client.transaction("c@example.net", &["anna@example.org"], &hops(101), "554 5.4.6");
    // Received lines of a quoted message in the body do not count.
    let quoted = [b"Subject: x\r\n\r\n".to_vec(), hops(300)].concat();
    client.transaction("c@example.net", &["anna@example.org"], &quoted, "250 2.0.0");
    client.quit();
    assert_eq!(server.files("anna@example.org", "new").len(), 2);
    assert_eq!(server.files("anna@example.org", "tmp").len(), 0);
}

#[test]
fn one_mailbox_gets_one_copy() {
    let server = Server::start("");
    server.restante(&["alias", "add", "team@example.org", "anna@example.org", "bert@example.org"], "").done();
    server.send(
        &["anna@example.org", "ANNA@example.org", "anna+a@example.org", "team@example.org"],
        b"Subject: once\r\n\r\n",
    );
    assert_eq!(server.files("anna@example.org", "new").len(), 1);
    assert_eq!(server.files("bert@example.org", "new").len(), 1);
}

#[test]
fn a_helo_or_a_sender_writes_no_header() {
    let server = Server::start("");
    let mut client = server.smtp();
    client.send(b"HELO a\rX-Evil: 1\r\n");
    client.expect("");
    client.send(b"EHLO (a);\"<b>\r\n");
    client.expect("");
    client.ask("HELO mx", "250 ");
    client.send(b"MAIL FROM:<\"a\rX-Evil: 1\"@example.net>\r\n");
    client.expect("5");
    client.send_message("carl@example.net", &["anna@example.org"], b"Subject: x\r\n\r\n");
    client.quit();
    let stored = std::fs::read_to_string(&server.files("anna@example.org", "new")[0]).unwrap();
    assert!(!stored.contains("X-Evil"), "{stored}");
}

#[test]
fn smtputf8_is_spoken_when_asked_for() {
    let server = Server::start("");
    server.account("jörg@example.org", "secret");
    let mut client = server.smtp();
    client.ask("EHLO mx", "250 ");
    client.ask("MAIL FROM:<zoë@example.net> SMTPUTF8", "250 ");
    client.ask("RCPT TO:<jörg@example.org>", "250 ");
    client.ask("DATA", "354 ");
    client.send("Subject: grüße\r\n\r\n.\r\n".as_bytes());
    client.expect("250 2.0.0");
    client.quit();
    let stored = std::fs::read_to_string(&server.files("jörg@example.org", "new")[0]).unwrap();
    assert!(stored.contains("Return-Path: <zoë@example.net>") && stored.contains("UTF8SMTP"), "{stored}");
    let mut reader = server.pop3();
    reader.ask("UTF8", "+OK");
    reader.log_in("jörg@example.org", "secret");
    reader.ask("STAT", "+OK 1 ");
}
