//! Which option belongs to which kind of mailbox, and to which old server.
//!
//! An option that would decide nothing is a mistake in what the operator believes of the files, and is told
//! before anything is done. What our own remedies add to a command is none, whatever stands there already.

use super::arguments::{Asked, Habits};
use super::place::Kind;
use crate::commands::Ending;
use crate::commands::old_server::Access;
use crate::finding::Finding;

/// One option of [`Habits`]. `--doveconf` has no rule: it says where the mail of a whole server lies, and may
/// be at hand whatever is asked of it.
struct Rule {
    option: &'static str,
    is_given: fn(&Habits) -> bool,
    /// `None` for both.
    kind: Option<Kind>,
    /// Whether it says something of Dovecot alone.
    is_dovecots: bool,
}

impl Rule {
    const fn dovecots(option: &'static str, is_given: fn(&Habits) -> bool, kind: Option<Kind>) -> Self {
        Self { option, is_given, kind, is_dovecots: true }
    }
}

const RULES: [Rule; 6] = [
    Rule::dovecots("--uidl-format", |habits| habits.uidl_format.is_some(), None),
    Rule::dovecots("--reuse-xuidl", |habits| habits.reuse_xuidl, None),
    Rule::dovecots("--rename-duplicate-uidls", |habits| habits.rename_duplicate_uidls, None),
    Rule::dovecots("--mbox-md5", |habits| habits.mbox_md5.is_some(), Some(Kind::Mbox)),
    Rule::dovecots("--uidlist", |habits| habits.uidlist.is_some(), Some(Kind::Maildir)),
    Rule {
        is_dovecots: false,
        ..Rule::dovecots("--folders", |habits| habits.folders.is_some(), Some(Kind::Maildir))
    },
];

/// Whether an option of [`Access`] is given.
type IsGiven = fn(&Access) -> bool;

/// Options that say how the old server is asked.
const ACCESS: [(&str, IsGiven); 8] = [
    ("--user", |access| access.user.is_some()),
    ("--password-stdin", |access| access.password_stdin),
    ("--tls", |access| access.security.tls),
    ("--stls", |access| access.security.stls),
    ("--plain", |access| access.security.plain),
    ("--ca", |access| access.security.ca.is_some()),
    ("--fingerprint", |access| access.security.fingerprint.is_some()),
    ("--insecure", |access| access.security.insecure),
];

/// Whether somebody who says nothing of the server speaks of Dovecot.
pub fn means_dovecot(habits: &Habits) -> bool {
    RULES.iter().any(|rule| rule.is_dovecots && (rule.is_given)(habits))
}

/// Whether each option says something of one of these mailboxes, shown by `server` as it was named.
///
/// # Errors
/// [`Ending::Usage`] that names the option and what it belongs to.
pub fn check(habits: &Habits, kinds: &[Kind], server: Option<&str>) -> Result<(), Ending> {
    for rule in RULES.iter().filter(|rule| (rule.is_given)(habits)) {
        if let Some(its) = rule.kind.filter(|its| !kinds.is_empty() && !kinds.contains(its)) {
            return Err(misfit(rule.option, its.of_one()));
        }
        // Plain is the last resort, put behind a command that has failed, with all that it says of Dovecot.
        if rule.is_dovecots && server.is_some_and(|server| !matches!(server, "dovecot" | "plain")) {
            return Err(misfit(rule.option, "--server dovecot"));
        }
    }
    Ok(())
}

/// Whether each option that says how the old server is asked has a question. What else is said of its
/// unique-ids does not matter then.
///
/// # Errors
/// As [`check`].
pub fn check_asked(asked: &Asked) -> Result<(), Ending> {
    let is_asked = asked.verify.is_some() || asked.uidls_from.is_some();
    match ACCESS.iter().find(|(_, is_given)| !is_asked && is_given(&asked.access)) {
        Some((option, _)) => Err(misfit(option, "--verify or --uidls-from")),
        None => Ok(()),
    }
}

/// Wrong usage: an option beside what it does not belong to.
pub fn misfit(option: &str, its: &str) -> Ending {
    Ending::Usage(Finding {
        what: format!("{option} decides nothing here: it belongs to {its}"),
        remedy: "leave it out, or see `--help`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::files::arguments::Subfolders;
    use crate::import::mbox::Md5Of;

    fn told(outcome: Result<(), Ending>) -> Option<String> {
        outcome.err().map(|ending| match ending {
            Ending::Usage(finding) => finding.to_string(),
            Ending::Failed(finding) => panic!("not wrong usage: {finding}"),
        })
    }

    #[test]
    fn what_fits_is_taken_and_what_does_not_is_named_with_what_it_belongs_to() {
        let uidlist = Habits { uidlist: Some("x".into()), ..Habits::default() };
        let folders = Habits { folders: Some(Subfolders::Skip), ..Habits::default() };
        let md5 = Habits { mbox_md5: Some(Md5Of::All), ..Habits::default() };
        let xuidl = Habits { reuse_xuidl: true, ..Habits::default() };
        let doveconf = Habits { doveconf: Some("x".into()), ..Habits::default() };
        for (habits, kind, server, belongs) in [
            (&uidlist, Kind::Maildir, None, None),
            (&uidlist, Kind::Maildir, Some("dovecot"), None),
            (&uidlist, Kind::Maildir, Some("courier"), Some("--server dovecot")),
            (&uidlist, Kind::Mbox, None, Some("a Maildir")),
            (&folders, Kind::Maildir, Some("courier"), None),
            (&folders, Kind::Mbox, None, Some("a Maildir")),
            (&md5, Kind::Mbox, None, None),
            (&md5, Kind::Mbox, Some("uw"), Some("--server dovecot")),
            (&md5, Kind::Maildir, Some("dovecot"), Some("an mbox")),
            (&xuidl, Kind::Mbox, Some("dovecot"), None),
            (&xuidl, Kind::Maildir, Some("plain"), None),
            (&uidlist, Kind::Maildir, Some("plain"), None),
            (&md5, Kind::Mbox, Some("plain"), None),
            (&doveconf, Kind::Maildir, Some("courier"), None),
            (&doveconf, Kind::Mbox, Some("uw"), None),
        ] {
            let told = told(check(habits, &[kind], server));
            assert_eq!(told.is_some(), belongs.is_some(), "{kind:?} {server:?}: {told:?}");
            assert!(told.unwrap_or_default().contains(belongs.unwrap_or_default()));
        }
        assert_eq!(told(check(&md5, &[Kind::Maildir, Kind::Mbox], None)), None, "for those that are mboxes");
        assert!(means_dovecot(&md5) && means_dovecot(&uidlist) && !means_dovecot(&folders));
        assert!(!means_dovecot(&doveconf), "it may lie there for another mailbox");
    }

    #[test]
    fn how_a_server_is_asked_belongs_to_a_question() {
        let given = Access { password_stdin: true, ..Access::default() };
        let asked = Asked { access: given, ..Asked::default() };
        assert!(told(check_asked(&asked)).unwrap().starts_with("--password-stdin"));
        let server = crate::fetch::Server::parse("pop.example.org").unwrap();
        let verified = Asked { verify: Some(server.clone()), ..asked.clone() };
        assert_eq!(told(check_asked(&verified)), None);
        let answered = Asked { uidls_from: Some(server), ..asked };
        assert_eq!(told(check_asked(&answered)), None);
    }
}
