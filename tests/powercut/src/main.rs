//! `powercut trial` tries a server on the disk that forgets; `powercut mount` is for trying things
//! on that disk by hand.

use powercut::disk::{Disk, Lie, Mode};
use powercut::mounted;
use powercut::rng::Rng;
use powercut::shared::Shared;
use powercut::trial::{self, Plan};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: powercut trial --server BINARY [--rounds N] [--seed N] [--mode strict|ext4]
                      [--ignore-fsync file|folder] [--first] [--setting LINE]...
       powercut mount FOLDER [--mode strict|ext4] [--ignore-fsync file|folder]
         then, on standard input: `cut`, `recover`, `recover SEED`; the end of it unmounts";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((verb, rest)) if verb == "trial" => parse(rest).and_then(|(plan, _)| run(&plan)),
        Some((verb, rest)) if verb == "mount" => {
            parse(rest).and_then(|(plan, folder)| by_hand(&plan, &folder))
        }
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(code) => code,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// 0: nothing was broken. 1: something was. 2: the trial itself failed.
fn run(plan: &Plan) -> Result<ExitCode, String> {
    let tally = trial::run(plan)?;
    Ok(if tally.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The disk at `folder`, with cuts by hand.
fn by_hand(plan: &Plan, folder: &Path) -> Result<ExitCode, String> {
    let disk = Shared::new(Disk::new(plan.mode, plan.lie));
    let session = mounted::mount(&disk, folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["cut"] => disk.lock().cut(),
            ["recover"] => disk.lock().recover(&mut Rng::new(plan.seed)),
            ["recover", seed] => disk.lock().recover(&mut Rng::new(number(seed)?)),
            _ => eprintln!("{USAGE}"),
        }
        println!("done");
    }
    session.umount_and_join().map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// The options, and what is not one (a folder).
fn parse(arguments: &[String]) -> Result<(Plan, PathBuf), String> {
    let (mode, lie) = (Mode::Strict, Lie::None);
    let (server, settings) = (PathBuf::new(), Vec::new());
    let mut plan = Plan { server, rounds: 100, seed: 1, mode, lie, first: false, settings };
    let mut folder = PathBuf::new();
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let mut value = || left.next().cloned().ok_or_else(|| format!("{argument} wants a value\n{USAGE}"));
        match argument.as_str() {
            "--server" => plan.server = PathBuf::from(value()?),
            "--rounds" => plan.rounds = number(&value()?)?,
            "--seed" => plan.seed = number(&value()?)?,
            "--mode" => plan.mode = mode_of(&value()?)?,
            "--ignore-fsync" => plan.lie = lie_of(&value()?)?,
            "--first" => plan.first = true,
            "--setting" => plan.settings.push(value()?),
            other if !other.starts_with("--") => folder = PathBuf::from(other),
            other => return Err(format!("unknown option {other}\n{USAGE}")),
        }
    }
    Ok((plan, folder))
}

/// A number without a sign.
fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// The mode by its name.
fn mode_of(text: &str) -> Result<Mode, String> {
    match text {
        "strict" => Ok(Mode::Strict),
        "ext4" => Ok(Mode::Ext4),
        _ => Err(format!("no such mode: {text}")),
    }
}

/// The lie by what it is about.
fn lie_of(text: &str) -> Result<Lie, String> {
    match text {
        "file" => Ok(Lie::File),
        "folder" => Ok(Lie::Folder),
        _ => Err(format!("no such lie: {text}")),
    }
}
