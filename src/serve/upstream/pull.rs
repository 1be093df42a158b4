//! Pulling a mailbox from its old server: while its user waits, or behind a relayed session. What has come there
//! since is pulled in [`super::newcomers`].
//!
//! What has come so far lies staged and is shown to nobody before all of it is here; a pull that is stopped
//! or fails costs nothing but time.

use super::busy::{Pull, PullGuard};
use super::decide;
use super::landing::{self, Landed};
use super::old::{self, Account};
use super::stoppable::Stoppable;
use crate::accounts::upstream::{AccountId, Progress};
use crate::fetch::{Connection, Mailbox, Message, Patience};
use crate::limits;
use crate::mail::{AccountAddress, SessionId, UniqueId};
use crate::runtime;
use crate::serve::log::Line;
use crate::serve::shared::Shared;
use futures_lite::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is to be pulled, and whither.
#[derive(Clone)]
pub struct Order {
    /// The account here.
    pub address: AccountAddress,
    /// Which one that is, as soon as it is taken in.
    pub taken: Option<AccountId>,
    /// The one at the old server.
    pub account: Account,
    /// The session that it was ordered in, for the log.
    pub session: SessionId,
}

/// How a pull is begun.
pub(super) struct Start {
    /// A session that is open already.
    pub opened: Option<Opened>,
    pub patience: Patience,
    /// Somebody waits.
    pub once: bool,
    /// Of a mailbox that is here: what has come there since.
    pub newcomers: bool,
}

/// What a pull came to.
pub(super) enum Outcome {
    /// All that the old server listed is here.
    Complete(Landed),
    /// It was stopped.
    Stopped,
    /// For the administrator.
    Failed(String),
}

/// A session at an old server, and what it has listed.
pub type Opened = (Connection, Vec<Message>);

/// Pulls a mailbox while its user waits, and gives up as soon as it would take longer than `wait`. Gives the
/// session back if it was not even begun; else the database tells whether all has come over.
pub async fn now(shared: &Arc<Shared>, order: &Order, opened: Opened, wait: Duration) -> Option<Opened> {
    let octets = opened.1.iter().filter_map(|message| message.octets).sum();
    if !decide::is_small(octets, wait) {
        return Some(opened);
    }
    let Some(guard) = shared.upstreams.busy.pull(&order.address) else { return Some(opened) };
    let pull = guard.shared();
    pull.expect(octets);
    let start = Start {
        opened: Some(opened),
        patience: old::hurried(wait, Duration::ZERO),
        once: true,
        newcomers: false,
    };
    let (shared, mut order) = (Arc::clone(shared), order.clone());
    runtime::spawn_named(format!("pull account={}", order.address), async move {
        move_in(&shared, &mut order, start, guard).await;
    });
    until_late(&pull, wait).await;
    None
}

/// Pulls a mailbox that nobody waits for, and tries again a few times: only we know the password, and only
/// until the next start.
pub fn later(shared: &Arc<Shared>, mut order: Order) {
    let shared = Arc::clone(shared);
    runtime::spawn_named(format!("pull account={}", order.address), async move {
        let background = Arc::clone(&shared.upstreams.background);
        for _ in 0..limits::PULL_TRIES_MAX {
            // One that somebody has stopped has still to end, or nobody would go on with it.
            if let Some(pull) = shared.upstreams.pull_of(&order.address).filter(|pull| pull.is_stopped()) {
                pull.ended().await;
            }
            let place = background.acquire().await;
            // Busy with another session: its end brings us back here.
            let Some(guard) = shared.upstreams.busy.pull(&order.address) else { return };
            let start = Start { opened: None, patience: Patience::default(), once: false, newcomers: false };
            if shared.shutdown.has_begun() || move_in(&shared, &mut order, start, guard).await {
                return;
            }
            drop(place);
            future::or(runtime::sleep(limits::PULL_PAUSE), shared.shutdown.begun()).await;
        }
    });
}

/// Notes what a relayed session has deleted at the old server: whatever it still lists of that is not to be
/// shown any more. Before its guard is dropped, so that no pull is at it.
pub async fn bury(shared: &Arc<Shared>, order: &Order, gone: Vec<UniqueId>) {
    if gone.is_empty() {
        return;
    }
    let (work, address, mailbox) = (Arc::clone(shared), order.address.clone(), order.account.mailbox());
    let written = shared.doorway.disk(move || landing::bury(&work, &address, &gone, &mailbox)).await;
    if let Err(why) = written {
        order.line("upstream.fault").with("why", format_args!("deletions: {why}")).warn();
    }
}

/// Waits for a pull, as long as it may end in time; then stops it. `true`: it has ended.
pub async fn until_late(pull: &Pull, wait: Duration) -> bool {
    let since = Instant::now();
    let ended = async {
        pull.ended().await;
        true
    };
    let late = async {
        while since.elapsed() < wait {
            runtime::sleep(limits::PULL_LOOKED_AT.min(wait)).await;
            let (done, total, so_far) = pull.progress();
            let until = so_far + wait.saturating_sub(since.elapsed());
            if so_far >= limits::PULL_JUDGED_AFTER && !decide::is_in_time(done, total, so_far, until) {
                break;
            }
        }
        pull.stop();
        // It ends between two blocks, unless the old server hangs.
        runtime::timeout(limits::PULL_STOP_WAIT, pull.ended()).await.is_some()
    };
    future::or(ended, late).await
}

/// Pulls, and writes down what came of it; `false`: it is worth another try. Where there is nothing to move any more it
/// pulls nothing: a login may have moved the account between two tries, or it is removed and its Maildir would be made
/// again for its next owner.
async fn move_in(shared: &Arc<Shared>, order: &mut Order, start: Start, guard: PullGuard) -> bool {
    let began = Instant::now();
    if !note(shared, order, Progress::Moving, None).await {
        return true;
    }
    match bring(shared, order.clone(), start, &guard).await {
        Outcome::Complete(Landed { messages, bytes, .. }) => {
            count(shared, order, messages).await;
            note(shared, order, Progress::Moved, None).await;
            let line = order.line("upstream.moved").with("messages", messages).with("size", bytes);
            line.with("ms", ms(began)).info();
            true
        }
        Outcome::Stopped => true,
        Outcome::Failed(why) => {
            order.line("upstream.failing").with("why", &why).warn();
            !note(shared, order, Progress::Failing, Some(why)).await
        }
    }
}

/// One pull, from the login at the old server to the last rename here.
pub(super) async fn bring(shared: &Arc<Shared>, order: Order, start: Start, guard: &PullGuard) -> Outcome {
    let (work, pull) = (Arc::clone(shared), guard.shared());
    let job = move || {
        let Account { server, login } = order.account;
        let mut mailbox = Mailbox::new(server, login, start.patience, false);
        if start.once {
            mailbox = mailbox.once();
        }
        if let Some((connection, messages)) = start.opened {
            mailbox = mailbox.on(connection, messages);
        }
        let mut source = Stoppable::new(mailbox, Arc::clone(&pull), work.shutdown.clone());
        let landed = if start.newcomers {
            landing::newcomers(&work, &order.address, &mut source, &pull)
        } else {
            source = source.whole();
            landing::whole(&work, &order.address, &mut source)
        };
        match landed {
            Ok(landed) => {
                source.into_inner().close();
                Outcome::Complete(landed)
            }
            Err(_) if source.is_stopped() => Outcome::Stopped,
            Err(why) => Outcome::Failed(why),
        }
    };
    shared.doorway.pull(job).await
}

pub(super) async fn count(shared: &Arc<Shared>, order: &Order, messages: u64) {
    let (accounts, address) = (Arc::clone(&shared.accounts), order.address.clone());
    let noted = shared.doorway.disk(move || accounts.note_messages(&address, messages)).await;
    order.tell_fault(noted);
}

/// Writes down how far an account is, and in the order which one that is. `false` where there is nothing to move any
/// more ([`Accounts::note_progress`](crate::accounts::Accounts::note_progress)). If that fails, the next login finds it
/// where it was and goes on.
pub async fn note(shared: &Arc<Shared>, order: &mut Order, progress: Progress, why: Option<String>) -> bool {
    let (accounts, address, taken) = (Arc::clone(&shared.accounts), order.address.clone(), order.taken);
    let write = move || accounts.note_progress(&address, taken, progress, why.as_deref());
    match shared.doorway.disk(write).await {
        Ok(noted) => {
            order.taken = order.taken.or(noted);
            noted.is_some()
        }
        Err(error) => {
            order.tell_fault(Err(error));
            true
        }
    }
}

impl Order {
    /// A line of the log about this account.
    pub fn line(&self, event: &str) -> Line {
        let line = Line::new(event).with("session", self.session).with("account", &self.address);
        line.with("server", &self.account.server)
    }

    pub(super) fn tell_fault(&self, outcome: Result<(), crate::accounts::ChangeError>) {
        if let Err(error) = outcome {
            self.line("upstream.fault").with("why", format_args!("accounts: {error:?}")).warn();
        }
    }
}

pub(super) fn ms(began: Instant) -> u128 {
    began.elapsed().as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::upstream::{Meant, Scope, Security, Trust, Upstream, UserPattern};
    use crate::fetch::{Login, Server};
    use crate::mail::{Password, UserName};
    use crate::runtime::block_on;
    use crate::serve::testing;
    use std::net::TcpListener;

    fn ordered(address: &AccountAddress, port: u16) -> Order {
        let server = Server { host: "127.0.0.1".to_owned(), port: Some(port), security: None, trust: None };
        let user = UserName::parse("anna").unwrap();
        let login = Login { user, password: Password::new("secret".to_owned()).unwrap() };
        let (account, session) = (Account { server, login }, SessionId(1));
        Order { address: address.clone(), taken: None, account, session }
    }

    fn stand_behind(shared: &Shared, address: &AccountAddress) {
        let upstream = Upstream {
            scope: Scope::Address(address.clone()),
            host: "127.0.0.1".to_owned(),
            port: None,
            security: Security::Plain,
            trust: Trust::Roots,
            user: UserPattern::AsTyped,
            accept_unknown: false,
        };
        shared.accounts.add_upstream(&upstream).unwrap();
    }

    fn progress(shared: &Shared, address: &AccountAddress) -> Option<Progress> {
        let user = UserName::parse(&address.to_string()).unwrap();
        let Meant::Behind(standing) = shared.accounts.meant(&user).unwrap() else { panic!("no old server") };
        standing.here.map(|here| here.progress)
    }

    #[test]
    fn a_try_that_wakes_up_when_there_is_nothing_to_move_any_more_pulls_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = testing::with_anna(folder.path());
        stand_behind(&shared, &anna);
        let old = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = old.local_addr().unwrap();
        drop(old); // Nobody is there for the first try.
        let mut order = ordered(&anna, address.port());
        let mut has_ended = || {
            let guard = shared.upstreams.busy.pull(&anna).unwrap();
            let start = Start { opened: None, patience: Patience::default(), once: true, newcomers: false };
            block_on(move_in(&shared, &mut order, start, guard))
        };
        assert!(!has_ended());
        assert_eq!(progress(&shared, &anna), Some(Progress::Failing));
        // A login moves it, and then the old server is not there again.
        shared.accounts.note_progress(&anna, None, Progress::Moved, None).unwrap();
        assert!(has_ended());
        assert_eq!(progress(&shared, &anna), Some(Progress::Moved));

        shared.accounts.remove(&anna).unwrap();
        assert!(has_ended());
        assert_eq!(progress(&shared, &anna), None);
        // The next owner of that name.
        shared.accounts.add(&anna, &Password::new("another".to_owned()).unwrap()).unwrap();
        assert!(has_ended());
        assert_eq!(progress(&shared, &anna), Some(Progress::Waiting));
    }
}
