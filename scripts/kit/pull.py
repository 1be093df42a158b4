"""`import pop3` and `verify` with a real Dovecot as the old server.

    pull.py [PART OF A NAME]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

import checks
import old_servers
from checks import check, secret_file
from messages import nasty
from moving import compare, listing
from moving_new import New
from old_servers import PASSWORD
from trial import HOST, free_port

# Dovecot's master user: one password for all mailboxes.
MASTER = """
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/masters
  master = yes
  result_success = continue
}}
"""
TLS = """
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
service pop3-login {{
  inet_listener pop3s {{
    port = {port}
    ssl = yes
  }}
}}
"""


def message(octets, number):
    head = b"From: bob@example.net\nTo: anna@example.org\nSubject: message %d\n\n" % number
    return (head + (b"x" * 71 + b"\n") * (octets // 72 + 1))[:octets - 1] + b"\n"


def fill(old, user, messages):
    maildir = old.maildir(user)
    for number, text in enumerate(messages, 1):
        (maildir / "new" / f"{1700000000 + number}.M{number}P1.old").write_bytes(text)
    old.adopt(user)


def odd_ones():
    return [nasty(1), b"Subject: without a last line end\n\nend", b"Subject: \xe9\n\n\0\rx\n", b"\n", nasty(5)]


def pull(new, old, user, account, *options, ok=(0,), port=None, password=PASSWORD):
    words = ("import", "pop3", f"{HOST}:{port or old.pop3}", "--user", user, "--to", account.address)
    said = new.command(*words, "--password-stdin", "--json", *options, text=f"{password}\n", ok=ok)
    return json.loads(said) if said else None


def verify(new, old, user, account):
    words = ("verify", account.address, "--against", f"{HOST}:{old.pop3}", "--user", user, "--password-stdin")
    return json.loads(new.command(*words, "--json", text=f"{PASSWORD}\n"))


def same(new, old, user, account):
    """What comes and what stays the same, and that a second run finds nothing to do."""
    new.deliver(account, nasty(91))
    report = pull(new, old, user, account)
    assert report["imported"] == report["found"] == len(odd_ones()), report
    with old.session(user) as there, new.session(account) as here:
        compare(listing(there), listing(here), old.mail / user)
    assert verify(new, old, user, account)["different"] == 0
    again = pull(new, old, user, account)
    assert (again["imported"], again["bytes"]) == (0, 0), again


@check("what Dovecot shows is what comes")
def plainly(new, _):
    with old_servers.Dovecot(["anna"]) as old:
        fill(old, "anna", odd_ones())
        same(new, old, "anna", new.account("anna"))


@check("unique-ids with file names in them")
def file_names(new, _):
    with old_servers.Dovecot(["fritz"], "pop3_uidl_format = %f\n") as old:
        maildir = old.maildir("fritz")
        for number, text in enumerate(odd_ones(), 1):
            name = f"{1700000000 + number}.a name with blanks and \udce4 {'x' * 150}"
            (maildir / "new" / name).write_bytes(text)
        old.adopt("fritz")
        same(new, old, "fritz", new.account("fritz"))


@check("STLS and TLS, by fingerprint, by authority, and refused")
def secured(new, folder):
    port = free_port()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=old"]
    subprocess.run([*make, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    print_it = ["openssl", "x509", "-in", folder / "cert.pem", "-noout", "-fingerprint", "-sha256"]
    fingerprint = subprocess.run(print_it, check=True, capture_output=True, text=True).stdout.strip().split("=")[1]
    with old_servers.Dovecot(["tina"], TLS.format(dir=folder, port=port)) as old:
        fill(old, "tina", odd_ones())
        account = new.account("tina")
        pull(new, old, "tina", account, "--stls", ok=(1,))
        pull(new, old, "tina", account, "--tls", ok=(1,), port=port)
        assert not account.files(), "mail from a server that is not trusted"
        pull(new, old, "tina", account, "--stls", "--ca", folder / "cert.pem")
        again = pull(new, old, "tina", account, "--tls", "--fingerprint", fingerprint, port=port)
        assert again["already"] == len(odd_ones()), again
        pull(new, old, "tina", account)  # On this machine, without a word: STLS, and whatever certificate.
        log = (old.dir / "log").read_text()
        assert log.count("TLS") >= 3, log[-2000:]


@check("the master user's password for a mailbox")
def master(new, folder):
    folder.chmod(0o755)
    secret_file(folder / "masters", "admin:open sesame\n").chmod(0o644)
    with old_servers.Dovecot(["mia"], MASTER.format(dir=folder)) as old:
        fill(old, "mia", odd_ones())
        account = new.account("mia")
        report = pull(new, old, "mia*admin", account, password="open sesame")
        assert report["imported"] == len(odd_ones()), report
        pull(new, old, "mia*admin", account, ok=(1,))


@check("deleting there what is here")
def delete_after(new, _):
    with old_servers.Dovecot(["dora"]) as old:
        fill(old, "dora", odd_ones())
        account = new.account("dora")
        report = pull(new, old, "dora", account, "--delete-after")
        assert report["deleted"] == len(odd_ones()), report
        left = [file for sub in ("new", "cur") for file in (old.mail / "dora" / sub).iterdir()]
        assert not left and len(account.files()) == len(odd_ones()), left


@check("deleting there what an earlier run has brought")
def delete_later(new, _):
    with old_servers.Dovecot(["dana"]) as old:
        fill(old, "dana", odd_ones())
        account = new.account("dana")
        pull(new, old, "dana", account)
        report = pull(new, old, "dana", account, "--delete-after")
        # Dovecot lists two octets too few of a message without its last line end.
        assert (report["imported"], report["deleted"]) == (0, len(odd_ones())), report


@check("a mailbox that another session has open")
def in_use(new, _):
    with old_servers.Dovecot(["ines"], "pop3_lock_session = yes\n") as old:
        fill(old, "ines", odd_ones())
        account = new.account("ines")
        holder = old.session("ines")
        words = ["import", "pop3", f"{HOST}:{old.pop3}", "--user", "ines", "--to", account.address, "--password-stdin"]
        command = [str(word) for word in (new.binary, "--config", new.config, *words)]
        waiting = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        waiting.stdin.write(f"{PASSWORD}\n")
        waiting.stdin.close()
        time.sleep(2)
        assert waiting.poll() is None, "it has not waited"
        holder.ask("QUIT", b"+OK")
        assert waiting.wait(60) == 0 and len(account.files()) == len(odd_ones())


# ---- How long it takes

PATIENCE = int(os.environ.get("PATIENCE", "120"))


def timed(command, text=None):
    start = time.perf_counter()
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, input=text, timeout=PATIENCE)
    seconds = time.perf_counter() - start
    if "timed out" in done.stdout + done.stderr:
        raise subprocess.TimeoutExpired(words, seconds)
    assert done.returncode == 0, f"{command[0]}: exit status {done.returncode}: {done.stdout}{done.stderr}"
    return seconds


def maildir(folder):
    for sub in ("tmp", "new", "cur"):
        (folder / "mail" / sub).mkdir(parents=True)
    return folder / "mail"


def by_mpop(old, folder):
    settings = secret_file(folder / "mpoprc", f"""
account default
host {HOST}
port {old.pop3}
user anna
password "{PASSWORD}"
auth user
tls off
keep on
delivery maildir {maildir(folder)}
uidls_file {folder}/uidls
received_header off
""")
    return timed(["mpop", "--quiet", "--file", settings]), folder / "mail"


def by_getmail(old, folder):
    settings = secret_file(folder / "getmailrc", f"""
[retriever]
type = SimplePOP3Retriever
server = {HOST}
port = {old.pop3}
username = anna
password = {PASSWORD}
[destination]
type = Maildir
path = {maildir(folder)}/
user = mail
[options]
delete = false
read_all = false
received = false
delivered_to = false
""")
    for given in (folder, *folder.rglob("*")):
        shutil.chown(given, "mail", "mail")  # It does not deliver as root.
    return timed(["getmail", "-q", "--getmaildir", folder, "--rcfile", settings]), folder / "mail"


def by_restante(new, old, account):
    words = ["import", "pop3", f"{HOST}:{old.pop3}", "--user", "anna", "--to", account.address, "--password-stdin"]
    return timed([new.binary, "--config", new.config, *words], f"{PASSWORD}\n"), account.maildir


@check("as fast as mpop and getmail")
def speed(new, _):
    count, runs = int(os.environ.get("MESSAGES", "10000")), int(os.environ.get("RUNS", "3"))
    figures = {"restante": [], "mpop": [], "getmail": []}
    with old_servers.Dovecot(["anna"]) as old:
        fill(old, "anna", (message(10240, number) for number in range(1, count + 1)))
        with old.session("anna") as line:
            line.ask("QUIT", b"+OK")  # The first login makes Dovecot's index, for whoever comes first.
        for run in range(runs):
            ways = {
                "restante": lambda _: by_restante(new, old, new.account(f"speed{run}")),
                "mpop": lambda folder: by_mpop(old, folder),
            }
            if run == 0:
                # It takes some twenty times as long, so that once says it all.
                ways["getmail"] = lambda folder: by_getmail(old, folder)
            for name, way in ways.items():
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        seconds, mail = way(Path(folder))
                    except subprocess.TimeoutExpired:
                        # It listens for the end of its children only after the start, and misses quick ones.
                        print(f"     {name} did not end within {PATIENCE} s", flush=True)
                        continue
                    came = sum(1 for sub in ("new", "cur") for _ in (mail / sub).iterdir())
                    assert came == count, f"{name} brought {came} of {count}"
                    figures[name].append(seconds)
                    print(f"     {name}: {seconds:.2f} s", flush=True)
                os.sync()  # What one has written is not the next one's time.
    medians = {name: statistics.median(seconds) for name, seconds in figures.items() if seconds}
    print("     medians: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items()))
    assert medians["restante"] <= min(medians.values()), "slower than the fastest"


if __name__ == "__main__":
    # Those of `moving`, whose tools are used here, are played by scripts/moving-in.
    checks.CHECKS[:] = [entry for entry in checks.CHECKS if entry[1].__module__ == __name__]
    with New() as server:
        failed = checks.play(server, sys.argv[1] if len(sys.argv) > 1 else "")
        if failed:
            print(f"the server's last words:\n{server.log.read_text()[-3000:]}")
    sys.exit(1 if failed else 0)
