"""Moves mailboxes of old servers into restante, and asks mail programs whether they notice.

    moving.py [PART OF A NAME]
"""

import hashlib
import os
import sys

sys.dont_write_bytecode = True

import checks
import moving_programs
import old_servers
from checks import check
from messages import nasty
from moving_new import New
from old_mail import KINDS, deliver

SERVERS = {
    "dovecot": old_servers.Dovecot,
    "courier": lambda users, _settings: old_servers.Courier(users),
    "solid-pop3d": lambda users, _settings: old_servers.SolidPop3d(users),
}


def add_kinds():
    for server, kinds in KINDS.items():
        for number, (name, how) in enumerate(kinds.items()):
            add_kind(server, name, f"{server.replace('-', '')}{number}", how)


def add_kind(server, name, user, how):
    make, settings, options, programs = how

    @check(f"{server}, {name}")
    def moves(new, folder):
        with SERVERS[server]([user], settings) as old:
            make(old, user)
            move(old, new, user, [Program(name, user, folder, new.front) for name in programs],
                 ["--server", server, *options])


def move(old, new, user, programs, options):
    """The whole way of one mailbox."""
    new.front.behind = old.pop3
    old.adopt(user)
    for program in programs:
        program.fetch()
        assert program.new(), f"{program.name} fetched nothing from the old server"
    for program in programs:
        program.fetch()
        program.settles()
    deliver(old.mail / user, 90)  # Nobody has seen this one.
    old.adopt(user)

    account = new.account(user)
    new.deliver(account, nasty(91))
    before = state_of(old.mail / user)
    report = new.imports("maildir", old.mail / user, account, options)
    assert report["imported"] == report["found"], report
    assert state_of(old.mail / user) == before, "the old Maildir was changed"

    with old.session(user) as there, new.session(account) as here:
        compare(listing(there), listing(here), old.mail / user)
    new.front.behind = new.pop3
    for program in programs:
        program.fetch()
        program.has_fetched([nasty(90), nasty(91)])
    for program in programs:
        program.fetch()
        program.has_fetched([])

    again = new.imports("maildir", old.mail / user, account, options)
    assert again["imported"] == 0 and again["already"] == report["found"], again
    deletes_stay(old, new, user, account, options, report["found"])


def deletes_stay(old, new, user, account, options, found):
    """What is deleted here does not come back, and what has come there since does."""
    with new.session(account) as line:
        line.ask("DELE 1", b"+OK")
        line.ask("QUIT", b"+OK")
    deliver(old.mail / user, 95)
    old.adopt(user)
    report = new.imports("maildir", old.mail / user, account, options)
    assert report["imported"] == 1, report
    with new.session(account) as line:
        count = int(line.ask("STAT", b"+OK").split()[1])
    assert count == found + 1, f"{count} messages instead of {found + 1}"


class Program:
    """A mail program, its settings and its memory."""

    def __init__(self, name, user, folder, front):
        self.name, self.user, self.front = name, user, front
        self.folder = folder / name
        self.folder.mkdir()
        self.seen = {}

    def fetch(self):
        before = dict(self.seen)
        getattr(moving_programs, self.name)(self.front.port, self.user, old_servers.PASSWORD, self.folder)
        self.seen = {file: file.read_bytes() for file in (self.folder / "inbox").rglob("*") if file.is_file()}
        self.fetched = [octets for file, octets in self.seen.items() if file not in before]

    def new(self):
        return len(self.fetched)

    def settles(self):
        """A program that fetches some of the old mail at each run cannot tell us anything."""
        assert not self.fetched, f"{self.name} fetches {len(self.fetched)} old messages again from the old server"

    def has_fetched(self, wanted):
        difference = moving_programs.same(self.fetched, wanted)
        assert difference is None, f"{self.name}, after the move: {difference}"


def listing(line):
    """Unique-ids, sizes and octets, as a program sees them."""
    line.ask("UIDL", b"+OK")
    ids = [shown.rstrip(b"\r\n").split(b" ", 1)[1] for shown in line.body()]
    line.ask("LIST", b"+OK")
    sizes = [int(shown.split()[1]) for shown in line.body()]
    octets = []
    for number in range(1, len(ids) + 1):
        line.ask(f"RETR {number}", b"+OK")
        octets.append(b"".join(text.removeprefix(b".") for text in line.body()))
    return list(zip(ids, sizes, octets))


def compare(there, here, maildir):
    """All old messages first, in their order; behind them, what was delivered here."""
    assert len(here) == len(there) + 1, f"{len(here)} messages, {len(there)} at the old server"
    for number, (old, new) in enumerate(zip(there, here), 1):
        assert old[0] == new[0], f"UIDL {number}: {new[0]!r} instead of {old[0]!r}"
        assert new[1] == len(new[2]), f"LIST {number} says {new[1]}, RETR sends {len(new[2])} octets"
        if old[2] != new[2]:
            assert is_excused(old[2], new[2], maildir), f"RETR {number}: {new[2][:80]!r} instead of {old[2][:80]!r}"
        elif old[1] == len(old[2]):  # Where the old server's LIST was right.
            assert old[1] == new[1], f"LIST {number}: {new[1]} instead of {old[1]}"


def is_excused(old, new, maildir):
    """Courier's error mails around 8-bit headers: what comes here is the file itself."""
    files = [file.read_bytes() for sub in ("new", "cur") for file in (maildir / sub).iterdir()]
    is_file = any(file.replace(b"\r\n", b"\n").rstrip(b"\n") == new.replace(b"\r\n", b"\n").rstrip(b"\n") for file in files)
    return b"Cannot display Unicode content" in old and is_file


def state_of(maildir):
    """Names, times and octets of all that lies there; of files the time of access, too."""
    state = []
    for path, folders, files in os.walk(os.fsencode(maildir)):
        for name in sorted(folders + files):
            full = os.path.join(path, name)
            stat = os.lstat(full)
            times = (stat.st_mtime_ns, stat.st_ctime_ns)
            if os.path.isdir(full):
                state.append((full, *times))  # To look into it here changes its time of access.
            else:
                state.append((full, *times, stat.st_atime_ns, hashlib.sha256(read_quietly(full)).digest()))
    return sorted(state)


def read_quietly(path):
    with open(os.open(path, os.O_RDONLY | os.O_NOATIME), "rb") as file:
        return file.read()


add_kinds()

if __name__ == "__main__":
    with New() as server:
        failed = checks.play(server, sys.argv[1] if len(sys.argv) > 1 else "")
        if failed:
            print(f"the server's last words:\n{server.log.read_text()[-3000:]}")
    sys.exit(1 if failed else 0)
