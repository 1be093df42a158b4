//! Command lines, good and bad.

use super::*;
use proptest::prelude::*;

fn parsed(line: &str) -> Command {
    Command::parse(line.as_bytes()).unwrap_or_else(|reply| panic!("{line:?}: {reply:?}"))
}

fn refused(line: &[u8]) -> Reply {
    Command::parse(line).expect_err(&String::from_utf8_lossy(line))
}

fn sender(line: &str) -> Mail {
    match parsed(line) {
        Command::Mail(mail) => mail,
        other => panic!("{line:?}: {other:?}"),
    }
}

#[test]
fn commands_in_any_case_with_blanks_behind() {
    for (line, command) in [
        ("data", Command::Data),
        ("Data  ", Command::Data),
        ("RSET\t", Command::Rset),
        ("noop anything at all", Command::Noop),
        ("quit", Command::Quit),
        ("StartTLS", Command::StartTls),
        ("VRFY x", Command::Vrfy),
        ("EXPN", Command::Expn),
        ("HELP mail", Command::Help),
        ("helo printer", Command::Hello(Greeting::Helo, "printer".to_owned())),
        ("EHLO [127.0.0.1]", Command::Hello(Greeting::Ehlo, "[127.0.0.1]".to_owned())),
        ("LHLO two words", Command::Hello(Greeting::Lhlo, "two words".to_owned())),
        ("BDAT 0 LAST", Command::Bdat { octets: 0, last: true }),
        ("bdat 18446744073709551615", Command::Bdat { octets: u64::MAX, last: false }),
        ("GET / HTTP/1.1", Command::Http),
        ("Host: mail.example.org", Command::Http),
    ] {
        assert_eq!(parsed(line), command, "{line:?}");
    }
}

#[test]
fn the_path_of_mail_as_peers_write_it() {
    for (line, path) in [
        ("MAIL FROM:<>", "<>"),
        ("mail from:<a@x.org>", "<a@x.org>"),
        ("MAIL FROM: <a@x.org>", "<a@x.org>"),
        ("MAIL FROM : <a@x.org>  ", "<a@x.org>"),
        ("MAIL FROM:a@x.org", "<a@x.org>"),
        ("MAIL FROM: a@x.org SIZE=4", "<a@x.org>"),
        ("MAIL FROM:<\"a>b\\\"\"@x.org> SIZE=4", "<\"a>b\\\"\"@x.org>"),
        ("MAIL FROM:<@r.example:a@x.org>", "<a@x.org>"),
    ] {
        assert_eq!(sender(line).reverse_path.to_string(), path, "{line:?}");
    }
}

#[test]
fn the_parameters_of_mail() {
    let mail = sender("MAIL FROM:<grüße@x.org> size=70 body=8bitmime smtputf8");
    assert_eq!((mail.size, mail.smtputf8), (Some(70), true));
    assert!(!sender("MAIL FROM:<> BODY=7BIT").smtputf8);
    assert_eq!(sender("MAIL FROM:<> SIZE=99999999999999999999").size, Some(u64::MAX));
    for (parameter, reply) in [
        ("SIZE=", Reply::BAD_PARAMETER),
        ("SIZE=-1", Reply::BAD_PARAMETER),
        ("SIZE=+1", Reply::BAD_PARAMETER),
        ("SIZE", Reply::BAD_PARAMETER),
        ("SMTPUTF8=1", Reply::BAD_PARAMETER),
        ("BODY", Reply::BAD_PARAMETER),
        ("BODY=", Reply::UNKNOWN_PARAMETER),
        ("BODY=BINARYMIME", Reply::UNKNOWN_PARAMETER),
        ("AUTH=<>", Reply::UNKNOWN_PARAMETER),
        ("RET=HDRS", Reply::UNKNOWN_PARAMETER),
    ] {
        assert_eq!(refused(format!("MAIL FROM:<> {parameter}").as_bytes()), reply, "{parameter}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (line, reply) in [
        (&b""[..], Reply::UNKNOWN_COMMAND),
        (b"XYZZY", Reply::UNKNOWN_COMMAND),
        (b"\xff\xfe", Reply::UNKNOWN_COMMAND),
        (b" NOOP", Reply::UNKNOWN_COMMAND),
        (b"DATA now", Reply::NO_ARGUMENT),
        (b"QUIT please", Reply::NO_ARGUMENT),
        (b"STARTTLS x", Reply::NO_ARGUMENT),
        (b"VRFY", Reply::ARGUMENT_MISSING),
        (b"EHLO", Reply::BAD_HELLO),
        (b"EHLO a\0b", Reply::BAD_HELLO),
        (b"EHLO a\rX-Forged: b", Reply::BAD_HELLO),
        (b"MAIL", Reply::MAIL_SYNTAX),
        (b"MAIL FROM:", Reply::MAIL_SYNTAX),
        (b"MAIL TO:<a@x.org>", Reply::MAIL_SYNTAX),
        (b"MAIL FROM:<a@x.org", Reply::MAIL_SYNTAX),
        (b"MAIL FROM:<a@x.org>SIZE=1", Reply::MAIL_SYNTAX),
        (b"MAIL FROM:<a>", Reply::BAD_SENDER),
        (b"MAIL FROM:<a@x.org\rX: y>", Reply::BAD_SENDER),
        (b"MAIL FROM:<gr\xc3\xbc\xc3\x9fe@x.org>", Reply::NEEDS_SMTPUTF8),
        (b"MAIL FROM:<gr\xfc@x.org> SMTPUTF8", Reply::NEEDS_SMTPUTF8),
        (b"RCPT", Reply::RCPT_SYNTAX),
        (b"RCPT FROM:<a@x.org>", Reply::RCPT_SYNTAX),
        (b"RCPT TO:<>", Reply::BAD_RECIPIENT),
        (b"RCPT TO:<a@x.org> NOTIFY=NEVER", Reply::UNKNOWN_PARAMETER),
        (b"BDAT", Reply::BDAT_SYNTAX),
        (b"BDAT -1", Reply::BDAT_SYNTAX),
        (b"BDAT +1", Reply::BDAT_SYNTAX),
        (b"BDAT 1x", Reply::BDAT_SYNTAX),
        (b"BDAT 18446744073709551616", Reply::BDAT_SYNTAX),
        (b"BDAT 4 FIRST", Reply::BDAT_SYNTAX),
    ] {
        assert_eq!(refused(line), reply, "{:?}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_recipient_needs_no_domain_when_it_is_postmaster() {
    assert_eq!(parsed("RCPT TO:<Postmaster>"), Command::Rcpt(ForwardPath::Postmaster));
    assert_eq!(refused(b"RCPT TO:<anna>"), Reply::BAD_RECIPIENT);
}

proptest! {
    #[test]
    fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..80), verb in "(MAIL FROM:|RCPT TO:|BDAT |EHLO |)<?") {
        let _ = Command::parse(&[verb.as_bytes(), &line].concat());
    }
}
