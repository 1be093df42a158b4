//! What processes have cost, read from `/proc`: a process and all that it started.

use std::collections::BTreeMap;
use std::fs;

/// Ticks of a second in `/proc/PID/stat`; the same on every Linux that is in use.
const TICKS: f64 = 100.0;

/// A process as `/proc/PID/stat` shows it.
struct Stat {
    parent: u32,
    /// User and system time, that of ended children too.
    ticks: u64,
}

/// Seconds of processor time of a process and all below it.
pub fn cpu(root: u32) -> f64 {
    tree(root).values().map(|stat| stat.ticks).sum::<u64>() as f64 / TICKS
}

/// Seconds of processor time of this process.
pub fn own_cpu() -> f64 {
    stat(std::process::id()).map_or(0, |stat| stat.ticks) as f64 / TICKS
}

/// KiB of memory of a process and all below it; what they share is counted once.
pub fn memory(root: u32) -> f64 {
    let of = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok()
    };
    tree(root).keys().filter_map(of).sum()
}

/// A process and all below it. One that ends while this looks around is counted with its parent.
fn tree(root: u32) -> BTreeMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut all: BTreeMap<u32, Stat> = pids.filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut found = BTreeMap::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        next.extend(all.iter().filter(|(_, stat)| stat.parent == pid).map(|(pid, _)| *pid));
        found.extend(all.remove(&pid).map(|stat| (pid, stat)));
    }
    found
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so it is read from its end.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = (11..=14).filter_map(number).sum();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks })
}
