"""Mail programs that leave mail on the server and remember what they have fetched."""

from checks import run, secret_file
from messages import body
from trial import HOST


def stored(folder):
    """A folder, and a program that puts its standard input there as a file."""
    inbox, store = folder / "inbox", folder / "store"
    inbox.mkdir(exist_ok=True)
    store.write_text(f'#!/bin/sh\nexec cat > "$(mktemp {inbox}/XXXXXXXX)"\n')
    store.chmod(0o700)
    return store


def fetchmail(port, user, password, folder):
    settings = secret_file(folder / "fetchmailrc", f"""
set invisible
poll {HOST} service {port} proto pop3 uidl
  user "{user}" password "{password}" sslproto ""
  keep norewrite pass8bits mda "{stored(folder)}"
""")
    # Exit status 1: there was no new mail.
    run(["fetchmail", "--fetchmailrc", settings, "--idfile", folder / "ids", "--pidfile", folder / "pid"], ok=(0, 1), timeout=120)


def getmail(port, user, password, folder):
    settings = secret_file(folder / "getmailrc", f"""
[retriever]
type = SimplePOP3Retriever
server = {HOST}
port = {port}
username = {user}
password = {password}
[destination]
type = MDA_external
path = {stored(folder)}
allow_root_commands = true
ignore_stderr = true
[options]
delete = false
read_all = false
received = false
delivered_to = false
""")
    run(["getmail", "--getmaildir", folder, "--rcfile", settings], ok=(0, 1), timeout=120)


def mpop(port, user, password, folder):
    settings = secret_file(folder / "mpoprc", f"""
account default
host {HOST}
port {port}
user {user}
password "{password}"
auth user
pipelining off
tls off
keep on
delivery mda "{stored(folder)}"
uidls_file {folder}/uidls
received_header off
""")
    run(["mpop", "--file", settings], timeout=120)


def same(found, sent):
    """Says what differs between two heaps of messages, or nothing."""
    found, sent = sorted(map(body, found)), sorted(sent)
    if len(found) != len(sent):
        subjects = [octets.split(b"Subject: ")[-1][:20] for octets in found]
        return f"{len(found)} messages instead of {len(sent)}: {subjects[:5]}"
    return next((f"{one[:80]!r} instead of {other[:80]!r}" for one, other in zip(found, sent) if one != other), None)
