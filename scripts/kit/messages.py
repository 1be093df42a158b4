"""Messages that programs like to break, and the comparison that notices it."""

MARK = b"X-Begin: here\n"


def nasty(number):
    """Dots at line starts, octets above 127, a long line, blanks at line ends, empty lines at the end.

    With LF line ends, as a Maildir holds it. The long line has 990 octets: RFC 5322, 2.1.1 allows
    998, and Postfix folds what is longer.
    """
    return MARK + b"\n".join([
        b"From: Bob <bob@example.net>",
        b"To: Anna <anna@example.org>",
        b"Subject: message %d" % number,
        b"Date: Sun, 22 Nov 2026 04:00:00 +0000",
        b"Message-ID: <%d@example.net>" % number,
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit",
        b"",
        b".",
        b"..",
        b".one dot at the start",
        b"...three",
        b"Gr\xc3\xbc\xc3\x9fe, and an octet that is not UTF-8: \xe9",
        b"From the start of a line",
        b">From with a quote",
        b"blanks at the end   \t",
        b"x" * 990,
        b"." * 77,
        b"+OK -ERR 250 QUIT",
        b".",
        b"the last line that is not empty",
        b"",
        b"",
    ])


def body(octets):
    """From the mark on, with LF line ends: what the sender wrote, without anybody's trace lines."""
    text = octets.replace(b"\r\n", b"\n")
    return text[text.find(MARK):] if MARK in text else text


def same(found, sent):
    """Says what differs between two heaps of messages, or nothing."""
    found, sent = sorted(map(body, found)), sorted(sent)
    if len(found) != len(sent):
        return f"{len(found)} messages instead of {len(sent)}"
    for one, other in zip(found, sent):
        if one != other:
            at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
            return f"octet {at}: {one[at - 10:at + 20]!r} instead of {other[at - 10:at + 20]!r}"
    return None
