//! SIGHUP: certificates and settings are read again, and nothing that runs is disturbed.
//!
//! What was bound or opened at the start stays as it is; a change there is told and waits for a
//! restart. A file that is wrong changes nothing. A certificate may move, but only to where the
//! process may still read: what Landlock shut away at the start stays shut.

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
            let mut new = with_fixed_parts(new, &running);
            if new.tls != running.tls && !moved(shared, &new).await {
                new.tls = running.tls.clone(); // So that the next reload tries again.
            }
            shared.failures.set_policy(new.auth.failures.clone());
            door.set_limits(&new);
            shared.replace_settings(new);
            Line::new("serve.reload").with("why", "settings are in force").info();
        }
        Err(finding) => Line::new("serve.reload").with("why", finding).warn(),
    }
    upkeep::reload_certificate(shared).await;
}

/// Goes over to the certificate that the new settings name; `false` if the old one had to stay.
async fn moved(shared: &Arc<Shared>, new: &Settings) -> bool {
    let (tls, new) = (Arc::clone(&shared.tls), new.clone());
    let outcome = shared.doorway.disk(move || {
        let (certificate, key) = super::certificate_files(&new)?;
        tls.move_to(&certificate, &key)
    });
    match outcome.await {
        Ok(_) => {
            Line::new("serve.certificate").with("why", "the one that [tls] names now is in force").info();
            upkeep::judge_certificate(shared);
            true
        }
        Err(finding) => {
            Line::new("serve.certificate").with("why", finding).warn();
            let why = "the old certificate stays in force; a folder that [tls] did not name at the start \
                       is out of reach until the next one";
            Line::new("serve.reload").with("key", "tls").with("why", why).warn();
            false
        }
    }
}

/// The keys whose change needs a restart.
fn waits_for_restart(running: &Settings, new: &Settings) -> Vec<&'static str> {
    let changed = [
        ("hostname", running.hostname != new.hostname),
        ("data_dir", running.data_dir != new.data_dir),
        ("min_free", running.min_free != new.min_free),
        ("smtp.listen", running.smtp.listen != new.smtp.listen),
        ("lmtp.listen", running.lmtp.listen != new.lmtp.listen),
        ("pop3.listen", running.pop3.listen != new.pop3.listen),
        ("pop3.listen_tls", running.pop3.listen_tls != new.pop3.listen_tls),
        ("auth.pbkdf2_rounds", running.auth.pbkdf2_rounds != new.auth.pbkdf2_rounds),
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
    new
}
