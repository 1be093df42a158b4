//! How one connection waits: with a limit, and so that others have their turn.
//!
//! A conversation is a hundred short waits, each with a limit of minutes. Setting a timer for each would
//! wake the thread that keeps the runtime's timers a hundred times, which costs more than the waits. So
//! one timer is kept for them all: it is left alone while it cannot ring too late, and set anew only
//! when it has rung too early. Knows no socket.

use crate::limits;
use crate::runtime;
use futures_lite::future;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// The waits of one connection.
#[derive(Default)]
pub struct Waits {
    timer: Option<Timer>,
    /// How many in a row were over before they began.
    unbroken: u32,
}

/// Rings at an end that is, or may come before, the one that is waited for.
struct Timer {
    rings: Instant,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Waits {
    /// Waits for `work`; `None` when the time ran out first.
    pub async fn within<T>(&mut self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut until = None; // The clock is read only when there is something to wait for.
        let outcome = future::poll_fn(|context| {
            // First: what is ready when the time is up still counts.
            if let Poll::Ready(outcome) = work.as_mut().poll(context) {
                return Poll::Ready(Some(outcome));
            }
            let until = *until.get_or_insert_with(|| Instant::now() + limit);
            self.poll_until(until, context).map(|()| None)
        })
        .await;
        match until {
            Some(_) => self.unbroken = 0,
            None => self.give_way().await,
        }
        outcome
    }

    fn poll_until(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let timer = match self.timer.take() {
                Some(timer) if timer.rings <= until => timer,
                _ => Timer::ringing(until),
            };
            let timer = self.timer.insert(timer);
            ready!(timer.sleep.as_mut().poll(context));
            self.timer = None;
            if Instant::now() >= until {
                return Poll::Ready(());
            }
        }
    }

    /// Tasks give up their thread only where they wait, and a peer that asks and reads as fast as we answer
    /// never makes us.
    async fn give_way(&mut self) {
        self.unbroken += 1;
        if self.unbroken >= limits::TURNS_IN_A_ROW {
            self.unbroken = 0;
            future::yield_now().await;
        }
    }
}

impl Timer {
    fn ringing(at: Instant) -> Self {
        let wait = at.saturating_duration_since(Instant::now());
        Self { rings: at, sleep: Box::pin(runtime::sleep(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(1);

    async fn forever(waits: &mut Waits, limit: Duration) -> Option<()> {
        waits.within(limit, future::pending()).await
    }

    fn rings(waits: &Waits) -> Option<Instant> {
        waits.timer.as_ref().map(|timer| timer.rings)
    }

    #[test]
    fn what_is_ready_needs_no_timer_and_counts_though_there_is_no_time() {
        let mut waits = Waits::default();
        assert_eq!(block_on(waits.within(Duration::ZERO, future::ready(1))), Some(1));
        assert!(waits.timer.is_none());
        assert_eq!(block_on(forever(&mut waits, Duration::ZERO)), None);
    }

    #[test]
    fn one_timer_serves_all_waits_that_end_behind_it() {
        let mut waits = Waits::default();
        let begun = |waits: &mut Waits, limit| block_on(future::poll_once(Box::pin(forever(waits, limit))));
        assert_eq!(begun(&mut waits, LONG), None);
        let first = rings(&waits);
        assert_eq!(begun(&mut waits, LONG * 2), None);
        assert!(first.is_some() && rings(&waits) == first, "it may ring too early");
        assert_eq!(begun(&mut waits, LONG / 2), None);
        assert!(rings(&waits) < first, "and never too late");
    }

    #[test]
    fn a_timer_that_rang_too_early_is_set_again() {
        let mut waits = Waits { timer: Some(Timer::ringing(Instant::now())), ..Waits::default() };
        let began = Instant::now();
        assert_eq!(block_on(forever(&mut waits, SHORT)), None);
        assert!(began.elapsed() >= SHORT);
        // One that rang while nobody waited is no end of the next wait.
        let late = Waits { timer: Some(Timer::ringing(began)), ..Waits::default() };
        let mut waits = late;
        assert_eq!(block_on(future::poll_once(Box::pin(forever(&mut waits, LONG)))), None);
        assert!(rings(&waits) > Some(began));
    }

    #[test]
    fn who_never_waits_gives_way_now_and_then() {
        let mut waits = Waits::default();
        let ready = |waits: &mut Waits| {
            block_on(future::poll_once(Box::pin(waits.within(LONG, future::ready(()))))).is_some()
        };
        let turns = limits::TURNS_IN_A_ROW;
        let unbroken = (0..turns * 2).filter(|_| ready(&mut waits)).count();
        assert_eq!(unbroken, 2 * turns as usize - 2, "each of so many waits once");
        (1..turns).for_each(|_| assert!(ready(&mut waits)));
        assert_eq!(block_on(forever(&mut waits, SHORT)), None);
        assert!(ready(&mut waits), "a true wait has been turn enough");
    }
}
