"""Delivery: restante, Postfix, Dovecot's LMTP and OpenSMTPD take the same mail from Postfix' smtp-source.

A server is timed until its last 250, and its processor time is taken until the last message lies in a
Maildir, so that a queue's work counts for who has a queue. What each has synced before a 250 is read from
its system calls, in a run of its own.
"""

import functools
import re
import resource
import signal
import socket
import subprocess
import time

from bench_runs import Fault, Sample, in_turn, processor_seconds, resident_kib, table, tree
from trial import HOST, Line, stuffed

SENDER, RECIPIENT = "bob@example.net", "anna@example.org"
# smtp-source puts a number in front of the recipient when there are several, and none in front of the last.
RECIPIENTS = 10
NAMES = ["anna"] + [f"{number}anna" for number in range(2, RECIPIENTS + 1)]
TEN_KIB, ONE_MIB = 10 * 1024, 1024 * 1024

JOBS = [
    # What, connections, recipients, octets.
    ("10 KiB over 1 connection", 1, 1, TEN_KIB),
    ("10 KiB over 8 connections", 8, 1, TEN_KIB),
    ("10 KiB over 64 connections", 64, 1, TEN_KIB),
    ("10 KiB to 10 recipients over 8 connections", 8, RECIPIENTS, TEN_KIB),
    ("1 MiB over 4 connections", 4, 1, ONE_MIB),
]


def source(server, connections, recipients, octets, count):
    """Sends `count` messages; gives the seconds until the last 250."""
    command = ["/usr/sbin/smtp-source", "-d", "-s", str(connections), "-m", str(count), "-l", str(octets)]
    command += ["-f", SENDER, "-t", RECIPIENT]
    command += ["-r", str(recipients)] if recipients > 1 else []
    command += ["-L"] if server.lmtp else []
    start = time.perf_counter()
    try:
        done = subprocess.run([*command, f"inet:{HOST}:{server.port}"], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired as hang:
        raise Fault(f"{server.name}: not every message was taken within five minutes") from hang
    if done.returncode != 0:
        raise Fault(f"{server.name}: {done.stderr.strip()}")
    return time.perf_counter() - start


def delivered(server, job, count):
    """One run: so many messages, until they are all in the Maildirs."""
    _, connections, recipients, octets = job
    before, spent = server.messages(), processor_seconds(server.pid)
    took = source(server, connections, recipients, octets, count)
    wait_for(server, before + count * recipients)
    return Sample(count / took, (processor_seconds(server.pid) - spent) * 1000 / count)


def wait_for(server, messages):
    until = time.monotonic() + 300
    while server.messages() < messages:
        if time.monotonic() > until:
            raise Fault(f"{server.name}: not every message has arrived within five minutes")
        time.sleep(0.05)


def least(job):
    """Enough messages for each connection that connecting is a small part."""
    _, connections, recipients, octets = job
    return max(10 * connections, 20 if octets >= ONE_MIB or recipients > 1 else 100)


def counted(jobs, job, seconds, counts, one):
    """One run, of as many messages as its first try has shown to take about so long."""
    run, sample = jobs[one.name], None
    if one.name not in counts:
        sample = run(job, least(job))
        counts[one.name] = max(least(job), int(sample.rate * seconds))
    # Who is slow has been measured by that already.
    if sample is None or counts[one.name] > least(job):
        sample = run(job, counts[one.name])
    if job[3] >= ONE_MIB:
        # There would soon be gigabytes; and on a virtual machine memory that nobody has written to yet is slow,
        # so that the one behind whoever gives memory back would look better than the others. Thousands of small
        # files stay: ext4 makes new ones slowly where many have just been removed.
        one.forget()
    return sample


def deliveries(servers, disk, runs, seconds):
    """Each job on each server, and on the disk alone."""
    jobs = {server.name: functools.partial(delivered, server) for server in servers}
    jobs[disk.name] = disk.delivered
    for job in JOBS:
        columns = in_turn([*servers, disk], functools.partial(counted, jobs, job, seconds, {}), runs)
        table(f"{job[0]}, until 250", columns, "messages/s")
        for server in servers:
            if server.bursts and job[1] > 1:
                print(f"  {server.name}: {server.bursts}", flush=True)


# ---- What was synced ----------------------------------------------------------------------------

SYNC = re.compile(r"(fsync|fdatasync|sync_file_range|syncfs|msync|sync)\((?:\d+<([^>]*)>)?.*= 0")
CALLS = "fsync,fdatasync,sync_file_range,syncfs,sync,msync,sendto,sendmsg,write,writev"


def send_one(server, traced):
    """One message by hand; `traced` is called between 354 and the final dot."""
    with Line(server.port) as smtp:
        smtp.expect(b"220")
        smtp.ask(f"{'LHLO' if server.lmtp else 'EHLO'} client.example.net", b"250")
        smtp.ask(f"MAIL FROM:<{SENDER}>", b"250")
        smtp.ask(f"RCPT TO:<{RECIPIENT}>", b"250")
        smtp.ask("DATA", b"354")
        traced()
        smtp.send(stuffed(b"Subject: synced\n\n" + b"x" * 71 + b"\n"))
        said = smtp.expect(b"250")
        time.sleep(0.3)
        smtp.ask("QUIT", b"221")
    return said


def synced(server, folder):
    """What was synced between the final dot and its 250: `fsync new/` and the like."""
    before = server.messages()
    send_one(server, lambda: None)
    wait_for(server, before + 1)
    said = folder / f"{server.name.replace(' ', '-')}.strace"
    tracers = []

    def trace():
        pids = [word for pid in tree(server.pid) for word in ("-p", str(pid))]
        command = ["strace", "-f", "-y", "-s", "64", "-qq", "-e", f"trace={CALLS}", "-o", said, *pids]
        tracers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        time.sleep(1)

    answer = send_one(server, trace).decode().strip()[:20]
    for tracer in tracers:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    calls = []
    for line in whole_calls(said.read_text(errors="replace")):
        if f'"{answer}' in line and not SYNC.search(line):
            break
        if found := SYNC.search(line):
            calls.append(f"{found[1]} {described(found[2] or '')}".strip())
    return calls


def whole_calls(text):
    """The calls of an strace by the order of their ends, each in one line again."""
    begun = {}
    for line in text.splitlines():
        pid, _, call = line.partition(" ")
        if call.endswith("<unfinished ...>"):
            begun[pid] = call.removesuffix("<unfinished ...>")
        elif resumed := re.match(r"\s*<\.\.\. \w+ resumed>(.*)", call):
            yield begun.pop(pid, "") + resumed[1]
        else:
            yield call


def described(path):
    """The folder a file is in; a Maildir's own folder is itself."""
    parts = path.split("/")
    return f"{parts[-1]}/" if parts[-1] in ("tmp", "new", "cur") else f"file in {parts[-2]}/" if len(parts) > 1 else path


# ---- Idle connections ---------------------------------------------------------------------------

def idle(server, wanted):
    """KiB for each of so many connections that have said EHLO and are silent."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    before, held = resident_kib(server.pid), []
    try:
        for number in range(wanted):
            # One address has some 28,000 ports.
            line = socket.create_connection((HOST, server.port), 60, (f"127.0.{number // 10000 + 1}.1", 0))
            held.append(line)
            line.recv(512)
            line.sendall(b"EHLO client.example.net\r\n")
        for line in held:
            line.recv(1024)
        return (resident_kib(server.pid) - before) / wanted
    finally:
        for line in held:
            line.close()
