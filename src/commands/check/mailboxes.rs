//! Accounts and aliases beside what they lead to: Maildirs that are none, aliases that reach nobody.

use super::Remark;
use crate::accounts::{Account, Accounts, AliasName, Error};
use crate::config::Settings;
use crate::mail::{AccountAddress, Address, ForwardPath};
use crate::maildrop::disk::{Disk, OsDisk};
use crate::maildrop::tree::Tree;
use std::ffi::OsStr;
use std::io;

/// Everybody else is served; the owner of such a Maildir gets no mail and cannot log in.
pub(super) fn maildirs(settings: &Settings, accounts: &[Account]) -> Vec<Remark> {
    let tree = Tree::new(OsDisk, settings.mail());
    let broken = accounts.iter().filter_map(|account| {
        let error = opened(&tree, &account.address).err()?;
        Some(Remark::warning(
            format!("the Maildir of {} cannot be used: {error}", account.address),
            "see that it is a folder with the folders tmp, new and cur, none of them a link, which the user that \
             restante runs as may read and write",
        ))
    });
    broken.collect()
}

/// What is missing is made when it is needed.
fn opened(tree: &Tree<OsDisk>, account: &AccountAddress) -> io::Result<()> {
    let missing_is_fine = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    };
    let root = match tree.existing(account) {
        Ok(root) => root,
        Err(error) => return missing_is_fine(error),
    };
    for name in ["tmp", "new", "cur"] {
        tree.disk.open_folder(&root, OsStr::new(name)).map(drop).or_else(missing_is_fine)?;
    }
    Ok(())
}

/// Mail for such an alias is refused, or put off without end.
pub(super) fn aliases(settings: &Settings, accounts: &Accounts) -> Result<Vec<Remark>, Error> {
    let mut remarks = Vec::new();
    for alias in accounts.aliases()? {
        let leads_to = |address: &AccountAddress| {
            let path = Address::parse(&address.to_string()).map(ForwardPath::Address).ok()?;
            Some(accounts.resolve(&path, &settings.hostname))
        };
        let found: Vec<_> = match &alias.name {
            AliasName::Address(address) => leads_to(address).into_iter().collect(),
            AliasName::CatchAll(_) => alias.targets.iter().filter_map(leads_to).collect(),
        };
        if !found.iter().any(|found| matches!(found, Ok(Ok(_)))) {
            remarks.push(Remark::warning(
                format!("the alias {} leads to no account here: its mail is refused", alias.name),
                format!("make one of its targets, or `restante alias remove {}`", alias.name),
            ));
        }
    }
    Ok(remarks)
}
