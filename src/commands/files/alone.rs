//! One mailbox of many that needs an option of its own: the command that takes it alone.
//!
//! Said to all of them, `--server plain` for one broken index would make everybody's mail program download
//! everything again, and what asks the old server has one user's password.

use super::arguments::{Habits, Subfolders};
use super::place::OldMailbox;
use crate::import::{Failure, maildir, mbox};
use crate::mail::AccountAddress;
use std::path::Path;

/// What was said of all mailboxes, and holds for each.
pub struct Said<'a> {
    /// How the old server showed them.
    pub habits: &'a Habits,
    /// Which it was.
    pub server: Option<&'a str>,
    /// The accounts may not be there yet.
    pub is_rehearsal: bool,
}

/// A failure with the command that its remedy belongs to. What is wrong on our own side needs none.
pub fn named(failure: Failure, old: &OldMailbox, to: &AccountAddress, said: &Said<'_>) -> Failure {
    let with = |remedy: String| {
        if !remedy.contains("--") && !remedy.contains("import m") {
            return remedy; // It is no option that helps.
        }
        let when = if said.is_rehearsal { ", once the account is here" } else { "" };
        format!("{remedy}; to say it of this mailbox alone{when}: `{}`", command(old, to, said))
    };
    match failure {
        Failure::Ask { what, remedy } => Failure::Ask { what, remedy: with(remedy) },
        Failure::Source { what, remedy } => Failure::Source { what, remedy: with(remedy) },
        failure => failure,
    }
}

/// By what lies there, which need not be what was expected.
fn command(old: &OldMailbox, to: &AccountAddress, said: &Said<'_>) -> String {
    if old.path.is_file() {
        let server = said.server.filter(|name| mbox::Server::parse(name).is_some());
        let which = said.habits.mbox_md5.map(|_| "--mbox-md5 WHICH".to_owned());
        return written("mbox", (old, to), of_both(server, said.habits).chain([which]));
    }
    let server = said.server.filter(|name| maildir::Server::parse(name).is_some());
    let folders = said.habits.folders == Some(Subfolders::Append);
    let of_one = [
        old.uidlist().map(|file| format!("--uidlist {}", word(&file))),
        folders.then(|| "--folders append".to_owned()),
    ];
    written("maildir", (old, to), of_both(server, said.habits).chain(of_one))
}

fn of_both(server: Option<&str>, habits: &Habits) -> impl Iterator<Item = Option<String>> {
    let Habits { uidl_format, doveconf, reuse_xuidl, rename_duplicate_uidls, .. } = habits;
    let options = [
        server.map(|name| format!("--server {name}")),
        doveconf.as_ref().map(|file| format!("--doveconf {}", word(file))),
        uidl_format.as_ref().map(|_| "--uidl-format FORMAT".to_owned()),
        reuse_xuidl.then(|| "--reuse-xuidl".to_owned()),
        rename_duplicate_uidls.then(|| "--rename-duplicate-uidls".to_owned()),
    ];
    options.into_iter()
}

fn written(
    kind: &str,
    (old, to): (&OldMailbox, &AccountAddress),
    options: impl Iterator<Item = Option<String>>,
) -> String {
    let begin = format!("restante import {kind} {} --to {}", word(&old.path), quoted(&to.to_string()));
    options.flatten().fold(begin, |command, option| format!("{command} {option}"))
}

/// A path as a shell takes it.
fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::super::place::Kind;
    use super::*;

    fn command_for(path: &Path, server: &str, habits: &Habits) -> String {
        let old = OldMailbox { kind: Kind::Maildir, path: path.to_owned(), control: Some("/c".into()) };
        let to = AccountAddress::parse("o'hara@example.org").unwrap();
        command(&old, &to, &Said { habits, server: Some(server), is_rehearsal: false })
    }

    #[test]
    fn what_was_said_of_all_is_said_of_one_as_far_as_it_belongs_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("mbox");
        std::fs::write(&mbox, "").unwrap();
        let habits = Habits {
            doveconf: Some("/my conf".into()),
            mbox_md5: Some(mbox::Md5Of::All),
            folders: Some(Subfolders::Append),
            reuse_xuidl: true,
            ..Habits::default()
        };
        let to = r"--to 'o'\''hara@example.org'";
        assert_eq!(
            command_for(Path::new("/v/anna"), "courier", &habits),
            format!(
                "restante import maildir /v/anna {to} --server courier --doveconf '/my conf' --reuse-xuidl \
                 --uidlist /c/dovecot-uidlist --folders append"
            )
        );
        assert_eq!(
            command_for(&mbox, "courier", &habits),
            format!(
                "restante import mbox {} {to} --doveconf '/my conf' --reuse-xuidl --mbox-md5 WHICH",
                mbox.display()
            )
        );
    }

    #[test]
    fn what_is_wrong_on_our_side_is_mended_here() {
        let old = OldMailbox { kind: Kind::Mbox, path: "/v/anna".into(), control: None };
        let to = AccountAddress::parse("anna@example.org").unwrap();
        let said = Said { habits: &Habits::default(), server: None, is_rehearsal: true };
        let of = |failure| named(failure, &old, &to, &said).to_string();
        assert_eq!(of(Failure::Running), Failure::Running.to_string());
        let source = Failure::Source { what: "x".to_owned(), remedy: "say --so".to_owned() };
        let told = of(source);
        assert!(told.starts_with(
            "x: say --so; to say it of this mailbox alone, once the account is here: `restante"
        ));
    }
}
