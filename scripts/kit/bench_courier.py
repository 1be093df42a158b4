"""Courier's POP3 server as its package starts it, with accounts in its userdb and room for connections.

Each connection is a process; it has no TLS here.
"""

import base64
import contextlib
import hashlib
import pwd

import apart
from trial import HOST, free_port

PACKAGES = ["courier-pop", "courier-base", "courier-authlib", "courier-authdaemon", "courier-authlib-userdb",
            "libcourier-unicode4", "libgdbm6", "libltdl7", "libidn12"]
USERS = ["courier:9914:/"]
LIBRARY = "/usr/lib/courier"

INSIDE = """
cp /bench/userdb /etc/courier/userdb
chmod 600 /etc/courier/userdb
rm -rf /run/courier
mkdir -p /run/courier/authdaemon
makeuserdb
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
set -a
. /etc/courier/authdaemonrc
{library}/courier-authlib/authdaemond &
until [ -S /run/courier/authdaemon/socket ]; do sleep 0.05; done
exec couriertcpd -address={host} -maxprocs=4000 -maxperip=4000 -nodnslookup -noidentlookup {port} \
    {library}/courier/courierpop3login {library}/courier/courierpop3d Maildir
"""


@contextlib.contextmanager
def courier(folder, users):
    """Its port, its process and where its Maildirs are; `users` are addresses with passwords."""
    mail, port = folder / "mail", free_port()
    mail.mkdir(parents=True)
    (folder / "userdb").write_text("".join(line(user, password) for user, password in users.items()))
    inside = INSIDE.format(library=LIBRARY, host=HOST, port=port)
    with apart.started(folder, PACKAGES, USERS, inside, port) as process:
        yield port, process.pid, mail


def line(user, password):
    """An account, with a hash that costs nothing: a clear password it does not take."""
    owner = pwd.getpwnam("mail")
    secret = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    home = f"/bench/mail/{user}"
    return f"{user}\tuid={owner.pw_uid}|gid={owner.pw_gid}|home={home}|mail={home}|pop3pw={{SHA}}{secret}\n"
