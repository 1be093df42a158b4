//! One connection to an old server: reads, gives the octets to the session, and does what it says.
//!
//! Knows how long to wait. What is asked and when is decided above.

use super::problem::Problem;
use super::server::{Login, Opened, Patience, Server};
use super::share::Share;
use crate::limits;
use crate::mail::{Password, UserName};
use crate::net::{Stream, Trust};
use crate::pop3::client::{Answer, Capabilities, Numbered, Refusal, Request, Session, Step};
use crate::runtime;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// A session that is logged in.
pub struct Connection {
    server: String,
    stream: Stream,
    session: Session,
    /// What came; up to `used` the session has used it.
    input: Vec<u8>,
    used: usize,
    chunk: Vec<u8>,
    /// Lines that are not sent yet.
    out: Vec<u8>,
    /// Of a message, not given to the sink yet.
    text: Vec<u8>,
    patience: Patience,
    /// Of what all sessions may list, where that is bounded.
    share: Option<Arc<Share>>,
}

/// One message as LIST and UIDL show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in this session.
    pub number: u32,
    /// As it is; `None` on a server without UIDL.
    pub unique_id: Option<Vec<u8>>,
    /// What LIST says, and RETR need not.
    pub octets: Option<u64>,
    /// Where there is no unique-id: what tells it from others at every session.
    pub identity: Vec<u8>,
}

impl Message {
    /// The same unique-id; without one, the same header and size.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let same_size = self.unique_id.is_some() || self.octets == other.octets;
        same_size && (&self.unique_id, &self.identity) == (&other.unique_id, &other.identity)
    }

    /// Of a message without unique-id: the hash of its header, and which of those with that header it is.
    pub(super) fn identity(header: [u8; 32], nth: u32) -> Vec<u8> {
        [&header[..], &nth.to_be_bytes()].concat()
    }

    /// That hash.
    pub(super) fn header(&self) -> &[u8] {
        self.identity.get(..32).unwrap_or_default()
    }
}

impl Connection {
    /// Connects and logs in; a mailbox that is in use is tried again for a while.
    ///
    /// # Errors
    /// Any [`Problem`] but those of later commands.
    pub async fn log_in(server: &Server, login: &Login, patience: &Patience) -> Result<Self, Problem> {
        let since = Instant::now();
        loop {
            match Self::arrive(server, login, patience, |_| false).await {
                Err(problem) if problem.is_in_use() && since.elapsed() < patience.in_use => {
                    runtime::sleep(patience.pause).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Goes as far as one comes without a password, and takes leave.
    ///
    /// # Errors
    /// Those of [`Self::log_in`] before a password is said.
    pub(super) async fn greet(server: &Server, patience: &Patience) -> Result<(), Problem> {
        // It is never said.
        let (Some(user), Some(password)) = (UserName::parse("nobody"), Password::new("nobody")) else {
            return Ok(());
        };
        let is_enough = |session: &Session| matches!(session.asked(), "USER" | "AUTH");
        let mut connection = Self::arrive(server, &Login { user, password }, patience, is_enough).await?;
        connection.out.clear();
        connection.ask(Request::Quit);
        connection.send().await
    }

    /// Up to the end of the login, or to where it `is_enough`: then what is to be said next is not sent.
    async fn arrive(
        server: &Server,
        login: &Login,
        patience: &Patience,
        is_enough: impl Fn(&Session) -> bool,
    ) -> Result<Self, Problem> {
        let Opened { stream, wish, trust } = server.open(patience).await?;
        let is_secure = stream.tls().is_some();
        let session = Session::new(login.user.clone(), login.password.clone(), wish, is_secure);
        let mut connection = Self {
            server: server.to_string(),
            stream,
            session,
            input: Vec::new(),
            used: 0,
            chunk: vec![0; limits::FETCH_CHUNK],
            out: Vec::new(),
            text: Vec::new(),
            patience: *patience,
            share: None,
        };
        loop {
            match connection.step(&mut no_text).await? {
                Step::LoggedIn => return Ok(connection),
                Step::Say(line) => connection.out.extend_from_slice(line.octets()),
                Step::StartTls => connection = connection.secure(server, &trust).await?,
                // Nothing was asked yet.
                Step::Read | Step::Answered(..) | Step::Failed(_) => {}
            }
            if is_enough(&connection.session) {
                return Ok(connection);
            }
        }
    }

    /// Lists no more from here on than there is room for beside others. The share must live as long as what
    /// was listed.
    pub fn list_within(&mut self, share: &Arc<Share>) {
        self.share = Some(Arc::clone(share));
    }

    /// Both listings, in the order of the numbers.
    ///
    /// # Errors
    /// [`Problem::NoUidl`] when the server refuses UIDL or leaves a message out, unless `without_uidl`.
    pub async fn listing(&mut self, without_uidl: bool) -> Result<Vec<Message>, Problem> {
        let ids = match self.exchange(Request::Uidl).await? {
            Answer::UniqueIds(ids) => ids,
            Answer::Refused(refusal) if !without_uidl => return Err(self.no_uidl(refusal.words.to_string())),
            _ => Numbered::new(),
        };
        let sizes = match self.exchange(Request::List).await? {
            Answer::Sizes(sizes) => sizes,
            // The sizes are a courtesy; the messages are those that have a unique-id.
            _ if !ids.is_empty() || !without_uidl => Numbered::new(),
            _ => return Err(self.no_uidl("and it refuses LIST".to_owned())),
        };
        let missing = sizes.keys().find(|number| !ids.contains_key(number));
        if let (Some(number), false) = (missing, without_uidl) {
            return Err(self.no_uidl(format!("it shows none for message {number}")));
        }
        let mut numbers: Vec<u32> = sizes.keys().chain(ids.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let message = |number| Message {
            number,
            unique_id: ids.get(&number).cloned(),
            octets: sizes.get(&number).copied(),
            identity: Vec::new(),
        };
        let mut messages: Vec<Message> = numbers.into_iter().map(message).collect();
        self.identify(&mut messages).await?;
        Ok(messages)
    }

    /// Asks one thing and waits for its answer; nothing else may be waiting for one.
    ///
    /// # Errors
    /// [`Problem::BrokenOff`] and [`Problem::Session`].
    pub async fn exchange(&mut self, request: Request) -> Result<Answer, Problem> {
        self.ask(request);
        self.answer(&mut no_text).await.map(|(_, answer)| answer)
    }

    /// Asks something; it is sent when the next answer is waited for.
    pub fn ask(&mut self, request: Request) {
        let line = self.session.ask(request);
        self.out.extend_from_slice(line.octets());
    }

    /// How many more commands may be sent ahead of their answers.
    pub fn room(&self) -> usize {
        let most = if self.capabilities().pipelining { limits::FETCH_AHEAD_MAX } else { 1 };
        most.saturating_sub(self.session.waiting())
    }

    /// The next answer, to the oldest command. The text of a message goes to `sink` as it comes, with LF
    /// line ends.
    ///
    /// # Errors
    /// [`Problem::BrokenOff`], [`Problem::Session`], and [`Problem::Sink`] with the sink's own error: then
    /// the connection is in the middle of a message and of no further use.
    pub async fn answer(
        &mut self,
        sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(Request, Answer), Problem> {
        loop {
            if let Step::Answered(request, answer) = self.step(sink).await? {
                return Ok((request, answer));
            }
        }
    }

    /// What the server said of itself before the login.
    pub fn capabilities(&self) -> Capabilities {
        self.session.capabilities()
    }

    /// QUIT, which carries out deletions.
    ///
    /// # Errors
    /// [`Problem::NotDeleted`] when it is refused.
    pub async fn quit(mut self) -> Result<(), Problem> {
        let answer = self.exchange(Request::Quit).await?;
        if let Answer::Refused(Refusal { words }) = answer {
            return Err(Problem::NotDeleted { server: self.server, words });
        }
        // The server has answered and closes; there is nothing to wait for.
        Ok(())
    }

    /// Waits so long from here on.
    pub(super) fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The stream, for whoever speaks with the server from here on, and octets that came already.
    pub fn into_stream(self) -> (Stream, Vec<u8>) {
        let rest = self.input.get(self.used..).unwrap_or_default().to_vec();
        (self.stream, rest)
    }

    /// The next thing that the session wants; a failure is an error.
    async fn step(&mut self, sink: &mut impl FnMut(&[u8]) -> io::Result<()>) -> Result<Step, Problem> {
        loop {
            if self.used == self.input.len() {
                self.send().await?;
                self.read().await?;
            }
            let rest = self.input.get(self.used..).unwrap_or_default();
            let (used, step) = self.session.take(rest, &mut self.text);
            self.used += used;
            // What comes together with the end is not counted: a chunk at the most.
            if self.share.as_ref().is_some_and(|share| !share.grow_to(self.session.listing_octets())) {
                return Err(Problem::no_room(&self.server));
            }
            if !self.text.is_empty() {
                sink(&self.text).map_err(Problem::Sink)?;
                self.text.clear();
            }
            match step {
                Step::Read => {}
                Step::Failed(failure) => {
                    return Err(Problem::Session { server: self.server.clone(), failure });
                }
                step => return Ok(step),
            }
        }
    }

    async fn send(&mut self) -> Result<(), Problem> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.stream.send(&self.out, self.patience.answer).await;
        self.out.clear();
        // A server that refuses us and closes may have said why: that is worth reading.
        match sent {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(self.broken_off(Some(error))),
            _ => Ok(()),
        }
    }

    async fn read(&mut self) -> Result<(), Problem> {
        let at_the_door = self.session.is_at_the_door();
        let wait = if at_the_door { self.patience.greeting() } else { self.patience.answer };
        match self.stream.read_some(&mut self.chunk, wait).await {
            Ok(0) => Err(self.broken_off(None)),
            Ok(count) => {
                self.used = 0;
                self.input.clear();
                self.input.extend_from_slice(self.chunk.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) => Err(self.broken_off(Some(error))),
        }
    }

    /// The handshake of STLS. Nothing that came before it is kept.
    async fn secure(mut self, server: &Server, trust: &Trust) -> Result<Self, Problem> {
        self.input.clear();
        self.used = 0;
        self.stream = server.secure(self.stream, trust).await?;
        if let Some(line) = self.session.secured() {
            self.out.extend_from_slice(line.octets());
        }
        Ok(self)
    }

    fn broken_off(&self, error: Option<io::Error>) -> Problem {
        Problem::BrokenOff { server: self.server.clone(), asked: self.session.asked(), error }
    }

    fn no_uidl(&self, words: String) -> Problem {
        Problem::NoUidl { server: self.server.clone(), words }
    }
}

/// Where no message was asked for, none comes.
fn no_text(_: &[u8]) -> io::Result<()> {
    Ok(())
}
