//! A mailbox on an old server as a source of mail: listed once, read message by message, asked ahead where
//! the server takes it.
//!
//! A connection that breaks is made anew, a bounded number of times, and goes on with the message that it
//! broke in; the new session's unique-ids must be those that were listed.

use super::again::{Given, with_cr};
use super::connection::{Connection, Message};
use super::numbers::renumbered;
use super::problem::Problem;
use super::server::{Login, Patience, Server};
use crate::finding::Finding;
use crate::import::{Error, Flags, Found, Inventory, Place, Provenance, Source, UniqueIdOf};
use crate::limits;
use crate::mail::{Octets, UniqueId};
use crate::pop3::client::{Answer, Request};
use crate::runtime;
use std::collections::VecDeque;
use std::io;

/// See above.
pub struct Mailbox {
    server: Server,
    login: Login,
    patience: Patience,
    without_uidl: bool,
    connection: Option<Connection>,
    /// By index of the inventory.
    messages: Vec<Message>,
    /// Their numbers in the session that is open; `None` is gone.
    numbers: Vec<Option<u32>>,
    /// Indexes that are to be read and were not asked for yet, ascending.
    wanted: VecDeque<usize>,
    /// Indexes that were asked for and not answered.
    asked: VecDeque<usize>,
    /// Connections that broke since the last whole message.
    broken: u32,
    /// So many of them may.
    tries: u32,
}

impl Mailbox {
    /// Nothing is done yet. `without_uidl`: a server that has none is taken all the same.
    pub fn new(server: Server, login: Login, patience: Patience, without_uidl: bool) -> Self {
        Self {
            server,
            login,
            patience,
            without_uidl,
            connection: None,
            messages: Vec::new(),
            numbers: Vec::new(),
            wanted: VecDeque::new(),
            asked: VecDeque::new(),
            broken: 0,
            tries: limits::FETCH_TRIES_MAX,
        }
    }

    /// Goes on with a session that is logged in already, and with what it has listed.
    #[must_use]
    pub fn on(mut self, connection: Connection, messages: Vec<Message>) -> Self {
        let connection = connection.with_patience(self.patience);
        self.numbers = messages.iter().map(|message| Some(message.number)).collect();
        (self.connection, self.messages) = (Some(connection), messages);
        self
    }

    /// Somebody waits: a connection that breaks is not made anew.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.tries = 1;
        self
    }

    /// What the old server listed when [`Source::inventory`] was asked for.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The octets that RETR sends of each of these messages (indexes of the inventory); `None` for one that is
    /// refused or not listed any more.
    ///
    /// # Errors
    /// Any [`Problem`].
    pub fn retrieved_sizes(&mut self, indexes: &[usize]) -> Result<Vec<Option<u64>>, Problem> {
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        runtime::block_on(async {
            let mut connection = self.idle_session().await?;
            let numbers: Vec<Option<u32>> = indexes.iter().map(|index| self.number(*index)).collect();
            let listed: Vec<u32> = numbers.iter().flatten().copied().collect();
            let mut sizes = connection.retrieved_sizes(&listed).await?.into_iter();
            self.connection = Some(connection);
            Ok(numbers.into_iter().map(|number| number.and_then(|_| sizes.next().flatten())).collect())
        })
    }

    /// Deletes these messages (indexes of the inventory) on the old server and says QUIT. How many it has
    /// deleted: those that it does not list any more are not counted.
    ///
    /// # Errors
    /// Any [`Problem`]; then nothing was deleted there, or not all.
    pub fn delete(mut self, indexes: &[usize]) -> Result<usize, Problem> {
        runtime::block_on(async {
            match self.delete_once(indexes).await {
                // Without QUIT nothing was deleted: a session that the server found idle is made anew.
                Err(Problem::BrokenOff { asked, .. }) if asked != Request::Quit.name() => {
                    self.delete_once(indexes).await
                }
                outcome => outcome,
            }
        })
    }

    /// Says goodbye; nothing is deleted.
    pub fn close(mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.asked.is_empty()) {
            // All that was wanted is here: how the server takes leave is its own affair.
            let _goodbye = runtime::block_on(connection.quit());
        }
    }

    async fn delete_once(&mut self, indexes: &[usize]) -> Result<usize, Problem> {
        let mut connection = self.idle_session().await?;
        let numbers: Vec<u32> = indexes.iter().filter_map(|index| self.number(*index)).collect();
        let mut left = numbers.iter();
        for _ in &numbers {
            let room = connection.room();
            left.by_ref().take(room).for_each(|number| connection.ask(Request::Dele(*number)));
            let (_, answer) = connection.answer(&mut |_| Ok(())).await?;
            if let Answer::Refused(refusal) = answer {
                return Err(Problem::NotDeleted { server: self.server.to_string(), words: refusal.words });
            }
        }
        connection.quit().await?;
        Ok(numbers.len())
    }

    async fn list(&mut self) -> Result<(), Problem> {
        if self.connection.is_some() {
            return Ok(()); // Listed already.
        }
        let mut connection = Connection::log_in(&self.server, &self.login, &self.patience).await?;
        self.messages = connection.listing(self.without_uidl).await?;
        self.numbers = self.messages.iter().map(|message| Some(message.number)).collect();
        self.connection = Some(connection);
        Ok(())
    }

    /// The session that is open, or a new one in which the messages' numbers have been found again. It is
    /// put back by whoever has not seen it break.
    async fn session(&mut self) -> Result<Connection, Problem> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.asked.clear();
        let mut connection = Connection::log_in(&self.server, &self.login, &self.patience).await?;
        self.numbers = renumbered(&self.messages, &connection.listing(self.without_uidl).await?);
        Ok(connection)
    }

    /// The same, and nothing is on its way in it.
    async fn idle_session(&mut self) -> Result<Connection, Problem> {
        if !self.asked.is_empty() {
            self.connection = None;
        }
        self.session().await
    }

    /// Reads one message, over as many connections as it takes.
    async fn fetch(
        &mut self,
        index: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut given = Given::default();
        let mut broken_here = 0;
        loop {
            let problem = match self.fetch_once(index, &mut given, sink).await {
                Ok(outcome) => {
                    self.broken = 0;
                    return outcome.map_err(|why| self.about(index, &why));
                }
                Err(problem) => problem,
            };
            (self.broken, broken_here) = (self.broken + 1, broken_here + 1);
            if !problem.is_passing() || self.broken >= self.tries {
                return Err(problem.into());
            }
            // One message may be what breaks it: the others come over.
            if broken_here >= limits::FETCH_TRIES_OF_ONE_MAX {
                return Err(self.about(index, &problem.to_string()));
            }
            runtime::sleep(self.patience.pause).await;
        }
    }

    /// Reads one message over one connection. The inner error is about this message alone.
    async fn fetch_once(
        &mut self,
        index: usize,
        given: &mut Given,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Result<(), String>, Problem> {
        let mut connection = self.session().await?;
        self.ask_ahead(&mut connection, index);
        let (mut again, mut wire) = (given.again(), Vec::new());
        let mut sink = |text: &[u8]| {
            with_cr(text, &mut wire);
            sink(&wire)
        };
        while let Some(asked) = self.asked.front().copied() {
            let is_it = asked == index;
            let mut pass = |text: &[u8]| if is_it { given.pass(&mut again, text, &mut sink) } else { Ok(()) };
            let outcome = connection.answer(&mut pass).await;
            if matches!(outcome, Err(Problem::Sink(_))) && again.differs() {
                return Ok(Err(DIFFERS.to_owned()));
            }
            let (_, answer) = outcome?;
            self.asked.pop_front();
            if is_it {
                self.connection = Some(connection);
                return Ok(match answer {
                    Answer::Refused(refusal) => Err(format!("the old server refuses it: {}", refusal.words)),
                    _ if again.differs() => Err(DIFFERS.to_owned()),
                    _ => Ok(()),
                });
            }
        }
        self.connection = Some(connection);
        Ok(Err("the old server does not list it any more".to_owned()))
    }

    /// Asks for this message, unless that was done before, and for what is wanted behind it.
    fn ask_ahead(&mut self, connection: &mut Connection, index: usize) {
        while self.wanted.front().is_some_and(|first| *first <= index) {
            self.wanted.pop_front();
        }
        if !self.asked.contains(&index) {
            let Some(number) = self.number(index) else { return };
            connection.ask(Request::Retr(number));
            self.asked.push_back(index);
        }
        // Half the room at a time: a command for each message that comes would be a packet for each.
        if connection.room() < limits::FETCH_AHEAD_MAX / 2 {
            return;
        }
        let last = self.asked.back().copied();
        let ahead: Vec<usize> = self
            .wanted
            .iter()
            .copied()
            .filter(|wanted| Some(*wanted) > last)
            .take(connection.room())
            .collect();
        for wanted in ahead {
            if let Some(number) = self.number(wanted) {
                connection.ask(Request::Retr(number));
                self.asked.push_back(wanted);
            }
        }
    }

    fn number(&self, index: usize) -> Option<u32> {
        self.numbers.get(index).copied().flatten()
    }

    fn about(&self, index: usize, why: &str) -> Error {
        let place = self.messages.get(index).map_or_else(String::new, |message| place(message).to_string());
        Error::Message { what: format!("{place}: {why}") }
    }
}

const DIFFERS: &str = "it broke off, and is another text each time it is asked for";

impl Source for Mailbox {
    fn name(&self) -> String {
        format!("pop3 {} at {}", self.login.user, self.server)
    }

    fn provenance(&self) -> Provenance {
        let Server { host, port, .. } = self.server.clone();
        Provenance::Wire { user: self.login.user.to_string(), host, port }
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        runtime::block_on(self.list())?;
        let messages = self.messages.iter().map(found).collect::<Result<Vec<_>, _>>()?;
        Ok(Inventory { messages, ..Inventory::default() })
    }

    fn expect(&mut self, wanted: &[usize]) {
        self.wanted = wanted.iter().copied().collect();
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        runtime::block_on(self.fetch(index, sink))
    }
}

pub(super) fn found(message: &Message) -> Result<Found, Error> {
    let carried = |id: &Vec<u8>| {
        UniqueId::carried(id).map(UniqueIdOf::Kept).ok_or_else(|| Error::Source {
            what: format!("{}: its unique-id cannot be kept", place(message)),
            remedy: format!("one of up to {} octets without NUL can", limits::CARRIED_ID_MAX),
        })
    };
    let made = || Ok(UniqueIdOf::Made { identity: message.identity[..].into() });
    Ok(Found {
        unique_id: message.unique_id.as_ref().map_or_else(made, carried)?,
        octets: message.octets.map(Octets),
        bytes: None,
        received: None,
        flags: Flags::default(),
        is_new: false,
        place: place(message),
    })
}

pub(super) fn place(message: &Message) -> Place {
    Place::Number(message.number)
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Sink(error) => Self::Landing(error),
            problem => {
                let Finding { what, remedy } = problem.into();
                Self::Source { what, remedy }
            }
        }
    }
}
