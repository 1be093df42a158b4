//! Where the configuration is, and where in it a mistake stands. Knows files and lines; knows no
//! key.

use crate::finding::Finding;
use crate::limits;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Names the file when the command line does not.
pub(super) const VARIABLE: &str = "RESTANTE_CONFIG";
/// Read when nothing names another, if it is there.
pub(super) const SYSTEM_FILE: &str = "/etc/restante/restante.toml";

const COMPARE: &str = "compare with etc/restante.toml";

/// `--config`, else the variable, else the system's file if it is there; `None`: the built-in
/// defaults. A file that was named is taken at its word, whether it is there or not.
pub(super) fn choose(given: Option<&Path>, named: Option<&OsStr>, system: &Path) -> Option<PathBuf> {
    let named = named.filter(|name| !name.is_empty()).map(Path::new);
    // One that we may not look at is there: falling back to the built-in defaults behind an
    // administrator's back would be worse than the error that follows.
    let installed = || Some(system).filter(|file| file.try_exists().unwrap_or(true));
    given.or(named).or_else(installed).map(Path::to_owned)
}

/// The text of the file.
pub(super) fn read(file: &Path) -> Result<String, Finding> {
    let unreadable = |error: io::Error| Finding {
        what: format!("{} cannot be read: {error}", file.display()),
        remedy: match error.kind() {
            io::ErrorKind::NotFound => "make it, or name another with --config or $RESTANTE_CONFIG",
            io::ErrorKind::PermissionDenied => "let the user that restante runs as read it",
            _ => "name a readable text file with --config or $RESTANTE_CONFIG",
        }
        .to_owned(),
    };
    let mut octets = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(limits::CONFIG_FILE_MAX).read_to_end(&mut octets).map_err(unreadable)?;
    String::from_utf8(octets).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
        Finding {
            what: format!("{}:{line}: not UTF-8", file.display()),
            remedy: "save it as UTF-8".to_owned(),
        }
    })
}

/// A mistake that TOML or one of our types found, with the line and the key it stands at.
pub(super) fn explain(file: &Path, text: &str, error: &toml::de::Error) -> Finding {
    let place = Place::of(text, error.span().map_or(0, |span| span.start));
    let at = format!("{}:{}", file.display(), place.line);
    // serde's word for what an administrator knows as a list.
    let message = one_line(error.message()).replace("expected a sequence", "expected a list in brackets");
    let message = message.as_str();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let key = rest.split('`').next().unwrap_or_default();
        // As it is written, where the section stands in front of it: `smtp.key = 1`.
        let dotted = |written: &&str| written.rsplit_once('.').is_some_and(|(_, last)| last == key);
        let key = place.key.filter(dotted).unwrap_or(key);
        return Finding {
            what: if place.is_header {
                format!("{at}: unknown section [{key}]")
            } else {
                format!("{at}: unknown key `{key}`{}", place.inside())
            },
            remedy: format!("remove it, or {COMPARE}"),
        };
    }
    let Some(key) = place.key else {
        let header = place.section.filter(|_| place.is_header).map(|name| format!("[{name}]: "));
        let what = format!("{at}: {}{message}", header.unwrap_or_default());
        return Finding { what, remedy: COMPARE.to_owned() };
    };
    // What our types say carries its remedy behind the last colon; what serde says ends with what
    // it expected.
    let (what, remedy) = match message.rsplit_once(": ") {
        Some((what, remedy)) if message.starts_with('`') => (what, remedy),
        _ => (message, COMPARE),
    };
    Finding { what: format!("{at}: `{key}`{}: {what}", place.inside()), remedy: remedy.to_owned() }
}

/// The complaint without line ends and other control characters.
fn one_line(message: &str) -> String {
    // Ours, and serde's about keys, repeat what was written, line ends and all; what TOML has to say
    // goes over several lines, of which the first is enough.
    let repeats = message.starts_with('`') || message.starts_with("unknown field `");
    let shown = if repeats { message } else { message.lines().next().unwrap_or_default() };
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    shown.chars().map(escaped).collect()
}

/// `FILE:LINE` of a key in a section, or of the section's header; the file alone when neither is written.
pub(super) fn place(file: &Path, text: &str, section: &str, named: Option<&str>) -> String {
    let mut inside = text.lines().enumerate().skip_while(|(_, line)| header(line) != Some(section));
    let at = inside.next().map(|at_header| {
        let mut body = inside.take_while(|(_, line)| header(line).is_none());
        body.find(|(_, line)| named.is_some() && key(line) == named).unwrap_or(at_header)
    });
    match at {
        Some((index, _)) => format!("{}:{}", file.display(), index + 1),
        None => file.display().to_string(),
    }
}

/// Where in the text an offset lies.
struct Place<'a> {
    line: usize,
    is_header: bool,
    section: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, offset: usize) -> Self {
        // To the end of the line that the offset lies in.
        let end = text.get(offset..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| offset + at);
        let lines: Vec<&str> = text.get(..end).unwrap_or(text).split('\n').collect();
        let section_at = lines.iter().rposition(|line| header(line).is_some());
        let section = section_at.and_then(|at| header(lines[at]));
        let is_header = lines.last().is_some_and(|line| header(line).is_some());
        // A list may go over several lines: the key stands above, at an open bracket. Never above the header.
        let body = &lines[section_at.map_or(0, |at| at + 1)..];
        let key_at = body.iter().rposition(|line| key(line).is_some());
        let is_open = |at: usize| {
            let above = body.get(at..body.len() - 1).unwrap_or_default();
            let count = |bracket| above.iter().map(|line| line.matches(bracket).count()).sum::<usize>();
            above.is_empty() || count('[') > count(']')
        };
        let key = key_at.filter(|at| is_open(*at)).and_then(|at| key(body[at]));
        Self { line: lines.len(), is_header, section, key }
    }

    fn inside(&self) -> String {
        self.section.map_or_else(String::new, |section| format!(" in [{section}]"))
    }
}

fn header(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    is_name.then_some(name)
}

fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim().trim_matches('"');
    let is_name = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    is_name.then_some(key)
}

#[cfg(test)]
mod tests;
