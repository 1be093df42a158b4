"""A throw-away restante whose disk may be a small or a broken one, and the questions that are asked of it.

Knows disks, the outside of the server, and nothing of its source.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

from checks import run
from trial import HOST, Line, Trial, stuffed

FULL = b"452 4.3.1"
FAULT = b"451 4.3.0"
TEXT = b"Subject: hello\n\nhello\n"


class House(Trial):
    """`with House(disk=tmpfs("8m")) as server:`; `changes` replaces lines of the configuration."""

    def __init__(self, settings="", disk=None, wrapper=(), owner=None, changes=()):
        super().__init__(settings=settings)
        self.disk, self.wrapper, self.owner, self.changes = disk, wrapper, owner, changes

    def config_text(self):
        text = super().config_text()
        for old, new in self.changes:
            assert old in text, old
            text = text.replace(old, new)
        return text

    def prepare(self):
        self.data = self.dir / "data"
        self.data.mkdir(mode=0o700)
        if self.disk:
            self.disk(self.data, self.dir)
            self.data.chmod(0o700)
            shutil.rmtree(self.data / "lost+found", ignore_errors=True)
        if self.owner:
            shutil.chown(self.data, self.owner)

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        if self.disk:
            subprocess.run(["umount", "--lazy", self.data], capture_output=True)
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def wait_for(self, port):
        try:
            super().wait_for(port)
        except SystemExit as why:
            raise AssertionError(str(why)) from why  # The other checks get their turn.

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(40)
        assert status == 0, f"exit status {status}: {self.said()}"

    def again(self):
        self.stop()
        self.start()

    def said(self):
        """The end of the log."""
        return " | ".join(self.log.read_text().splitlines()[-4:])

    @contextmanager
    def sender(self):
        with Line(self.smtp) as smtp:
            smtp.expect(b"220")
            smtp.ask(f"EHLO {HOST}", b"250")
            yield smtp

    def send(self, *accounts, text=TEXT, size=None):
        """What the server says to a message in the end, or to the command at which it refuses."""
        with self.sender() as smtp:
            return send(smtp, *accounts, text=text, size=size)

    @contextmanager
    def reader(self, account):
        with Line(self.pop3) as pop3:
            pop3.log_in(account)
            yield pop3

    def count(self, account):
        """How many messages a login finds."""
        with self.reader(account) as pop3:
            return stat(pop3)

    def refusal(self, account):
        """What is answered to a login."""
        with Line(self.pop3) as pop3:
            pop3.expect(b"+OK")
            pop3.ask(f"USER {account.address}", b"+OK")
            pop3.send(f"PASS {account.password}\r\n".encode())
            return pop3.file.readline()

    def reads_and_deletes(self, account):
        """Logs in, reads the first message, deletes it; it is gone."""
        with self.reader(account) as pop3:
            before = stat(pop3)
            pop3.ask("RETR 1", b"+OK")
            assert b"hello\r\n" in pop3.body(), "not the message"
            pop3.ask("DELE 1", b"+OK")
            pop3.ask("QUIT", b"+OK")
        assert self.count(account) == before - 1, "it is still there"

    def memory(self):
        """KiB that are resident."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def send(smtp, *accounts, text=TEXT, size=None):
    """One message on a greeted connection; see `House.send`."""
    commands = ["MAIL FROM:<bob@example.net>" + (f" SIZE={size}" if size else "")]
    commands += [f"RCPT TO:<{account.address}>" for account in accounts]
    for command, good in [(command, b"250") for command in commands] + [("DATA", b"354")]:
        smtp.send(command.encode() + b"\r\n")
        said = smtp.file.readline()
        if not said.startswith(good):
            smtp.ask("RSET", b"250")
            return said
    smtp.send(stuffed(text))
    return smtp.file.readline()


def stat(pop3):
    return int(pop3.ask("STAT", b"+OK").split()[1])


def begins(said, wanted):
    assert said.startswith(wanted), f"expected {wanted!r}, got {said!r}"


def in_tmp(account):
    """What lies in tmp/: nothing must, between two messages."""
    return [file.name for file in (account.maildir / "tmp").glob("*")]


def until(what, holds, limit=10):
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {limit} s"
        time.sleep(0.02)


# ---- Disks ---------------------------------------------------------------------------------------

def tmpfs(options):
    return lambda at, _: run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", at])


def in_file(kind, size, *mkfs, options="loop"):
    """A file system in a file beside the mount point, `disk.img`."""
    def mount(at, beside):
        image = beside / "disk.img"
        with image.open("wb") as file:
            file.truncate(size)
        # Without blocks kept for root: full is full for everybody.
        run([f"mkfs.{kind}", "-q", "-m", "0", *mkfs, image])
        run(["mount", "-o", options, image, at])
    return mount


def fill(folder, leave=0):
    """Fills the disk until no more than `leave` bytes are free; gives the file to remove."""
    file = folder / "ballast"
    with file.open("ab", buffering=0) as ballast:
        for size in (1 << 20, 1 << 16, 1 << 10):
            # Some file systems find their last blocks only when what was written before is on the disk.
            while free(folder) >= leave + size or leave == 0:
                try:
                    ballast.write(b"x" * size)
                except OSError:
                    break
                if size > 1024:
                    os.fsync(ballast.fileno())
    return file


def free(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def use_up_inodes(folder):
    """Empty files until there is no inode; gives the folder that holds them."""
    heap = folder / "heap"
    heap.mkdir()
    number = 0
    try:
        while True:
            (heap / str(number)).touch()
            number += 1
    except OSError:
        return heap
