"""Servers that take mail for the same ten mailboxes, each with its package's defaults but for folders, ports
and limits of connections.

A server of the bench has a name, a port, the process that all its others descend from, and can tell how
many messages lie in its Maildirs. The peers start as root only.
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import apart
from apart import wait_for
from bench_smtp import NAMES
from peers import Postfix, answers
from trial import HOST, Trial, free_port

INSTALL = Path(__file__).resolve().parent / "install"


class Server:
    """One place where mail goes in."""

    def __init__(self, name, port, pid, new, lmtp=False, bursts=None):
        self.name, self.port, self.pid, self.new, self.lmtp = name, port, pid, new, lmtp
        # What is to be said of many connections that come at once.
        self.bursts = bursts

    def messages(self):
        return sum(len(os.listdir(folder)) for folder in self.folders())

    def forget(self):
        """Takes away what has arrived."""
        for folder in self.folders():
            for file in folder.iterdir():
                file.unlink()

    def folders(self):
        return filter(Path.is_dir, map(self.new, NAMES))


class Roomy(Trial):
    """With room for as many connections as one process can hold."""

    def config_text(self):
        limit = "max_connections_per_ip = 1000"
        return super().config_text().replace(limit, "max_connections = 20000\nmax_connections_per_ip = 20000")


@contextlib.contextmanager
def restante():
    """Its SMTP and its LMTP, into the same Maildirs."""
    with Roomy() as trial:
        for name in NAMES:
            trial.account_named(name)
        new = lambda name: trial.dir / "data/mail/example.org" / name / "new"
        yield [Server("restante", trial.smtp, trial.process.pid, new),
               Server("restante, LMTP", trial.lmtp, trial.process.pid, new, lmtp=True)]


@contextlib.contextmanager
def postfix(folder):
    """Into its queue; virtual(8) brings it to the Maildirs."""
    folder.mkdir()
    port, mail = free_port(), folder / "mail"
    mail.mkdir()
    shutil.chown(mail, "mail", "mail")
    maps = folder / "boxes"
    maps.write_text("".join(f"/^{name}@/ {name}/\n" for name in NAMES))
    owner = mail.stat()
    main = f"""
virtual_mailbox_domains = example.org
virtual_mailbox_base = {mail}
virtual_mailbox_maps = regexp:{maps}
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner.st_uid}
virtual_gid_maps = static:{owner.st_gid}
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
"""
    with Postfix(folder, main, f"{HOST}:{port} inet n - n - - smtpd\nanvil unix - - n - 1 anvil\n") as server:
        server.wait_until(lambda: answers(port))
        pid = int((folder / "queue/pid/master.pid").read_text())
        yield [Server("Postfix", port, pid, lambda name: mail / name / "new")]


DOVECOT = """
protocols = lmtp
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%n
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/home/%n allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
service lmtp {{
  inet_listener lmtp {{
    address = {host}
    port = {port}
  }}
}}
"""


@contextlib.contextmanager
def dovecot(folder):
    """Straight into the Maildirs."""
    folder.mkdir()
    folder.chmod(0o755)
    port = free_port()
    for made in (folder / "mail", folder / "home"):
        made.mkdir()
        shutil.chown(made, "mail", "mail")
    config = folder / "dovecot.conf"
    config.write_text(DOVECOT.format(dir=folder, host=HOST, port=port))
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", config], stdout=output, stderr=output)
    try:
        wait_for(port, process, said)
        yield [Server("Dovecot, LMTP", port, process.pid, lambda name: folder / "mail" / name / "new", lmtp=True)]
    finally:
        process.terminate()
        process.wait(20)


OPENSMTPD = """
mkdir -p /var/empty /var/lib/opensmtpd/empty /var/spool/smtpd
mount --bind /bench/spool /var/spool/smtpd
exec /usr/sbin/smtpd -d -f /bench/smtpd.conf
"""
OPENSMTPD_USERS = ["opensmtpd:9911:/var/empty", "opensmtpq:9912:/var/empty", "mailbox:9913:/bench/mail"]

OPENSMTPD_CONF = """
smtp limit max-mails 1000000
listen on {host} port {port} hostname mail.example.org
table users {{ "@example.org" = "mailbox" }}
action "in" maildir "/bench/mail/%{{rcpt.user}}" virtual <users>
match from any for domain "example.org" action "in"
"""


# Its listen(2) has a backlog of 5, and no setting for it.
BURSTS = "keeps five connections waiting at its door; the next ones knock again after 1, 3, 7 s, which counts here"


@contextlib.contextmanager
def opensmtpd(folder):
    """Into its queue, on the same disk; mail.maildir brings it to the Maildirs."""
    for made in ("", "spool", "mail"):
        (folder / made).mkdir()
    (folder / "spool").chmod(0o711)
    os.chown(folder / "mail", 9913, 9913)
    port = free_port()
    (folder / "smtpd.conf").write_text(OPENSMTPD_CONF.format(host=HOST, port=port))
    packages = ["opensmtpd", "libevent-2.1-7", "libdb5.3"]
    with apart.started(folder, packages, OPENSMTPD_USERS, OPENSMTPD, port) as process:
        new = lambda name: folder / "mail" / name / "new"
        yield [Server("OpenSMTPD", port, process.pid, new, bursts=BURSTS)]


@contextlib.contextmanager
def all_of(place, with_peers):
    """All servers; without root restante alone."""
    wanted = ["postfix:smtp-source"]
    if with_peers:
        wanted += ["postfix:postfix", "dovecot-lmtpd:/usr/lib/dovecot/lmtp", "strace:strace"]
    subprocess.run([INSTALL, *wanted], check=True)
    with contextlib.ExitStack() as stack:
        servers = list(stack.enter_context(restante()))
        if with_peers:
            for peer in (postfix, dovecot, opensmtpd):
                servers += stack.enter_context(peer(place / peer.__name__))
        yield servers
