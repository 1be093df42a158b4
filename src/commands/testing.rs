//! What the tests of the commands share: settings that lead into a folder of their own.

use crate::config::Settings;
use crate::limits;

/// The folder goes when it is dropped.
pub fn place() -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::try_out();
    settings.data_dir = folder.path().join("data");
    settings.auth.pbkdf2_rounds = limits::PBKDF2_ROUNDS_MIN;
    (folder, settings)
}
