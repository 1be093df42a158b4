//! Root is for binding ports, and is given up behind it.

use crate::finding::Finding;
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setuid};
use std::ffi::CString;
use std::fmt;

/// As whom the process goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// It never was root, and is this user.
    Ordinary(String),
    /// It was root and is this user now.
    GivenUp(String),
    /// It is root, because it was asked to be (`user = "root"`), or because nothing it does needs
    /// root: only ports from 1024 on, as in a container or a trial.
    Root,
}

/// Becomes `user` if the process is root; must be called while there is one thread, after the
/// listeners are bound. `needs_root`: whether a port below 1024 was bound.
///
/// # Errors
/// A finding when root would be kept on a privileged port unasked, or the user does not exist.
pub fn give_up_root(user: Option<&str>, needs_root: bool) -> Result<Privileges, Finding> {
    if !geteuid().is_root() {
        return Ok(Privileges::Ordinary(own_name()));
    }
    match user {
        Some("root") => Ok(Privileges::Root),
        Some(name) => become_user(name).map(|()| Privileges::GivenUp(name.to_owned())),
        None if needs_root => Err(Finding {
            what: "serving strangers as root is refused".to_owned(),
            remedy: "give `user = \"restante\"` in the configuration, or start it with etc/restante.service"
                .to_owned(),
        }),
        None => Ok(Privileges::Root),
    }
}

/// Asked here and not when it is shown: by then Landlock has closed /etc/passwd.
fn own_name() -> String {
    match User::from_uid(geteuid()) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {}", geteuid()), // Containers have users without a name.
    }
}

fn become_user(name: &str) -> Result<(), Finding> {
    let user = user_named(name)?;
    let login = CString::new(name).map_err(|error| not_as(name, &error.to_string()))?;
    drop_to(&login, user.uid, user.gid).map_err(|errno| not_as(name, &errno.to_string()))?;
    if setuid(Uid::from_raw(0)).is_ok() {
        return Err(not_as(name, "root came back")); // Then nothing above was worth anything.
    }
    Ok(())
}

/// Whom [`give_up_root`] makes of root: `None` when there is no root to give up, or nobody to become.
///
/// # Errors
/// The user does not exist.
pub fn successor(user: Option<&str>) -> Result<Option<User>, Finding> {
    let other = user.filter(|name| *name != "root" && geteuid().is_root());
    other.map(user_named).transpose()
}

/// The user that `user` in the configuration names.
fn user_named(name: &str) -> Result<User, Finding> {
    let user = User::from_name(name).map_err(|errno| not_as(name, &errno.to_string()))?;
    user.ok_or_else(|| not_as(name, "there is no such user"))
}

fn not_as(name: &str, why: &str) -> Finding {
    Finding {
        what: format!("cannot run as user {name:?}: {why}"),
        remedy: "make the user (etc/restante.sysusers does), or name another one in `user`".to_owned(),
    }
}

/// The groups first: without root they could not be set any more.
fn drop_to(login: &CString, uid: Uid, gid: Gid) -> nix::Result<()> {
    initgroups(login, gid)?;
    setgid(gid)?;
    setuid(uid)
}

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordinary(name) | Self::GivenUp(name) => f.write_str(name),
            Self::Root => f.write_str("root"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_on_a_privileged_port_must_be_asked_for() {
        let root = geteuid().is_root();
        assert_eq!(give_up_root(None, true).is_err(), root);
        assert!(give_up_root(Some("root"), true).is_ok());
        assert!(give_up_root(None, false).is_ok());
    }

    #[test]
    fn a_user_that_is_not_there_is_named() {
        let outcome = give_up_root(Some("no-such-user-here"), true);
        match geteuid().is_root() {
            true => assert!(outcome.unwrap_err().what.contains("no-such-user-here")),
            false => assert_eq!(outcome, Ok(Privileges::Ordinary(own_name()))),
        }
    }
}
