"""Maildirs as they have grown on old servers: names, flags, gaps, indexes and texts of every kind.

Each kind is a function `(server, user)` that fills the user's Maildir, with the server's own help where it
makes files of its own. Knows the servers' habits, and nothing of restante.
"""

import os

from messages import nasty

KINDS = {"dovecot": {}, "courier": {}, "solid-pop3d": {}}
T = 1700000000


def kind(*servers, settings="", options=(), programs=("fetchmail", "getmail", "mpop")):
    """Adds a function to the kinds of these servers: `settings` for Dovecot, `options` for the import,
    and the mail programs that can read such a mailbox at all."""
    def add(function):
        for server in servers:
            KINDS[server][function.__name__.replace("_", " ")] = (function, settings, options, programs)
        return function
    return add


def text(number, header=b""):
    return header + nasty(number)


def put(maildir, name, octets, sub="cur", time=None):
    """A message file; with the time of its name, or another."""
    name = name if isinstance(name, bytes) else name.encode()
    path = os.path.join(os.fsencode(maildir), sub.encode(), name)
    with open(path, "wb") as file:
        file.write(octets)
    digits = name.split(b".")[0]
    when = time if time is not None else int(digits) if digits.isdigit() else T
    os.utime(path, (when, when))


def deliver(maildir, number, count=1):
    """As a delivery agent does: into new/, with sizes in the name."""
    for at in range(number, number + count):
        octets = text(at)
        put(maildir, f"{T + at}.M{at * 7919 % 1000000}P{at}.old,S={len(octets)},W={len(octets) + octets.count(10)}",
            octets, "new")


def poll(server, user, *commands):
    """A session of a mail program: the server notes what it has found."""
    with server.session(user) as line:
        for command in ("UIDL", *commands):
            line.ask(command, b"+OK")
            if command == "UIDL" or command.startswith("RETR"):
                line.body()
        line.ask("QUIT", b"+OK")


@kind("dovecot", "courier", "solid-pop3d")
def delivered(server, user):
    deliver(server.maildir(user), 1, 8)


@kind("dovecot", "courier", "solid-pop3d")
def with_gaps(server, user):
    """Mail came, was read, deleted, came again."""
    maildir = server.maildir(user)
    deliver(maildir, 1, 6)
    poll(server, user, "RETR 1", "DELE 2", "DELE 5")
    deliver(maildir, 10, 3)
    poll(server, user, "RETR 3", "DELE 6")


@kind("dovecot", "courier", "solid-pop3d")
def flags_and_names(server, user):
    """Names of many delivery agents, and flags of a webmail program."""
    maildir = server.maildir(user)
    names = ["1000000000.12345.qmail.example:2,S", "1000000001.12345_3.host:2,RS", "1000000001.12345_20.host:2,",
             "1000000001.M5P6V0000000000000801I0000AB12_0.courier,S=14:2,FS", "1000000001.H9P4.exim:2,T",
             "1000000001.V801I2M7.postfix:2,", "999999999.early:2,S", "1000000002.P1M9Q2.host:2,DF", "msg.no-time:2,",
             "1000000003.a b:2,S", "1000000003.quote'\"+:2,", "1000000003.dot.:2,", "1000000004.x;y=z,~:2,S"]
    for number, name in enumerate(names):
        put(maildir, name.replace("S=14", f"S={len(text(number))}"), text(number))


@kind("dovecot", "courier")
def eight_bit_names(server, user):
    maildir = server.maildir(user)
    for number, name in enumerate([b"1000000000.\xe4:2,S", b"1000000000.a:2,", b"1000000000.\xc3\xa4:2,", b"\xff.x:2,S"]):
        put(maildir, name, text(number))


@kind("dovecot", "courier")
def odd_octets(server, user):
    """NUL, bare CR, CR LF, no final newline, nothing at all, a very long line."""
    head = b"From: a@example.net\nSubject: odd\nMessage-ID: <%d@old>\n"
    bodies = [b"\nno line end", b"\na\0b\n", b"\na\rb\n", b"\r\n", b"\nx" * 3 + b"\r\n", b"\n" + b"y" * 200000 + b"\n",
              b"\n.\n..\n.x\n", b"\n\n\n", b"no body"]
    maildir = server.maildir(user)
    for number, body in enumerate(bodies):
        put(maildir, f"{T + number}.odd.old:2,S", head % number + body)
    put(maildir, f"{T + 50}.crlf.old:2,", (head % 50 + b"\nall\nwith\nCRLF\n").replace(b"\n", b"\r\n"))
    put(maildir, f"{T + 51}.empty.old:2,", b"")
    put(maildir, f"{T + 52}.newline.old:2,", b"\n")


@kind("courier")
def eight_bit_headers(server, user):
    """Courier shows them wrapped, another way at each RETR; here they come as they are."""
    maildir = server.maildir(user)
    put(maildir, f"{T}.a.old:2,S", b"Subject: Gr\xfc\xdfe\n\nx\n")
    put(maildir, f"{T + 1}.b.old:2,S", text(1))


@kind("courier")
def numbers_without_validity_and_names(server, user):
    """A list that came through three versions of Courier."""
    maildir = server.maildir(user)
    for number, name in enumerate(["1.a.old", "2.b+c.old", "3.d e.old", "4.f.old", "5.g.old"]):
        put(maildir, f"{T + number}{name[1:]}:2,S", text(number))
    size = len(text(1)) + text(1).count(b"\n")
    numbers = ["7:0:0", "0:5:0", "0:0:0", "9:1600000000:0"]
    names = [".a.old", ".b+c.old", ".d e.old", ".f.old"]
    lines = [f"{T + at}{name}:2, {size} {number}" for at, (name, number) in enumerate(zip(names, numbers))]
    (maildir / "courierpop3dsizelist").write_text("\n".join(["/3 20 1600000000", *lines, ""]))


@kind("dovecot")
def fields_of_two_moves(server, user):
    """P and O of dsync, saved unique-ids, an empty P, mail of before and after, in one list."""
    maildir = server.maildir(user)
    for number in range(1, 9):
        put(maildir, f"{T + number}.m{number}.old:2,S", text(number))
    name = [f"{T + number}.m{number}.old" for number in range(9)]
    (maildir / "dovecot-uidlist").write_text(
        f"3 V1500000000 N3 G{'ab' * 16}\n1 O3 PUID7-99 :{name[1]}:2,\n2 O1 P :{name[2]}\n4 O2 P!\"'\\~ W9 :{name[3]}:2,RS\n"
        f"5 P{'long' * 30} :{name[4]}\n9 W1 :{name[5]}\n30 Gguid :{name[6]}\n")


@kind("dovecot")
def list_of_version_1(server, user):
    maildir = server.maildir(user)
    for number in range(1, 4):
        put(maildir, f"{T + number}.m{number}.old:2,S", text(number))
    (maildir / "dovecot-uidlist").write_text(f"1 1400000000 50\n3 {T + 1}.m1.old:2,\n40 {T + 3}.m3.old:2,RS\n")


@kind("dovecot")
def after_dsync(server, user):
    """`doveadm sync` into a new Maildir, which then is the mailbox."""
    maildir = server.maildir(user)
    deliver(maildir, 1, 5)
    poll(server, user, "DELE 2")
    server.adopt(user)
    target = server.dir / "home" / f"synced-{user}"
    server.doveadm("backup", "-u", user, f"maildir:{target}")
    maildir.rename(server.dir / "home" / f"before-{user}")
    target.rename(maildir)


@kind("dovecot", settings="pop3_uidl_format = %v.%u\n", options=("--uidl-format", "%v.%u"))
def validity_dot_uid(server, user):
    with_gaps(server, user)


@kind("dovecot", settings="pop3_uidl_format = %f\n", options=("--uidl-format", "%f"),
      programs=("fetchmail", "mpop"))
def file_names(server, user):
    flags_and_names(server, user)


@kind("dovecot", settings="pop3_uidl_format = %g\n", options=("--uidl-format", "%g"))
def guids(server, user):
    fields_of_two_moves(server, user)


@kind("dovecot", settings="pop3_uidl_format = %Mf\n", options=("--uidl-format", "%Mf"))
def hashed_names(server, user):
    flags_and_names(server, user)


@kind("dovecot", settings="pop3_uidl_format = %ULg-%5Xv\n", options=("--uidl-format", "%ULg-%5Xv"))
def modifiers(server, user):
    with_gaps(server, user)


@kind("dovecot", settings="pop3_reuse_xuidl = yes\n", options=("--reuse-xuidl",))
def reused_x_uidl(server, user):
    maildir = server.maildir(user)
    heads = [b"X-UIDL: abc!def\"\n", b"", b"x-uidl:  two\n", b"X-UIDL: one\nX-UIDL: two\n"]
    for number, head in enumerate(heads):
        put(maildir, f"{T + number}.x{number}.old:2,S", text(number, head))


# Unique-ids with blanks and 8-bit letters: getmail and mpop refuse the whole mailbox.
@kind("dovecot", settings="pop3_reuse_xuidl = yes\n", options=("--reuse-xuidl",), programs=("fetchmail",))
def odd_x_uidl(server, user):
    maildir = server.maildir(user)
    for number, value in enumerate([b"8\xe4bit", b"with blank", b"x" * 69 + b"-70", b"y" * 200, b"a\tb  "]):
        put(maildir, f"{T + number}.x{number}.old:2,S", text(number, b"X-UIDL: " + value + b"\n"))


@kind("dovecot", settings="pop3_uidl_format = %08Xv\npop3_uidl_duplicates = rename\n",
      options=("--uidl-format", "%08Xv", "--rename-duplicate-uidls"))
def renamed_duplicates(server, user):
    fields_of_two_moves(server, user)


@kind("dovecot", settings="pop3_save_uidl = yes\npop3_uidl_format = %f\n", options=("--uidl-format", "%f"))
def saved_uidls(server, user):
    """Dovecot writes down what it has shown."""
    with_gaps(server, user)
    poll(server, user)


@kind("dovecot")
def sizes_that_lie_small(server, user):
    """W= of another tool, which Dovecot believes for LIST."""
    maildir = server.maildir(user)
    for number in range(1, 4):
        put(maildir, f"{T + number}.w.old,W=7:2,S", text(number))


@kind("solid-pop3d")
def times_against_names(server, user):
    """The file's time decides, not the name."""
    maildir = server.maildir(user)
    for number in range(6):
        put(maildir, f"{T + number}.t{number}.old:2,S", text(number), time=T - 100 * number)

