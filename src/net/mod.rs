//! Connections: listeners, the gate, streams, TLS, shutdown, the doorway for blocking work.
//!
//! Knows sockets, time and threads. Knows no protocol, no account and no message. Written against
//! `futures-io` and `crate::runtime`, so it runs on whichever runtime that is built on.

mod blocking;
mod budget;
mod cannot_listen;
mod descriptors;
mod failures;
mod gate;
mod listen_address;
mod listener;
mod network;
mod notify;
mod outgoing;
mod passed;
mod pem;
mod self_signed;
mod shutdown;
mod socket;
mod stream;
mod tls;
mod trust;
mod turns;
mod waits;
mod x509;

pub use blocking::Doorway;
pub use budget::Budget;
pub use cannot_listen::cannot_listen;
pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use failures::{FailurePolicy, Failures, Penalty};
pub use gate::{Full, Gate, Permit};
pub use listen_address::ListenAddress;
pub use listener::Listener;
pub use network::{Network, subscriber};
pub use notify::notify;
pub use outgoing::{ConnectError, connect, resolve};
pub use passed::Passed;
pub use self_signed::make_self_signed;
pub use shutdown::{SessionGuard, Shutdown};
pub use socket::Socket;
pub use stream::{Stream, TlsFacts};
pub use tls::{Tickets, Tls};
pub use trust::{Fingerprint, Trust};
