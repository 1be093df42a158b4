"""Postfix and Dovecot, each a throw-away instance: own folder, own ports, nothing of the machine's.

Both start as root only, and then work under users of their own.
"""

import os
import shutil
import subprocess
import time

from trial import HOST, Line, free_port

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
myhostname = client.example.net
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
"""

POSTFIX_MASTER = """
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
smtp      unix  - - n -     - smtp
lmtp      unix  - - n -     - lmtp
virtual   unix  - n n -     - virtual
error     unix  - - n -     - error
retry     unix  - - n -     - error
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """`with Postfix(folder, main=..., master=...)`: the texts are added to the common settings."""

    def __init__(self, folder, main="", master=""):
        self.settings, self.log = folder / "etc", folder / "log"
        folder.chmod(0o755)
        for made in (self.settings, folder / "queue", folder / "data"):
            made.mkdir()
        shutil.chown(folder / "data", "postfix")
        (self.settings / "main.cf").write_text(POSTFIX_MAIN.format(dir=folder) + main)
        (self.settings / "master.cf").write_text(POSTFIX_MASTER + master)

    def __enter__(self):
        self.command("start", check=True)
        return self

    def __exit__(self, *_):
        self.command("stop", check=False)

    def command(self, word, check):
        subprocess.run(["/usr/sbin/postfix", "-c", self.settings, word], check=check, capture_output=True)

    def submit(self, sender, recipients, message):
        """Gives Postfix a message the way a program on its machine does."""
        command = ["/usr/sbin/sendmail", "-C", self.settings, "-i", "-f", sender, *recipients]
        subprocess.run(command, input=message, check=True, capture_output=True)

    def wait_until(self, done, seconds=30):
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                tail = self.log.read_text().strip().splitlines()[-3:] if self.log.exists() else []
                raise AssertionError(f"not within {seconds} s: {' | '.join(tail)}")
            time.sleep(0.02)


DOVECOT = """
protocols = pop3
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
{tls}
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/home/%u
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""


class Dovecot:
    """`with Dovecot(folder, users)`: POP3 on `self.pop3`, with `tls` also on `self.pop3s`, Maildirs in
    `self.mail`/USER; `more` is added to the settings."""

    def __init__(self, folder, users, more="", tls=False):
        folder.chmod(0o755)
        self.pop3s = free_port() if tls else 0
        self.dir, self.mail, self.pop3 = folder, folder / "mail", free_port()
        for made in (self.mail, folder / "home"):
            made.mkdir()
            shutil.chown(made, "mail", "mail")
        (folder / "users").write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
        self.config = folder / "dovecot.conf"
        said = self.certificate() if tls else "ssl = no"
        self.config.write_text(DOVECOT.format(dir=folder, host=HOST, port=self.pop3, pop3s=self.pop3s, tls=said) + more)

    def certificate(self):
        """One of the kind that restante makes for itself (P-256), and the settings that name it."""
        certificate, key = self.dir / "cert.pem", self.dir / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-subj", "/CN=mail.example.org", "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        return f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}"

    def adopt(self, maildir):
        """Gives a folder of mail to the user Dovecot reads it as."""
        adopt(maildir)

    def __enter__(self):
        with (self.dir / "said").open("wb") as said:
            self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.config], stdout=said, stderr=said)
        until = time.monotonic() + 20
        while not answers(self.pop3):
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit(f"Dovecot does not start:\n{(self.dir / 'said').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def adopt(maildir):
    """Gives a folder of mail to the user whom the peers read it as."""
    for path, _, files in os.walk(maildir):
        for name in [path, *(os.path.join(path, file) for file in files)]:
            shutil.chown(name, "mail", "mail")


def answers(port):
    """Somebody listens there."""
    try:
        Line(port).__exit__()
    except OSError:
        return False
    return True
