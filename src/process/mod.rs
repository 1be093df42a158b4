//! What the process may do: as which user it runs, which files it can touch.
//!
//!
//! All of it is done once, at the start, while there is a single thread. Knows no protocol and no
//! connection.

mod confine;
mod privileges;

pub use confine::{Confinement, confine};
pub use privileges::{Privileges, give_up_root};
