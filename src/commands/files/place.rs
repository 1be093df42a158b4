//! Where a user's mail lies on the old server, in Dovecot's way of saying it:
//! `maildir:/var/vmail/%d/%n/Maildir:CONTROL=/var/control/%u`, `mbox:~/mail:INBOX=/var/mail/%u`.
//!
//! Knows paths and names of users; opens nothing.

use crate::import::{maildir, mbox};
use std::path::PathBuf;

/// Where one user's mail lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldMailbox {
    /// Of which kind it is.
    pub kind: Kind,
    /// The Maildir, or the mbox.
    pub path: PathBuf,
    /// The folder that dovecot-uidlist lies in, if that is another.
    pub control: Option<PathBuf>,
}

/// The two ways in which mail lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder with a file for each message.
    Maildir,
    /// One file.
    Mbox,
}

impl Kind {
    /// For people.
    pub fn of_one(self) -> &'static str {
        match self {
            Self::Maildir => "a Maildir",
            Self::Mbox => "an mbox",
        }
    }

    /// The names of the servers that showed mail of this kind.
    pub fn servers(self) -> Vec<&'static str> {
        match self {
            Self::Maildir => maildir::Server::ALL.iter().map(|server| server.as_str()).collect(),
            Self::Mbox => mbox::Server::ALL.iter().map(|server| server.as_str()).collect(),
        }
    }
}

/// A place with variables in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    kind: Kind,
    path: String,
    inbox: Option<String>,
    control: Option<String>,
}

/// What the variables stand for.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// `%u`
    pub name: &'a str,
    /// `%d`, where the name has none.
    pub domain: &'a str,
    /// `%h` and `~`
    pub home: Option<&'a str>,
}

impl Template {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let usage = "write it like maildir:/var/vmail/%d/%n/Maildir or mbox:/var/mail/%n";
        let (kind, rest) = text.split_once(':').ok_or_else(|| format!("{text}: {usage}"))?;
        let kind = match kind.to_ascii_lowercase().as_str() {
            "maildir" => Kind::Maildir,
            "mbox" => Kind::Mbox,
            _ => return Err(format!("{kind} is no kind of mailbox that can be read: {usage}")),
        };
        let mut parts = rest.split(':');
        let path = parts.next().unwrap_or_default();
        let field = |name: &str| {
            let mut fields = rest.split(':').skip(1);
            fields.find_map(|part| part.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let template = Self { kind, path: path.to_owned(), inbox: field("INBOX"), control: field("CONTROL") };
        if path.is_empty() && template.inbox.is_none() {
            return Err(format!("{text} names no path: {usage}"));
        }
        // With any user: a variable that is not known is told before anything is done.
        template.of(&User { name: "u", domain: "d", home: Some("/h") })?;
        Ok(template)
    }

    /// Where this user's mail lies.
    ///
    /// # Errors
    /// A variable that is not known or has no value, a name that leads elsewhere.
    pub fn of(&self, user: &User<'_>) -> Result<OldMailbox, String> {
        let path = |text: &str| fill_in(text, user).map(PathBuf::from);
        Ok(OldMailbox {
            kind: self.kind,
            path: path(self.inbox.as_deref().unwrap_or(&self.path))?,
            control: self.control.as_deref().map(path).transpose()?,
        })
    }

    /// The place that is there: as the name is written, or else in lower case, which is how Dovecot and
    /// others name folders after users. The first one if neither is.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn find(&self, user: &User<'_>) -> Result<OldMailbox, String> {
        let as_written = self.of(user)?;
        let name = user.name.to_lowercase();
        if as_written.path.exists() || name == user.name {
            return Ok(as_written);
        }
        let folded = self.of(&User { name: &name, ..*user })?;
        Ok(if folded.path.exists() { folded } else { as_written })
    }
}

impl OldMailbox {
    /// dovecot-uidlist, where it lies apart.
    pub fn uidlist(&self) -> Option<PathBuf> {
        self.control.as_deref().map(|folder| folder.join("dovecot-uidlist"))
    }
}

fn fill_in(text: &str, user: &User<'_>) -> Result<String, String> {
    let mut path = String::new();
    let mut rest = text;
    if let Some(below) = text.strip_prefix('~') {
        path.push_str(home(user)?);
        rest = below;
    }
    while let Some(at) = rest.find('%') {
        path.push_str(&rest[..at]);
        let variable = &rest[at + 1..];
        let (value, behind) = match variable.strip_prefix('{') {
            Some(long) => {
                let (inside, behind) = long.split_once('}').ok_or_else(|| format!("%{variable}: no }}"))?;
                (long_value(inside, user)?, behind)
            }
            None => short_value(variable, user)?,
        };
        path.push_str(&value);
        rest = behind;
    }
    path.push_str(rest);
    Ok(path)
}

/// `%{user | domain | lower}`, as 2.4 writes it, and `%{home}`.
fn long_value(inside: &str, user: &User<'_>) -> Result<String, String> {
    let mut words = inside.split('|').map(str::trim);
    let first = words.next().unwrap_or_default();
    let mut value = match first {
        "user" => named(user.name)?.to_owned(),
        "username" => named(local_part(user))?.to_owned(),
        "domain" => named(domain(user))?.to_owned(),
        "home" => home(user)?.to_owned(),
        _ => return Err(format!("%{{{inside}}} is not known here")),
    };
    for filter in words {
        value = match filter {
            "username" => value.split('@').next().unwrap_or_default().to_owned(),
            "domain" => value.split_once('@').map_or(domain(user), |(_, domain)| domain).to_owned(),
            "lower" => value.to_lowercase(),
            "upper" => value.to_uppercase(),
            _ => return Err(format!("%{{{inside}}} is not known here")),
        };
    }
    Ok(value)
}

/// `%u`, `%Ln`, `%1d`, `%1.2n`: modifiers, an offset, a width, a letter.
fn short_value<'t>(variable: &'t str, user: &User<'_>) -> Result<(String, &'t str), String> {
    let end = variable.find(|letter: char| !"LU0123456789.".contains(letter)).unwrap_or(variable.len());
    let (modifiers, rest) = variable.split_at(end);
    let mut letters = rest.chars();
    let value = match letters.next() {
        Some('%') if modifiers.is_empty() => "%",
        Some('u') => named(user.name)?,
        Some('n') => named(local_part(user))?,
        Some('d') => named(domain(user))?,
        Some('h') => home(user)?,
        letter => return Err(format!("%{modifiers}{} is not known here", letter.unwrap_or(' '))),
    };
    let numbers = modifiers.trim_matches(['L', 'U']);
    let (offset, width) = numbers.split_once('.').unwrap_or(("", numbers));
    let number = |text: &str, default| if text.is_empty() { Ok(default) } else { text.parse::<usize>() };
    let (Ok(offset), Ok(width)) = (number(offset, 0), number(width, usize::MAX)) else {
        return Err(format!("%{modifiers}: no number"));
    };
    let value: String = value.chars().skip(offset).take(width).collect();
    let value = match modifiers.chars().find(|letter| "LU".contains(*letter)) {
        Some('L') => value.to_lowercase(),
        Some(_) => value.to_uppercase(),
        None => value,
    };
    // Of a longer name, a part may be left that leads elsewhere.
    Ok((if value == ".." { named(&value)?.to_owned() } else { value }, letters.as_str()))
}

/// A name that leads out of its folder is none of a user's.
fn named(name: &str) -> Result<&str, String> {
    if name.contains('/') || name.starts_with('.') || name.is_empty() {
        return Err(format!("{name:?} cannot stand in a path"));
    }
    Ok(name)
}

fn local_part<'a>(user: &User<'a>) -> &'a str {
    user.name.rsplit_once('@').map_or(user.name, |(local_part, _)| local_part)
}

fn domain<'a>(user: &User<'a>) -> &'a str {
    user.name.rsplit_once('@').map_or(user.domain, |(_, domain)| domain)
}

fn home<'a>(user: &User<'a>) -> Result<&'a str, String> {
    user.home.ok_or_else(|| format!("the home folder of {} is not in the file of accounts", user.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: User<'_> = User { name: "Anna@Example.Org", domain: "example.org", home: Some("/home/anna") };

    fn path(template: &str, user: &User<'_>) -> Result<String, String> {
        Template::parse(template)?.of(user).map(|place| place.path.display().to_string())
    }

    #[test]
    fn variables_are_filled_in_as_dovecot_does() {
        for (template, filled) in [
            ("maildir:/var/vmail/%d/%n/Maildir", "/var/vmail/Example.Org/Anna/Maildir"),
            ("MAILDIR:/var/vmail/%Ld/%Ln", "/var/vmail/example.org/anna"),
            ("mbox:/var/mail/%u", "/var/mail/Anna@Example.Org"),
            ("mbox:~/mail:INBOX=/var/mail/%Un", "/var/mail/ANNA"),
            ("maildir:~/Maildir", "/home/anna/Maildir"),
            ("maildir:%h/a%%b/%1n/%1.2Ln", "/home/anna/a%b/A/nn"),
            (
                "maildir:/v/%{user | domain | lower}/%{user|username}/%{home}",
                "/v/example.org/Anna//home/anna",
            ),
            ("maildir:/v/%{domain}/%{username | upper}", "/v/Example.Org/ANNA"),
        ] {
            assert_eq!(path(template, &ANNA).as_deref(), Ok(filled), "{template}");
        }
        let short = User { name: "anna", domain: "example.org", home: None };
        assert_eq!(path("maildir:/v/%d/%n", &short).unwrap(), "/v/example.org/anna");
        let place = Template::parse("maildir:/v/%u:INDEX=/i:CONTROL=/c/%u").unwrap().of(&short).unwrap();
        assert_eq!(place.uidlist(), Some("/c/anna/dovecot-uidlist".into()));
    }

    #[test]
    fn what_is_not_known_is_told_before_anything_is_done() {
        for bad in [
            "/var/mail/%n",
            "dbox:~/x",
            "maildir:",
            "maildir:/%x",
            "maildir:/%{pid}",
            "maildir:/%{u",
            "mbox:/%",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        for name in ["../etc", "a/b", "", ".hidden"] {
            assert!(path("mbox:/var/mail/%u", &User { name, ..ANNA }).is_err(), "{name:?}");
        }
        assert!(path("maildir:/v/%1.2n/x", &User { name: "a..b", ..ANNA }).is_err());
        assert!(path("maildir:~/Maildir", &User { home: None, ..ANNA }).unwrap_err().contains("home"));
    }

    #[test]
    fn a_folder_in_lower_case_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let template = Template::parse(&format!("maildir:{}/%n", dir.path().display())).unwrap();
        let name = |place: OldMailbox| place.path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(template.find(&ANNA).unwrap()), "Anna");
        std::fs::create_dir(dir.path().join("anna")).unwrap();
        assert_eq!(name(template.find(&ANNA).unwrap()), "anna");
        std::fs::create_dir(dir.path().join("Anna")).unwrap();
        assert_eq!(name(template.find(&ANNA).unwrap()), "Anna");
    }
}
