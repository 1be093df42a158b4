"""What old POP3 servers show of an mbox: asked of the real ones, and written down as facts.

    moving_mbox.py FOLDER [SERVER]...      asks about every mbox, writes FOLDER/SERVER.json

The servers come from Debian's packages, unpacked and not installed where they would push each other
out. All run on loopback in a mount namespace of their own: nothing of the machine is changed.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from mboxes import MBOXES
from peers import answers
from trial import HOST, free_port

HERE = pathlib.Path(__file__).resolve().parent
USER, PASSWORD, UID, GID = "anna", "secret", 1234, 8
PASSWD = f"""root:x:0:0::/root:/bin/sh
popa3d:x:990:990::/:/bin/false
spop3d:x:991:991::/:/bin/false
nobody:x:65534:65534::/:/bin/false
dovecot:x:992:992::/:/bin/false
dovenull:x:993:993::/:/bin/false
mail:x:8:8::/var/mail:/bin/false
{USER}:x:{UID}:{GID}:Anna:HOME:/bin/sh
"""
PAM = "auth required pam_unix.so\naccount required pam_unix.so\n"
# Dovecot's settings that decide unique-ids, each a server of its own.
DOVECOTS = {
    "dovecot": "",
    "dovecot-uid-validity": "pop3_uidl_format = %v.%u",
    "dovecot-md5-apop3d": "pop3_uidl_format = %m\nmbox_md5 = apop3d",
    "dovecot-md5-all": "pop3_uidl_format = %m\nmbox_md5 = all",
    "dovecot-guid": "pop3_uidl_format = %g",
    "dovecot-xuidl": "pop3_reuse_xuidl = yes",
    "dovecot-rename": "pop3_uidl_format = %m\nmbox_md5 = apop3d\npop3_uidl_duplicates = rename",
}
# What a second session shows matters where the first one writes unique-ids into the file, and other settings
# of Dovecot where they come from the header.
TWICE = ("plain", "uid", "pseudo", "new mail", "no uid", "base", "broken uid", "small", "folded", "x-uidl", "crlf", "deleted")
HEADERS = (
    "plain", "uids", "new mail", "x-uidl", "equal", "message-id", "date", "delivered-to", "blanks", "blank before", "no fields",
    "line that is no", "text at once", "folded", "nothing at all, last",
)
DOVECOT = """
protocols = pop3
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_privileged_group = mail
mail_location = mbox:{dir}/folders:INBOX={spool}/%u
{more}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


class Machine:
    """A mount namespace in which `anna` has a password and a spool of her own."""

    def __init__(self, folder):
        self.dir, self.spool, self.packages = folder, folder / "spool", folder / "packages"
        self.mbox = self.spool / USER
        folder.chmod(0o755)
        for made in (self.spool, self.packages, folder / "home"):
            made.mkdir()
        self.spool.chmod(0o1777)
        os.chown(folder / "home", UID, GID)
        for name in ("popa3d", "solid-pop3d", "mailutils-pop3d"):
            self.unpack(name)
        self.bind(self.etc(), "/etc")
        self.bind(self.lib(), "/var/lib")
        self.bind(self.spool, "/var/mail")

    def etc(self):
        """A copy of /etc in which `anna` has a password, and the servers their users and settings."""
        etc = self.dir / "etc"
        shutil.copytree("/etc", etc, symlinks=True)
        passwd = PASSWD.replace("HOME", str(self.dir / "home"))
        (etc / "passwd").write_text(passwd)
        made = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True)
        secrets = {USER: made.stdout.strip()}
        names = [line.split(":")[0] for line in passwd.splitlines()]
        (etc / "shadow").write_text("".join(f"{name}:{secrets.get(name, '*')}:19000:0:99999:7:::\n" for name in names))
        for service in ("popa3d", "solid-pop3d", "pop3d", "other"):
            (etc / "pam.d" / service).write_text(PAM)
        (etc / "spop3d.conf").write_text('<Global>\n\tMailDropName "/var/mail/%s"\n\tMailDropType mailbox\n</Global>\n')
        return etc

    def lib(self):
        """Folders that the servers look for."""
        lib = self.dir / "lib"
        for made in ("popa3d", "solid-pop3d/bulletins"):
            (lib / made).mkdir(parents=True)
        return lib

    def unpack(self, package):
        subprocess.run(["apt-get", "download", "-q", package], cwd=self.packages, check=True, capture_output=True)
        deb, = self.packages.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, self.packages / package], check=True)

    def bind(self, source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)

    def leave(self):
        """Else the folder could not be removed."""
        for target in ("/var/mail", "/var/lib", "/etc"):
            subprocess.run(["umount", target], check=True)

    def put(self, octets):
        for left in self.spool.iterdir():
            left.unlink()
        self.mbox.write_bytes(octets)
        os.chown(self.mbox, UID, GID)
        self.mbox.chmod(0o600)
        # A file that was changed this second makes popa3d wait for the next.
        os.utime(self.mbox, (time.time() - 60,) * 2)


class Session:
    """A POP3 session, octet by octet."""

    def __init__(self, line):
        self.line, self.file = line, line.makefile("rb")
        line.settimeout(20)
        greeting = self.file.readline()
        assert greeting.startswith(b"+OK"), greeting

    def ask(self, command):
        self.line.sendall(command.encode() + b"\r\n")
        reply = self.file.readline()
        assert reply.startswith(b"+OK"), f"{command}: {reply!r}"
        return reply

    def lines(self, command):
        self.ask(command)
        found = []
        while (line := self.file.readline()) != b".\r\n":
            assert line, f"{command}: it closed the connection"
            found.append(line[1:] if line.startswith(b".") else line)
        return found

    def everything(self, user=USER):
        """`{"uidls": [...], "sizes": [...], "octets": [...]}`, Latin-1 for octets."""
        self.ask(f"USER {user}")
        self.ask(f"PASS {PASSWORD}")
        uidls = [line.rstrip(b"\r\n").split(b" ", 1)[1] for line in self.lines("UIDL")]
        sizes = [int(line.split()[1]) for line in self.lines("LIST")]
        octets = [b"".join(self.lines(f"RETR {number}")) for number in range(1, len(sizes) + 1)]
        self.ask("QUIT")
        self.line.close()
        return {
            "uidls": [uidl.decode("latin-1") for uidl in uidls],
            "sizes": sizes,
            "octets": [message.decode("latin-1") for message in octets],
        }


class Inetd:
    """A server that speaks on its standard input, as inetd starts it."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def session(self):
        # A TCP connection, since they ask for the peer's address.
        with socket.socket() as door:
            door.bind((HOST, 0))
            door.listen()
            ours = socket.create_connection(door.getsockname())
            theirs, _ = door.accept()
        process = subprocess.Popen([str(part) for part in self.command], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        try:
            return Session(ours).everything()
        finally:
            ours.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Dovecot:
    """Dovecot with an mbox as INBOX and some more settings."""

    def __init__(self, machine, more):
        self.dir, self.port = pathlib.Path(tempfile.mkdtemp(dir=machine.dir)), free_port()
        self.dir.chmod(0o755)
        for made in ("folders", "home"):
            (self.dir / made).mkdir()
            os.chown(self.dir / made, UID, GID)
        self.config = self.dir / "dovecot.conf"
        self.config.write_text(DOVECOT.format(
            dir=self.dir, host=HOST, port=self.port, spool=machine.spool, uid=UID, gid=GID, password=PASSWORD, more=more))

    def __enter__(self):
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.config])
        until = time.monotonic() + 20
        while not answers(self.port):
            assert time.monotonic() < until and self.process.poll() is None, "Dovecot does not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def session(self):
        return Session(socket.create_connection((HOST, self.port))).everything()

    def forget(self):
        """Loses the index, so that the next mbox is another mailbox."""
        for made in (self.dir / "folders").iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()


def uw(machine):
    """The UW server's engine (c-client) under a main program of ours; Debian has the engine alone."""
    program = machine.dir / "uw"
    subprocess.run(["cc", "-w", "-o", program, HERE / "moving_uw.c", "-I/usr/include/c-client", "-lc-client"], check=True)
    # The engine opens nothing for root.
    return Inetd(["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", program])


def servers(machine):
    unpacked = machine.packages
    yield "popa3d", Inetd([unpacked / "popa3d/usr/sbin/popa3d"])
    yield "solid-pop3d", Inetd([unpacked / "solid-pop3d/usr/sbin/solid-pop3d"])
    yield "mailutils", Inetd([unpacked / "mailutils-pop3d/usr/sbin/pop3d", "--inetd", "--no-config"])
    yield "uw", uw(machine)
    for name, more in DOVECOTS.items():
        yield name, Dovecot(machine, more)


def ask(machine, server, cases):
    """The facts of one server: what one or two sessions showed of each mbox, and the file before each.

    What a server makes up by the clock is no fact about the mbox: it is left out (`null`).
    """
    facts = []
    mboxes = {name: octets for name, octets in MBOXES.items() if name.startswith(cases)}
    def told():
        return {
            name: sessions(machine, server, octets, 1 + name.startswith(TWICE)) for name, octets in mboxes.items()
        }

    first = told()
    time.sleep(1.1)  # Within one second the clock would make the same up twice.
    second = told()
    for name in mboxes:
        for number, (fact, other) in enumerate(zip(first[name], second[name]), 1):
            for field in ("uidls", "octets") if number == 1 and "refused" not in fact else ():
                fact[field] = [one if one == two else None for one, two in zip(fact[field], other[field])]
            facts.append({"name": f"{name}, session {number}", **fact})
    return facts


def sessions(machine, server, octets, count):
    machine.put(octets)
    if hasattr(server, "forget"):
        server.forget()
    facts = []
    for _ in range(count):
        before = machine.mbox.read_bytes()
        fact = {"mbox": before.decode("latin-1")}
        try:
            fact.update(server.session())
        except (AssertionError, OSError) as why:
            fact["refused"] = str(why)
        facts.append(fact)
        if "refused" in fact or not machine.mbox.exists() or machine.mbox.read_bytes() == before:
            break
    return facts


def main():
    if os.environ.get("MOVING_MBOX") != "inside":
        os.environ["MOVING_MBOX"] = "inside"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        machine = Machine(pathlib.Path(temporary))
        for name, server in servers(machine):
            if len(sys.argv) > 2 and name not in sys.argv[2:]:
                continue
            with server:
                facts = ask(machine, server, HEADERS if name.startswith("dovecot-") else "")
            lines = ",\n".join(json.dumps(fact) for fact in facts)
            (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
            print(f"{name}: {len(facts)} sessions, {sum('refused' in fact for fact in facts)} refused")
        machine.leave()


if __name__ == "__main__":
    main()
