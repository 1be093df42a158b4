//! A server for tests, without listeners.

use super::shared::Shared;
use crate::config::Settings;
use crate::limits;
use crate::mail::{AccountAddress, Bytes, Password};
use crate::net::{Tls, make_self_signed};
use std::path::Path;
use std::sync::Arc;

/// What keeps its data in `folder`, and anna's account.
pub fn with_anna(folder: &Path) -> (Arc<Shared>, AccountAddress) {
    let mut settings = Settings::try_out();
    settings.data_dir = folder.join("data");
    settings.auth.pbkdf2_rounds = limits::PBKDF2_ROUNDS_MIN;
    settings.min_free = Some(Bytes(0));
    let (certificate, key) = make_self_signed(&settings.tls_folder(), &settings.hostname).unwrap();
    let shared = Arc::new(Shared::open(settings, Tls::load(&certificate, &key).unwrap()).unwrap());
    let anna = AccountAddress::parse("anna@example.org").unwrap();
    shared.accounts.add(&anna, &Password::new("secret".to_owned()).unwrap()).unwrap();
    (shared, anna)
}
