//! Telling systemd how we are. Knows nothing of what is told.

use sd_notify::NotifyState;

/// READY=1, RELOADING=1, STOPPING=1, STATUS= to systemd; nothing without NOTIFY_SOCKET.
pub fn notify(state: &str) {
    // `Type=notify-reload` wants to know when the reload began, or it ignores the message.
    let since = NotifyState::monotonic_usec_now().ok().filter(|_| state.starts_with("RELOADING=1"));
    let mut states = vec![NotifyState::Custom(state)];
    states.extend(since);
    if let Err(error) = sd_notify::notify(&states) {
        // systemd gone deaf is no reason to stop serving mail.
        log::debug!("systemd was not told {state:?}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    /// systemd is found through the environment, which belongs to the whole process: the words are
    /// said by a child that runs this test again.
    #[test]
    fn systemd_hears_what_is_said() {
        const WORDS: &str = "RESTANTE_TEST_WORDS";
        if let Ok(words) = std::env::var(WORDS) {
            return notify(&words);
        }
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("notify.sock");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        let say = |words: &str, to: &std::path::Path| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "net::notify::tests::systemd_hears_what_is_said"]);
            assert!(child.env(WORDS, words).env("NOTIFY_SOCKET", to).output().unwrap().status.success());
        };
        for (words, heard) in [
            ("READY=1", "READY=1\n"),
            ("STOPPING=1\nSTATUS=bye", "STOPPING=1\nSTATUS=bye\n"),
            ("RELOADING=1", "RELOADING=1\nMONOTONIC_USEC="),
        ] {
            say(words, &socket);
            let mut octets = [0; 256];
            let read = systemd.recv(&mut octets).unwrap();
            let text = std::str::from_utf8(&octets[..read]).unwrap();
            assert!(if words == "RELOADING=1" { text.starts_with(heard) } else { text == heard }, "{text}");
        }
        say("READY=1", &home.path().join("nobody")); // Deaf: no fault of ours.
    }
}
