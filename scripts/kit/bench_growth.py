"""How time and memory grow with messages, connections and accounts: tables in Markdown, and a picture.

restante alone. Every size has a server of its own, or what one size gave back would be counted for the next.
"""

import contextlib
import statistics

import bench_pop3
import maildrops
from bench_pop3 import CLIENTS, Quick, Reader
from bench_runs import resident_kib
from picture import picture

RUNS = 3


@contextlib.contextmanager
def server(names):
    """A server with these accounts, each with its Maildir."""
    with Quick() as trial:
        trial.account("first")
        trial.add_accounts(names)
        mail = trial.dir / "data/mail/example.org"
        yield Reader("restante", trial.pop3, trial.pop3s, trial.process.pid, lambda name: mail / name)


def heading(*names):
    print(f"\n| {' | '.join(names)} |\n|{' ---: |' * len(names)}", flush=True)


def row(*values):
    print(f"| {' | '.join(map(shown, values))} |", flush=True)


def shown(value):
    """Three digits that mean something, or all before the point."""
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def by_messages(sizes):
    """A maildrop of so many messages: milliseconds to open and to list it, octets of memory for each message."""
    heading("messages in a maildrop", "ms until STAT", "ms for UIDL", "CPU for both, ms", "memory, octets for each")
    opened, listed = [], []
    for count in sizes:
        with server(["large"]) as reader:
            reader.fill("large", count, 0)
            held = reader.load("hold", "large", clients=1, login=1, seconds=0.1)
            runs = [reader.load("open", "large") for _ in range(RUNS)]
            took, uidl, cost = (statistics.median(run[name] for run in runs) for name in ("open_ms", "uidl_ms", "server_cpu_ms"))
            row(count, took, uidl, cost, held["kib_each"] * 1024 / count)
            opened.append((count, took))
            listed.append((count, uidl))
    return "Opening a maildrop, ms", "messages in it", {"until STAT": opened, "UIDL": listed}


def by_connections(sizes):
    """So many programs that look for new mail, each as often as it can."""
    heading("connections", "looks a second", "CPU for each, ms", "memory, MiB")
    return looking("Looking for new mail", "connections", sizes, lambda count: (count, 0))


def by_accounts(sizes):
    """The same eight programs among so many accounts."""
    heading(f"accounts, {CLIENTS} connections", "looks a second", "CPU for each, ms", "memory, MiB")
    return looking("The same, 8 connections", "accounts", sizes, lambda count: (CLIENTS, count - CLIENTS))


def looking(title, label, sizes, split):
    """Looks for new mail; `split` makes a size into accounts that look and accounts that do not."""
    rates, memory = [], []
    for size in sizes:
        clients, others = split(size)
        polled = [f"poll{number}" for number in range(1, clients + 1)]
        with server([*polled, *(f"other{number}" for number in range(others))]) as reader:
            for name in polled:
                maildrops.fill(reader.maildir(name), 3, 1000)
            reader.load("poll", "poll{}", clients=clients, seconds=1)
            runs = [reader.load("poll", "poll{}", clients=clients, seconds=2) for _ in range(RUNS)]
            rate, cost = (statistics.median(run[name] for run in runs) for name in ("per_second", "server_cpu_ms_each"))
            resident = resident_kib(reader.pid) / 1024
            row(size, rate, cost, resident)
            rates.append((size, rate))
            memory.append((size, resident))
    return title, label, {"looks a second": rates, "memory, MiB": memory}


PARTS = {
    # What, sizes, sizes in a hurry.
    "messages": (by_messages, (1_000, 10_000, 100_000, 500_000), (1_000, 10_000, 100_000)),
    "connections": (by_connections, (1, 8, 64, 256, 1_000), (1, 8, 64, 256)),
    "accounts": (by_accounts, (10, 100, 1_000, 10_000, 100_000), (10, 1_000, 100_000)),
}


def growth(quick, only, drawn):
    """All three, or the one that `only` names, and the picture of them."""
    bench_pop3.prepare()
    chosen = [PARTS[only]] if only else PARTS.values()
    panels = [measure(hurried if quick else sizes) for measure, sizes, hurried in chosen]
    if drawn:
        drawn.write_text(picture(panels))
        print(f"\nthe picture: {drawn}")
