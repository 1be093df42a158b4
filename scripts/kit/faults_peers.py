"""Peers that flood, and peers that never read."""

import socket
import threading
import time

from checks import check
from house import TEXT, House, begins
from trial import HOST, Line

FLOOD = 10_000
SILENT = 500
# Seconds for a whole delivery or reading session meanwhile; a debug build takes ten times a release build's.
PATIENCE = 5
MANY = (("max_connections_per_ip = 1000", "max_connections_per_ip = 1000\nmax_connections = 2000"),)


def connect(port, source):
    peer = socket.socket()
    peer.bind((source, 0))
    peer.settimeout(5)
    peer.connect((HOST, port))
    return peer


@check(f"{SILENT} POP3 clients that never read: bounded memory, others are served")
def never_read(_, _folder):
    with House(changes=MANY) as server:
        accounts = [server.account() for _ in range(20)]
        large = TEXT + (b"x" * 70 + b"\n") * (4_000_000 // 71)
        for account in accounts:
            begins(server.send(account, text=large), b"250")
        time.sleep(0.5)
        before, peers = server.memory(), []
        for number in range(SILENT):
            peer = connect(server.pop3, f"127.0.{number % 50}.2")
            wanted = b"CAPA\r\n" * 20_000
            if number < len(accounts):
                account = accounts[number]
                wanted = f"USER {account.address}\r\nPASS {account.password}\r\n".encode() + b"RETR 1\r\n" * 500
            peer.setblocking(False)
            try:
                while wanted:
                    wanted = wanted[peer.send(wanted):]
            except BlockingIOError:
                pass
            peers.append(peer)
        time.sleep(2)
        grown = server.memory() - before
        anna, began = server.account(), time.monotonic()
        begins(server.send(anna), b"250")
        server.reads_and_deletes(anna)
        took = time.monotonic() - began
        for peer in peers:
            peer.close()
        assert grown < 256 * SILENT, f"{grown} KiB for {SILENT} connections"
        assert took < PATIENCE, f"another client waited {took:.1f} s"


@check(f"{FLOOD} connections over the limit: refused in words, others served meanwhile, few lines in the log")
def flood(_, _folder):
    changes = (("max_connections_per_ip = 1000", "max_connections_per_ip = 20"),)
    with House(changes=changes) as server:
        anna = server.account()
        inside = [connect(server.smtp, "127.0.0.2") for _ in range(20)]
        words, other, lock = [0], [], threading.Lock()
        lines_before = len(server.log.read_text().splitlines())

        def storm():
            for _ in range(FLOOD // 8):
                try:
                    with connect(server.smtp, "127.0.0.2") as peer:
                        said = peer.recv(200)
                except OSError as error:
                    said = repr(error).encode()
                with lock:
                    if said.startswith(b"421 4.7.0"):
                        words[0] += 1
                    else:
                        other.append(said)

        storms = [threading.Thread(target=storm) for _ in range(8)]
        for thread in storms:
            thread.start()
        slowest, served = 0, 0
        while any(thread.is_alive() for thread in storms):
            began = time.monotonic()
            begins(server.send(anna), b"250")
            slowest, served = max(slowest, time.monotonic() - began), served + 1
        for peer in inside:
            peer.close()
        assert not other, f"{len(other)} were not told in words, for instance {other[0]!r}"
        assert words[0] == FLOOD // 8 * 8
        assert served and slowest < PATIENCE, f"{served} served meanwhile, the slowest in {slowest:.1f} s"
        refused = [line for line in server.log.read_text().splitlines()[lines_before:] if "serve.refused" in line]
        assert 1 <= len(refused) <= 12, f"{len(refused)} lines about refused connections"
        server.reads_and_deletes(anna)
