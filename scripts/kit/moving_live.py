"""The live move, with a real Dovecot as the old server: fetchmail, getmail6 and mpop log in all the time, before,
during and after it; mail comes to both servers. In the end the old server is switched off, and no program has
fetched a message twice or missed one.

    scripts/moving-in --live        RESTANTE=/path/to/restante takes that program and builds nothing

Knows the programs and the command line; nothing of the source.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from checks import run, secret_file
from peers import Dovecot
from trial import HOST, Trial

DOMAIN = "example.org"
PASSWORD = "correct horse"
USERS = 20
PROGRAMS = ("fetchmail", "getmail", "mpop")
# From nothing to more than comes over while a mail program waits.
SIZES = [(0, 0), (1, 300), (7, 2_000), (40, 4_000), (60, 20_000), (400, 40_000)]
LIMIT = 240
# Between two runs of one program: to be looked at all the time, and not to hold each other up.
PAUSE = 1.5


class Switch:
    """What DNS does for the host name in people's mail programs: the same name and port, another machine."""

    def __init__(self, target):
        self.target = target
        self.door = socket.create_server((HOST, 0), backlog=64)
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.door.accept()
                server = socket.create_connection((HOST, self.target), 10)
            except OSError:
                continue
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=self.pass_on, args=(here, there), daemon=True).start()

    @staticmethod
    def pass_on(here, there):
        try:
            while octets := here.recv(1 << 16):
                there.sendall(octets)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (here, there):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class User:
    """One user, with a program that leaves mail on the server and keeps each message it gets as a file."""

    def __init__(self, number, old, folder):
        self.name, self.program = f"user{number:02}@{DOMAIN}", PROGRAMS[number % len(PROGRAMS)]
        self.old, self.folder = old, folder / self.name
        self.inbox, self.sent, self.runs = self.folder / "inbox", [], 0
        for sub in ("tmp", "new", "cur"):
            (self.inbox / sub).mkdir(parents=True)
            (old.mail / self.name / sub).mkdir(parents=True)

    def message(self, size, where):
        """A message nobody else has, by a word in its subject."""
        word = f"{where}-{self.name.partition('@')[0]}-{len(self.sent):04}"
        self.sent.append(word)
        line = b"." + b"x" * 70 + b"\n"
        return f"From: bob@example.net\nSubject: word={word}\n\n".encode() + line * (1 + size // len(line))

    def at_old(self, size=500):
        """Mail that comes to the old server."""
        name = f"{time.time_ns() // 1000}.{len(self.sent)}.old"
        path = self.old.mail / self.name / "tmp" / name
        path.write_bytes(self.message(size, "old"))
        path.rename(path.parent.parent / "new" / name)

    def fetch(self, port):
        """Runs the program once; that it is told to come back later is nothing special."""
        self.runs += 1
        getattr(self, self.program)(port)

    def store(self, then=""):
        """A program that keeps its standard input as a file."""
        store = self.folder / "store"
        store.write_text(f'#!/bin/sh\ncat > "$(mktemp {self.inbox}/new/XXXXXXXX)"{then}\n')
        store.chmod(0o700)
        return store

    def fetchmail(self, port):
        store = self.store()
        settings = secret_file(self.folder / "fetchmailrc", f"""
set invisible
poll {HOST} service {port} proto pop3 uidl
  user "{self.name}" password "{PASSWORD}" sslproto "" keep norewrite pass8bits mda "{store}"
""")
        command = ["fetchmail", "--fetchmailrc", settings, "--idfile", self.folder / "ids", "--pidfile", self.folder / "pid"]
        run(command, timeout=120, ok=range(256))

    def getmail(self, port):
        # It forks first and listens for the end of its child then: one that ends too early hangs it.
        settings = secret_file(self.folder / "getmailrc", f"""
[retriever]
type = SimplePOP3Retriever
server = {HOST}
port = {port}
username = {self.name}
password = {PASSWORD}
[destination]
type = MDA_external
path = {self.store("; sleep 0.1")}
allow_root_commands = true
[options]
delete = false
read_all = false
received = false
delivered_to = false
""")
        run(["getmail", "--getmaildir", self.folder, "--rcfile", settings], timeout=120, ok=range(256))

    def mpop(self, port):
        settings = secret_file(self.folder / "mpoprc", f"""
account default
host {HOST}
port {port}
user {self.name}
password "{PASSWORD}"
auth user
tls off
pipelining on
keep on
delivery maildir {self.inbox}
uidls_file {self.folder}/uidls
received_header off
""")
        run(["mpop", "--file", settings], timeout=120, ok=range(256))

    def got(self):
        """The words of all messages that the program has brought."""
        found = []
        for path in self.inbox.rglob("*"):
            if path.is_file():
                found += re.findall(rb"^Subject: word=(\S+)", path.read_bytes(), re.M)[:1]
        return [word.decode() for word in found]


class Clients:
    """All programs, each run again and again, until they are stopped; none is ever broken off."""

    def __init__(self, users, port):
        self.ended, self.errors = threading.Event(), []
        self.threads = [threading.Thread(target=self.loop, args=(user, port), daemon=True) for user in users]
        for thread in self.threads:
            thread.start()

    def loop(self, user, port):
        while not self.ended.is_set():
            try:
                user.fetch(port)
            except Exception as error:
                self.errors.append(f"{user.name}, {user.program}: {error}")
            time.sleep(PAUSE)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors[0]


def restante(server, *words):
    done = subprocess.run([server.binary, "--config", server.config, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def states(server):
    accounts = json.loads(restante(server, "upstream", "list", "--json"))["accounts"]
    return {account["address"]: account["state"] for account in accounts}


def move(folder):
    names = [f"user{number:02}@{DOMAIN}" for number in range(USERS)]
    with Dovecot(folder / "old", {name: PASSWORD for name in names}) as old, \
            Trial(settings='upstream_wait = "1s"') as server:
        users = [User(number, old, folder) for number in range(USERS)]
        for number, user in enumerate(users):
            count, size = SIZES[number % len(SIZES)]
            for _ in range(count):
                user.at_old(size)
            old.adopt(old.mail / user.name)
        switch = Switch(old.pop3)
        for user in users:
            user.fetch(switch.port)
        clients = Clients(users, switch.port)
        began = time.monotonic()
        restante(server, "upstream", "add", DOMAIN, f"{HOST}:{old.pop3}", "--plain", "--accept-unknown")
        switch.target = server.pop3
        seen = {}
        while not seen or set(seen.values()) != {"moved"} or len(seen) < USERS:
            assert time.monotonic() - began < LIMIT, f"not moved: {seen}"
            for user in users[:: 3]:
                user.at_old()
                old.adopt(old.mail / user.name)
                deliver(server, user)
            seen = states(server)
            time.sleep(0.5)
        took = time.monotonic() - began
        # Whoever still sends to the old server is heard once more.
        for user in users:
            user.at_old()
            old.adopt(old.mail / user.name)
            deliver(server, user)
        clients.stop()
        for user in users:
            user.fetch(switch.port)
        old.process.terminate()
        old.process.wait(20)
        restante(server, "upstream", "remove", DOMAIN)
        for user in users:
            deliver(server, user)
            user.fetch(switch.port)
        judge(users, server, took)


def deliver(server, user):
    class Account:
        address = user.name
    server.deliver(Account, user.message(500, "new"))


def judge(users, server, took):
    log = server.log.read_text()
    twice = missing = 0
    for user in users:
        got = user.got()
        twice += len(got) - len(set(got))
        missing += len(set(user.sent) - set(got))
        assert set(got) <= set(user.sent), f"{user.name}: from nowhere"
    relayed, moved = log.count(" upstream.relayed "), log.count(" upstream.moved ")
    newcomers = sum(int(count) for count in re.findall(r" upstream\.newcomers .* messages=(\d+)", log))
    runs, messages = sum(user.runs for user in users), sum(len(user.sent) for user in users)
    print(f"{len(users)} users, {messages} messages, {runs} runs of {', '.join(PROGRAMS)}; moved in {took:.1f} s: "
          f"{moved} mailboxes, {relayed} sessions relayed, {newcomers} newcomers; {twice} fetched twice, {missing} missing")
    assert twice == missing == 0 and moved >= len(users) and relayed > 0 and newcomers > 0, "see above"
    assert PASSWORD not in log, "a password in the log"


def main():
    """0 if all went well."""
    folder = Path(tempfile.mkdtemp(prefix="moving-live."))
    folder.chmod(0o755)  # Dovecot reads its users as a user of its own.
    (folder / "old").mkdir()
    try:
        move(folder)
    except AssertionError as error:
        print(f"FAIL the live move: {error}; see {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("pass the live move")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    raise SystemExit(main())
