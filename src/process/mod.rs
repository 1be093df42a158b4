//! What the process may do: as which user it runs, which files it can touch, which calls it may make, what it
//! leaves behind.
//!
//! All of it is done once, at the start, while there is a single thread. Knows no protocol and no
//! connection.

mod confine;
mod data_dir;
mod memory;
mod privileges;
mod seccomp;

pub use confine::{Confinement, confine, confinement_offered};
pub use data_dir::{make_data_dir, not_a_folder};
pub use memory::leave_no_core;
pub use privileges::{Privileges, give_up_root, successor};
pub use seccomp::SystemCalls;
