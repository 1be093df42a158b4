//! What is in memory stays there. Knows nothing of what it is.

use nix::sys::resource::{Resource, setrlimit};

/// Leaves no image of the memory on the disk if the process crashes: passwords and the key of the certificate
/// are in it. A system that does not take the wish goes on without.
pub fn leave_no_core() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::getrlimit;

    #[test]
    fn a_crash_leaves_no_image() {
        leave_no_core();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE), Ok((0, 0)));
    }
}
