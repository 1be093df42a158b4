//! What has come to the old server of a moved account since: each login asks for it, and what takes longer than a
//! login waits goes on behind it.
//!
//! The mailbox is here and in use meanwhile. What has come behind a login is shown by the next one, and until
//! then `upstream list` says that there is something to come.

use super::Place;
use super::busy::{Pull, PullGuard};
use super::decide::Said;
use super::landing::Landed;
use super::old;
use super::pull::{Opened, Order, Outcome, Start, bring, count, ms};
use crate::limits;
use crate::runtime;
use crate::serve::shared::Shared;
use async_lock::SemaphoreGuardArc;
use futures_lite::future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is written down of mail that is still to come.
const ON_ITS_WAY: &str = "mail that came to the old server is still on its way here";
/// And of mail that nobody brings at the moment.
const STOPPED: &str =
    "mail that came to the old server is not here yet: it was stopped, and the next login goes on";

/// Asks the old server of a moved account for newcomers. An error is for the log alone: what is here can be
/// shown. Where an earlier login has left its question behind, that one is waited for.
pub async fn newcomers(shared: &Arc<Shared>, order: Order) {
    let Some(pull) = begun(shared, order) else { return };
    let wait = limits::NEWCOMERS_WAIT.saturating_sub(limits::NEWCOMERS_STOP_WAIT);
    if runtime::timeout(wait, pull.ended()).await.is_some() {
        return;
    }
    let until = Instant::now() + limits::NEWCOMERS_STOP_WAIT;
    // What is on its last steps here may hold the maildrop for a moment.
    pull.leave(limits::NEWCOMERS_STOP_WAIT).await;
    if pull.has_found() {
        let told = future::or(pull.told(), pull.ended());
        runtime::timeout(until.saturating_duration_since(Instant::now()), told).await;
    }
}

/// The one that goes on already, or a new one. `None`: the old server is left alone.
fn begun(shared: &Arc<Shared>, order: Order) -> Option<Arc<Pull>> {
    let upstreams = &shared.upstreams;
    let Some(guard) = upstreams.busy.pull(&order.address) else { return upstreams.pull_of(&order.address) };
    if upstreams.rests(&order) {
        return None;
    }
    let (shared, pull) = (Arc::clone(shared), guard.shared());
    runtime::spawn_named(format!("newcomers account={}", order.address), async move {
        let began = Instant::now();
        let outcome = ask_to_the_end(&shared, &order, &guard).await;
        settle(&shared, &order, &guard, outcome, began).await;
        drop(guard); // Only now may the maildrop be opened.
    });
    Some(pull)
}

/// Asks, whether somebody waits for it or not; says so where there is something to come and nobody waits.
async fn ask_to_the_end(shared: &Arc<Shared>, order: &Order, guard: &PullGuard) -> Outcome {
    let pull = guard.shared();
    let mut behind = Behind::default();
    let (opened, _place) = match open_to_the_end(shared, order, &pull, &mut behind).await {
        Ok(opened) => opened,
        Err(outcome) => return outcome,
    };
    let patience = old::hurried(limits::UPSTREAM_ANSWER_WAIT, Duration::ZERO);
    let start = Start { opened: Some(opened), patience, once: true, newcomers: true };
    // From here on it is only stopped and never dropped: the guard would go while the job still writes.
    let mut brought = pin!(bring(shared, order.clone(), start, guard));
    if behind.0.is_none() {
        if let Some(outcome) = unless(brought.as_mut(), pull.left()).await {
            return outcome;
        }
        if !behind.goes_on(shared) {
            pull.stop();
        }
    }
    if let Some(outcome) = unless(brought.as_mut(), pull.found()).await {
        return outcome;
    }
    order
        .line("upstream.newcomers")
        .with("why", "it goes on behind the login, and the next one shows it")
        .info();
    note_why(shared, order, Some(ON_ITS_WAY.to_owned())).await;
    pull.tell();
    brought.await
}

/// A session at the old server. When nobody waits any more and no place is free behind the logins, it is dropped at
/// once: an old server that hangs would take all connections from those who do wait.
async fn open_to_the_end(
    shared: &Shared,
    order: &Order,
    pull: &Pull,
    behind: &mut Behind,
) -> Result<(Opened, Place), Outcome> {
    let mut opening = pin!(open(shared, order));
    let opened = match unless(opening.as_mut(), pull.left()).await {
        Some(opened) => opened,
        None if behind.goes_on(shared) => opening.await,
        None => return Err(Outcome::Stopped),
    };
    opened.map_err(Outcome::Failed)
}

/// A place among the pulls that nobody waits for any more, once one is taken.
#[derive(Default)]
struct Behind(Option<SemaphoreGuardArc>);

impl Behind {
    /// `false`: all are taken.
    fn goes_on(&mut self, shared: &Shared) -> bool {
        self.0 = shared.upstreams.behind.try_acquire_arc();
        self.0.is_some()
    }
}

/// The outcome, unless something else comes first.
async fn unless<T>(asked: Pin<&mut impl Future<Output = T>>, other: impl Future<Output = ()>) -> Option<T> {
    let asked = async { Some(asked.await) };
    let other = async {
        other.await;
        None
    };
    future::or(asked, other).await
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
            return Err(match upstreams.refused(order) {
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

/// Writes down what came of it: for the log, and for whoever asks whether all is here. An old server that could
/// not be asked leaves that as it was, since it may be gone for good.
async fn settle(shared: &Arc<Shared>, order: &Order, guard: &PullGuard, outcome: Outcome, began: Instant) {
    let line = order.line("upstream.newcomers");
    match outcome {
        Outcome::Complete(Landed { messages, bytes, left_there }) => {
            let mut line = line;
            if messages > 0 {
                count(shared, order, messages).await;
                line = line.with("messages", messages).with("size", bytes).with("ms", ms(began));
            }
            match &left_there {
                Some(why) => line.with("why", why).warn(),
                None if messages > 0 => line.info(),
                None => {}
            }
            note_why(shared, order, left_there).await;
        }
        Outcome::Stopped => {
            line.with("why", "it was stopped: the next login goes on").warn();
            if guard.shared().has_found() {
                note_why(shared, order, Some(STOPPED.to_owned())).await;
            }
        }
        Outcome::Failed(why) => {
            line.with("why", &why).warn();
            if guard.shared().has_found() {
                note_why(shared, order, Some(why)).await;
            }
        }
    }
}

async fn note_why(shared: &Arc<Shared>, order: &Order, why: Option<String>) {
    let (accounts, address) = (Arc::clone(&shared.accounts), order.address.clone());
    let noted = shared.doorway.disk(move || accounts.note_why(&address, why.as_deref())).await;
    order.tell_fault(noted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Login, Server};
    use crate::mail::{Password, SessionId, UserName};
    use crate::runtime::block_on;
    use crate::serve::testing;
    use crate::serve::upstream::old::Account;
    use std::net::TcpListener;

    #[test]
    fn an_old_server_that_hangs_holds_no_connection_when_nobody_waits_and_none_may_go_on_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = testing::with_anna(folder.path());
        // It takes connections and says nothing.
        let old = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Some(old.local_addr().unwrap().port());
        let server = Server { host: "127.0.0.1".to_owned(), port, security: None, trust: None };
        let password = Password::new("secret".to_owned()).unwrap();
        let login = Login { user: UserName::parse("anna").unwrap(), password };
        let (account, session) = (Account { server, login }, SessionId(1));
        let order = Order { address: anna.clone(), taken: None, account, session };
        let upstreams = &shared.upstreams;
        let behind: Vec<_> =
            (0..limits::NEWCOMERS_BEHIND_MAX).map(|_| upstreams.behind.try_acquire_arc().unwrap()).collect();
        let guard = upstreams.busy.pull(&anna).unwrap();
        block_on(guard.shared().leave(Duration::ZERO));
        let outcome = block_on(ask_to_the_end(&shared, &order, &guard));
        assert!(matches!(outcome, Outcome::Stopped));
        let places: Vec<_> =
            (0..limits::UPSTREAM_CONNECTIONS_MAX).map(|_| upstreams.connection_now().unwrap()).collect();
        drop((places, behind));
    }
}
