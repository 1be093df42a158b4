//! The runtime: tasks, blocking work, timers, sockets and signals; the only file that names
//! `async_std` or `smol`.
//!
//! async-std is the default. The feature `runtime-smol` builds the same program on smol and wins
//! when both are on: whoever names it asked for it. Knows no protocol, no setting and no TLS.

use futures_lite::{AsyncReadExt, FutureExt, future};
use std::any::Any;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net as std_unix;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

pub use chosen::{TcpListener, TcpStream, UnixListener, UnixStream};

#[cfg(not(any(feature = "runtime-async-std", feature = "runtime-smol")))]
compile_error!("choose a runtime: the feature `runtime-async-std` (the default) or `runtime-smol`");

/// Tasks that a panic has ended since the start.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Runs a future to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    chosen::block_on(future)
}

/// Runs in the background; a panic in it ends it alone, is logged and counted.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    spawn_named("task", future);
}

/// Like [`spawn`]; a panic is logged with the task's name, such as its session id.
pub fn spawn_named(name: impl Into<String>, future: impl Future<Output = ()> + Send + 'static) {
    let name = name.into();
    // Boxed, or the task would have room for it twice: as what it was given and as what it awaits.
    let future = Box::pin(future);
    chosen::spawn(async move {
        // Unwind safety: nothing of the task is looked at afterwards, and what it shared with
        // others sits behind mutexes that survive poisoning.
        if let Err(payload) = AssertUnwindSafe(future).catch_unwind().await {
            PANICS.fetch_add(1, Ordering::Relaxed);
            log::error!("task.panic task={name:?} why={:?}", reason(&*payload));
        }
    });
}

/// How many tasks have ended in a panic since the start.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Threads that run tasks: half of the cores, at least one.
///
/// The other half has the blocking work that tasks wait for. Threads that share a queue wake each other for
/// every task that becomes ready, in case it takes long, and ours never do: on two cores a client that
/// fetches small messages one by one costs three wake-ups for each with two such threads, and one and a
/// half with one.
fn task_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// Runs blocking work on a thread of its own. Once called for the first time it runs to its end,
/// whether somebody still waits or not.
///
/// # Panics
/// When the work panics: the panic goes on in the task that waits for it.
pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let outcome = chosen::blocking(move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        if let Err(payload) = &outcome {
            // Said here too: the task that would say it may be gone.
            log::error!("blocking.panic why={:?}", reason(&**payload));
        }
        outcome
    });
    outcome.await.unwrap_or_else(|payload| resume_unwind(payload))
}

/// Waits.
pub async fn sleep(duration: Duration) {
    chosen::sleep(duration).await;
}

/// `None` when the time ran out first.
pub async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let finished = async { Some(future.await) };
    let too_late = async {
        sleep(limit).await;
        None
    };
    // The future is polled first: what is ready when the time is up still counts.
    future::or(finished, too_late).await
}

/// What the process was told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: end.
    Stop,
    /// SIGHUP: read certificates and settings again.
    Reload,
}

/// The signals of this process, one after the other.
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    /// From now on these signals arrive here instead of ending the process.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn new() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::{flag, low_level::pipe};
        let (wake, waker) = std_unix::UnixStream::pair()?;
        let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (signal, raised) in [(SIGTERM, &stop), (SIGINT, &stop), (SIGHUP, &reload)] {
            // The flag first: handlers run in this order, and an octet in the pipe without a flag
            // would be read and forgotten.
            flag::register(signal, Arc::clone(raised))?;
            pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { stop, reload, wake: unix_stream(wake)? })
    }

    /// Waits for the next signal. Two of a kind that nobody has fetched yet are one.
    ///
    /// # Errors
    /// When the pipe to the signal handler breaks.
    pub async fn next(&mut self) -> io::Result<Signal> {
        loop {
            if self.stop.swap(false, Ordering::SeqCst) {
                return Ok(Signal::Stop);
            }
            if self.reload.swap(false, Ordering::SeqCst) {
                return Ok(Signal::Reload);
            }
            // One octet for each signal: two that came together must both be found.
            self.wake.read_exact(&mut [0]).await?;
        }
    }
}

/// Makes a bound socket one that tasks can wait for.
///
/// # Errors
/// When the runtime cannot watch it.
pub fn tcp_listener(socket: std::net::TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    chosen::from_std(socket)
}

/// Makes a bound socket one that tasks can wait for.
///
/// # Errors
/// When the runtime cannot watch it.
pub fn unix_listener(socket: std_unix::UnixListener) -> io::Result<UnixListener> {
    socket.set_nonblocking(true)?;
    chosen::from_std(socket)
}

/// Makes a connected socket one that tasks can wait for.
///
/// # Errors
/// When the runtime cannot watch it.
pub fn unix_stream(socket: std_unix::UnixStream) -> io::Result<UnixStream> {
    socket.set_nonblocking(true)?;
    chosen::from_std(socket)
}

/// Connects to a TCP address.
///
/// # Errors
/// What the network says.
pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// The text a panic was raised with.
fn reason(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// The runtime the project was asked to be built on.
#[cfg(all(feature = "runtime-async-std", not(feature = "runtime-smol")))]
mod chosen {
    use async_global_executor::GlobalExecutorConfig;
    use async_std::task;
    use std::future::Future;
    use std::io;
    use std::sync::Once;
    use std::time::Duration;

    pub use async_std::net::{TcpListener, TcpStream};
    pub use async_std::os::unix::net::{UnixListener, UnixStream};

    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        begin();
        task::block_on(future)
    }

    pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        begin();
        drop(task::spawn(future)); // Dropping the handle detaches the task.
    }

    /// Starts the threads. Whoever does so first decides how many there are, so this must come before
    /// async-std's first task; the variable that async-std has for it goes before our own number.
    fn begin() {
        static BEGUN: Once = Once::new();
        BEGUN.call_once(|| {
            let count = super::task_threads();
            let config = GlobalExecutorConfig::default().with_min_threads(count).with_max_threads(count);
            let config =
                config.with_env_var("ASYNC_STD_THREAD_COUNT").with_thread_name_fn(|| "tasks".to_owned());
            async_global_executor::init_with_config(config);
        });
    }

    pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        task::spawn_blocking(work)
    }

    pub async fn sleep(duration: Duration) {
        task::sleep(duration).await;
    }

    /// async-std's conversions report no error: they panic when the kernel cannot watch the socket,
    /// which ours meet only at the start. smol's report it.
    pub fn from_std<S, T: From<S>>(socket: S) -> io::Result<T> {
        Ok(T::from(socket))
    }
}

/// async-std's own base and named successor (RUSTSEC-2025-0052).
#[cfg(feature = "runtime-smol")]
mod chosen {
    use smol::Executor;
    use std::future::Future;
    use std::io;
    use std::panic::catch_unwind;
    use std::pin::Pin;
    use std::sync::OnceLock;
    use std::task::{Context, Poll};
    use std::thread;
    use std::time::Duration;

    pub use smol::net::unix::{UnixListener, UnixStream};
    pub use smol::net::{TcpListener, TcpStream};

    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        executor().spawn(future).detach();
    }

    /// smol's own global executor runs on one thread unless an environment variable says more.
    fn executor() -> &'static Executor<'static> {
        static EXECUTOR: OnceLock<Executor<'static>> = OnceLock::new();
        static THREADS: OnceLock<()> = OnceLock::new();
        let executor = EXECUTOR.get_or_init(Executor::new);
        THREADS.get_or_init(|| {
            for _ in 0..super::task_threads() {
                thread::spawn(move || {
                    loop {
                        let forever = || smol::block_on(executor.run(smol::future::pending::<()>()));
                        // A task's panic is caught in the task; this holds should smol itself panic.
                        drop(catch_unwind(forever));
                    }
                });
            }
        });
        executor
    }

    pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
        Detaching(Some(smol::unblock(work)))
    }

    /// smol cancels a task whose handle is dropped; work that has begun must outlive its session.
    struct Detaching<T>(Option<smol::Task<T>>);

    impl<T> Future for Detaching<T> {
        type Output = T;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
            match &mut self.0 {
                Some(task) => Pin::new(task).poll(context),
                None => Poll::Pending, // Empty only while it is dropped.
            }
        }
    }

    impl<T> Drop for Detaching<T> {
        fn drop(&mut self) {
            if let Some(task) = self.0.take() {
                task.detach();
            }
        }
    }

    pub async fn sleep(duration: Duration) {
        smol::Timer::after(duration).await;
    }

    pub fn from_std<S, T: TryFrom<S, Error = io::Error>>(socket: S) -> io::Result<T> {
        T::try_from(socket)
    }
}

#[cfg(test)]
mod tests;
