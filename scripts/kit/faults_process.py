"""A process that is told to end, is killed, has few descriptors, or a clock that jumps."""

import random
import signal
import threading
import time
from pathlib import Path

from checks import Skip, check, run
from house import House, begins, send, stat, until
from peers import answers
from trial import HOST, Line

KILLS = 30


@check("SIGTERM in the middle of a message: it is finished, and the process ends")
def sigterm_inside(_, _folder):
    with House() as server:
        anna = server.account()
        with server.sender() as smtp:
            smtp.ask("MAIL FROM:<>", b"250")
            smtp.ask(f"RCPT TO:<{anna.address}>", b"250")
            smtp.ask("DATA", b"354")
            smtp.send(b"Subject: half\r\n\r\n")
            server.process.send_signal(signal.SIGTERM)
            until("stopping", lambda: "serve.stopping" in server.log.read_text())
            time.sleep(0.3)
            smtp.send(b"the other half\r\n.\r\n")
            smtp.expect(b"250")
            smtp.expect(b"421")
        assert server.process.wait(5) == 0
        server.start()
        assert server.count(anna) == 1


@check("SIGTERM and a message that does not end: shutdown_grace, then 421, and nothing of it stays")
def sigterm_grace(_, _folder):
    with House('shutdown_grace = "1s"') as server:
        anna = server.account()
        begins(server.send(anna), b"250")
        with server.sender() as smtp, server.reader(anna) as pop3:
            smtp.ask("MAIL FROM:<>", b"250")
            smtp.ask(f"RCPT TO:<{anna.address}>", b"250")
            smtp.ask("DATA", b"354")
            smtp.send(b"Subject: half\r\n\r\n")
            pop3.ask("DELE 1", b"+OK")
            server.process.send_signal(signal.SIGTERM)
            smtp.expect(b"421")
            assert server.process.wait(5) == 0
        server.start()
        assert server.count(anna) == 1 and not list((anna.maildir / "tmp").iterdir())


class Load:
    """Senders and one collector that note what they were promised, until the server dies."""

    def __init__(self, server, accounts):
        self.server, self.accounts = server, accounts
        self.sent, self.collected, self.doubtful = set(), [], []
        self.number, self.faults, self.lock = 0, [], threading.Lock()

    def next(self):
        with self.lock:
            self.number += 1
            return f"n{self.number}x"

    def send(self, chance):
        with self.server.sender() as smtp:
            while True:
                token = self.next()
                text = f"Subject: {token}\n\n".encode() + b"z" * chance.choice((1, 3000, 200_000)) + b"\n"
                said = send(smtp, *chance.sample(self.accounts, 2), text=text)
                if said.startswith(b"250"):
                    self.sent.add(token)
                elif said:
                    self.faults.append(f"a sender was told {said!r}")

    def collect(self):
        while True:
            for account in self.accounts:
                with self.server.reader(account) as pop3:
                    found = []
                    for number in range(1, stat(pop3) + 1):
                        pop3.ask(f"RETR {number}", b"+OK")
                        found += [(account, token) for token in tokens(pop3.body())]
                        pop3.ask(f"DELE {number}", b"+OK")
                    # From here to +OK nobody knows: what is gone was asked for, what is there stays.
                    self.doubtful += found
                    pop3.ask("QUIT", b"+OK")
                    self.doubtful = self.doubtful[:len(self.doubtful) - len(found)]
                    self.collected += found

    def run(self, chance):
        def until_it_dies(work, *arguments):
            try:
                work(*arguments)
            except (OSError, AssertionError):
                pass  # The server was killed; what was promised before is in the books.
        threads = [threading.Thread(target=until_it_dies, args=(self.send, random.Random(chance.random())))
                   for _ in range(3)]
        threads.append(threading.Thread(target=until_it_dies, args=(self.collect,)))
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.02, 0.5))
        self.server.kill()
        for thread in threads:
            thread.join(10)


def tokens(lines):
    return [line.split()[1].decode() for line in lines if line.startswith(b"Subject: ")]


@check(f"kill -9, {KILLS} times under load: starts by itself on the same ports, every 250 is there once")
def killed(_, _folder):
    with House() as server:
        accounts = [server.account() for _ in range(3)]
        load, chance = Load(server, accounts), random.Random(9)
        slowest = 0
        for _ in range(KILLS):
            load.run(chance)
            began = time.monotonic()
            server.start()
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 5, f"a start took {slowest:.1f} s"
        there = []
        for account in accounts:
            for file in account.files():
                there += [(account.address, token) for token in tokens(file.read_bytes().split(b"\n"))]
        collected = [(account.address, token) for account, token in load.collected]
        doubtful = [(account.address, token) for account, token in load.doubtful]
        assert not load.faults, load.faults[0]
        assert len(set(there)) == len(there), "a message is there twice"
        assert not set(there) & set(collected), "a message is back that was deleted with +OK"
        assert len(load.sent) > KILLS, f"only {len(load.sent)} messages went through"
        known = [token for _, token in set(there) | set(collected) | set(doubtful)]
        lost = [token for token in load.sent if known.count(token) < 2]
        assert not lost, f"{len(lost)} of {len(load.sent)} are lost, for instance {lost[0]}"
        server.stop()
        server.start()


def dated(when):
    """Words in front of a command that make its clock say `when`."""
    libraries = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]
    if not libraries:
        raise Skip("faketime is not installed (apt-get install faketime)")
    # Timers go by the monotonic clock, which no clock change moves. Not the program `faketime`: its
    # semaphore has the pid in its name, and below the pid comes again.
    return ("env", "TZ=UTC", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"FAKETIME={when}", f"LD_PRELOAD={libraries[0]}")


def unique_ids(server, account):
    with server.reader(account) as pop3:
        pop3.ask("UIDL", b"+OK")
        return [line.split()[1] for line in pop3.body()]


@check("clock set back a day, over a restart: names and unique-ids stay unique, the old ones as they were")
def clock_back(_, _folder):
    wrapper = dated("-1d")
    with House() as server:
        anna = server.account()
        for _ in range(5):
            begins(server.send(anna), b"250")
        before = unique_ids(server, anna)
        server.stop()
        server.wrapper = wrapper
        server.start()
        for _ in range(5):
            begins(server.send(anna), b"250")
        after = unique_ids(server, anna)
        assert len(set(after)) == 10 and set(before) <= set(after)


@check("clock and pid the same at each start: a name that is there is never replaced")
def clock_stands(_, _folder):
    wrapper = ("unshare", "--pid", "--fork", "--kill-child=KILL",
               *dated("2026-01-01 00:00:00"))
    with House(wrapper=wrapper) as server:
        anna = server.account()
        for start in range(3):
            for _ in range(5):
                begins(server.send(anna), b"250")
            assert len(set(unique_ids(server, anna))) == 5 * (start + 1)
            killed(server)
            server.start()
        names = [file.name.split(",")[0] for file in anna.files()]
        assert len(set(names)) == 15 and all(name.startswith("1767225600.M000000P") for name in names), names[0]
        killed(server)
        server.wrapper = ()
        server.start()


def killed(server):
    """It is the wrapper that is killed; the server goes after it."""
    server.kill()
    until("the end of the server", lambda: not answers(server.smtp))


@check("few descriptors: accept pauses and resumes, 250 means stored, and it is said at the start")
def few_descriptors(_, _folder):
    wrapper = ("prlimit", "--nofile=40:40")
    with House(wrapper=wrapper) as server:
        anna = server.account()
        assert "serve.descriptors" in server.log.read_text(), "no warning at the start"
        checked = run(["prlimit", "--nofile=40:40", server.binary, "--config", server.config, "check"], ok=(0, 1))
        assert b"40 descriptors are fewer" in checked, "no warning in check"
        begins(server.send(anna), b"250")
        accepted = 1
        for _ in range(3):
            heap = [Line(server.smtp) for _ in range(60)]
            until("exhaustion", lambda: "net.exhausted" in server.log.read_text())
            for line in heap[:10]:
                accepted += tries(line, anna)
            for line in heap:
                line.file.close()
                line.socket.close()
            begins(server.send(anna), b"250")
            accepted += 1
        assert server.count(anna) == accepted, "what was acknowledged and what is there"
        lines = [line for line in server.log.read_text().splitlines() if "net.exhausted" in line]
        assert len(lines) <= 12, f"{len(lines)} lines about descriptors"


def tries(line, account):
    """Whether a message was taken on a connection that may be short of descriptors."""
    line.expect(b"220")
    line.ask(f"EHLO {HOST}", b"250")
    said = send(line, account)
    assert said[:3] in (b"250", b"451"), said
    return said.startswith(b"250")
