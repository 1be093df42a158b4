//! The trial: rounds of load, cut, kill -9, restart and check, on one disk.
//!
//! Each round goes on from what the last cut left: damage that a single cut does not show has a
//! hundred more to show itself. Chance comes from one seed; the order in which threads meet does
//! not, so a seed repeats the dice and not the run.

mod collector;
mod ledger;
mod letter;
mod load;
mod movers;
mod moves;
mod old;
mod people;
mod sender;
mod server;
mod tree;
mod wire;

use crate::disk::{Disk, Lie, Mode};
use crate::mounted;
use crate::rng::Rng;
use crate::shared::Shared;
use load::{Load, Mailbox};
use movers::Mover;
use people::People;
use sender::Dialect;
use server::{Program, Server};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A round without a cut by then is cut where it stands: a server that does little for the disk, or
/// hangs, must not hold the trial up.
const ROUND: Duration = Duration::from_secs(2);

/// Changes and fsyncs up to the cut: right at the beginning, when connections are fresh and the
/// first folders are made; in the thick of it; and late, with much in the journal.
const SPANS: [usize; 3] = [60, 500, 2000];

/// Within so many operations a start is cut short: what the start mends and makes (left-overs, a
/// certificate, the database) must stand a cut as well.
const START_SPAN: usize = 40;

/// Tries of [`START_SPAN`] before a server may start in peace.
const START_CUTS: usize = 2;

/// From so many rounds on, something of each kind must have been promised.
const MEANINGFUL: u64 = 10;

/// Violations that are told of one round; a lost folder breaks a promise for each letter in it.
const SHOWN: usize = 8;

/// Who brings mailboxes of an old server over.
const MOVERS: usize = 2;

/// Who gets mail: few, so that senders and collectors meet in them.
const MAILBOXES: usize = 3;

/// What is tried, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's binary.
    pub server: PathBuf,
    /// Cuts under load.
    pub rounds: u64,
    /// Where chance begins.
    pub seed: u64,
    /// What a cut may do.
    pub mode: Mode,
    /// Which fsync does nothing.
    pub lie: Lie,
    /// End with the first violation.
    pub first: bool,
    /// Lines to add at the top of the server's configuration.
    pub settings: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Cuts of the power, those at a start included.
    pub cuts: u64,
    /// Rounds that were played.
    pub rounds: u64,
    /// Broken promises.
    pub violations: u64,
}

/// Runs a trial. The error is one of the trial itself; broken promises are counted.
pub fn run(plan: &Plan) -> Result<Tally, String> {
    server::is_there(&plan.server)?;
    let folder = std::env::temp_dir().join(format!("powercut-{}", std::process::id()));
    let point = folder.join("disk");
    let failed = |error: std::io::Error| format!("{}: {error}", point.display());
    std::fs::create_dir_all(&point).map_err(failed)?;
    let disk = Shared::new(Disk::new(plan.mode, plan.lie));
    let session = mounted::mount(&disk, &point).inspect_err(|_| discard(&folder)).map_err(failed)?;
    let outcome = Trial::prepare(plan, &folder, &point, disk).and_then(Trial::run);
    session.umount_and_join().map_err(failed)?;
    discard(&folder);
    outcome
}

/// Removes what the trial put beside the disk. That it stays behind would be no finding.
fn discard(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        eprintln!("{}: {error}", folder.display());
    }
}

/// One disk, one server after another, and the promises of all of them.
struct Trial<'a> {
    plan: &'a Plan,
    program: Program,
    load: Load,
    people: People,
    movers: Vec<Mover>,
    /// The mail of the domain, as the Maildir folders below show it.
    mail: PathBuf,
    rng: Rng,
    tally: Tally,
}

impl<'a> Trial<'a> {
    /// Configuration and first accounts. The configuration lies on a disk that forgets nothing: it is
    /// the administrator's matter.
    fn prepare(plan: &'a Plan, folder: &Path, point: &Path, disk: Shared) -> Result<Self, String> {
        let data = point.join("restante");
        let program = Program { binary: plan.server.clone(), config: folder.join("restante.toml") };
        let text = configuration(&plan.settings, &data);
        std::fs::write(&program.config, text).map_err(|error| error.to_string())?;
        let mailboxes = (0..MAILBOXES)
            .map(|n| Mailbox { address: format!("box{n}@example.org"), password: format!("secret{n}") })
            .collect();
        let load = Load::new(mailboxes, disk);
        for mailbox in &load.mailboxes {
            people::run(&program, "add", &mailbox.address, Some(&mailbox.password))?;
        }
        let (people, rng) = (People::default(), Rng::new(plan.seed));
        // The old mailboxes lie where nothing is forgotten: they are another machine's matter.
        let mover = |n| Mover::new(folder.join("old"), &format!("mover{n}-"));
        Ok(Self {
            plan,
            program,
            load,
            people,
            movers: (0..MOVERS).map(mover).collect(),
            mail: data.join("mail/example.org"),
            rng,
            tally: Tally::default(),
        })
    }

    /// All rounds, and what came of them.
    fn run(mut self) -> Result<Tally, String> {
        // The accounts were made with exit status 0: the first cut comes before the first start.
        self.cut_and_recover(0);
        let mut server = self.restart(0, &mut self.rng.branch(0));
        for round in 1..=self.plan.rounds {
            let is_over = self.plan.first && self.tally.violations > 0;
            let Some(running) = server.take().filter(|_| !is_over) else { break };
            let mut rng = self.rng.branch(round);
            self.under_load(running, round, &mut rng);
            server = self.restart(round, &mut rng);
            self.tally.rounds = round;
        }
        self.summary();
        self.must_have_tried()?;
        Ok(self.tally)
    }

    /// Starts the server, now and then cut short, and checks every promise. `None`: it does not start.
    fn restart(&mut self, round: u64, rng: &mut Rng) -> Option<Server> {
        for attempt in 0..START_CUTS {
            if !rng.chance(20) {
                break;
            }
            self.load.disk().lock().cut_after(rng.below(START_SPAN) as u64);
            // Up before the fuse burnt down, or not: both are fine here, the next start counts.
            if let Ok(server) = Server::start(&self.program, self.load.disk()) {
                server.kill();
            }
            self.cut_and_recover(round << 8 | attempt as u64);
        }
        let server = Server::start(&self.program, self.load.disk());
        match &server {
            Ok(server) => self.check(server, rng),
            Err(why) => self.load.ledger().broken(format!("the server does not start by itself: {why}")),
        }
        self.report(round);
        server.ok()
    }

    /// Load until the power goes, then kill -9. The server lives on for a moment on a disk that is
    /// gone, and what it says in that moment counts: a 250 after a failed fsync would be a lie.
    fn under_load(&mut self, server: Server, round: u64, rng: &mut Rng) {
        let span = *rng.pick(&SPANS);
        self.load.disk().lock().cut_after(rng.below(span) as u64);
        self.load.set_ended(false);
        let addresses = server.addresses;
        let (load, people, program) = (&self.load, &self.people, &self.program);
        let movers = &mut self.movers;
        std::thread::scope(|scope| {
            for (name, dialect) in [("s", Dialect::Smtp), ("t", Dialect::Smtp), ("l", Dialect::Lmtp)] {
                let rng = rng.branch(u64::from(name.as_bytes()[0]));
                let address = if dialect == Dialect::Smtp { addresses.smtp } else { addresses.lmtp };
                scope.spawn(move || sender::run(load, address, dialect, &format!("{name}{round}"), rng));
            }
            for part in 0..2 {
                let rng = rng.branch(part as u64);
                scope.spawn(move || collector::run(load, addresses.pop3, part, 2, rng));
            }
            for (part, mover) in movers.iter_mut().enumerate() {
                let rng = rng.branch(10 + part as u64);
                scope.spawn(move || mover.run(load, program, addresses.pop3, rng));
            }
            let rng = rng.branch(2);
            scope.spawn(move || people.administer(load, program, rng));
            load.disk().wait_until_off(Instant::now() + ROUND);
            load.disk().lock().cut();
            server.kill();
            load.set_ended(true);
        });
        self.cut_and_recover(round);
    }

    /// Nothing of the server runs any more: what was not synced is lost now.
    fn cut_and_recover(&mut self, part: u64) {
        let mut rng = self.rng.branch(part).branch(u64::MAX);
        let mut disk = self.load.disk().lock();
        disk.cut();
        disk.recover(&mut rng);
        self.tally.cuts += 1;
    }

    /// Asks for every promise.
    fn check(&mut self, server: &Server, rng: &mut Rng) {
        for mailbox in &self.load.mailboxes {
            // Before POP3, which may move letters from one folder to the other.
            let files = tree::count(&self.mail, &mailbox.address);
            match (collector::take_stock(&self.load, server.addresses.pop3, mailbox), files) {
                (Ok(found), Ok(files)) if found.len() != files => self.load.ledger().broken(format!(
                    "{}: {files} files in new and cur, {} messages served",
                    mailbox.address,
                    found.len()
                )),
                (Ok(_), Ok(_)) => {}
                (Err(why), _) => self.load.ledger().broken(why),
                (_, Err(why)) => self.load.ledger().broken(format!("{}: {why}", mailbox.address)),
            }
        }
        self.people.settle(&self.load, &self.program, server.addresses.pop3, rng);
        for mover in &mut self.movers {
            mover.settle(&self.load, &self.program, server.addresses.pop3, rng);
        }
    }

    /// Tells the promises broken since the last report.
    fn report(&mut self, round: u64) {
        let violations = self.load.ledger().take_violations();
        self.tally.violations += violations.len() as u64;
        for what in violations.iter().take(SHOWN) {
            println!("VIOLATION seed={} round={round} mode={:?}: {what}", self.plan.seed, self.plan.mode);
        }
        if violations.len() > SHOWN {
            println!("VIOLATION … and {} more of this round", violations.len() - SHOWN);
        }
    }

    /// A trial in which nothing was promised keeps every promise.
    fn must_have_tried(&self) -> Result<(), String> {
        let ledger = self.load.ledger();
        let promised = [ledger.acknowledged, ledger.deleted, self.people.done(), self.imports().0];
        if self.tally.violations == 0 && self.tally.rounds >= MEANINGFUL && promised.contains(&0) {
            return Err(
                "the trial proves nothing: letters, deletions, accounts or imports are missing".to_owned()
            );
        }
        Ok(())
    }

    /// Imports that ended well, and those that a cut broke off.
    fn imports(&self) -> (u64, u64) {
        self.movers.iter().fold((0, 0), |(done, cut), mover| (done + mover.done, cut + mover.broken_off))
    }

    /// The closing line: what was tried, not only what failed.
    fn summary(&self) {
        let ledger = self.load.ledger();
        let (imports, broken_off) = self.imports();
        println!(
            "mode={:?} lie={:?} seed={} cuts={} acknowledged={} deleted={} undecided={} accounts={} \
             imports={imports} imports_broken_off={broken_off} violations={}",
            self.plan.mode,
            self.plan.lie,
            self.plan.seed,
            self.tally.cuts,
            ledger.acknowledged,
            ledger.deleted,
            ledger.undecided,
            self.people.done(),
            self.tally.violations
        );
    }
}

/// Ports that are free, no TLS, and hashes as cheap as the server allows: thousands of logins.
fn configuration(settings: &[String], data: &Path) -> String {
    format!(
        "hostname = \"mx.example.org\"\ndata_dir = {data:?}\nshutdown_grace = \"1s\"\n{}\n\
         [smtp]\nlisten = [\"127.0.0.1:0\"]\n\
         [lmtp]\nlisten = [\"127.0.0.1:0\"]\n\
         [pop3]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = []\n\
         [auth]\npbkdf2_rounds = 4096\n",
        settings.join("\n")
    )
}
