//! Settings: as written (TOML text, units, defaults), then as used (checked values).
//!
//! Everything that can be wrong in a configuration ends here, as a [`crate::finding::Finding`] that names file, line
//! and key; all other code is handed checked values. Knows no socket, no account and no protocol.

mod listening;
mod machine;
mod settings;
mod source;
pub mod units;
mod written;

pub use settings::{Auth, BareNewline, Lmtp, PlaintextLogin, Pop3, Settings, Smtp, TlsFiles};
