//! Recipients once more, when there is a message for them: between RCPT and the end of its text an account may
//! be removed, and what came into its Maildir then would be read by the next owner of the name.
//!
//! Knows no copies and no text.

use super::Driver;
use crate::accounts::{Mailbox, Version};
use crate::mail::ForwardPath;
use crate::serve::outcomes::Refusal;
use crate::smtp::Reply;
use std::sync::Arc;

/// Where a recipient leads, or why it leads nowhere any more.
pub(super) type Found = Result<Vec<Mailbox>, Reply>;

impl Driver {
    /// Where the recipients lead now, in order, if the accounts have changed since they were in the state
    /// `found_in`; that becomes the state of now. In the common case this is one look at the database's header.
    pub(super) async fn look_again(
        &self,
        to: &[ForwardPath],
        found_in: &mut Option<Version>,
    ) -> Option<Vec<Found>> {
        let now = self.shared.accounts.version_at_hand();
        if now.is_some() && now == *found_in {
            return None;
        }
        *found_in = now; // Asked before the look-up: what changes meanwhile is looked up the next time.
        let (shared, to) = (Arc::clone(&self.shared), to.to_vec());
        let hostname = self.settings.hostname.clone();
        let look_up = move || {
            let mut found: Vec<Result<_, Refusal>> = Vec::with_capacity(to.len());
            for path in &to {
                match shared.accounts.resolve(path, &hostname) {
                    Ok(resolved) => found.push(resolved.map_err(Refusal::from)),
                    // One waits for a busy database, and not each: the sender's patience has an end, and
                    // others wait for this place at the disk.
                    Err(fault) => {
                        let Refusal { reply, fault } = Refusal::from(fault);
                        found.push(Err(Refusal { reply: reply.clone(), fault }));
                        found.resize(to.len(), Err(Refusal::from(reply)));
                        break;
                    }
                }
            }
            found
        };
        let found = self.shared.doorway.disk(look_up).await;
        Some(found.into_iter().map(|found| found.map_err(|refusal| self.told(refusal))).collect())
    }
}
