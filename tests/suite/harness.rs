//! The binary under test: started on free ports with a folder of its own, ended when dropped.
//!
//! Knows the command line, the configuration and the folders of the data; no protocol.

use crate::client::Client;
use crate::log::Log;
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything is waited for. Only a failing test ever waits so long.
pub const LIMIT: Duration = Duration::from_secs(30);

const BASE: &str = r#"
hostname = "mail.example.org"
data_dir = "DIR/data"
smtp.listen = ["127.0.0.1:0"]
pop3.listen = ["127.0.0.1:0"]
pop3.listen_tls = ["127.0.0.1:0"]
lmtp.listen = ["unix:DIR/lmtp.sock"]
auth.pbkdf2_rounds = 4096
"#;

/// A configuration, its data, and a running `serve`.
pub struct Server {
    folder: TempDir,
    child: Option<Child>,
    log: Log,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Both streams, for messages whose stream is not promised.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// It worked; what it printed.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// It failed and said so on one line; that line.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.status, Some(1), "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "one line, not {self:?}");
        self.stderr
    }
}

impl Server {
    /// A server with the accounts anna and bert (password `secret`), and full, whose quota is used
    /// up. `extra` holds lines of configuration with dotted keys; they replace those of the harness.
    pub fn start(extra: &str) -> Self {
        static DATABASE: OnceLock<Vec<u8>> = OnceLock::new();
        let database = DATABASE.get_or_init(|| {
            let server = Self::prepare("");
            for name in ["anna", "bert", "full"] {
                server.account(&format!("{name}@example.org"), "secret");
            }
            server.restante(&["account", "quota", "full@example.org", "1"], "").done();
            fs::read(server.database()).unwrap()
        });
        let mut server = Self::prepare(extra);
        fs::DirBuilder::new().mode(0o700).create(server.data()).unwrap();
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(server.database()).unwrap().write_all(database).unwrap();
        server.deposit("full@example.org", "new", "1700000000.full", b"Subject: full\n\nfull\n");
        server.again();
        server
    }

    /// Only the folder and the configuration file.
    pub fn prepare(extra: &str) -> Self {
        let server = Self { folder: TempDir::new().unwrap(), child: None, log: Log::default() };
        server.configure(extra);
        server
    }

    /// Writes the configuration anew.
    pub fn configure(&self, extra: &str) {
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let ours: Vec<String> = extra.lines().map(key).collect();
        let kept: Vec<&str> =
            BASE.lines().filter(|line| !ours.contains(&key(line)) || line.is_empty()).collect();
        let text = format!("{}\n{extra}\n", kept.join("\n"));
        fs::write(self.config(), text.replace("DIR", self.folder.path().to_str().unwrap())).unwrap();
    }

    /// Starts `serve`, after [`Server::prepare`] or after it has ended.
    pub fn again(&mut self) {
        self.start_as(self.command(&["serve"]));
    }

    /// Starts it as this script for `sh` does, in which `"$@"` is the command.
    pub fn again_by(&mut self, script: &str) {
        self.start_as(self.command_by(script, &["serve"]));
    }

    fn start_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        self.log = Log::default();
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        self.log.collect(child.stderr.take().unwrap());
        self.child = Some(child);
        let wanted = self.listeners();
        self.log.wait(|lines| {
            let count = lines.iter().filter(|line| line.contains("listening")).count();
            (count >= wanted).then_some(())
        });
    }

    fn listeners(&self) -> usize {
        let config: toml::Table = fs::read_to_string(self.config()).unwrap().parse().unwrap();
        [("smtp", "listen"), ("pop3", "listen"), ("pop3", "listen_tls"), ("lmtp", "listen")]
            .iter()
            .map(|(table, key)| config[*table].get(key).map_or(0, |list| list.as_array().unwrap().len()))
            .sum()
    }

    /// Asks it to end, and waits for that. Its exit status.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.ended()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.ended();
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Its number while it runs.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits for its end. Its exit status.
    pub fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        wait_for_end(&mut child)
    }

    /// Runs another command with the same configuration.
    pub fn restante(&self, arguments: &[&str], input: &str) -> Outcome {
        run(&mut self.command(arguments), input)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = restante();
        command.arg("--config").arg(self.config()).args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs another command as this script for `sh` does, in which `"$@"` is the command.
    pub fn restante_by(&self, script: &str, arguments: &[&str], input: &str) -> Outcome {
        run(&mut self.command_by(script, arguments), input)
    }

    fn command_by(&self, script: &str, arguments: &[&str]) -> Command {
        let command = self.command(arguments);
        let mut shell = bare("sh");
        shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
        shell.current_dir(self.folder.path());
        shell
    }

    /// Makes an account.
    #[track_caller]
    pub fn account(&self, address: &str, password: &str) {
        self.restante(&["account", "add", address, "--password-stdin"], &format!("{password}\n")).done();
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("restante.toml")
    }

    /// The folder of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// DATA_DIR
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// DATA_DIR/accounts.sqlite
    pub fn database(&self) -> PathBuf {
        self.data().join("accounts.sqlite")
    }

    /// An account's Maildir.
    pub fn mailbox(&self, address: &str) -> PathBuf {
        let (local_part, domain) = address.split_once('@').unwrap();
        self.data().join("mail").join(domain).join(local_part)
    }

    /// The files in one folder of a Maildir, by name. A folder that is not there is empty.
    pub fn files(&self, address: &str, folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.mailbox(address).join(folder)) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Puts a file into a Maildir, as another program would. Its path.
    pub fn deposit(&self, address: &str, folder: &str, name: &str, content: &[u8]) -> PathBuf {
        for part in ["tmp", "new", "cur"] {
            let mut maker = fs::DirBuilder::new();
            maker.recursive(true).mode(0o700).create(self.mailbox(address).join(part)).unwrap();
        }
        let path = self.mailbox(address).join(folder).join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Where it listens for a protocol: `smtp`, `pop3`, `pop3s` or `lmtp`.
    #[track_caller]
    pub fn address(&self, protocol: &str) -> SocketAddr {
        let wanted = format!("protocol={protocol}");
        self.log.wait(|lines| {
            let said =
                |line: &&String| line.contains("listening") && line.split(' ').any(|word| word == wanted);
            let line = lines.iter().find(said)?;
            line.split(' ').find_map(|word| word.strip_prefix("address="))?.parse().ok()
        })
    }

    /// A connection to the SMTP port, greeted.
    #[track_caller]
    pub fn smtp(&self) -> Client {
        Client::greeted(Client::tcp(self.address("smtp")), "220 ")
    }

    /// A connection to the POP3 port, greeted.
    #[track_caller]
    pub fn pop3(&self) -> Client {
        Client::greeted(Client::tcp(self.address("pop3")), "+OK ")
    }

    /// A connection to the port of POP3 over TLS, greeted.
    #[track_caller]
    pub fn pop3s(&self) -> Client {
        Client::greeted(Client::tls(self.address("pop3s")), "+OK ")
    }

    /// A connection to the LMTP socket, greeted.
    #[track_caller]
    pub fn lmtp(&self) -> Client {
        Client::greeted(Client::unix(&self.folder.path().join("lmtp.sock")), "220 ")
    }

    /// A POP3 session of that account, whose password is `secret`.
    #[track_caller]
    pub fn log_in(&self, user: &str) -> Client {
        let mut client = self.pop3();
        client.log_in(user, "secret");
        client
    }

    /// Sends a message (CR LF text, not yet stuffed) by SMTP, and it is taken.
    #[track_caller]
    pub fn send(&self, to: &[&str], message: &[u8]) {
        let mut client = self.smtp();
        client.ask("EHLO mx.example.net", "250 ");
        client.send_message("carl@example.net", to, message);
        client.ask("QUIT", "221 ");
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// Waits until the log has such a line.
    #[track_caller]
    pub fn wait_for_log(&self, wanted: &str) -> String {
        self.log.wait(|lines| lines.iter().find(|line| line.contains(wanted)).cloned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- log of the server\n{}\n---", self.log());
        }
    }
}

/// The binary, with nothing of the tester's surroundings.
pub fn restante() -> Command {
    bare(env!("CARGO_BIN_EXE_restante"))
}

fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("RESTANTE_CONFIG")
        .env_remove("RUST_LOG")
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command, input: &str) -> Outcome {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    // A command that refuses its arguments does not read what follows.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let status = wait_for_end(&mut child);
    Outcome { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(found) = answer() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within {LIMIT:?}");
}

fn reader(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut stream = stream.unwrap();
    thread::spawn(move || {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn wait_for_end(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("it does not end by itself");
}
