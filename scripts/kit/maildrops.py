"""Maildrops of any size, made in seconds: files with the names that restante would have given them.

The one rule of the source that is repeated here is that of `src/maildrop/name.rs`; a server that did not
believe these names would open every file, and `pop3.login` in its log would show it in `ms`.
"""

import hashlib
import itertools
import os

HOST = b"mail.example.org"
counter = itertools.count()


def name(octets, lines, seconds=1_700_000_000):
    """A name for a file of so many octets and lines."""
    number = next(counter)
    stamp = b"%d.M%06dP%dQ%d" % (seconds + number // 1000, number % 1000 * 1000, 4711, number)
    rest = b"%s,S=%d,W=%d" % (HOST, octets, octets + lines)
    tag = hashlib.sha256(b"restante maildir name 1\0" + stamp + b"." + rest).hexdigest()[:8].encode()
    return b"%s.%s.%s" % (stamp, tag, rest)


def message(octets):
    """Of lines of 72 octets, the way mail is; LF line ends."""
    head = b"From: bob@example.net\nTo: anna@example.org\nSubject: bench\n\n"
    return (head + (b"x" * 71 + b"\n") * (octets // 72 + 1))[:octets - 1] + b"\n"


def fill(maildir, count, octets, folder="cur", flags=b":2,S"):
    """Makes a Maildir of `count` messages of `octets` octets. With 0 the files stay empty, for jobs that
    read none; their names promise 1,000 octets."""
    text = message(octets) if octets else b""
    size, lines = (octets, text.count(b"\n")) if octets else (1000, 14)
    for sub in ("tmp", "new", "cur"):
        os.makedirs(maildir / sub, mode=0o700, exist_ok=True)
    place = os.open(maildir / folder, os.O_RDONLY)
    flags = flags if folder == "cur" else b""
    for _ in range(count):
        file = os.open(name(size, lines) + flags, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=place)
        if text:
            os.write(file, text)
        os.close(file)
    os.fsync(place)
    os.close(place)
