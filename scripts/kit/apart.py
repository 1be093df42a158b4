"""A program of Debian's that cannot be installed beside the others, run from a copy of the root folder.

Debian allows one mail server at a time. So its packages are unpacked over a copy that nobody else sees and
that is gone with the process; only what lies in its own folder, /bench in there, is on the real disk.
Needs root. Knows no mail server.
"""

import contextlib
import os
import subprocess
import time

from peers import answers

OUTSIDE = r"""
set -eu
mount -t tmpfs tmpfs "$DIR/room"
mkdir "$DIR/room/upper" "$DIR/room/work" "$DIR/room/root"
root=$DIR/room/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$DIR/room/upper,workdir=$DIR/room/work" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
for package in "$DIR"/packages/*.deb; do
    dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
done
for user in $WHO; do
    IFS=: read -r name id home <<<"$user"
    sed -i "/^$name:/d" "$root/etc/passwd" "$root/etc/group"
    echo "$name:x:$id:$id::$home:/bin/sh" >>"$root/etc/passwd"
    echo "$name:x:$id:" >>"$root/etc/group"
done
mkdir -p "$root/bench"
mount --bind "$DIR" "$root/bench"
exec chroot "$root" bash -eu /bench/inside
"""


@contextlib.contextmanager
def started(folder, packages, users, inside, port):
    """Runs the script `inside`, which ends in the server, until it listens on the port; gives the process.

    A user is NAME:ID:HOME."""
    for made in ("packages", "room"):
        (folder / made).mkdir()
    subprocess.run(["apt-get", "download", *packages], cwd=folder / "packages", check=True, capture_output=True)
    (folder / "inside").write_text(inside)
    said = folder / "said"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", OUTSIDE]
    room = {**os.environ, "DIR": str(folder), "WHO": " ".join(users)}
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=room)
    try:
        wait_for(port, process, said)
        yield process
    finally:
        process.kill()  # `unshare` does not listen to anything less; all that it started goes with it.
        process.wait(20)


def wait_for(port, process, said):
    """Until somebody listens there."""
    until = time.monotonic() + 30
    while not answers(port):
        if time.monotonic() > until or process.poll() is not None:
            raise SystemExit(f"{process.args[0]} does not start:\n{said.read_text()}")
        time.sleep(0.05)
