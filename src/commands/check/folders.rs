//! May the server keep its data where it is told to? Looks at the rights of the user that `check`
//! runs as, which should be the one that `serve` will run as.

use super::Remark;
use crate::config::Settings;
use crate::delivery::{self, Delivery};
use crate::process;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, geteuid};
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The data folder, the mail in it once there is some (a disk of its own may be mounted there), and where
/// our own certificate lies or will.
pub(super) fn examine(settings: &Settings) -> Vec<Remark> {
    let mut remarks = folder(&settings.data_dir);
    let own = settings.tls.is_none().then(|| settings.tls_folder());
    for made_already in [Some(settings.mail()), own].into_iter().flatten() {
        if made_already.symlink_metadata().is_ok() {
            remarks.extend(folder(&made_already));
        }
    }
    remarks.extend(room(settings));
    remarks
}

/// `serve` starts and lets everybody read, and answers each message that it is out of room.
fn room(settings: &Settings) -> Option<Remark> {
    let delivery = Delivery::new(settings.mail(), &settings.hostname, settings.min_free);
    matches!(delivery.space(None), Err(delivery::Error::NoSpace)).then(|| {
        Remark::warning(
            format!("less than `min_free` is free under {}: no mail is taken", settings.mail().display()),
            "make room on that disk, or lower `min_free`",
        )
    })
}

fn folder(path: &Path) -> Vec<Remark> {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let is_link = path.symlink_metadata().is_ok();
            return vec![if is_link { dangling(path) } else { missing(path) }];
        }
        Err(error) => {
            let remedy = "let the user that restante runs as reach it";
            return vec![Remark::error(format!("{shown} cannot be looked at: {error}"), remedy)];
        }
    };
    if !found.is_dir() {
        return vec![Remark::Error(process::not_a_folder(path))];
    }
    match writable(path) {
        Ok(()) => usable(path, &found),
        Err(errno) => vec![unwritable(path, errno)],
    }
}

fn unwritable(path: &Path, errno: Errno) -> Remark {
    let shown = path.display();
    match errno {
        Errno::EROFS => Remark::error(
            format!("{shown} is on a disk that may only be read"),
            "mount it for writing; the kernel's log may tell of a fault",
        ),
        errno => Remark::error(
            format!("{shown} cannot be written to: {}", errno.desc()),
            format!("give it to the user that restante runs as: chown -R USER {shown}"),
        ),
    }
}

/// Good enough for `serve`; whom else its rights let in, or keep out, is worth a warning.
fn usable(path: &Path, found: &Metadata) -> Vec<Remark> {
    let shown = path.display();
    let mut remarks = vec![Remark::Fine(format!("folder {shown}"))];
    // Other people's mail is in there; restante itself makes folders with 0700.
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        remarks.push(Remark::warning(
            format!("{shown} is open to others (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        ));
    }
    // Root may write to what is another's; the files it would make there are then root's.
    if found.uid() != geteuid().as_raw() {
        remarks.push(Remark::warning(
            format!("{shown} belongs to another user (uid {})", found.uid()),
            "run restante as that user, or give it the folder",
        ));
    }
    remarks
}

/// Nothing is made at the other end of a link: what is to be mounted there may only be late.
fn dangling(path: &Path) -> Remark {
    Remark::error(
        format!("{} is a symbolic link to what is not there", path.display()),
        "mount or make what it points to, or remove it",
    )
}

/// It is made at the start, if the nearest folder above that is there can be written to.
fn missing(path: &Path) -> Remark {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let above = absolute.ancestors().find(|above| above.exists());
    match above {
        Some(above) if above.is_dir() && writable(above).is_ok() => {
            Remark::Fine(format!("folder {} will be made", path.display()))
        }
        _ => Remark::error(
            format!("{} is not there and cannot be made", path.display()),
            format!(
                "make it for the user that restante runs as: install -d -m 700 -o USER {}",
                path.display()
            ),
        ),
    }
}

/// Asks the kernel, which also knows of read-only mounts and access lists; a mode tells neither.
fn writable(folder: &Path) -> nix::Result<()> {
    access(folder, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK)
}
