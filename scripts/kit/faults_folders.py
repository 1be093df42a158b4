"""Mail folders that are missing, closed, immutable, or lead elsewhere."""

import os
import shutil
import time

from checks import check, run
from house import FAULT, TEXT, House, begins, in_file, in_tmp, send, stat
from trial import HOST, Line, stuffed


def over_lmtp(server, *accounts):
    """The answers for each, in order."""
    with Line(server.lmtp) as lmtp:
        lmtp.expect(b"220")
        lmtp.ask(f"LHLO {HOST}", b"250")
        lmtp.ask("MAIL FROM:<bob@example.net>", b"250")
        for account in accounts:
            lmtp.ask(f"RCPT TO:<{account.address}>", b"250")
        lmtp.ask("DATA", b"354")
        lmtp.send(stuffed(TEXT))
        return [lmtp.file.readline() for _ in accounts]


@check("one user's unreadable Maildir: an honest answer for that one, service for the others")
def unreadable_maildir(_, _folder):
    with House('user = "nobody"', owner="nobody") as server:
        anna, bert = server.account(), server.account()
        begins(server.send(anna, bert), b"250")
        for part in (anna.maildir, anna.maildir / "new", anna.maildir / "cur"):
            part.chmod(0)
            begins(server.refusal(anna), b"-ERR [SYS/TEMP]")
            assert server.count(bert) >= 1
            if part.name != "cur":
                begins(server.send(anna), FAULT)
                begins(server.send(anna, bert), FAULT)
                first, second = over_lmtp(server, anna, bert)
                begins(first, FAULT)
                begins(second, b"250")
            part.chmod(0o700)
            assert server.count(anna) == 1 and in_tmp(anna) == []
        begins(server.send(anna), b"250")
        next(iter(anna.files())).chmod(0)  # One message alone.
        with server.reader(anna) as pop3:
            assert stat(pop3) == 2
            begins(pop3.ask("RETR 1", b"-ERR"), b"-ERR [SYS/TEMP]")
            pop3.ask("RETR 2", b"+OK")
            pop3.body()
            pop3.ask("QUIT", b"+OK")


@check("missing folders: removed while it runs, they are made again")
def missing_folders(_, _folder):
    with House() as server:
        anna = server.account()
        box = anna.maildir
        for gone in (box / "tmp", box / "new", box / "cur", box, box.parent, box.parent.parent):
            begins(server.send(anna), b"250")
            shutil.rmtree(gone)
            assert server.count(anna) <= 1, "a login"
            shutil.rmtree(gone, ignore_errors=True)
            begins(server.send(anna), b"250")
            assert server.count(anna) >= 1, f"a delivery without {gone}"
            assert all((box / part).stat().st_mode & 0o7777 == 0o700 for part in ("tmp", "new", "cur"))
            shutil.rmtree(box)


@check("missing folders: removed in the middle of a message and of a session")
def missing_in_the_middle(_, _folder):
    with House() as server:
        anna = server.account()
        begins(server.send(anna), b"250")
        for gone in (anna.maildir / "tmp", anna.maildir / "new", anna.maildir.parent):
            with server.sender() as smtp:
                smtp.ask("MAIL FROM:<>", b"250")
                smtp.ask(f"RCPT TO:<{anna.address}>", b"250")
                smtp.ask("DATA", b"354")
                smtp.send(b"Subject: half\r\n")
                shutil.rmtree(gone)
                before = len(anna.files())
                smtp.send(b"\r\nmore\r\n.\r\n")
                said = smtp.file.readline()
                assert said[:3] == (b"250" if len(anna.files()) > before else b"451"), said
                begins(send(smtp, anna), b"250")
        with server.reader(anna) as pop3:
            shutil.rmtree(anna.maildir)
            pop3.ask("RETR 1", b"-ERR")
            pop3.ask("DELE 1", b"+OK")
            pop3.send(b"QUIT\r\n")
            assert pop3.file.readline()[:4] in (b"+OK ", b"-ERR")
        begins(server.send(anna), b"250")
        assert server.count(anna) == 1


@check("symbolic links in the mail tree lead nowhere")
def symbolic_links(_, folder):
    with House() as server:
        anna = server.account()
        elsewhere = folder / "elsewhere"
        for part in ("new", "cur", "tmp"):
            (elsewhere / anna.maildir.name / part).mkdir(parents=True)
            (elsewhere / part).mkdir()
            (elsewhere / part / "1700000000.secret").write_bytes(TEXT)
            (elsewhere / anna.maildir.name / part / "1700000000.secret").write_bytes(TEXT)
        before = sorted(elsewhere.rglob("*"))
        begins(server.send(anna), b"250")
        for link in (anna.maildir.parent, anna.maildir, anna.maildir / "new", anna.maildir / "tmp"):
            aside = link.with_name("aside")
            link.rename(aside)
            link.symlink_to(elsewhere)
            begins(server.send(anna), FAULT)
            if link.name != "tmp":
                begins(server.refusal(anna), b"-ERR [SYS/TEMP]")
            link.unlink()
            aside.rename(link)
        (anna.maildir / "new" / "1700000001.link").symlink_to("/etc/passwd")
        (anna.maildir / "cur" / "1700000002.link:2,S").symlink_to(elsewhere / "new" / "1700000000.secret")
        assert server.count(anna) == 1, "a link is served"
        os.utime(elsewhere / "tmp" / "1700000000.secret", (0, 0))
        shutil.rmtree(anna.maildir / "tmp")
        (anna.maildir / "tmp").symlink_to(elsewhere / "tmp")
        server.again()
        assert sorted(elsewhere.rglob("*")) == before, "something was done elsewhere"


@check("immutable folder: QUIT says -ERR [SYS/TEMP], and what could not be removed is there")
def immutable(_, _folder):
    with House('min_free = "1 KiB"', in_file("ext4", 16 << 20)) as server:
        anna = server.account()
        for _ in range(3):
            begins(server.send(anna), b"250")

        def delete_all():
            with server.reader(anna) as pop3:
                for number in range(1, stat(pop3) + 1):
                    pop3.ask(f"DELE {number}", b"+OK")
                pop3.send(b"QUIT\r\n")
                return pop3.file.readline()

        for what, left in ((anna.maildir / "new", 3), (anna.files()[1], 1)):
            run(["chattr", "+i", what])
            begins(delete_all(), b"-ERR [SYS/TEMP]")
            run(["chattr", "-i", what])
            assert server.count(anna) == left
        begins(delete_all(), b"+OK")
        assert server.count(anna) == 0


@check("left-overs in tmp/ go after 36 hours, at the start, and nothing else does")
def left_overs(_, _folder):
    with House() as server:
        anna = server.account()
        begins(server.send(anna), b"250")
        box, hours = anna.maildir, 3600
        ages = {"tmp/old": 37, "tmp/young": 35, "tmp/ahead": -48, "tmp/.hidden": 99, "new/old": 99,
                "cur/old:2,S": 99, "notes": 99, "tmp/folder/old": 99, "../note": 99}
        (box / "tmp/folder").mkdir()
        for name, age in ages.items():
            (box / name).write_bytes(TEXT)
            os.utime(box / name, (time.time() - age * hours,) * 2)
        server.kill()
        assert (box / "tmp/old").exists()
        server.start()
        gone = [name for name in ages if not (box / name).exists()]
        assert gone == ["tmp/old"], f"gone: {gone}"
        assert server.count(anna) == 3


@check("umask 000 and 777: files are 0600 and folders 0700 all the same")
def umask(_, _folder):
    for mask in ("000", "777"):
        wrapper = ("sh", "-c", f'umask {mask}; exec "$@"', "sh")
        with House('user = "nobody"', owner="nobody", wrapper=wrapper) as server:
            anna = server.account()
            begins(server.send(anna), b"250")
            with server.reader(anna) as pop3:
                pop3.ask("RETR 1", b"+OK")
                pop3.body()
                pop3.ask("QUIT", b"+OK")
            time.sleep(1.2)  # The last login is written down.
            wrong = [f"{path} {path.stat().st_mode & 0o7777:o}" for path in server.data.rglob("*")
                     if path.stat().st_mode & 0o7777 != (0o700 if path.is_dir() else 0o600)]
            assert not wrong, wrong
