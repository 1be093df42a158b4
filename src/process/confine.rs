//! Landlock: the process can no longer touch a file outside the folders it needs.
//!
//! A bug in a parser then reads no other person's files. Linux from 5.13 on; elsewhere the server
//! runs as before and says so.

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use std::fmt;
use std::path::{Path, PathBuf};

/// The newest set of rights that is asked for; an older kernel enforces those it knows.
const RIGHTS: ABI = ABI::V4;

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// All that was asked for.
    Full,
    /// What this kernel knows of it.
    Partial,
    /// Nothing, and why.
    None(String),
}

/// Confines this thread, and every thread it starts from now on, to `writable` and `readable`
/// folders or files. Paths that do not exist are passed over.
pub fn confine(writable: &[PathBuf], readable: &[PathBuf]) -> Confinement {
    match restrict(writable, readable) {
        Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
        Ok(RulesetStatus::NotEnforced) => Confinement::None("this kernel has no Landlock".to_owned()),
        Err(error) => Confinement::None(error.to_string()),
    }
}

/// What [`confine`] would come to on this kernel; nothing is given up. A thread tries it on itself
/// and ends: the fence belongs to the thread.
pub fn confinement_offered() -> Confinement {
    let tried = std::thread::spawn(|| confine(&[], &[])).join();
    tried.unwrap_or_else(|_| Confinement::None("it could not be tried".to_owned()))
}

fn restrict(writable: &[PathBuf], readable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .create()?;
    let ruleset = allow(ruleset, writable, AccessFs::from_all(RIGHTS) & !AccessFs::Execute)?;
    let ruleset = allow(ruleset, readable, AccessFs::ReadFile | AccessFs::ReadDir)?;
    Ok(ruleset.restrict_self()?.ruleset)
}

fn allow(
    mut ruleset: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for path in paths {
        if let Ok(opened) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(opened, rights_for(path, access)))?;
        }
    }
    Ok(ruleset)
}

/// Rights of folders cannot be asked for on a file.
fn rights_for(path: &Path, access: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    if path.is_dir() { access } else { access & AccessFs::from_file(RIGHTS) }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("landlock"),
            Self::Partial => f.write_str("landlock, as far as this kernel knows it"),
            Self::None(why) => write!(f, "none ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_confined_thread_reaches_its_folders_and_nothing_else() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let (mine, other) = (inside.path().to_owned(), outside.path().to_owned());
        // A thread of its own: what is given up does not come back.
        let outcome = std::thread::spawn(move || {
            let confinement = confine(std::slice::from_ref(&mine), &[]);
            let read = fs::read(other.join("secret"));
            fs::write(mine.join("mail"), "x").unwrap();
            (confinement, read.is_ok())
        });
        let (confinement, read_outside) = outcome.join().unwrap();
        assert_eq!(read_outside, matches!(confinement, Confinement::None(_)), "{confinement}");
    }

    #[test]
    fn what_may_be_read_may_not_be_written() {
        let settings = tempfile::tempdir().unwrap();
        let file = settings.path().join("restante.toml");
        fs::write(&file, "x").unwrap();
        let folder = settings.path().to_owned();
        let outcome = std::thread::spawn(move || {
            let confinement = confine(&[], &[folder]);
            assert_eq!(fs::read(&file).unwrap(), b"x");
            (confinement, fs::write(&file, "y").is_ok() || fs::remove_file(&file).is_ok())
        });
        let (confinement, changed) = outcome.join().unwrap();
        assert_eq!(changed, matches!(confinement, Confinement::None(_)), "{confinement}");
    }

    #[test]
    fn what_is_offered_is_what_comes_and_costs_nothing() {
        let offered = confinement_offered();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::read(file.path()).unwrap(); // This thread is as free as before.
        assert_eq!(std::thread::spawn(|| confine(&[], &[])).join().unwrap(), offered);
    }
}
