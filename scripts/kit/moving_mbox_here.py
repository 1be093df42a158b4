"""Brings the mboxes of recorded facts over with `restante import mbox`, and compares over POP3.

    moving_mbox_here.py FACTS
"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile

from moving_mbox import PASSWORD, Session
from trial import HOST, Trial

# By name of the facts; what we say otherwise stands in src/import/mbox/tests/facts.rs.
SERVERS = {
    "popa3d": [],
    "solid-pop3d": [],
    "mailutils": [],
    "uw": [],
    "dovecot": [],
    "dovecot-uid-validity": ["--uidl-format", "%v.%u"],
    "dovecot-md5-apop3d": ["--uidl-format", "%m"],
    "dovecot-md5-all": ["--uidl-format", "%m", "--mbox-md5", "all"],
    "dovecot-guid": ["--uidl-format", "%g"],
    "dovecot-xuidl": ["--reuse-xuidl"],
    "dovecot-rename": ["--uidl-format", "%m", "--rename-duplicate-uidls"],
}
OTHERWISE = ("blank line first", "from line alone, last", "no line end at the end", "header without end", "not an mbox")


def compare(server, fact, user, folder, options):
    """What differs, in words."""
    path = folder / user
    path.write_bytes(fact["mbox"].encode("latin-1"))
    command = [server.binary, "--config", server.config, "import", "mbox", path, "--to", f"{user}@example.org", "--json"]
    done = subprocess.run([*map(str, command), *options], capture_output=True, text=True)
    ids = fact.get("uidls", [])
    if done.returncode:
        unknown = None in ids and "--server plain" in done.stderr
        return None if "refused" in fact or unknown else done.stderr.strip()
    again = subprocess.run([*map(str, command), *options], capture_output=True, text=True)
    if json.loads(again.stdout)["imported"]:
        return f"imported again: {again.stdout}"
    shown = Session(socket.create_connection((HOST, server.pop3))).everything(f"{user}@example.org")
    if len(shown["uidls"]) != len(ids):
        return f"{len(shown['uidls'])} messages instead of {len(ids)}"
    for ours, theirs in zip(shown["uidls"], ids):
        if theirs is not None and ours != theirs and not renamed(ours, theirs, ids):
            return f"UIDL {ours!r} instead of {theirs!r}"
    for ours, size, theirs in zip(shown["octets"], shown["sizes"], fact["octets"]):
        if len(ours) != size:
            return f"LIST says {size}, RETR sends {len(ours)}"
        if theirs is not None and ours != theirs:
            return f"{ours!r} instead of {theirs!r}"
    return None


def renamed(ours, theirs, ids):
    """Different messages that had one unique-id at the old server."""
    return ids.count(theirs) > 1 and ours.startswith(f"{theirs}-")


def main():
    facts, wrong, count = pathlib.Path(sys.argv[1]), 0, 0
    with Trial() as server, tempfile.TemporaryDirectory() as folder:
        for name, options in SERVERS.items():
            kind = "dovecot" if name.startswith("dovecot") else name
            for number, fact in enumerate(json.loads((facts / f"{name}.json").read_text())):
                if fact["name"].startswith(OTHERWISE):
                    continue
                user = f"{name}{number}".replace("-", "")
                add = [server.binary, "--config", server.config, "account", "add", f"{user}@example.org", "--password-stdin"]
                subprocess.run(add, input=f"{PASSWORD}\n", text=True, check=True, stdout=subprocess.DEVNULL)
                why = compare(server, fact, user, pathlib.Path(folder), ["--server", kind, *options])
                count += 1
                if why:
                    wrong += 1
                    print(f"FAIL {name}, {fact['name']}: {why[:400]}")
    print(f"{count - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
