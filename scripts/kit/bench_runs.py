"""Servers that do the same jobs in turn, and the table of what came of it.

Wall-clock figures of a machine that does other things as well are noise; those of one run beside each
other, and the processor time for one unit of work, can be compared. Knows no protocol.
"""

import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path

# What restante's rows begin with.
OWN = "restante"
TICKS = os.sysconf("SC_CLK_TCK")


def status(pid):
    """The fields of /proc/PID/stat behind the name, which may have blanks in it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(pid):
    """A process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int(status(entry.name)[1]), []).append(int(entry.name))
            except OSError:
                continue  # It has ended.
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += parents.get(found[-1], [])
    return found


def processor_seconds(pid):
    """User and system time of the tree, those included that have ended and were waited for."""
    ticks = 0
    for process in tree(pid):
        try:
            ticks += sum(int(value) for value in status(process)[11:15])
        except OSError:
            continue
    return ticks / TICKS


def resident_kib(pid):
    """Memory of the tree; pages that several processes share count in part for each."""
    total = 0
    for process in tree(pid):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@dataclass
class Sample:
    """One run of a job: units a second, and milliseconds of processor time for each."""

    rate: float
    cost: float


class Fault(SystemExit):
    """A server has not done its job; uncaught, it ends the program with these words."""


@dataclass
class Column:
    """One server's runs of one job."""

    samples: list = field(default_factory=list)
    fault: Fault | None = None

    def rate(self):
        return statistics.median(sample.rate for sample in self.samples)

    def cost(self):
        return statistics.median(sample.cost for sample in self.samples)

    def spread(self):
        """The distance from the slowest run to the fastest, in parts of the median."""
        rates = [sample.rate for sample in self.samples]
        return (max(rates) - min(rates)) / self.rate()


def in_turn(servers, work, runs):
    """Each server once, then each again: what else the machine does meets all of them. A peer with a Fault is out."""
    columns = {server.name: Column() for server in servers}
    for _ in range(runs):
        for server in servers:
            column = columns[server.name]
            if column.fault is None:
                try:
                    column.samples.append(work(server))
                except Fault as fault:
                    if server.name.startswith(OWN):
                        raise
                    column.fault = fault
    return columns


def table(title, columns, unit):
    """One row for each server: the median, its spread, the cost, and how ours compares to it."""
    print(f"\n{title}")
    print(f"  {'':<25} {unit:>12} {'spread':>8} {'CPU, ms':>9} {'ratio':>7}")
    ours = [name for name in columns if name.startswith(OWN)]
    best = max((columns[name].rate() for name in ours), default=None)
    for name, column in columns.items():
        if column.fault is not None:
            print(f"  {column.fault}", flush=True)
            continue
        ratio = "" if best is None or name in ours else f"{best / column.rate():.2f}"
        print(f"  {name:<25} {column.rate():12,.0f} {column.spread():8.0%} {column.cost():9.3f} {ratio:>7}", flush=True)
