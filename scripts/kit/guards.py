"""Programs that watch the log: the fail2ban filter against lines of the running server."""

import shutil

from checks import Skip, check, run
from trial import HOST, ROOT, Line

FILTER = ROOT / "etc/fail2ban/filter.d/restante.conf"


@check("fail2ban, the filter of etc/")
def fail2ban(server, _folder):
    if shutil.which("fail2ban-regex") is None:
        raise Skip("fail2ban is not installed (its package starts a service, so this does not install it)")
    account = server.account("guarded")
    nobody = account.address.replace("guarded", "nobody")
    with Line(server.pop3) as pop3:
        pop3.expect(b"+OK")
        pop3.ask(f"USER {account.address}", b"+OK")
        pop3.ask("PASS not the password", b"-ERR")
        pop3.ask(f"USER {account.address}", b"+OK")
        pop3.ask(f"PASS {account.password}", b"+OK")
        pop3.ask("QUIT", b"+OK")
    with Line(server.smtp) as smtp:
        smtp.expect(b"220")
        smtp.ask(f"EHLO {HOST}", b"250")
        smtp.ask("MAIL FROM:<bob@example.net>", b"250")
        smtp.ask(f"RCPT TO:<{nobody}>", b"550")
        smtp.ask(f"RCPT TO:<{account.address}>", b"250")
        smtp.ask("QUIT", b"221")
    said = run(["fail2ban-regex", "--print-all-matched", "--print-no-missed", server.log, FILTER]).decode()
    # The summary comes first; every line of the log in it is one that matched.
    matched = [line for line in said.splitlines() if account.address in line or nobody in line]
    events = sorted(event for line in matched for event in line.split() if event.startswith(("pop3.", "smtp.")))
    in_log = [line for line in server.log.read_text().splitlines() if account.address in line or nobody in line]
    assert events == ["pop3.refused", "smtp.refused"], f"matched {matched} of {in_log}"
