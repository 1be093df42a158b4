//! What the server does beside its sessions: left-overs, last logins, renewed certificates, bans.
//!
//! Nothing here is waited for by a session, and nothing that fails here ends anything.

use super::log::Line;
use super::shared::Shared;
use crate::accounts::Ban;
use crate::delivery::Leftovers;
use crate::limits;
use crate::runtime;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Starts the clockwork. It waits for nothing: what there is to do at once is done beside the first sessions.
pub fn start(shared: &Arc<Shared>) {
    runtime::spawn(clear_leftovers_each(limits::LEFTOVERS_EVERY, Arc::clone(shared)));
    runtime::spawn(every(limits::LAST_LOGIN_FLUSH, Arc::clone(shared), |shared| async move {
        write_last_logins(&shared).await;
        if shared.failures.any_banned(Instant::now()) {
            read_bans(&shared).await; // `restante ban remove` takes effect also where the door cannot tell.
        }
    }));
    runtime::spawn(every(limits::CERTIFICATE_POLL, Arc::clone(shared), |shared| async move {
        let looked = Arc::clone(&shared);
        if shared.doorway.disk(move || looked.certificate_changed()).await {
            reload_certificate(&shared).await;
        }
    }));
}

/// Clears left-overs at once, and again whenever the time has passed.
async fn clear_leftovers_each(period: Duration, shared: Arc<Shared>) {
    clear_leftovers(&shared).await;
    every(period, shared, |shared| async move { clear_leftovers(&shared).await }).await;
}

/// In many short jobs, one at a time: with a hundred thousand accounts and a cold disk it takes minutes.
async fn clear_leftovers(shared: &Arc<Shared>) {
    let (mut leftovers, mut removed) = (Leftovers::below(shared.settings().mail()), 0);
    while !shared.shutdown.has_begun() {
        let piece = move || {
            let cleared = leftovers.clear_some();
            (leftovers, cleared)
        };
        let (rest, cleared) = shared.doorway.disk(piece).await;
        leftovers = rest;
        match cleared {
            Some(count) => removed += count,
            None => break,
        }
    }
    if removed > 0 {
        Line::new("serve.leftovers").with("removed", removed).info();
    }
}

/// Writes down the last logins, and the credentials that were hashed anew; if that fails they are
/// kept for the next time.
pub async fn write_last_logins(shared: &Arc<Shared>) {
    let _turn = shared.last_logins_turn.lock().await;
    let noted = shared.take_last_logins();
    if noted.is_empty() && !shared.accounts.has_rehashed() {
        return; // An idle server wakes no thread each second.
    }
    let accounts = Arc::clone(&shared.accounts);
    let (noted, written) = shared
        .doorway
        .disk(move || {
            let written = accounts.record_logins(&noted);
            (noted, written)
        })
        .await;
    if note_outcome(&shared.last_logins_fail, written.is_err())
        && let Err(error) = &written
    {
        Line::new("serve.last_logins").with("why", format!("{error:?}")).warn();
    }
    if written.is_err() {
        shared.put_back(noted);
    }
}

/// Whether a failure is a new one: told once, or a disk that is full for a night gets a line each second.
fn note_outcome(fails: &AtomicBool, failed: bool) -> bool {
    !fails.swap(failed, Ordering::Relaxed) && failed
}

/// Reads the certificate files again; a broken new one keeps the old in force and is told.
pub async fn reload_certificate(shared: &Arc<Shared>) {
    let tls = Arc::clone(&shared.tls);
    match shared.doorway.disk(move || tls.reload()).await {
        Ok(true) => {
            Line::new("serve.certificate").with("why", "a new certificate is in force").info();
            judge_certificate(shared);
        }
        Ok(false) => {}
        Err(finding) => Line::new("serve.certificate").with("why", finding).warn(),
    }
}

/// Tells what clients will dislike about the certificate in force. Mail comes in all the same, so
/// nobody would notice but the readers, whose programs stay away.
pub fn judge_certificate(shared: &Shared) {
    for finding in shared.tls.warnings(&shared.settings().hostname, SystemTime::now()) {
        Line::new("serve.certificate").with("why", finding).warn();
    }
}

/// Notes that an address is refused until `lasts` from now, in the database as well.
pub async fn note_ban(shared: &Arc<Shared>, address: IpAddr, lasts: Duration) {
    let ban = Ban { address, until: SystemTime::now() + lasts };
    let accounts = Arc::clone(&shared.accounts);
    match shared.doorway.disk(move || accounts.ban(&ban)).await {
        Ok(()) => shared.failures.kept(address, Instant::now()),
        // It holds in memory all the same, until a restart.
        Err(error) => Line::new("serve.ban").with("peer", address).with("why", format!("{error:?}")).warn(),
    }
}

/// Makes the bans in memory those of the database.
pub async fn read_bans(shared: &Arc<Shared>) {
    let accounts = Arc::clone(&shared.accounts);
    let (now, read) = (SystemTime::now(), Instant::now());
    match shared.doorway.disk(move || accounts.bans(now)).await {
        Ok(bans) => {
            let left = |ban: Ban| (ban.address, ban.until.duration_since(now).unwrap_or_default());
            shared.failures.set_bans(bans.into_iter().map(left), read);
        }
        Err(error) => Line::new("serve.ban").with("why", format!("{error:?}")).warn(),
    }
}

/// Does `work` again and again until the shutdown begins.
async fn every<F>(period: Duration, shared: Arc<Shared>, work: impl Fn(Arc<Shared>) -> F)
where
    F: Future<Output = ()>,
{
    while !shared.shutdown.has_begun() {
        futures_lite::future::or(runtime::sleep(period), shared.shutdown.begun()).await;
        work(Arc::clone(&shared)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::AccountAddress;
    use crate::serve::testing::with_anna;
    use futures_lite::future;
    use std::fs;
    use std::pin::pin;
    use std::sync::{Mutex, mpsc};

    #[test]
    fn a_failure_that_goes_on_is_told_once() {
        let fails = AtomicBool::new(false);
        let told = [true, true, true, false, false, true, true].map(|failed| note_outcome(&fails, failed));
        assert_eq!(told, [true, false, false, false, false, true, false]);
    }

    #[test]
    fn a_login_during_a_write_that_fails_is_not_turned_back() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = with_anna(folder.path());
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let bert = AccountAddress::parse("bert@example.org").unwrap();
        shared.logged_in(anna.clone(), at(1));
        shared.logged_in(bert.clone(), at(2));
        let being_written = shared.take_last_logins();
        shared.logged_in(anna.clone(), at(3));
        shared.put_back(being_written);
        assert_eq!(shared.take_last_logins(), [(anna, at(3)), (bert, at(2))]);
    }

    #[test]
    fn left_overs_are_looked_for_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, _) = with_anna(folder.path());
        let tmp = shared.settings().mail().join("example.org/anna/tmp");
        fs::create_dir_all(&tmp).unwrap();
        let (left, old) = (tmp.join("left"), SystemTime::now() - limits::TMP_LEFTOVER_AGE * 2);
        runtime::block_on(async {
            let looking = clear_leftovers_each(Duration::from_millis(1), Arc::clone(&shared));
            let looked = async {
                for _ in 0..3 {
                    fs::File::create(&left).unwrap().set_modified(old).unwrap();
                    while left.exists() {
                        runtime::sleep(Duration::from_millis(1)).await;
                    }
                }
            };
            let found = runtime::timeout(Duration::from_secs(30), future::or(looked, looking)).await;
            assert!(found.is_some(), "only once");
        });
    }

    #[test]
    fn the_end_waits_for_logins_that_are_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = with_anna(folder.path());
        shared.logged_in(anna, SystemTime::now());
        runtime::block_on(async {
            let (go_on, wait) = mpsc::channel::<()>();
            let wait = Arc::new(Mutex::new(wait));
            let work = |_| {
                let wait = Arc::clone(&wait);
                Box::pin(shared.doorway.disk(move || wait.lock().unwrap().recv().is_err()))
            };
            let mut busy: Vec<_> = (0..limits::DISK_JOBS_MAX).map(work).collect();
            for job in &mut busy {
                assert!(future::poll_once(job).await.is_none());
            }
            let mut each_second = pin!(write_last_logins(&shared));
            assert!(future::poll_once(&mut each_second).await.is_none(), "the disk is busy");
            let mut at_the_end = pin!(write_last_logins(&shared));
            let is_over = future::poll_once(&mut at_the_end).await.is_some();
            assert!(!is_over, "nothing is noted any more, and nothing is in the database");
            drop(go_on);
            each_second.await;
            at_the_end.await;
        });
        let listed = shared.accounts.list().unwrap();
        assert!(listed.iter().all(|account| account.last_login.is_some()), "{listed:?}");
    }
}
