//! All the addresses that the settings listen on, each with the key that it stands under, and those of
//! them that cannot be had together. Knows no socket.

use super::settings::Settings;
use super::source;
use crate::finding::Finding;
use crate::net::ListenAddress;
use std::path::Path;

/// A section and a key in it.
type Key = (&'static str, &'static str);

impl Settings {
    /// Every address, whatever is spoken there.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.addresses_by_key().map(|(_, address)| address)
    }

    fn addresses_by_key(&self) -> impl Iterator<Item = (Key, &ListenAddress)> {
        let lists = [
            (("smtp", "listen"), &self.smtp.listen),
            (("lmtp", "listen"), &self.lmtp.listen),
            (("pop3", "listen"), &self.pop3.listen),
            (("pop3", "listen_tls"), &self.pop3.listen_tls),
        ];
        lists.into_iter().flat_map(|(key, list)| list.iter().map(move |address| (key, address)))
    }
}

/// The first address that another one leaves no room for: the system would refuse the second listener, and
/// blame a program that listens there already.
pub(super) fn clash(settings: &Settings, file: &Path, text: &str) -> Option<Finding> {
    let all: Vec<_> = settings.addresses_by_key().collect();
    all.iter().enumerate().find_map(|(index, (key, address))| {
        let earlier = all[..index].iter().find(|(_, earlier)| earlier.clashes_with(address));
        earlier.map(|(other_key, other)| Finding {
            what: format!(
                "{}: {}: {address} cannot be listened on beside {other}, {}",
                source::place(file, text, key.0, Some(key.1)),
                shown(*key),
                shown(*other_key)
            ),
            remedy: "take one of them out, or give it another port".to_owned(),
        })
    })
}

fn shown((section, key): Key) -> String {
    format!("`{key}` in [{section}]")
}
