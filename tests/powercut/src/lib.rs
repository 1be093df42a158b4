//! A file system that forgets what was not synced, and a trial of restante on it.
//!
//! | module | what it is |
//! | --- | --- |
//! | `rng` | chance that can be repeated |
//! | `disk` | a disk in memory: what programs see, and what would last |
//! | `shared` | the disk as several threads hold it |
//! | `mounted` | the same disk through FUSE |
//! | `trial` | rounds of load, cut, kill -9, restart and check |
//!
//! Each imports only what stands above it. Nothing here links against the server: it is a program
//! that is started, killed and talked to.

pub mod disk;
pub mod mounted;
pub mod rng;
pub mod shared;
pub mod trial;
