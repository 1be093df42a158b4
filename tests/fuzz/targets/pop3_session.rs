//! Lines into the POP3 session from its very beginning: no mail before a login and no login behind
//! one, limits kept, every answer a legal one, no password in any `Debug`, and all the same wherever
//! TCP cuts the stream.
//!
//! The first octet says whether logins are allowed, whether there is TLS, and where to cut. Who gets in
//! is decided by the user name; what a logged-in session answers is judged by `pop3_model`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::limits;
use restante::mail::{AccountAddress, Octets, UniqueId};
use restante::pop3::{Extent, Listing, Refusal, Response, Session, Step, Terms};
use restante::sasl::{ChannelBindings, Login, scram};
use restante::wire::line::{Line, LineBuffer};

/// A password that no answer and no `Debug` may show.
const SECRET: &str = "x-secret-x";
/// Refusals that are not counted against the client.
const NOT_THERE: [&str; 2] = ["-ERR no message ", "-ERR no such language"];
const SIZES: [u64; 3] = [0, 120, 5_000_000_000];

struct Host {
    session: Session,
    terms: Terms,
    lines: LineBuffer,
    logged_in: bool,
    open: bool,
    mistakes: u32,
    wrong_passwords: u32,
    said: Vec<u8>,
}

impl Host {
    fn new(options: u8) -> Self {
        let terms = Terms {
            may_log_in: options & 1 == 0,
            tls: (options & 2 != 0).then(bindings),
            scram: options & 4 == 0,
        };
        Self {
            session: Session::new(terms.clone()),
            terms,
            lines: LineBuffer::new(limits::POP3_LINE_MAX),
            logged_in: false,
            open: true,
            mistakes: 0,
            wrong_passwords: 0,
            said: Vec::new(),
        }
    }

    fn feed(&mut self, octets: &[u8]) {
        self.lines.push(octets);
        while self.open {
            let (line, step) = match self.lines.next_line() {
                Some(Line::Whole(line)) => {
                    let step = self.session.line(&line);
                    (line, step)
                }
                Some(Line::TooLong) => (Vec::new(), self.session.line_too_long()),
                None => return,
            };
            self.carry_out(&line, step);
        }
    }

    fn carry_out(&mut self, line: &[u8], step: Step) {
        match step {
            Step::Say(response) => self.say_to(line, &response),
            Step::SayPart(response, _) => panic!("a part of a short list: {}", response.text()),
            Step::HangUp(response, _) => self.hang_up(&response),
            Step::StartTls(response) => {
                assert!(!self.logged_in && self.terms.tls.is_none(), "STLS is taken");
                self.say(&response);
                // What follows is taken for what comes through TLS, so that a cut changes nothing.
                self.terms = Terms { may_log_in: true, tls: Some(bindings()), ..self.terms };
                self.session = Session::new(self.terms.clone());
                (self.mistakes, self.wrong_passwords) = (0, 0);
            }
            Step::LogIn(login, ticket) => {
                self.may_log_in(line);
                self.shows_no_password(&login);
                let step = match verdict(&login) {
                    Ok(()) => {
                        self.logged_in = true;
                        Step::Say(self.session.logged_in(ticket, listing()))
                    }
                    Err(why) => self.session.refused(ticket, why),
                };
                self.judged(step);
            }
            Step::LookUp(user, ticket) => {
                self.may_log_in(line);
                let step = match verdict_of(user.as_str()) {
                    Err(why) if why != Refusal::Password => self.session.not_looked_up(ticket, why),
                    _ => self.session.looked_up(ticket, credential(), "nonce"),
                };
                self.judged(step);
            }
            Step::Send(number, extent, ticket) => {
                assert!(self.logged_in, "a message before the login");
                assert_eq!(Some(&ticket.octets().0), SIZES.get(number.index()));
                assert_eq!(extent == Extent::Whole, line[..4].eq_ignore_ascii_case(b"RETR"));
                self.say(&ticket.announcement());
                self.session.sent(ticket);
            }
            Step::Update(marked, ticket) => {
                let quits = line.trim_ascii_end().eq_ignore_ascii_case(b"QUIT");
                assert!(self.logged_in && quits, "marks are carried out");
                assert!(marked.deleted.iter().all(|number| !marked.seen.contains(number)));
                let Step::HangUp(response, _) = ticket.answer(marked.deleted.is_empty()) else {
                    panic!("an update that ends no session")
                };
                self.say(&response);
                self.open = false;
            }
        }
    }

    /// What came of a login, or of a step towards one.
    fn judged(&mut self, step: Step) {
        match step {
            Step::Say(response) => {
                self.wrong_passwords += u32::from(response == Response::WRONG_PASSWORD);
                assert!(self.wrong_passwords <= limits::POP3_LOGIN_FAILURES_MAX);
                self.say(&response);
            }
            Step::HangUp(response, _) => self.hang_up(&response),
            step => panic!("{step:?} after the accounts were asked"),
        }
    }

    fn may_log_in(&self, line: &[u8]) {
        assert!(!self.logged_in && self.terms.may_log_in, "a login with {line:?}");
    }

    fn shows_no_password(&self, login: &Login) {
        let Login::Password(credentials) = login else { return };
        let is_secret = credentials.password.expose() == SECRET.as_bytes();
        if is_secret && !credentials.user.as_str().contains(SECRET) {
            let shown = format!("{login:?} {:?}", self.session);
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }

    /// Only so many mistakes are answered by anything but the end; what is
    /// well-formed and merely not there is none.
    fn say_to(&mut self, line: &[u8], response: &Response) {
        let text = response.text();
        if text.starts_with("-ERR") && !NOT_THERE.iter().any(|start| text.starts_with(start)) {
            self.mistakes += 1;
        }
        assert!(self.mistakes <= limits::POP3_ERRORS_MAX, "{} mistakes", self.mistakes);
        let verb = line.split(|octet| *octet == b' ').next().unwrap_or_default().to_ascii_uppercase();
        let of_mail: [&[u8]; 9] =
            [b"STAT", b"LIST", b"RETR", b"TOP", b"UIDL", b"DELE", b"RSET", b"NOOP", b"LAST"];
        if !self.logged_in && of_mail.contains(&verb.as_slice()) {
            assert!(text.starts_with("-ERR"), "{text} before the login");
        }
        self.say(response);
    }

    fn hang_up(&mut self, response: &Response) {
        let reason = match response {
            _ if *response == Response::TOO_MANY_ERRORS => self.mistakes == limits::POP3_ERRORS_MAX,
            _ if *response == Response::TOO_MANY_PASSWORDS => {
                self.wrong_passwords == limits::POP3_LOGIN_FAILURES_MAX
            }
            _ if *response == Response::GOODBYE => !self.logged_in,
            _ => *response == Response::HTTP || *response == Response::BANNED,
        };
        assert!(reason, "ended with {response:?}");
        self.say(response);
        self.open = false;
    }

    fn say(&mut self, response: &Response) {
        check(&response.text());
        response.write_to(&mut self.said);
    }
}

/// RFC 1939, 3; RFC 2449, 4: status indicators, line ends, the final dot, and 512 octets. A challenge
/// repeats the client's nonce, and is as long as the mechanism needs (RFC 5034, 4).
fn check(text: &str) {
    let lines: Vec<&str> = text.split("\r\n").collect();
    let (first, rest) = (lines[0], &lines[1..]);
    assert!(text.bytes().all(|octet| b"\r\n".contains(&octet) || (b' '..=b'~').contains(&octet)), "{text:?}");
    assert!(lines.iter().all(|line| !line.contains(['\r', '\n'])), "{text:?}");
    match first {
        _ if first == "+OK" || first.starts_with("+OK ") => {}
        _ if first.starts_with("+ ") || first == "-ERR" || first.starts_with("-ERR ") => {
            assert!(rest.is_empty())
        }
        _ => panic!("{text:?}"),
    }
    assert!(first.starts_with("+ ") || lines.iter().all(|line| line.len() + 2 <= 512), "{text:?}");
    if let Some((dot, middle)) = rest.split_last() {
        assert!(*dot == "." && middle.iter().all(|line| !line.starts_with('.')), "{text:?}");
    }
}

fn bindings() -> ChannelBindings {
    ChannelBindings { exporter: Some(vec![1; 32]), server_end_point: None }
}

fn listing() -> Listing {
    let ids = ["u1", ".", "!~"].map(|unique_id| UniqueId::parse(unique_id).unwrap());
    ids.iter().zip(SIZES.map(Octets)).collect()
}

fn verdict(login: &Login) -> Result<(), Refusal> {
    match login {
        Login::Password(credentials) => verdict_of(credentials.user.as_str()),
        Login::Proof(verdict) => {
            assert!(verdict.proved.is_none(), "a proof of a key that nobody has");
            Err(Refusal::Password)
        }
    }
}

fn verdict_of(user: &str) -> Result<(), Refusal> {
    match user {
        "a" | "anna" | "anna@example.org" => Ok(()),
        "busy" => Err(Refusal::InUse),
        "fault" => Err(Refusal::Fault),
        "bare" => Err(Refusal::Name),
        "moving" => Err(Refusal::Held),
        "banned" => Err(Refusal::Banned),
        _ => Err(Refusal::Password),
    }
}

/// No proof is right for these keys as far as anybody knows.
fn credential() -> scram::Credential {
    scram::Credential {
        salt: b"sixteen octets..".to_vec(),
        rounds: limits::PBKDF2_ROUNDS_MIN,
        stored_key: [1; 32],
        server_key: [2; 32],
        account: AccountAddress::parse("anna@example.org").ok(),
    }
}

fn play(options: u8, pieces: &mut dyn Iterator<Item = &[u8]>) -> (Vec<u8>, bool) {
    let mut host = Host::new(options);
    pieces.for_each(|piece| host.feed(piece));
    (host.said, host.open)
}

fuzz_target!(|input: &[u8]| {
    let Some((&options, stream)) = input.split_first() else { return };
    let whole = play(options, &mut std::iter::once(stream));
    let size = usize::from(options >> 2) + 1;
    assert_eq!(play(options, &mut stream.chunks(size)), whole, "cut into pieces of {size}");
});
