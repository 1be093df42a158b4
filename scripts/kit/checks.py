"""The list of checks: each has a name and a function, and fails by raising."""

import os
import subprocess
import threading
import traceback
from pathlib import Path

CHECKS = []


class Skip(Exception):
    """The check cannot be made here; the text says why."""


def check(name):
    """Adds a function `(server, folder)` to the list."""
    def add(function):
        CHECKS.append((name, function))
        return function
    return add


def run(command, timeout=30, ok=(0,), text=b""):
    """Runs a program on `text`; what it printed is in the failure's text."""
    done = subprocess.run([str(word) for word in command], timeout=timeout, input=text, capture_output=True)
    if done.returncode not in ok:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise AssertionError(f"exit status {done.returncode}: {' | '.join(said[-4:])}")
    return done.stdout


def in_terminal(command, timeout=30, **environment):
    """Runs a full-screen program on a terminal of its own."""
    master, slave = os.openpty()
    shown = bytearray()

    def drain():
        try:
            while octets := os.read(master, 4096):
                shown.extend(octets)
        except OSError:
            pass  # Linux says EIO when the last one has closed the terminal.

    child = subprocess.Popen([str(word) for word in command], stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, env={**os.environ, "TERM": "vt100", **environment})
    os.close(slave)
    reader = threading.Thread(target=drain)
    reader.start()
    try:
        status = child.wait(timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        status = "none, it was stopped"
    reader.join(5)
    os.close(master)
    if status != 0:
        raise AssertionError(f"exit status {status}: {bytes(shown[-300:])!r}")


def secret_file(path, text):
    """A settings file that only its owner may read; several programs refuse any other."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def contents(folder):
    """Every message in a Maildir or a plain folder."""
    return [file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()]


def play(server, only):
    """Makes every check whose name contains `only`; returns how many failed."""
    passed = failed = 0
    for number, (name, function) in enumerate(CHECKS):
        if only not in name:
            continue
        folder = server.dir / f"check{number}"
        folder.mkdir()
        try:
            function(server, folder)
        except Skip as why:
            print(f"skip {name}: {why}", flush=True)
        except subprocess.TimeoutExpired as error:
            failed += 1
            said = (error.stdout or b"") + (error.stderr or b"")
            print(f"FAIL {name}: did not end within {error.timeout} s: {said[-300:]!r}", flush=True)
        except Exception as error:  # Whatever it is, the next program gets its turn.
            failed += 1
            print(f"FAIL {name}: {str(error) or type(error).__name__}", flush=True)
            if os.environ.get("RESTANTE_TRACE"):
                traceback.print_exc()
        else:
            passed += 1
            print(f"pass {name}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed
