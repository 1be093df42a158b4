"""Programs that send mail, and Postfix as the mail server of the other side."""

import os
import smtplib

from checks import Skip, check, run, secret_file
from messages import nasty, same
from peers import Postfix
from trial import HOST, NAME

SENDER = "bob@example.net"


def sends(program, ways):
    """Makes a check of every way of a function `(server, recipient, folder, way, message)`."""
    def add(function):
        for way in ways:
            add_check(program, way, function)
        return function
    return add


def add_check(program, way, function):
    @check(f"{program}, {way}")
    def send(server, folder):
        account = server.account()
        function(server, account.address, folder, way, nasty(1))
        arrived(account)


def arrived(account, protocol=None):
    """The message is there, once, octet for octet, below our trace lines."""
    found = [file.read_bytes() for file in account.files()]
    difference = same(found, [nasty(1)])
    assert difference is None, difference
    head = found[0].split(b"\n\n")[0]
    for field in (b"Return-Path: <bob@example.net>\n", b"Delivered-To: " + account.address.encode(), b"Received: "):
        assert field in head, f"{field!r} is missing on top"
    if protocol is not None:
        assert f" with {protocol} ".encode() in b" ".join(head.split()), f"Received does not say {protocol}"


def wire(message):
    return message.replace(b"\n", b"\r\n")


@sends("curl", ["plain", "STARTTLS"])
def curl(server, recipient, folder, way, message):
    file = folder / "message"
    file.write_bytes(wire(message))
    run([
        "curl", "--silent", "--show-error", "--max-time", "30", f"smtp://{NAME}:{server.smtp}/client.example.net",
        "--mail-from", SENDER, "--mail-rcpt", recipient, "--upload-file", file, "--cacert", server.ca,
        "--resolve", f"{NAME}:{server.smtp}:{HOST}", *(["--ssl-reqd"] if way == "STARTTLS" else []),
    ])


@sends("Python smtplib", ["plain", "STARTTLS"])
def python_smtplib(server, recipient, _folder, way, message):
    with smtplib.SMTP(HOST, server.smtp, timeout=30) as client:
        if way == "STARTTLS":
            context = server.context()
            context.check_hostname = False  # The name is in the certificate, the test has an address.
            client.starttls(context=context)
        client.sendmail(SENDER, [recipient], wire(message))


@sends("Python smtplib", ["LMTP", "LMTP on a socket file"])
def python_lmtp(server, recipient, _folder, way, message):
    place = (HOST, server.lmtp) if way == "LMTP" else (str(server.lmtp_socket), 0)
    with smtplib.LMTP(*place) as client:
        client.sendmail(SENDER, [recipient], wire(message))


@sends("swaks", ["plain", "STARTTLS", "LMTP", "LMTP on a socket file"])
def swaks(server, recipient, folder, way, message):
    file = folder / "message"
    file.write_bytes(message.removesuffix(b"\n"))  # swaks adds one.
    place = ["--socket", server.lmtp_socket] if way.endswith("file") else ["--server", HOST, "--port", server.smtp]
    if way == "LMTP":
        place = ["--server", HOST, "--port", server.lmtp]
    run([
        "swaks", *place, "--from", SENDER, "--to", recipient, "--data", f"@{file}", "--helo",
        "client.example.net", *(["--protocol", "LMTP"] if "LMTP" in way else []),
        *(["--tls"] if way == "STARTTLS" else []),
    ])


@sends("msmtp", ["plain", "STARTTLS"])
def msmtp(server, recipient, folder, way, message):
    tls = f"tls on\ntls_starttls on\ntls_trust_file {server.ca}\ntls_host_override {NAME}\n"
    settings = secret_file(folder / "msmtprc", f"""
account default
host {HOST}
port {server.smtp}
from {SENDER}
auth off
{tls if way == "STARTTLS" else "tls off"}
""")
    run(["msmtp", "--file", settings, recipient], text=message)


POSTFIX_RELAYS = """
default_transport = {transport}
smtp_tls_CAfile = {ca}
smtp_tls_secure_cert_match = {name}
smtp_tls_security_level = {level}
lmtp_tls_security_level = none
"""

# How Postfix is told to send, and what `Received` must then say.
POSTFIX = {
    "plain": ("smtp", "none", "ESMTP"),
    "STARTTLS where it can": ("smtp", "may", "ESMTPS"),
    "STARTTLS with the certificate verified": ("smtp", "secure", "ESMTPS"),
    "LMTP": ("lmtp", "none", "LMTP"),
}


def add_postfix(way, protocol, level, keyword):
    @check(f"Postfix, {way}")
    def postfix(server, folder):
        if os.geteuid() != 0:
            raise Skip("Postfix starts as root only")
        place = f"inet:{HOST}:{server.lmtp}" if protocol == "lmtp" else f"[{HOST}]:{server.smtp}"
        main = POSTFIX_RELAYS.format(transport=f"{protocol}:{place}", ca=server.ca, name=NAME, level=level)
        accounts = [server.account() for _ in range(3)]
        with Postfix(folder, main) as sending:
            sending.submit(SENDER, [account.address for account in accounts], nasty(1))
            sending.submit(SENDER, [f"nobody-{accounts[0].address}"], nasty(1))
            sending.wait_until(lambda: all(account.files() for account in accounts))
            # An unknown user is refused for good, and Postfix does not try again.
            sending.wait_until(lambda: "550 5.1.1" in sending.log.read_text())
        for account in accounts:
            arrived(account, keyword)


for way, (protocol, level, keyword) in POSTFIX.items():
    add_postfix(way, protocol, level, keyword)
