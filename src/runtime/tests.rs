//! The same promises on whichever runtime the tests are built with.

use super::*;
use std::sync::mpsc;

#[test]
fn a_panic_ends_its_task_alone_and_is_counted() {
    let before = panics();
    let (tell, told) = mpsc::channel();
    let ended = tell.clone();
    spawn_named("doomed", async move {
        let _dropped_when_the_task_ends = ended;
        panic!("on purpose");
    });
    spawn(async move { tell.send("lives").unwrap() });
    assert_eq!(told.recv(), Ok("lives"));
    assert!(told.recv().is_err(), "both tasks have ended");
    block_on(async {
        while panics() == before {
            future::yield_now().await;
        }
    });
}

#[test]
fn a_panic_in_blocking_work_reaches_who_waits_for_it() {
    let outcome = catch_unwind(|| block_on(spawn_blocking(|| panic!("on purpose"))));
    assert_eq!(reason(&*outcome.unwrap_err()), "on purpose");
    assert_eq!(block_on(spawn_blocking(|| 7)), 7);
}

#[test]
fn blocking_work_outlives_who_waited_for_it() {
    let (start, started) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let work = spawn_blocking(move || {
        start.send(()).unwrap();
        let _woken = wait.recv();
        tell.send("done").unwrap();
    });
    // Given up as soon as the work says that it runs.
    block_on(future::or(work, async {
        while started.try_recv().is_err() {
            future::yield_now().await;
        }
    }));
    go_on.send(()).unwrap();
    assert_eq!(told.recv(), Ok("done"));
}

#[test]
fn the_time_runs_out_or_it_does_not() {
    assert_eq!(block_on(timeout(Duration::ZERO, future::pending::<()>())), None);
    assert_eq!(block_on(timeout(Duration::ZERO, future::ready(1))), Some(1));
    assert_eq!(block_on(timeout(Duration::from_secs(3600), future::ready(1))), Some(1));
}

#[test]
fn signals_arrive_each_kind_once() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::low_level::raise;
    let mut signals = Signals::new().unwrap();
    for (signal, expected) in [(SIGHUP, Signal::Reload), (SIGTERM, Signal::Stop), (SIGINT, Signal::Stop)] {
        raise(signal).unwrap();
        assert_eq!(block_on(signals.next()).unwrap(), expected);
    }
    raise(SIGHUP).unwrap();
    raise(SIGTERM).unwrap();
    let both = [block_on(signals.next()).unwrap(), block_on(signals.next()).unwrap()];
    assert_eq!(both, [Signal::Stop, Signal::Reload]);
    assert_eq!(block_on(timeout(Duration::ZERO, signals.next())).map(|_| ()), None);
}
