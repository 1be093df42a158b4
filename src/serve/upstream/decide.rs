//! Who judges a login while an old server stands behind the account, and what becomes of it.
//!
//! Decisions alone: nothing here asks, waits or writes.

use crate::accounts::upstream::{Here, Progress};
use crate::limits;
use std::time::Duration;

/// Who says whether the password is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// What is stored here.
    Here,
    /// The same; a right one lets us ask the old server for newcomers.
    HereThenNewcomers,
    /// The old server.
    OldServer,
}

/// What the old server said to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The maildrop is open there.
    Accepted,
    /// Name or password are wrong there.
    Refused,
    /// Another session has the maildrop there.
    InUse,
    /// It does not let us in, and what it says is no plain word about the password.
    Doubtful,
    /// Nothing that can be used.
    Nothing,
}

/// What becomes of a login that the old server was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The account is ours from now on, and its mail follows.
    TakeIn,
    /// The old server refuses this account, which was made here: it may never have had it.
    AskHere,
    /// The old server does not say so today, as it did before: whom it refused then is let in by what is stored here,
    /// and for everybody else it is to be tried again later, and counted.
    AskHereOrLater,
    /// The password is wrong.
    Wrong,
    /// To be tried again soon.
    InUse,
    /// To be tried again later, and counted: it may have been a guess.
    Doubtful,
    /// To be tried again later; nobody has said that the password is wrong.
    Later,
}

/// A moved account is ours, also when its password was changed at the old server since.
pub fn judge(here: Option<Here>) -> Judge {
    match here {
        // Refused here in any case; the old server would only be a way to try passwords.
        Some(Here { enabled: false, .. }) => Judge::Here,
        Some(Here { progress: Progress::Moved, .. }) => Judge::HereThenNewcomers,
        Some(_) | None => Judge::OldServer,
    }
}

/// A mail program throws its password away when it hears that it is wrong, so only the old server's own
/// refusal is one.
///
/// Whom the old server has never refused is not let in while it says nothing, also not by a right password of an
/// account made here: its old mailbox may be there, and a mail program that is shown the new mail alone forgets what
/// it has fetched and fetches all of it again. Who was let in once without the old mail has nothing more to lose.
pub fn outcome(here: Option<Here>, said: Said) -> Outcome {
    let is_ours = matches!(here, Some(Here { held: false, progress: Progress::Waiting, .. }));
    let was_refused = here.is_some_and(|here| here.was_refused_there);
    match said {
        Said::Accepted => Outcome::TakeIn,
        Said::Refused if is_ours => Outcome::AskHere,
        Said::Refused => Outcome::Wrong,
        _ if is_ours && was_refused => Outcome::AskHereOrLater,
        Said::InUse => Outcome::InUse,
        Said::Doubtful => Outcome::Doubtful,
        Said::Nothing => Outcome::Later,
    }
}

/// Whether a mailbox may come over while a mail program waits for its login.
pub fn is_small(octets: u64, wait: Duration) -> bool {
    let most = u128::from(limits::PULL_OCTETS_A_SECOND).saturating_mul(wait.as_millis()) / 1000;
    u128::from(octets) <= most
}

/// Whether the rest will come in time, as fast as what has come so far.
pub fn is_in_time(done: u64, total: u64, so_far: Duration, wait: Duration) -> bool {
    let needed = so_far.as_millis().saturating_mul(u128::from(total));
    needed <= wait.as_millis().saturating_mul(u128::from(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(enabled: bool, held: bool, progress: Progress) -> Option<Here> {
        Some(Here { enabled, held, progress, was_refused_there: false })
    }

    const UNMOVED: [Progress; 4] =
        [Progress::Waiting, Progress::Relayed, Progress::Moving, Progress::Failing];

    #[test]
    fn the_old_server_is_asked_until_the_mail_is_here() {
        assert_eq!(judge(None), Judge::OldServer);
        for progress in UNMOVED {
            assert_eq!(judge(here(true, true, progress)), Judge::OldServer);
            assert_eq!(judge(here(false, true, progress)), Judge::Here, "disabled");
        }
        assert_eq!(judge(here(true, false, Progress::Moved)), Judge::HereThenNewcomers);
        assert_eq!(judge(here(false, false, Progress::Moved)), Judge::Here);
    }

    #[test]
    fn only_a_refusal_is_a_wrong_password() {
        for progress in UNMOVED {
            for account in [None, here(true, true, progress), here(true, false, progress)] {
                assert_eq!(outcome(account, Said::Accepted), Outcome::TakeIn);
                assert_eq!(outcome(account, Said::Nothing), Outcome::Later);
                assert_eq!(outcome(account, Said::InUse), Outcome::InUse);
                assert_eq!(outcome(account, Said::Doubtful), Outcome::Doubtful);
            }
            assert_eq!(outcome(here(true, true, progress), Said::Refused), Outcome::Wrong);
        }
        assert_eq!(outcome(None, Said::Refused), Outcome::Wrong);
        assert_eq!(outcome(here(true, false, Progress::Waiting), Said::Refused), Outcome::AskHere);
        assert_eq!(outcome(here(true, false, Progress::Failing), Said::Refused), Outcome::Wrong);
    }

    #[test]
    fn who_was_refused_there_and_let_in_here_is_so_again_while_it_says_nothing() {
        let ours = |held, progress| Some(Here { enabled: true, held, progress, was_refused_there: true });
        for said in [Said::Nothing, Said::InUse, Said::Doubtful] {
            assert_eq!(outcome(ours(false, Progress::Waiting), said), Outcome::AskHereOrLater);
            for held in [ours(true, Progress::Waiting), ours(false, Progress::Relayed)] {
                assert_eq!(outcome(held, said), outcome(None, said));
            }
        }
        assert_eq!(outcome(ours(false, Progress::Waiting), Said::Accepted), Outcome::TakeIn);
        assert_eq!(outcome(ours(false, Progress::Waiting), Said::Refused), Outcome::AskHere);
    }

    #[test]
    fn nobody_waits_for_what_cannot_come_in_time() {
        let wait = Duration::from_secs(10);
        assert!(is_small(0, Duration::ZERO));
        assert!(is_small(10 * limits::PULL_OCTETS_A_SECOND, wait));
        assert!(!is_small(10 * limits::PULL_OCTETS_A_SECOND + 1, wait));
        assert!(!is_small(u64::MAX, limits::DURATION_MAX));
        let second = Duration::from_secs(1);
        assert!(is_in_time(100, 1000, second, wait));
        assert!(!is_in_time(99, 1000, second, wait));
        assert!(is_in_time(0, 0, second, wait));
        assert!(!is_in_time(0, 1, second, wait));
    }
}
