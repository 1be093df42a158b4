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
use crate::net::Trust;
use std::path::Path;
use std::sync::Arc;

/// Reads the configuration again and puts it in force for the sessions to come.
pub async fn reload(shared: &Arc<Shared>, door: &Door, config: Option<&Path>) {
    let given = config.map(Path::to_owned);
    match shared.doorway.disk(move || Settings::load(given.as_deref())).await {
        Ok(mut new) => {
            let running = shared.settings();
            for key in keep_fixed_parts(&mut new, &running) {
                Line::new("serve.reload")
                    .with("key", key)
                    .with("why", "takes effect at the next start")
                    .warn();
            }
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
    // Of old servers' certificates: whoever the machine trusts by now is read at the next connection.
    Trust::forget_system();
    shared.upstreams.forget_refusals();
    upkeep::reload_certificate(shared).await;
}

/// Goes over to the certificate that the new settings name; `false` if the old one had to stay.
async fn moved(shared: &Arc<Shared>, new: &Settings) -> bool {
    let (tls, new) = (Arc::clone(&shared.tls), new.clone());
    let outcome = shared.doorway.disk(move || {
        let (certificate, key) = super::certificate_files(&new)?;
        tls.move_to(&certificate, &key).map_err(|finding| new.located(finding))
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

/// Gives `new` what cannot change while the server runs, and tells the keys that would have.
fn keep_fixed_parts(new: &mut Settings, running: &Settings) -> Vec<&'static str> {
    let mut changed = Vec::new();
    let told = &mut changed;
    keep("hostname", &mut new.hostname, &running.hostname, told);
    keep("data_dir", &mut new.data_dir, &running.data_dir, told);
    keep("user", &mut new.user, &running.user, told);
    keep("min_free", &mut new.min_free, &running.min_free, told);
    keep("smtp.listen", &mut new.smtp.listen, &running.smtp.listen, told);
    keep("lmtp.listen", &mut new.lmtp.listen, &running.lmtp.listen, told);
    keep("pop3.listen", &mut new.pop3.listen, &running.pop3.listen, told);
    keep("pop3.listen_tls", &mut new.pop3.listen_tls, &running.pop3.listen_tls, told);
    keep("auth.pbkdf2_rounds", &mut new.auth.pbkdf2_rounds, &running.auth.pbkdf2_rounds, told);
    changed
}

fn keep<T: Clone + PartialEq>(key: &'static str, new: &mut T, running: &T, told: &mut Vec<&'static str>) {
    if new != running {
        new.clone_from(running);
        told.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Bytes, Domain};

    #[test]
    fn each_setting_that_was_used_up_at_the_start_is_kept() {
        let running = Settings::try_out();
        let mut new = running.clone();
        new.hostname = Domain::parse("other.example.org").unwrap();
        new.data_dir.push("elsewhere");
        new.user = Some("mail".to_owned());
        new.min_free = Some(Bytes(1));
        let another = || "127.0.0.1:1".parse().unwrap();
        for list in
            [&mut new.smtp.listen, &mut new.lmtp.listen, &mut new.pop3.listen, &mut new.pop3.listen_tls]
        {
            list.push(another());
        }
        new.auth.pbkdf2_rounds += 1;
        let told = keep_fixed_parts(&mut new, &running);
        assert_eq!(
            told,
            [
                "hostname",
                "data_dir",
                "user",
                "min_free",
                "smtp.listen",
                "lmtp.listen",
                "pop3.listen",
                "pop3.listen_tls",
                "auth.pbkdf2_rounds"
            ]
        );
        assert_eq!(new, running);
    }

    #[test]
    fn what_was_bound_or_opened_stays_and_is_told() {
        let running = Settings::try_out();
        let mut new = running.clone();
        new.user = Some("mail".to_owned());
        new.smtp.listen.clear();
        new.smtp.max_recipients += 1;
        assert_eq!(keep_fixed_parts(&mut new, &running), ["user", "smtp.listen"]);
        let mut expected = running.clone();
        expected.smtp.max_recipients += 1;
        assert_eq!(new, expected, "what may change has changed, and nothing else");
    }
}
