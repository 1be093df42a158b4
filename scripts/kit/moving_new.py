"""restante as the new server of a move: accounts under their old names and passwords, and imports."""

import json
import subprocess

from old_servers import PASSWORD, Front, logged_in
from trial import Account, Trial


class New(Trial):
    """`with New() as server:` runs one, and the door that mail programs go through."""

    def __enter__(self):
        super().__enter__()
        self.front = Front().__enter__()
        return self

    def __exit__(self, *rest):
        self.front.__exit__(*rest)
        super().__exit__(*rest)

    def account(self, user):
        """An account for `user`, who goes on using that name."""
        address = f"{user}@example.org"
        self.command("account", "add", address, "--password-stdin", text=f"{PASSWORD}\n")
        return Account(address, PASSWORD, self.dir / "data/mail/example.org" / user)

    def imports(self, what, source, account, options=()):
        """`restante import ...`; the report."""
        words = ["import", what, source, "--to", account.address, "--json", *options]
        return json.loads(self.command(*words))

    def command(self, *words, text="", ok=(0,)):
        command = [str(word) for word in (self.binary, "--config", self.config, *words)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=self.dir, timeout=120)
        assert done.returncode in ok, f"{' '.join(command[3:])}: exit {done.returncode}: {done.stderr.strip()}"
        return done.stdout

    def session(self, account):
        return logged_in(self.pop3, account.address)
