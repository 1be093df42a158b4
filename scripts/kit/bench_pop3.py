"""Reading: restante, Dovecot and Courier under the same POP3 clients, which `tests/pop3load` plays.

Each server has Maildirs of its own with the same files in them. Dovecot runs twice: as Debian delivers it,
and with the settings that its documentation gives for speed (login processes that are used again), with
passwords in clear text; restante always verifies PBKDF2 of 600,000 rounds.
"""

import contextlib
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

import maildrops
from bench_courier import courier
from bench_runs import Sample, in_turn, table
from peers import Dovecot, adopt
from trial import HOST, ROOT, Trial

INSTALL = Path(__file__).resolve().parent / "install"
PASSWORD = "correct horse"
CLIENTS = 8
POLLED = 10
LOAD = None
NAMES = ["large", "small", "heavy", "gone", *(f"{what}{n}" for what in ("poll", "fresh") for n in range(1, CLIENTS + 1))]


def prepare():
    """Builds the client."""
    global LOAD
    folder = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "pop3load"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", folder]
    subprocess.run(command, cwd=ROOT / "tests/pop3load", check=True)
    LOAD = folder / "release/pop3load"


class Reader:
    """A server's POP3 side: its ports (`tls` may be none), its process, its Maildirs. To one that is `slow`
    over small messages, so many times fewer are given."""

    def __init__(self, name, plain, tls, pid, maildir, adopt=lambda _: None, slow=1):
        self.name, self.plain, self.tls, self.pid = name, plain, tls, pid
        self.maildir, self.adopt, self.slow = maildir, adopt, slow

    def load(self, job, user, tls="no", **keys):
        """The figures of one job."""
        port = self.tls if tls == "yes" else self.plain
        words = {"server": f"{HOST}:{port}", "pid": self.pid, "user": f"{user}@example.org",
                 "password": PASSWORD, "tls": tls, **keys}
        command = [LOAD, job, *(f"{key}={value}" for key, value in words.items())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise SystemExit(f"{self.name}: {' '.join(map(str, command))}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def fill(self, name, count, octets):
        """A Maildir of messages that nobody has opened yet."""
        maildir = self.maildir(name)
        shutil.rmtree(maildir, ignore_errors=True)
        maildrops.fill(maildir, count, octets)
        self.adopt(maildir)

    def forget(self, name):
        """Takes away what the server wrote beside the messages: the next login is the first."""
        for entry in self.maildir(name).iterdir():
            if entry.is_file():
                entry.unlink()


class Own(Trial):
    """restante with the password hash of its defaults and room for many connections."""

    def config_text(self):
        text = super().config_text().replace("pbkdf2_rounds = 4096", "pbkdf2_rounds = 600000")
        room = "max_connections = 30000\nmax_connections_per_ip = 30000\n"
        kept = (line for line in text.splitlines(True) if not line.startswith("max_connections"))
        return "".join(kept).replace("[pop3]\n", f"[pop3]\n{room}").replace("[smtp]\n", f"[smtp]\n{room}")

    def add_accounts(self, names):
        """Accounts with the password of one that was made the usual way: a hash for each would take long."""
        with contextlib.closing(sqlite3.connect(self.dir / "data/accounts.sqlite")) as db:
            first = db.execute("SELECT min(id) FROM accounts").fetchone()[0]
            columns = [row[1] for row in db.execute("PRAGMA table_info(accounts)") if row[1] not in ("id", "local_part")]
            copied = ", ".join(columns)
            db.executemany(f"INSERT INTO accounts (local_part, {copied}) SELECT ?, {copied} FROM accounts WHERE id = {first}",
                           ((name,) for name in names))
            db.commit()


class Quick(Own):
    """With a cheap hash, where thousands of first logins are not what is measured."""

    def config_text(self):
        return super().config_text().replace("pbkdf2_rounds = 600000", "pbkdf2_rounds = 4096")


@contextlib.contextmanager
def restante():
    """The program under test, with the mailboxes of all jobs."""
    with Own() as trial:
        trial.account("first")
        trial.add_accounts(NAMES)
        mail = trial.dir / "data/mail/example.org"
        yield Reader("restante", trial.pop3, trial.pop3s, trial.process.pid, lambda name: mail / name)


# Its documentation's "high-performance mode" for logins, and mail processes that serve more than one.
TUNED = """
service pop3-login {
  service_count = 0
  process_min_avail = 2
  client_limit = 20000
}
service pop3 {
  service_count = 1000
  process_min_avail = 8
  process_limit = 4000
}
service anvil {
  client_limit = 30000
}
service auth {
  client_limit = 30000
}
"""


def users():
    """Everybody's password by address."""
    return {f"{user}@example.org": PASSWORD for user in NAMES}


@contextlib.contextmanager
def dovecot(folder, name, more):
    """Dovecot with TLS and these settings."""
    folder.mkdir()
    with Dovecot(folder, users(), more, tls=True) as server:
        yield Reader(name, server.pop3, server.pop3s, server.process.pid,
                     lambda user: server.mail / f"{user}@example.org", server.adopt)


@contextlib.contextmanager
def courier_pop(folder):
    """Courier, without TLS. It leaves Nagle's algorithm on, so that many an answer waits for an
    acknowledgement, which takes 40 ms."""
    with courier(folder, users()) as (port, pid, mail):
        yield Reader("Courier", port, None, pid, lambda user: mail / f"{user}@example.org", adopt, slow=20)


@contextlib.contextmanager
def all_of(place, with_peers):
    """All servers; without root restante alone."""
    prepare()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(restante())]
        if with_peers:
            subprocess.run([INSTALL, "dovecot-pop3d:/usr/lib/dovecot/pop3", "openssl:openssl"], check=True)
            servers.append(stack.enter_context(dovecot(place / "dovecot", "Dovecot", "")))
            servers.append(stack.enter_context(dovecot(place / "dovecot-tuned", "Dovecot, tuned", TUNED)))
            servers.append(stack.enter_context(courier_pop(place / "courier")))
        yield servers


# ---- The jobs -----------------------------------------------------------------------------------

def over(tls, servers):
    """The servers that can do this: "no" is without TLS, "stls" and "yes" are with it."""
    return [server for server in servers if tls == "no" or server.tls]


def polls(servers, runs, seconds):
    """Programs that look for new mail."""
    for server in servers:
        for number in range(1, CLIENTS + 1):
            server.fill(f"poll{number}", POLLED, 1000)
        server.load("poll", "poll{}", clients=CLIENTS, seconds=0.5)
    what = f"looks for new mail ({POLLED} messages), {CLIENTS} clients"
    for tls, said in (("no", "plain"), ("yes", "TLS, resumed"), ("stls", "STLS, resumed")):
        def work(server, tls=tls):
            figures = server.load("poll", "poll{}", tls, clients=CLIENTS, seconds=seconds)
            return Sample(figures["per_second"], figures["server_cpu_ms_each"])
        table(f"{what}, {said}", in_turn(over(tls, servers), work, runs), "looks/s")


def first_logins(server, runs):
    """A login that has to be hashed, beside the bare hash; each account once."""
    hashed, took = [], []
    for number in range(1, min(runs, CLIENTS) + 1):
        begun = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"0123456789abcdef", 600_000)
        hashed.append((time.perf_counter() - begun) * 1000)
        took.append(server.load("open", f"fresh{number}")["open_ms"])
    first, bare = statistics.median(took), statistics.median(hashed)
    print(f"\nfirst login: {first:.0f} ms; OpenSSL's PBKDF2 of as many rounds alone: {bare:.0f} ms; ratio {first / bare:.2f}")


def opens(servers, runs, messages):
    """From connecting to the answer to STAT, then UIDL, of one large maildrop."""
    for server in servers:
        server.fill("large", messages, 0)
        server.load("open", "poll1")  # Whatever a first connection costs is not this job's.
    before = {
        "for the first time": lambda server: server.forget("large"),
        "after the disk's cache was dropped": lambda _: dropped_cache(),
        "warm": lambda _: None,
    }
    for said, prepare in before.items():
        uidl = {server.name: [] for server in servers}

        def work(server):
            prepare(server)
            figures = server.load("open", "large")
            uidl[server.name].append(figures["uidl_ms"])
            return Sample(1000 / figures["open_ms"], figures["server_cpu_ms"])
        for server in servers:
            server.load("open", "large")  # The password is known, the processes are there.
        columns = in_turn(servers, work, runs)
        print(f"\nopening {messages:,} messages {said}, ms to STAT; UIDL")
        for name, column in columns.items():
            listed = statistics.median(uidl[name])
            print(f"  {name:<22} {1000 / column.rate():9.0f} {listed:9.0f} {column.spread():8.0%} {column.cost():9.0f} ms CPU", flush=True)


def dropped_cache():
    os.sync()
    with contextlib.suppress(OSError):  # Not in every container; then it is warm, and the figures show it.
        Path("/proc/sys/vm/drop_caches").write_text("3")


def fetches(servers, runs, small, heavy):
    """Many small messages, one by one and pipelined; few large ones, plain and over TLS."""
    for server in servers:
        server.fill("small", small // server.slow, 8192)
        server.fill("heavy", heavy, 25 * 1024 * 1024)
        server.load("fetch", "small")
        server.load("fetch", "heavy")
    jobs = [
        (f"{small:,} messages of 8 KiB, one by one", "small", "per_second", "messages/s", {}),
        (f"{small:,} messages of 8 KiB, pipelined", "small", "per_second", "messages/s", {"pipelined": 1}),
        (f"{heavy} messages of 25 MiB", "heavy", "mb_per_second", "MB/s", {}),
        (f"{heavy} messages of 25 MiB over TLS", "heavy", "mb_per_second", "MB/s", {"tls": "yes"}),
    ]
    for what, name, figure, unit, keys in jobs:
        def work(server, name=name, figure=figure, keys=keys):
            figures = server.load("fetch", name, **keys)
            return Sample(figures[figure], figures["server_cpu_ms_each"])
        table(what, in_turn(over(keys.get("tls", "no"), servers), work, runs), unit)


def deletions(servers, runs, messages):
    """DELE of every message, pipelined, and QUIT; restante has synced the folders then."""
    def work(server):
        server.fill("gone", messages, 1000)
        os.sync()
        server.load("open", "gone")
        figures = server.load("delete", "gone")
        return Sample(messages * 1000 / figures["ms"], figures["server_cpu_ms_each"])
    columns = in_turn(servers, work, runs)
    table(f"DELE {messages:,} and QUIT", columns, "messages/s")
    for name, column in columns.items():
        print(f"  {name:<22} {messages * 1000 / column.rate():12,.0f} ms", flush=True)


def idles(place, with_peers, wanted):
    """Connections that do nothing: so many, and the memory of each. A fresh server for each kind, or what
    one kind gave back would be counted for the next."""
    print(f"\n{'idle connections':<40} {'held':>8} {'KiB each':>10}")
    for said, keys in (("plain", {}), ("TLS", {"tls": "yes"}), ("logged in", {"login": 1})):
        with Quick() as trial:
            trial.account("first")
            trial.add_accounts(f"h{number}" for number in range(1, wanted + 1))
            mail = trial.dir / "data/mail/example.org"
            server = Reader("restante", trial.pop3, trial.pop3s, trial.process.pid, lambda name: mail / name)
            server.load("hold", "h{}", clients=10, seconds=0.1, **keys)
            # restante keeps six descriptors for a session (limits.rs), and some for itself.
            possible = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 7
            count = min(wanted, possible) if "login" in keys else wanted
            tell("restante", said, server.load("hold", "h{}", clients=count, seconds=0.5, **keys))
        if with_peers:
            idle_peers(place, said, keys)


def idle_peers(place, said, keys):
    """The same for the peers, with fewer: some of them have a process for each."""
    for folder in ("dovecot-idle", "courier-idle"):
        shutil.rmtree(place / folder, ignore_errors=True)
    peers = [dovecot(place / "dovecot-idle", "Dovecot, tuned", TUNED)]
    peers += [courier_pop(place / "courier-idle")] if "tls" not in keys else []
    for peer in peers:
        with peer as server:
            if "login" in keys:
                # Courier lets nobody in who has no Maildir.
                for number in range(1, CLIENTS + 1):
                    server.fill(f"poll{number}", POLLED, 1000)
                figures = server.load("hold", "poll{}", seconds=0.5, clients=CLIENTS, **keys)
            else:
                figures = server.load("hold", "x", seconds=0.5, clients=500, **keys)
            tell(server.name, said, figures)


def tell(name, said, figures):
    print(f"  {name + ', ' + said:<38} {figures['held']:8,.0f} {figures['kib_each']:10.1f}", flush=True)


def reading(place, with_peers, runs, quick):
    """All jobs, one after the other, each server in turn."""
    with all_of(place, with_peers) as servers:
        polls(servers, runs, 1 if quick else 3)
        first_logins(servers[0], runs)
        opens(servers, runs, 20_000 if quick else 100_000)
        fetches(servers, runs, 2_000 if quick else 10_000, 8 if quick else 50)
        deletions(servers, runs, 2_000 if quick else 10_000)
    idles(place, with_peers, 1_000 if quick else 10_000)
