//! As whom would the server run, and what keeps it inside: its user, Landlock, the filter of system
//! calls.

use super::Remark;
use crate::config::Settings;
use crate::process::{self, Confinement, Privileges, SystemCalls};
use crate::serve;

/// Becomes the configured user if `check` runs as root, as `serve` would: what is looked at after
/// this is what that user may do.
pub(super) fn examine(settings: &Settings) -> Vec<Remark> {
    let user = process::give_up_root(settings.user.as_deref(), serve::needs_root(settings));
    vec![
        user.map_or_else(Remark::Error, |user| running_as(&user)),
        confinement(&process::confinement_offered()),
        system_calls(SystemCalls::of_this_process()),
    ]
}

fn running_as(user: &Privileges) -> Remark {
    match user {
        Privileges::Ordinary(name) => Remark::Fine(format!("runs as the user {name}, if started like this")),
        Privileges::GivenUp(name) => {
            Remark::Fine(format!("runs as the user {name} once its ports are bound; checked as that user"))
        }
        // What root may do proves nothing about the user that the service runs as.
        Privileges::Root => Remark::warning(
            "running as root: what was checked is what root may do",
            "run both `serve` and `check` as a user of their own, as etc/restante.service does, \
             or name one in `user`",
        ),
    }
}

fn confinement(offered: &Confinement) -> Remark {
    const INSIDE: &str = "files outside its folders are out of its reach";
    match offered {
        Confinement::Full => Remark::Fine(format!("`serve` will be confined by Landlock: {INSIDE}")),
        Confinement::Partial => Remark::Fine(format!(
            "`serve` will be confined by Landlock, as far as this kernel knows it: {INSIDE}"
        )),
        Confinement::None(why) => Remark::warning(
            format!("`serve` will not be confined by Landlock: {why}"),
            "it works without; Linux 5.13 or later has it, if `lsm=` at boot names it",
        ),
    }
}

fn system_calls(calls: SystemCalls) -> Remark {
    let said = match calls {
        SystemCalls::Filtered => "system calls are filtered (seccomp)",
        SystemCalls::All => "system calls are not filtered here; under etc/restante.service they are",
    };
    Remark::Fine(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_force_is_said_with_its_remedy() {
        let none = confinement(&Confinement::None("no such kernel".to_owned())).to_string();
        assert!(
            none.starts_with("warning: `serve` will not be confined by Landlock: no such kernel: it works"),
            "{none}"
        );
        assert!(confinement(&Confinement::Full).to_string().starts_with("ok: "));
        assert!(running_as(&Privileges::Root).to_string().starts_with("warning: running as root"));
        let given_up = running_as(&Privileges::GivenUp("anna".to_owned())).to_string();
        assert!(given_up.starts_with("ok: runs as the user anna"), "{given_up}");
        assert_ne!(system_calls(SystemCalls::All), system_calls(SystemCalls::Filtered));
    }
}
