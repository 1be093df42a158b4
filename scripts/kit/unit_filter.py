"""Runs a program under the filter of system calls of a systemd unit, as systemd would build it.

    unit_filter.py UNIT PROGRAM [ARGUMENT...]

The groups (@system-service) are this machine's systemd's. Needs Debian's python3-seccomp, and no root.
"""

import os
import re
import signal
import subprocess
import sys

import seccomp


def members(group):
    """The system calls of a group, and of the groups in it."""
    command = ["systemd-analyze", "syscall-filter", group]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in listed.splitlines()]
    return expanded(word for word in words if word and not word.startswith("#") and word != group)


def expanded(words):
    calls = set()
    for word in words:
        calls |= members(word) if word.startswith("@") else {word}
    return calls


def allowed(unit):
    """systemd.exec(5): the first line begins the list, each further one adds to it or takes away."""
    calls = members("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        named = expanded(line.lstrip("~").split())
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def main():
    with open(sys.argv[1], encoding="utf-8") as unit:
        calls = allowed(unit.read())
    rules = seccomp.SyscallFilter(seccomp.ERRNO(1))  # SystemCallErrorNumber=EPERM
    for call in sorted(calls):
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except RuntimeError:
            pass  # A call of another processor.
    # Python ignores these, and what it starts would go on doing so.
    for number in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    rules.load()
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
