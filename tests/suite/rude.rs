//! Old POP3 servers as no RFC wants them: a thread that plays a script for each connection.
//!
//! `S:` is said, `C:` is waited for, `s:` is said with `\r`, `\n` and `\xNN` as written, `!close` hangs up,
//! `!silent` says nothing more until the client goes. After the last script connections are refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// See above.
pub struct Rude {
    pub address: SocketAddr,
    player: JoinHandle<Result<(), String>>,
}

impl Rude {
    /// Plays one script for each connection.
    pub fn playing(scripts: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scripts: Vec<String> = scripts.iter().map(|script| (*script).to_owned()).collect();
        let player = thread::spawn(move || {
            for script in &scripts {
                let (stream, _) = listener.accept().unwrap();
                play(&stream, script)?;
            }
            Ok(())
        });
        Self { address, player }
    }

    /// All scripts were played to their ends.
    #[track_caller]
    pub fn done(self) {
        if let Err(error) = self.player.join().unwrap() {
            panic!("{error}");
        }
    }
}

fn play(stream: &TcpStream, script: &str) -> Result<(), String> {
    let mut reader = BufReader::new(stream);
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        match line.split_once(':').unwrap_or((line, "")) {
            ("S", text) => say(stream, format!("{}\r\n", text.strip_prefix(' ').unwrap_or(text)).as_bytes()),
            ("s", text) => say(stream, &unescaped(text.trim_start())),
            ("C", wanted) => {
                let mut heard = String::new();
                // A client that has gone says nothing, which is not what is wanted either.
                let _ = reader.read_line(&mut heard);
                if heard.trim_end() != wanted.trim() {
                    return Err(format!("wanted {wanted:?}, heard {heard:?} in\n{script}"));
                }
            }
            ("!close", _) => {
                let _ = stream.shutdown(Shutdown::Write);
                return Ok(());
            }
            ("!silent", _) => {
                let _ = reader.read_to_end(&mut Vec::new());
            }
            other => panic!("what is {other:?}?"),
        }
    }
    // What the client still says is heard, or closing would be a reset that eats our last words.
    let _ = stream.shutdown(Shutdown::Write);
    let _ = reader.read_to_end(&mut Vec::new());
    Ok(())
}

/// A client that has gone is noticed when it is listened to.
fn say(mut stream: &TcpStream, octets: &[u8]) {
    let _ = stream.write_all(octets);
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut octets, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let (octet, used) = match after.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            other => panic!("\\{}", other as char),
        };
        octets.push(octet);
        rest = &after[used..];
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}
