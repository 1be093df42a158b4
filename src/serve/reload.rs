//! SIGHUP: certificates and settings are read again, and nothing that runs is disturbed.
//!
//! What was bound or opened at the start stays as it is; a change there is told and waits for a
//! restart. A file that is wrong changes nothing.

use super::door::Door;
use super::log::Line;
use super::shared::Shared;
use super::upkeep;
use crate::config::Settings;
use std::path::Path;
use std::sync::Arc;

/// Reads the configuration again and puts it in force for the sessions to come.
pub async fn reload(shared: &Arc<Shared>, door: &Door, config: Option<&Path>) {
    let given = config.map(Path::to_owned);
    match shared.doorway.disk(move || Settings::load(given.as_deref())).await {
        Ok(new) => {
            let running = shared.settings();
            for key in waits_for_restart(&running, &new) {
                Line::new("serve.reload")
                    .with("key", key)
                    .with("why", "takes effect at the next start")
                    .warn();
            }
            let new = with_fixed_parts(new, &running);
            shared.failures.set_policy(new.auth.failures.clone());
            door.set_limits(&new);
            shared.replace_settings(new);
            Line::new("serve.reload").with("why", "settings are in force").info();
        }
        Err(finding) => Line::new("serve.reload").with("why", finding).warn(),
    }
    upkeep::reload_certificate(shared).await;
}

/// The keys whose change needs a restart.
fn waits_for_restart(running: &Settings, new: &Settings) -> Vec<&'static str> {
    let tls =
        |settings: &Settings| settings.tls.as_ref().map(|tls| (tls.certificate.clone(), tls.key.clone()));
    let changed = [
        ("hostname", running.hostname != new.hostname),
        ("data_dir", running.data_dir != new.data_dir),
        ("min_free", running.min_free != new.min_free),
        ("smtp.listen", running.smtp.listen != new.smtp.listen),
        ("lmtp.listen", running.lmtp.listen != new.lmtp.listen),
        ("pop3.listen", running.pop3.listen != new.pop3.listen),
        ("pop3.listen_tls", running.pop3.listen_tls != new.pop3.listen_tls),
        ("auth.pbkdf2_rounds", running.auth.pbkdf2_rounds != new.auth.pbkdf2_rounds),
        ("tls", tls(running) != tls(new)),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}

/// The new settings with what cannot change while the server runs.
fn with_fixed_parts(mut new: Settings, running: &Settings) -> Settings {
    new.hostname = running.hostname.clone();
    new.data_dir = running.data_dir.clone();
    new.min_free = running.min_free;
    new.smtp.listen = running.smtp.listen.clone();
    new.lmtp.listen = running.lmtp.listen.clone();
    new.pop3.listen = running.pop3.listen.clone();
    new.pop3.listen_tls = running.pop3.listen_tls.clone();
    new.auth.pbkdf2_rounds = running.auth.pbkdf2_rounds;
    new.tls = running.tls.clone();
    new
}
