//! Whether the system calls of this process are filtered. The filter is the unit's
//! (etc/restante.service): what a process forbids itself it must first know of every library in it.

use std::fmt;
use std::fs;

/// Which system calls the process may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemCalls {
    /// Those that a seccomp filter lets pass.
    Filtered,
    /// All, or the kernel does not say.
    All,
}

impl SystemCalls {
    /// What is in force. Must be asked before Landlock closes /proc.
    pub fn of_this_process() -> Self {
        fs::read_to_string("/proc/self/status").map_or(Self::All, |status| Self::told_by(&status))
    }

    /// proc_pid_status(5): 0 is none, 1 is strict, 2 is a filter.
    fn told_by(status: &str) -> Self {
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        match mode.map(str::trim) {
            Some("1" | "2") => Self::Filtered,
            _ => Self::All,
        }
    }
}

impl fmt::Display for SystemCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Filtered => "filtered",
            Self::All => "all",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        for (status, told) in [
            ("Name:\trestante\nSeccomp:\t2\nSeccomp_filters:\t1\n", SystemCalls::Filtered),
            ("Seccomp:\t0\nSeccomp_filters:\t0\n", SystemCalls::All),
            ("Name:\told\n", SystemCalls::All),
        ] {
            assert_eq!(SystemCalls::told_by(status), told, "{status}");
        }
    }
}
