"""Programs that collect mail: each over each way it knows, deleting and leaving on the server."""

import poplib
import re

from checks import check, contents, in_terminal, run, secret_file
from messages import nasty, same
from trial import HOST, NAME

MESSAGES = [nasty(number) for number in (1, 2, 3)]


def collects(program, ways, remembers=True):
    """Makes two checks of every way of a function `(server, account, folder, way, keep)`.

    It returns the messages that it has collected. A program that `remembers` unique-ids is run a
    second time after one more message has come, and must fetch just that one.
    """
    def add(function):
        for way in ways:
            for keep in (False, True):
                add_check(program, way, keep, function, remembers)
        return function
    return add


def add_check(program, way, keep, function, remembers):
    @check(f"{program}, {way}, {'leave on server' if keep else 'delete'}")
    def collect(server, folder):
        account = server.account()
        for message in MESSAGES:
            server.deliver(account, message)
        compare(function(server, account, folder, way, keep), MESSAGES)
        left = len(account.files())
        assert left == (len(MESSAGES) if keep else 0), f"{left} messages are left on the server"
        if keep and remembers:
            server.deliver(account, nasty(4))
            compare(function(server, account, folder, way, keep), [*MESSAGES, nasty(4)])


def compare(found, sent):
    difference = same(found, sent)
    assert difference is None, difference


def storing_command(folder):
    """A folder, and a program that puts its standard input there as a file."""
    inbox, store = folder / "inbox", folder / "store"
    inbox.mkdir(exist_ok=True)
    store.write_text(f'#!/bin/sh\nexec cat > "$(mktemp {inbox}/XXXXXXXX)"\n')
    store.chmod(0o700)
    return inbox, store


@collects("fetchmail", ["plain", "STLS", "TLS"])
def fetchmail(server, account, folder, way, keep):
    inbox, store = storing_command(folder)
    verified = f'sslcertck sslcertfile "{server.ca}" sslcommonname "{NAME}"'
    security = {"plain": 'sslproto ""', "STLS": f'sslproto "tls1.2+" {verified}', "TLS": f"ssl {verified}"}[way]
    settings = secret_file(folder / "fetchmailrc", f"""
set invisible
poll {HOST} service {server.pop3s if way == "TLS" else server.pop3} proto pop3 {"uidl" if keep else ""}
  user "{account.address}" password "{account.password}" {security}
  {"keep" if keep else "nokeep"} norewrite pass8bits mda "{store}"
""")
    # Exit status 1: there was no new mail.
    run(["fetchmail", "--fetchmailrc", settings, "--idfile", folder / "ids", "--pidfile", folder / "pid"], ok=(0, 1))
    return contents(inbox)


@collects("getmail6", ["plain", "TLS"])
def getmail(server, account, folder, way, keep):
    inbox, store = storing_command(folder)
    tls = way == "TLS"
    settings = secret_file(folder / "getmailrc", f"""
[retriever]
type = {"SimplePOP3SSLRetriever" if tls else "SimplePOP3Retriever"}
server = {HOST}
port = {server.pop3s if tls else server.pop3}
username = {account.address}
password = {account.password}
{f"ca_certs = {server.ca}" if tls else ""}
{f"ssl_cert_hostname = {NAME}" if tls else ""}
[destination]
type = MDA_external
path = {store}
allow_root_commands = true
[options]
delete = {"false" if keep else "true"}
read_all = false
received = false
delivered_to = false
""")
    run(["getmail", "--getmaildir", folder, "--rcfile", settings])
    return contents(inbox)


@collects("mpop", ["plain", "plain with SCRAM-SHA-256", "STLS", "TLS", "TLS with SCRAM-SHA-256"])
def mpop(server, account, folder, way, keep):
    inbox = folder / "inbox"
    for sub in ("tmp", "new", "cur"):
        (inbox / sub).mkdir(parents=True, exist_ok=True)
    transport = way.split()[0]
    trust = f"tls on\ntls_trust_file {server.ca}\ntls_host_override {NAME}\n"
    security = {"plain": "tls off\n", "STLS": f"{trust}tls_starttls on\n", "TLS": f"{trust}tls_starttls off\n"}
    settings = secret_file(folder / "mpoprc", f"""
account default
host {HOST}
port {server.pop3s if transport == "TLS" else server.pop3}
user {account.address}
password "{account.password}"
auth {"scram-sha-256" if "SCRAM" in way else "user" if transport == "plain" else "plain"}
pipelining on
keep {"on" if keep else "off"}
delivery maildir {inbox}
uidls_file {folder}/uidls
received_header off
{security[transport]}""")
    run(["mpop", "--file", settings])
    return contents(inbox)


@collects("mutt", ["plain", "STLS", "TLS"], remembers=False)
def mutt(server, account, folder, way, keep):
    inbox = folder / "inbox"
    port = server.pop3s if way == "TLS" else server.pop3
    settings = secret_file(folder / "muttrc", f"""
set folder = "{folder}" spoolfile = "{folder}/none" record = "" tmpdir = "{folder}"
set pop_user = "{account.address}" pop_pass = "{account.password}"
set certificate_file = "{server.ca}" ssl_verify_host = no ssl_force_tls = no
set ssl_starttls = {"yes" if way == "STLS" else "no"}
# mutt 2.2 takes SCRAM-SHA-256-PLUS when it is offered, and cannot do it over TLS 1.3.
set pop_authenticators = "scram-sha-256:plain:user"
set mbox_type = Maildir confirmcreate = no confirmappend = no copy = no move = no
set delete = yes quit = yes sleep_time = 0 wait_key = no mail_check = 0
push "<tag-pattern>~A<enter><tag-prefix><copy-message>{inbox}<enter>\
{"" if keep else "<untag-pattern>~A<enter><delete-pattern>~A<enter>"}<quit>"
""")
    scheme = "pops" if way == "TLS" else "pop"
    in_terminal(["mutt", "-n", "-F", settings, "-f", f"{scheme}://{HOST}:{port}/"], HOME=str(folder))
    # A client of local folders, it writes these into every message it saves.
    return [re.sub(rb"(?m)^(Content-Length|Lines|Status): .*\n", b"", found) for found in contents(inbox)]


@collects("curl", ["plain", "STLS", "TLS"], remembers=False)
def curl(server, account, folder, way, keep):
    port = server.pop3s if way == "TLS" else server.pop3
    base = [
        "curl", "--silent", "--show-error", "--max-time", "30", "--user", f"{account.address}:{account.password}",
        "--cacert", server.ca, "--resolve", f"{NAME}:{port}:{HOST}", *(["--ssl-reqd"] if way == "STLS" else []),
    ]
    url = f"{'pop3s' if way == 'TLS' else 'pop3'}://{NAME}:{port}/"
    numbers = [line.split()[0].decode() for line in run([*base, url]).splitlines()]
    found = [run([*base, url + number]) for number in numbers]
    if not keep:
        for _ in numbers:  # Each is a session of its own, so the first is number 1 again.
            run([*base, "--list-only", "--request", "DELE", url + "1"])
    return found


@collects("Python poplib", ["plain", "STLS", "TLS"], remembers=False)
def python_poplib(server, account, _folder, way, keep):
    if way == "TLS":
        # The certificate is for a name and the test has an address, so the name goes by hand.
        context = server.context()
        context.check_hostname = False
        client = poplib.POP3_SSL(HOST, server.pop3s, context=context, timeout=30)
    else:
        client = poplib.POP3(HOST, server.pop3, timeout=30)
    if way == "STLS":
        context = server.context()
        context.check_hostname = False
        client.stls(context)
    assert "UIDL" in client.capa() and "TOP" in client.capa()
    client.user(account.address)
    client.pass_(account.password)
    count, octets = client.stat()
    found, total = [], 0
    for number in range(1, count + 1):
        _, lines, size = client.retr(number)
        assert client.top(number, 99999999)[1] == lines, "TOP n 99999999 is not what RETR sends"
        told = int(client.list(number).split()[2])
        assert sum(len(line) + 2 for line in lines) == told, f"LIST said {told} octets, RETR sent {size}"
        total += told
        found.append(b"".join(line + b"\n" for line in lines))
        if not keep:
            client.dele(number)
    assert total == octets, f"STAT said {octets} octets, LIST {total}"
    client.quit()
    return found
