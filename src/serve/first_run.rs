//! The first run with nothing configured: one account, and what to type into a mail program.
//!
//! Only with the built-in defaults, and only while there is no account: never when there is a
//! configuration file (a server on the open port with an account nobody asked for).

use super::shared::{Shared, accounts_finding};
use crate::accounts::ChangeError;
use crate::config::Settings;
use crate::finding::Finding;
use crate::mail::{AccountAddress, Password};
use crate::net::ListenAddress;

/// The local part of the try-out account.
const NAME: &str = "me";
/// Letters and digits that are not mistaken for one another when typed from a screen.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of the password: five bits each, 100 bits in all.
const PASSWORD_LEN: usize = 20;

/// Makes the try-out account if there is none yet, and prints it once.
///
/// # Errors
/// A finding when the account could not be made.
pub fn greet(shared: &Shared) -> Result<(), Finding> {
    let settings = shared.settings();
    let is_empty = shared.accounts.is_empty().map_err(|error| accounts_finding(&settings, &error))?;
    if settings.file.is_some() || !is_empty {
        return Ok(());
    }
    let address = AccountAddress::new(NAME, settings.hostname.clone()).ok_or_else(|| Finding {
        what: format!("no address can be made of the host name {}", settings.hostname),
        remedy: "give the machine another name, or write a configuration".to_owned(),
    })?;
    let text = random_password()?;
    if let Some(password) = Password::new(text.as_bytes()) {
        match shared.accounts.add(&address, &password) {
            Ok(()) => println!("{}", settings_to_type(&settings, &address, &text)),
            Err(ChangeError::Storage(error)) => return Err(accounts_finding(&settings, &error)),
            Err(_) => {} // Another command made an account at this moment: then there is one.
        }
    }
    Ok(())
}

/// `abcde-fghij-kmnpq-rstuv`
fn random_password() -> Result<String, Finding> {
    let mut octets = [0; PASSWORD_LEN];
    getrandom::fill(&mut octets).map_err(|error| Finding {
        what: format!("no random numbers: {error}"),
        remedy: "see that /dev/urandom is there".to_owned(),
    })?;
    let letters: Vec<char> =
        octets.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect();
    let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}

fn settings_to_type(settings: &Settings, address: &AccountAddress, password: &str) -> String {
    let first = |list: &[ListenAddress]| list.first().map_or("off".to_owned(), ToString::to_string);
    format!(
        "
restante has made an account to be tried out. This is shown once:

    address   {address}
    password  {password}

Type into a mail program on this machine:

    incoming  POP3, server and port {pop3}, no TLS
              or with TLS (self-signed) {pop3s}
    user      {address}

Send it mail:

    SMTP      {smtp}, no login, to {address}

Everything is kept under {data}. More accounts: restante account add NAME@DOMAIN
",
        pop3 = first(&settings.pop3.listen),
        pop3s = first(&settings.pop3.listen_tls),
        smtp = first(&settings.smtp.listen),
        data = settings.data_dir.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_four_groups_that_can_be_typed() {
        let password = random_password().unwrap();
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5; 4]);
        assert!(password.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)));
        assert_ne!(password, random_password().unwrap());
    }
}
