"""What the machine does by itself: the disk without a server, and a server without a disk.

They tell how much of a figure is the server's own. No strict bound: who syncs a folder once for several
messages, or one file for several recipients, has less to do than the disk alone.
"""

import contextlib
import json
import math
import os
import shutil
import subprocess

from apart import wait_for
from bench_runs import Sample
from trial import HOST, ROOT, free_port


class Disk:
    """The writes, syncs and renames of a delivery and nothing else, in a thread for each connection."""

    name = "the disk alone"

    def __init__(self, folder):
        target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "benches"
        command = ["cargo", "build", "--quiet", "--release", "--locked", "--bin", "disk_alone", "--target-dir", target]
        subprocess.run(command, cwd=ROOT / "benches", check=True)
        self.folder, self.program = folder, target / "release/disk_alone"

    def delivered(self, job, count):
        """One run."""
        _, connections, recipients, octets = job
        words = [str(word) for word in (connections, recipients, octets, count)]
        said = subprocess.run([self.program, self.folder, *words], check=True, capture_output=True, timeout=300)
        figures = json.loads(said.stdout)
        return Sample(count / figures["seconds"], figures["cpu"] * 1000 / count)

    def forget(self):
        """Takes away what was written."""
        shutil.rmtree(self.folder)


class Sink:
    """Postfix' smtp-sink: the whole dialogue, and nothing is kept."""

    name, lmtp, bursts = "smtp-sink, keeps nothing", False, None

    def __init__(self, port, pid):
        self.port, self.pid = port, pid

    def messages(self):
        return math.inf  # So that nobody waits for what does not come.

    def forget(self):
        """There is nothing."""


@contextlib.contextmanager
def sink(folder):
    """Runs it; as root it wants to become somebody."""
    folder.mkdir()
    port, said = free_port(), folder / "said"
    who = ["-u", "postfix"] if os.geteuid() == 0 else []
    with said.open("wb") as output:
        command = ["/usr/sbin/smtp-sink", *who, f"{HOST}:{port}", "1000"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(port, process, said)
        yield Sink(port, process.pid)
    finally:
        process.terminate()
        process.wait(20)
