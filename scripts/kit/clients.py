"""Real mail programs against the real server. Usage: clients.py [PART OF A NAME]"""

import sys

sys.dont_write_bytecode = True

import checks
import guards  # noqa: F401  (adds its checks)
import readers  # noqa: F401  (adds its checks)
import senders  # noqa: F401  (adds its checks)
from trial import Trial

with Trial() as server:
    failed = checks.play(server, sys.argv[1] if len(sys.argv) > 1 else "")
    if failed:
        print(f"the server's last words:\n{server.log.read_text()[-3000:]}")
sys.exit(1 if failed else 0)
