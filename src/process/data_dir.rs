//! The data folder, made by root for the user that the server will run as: that user may not make
//! folders under /var/lib, and a folder of root's would lock the server out.

use super::privileges::successor;
use crate::finding::Finding;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;

/// Makes `data_dir`, 0700 and `user`'s, if it is not there, we are root and a user is configured;
/// else whoever needs it makes it. Missing folders above it are made alike.
///
/// # Errors
/// The user does not exist, the folder cannot be made, or what is there is none.
pub fn make_data_dir(user: Option<&str>, data_dir: &Path) -> Result<(), Finding> {
    if data_dir.exists() && !data_dir.is_dir() {
        return Err(not_a_folder(data_dir));
    }
    let Some(user) = successor(user)? else { return Ok(()) };
    make(data_dir, user.uid.as_raw(), user.gid.as_raw()).map_err(|error| Finding {
        what: format!("{} cannot be made: {error}", data_dir.display()),
        remedy: format!("make it: install -d -m 700 -o {} {}", user.name, data_dir.display()),
    })
}

/// What is said of a file, or something else, where a folder is to be.
pub fn not_a_folder(path: &Path) -> Finding {
    Finding {
        what: format!("{} is not a folder", path.display()),
        remedy: "move it away, or set `data_dir`".to_owned(),
    }
}

/// One that is there is left as it is: it may be shared on purpose. From the top, each name on the
/// disk before the next: a power cut leaves no gap in the path.
fn make(folder: &Path, uid: u32, gid: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(above, uid, gid)?;
    DirBuilder::new().mode(0o700).create(folder)?;
    chown(folder, Some(uid), Some(gid))?;
    File::open(folder)?.sync_all()?;
    File::open(above)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::geteuid;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn it_is_made_for_its_owner_alone_and_an_old_one_is_left() {
        let home = tempfile::tempdir().unwrap();
        let found = fs::metadata(home.path()).unwrap();
        let folder = home.path().join("data");
        for mode in [0o700, 0o750] {
            make(&folder, found.uid(), found.gid()).unwrap();
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, mode);
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        }
        make(&folder.join("not/there"), found.uid(), found.gid()).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        assert!(make(&home.path().join("file"), found.uid(), found.gid()).is_err());
    }

    #[test]
    fn without_a_user_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        make_data_dir(None, &folder).unwrap();
        make_data_dir(Some("root"), &folder).unwrap();
        assert!(!folder.exists());
        fs::write(&folder, "").unwrap();
        assert!(make_data_dir(None, &folder).unwrap_err().what.ends_with("is not a folder"));
        fs::remove_file(&folder).unwrap();
        assert_eq!(make_data_dir(Some("no-such-user-here"), &folder).is_err(), geteuid().is_root());
    }
}
