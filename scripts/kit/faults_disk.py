"""Disks without room, without inodes, read-only, and broken."""

import os
import shutil
from pathlib import Path

from checks import Skip, check, run
from house import (FULL, TEXT, House, begins, fill, in_file, in_tmp, send, stat, tmpfs, until, use_up_inodes)
from trial import Line

MIB = 1 << 20
SMALL_RESERVE = 'min_free = "1 MiB"'


def without_room(disk):
    with House(SMALL_RESERVE, disk) as server:
        anna, bert = server.account(), server.account()  # Bert has no folder yet.
        for _ in range(3):
            begins(server.send(anna), b"250")

        ballast = fill(server.data, leave=MIB // 2)  # Half of the reserve.
        with server.sender() as smtp:
            begins(send(smtp, anna, size=100), FULL)
            assert b"452" in send(smtp, anna), "354 on a full disk"
            smtp.ask("MAIL FROM:<>", b"250")
            smtp.ask("RSET", b"250")
        ballast.unlink()

        ballast = fill(server.data, leave=3 * MIB)
        large = b"Subject: large\n\n" + (b"x" * 70 + b"\n") * (6 * MIB // 71)
        with server.sender() as smtp:
            begins(send(smtp, anna, size=len(large)), FULL)
            begins(send(smtp, anna, text=large), FULL)
            assert in_tmp(anna) == [], "left in tmp/"
            smtp.ask("NOOP", b"250")
        assert server.count(anna) == 3, "a message that was refused is there"
        ballast.unlink()

        ballast = fill(server.data)
        assert os.statvfs(server.data).f_bavail == 0, "the disk is not full"
        server.reads_and_deletes(anna)
        assert server.count(bert) == 0
        server.again()
        fill(server.data)
        server.reads_and_deletes(anna)
        fill(server.data)
        begins(server.send(anna), FULL)
        ballast.unlink()
        begins(server.send(anna, bert), b"250")
        assert (server.count(anna), server.count(bert)) == (2, 1)


@check("full disk, tmpfs: 452 4.3.1 before and in a message; reading, deleting, starting go on; recovers")
def full_tmpfs(_, _folder):
    without_room(tmpfs("size=16m"))


@check("full disk, ext4: the same")
def full_ext4(_, _folder):
    without_room(in_file("ext4", 24 * MIB))


@check("full disk, ext2 with blocks of 1 KiB: the same")
def full_ext2(_, _folder):
    without_room(in_file("ext2", 16 * MIB, "-b", "1024"))


def without_inodes(disk):
    with House('min_free = "1 KiB"', disk) as server:
        anna, bert, cleo = (server.account() for _ in range(3))
        begins(server.send(anna), b"250")
        begins(server.send(cleo), b"250")
        heap = use_up_inodes(server.data)
        begins(server.send(anna, size=100), FULL)
        assert b"452" in server.send(anna), "354 without an inode"
        server.reads_and_deletes(anna)  # Gives one back.
        (heap / "one").touch()
        server.again()
        assert (server.count(anna), server.count(bert), server.count(cleo)) == (0, 0, 1)
        # One inode, two copies: the second fails, and with it the first.
        (heap / "one").unlink()
        begins(server.send(anna, cleo), b"452")
        assert (in_tmp(anna), in_tmp(cleo)) == ([], []), "left in tmp/"
        assert (server.count(anna), server.count(cleo)) == (0, 1)
        shutil.rmtree(heap)
        begins(server.send(anna, bert), b"250")
        assert (server.count(anna), server.count(bert)) == (1, 1)


@check("no inodes, tmpfs: 452 4.3.1; reading, deleting, starting go on; recovers")
def inodes_tmpfs(_, _folder):
    without_inodes(tmpfs("size=16m,nr_inodes=80"))


@check("no inodes, ext4: the same")
def inodes_ext4(_, _folder):
    without_inodes(in_file("ext4", 16 * MIB, "-N", "96"))


@check("database on a full disk: no change is taken, none is lost, logins go on")
def database(_, _folder):
    with House(SMALL_RESERVE, in_file("ext4", 16 * MIB, "-b", "1024")) as server:
        anna = server.account()
        ballast = fill(server.data)
        command = [server.binary, "--config", server.config, "account"]
        said = run([*command, "add", "late@example.org", "--password-stdin"], ok=(0, 1), text=b"secret\n")
        listed = run([*command, "list"])
        assert (b"late@" in listed) == (said == b"" and b"late@" in listed)
        assert anna.address.encode() in listed, "an account is lost"
        assert server.count(anna) == 0
        server.kill()
        server.start()
        assert server.count(anna) == 0
        ballast.unlink()
        server.account("later")


@check("read-only and back: the mail alone on a disk that is remounted")
def read_only_and_back(_, _folder):
    with House(SMALL_RESERVE) as server:
        anna, bert = server.account(), server.account()
        mail = server.data / "mail"
        mail.mkdir(mode=0o700, exist_ok=True)
        run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", mail])
        try:
            begins(server.send(anna), b"250")
            begins(server.send(anna), b"250")
            run(["mount", "-o", "remount,ro", mail])
            begins(server.send(anna), b"45")
            with server.reader(anna) as pop3:
                pop3.ask("RETR 1", b"+OK")
                pop3.body()
                pop3.ask("DELE 1", b"+OK")
                begins(pop3.ask("QUIT", b"-ERR"), b"-ERR [SYS/TEMP]")
            with server.reader(anna) as pop3:  # Nothing marked: a flag that cannot be set is no reason for -ERR.
                pop3.ask("RETR 1", b"+OK")
                pop3.body()
                pop3.ask("QUIT", b"+OK")
            assert (server.count(anna), server.count(bert)) == (2, 0)
            run(["mount", "-o", "remount,rw", mail])
            begins(server.send(anna), b"250")
            server.reads_and_deletes(anna)
            assert server.count(anna) == 2
        finally:
            run(["umount", "--lazy", mail])


@check("read-only by itself: ext4 that met an error, with the database on it; reading and starting go on")
def read_only_by_error(_, _folder):
    disk = in_file("ext4", 24 * MIB, options="loop,errors=remount-ro")
    with House(SMALL_RESERVE, disk) as server:
        anna, bert = server.account(), server.account()
        begins(server.send(anna), b"250")
        device = os.stat(server.data).st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        trigger = Path(f"/sys/fs/ext4/{name}/trigger_fs_error")
        if not trigger.exists():
            raise Skip("this kernel has no trigger_fs_error for ext4")
        trigger.write_text("on purpose")
        for _ in range(2):
            begins(server.send(anna), b"451")
            with server.reader(anna) as pop3:
                pop3.ask("RETR 1", b"+OK")
                assert b"hello\r\n" in pop3.body()
                pop3.ask("DELE 1", b"+OK")
                begins(pop3.ask("QUIT", b"-ERR"), b"-ERR [SYS/TEMP]")
            assert (server.count(anna), server.count(bert)) == (1, 0)
            server.kill()  # Then the same of a server that starts on such a disk.
            server.start()


@check("EIO in the middle of RETR: hangs up without the final dot, others are served")
def unreadable_message(_, _folder):
    with House(SMALL_RESERVE, in_file("ext4", 64 * MIB)) as server:
        anna, bert = server.account(), server.account()
        begins(server.send(bert), b"250")
        begins(server.send(anna, text=TEXT + (b"y" * 70 + b"\n") * (20 * MIB // 71)), b"250")
        file = anna.files()[0]
        run(["sync", "-f", server.data])
        last = end_on_disk(file)
        os.truncate(server.dir / "disk.img", last - 8 * MIB)
        with open(file, "rb") as cached:
            os.posix_fadvise(cached.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with server.reader(anna) as pop3:
            pop3.ask("RETR 1", b"+OK")
            got = pop3.file.read()
        assert 0 < len(got) < 20 * MIB and not got.endswith(b"\r\n.\r\n"), f"{len(got)} octets pass for a message"
        until("a line in the log", lambda: "why=unreadable" in server.log.read_text())
        server.reads_and_deletes(bert)
        assert server.count(anna) == 1


def end_on_disk(file):
    """Where the file's last block lies, in bytes."""
    lines = run(["filefrag", "-b1", "-v", file]).decode().splitlines()
    extents = [line.split(":")[2] for line in lines if line.strip()[:1].isdigit() and line.count(":") >= 4]
    if not extents:
        raise Skip("filefrag tells no extents")
    return max(int(extent.split("..")[1]) for extent in extents)


@check("EIO at fsync: a device that cannot store what it took; 4xx, nothing is kept, reading goes on")
def unwritable_device(_, _folder):
    def thin(at, beside):
        store = beside / "store"
        store.mkdir()
        run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", store])
        image = store / "disk.img"
        with image.open("wb") as file:
            file.truncate(64 * MIB)
        run(["mkfs.ext2", "-q", "-m", "0", "-b", "4096", image])
        run(["mount", "-o", "loop", image, at])

    with House(SMALL_RESERVE, thin) as server:
        anna = server.account()
        try:
            begins(server.send(anna), b"250")
            accepted = 1
            for _ in range(12):
                said = server.send(anna, text=TEXT + (b"z" * 70 + b"\n") * (MIB // 71))
                assert said[:3] in (b"250", b"451", b"452"), said
                accepted += said.startswith(b"250")
            assert accepted < 13, "the device took more than it can hold"
            with Line(server.pop3) as pop3:
                pop3.log_in(anna)
                there = stat(pop3)
                assert there >= accepted, f"{accepted} accepted, {there} there"
                pop3.ask("RETR 1", b"+OK")
                assert b"hello\r\n" in pop3.body()
        finally:
            run(["umount", "--lazy", server.data, server.dir / "store"], ok=(0, 32))
