//! How many files and sockets the process may have open. Knows nothing of what they are for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;

/// Raises the limit to the hard limit and tells it: the usual soft limit of 1024 is kept low for
/// programs that use `select`, and a thousand connections with a file each do not fit into it.
///
/// # Errors
/// When the system refuses to tell or to raise it.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// The limit that [`raise_descriptor_limit`] would reach.
///
/// # Errors
/// When the system refuses to tell it.
pub fn descriptor_limit() -> io::Result<u64> {
    Ok(getrlimit(Resource::RLIMIT_NOFILE)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_to_the_hard_limit_and_may_be_raised_again() {
        let raised = raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (raised, raised));
        assert_eq!(raise_descriptor_limit().unwrap(), raised);
        assert_eq!(descriptor_limit().unwrap(), raised);
    }
}
