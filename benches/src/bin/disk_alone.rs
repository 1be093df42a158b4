//! What a disk can do for a mail server that does nothing else: `disk_alone FOLDER THREADS COPIES OCTETS COUNT`
//! prints one line of JSON.
//!
//! Each message is written, synced, renamed into its folder, and the folder synced, as restante has done before
//! its 250, with a folder for each copy; but there is no network, no account, and every path is known.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Ticks of a second in `/proc/PID/stat`; the same on every Linux that is in use.
const TICKS: f64 = 100.0;

/// One mailbox.
struct Folders {
    tmp: PathBuf,
    new: PathBuf,
    new_opened: File,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, threads, copies, octets, count] = words.as_slice() else {
        return Err("say FOLDER THREADS COPIES OCTETS COUNT".into());
    };
    let mailboxes = (0..copies.parse()?).map(|number: u32| Folders::made(Path::new(folder), number));
    let mailboxes = mailboxes.collect::<io::Result<Vec<_>>>()?;
    let (text, count) = (vec![b'x'; octets.parse()?], count.parse()?);
    let (begun, next) = (Instant::now(), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            deliver(&mailboxes, &text, &format!("{}.{number}", std::process::id()))?;
        }
    };
    let threads: usize = threads.parse()?;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| thread.join().expect("a thread does not panic"))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{{\"seconds\": {seconds:.6}, \"cpu\": {}}}", own_cpu()?);
    Ok(())
}

/// One message to all mailboxes, durable.
fn deliver(mailboxes: &[Folders], text: &[u8], name: &str) -> io::Result<()> {
    let create = |mailbox: &Folders| {
        let mut file = File::create_new(mailbox.tmp.join(name))?;
        file.write_all(text)?;
        Ok(file)
    };
    let files = mailboxes.iter().map(create).collect::<io::Result<Vec<_>>>()?;
    files.iter().try_for_each(File::sync_all)?;
    mailboxes.iter().try_for_each(|mailbox| fs::rename(mailbox.tmp.join(name), mailbox.new.join(name)))?;
    mailboxes.iter().try_for_each(|mailbox| mailbox.new_opened.sync_all())
}

impl Folders {
    fn made(folder: &Path, number: u32) -> io::Result<Self> {
        let root = folder.join(number.to_string());
        let (tmp, new) = (root.join("tmp"), root.join("new"));
        fs::create_dir_all(&tmp)?;
        fs::create_dir_all(&new)?;
        Ok(Self { new_opened: File::open(&new)?, tmp, new })
    }
}

/// Seconds of processor time of this process.
fn own_cpu() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit_once(')').ok_or("/proc/self/stat has no name")?.1;
    let ticks: Vec<u32> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(f64::from(ticks.iter().sum::<u32>()) / TICKS)
}
