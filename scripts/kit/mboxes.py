"""Mboxes of many kinds: what mail tools on Unix wrote in thirty years, and what breaks readers of it."""

DATE = "Thu Nov 29 22:33:52 2001"


def message(sender=f"ada@example.net {DATE}", header="Subject: s\n", body="text\n", end="\n"):
    return f"From {sender}\n{header}\n{body}{end}".encode("latin-1")


def numbered(number, more=""):
    return (
        f"Received: from a by b\n\tid {number};\n\tThu, 29 Nov 2001 22:33:52 +0000\n"
        f"Received: from c by d id {number}\n"
        f"Date: Thu, 29 Nov 2001 22:33:{number:02} +0000\nMessage-ID: <{number}@example.net>\n"
        f"From: Ada <ada@example.net>\nSubject: number {number}\n{more}"
    )


def base(validity=1006995232, last=9):
    return f"X-IMAPbase: {validity} {last:010}\n"


PLAIN = b"".join(message(header=numbered(n), body=f"body {n}\n") for n in (1, 2, 3))
KNOWN = b"".join(
    message(header=numbered(n, (base() if n == 1 else "") + f"X-UID: {n * 2}\nStatus: RO\nX-Status: AF\nX-Keywords: $x\n"))
    for n in (1, 2, 3)
)
PSEUDO = message(
    sender=f"MAILER-DAEMON {DATE}",
    header=(
        "Date: 29 Nov 2001 22:33:52 +0000\nFrom: Mail System Internal Data <MAILER-DAEMON@old>\n"
        "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nMessage-ID: <1006995232@old>\n"
        "X-IMAP: 1006995232 0000000009\nStatus: RO\n"
    ),
    body="This text is part of the internal format of your mail folder, and is not\na real message.\n",
)


def in_body(text, blank):
    """One message with `text` as a line of its body, after an empty line or not."""
    gap = "\n" if blank else ""
    return message(header=numbered(1), body=f"before\n{gap}{text}\nafter\n") + message(header=numbered(2))


def with_length(length, body="a\n\nFrom b@c Thu Nov 29 22:33:52 2001\nSubject: inside\n\nd\n"):
    length = len(body) if length is None else length
    return message(header=f"Subject: s\nContent-Length: {length}\n", body=body) + message(header=numbered(2))


FROM_LINES = {
    "asctime": f"ada@example.net {DATE}",
    "day with a blank": "ada@example.net Thu Nov  9 22:33:52 2001",
    "day of one digit": "ada@example.net Thu Nov 9 22:33:52 2001",
    "no seconds": "ada@example.net Thu Nov 29 22:33 2001",
    "zone before the year": "ada@example.net Thu Nov 29 22:33:52 EET 2001",
    "long zone before the year": "ada@example.net Thu Nov 29 22:33:52 CEST 2001",
    "number before the year": "ada@example.net Thu Nov 29 22:33:52 +0200 2001",
    "zone after the year": "ada@example.net Thu Nov 29 22:33:52 2001 EET",
    "number after the year": "ada@example.net Thu Nov 29 22:33:52 2001 +0200",
    "remote from": f"ada {DATE} remote from example",
    "no sender": DATE,
    "two blanks": f"ada@example.net  {DATE}",
    "quoted sender": f'"ada b"@example.net {DATE}',
    "blank in the sender": f"ada b@example.net {DATE}",
    "rfc date": "ada@example.net Thu, 29 Nov 2001 22:33:52 +0200",
    "words only": "here to eternity",
    "28 octets and no date": "x" * 22,
    "27 octets and no date": "x" * 21,
    "year of two digits": "ada@example.net Thu Nov 29 22:33:52 01",
    "wrong month": "ada@example.net Thu Nox 29 22:33:52 2001",
    "small month": "ada@example.net thu nov 29 22:33:52 2001",
    "dash as Mozilla writes it": f"- {DATE}",
}
MBOXES = {
    "plain": PLAIN,
    "uids": KNOWN,
    "pseudo": PSEUDO + b"".join(message(header=numbered(n, f"X-UID: {n}\nStatus: RO\n")) for n in (1, 2, 3)),
    "pseudo alone": PSEUDO,
    "pseudo, some without uid": PSEUDO + message(header=numbered(1, "X-UID: 4\n")) + message(header=numbered(2)),
    "new mail behind uids": KNOWN + message(header=numbered(4)) + message(header=numbered(5)),
    "uid last too small": message(header=numbered(1, base(last=3) + "X-UID: 3\n")) + message(header=numbered(2, "X-UID: 7\n"))
    + message(header=numbered(3, "X-UID: 8\n")),
    "uids not ascending": message(header=numbered(1, base() + "X-UID: 5\n")) + message(header=numbered(2, "X-UID: 4\n"))
    + message(header=numbered(3, "X-UID: 6\n")),
    "uid twice": message(header=numbered(1, base() + "X-UID: 5\nX-UID: 6\n")) + message(header=numbered(2, "X-UID: 7\n")),
    "uid before base": message(header=numbered(1, "X-UID: 5\n" + base())) + message(header=numbered(2, "X-UID: 7\n")),
    "no uid in the middle": message(header=numbered(1, base() + "X-UID: 1\n")) + message(header=numbered(2))
    + message(header=numbered(3, "X-UID: 3\n")),
    "base in the second": message(header=numbered(1)) + message(header=numbered(2, base() + "X-UID: 2\n")),
    "uids without base": message(header=numbered(1, "X-UID: 1\n")) + message(header=numbered(2, "X-UID: 2\n")),
    "broken uid": message(header=numbered(1, base() + "X-UID: 1x\n")) + message(header=numbered(2, "X-UID: 2\n")),
    "base with keywords": message(header=numbered(1, f"X-IMAPbase: 7 12 $Forwarded Junk{' ' * 40}\nX-UID: 3{' ' * 20}\n")),
    "small letters": message(header=numbered(1, "x-imapbase: 7 0000000012\nx-uid: 3\nstatus: RO\nx-status: F\n")),
    "folded headers of its own": message(header=numbered(1, "X-Keywords: a\n b\n\tc\nStatus: R\n O\nX-Seen: 1\n")),
    "x-uidl": message(header=numbered(1, "X-UIDL: abc\"!\\d\n")) + message(header=numbered(2)),
    "x-uidl twice": message(header=numbered(1, "X-UIDL: one\nX-UIDL: two\n")) + message(header=numbered(2, "x-uidl:  three \n")),
    "x-uidl equal": message(header=numbered(1, "X-UIDL: one\n")) + message(header=numbered(2, "X-UIDL: one\n")),
    "equal messages": message(header=numbered(1)) * 3,
    "equal headers": message(header=numbered(1), body="a\n") + message(header=numbered(1), body="b\n"),
    "message-id in two ways": message(header="Message-Id: <a>\nSubject: x\n") + message(header="Message-ID: <a>\nSubject: x\n")
    + message(header="MESSAGE-ID: <a>\nsubject: x\n"),
    "date and received": message(header="Date: a\nReceived: b\n c\nMessage-ID: d\nReceived: e\nDate: f\n")
    + message(header="Message-ID: d\nDate: a\n b\nDelivered-To: x\nX-Delivery-ID: y\n")
    + message(header="DATE: a\nRECEIVED: b\nDelivered-to: c\nX-Delivery-Id: d\n"),
    "delivered-to folded": message(header="Delivered-To: a\n b\nX-Delivery-ID: c\n\td\n"),
    "blanks around values": message(header="Date:a\nMessage-ID:   b  \nDelivered-To:\t c\nX-Delivery-ID: \n"),
    "blank before colon": message(header="Date : a\nMessage-ID\t: b\nSubject: x\n"),
    "no fields": message(header="", body="only text\n") + message(header=numbered(2)),
    "line that is no field": message(header="Subject: a\nnot a field\nDate: b\n"),
    "text at once": message(header="just text\nmore text\n"),
    "empty body": message(header=numbered(1), body="", end="") + message(header=numbered(2)),
    "empty body, two lines": message(header=numbered(1), body="", end="\n") + message(header=numbered(2)),
    "header without end": f"From a {DATE}\nSubject: x\n".encode() + message(header=numbered(2)),
    "header without end, last": message() + f"From a {DATE}\nSubject: x\n".encode(),
    "nothing at all": f"From a {DATE}\n\n".encode() + message(header=numbered(2)),
    "nothing at all, last": message() + f"From a {DATE}\n\n".encode(),
    "from line alone, last": message() + f"From a {DATE}\n".encode(),
    "no blank line between": message(header=numbered(1), end="") + message(header=numbered(2)),
    "no blank line at the end": message(header=numbered(1)) + message(header=numbered(2), end=""),
    "no line end at the end": message(header=numbered(1)) + message(header=numbered(2))[:-2],
    "many blank lines at the end": message(header=numbered(1), end="\n\n\n") + message(header=numbered(2), end="\n\n\n"),
    "blank line first": b"\n" + message() + message(header=numbered(2)),
    "quoted from": message(header=numbered(1), body=f">From a\n\n>From b {DATE}\n\n>>From c\n >From d\n>from e\n>Fromage\n"),
    "quoted from in the header": message(header="Subject: a\n>From b\nDate: c\n"),
    "from in the body after blank, no date": in_body("From here to eternity and a bit", True),
    "from in the body, no date": in_body("From here to eternity and a bit", False),
    "from in the body after blank, short": in_body("From here", True),
    "from in the body": in_body(f"From a@b {DATE}", False),
    "content-length right": with_length(None),
    "content-length too small": with_length(3),
    "content-length far too large": with_length(100_000),
    "content-length at the end": message() + message(header="Content-Length: 5\n", body="text\n"),
    "content-length without blank line": message(header="Content-Length: 5\n", body="text\n", end="") + message(header=numbered(2)),
    "content-length one line too long": message(header="Content-Length: 6\n", body="text\n") + message(header=numbered(2)),
    "content-length zero": message(header="Content-Length: 0\n", body="", end="\n") + message(header=numbered(2)),
    "content-length broken": with_length("12x"),
    "crlf": b"".join(message(header=numbered(n), body=f"body {n}\n") for n in (1, 2, 3)).replace(b"\n", b"\r\n"),
    "crlf, uids": KNOWN.replace(b"\n", b"\r\n"),
    "crlf, some": message(header=numbered(1), body="a\r\nb\nc\rd\r\r\ne\r\n") + message(header=numbered(2)),
    "nul and 8 bit": message(header="Subject: gr\xfc\xdfe\n", body="a\0b\xe9\xff\n") + message(header=numbered(2)),
    "dots": message(header=numbered(1), body=".\n..\n.x\n\n.\n") + message(header=numbered(2)),
    "long lines": message(header="Subject: " + "s" * 3000 + "\nDate: x\n", body="y" * 5000 + "\n" + "From " + "z" * 2000 + "\n")
    + message(header=numbered(2)),
    "long line at a cut": message(header="Subject: " + "s" * 117 + "From \n", body="y" * 127 + f"From a {DATE} {'x' * 40}\nz\n"),
    "return path": message(header="Return-Path: <a@b>\n" + numbered(1)),
    "flags": b"".join(
        message(header=numbered(n + 1, f"Status: {status}\nX-Status: {x}\n"))
        for n, (status, x) in enumerate([("", ""), ("O", ""), ("RO", ""), ("R", "A"), ("RO", "F"), ("RO", "T"), ("OR", "AFT")])
    ),
    "deleted": message(header=numbered(1, "Status: RO\nX-Status: D\n")) + message(header=numbered(2, "Status: D\n")),
    "empty": b"",
    "not an mbox": b"Subject: x\n\ntext\n",
    "not an mbox, binary": bytes(range(256)) * 4,
} | {f"from line: {name}": message(header=numbered(1)) + message(sender=line, header=numbered(2)) for name, line in FROM_LINES.items()}
