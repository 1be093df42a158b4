"""A throw-away restante: own folder, own ports, own accounts; gone when the block ends.

Shared by clients, bench, soak and faults. Knows the command line, the configuration file and the Maildirs,
as anyone outside knows them; knows nothing of the source.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
NAME = "mail.example.org"
ROOT = Path(__file__).resolve().parents[2]


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def built():
    """The program under test: $RESTANTE, or a release build of this tree."""
    given = os.environ.get("RESTANTE")
    if given:
        return Path(given).resolve()
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (ROOT / target / "release" / "restante").resolve()


@dataclass
class Account:
    """An account of the throw-away server."""

    address: str
    password: str
    maildir: Path

    def files(self):
        """The messages that wait on the server, as files, oldest first."""
        found = [file for sub in ("new", "cur") for file in (self.maildir / sub).glob("*")]
        return sorted(found, key=lambda file: file.name)


class Trial:
    """`with Trial() as server:` runs one."""

    # Words in front of the server's command line.
    wrapper = ()

    def __init__(self, binary=None, settings=""):
        self.binary = binary or built()
        self.settings = settings
        self.accounts = 0

    def __enter__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="restante-trial."))
        # A sending server under its own user must reach the LMTP socket in here.
        self.dir.chmod(0o755)
        self.smtp, self.pop3, self.pop3s, self.lmtp = (free_port() for _ in range(4))
        self.lmtp_socket = self.dir / "lmtp.sock"
        self.config = self.dir / "restante.toml"
        self.config.write_text(self.config_text())
        self.log = self.dir / "log"
        self.prepare()
        self.start()
        return self

    def prepare(self):
        """What is to be there before the first start; for those who need something."""

    def config_text(self):
        return f"""
hostname = "{NAME}"
data_dir = "{self.dir}/data"
{self.settings}
[smtp]
listen = ["{HOST}:{self.smtp}"]
max_connections_per_ip = 1000
[pop3]
listen = ["{HOST}:{self.pop3}"]
listen_tls = ["{HOST}:{self.pop3s}"]
max_connections_per_ip = 1000
[lmtp]
listen = ["unix:{self.lmtp_socket}", "{HOST}:{self.lmtp}"]
[auth]
pbkdf2_rounds = 4096
"""

    def start(self):
        with self.log.open("ab") as log:
            command = [*self.wrapper, self.binary, "--config", self.config, "serve"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.dir)
        for port in (self.smtp, self.pop3, self.pop3s, self.lmtp):
            self.wait_for(port)
        self.ca = self.dir / "ca.pem"
        self.ca.write_text(ssl.get_server_certificate((HOST, self.pop3s)))

    def wait_for(self, port):
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection((HOST, port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the server does not listen on port {port}:\n{self.log.read_text()}")

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if kind is not None:
            print(f"the server's log: {self.log}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def account(self, name="anna"):
        """A new account, made while the server runs."""
        self.accounts += 1
        return self.account_named(f"{name}{self.accounts}")

    def account_named(self, name):
        """The same with exactly that name."""
        address, password = f"{name}@example.org", "correct horse"
        command = [self.binary, "--config", self.config, "account", "add", address, "--password-stdin"]
        subprocess.run(command, input=f"{password}\n", text=True, check=True, cwd=self.dir,
                       stdout=subprocess.DEVNULL)
        return Account(address, password, self.dir / "data/mail/example.org" / address.split("@")[0])

    def deliver(self, account, message):
        """Sends octets with LF line ends over SMTP, by hand, so that no library changes them."""
        with Line(self.smtp) as smtp:
            smtp.expect(b"220")
            for command in (f"EHLO {HOST}", "MAIL FROM:<bob@example.net>", f"RCPT TO:<{account.address}>"):
                smtp.ask(command, b"250")
            smtp.ask("DATA", b"354")
            smtp.send(stuffed(message))
            smtp.expect(b"250")
            smtp.ask("QUIT", b"221")

    def context(self):
        """Trusts this server and nobody else."""
        return ssl.create_default_context(cafile=self.ca)


def stuffed(message):
    """A message with LF line ends as DATA wants it."""
    lines = message.removesuffix(b"\n").split(b"\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


class Line:
    """A connection that is talked to line by line."""

    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def expect(self, start):
        """The last line of a reply, which must begin with `start`."""
        while True:
            line = self.file.readline()
            if not line.startswith(start):
                raise AssertionError(f"expected {start!r}, got {line!r}")
            if line[3:4] != b"-" or not line[:3].isdigit():
                return line

    def ask(self, command, start):
        self.send(command.encode() + b"\r\n")
        return self.expect(start)

    def body(self):
        """The lines of a POP3 answer after +OK, as they came, without the final dot."""
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise AssertionError("closed in the middle of an answer")
            lines.append(line)
        return lines

    def log_in(self, account):
        self.expect(b"+OK")
        self.ask(f"USER {account.address}", b"+OK")
        self.ask(f"PASS {account.password}", b"+OK")
