//! Pulling a mailbox from its old server: while its user waits, behind a relayed session, or for what has
//! come there since.
//!
//! What has come so far lies staged and is shown to nobody before all of it is here; a pull that is stopped
//! or fails costs nothing but time.

use super::Place;
use super::busy::{Pull, PullGuard};
use super::decide::{self, Said};
use super::landing::{self, Landed};
use super::old::{self, Account};
use super::stoppable::Stoppable;
use crate::accounts::upstream::Progress;
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
    /// The one at the old server.
    pub account: Account,
    /// The session that it was ordered in, for the log.
    pub session: SessionId,
}

/// How a pull is begun.
struct Start {
    /// A session that is open already.
    opened: Option<Opened>,
    patience: Patience,
    /// Somebody waits.
    once: bool,
    /// Of a mailbox that is here: what has come there since.
    newcomers: bool,
}

/// What a pull came to.
enum Outcome {
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
    let (shared, order) = (Arc::clone(shared), order.clone());
    runtime::spawn_named(format!("pull account={}", order.address), async move {
        move_in(&shared, order, start, guard).await;
    });
    until_late(&pull, wait).await;
    None
}

/// Pulls a mailbox that nobody waits for, and tries again a few times: only we know the password, and only
/// until the next start.
pub fn later(shared: &Arc<Shared>, order: Order) {
    let shared = Arc::clone(shared);
    runtime::spawn_named(format!("pull account={}", order.address), async move {
        let background = Arc::clone(&shared.upstreams.background);
        for _ in 0..limits::PULL_TRIES_MAX {
            let place = background.acquire().await;
            // Busy with another session: its end brings us back here.
            let Some(guard) = shared.upstreams.busy.pull(&order.address) else { return };
            let start = Start { opened: None, patience: Patience::default(), once: false, newcomers: false };
            if shared.shutdown.has_begun() || move_in(&shared, order.clone(), start, guard).await {
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

/// Asks the old server of a moved account for newcomers. An error is for the log alone: what is here can be
/// shown.
pub async fn newcomers(shared: &Arc<Shared>, order: Order) {
    // Another session of the same user is at it.
    let Some(guard) = shared.upstreams.busy.pull(&order.address) else { return };
    let refusals = &shared.upstreams.refusals;
    if refusals.rests(refusals.attempt(&order.address, &order.account), Instant::now()) {
        return;
    }
    let wait = limits::NEWCOMERS_WAIT.saturating_sub(limits::NEWCOMERS_STOP_WAIT);
    let (pull, until) = (guard.shared(), Instant::now() + wait);
    let line = order.line("upstream.newcomers");
    let (opened, place) = match runtime::timeout(wait, open(shared, &order)).await {
        Some(Ok(opened)) => opened,
        Some(Err(why)) => return line.with("why", why).warn(),
        None => return line.with("why", "it took too long").warn(),
    };
    let patience = old::hurried(limits::NEWCOMERS_WAIT, Duration::ZERO);
    let start = Start { opened: Some(opened), patience, once: true, newcomers: true };
    let shared = Arc::clone(shared);
    runtime::spawn_named(format!("newcomers account={}", order.address), async move {
        bring_newcomers(&shared, order, start, guard, line).await;
        drop(place);
    });
    let left = || until.saturating_duration_since(Instant::now());
    if runtime::timeout(left(), pull.ended()).await.is_none() {
        pull.stop();
        // What is on its last steps here may hold the maildrop for a moment.
        runtime::timeout(limits::NEWCOMERS_STOP_WAIT, pull.ended()).await;
    }
}

/// A session at the old server with what it lists, and the place that it takes among all such sessions. Nobody
/// queues for one: the next login asks again.
async fn open(shared: &Shared, order: &Order) -> Result<(Opened, Place), String> {
    let upstreams = &shared.upstreams;
    let place = upstreams.connection_now().ok_or("too many connections to old servers")?;
    let attempt = upstreams.refusals.attempt(&order.address, &order.account);
    let mut connection = match order.account.log_in(Duration::ZERO).await {
        Ok(connection) => connection,
        Err((Said::Refused, why)) => {
            return Err(match upstreams.refusals.refused(attempt, Instant::now()) {
                Duration::ZERO => why,
                rest => format!("{why}; it is not asked again for {} minutes", rest.as_secs() / 60),
            });
        }
        Err((_, why)) => return Err(why),
    };
    upstreams.refusals.accepted(attempt);
    let messages = old::listing(&mut connection, &place).await?;
    Ok(((connection, messages.ok_or("it has no unique-ids (UIDL)")?), place))
}

async fn bring_newcomers(shared: &Arc<Shared>, order: Order, start: Start, guard: PullGuard, line: Line) {
    let began = Instant::now();
    match bring(shared, order.clone(), start, &guard).await {
        Outcome::Complete(Landed { messages: 0, .. }) => {}
        Outcome::Complete(Landed { messages, bytes }) => {
            count(shared, &order, messages).await;
            line.with("messages", messages).with("size", bytes).with("ms", ms(began)).info();
        }
        Outcome::Stopped => line.with("why", "it took too long").warn(),
        Outcome::Failed(why) => line.with("why", why).warn(),
    }
    drop(guard); // Only now may the maildrop be opened.
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

/// Pulls, and writes down what came of it. `false`: it is worth another try.
async fn move_in(shared: &Arc<Shared>, order: Order, start: Start, guard: PullGuard) -> bool {
    let began = Instant::now();
    note(shared, &order, Progress::Moving, None).await;
    match bring(shared, order.clone(), start, &guard).await {
        Outcome::Complete(Landed { messages, bytes }) => {
            count(shared, &order, messages).await;
            note(shared, &order, Progress::Moved, None).await;
            let line = order.line("upstream.moved").with("messages", messages).with("size", bytes);
            line.with("ms", ms(began)).info();
            true
        }
        Outcome::Stopped => true,
        Outcome::Failed(why) => {
            order.line("upstream.failing").with("why", &why).warn();
            note(shared, &order, Progress::Failing, Some(why)).await;
            false
        }
    }
}

/// One pull, from the login at the old server to the last rename here.
async fn bring(shared: &Arc<Shared>, order: Order, start: Start, guard: &PullGuard) -> Outcome {
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
        let mut source = Stoppable::new(mailbox, pull, work.shutdown.clone());
        let landed = if start.newcomers {
            landing::newcomers(&work, &order.address, &mut source)
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

async fn count(shared: &Arc<Shared>, order: &Order, messages: u64) {
    let (accounts, address) = (Arc::clone(&shared.accounts), order.address.clone());
    let noted = shared.doorway.disk(move || accounts.note_messages(&address, messages)).await;
    order.tell_fault(noted);
}

/// Writes down how far an account is. If that fails, the next login finds it where it was and goes on.
pub async fn note(shared: &Arc<Shared>, order: &Order, progress: Progress, why: Option<String>) {
    let (accounts, address) = (Arc::clone(&shared.accounts), order.address.clone());
    let write = move || accounts.note_progress(&address, progress, why.as_deref());
    order.tell_fault(shared.doorway.disk(write).await);
}

impl Order {
    /// A line of the log about this account.
    pub fn line(&self, event: &str) -> Line {
        let line = Line::new(event).with("session", self.session).with("account", &self.address);
        line.with("server", &self.account.server)
    }

    fn tell_fault(&self, outcome: Result<(), crate::accounts::ChangeError>) {
        if let Err(error) = outcome {
            self.line("upstream.fault").with("why", format_args!("accounts: {error:?}")).warn();
        }
    }
}

fn ms(began: Instant) -> u128 {
    began.elapsed().as_millis()
}
