"""Old POP3 servers to move away from: real ones, each in a folder of its own, on loopback.

Debian's POP3 packages push each other out, so all but Dovecot's are unpacked and not installed.
Knows how to start and to ask them; knows no mailbox and nothing of restante.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import peers
from trial import HOST, Line

PASSWORD = "correct horse"


class Unpacked:
    """Packages whose programs are run from a folder."""

    def __init__(self, *packages):
        self.dir = Path(tempfile.mkdtemp(prefix="unpacked."))
        self.dir.chmod(0o755)
        for package in packages:
            subprocess.run(["apt-get", "download", "-q", package], cwd=self.dir, check=True, capture_output=True)
            deb, = self.dir.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", deb, self.dir], check=True)

    def libraries(self):
        folders = {str(file.parent) for file in self.dir.rglob("*.so*")}
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))}

    def remove(self):
        shutil.rmtree(self.dir)


class Old:
    """What all of them can: hold Maildirs in `self.mail`/USER, and be asked on `self.pop3`."""

    def maildir(self, user):
        """Makes the user's Maildir."""
        for sub in ("cur", "new", "tmp"):
            (self.mail / user / sub).mkdir(parents=True, exist_ok=True)
        return self.mail / user

    def adopt(self, user):
        """Gives all files to the user the server reads them as."""
        for path, _, files in os.walk(os.fsencode(self.mail / user)):
            for name in [path, *(os.path.join(path, file) for file in files)]:
                os.chown(name, 8, 8, follow_symlinks=False)

    def session(self, user):
        """A connection that has logged in."""
        self.adopt(user)
        return logged_in(self.pop3, user)


def logged_in(port, user, password=PASSWORD):
    line = Line(port)
    line.expect(b"+OK")
    line.ask(f"USER {user}", b"+OK")
    line.ask(f"PASS {password}", b"+OK")
    return line


class Dovecot(Old, peers.Dovecot):
    """`with Dovecot(users, settings):`"""

    def __init__(self, users, settings=""):
        folder = Path(tempfile.mkdtemp(prefix="old-dovecot."))
        peers.Dovecot.__init__(self, folder, {user: PASSWORD for user in users})
        text = self.config.read_text().replace("auth_verbose", "#")
        self.config.write_text(text + "mail_max_userip_connections = 100\n" + settings)

    def adopt(self, user):
        Old.adopt(self, user)

    def __exit__(self, *rest):
        peers.Dovecot.__exit__(self, *rest)
        shutil.rmtree(self.dir, ignore_errors=True)

    def doveadm(self, *words):
        """`doveadm` with this server's settings."""
        done = subprocess.run(["doveadm", "-c", self.config, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, f"doveadm {words[0]}: {done.stderr}"


class Behind(Old):
    """A server that speaks on its standard input once somebody has logged in: this is the door."""

    def __init__(self, users):
        self.dir = Path(tempfile.mkdtemp(prefix="old."))
        self.dir.chmod(0o755)
        self.mail = self.dir / "mail"
        self.users = users

    def __enter__(self):
        self.door = socket.create_server((HOST, 0))
        self.pop3 = self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.door.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def accept(self):
        while True:
            try:
                line, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()


class Courier(Behind):
    """Courier's courierpop3d, which courierpop3login starts when it has checked the password; here a few
    lines of Python do, so that no authentication daemon is needed."""

    def __init__(self, users):
        super().__init__(users)
        self.packages = Unpacked("courier-pop", "courier-authlib", "libcourier-unicode4")
        self.program = self.packages.dir / "usr/lib/courier/courier/courierpop3d"

    def __exit__(self, *rest):
        super().__exit__(*rest)
        self.packages.remove()

    def serve(self, line):
        with line, line.makefile("rb", buffering=0) as said:
            line.sendall(b"+OK Hello there.\r\n")
            user = None
            while word := said.readline():
                command, _, argument = word.strip().decode("latin-1").partition(" ")
                if command.upper() == "USER":
                    user = argument
                elif command.upper() == "PASS" and argument == PASSWORD and user in self.users:
                    return self.hand_over(line, user)
                elif command.upper() == "QUIT":
                    return line.sendall(b"+OK Better luck next time.\r\n")
                elif command.upper() != "USER":
                    line.sendall(b"-ERR Invalid command.\r\n")
                    continue
                line.sendall(b"+OK\r\n")

    def hand_over(self, line, user):
        # UTF8=0 as from courierpop3login, until a program says UTF8.
        words = {"AUTHENTICATED": user, "AUTHADDR": user, "TCPREMOTEIP": HOST, "UTF8": "0", "ENABLE_UTF8_COMPLIANCE": "1"}
        subprocess.run([self.program, self.mail / user], stdin=line, stdout=line, stderr=subprocess.DEVNULL,
                       env={**self.packages.libraries(), **words}, user=8, group=8, check=False)


class SolidPop3d(Behind):
    """solid-pop3d wants /etc/spop3d.conf and PAM: both are its own, in a mount namespace for each session."""

    def __init__(self, users):
        super().__init__(users)
        self.packages = Unpacked("solid-pop3d", "liblockfile1")
        etc, lib = self.dir / "etc", self.dir / "lib"
        shutil.copytree("/etc", etc, symlinks=True)
        (lib / "solid-pop3d/bulletins").mkdir(parents=True)
        (etc / "spop3d.conf").write_text(
            f'<Global>\n\tMailDropName "{self.mail}/%s"\n\tMailDropType maildir\n</Global>\n')
        (etc / "pam.d/solid-pop3d").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
        with (etc / "passwd").open("a") as passwd:
            passwd.write("spop3d:x:991:991::/:/bin/false\n")
            passwd.writelines(f"{user}:x:8:8::{self.dir}:/bin/sh\n" for user in users)

    def __exit__(self, *rest):
        super().__exit__(*rest)
        self.packages.remove()

    def serve(self, line):
        script = f"mount --bind {self.dir}/lib /var/lib && mount --bind {self.dir}/etc /etc && exec {self.packages.dir}/usr/sbin/solid-pop3d"
        with line:
            subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=line, stdout=line, stderr=subprocess.DEVNULL,
                           env=self.packages.libraries(), check=False)


class Front:
    """One host and port for mail programs, whatever server stands behind it: the DNS name of a mail host."""

    def __enter__(self):
        self.door = socket.create_server((HOST, 0))
        self.port = self.door.getsockname()[1]
        self.behind = None
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.door.close()

    def accept(self):
        while True:
            try:
                client, _ = self.door.accept()
                server = socket.create_connection((HOST, self.behind))
            except OSError:
                return
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()


def pump(source, sink):
    try:
        while octets := source.recv(1 << 16):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()
