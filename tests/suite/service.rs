//! What the system sees of a running `serve`: its words to systemd, as whom it runs, what it may use up.

use crate::harness::{LIMIT, Server};
use nix::unistd::{User, geteuid};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

const ANNA: &str = "anna@example.org";

/// What the kernel tells of it in /proc behind `name`, word by word.
fn told(server: &Server, file: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/{file}", server.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn systemd_hears_when_it_serves_when_it_reloads_and_when_it_ends() {
    let mut server = Server::prepare("");
    let path = server.folder().join("notify.sock");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(LIMIT)).unwrap();
    let hear = || {
        let mut octets = [0; 256];
        let read = systemd.recv(&mut octets).unwrap();
        String::from_utf8_lossy(&octets[..read]).into_owned()
    };
    server.again_by(&format!("NOTIFY_SOCKET={} exec \"$@\"", path.display()));
    assert_eq!(hear(), "READY=1\n");
    server.pop3().quit();
    server.signal("HUP");
    assert!(hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(hear(), "READY=1\n");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(hear(), "STOPPING=1\n");
}

/// Only root has anything to give up.
#[test]
fn nothing_of_root_stays_with_the_user_that_it_becomes() {
    let mut server = Server::prepare("user = \"nobody\"");
    if fs::metadata(server.folder()).unwrap().uid() != 0 {
        return;
    }
    fs::set_permissions(server.folder(), Permissions::from_mode(0o755)).unwrap();
    server.again();
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    assert_eq!(told(&server, "status", "Uid:"), [&*uid; 4]);
    assert_eq!(told(&server, "status", "Gid:"), [&*gid; 4]);
    let groups = told(&server, "status", "Groups:");
    assert!(groups.contains(&gid) && !groups.contains(&"0".to_owned()), "{groups:?}");
    for capabilities in ["CapPrm:", "CapEff:"] {
        assert_eq!(told(&server, "status", capabilities), ["0000000000000000"], "{capabilities}");
    }
}

/// Behind Landlock nobody could look the name up any more. Root starts it as another, if there is a program for
/// that and the other one may run ours.
#[test]
fn the_log_names_the_user_that_it_was_started_as() {
    let mut server = Server::prepare("");
    let mut user = User::from_uid(geteuid()).unwrap();
    let mut script = "exec \"$@\"".to_owned();
    if geteuid().is_root() {
        user = User::from_name("nobody").unwrap();
        let nobody = user.as_ref().unwrap();
        let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
        for path in [server.folder(), &server.config()] {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
        script = format!("exec setpriv --reuid {uid} --regid {gid} --clear-groups \"$@\"");
        if server.restante_by(&script, &["--version"], "").status != Some(0) {
            return;
        }
    }
    let Some(user) = user else { return }; // One without a name, as in a container.
    server.again_by(&script);
    server.wait_for_log(&format!(" user={} ", user.name));
}

/// Whoever may write to the socket delivers to anybody: the server's user and its group, Postfix' in it.
#[test]
fn the_socket_is_the_users_that_it_becomes_and_goes_with_it() {
    let mut server = Server::prepare("user = \"nobody\"\nlmtp.listen = [\"unix:DIR/run/lmtp.sock\"]");
    let run = server.folder().join("run");
    fs::create_dir(&run).unwrap();
    if fs::metadata(server.folder()).unwrap().uid() != 0 {
        return;
    }
    fs::set_permissions(server.folder(), Permissions::from_mode(0o755)).unwrap();
    let nobody = User::from_name("nobody").unwrap().unwrap();
    chown(&run, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    server.again();
    let socket = run.join("lmtp.sock");
    let found = fs::metadata(&socket).unwrap();
    assert_eq!((found.uid(), found.gid()), (nobody.uid.as_raw(), nobody.gid.as_raw()));
    assert_eq!(found.mode() & 0o777, 0o660);
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists(), "the server could not remove it");
}

#[test]
fn it_leaves_no_image_of_its_memory_and_opens_as_many_files_as_it_may() {
    let mut server = Server::prepare("");
    server.again_by("ulimit -Sn 256; exec \"$@\"");
    assert_eq!(told(&server, "limits", "Max core file size")[..2], ["0", "0"]);
    let files = told(&server, "limits", "Max open files");
    assert_eq!(files[0], files[1], "the usual 1024 are for programs with a few files");
}

/// Whatever the caller's umask gives away or takes.
#[test]
fn what_it_makes_is_for_its_owner_alone() {
    for umask in ["0000", "0777"] {
        let mut server = Server::prepare("");
        let script = format!("umask {umask}; exec \"$@\"");
        server.restante_by(&script, &["account", "add", ANNA, "--password-stdin"], "secret\n").done();
        server.again_by(&script);
        server.send(&[ANNA], b"Subject: hello\r\n\r\n");
        server.log_in(ANNA).quit();
        assert!(modes(&server.data()).len() > 7, "folders, a database, a key, a message");
        for (path, mode) in modes(&server.data()) {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "umask {umask}: {}: {mode:o}", path.display());
        }
    }
}

/// A folder and all that is in it, each with its mode.
fn modes(path: &Path) -> Vec<(PathBuf, u32)> {
    let below = fs::read_dir(path).into_iter().flatten().flat_map(|entry| modes(&entry.unwrap().path()));
    // What has gone in between has no mode.
    let own = fs::metadata(path).ok().map(|found| (path.to_owned(), found.mode() & 0o7777));
    own.into_iter().chain(below).collect()
}
