"""How time and memory grow with messages, connections and accounts: a table, and a picture for the README.

restante alone. Every size has a server of its own, or what one size gave back would be counted for the next.
"""

import contextlib
import statistics

import bench_pop3
import maildrops
from bench_pop3 import CLIENTS, Own, Reader
from bench_runs import resident_kib
from picture import picture
from trial import ROOT

PICTURE = ROOT / "scripts/growth.svg"
RUNS = 3


class Quick(Own):
    """With a cheap hash: a thousand first logins are not what is measured here."""

    def config_text(self):
        return super().config_text().replace("pbkdf2_rounds = 600000", "pbkdf2_rounds = 4096")


@contextlib.contextmanager
def server(names):
    """A server with these accounts, each with its Maildir."""
    with Quick() as trial:
        trial.account("first")
        trial.add_accounts(names)
        mail = trial.dir / "data/mail/example.org"
        yield Reader("restante", trial.pop3, trial.pop3s, trial.process.pid, lambda name: mail / name)


def row(*values):
    print("  " + " ".join(f"{value:>14,.4g}" if isinstance(value, float) else f"{value:>14}" for value in values), flush=True)


def by_messages(sizes):
    """A maildrop of so many messages: milliseconds to open and to list it, octets of memory for each message."""
    print("\nmessages in a maildrop")
    row("messages", "open, ms", "UIDL, ms", "bytes each")
    opened, listed = [], []
    for count in sizes:
        with server(["large"]) as reader:
            reader.fill("large", count, 0)
            held = reader.load("hold", "large", clients=1, login=1, seconds=0.1)
            runs = [reader.load("open", "large") for _ in range(RUNS)]
            took, uidl = (statistics.median(run[name] for run in runs) for name in ("open_ms", "uidl_ms"))
            row(count, took, uidl, held["kib_each"] * 1024 / count)
            opened.append((count, took))
            listed.append((count, uidl))
    return "One maildrop: milliseconds", "messages", {"open": opened, "UIDL": listed}


def by_connections(sizes):
    """So many programs that look for new mail, each as often as it can."""
    print("\nconnections that look for new mail, one after the other")
    row("connections", "looks/s", "CPU, ms each", "memory, MiB")
    rates, memory = [], []
    for count in sizes:
        with server([f"poll{number}" for number in range(1, count + 1)]) as reader:
            for number in range(1, count + 1):
                maildrops.fill(reader.maildir(f"poll{number}"), 3, 1000)
            reader.load("poll", "poll{}", clients=count, seconds=1)
            runs = [reader.load("poll", "poll{}", clients=count, seconds=2) for _ in range(RUNS)]
            rate, cost = (statistics.median(run[name] for run in runs) for name in ("per_second", "server_cpu_ms_each"))
            row(count, rate, cost, resident_kib(reader.pid) / 1024)
            rates.append((count, rate))
            memory.append((count, resident_kib(reader.pid) / 1024))
    return "Looking for new mail", "connections", {"looks a second": rates, "server's memory, MiB": memory}


def by_accounts(sizes):
    """The same eight programs among so many accounts."""
    print(f"\naccounts, {CLIENTS} connections that look for new mail")
    row("accounts", "looks/s", "CPU, ms each", "memory, MiB")
    rates, memory = [], []
    for count in sizes:
        polled = [f"poll{number}" for number in range(1, CLIENTS + 1)]
        with server([*polled, *(f"other{number}" for number in range(count - CLIENTS))]) as reader:
            for name in polled:
                maildrops.fill(reader.maildir(name), 3, 1000)
            reader.load("poll", "poll{}", clients=CLIENTS, seconds=1)
            runs = [reader.load("poll", "poll{}", clients=CLIENTS, seconds=2) for _ in range(RUNS)]
            rate, cost = (statistics.median(run[name] for run in runs) for name in ("per_second", "server_cpu_ms_each"))
            row(count, rate, cost, resident_kib(reader.pid) / 1024)
            rates.append((count, rate))
            memory.append((count, resident_kib(reader.pid) / 1024))
    return "The same among many accounts", "accounts", {"looks a second": rates, "server's memory, MiB": memory}


def growth(quick):
    """All three, and the picture."""
    bench_pop3.prepare()
    most = 100_000 if quick else 500_000
    panels = [
        by_messages([count for count in (1_000, 10_000, 100_000, 500_000) if count <= most]),
        by_connections((1, 8, 64, 256) if quick else (1, 8, 64, 256, 1_000)),
        by_accounts((10, 1_000, 100_000) if quick else (10, 100, 1_000, 10_000, 100_000)),
    ]
    PICTURE.write_text(picture(panels))
    print(f"\n{PICTURE.relative_to(ROOT)}")
