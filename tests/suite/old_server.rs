//! An old POP3 server with one mailbox for a test: it keeps to the RFC until it is told to have trouble.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// See above. Its user is `anna@old.example` and the password `secret`, unless they are changed.
pub struct OldServer {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
pub struct State {
    /// Unique-ids and texts.
    pub messages: Vec<(String, Vec<u8>)>,
    /// Each is had once: at which command, and what.
    pub troubles: Vec<(&'static str, Trouble)>,
    /// Unique-ids of messages that it lists and does not hand out.
    pub withheld: Vec<&'static str>,
    /// Refuses a second session while one goes on, as most do.
    pub one_at_a_time: bool,
    /// Does not announce PIPELINING, and notes (`ahead`) when a command comes before the last one's answer.
    pub one_by_one: bool,
    pub ahead: Vec<String>,
    pub user: &'static str,
    pub password: Option<&'static str>,
    /// Hangs up on everybody.
    off: bool,
    sessions: usize,
    /// Commands that were heard, without passwords.
    pub heard: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It hangs up.
    Dies,
    /// It says the half of its answer, and hangs up.
    DiesInside,
    /// It says something that is not POP3.
    Nonsense,
    /// It refuses.
    Refuses(&'static str),
    /// It says nothing until the test goes on.
    Waits,
    /// It says one octet after the other until the test goes on.
    Trickles,
}

impl OldServer {
    pub fn with(messages: &[(&str, &[u8])]) -> Self {
        let messages = messages.iter().map(|(id, text)| ((*id).to_owned(), text.to_vec())).collect();
        let user = "anna@old.example";
        let state = State { messages, user, password: Some("secret"), ..State::default() };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || Session { stream: &stream, state: &state, logged_in: false }.run());
            }
        });
        Self { address, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    /// It will have this trouble at the next such command.
    pub fn trouble(&self, command: &'static str, trouble: Trouble) {
        self.state().troubles.push((command, trouble));
    }

    /// What waits goes on.
    pub fn go_on(&self) {
        self.state().troubles.clear();
        self.state.1.notify_all();
    }

    /// Nobody is served any more.
    pub fn switch_off(&self) {
        self.state().off = true;
    }

    pub fn unique_ids(&self) -> Vec<String> {
        self.state().messages.iter().map(|(id, _)| id.clone()).collect()
    }

    pub fn heard(&self, command: &str) -> usize {
        self.state().heard.iter().filter(|heard| heard.starts_with(command)).count()
    }
}

struct Session<'a> {
    stream: &'a TcpStream,
    state: &'a (Mutex<State>, Condvar),
    logged_in: bool,
}

impl Session<'_> {
    fn run(mut self) {
        let _over = self.talk();
        if self.logged_in {
            self.state.0.lock().unwrap().sessions -= 1;
        }
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// `None`: it is over.
    fn talk(&mut self) -> Option<()> {
        let (mut user, mut listed, mut marked) = (String::new(), Vec::new(), Vec::new());
        if self.state.0.lock().unwrap().off {
            return None;
        }
        self.answer("greeting", b"+OK an old server\r\n")?;
        let mut reader = BufReader::new(self.stream);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
            let command = command.to_ascii_uppercase();
            let shown = if command == "PASS" { "PASS" } else { line };
            let one_by_one = {
                let mut state = self.state.0.lock().unwrap();
                state.heard.push(shown.to_owned());
                if !reader.buffer().is_empty() {
                    state.ahead.push(shown.to_owned());
                }
                state.one_by_one
            };
            let index = argument.split(' ').next().unwrap().parse::<usize>().unwrap_or(0).wrapping_sub(1);
            let of = |messages: &[(String, Vec<u8>)]| messages.get(index).cloned();
            let answer: Vec<u8> = match command.as_str() {
                "CAPA" if one_by_one => b"+OK\r\nUIDL\r\nUSER\r\n.\r\n".to_vec(),
                "CAPA" => b"+OK\r\nUIDL\r\nUSER\r\nPIPELINING\r\n.\r\n".to_vec(),
                "USER" => {
                    argument.clone_into(&mut user);
                    b"+OK\r\n".to_vec()
                }
                "PASS" => self.log_in(&user, argument, &mut listed),
                "STAT" => format!("+OK {} 0\r\n", listed.len()).into_bytes(),
                "LIST" => list(&listed, |message| message.1.len().to_string()),
                "UIDL" => list(&listed, |message| message.0.clone()),
                "RETR" | "TOP" => match of(&listed) {
                    Some((id, _)) if self.withholds(&id) => b"-ERR cannot open it\r\n".to_vec(),
                    Some((_, text)) => [b"+OK\r\n", &text[..], b".\r\n"].concat(),
                    None => b"-ERR no\r\n".to_vec(),
                },
                "DELE" => {
                    marked.extend(of(&listed));
                    b"+OK\r\n".to_vec()
                }
                "RSET" => {
                    marked.clear();
                    b"+OK\r\n".to_vec()
                }
                "NOOP" => b"+OK\r\n".to_vec(),
                "QUIT" => {
                    self.state.0.lock().unwrap().messages.retain(|message| !marked.contains(message));
                    b"+OK bye\r\n".to_vec()
                }
                _ => b"-ERR what?\r\n".to_vec(),
            };
            self.answer(&command, &answer)?;
            if command == "QUIT" {
                return None;
            }
        }
    }

    fn withholds(&self, id: &str) -> bool {
        self.state.0.lock().unwrap().withheld.contains(&id)
    }

    fn log_in(&mut self, user: &str, password: &str, listed: &mut Vec<(String, Vec<u8>)>) -> Vec<u8> {
        let mut state = self.state.0.lock().unwrap();
        if user != state.user || Some(password) != state.password {
            return b"-ERR [AUTH] no\r\n".to_vec();
        }
        if state.one_at_a_time && state.sessions > 0 {
            return b"-ERR [IN-USE] another session\r\n".to_vec();
        }
        state.sessions += 1;
        self.logged_in = true;
        listed.clone_from(&state.messages);
        b"+OK\r\n".to_vec()
    }

    fn answer(&mut self, command: &str, answer: &[u8]) -> Option<()> {
        let mut stream = self.stream;
        match self.next_trouble(command) {
            None => stream.write_all(answer).ok(),
            Some(Trouble::Dies) => None,
            Some(Trouble::DiesInside) => {
                let _ = stream.write_all(&answer[..answer.len() / 2]);
                None
            }
            Some(Trouble::Nonsense) => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok(),
            Some(Trouble::Refuses(why)) => stream.write_all(format!("-ERR {why}\r\n").as_bytes()).ok(),
            Some(Trouble::Waits) => {
                let mut state = self.state.0.lock().unwrap();
                while state.troubles.contains(&(command, Trouble::Waits)) {
                    state = self.state.1.wait(state).unwrap();
                }
                drop(state);
                stream.write_all(answer).ok()
            }
            Some(Trouble::Trickles) => self.trickle(command, answer),
        }
    }

    /// The last octet comes with the test's leave.
    fn trickle(&self, command: &str, answer: &[u8]) -> Option<()> {
        let (mut stream, mut left) = (self.stream, answer);
        let mut state = self.state.0.lock().unwrap();
        while state.troubles.contains(&(command, Trouble::Trickles)) {
            if let [first, rest @ ..] = left
                && !rest.is_empty()
            {
                stream.write_all(&[*first]).ok()?;
                left = rest;
            }
            state = self.state.1.wait_timeout(state, Duration::from_millis(20)).unwrap().0;
        }
        drop(state);
        stream.write_all(left).ok()
    }

    /// Waiting goes on until the test ends it; everything else happens once.
    fn next_trouble(&self, command: &str) -> Option<Trouble> {
        let mut state = self.state.0.lock().unwrap();
        let at = state.troubles.iter().position(|(at, _)| *at == command)?;
        match state.troubles[at].1 {
            lasting @ (Trouble::Waits | Trouble::Trickles) => Some(lasting),
            _ => Some(state.troubles.remove(at).1),
        }
    }
}

fn list(messages: &[(String, Vec<u8>)], show: impl Fn(&(String, Vec<u8>)) -> String) -> Vec<u8> {
    let lines: Vec<String> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| format!("{} {}\r\n", at + 1, show(message)))
        .collect();
    format!("+OK\r\n{}.\r\n", lines.concat()).into_bytes()
}
