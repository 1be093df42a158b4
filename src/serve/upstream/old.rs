//! An old server as the database names it, as one to connect to; and what its answers mean to a login.

use super::Place;
use super::decide::Said;
use crate::accounts::upstream::{Security, Trust, Upstream};
use crate::fetch::{self, Connection, Login, Message, Patience, Problem, Server};
use crate::import::Provenance;
use crate::limits;
use crate::mail::{Password, UserName};
use crate::net;
use crate::pop3::client::{Answer, Request};
use crate::runtime;
use std::time::Duration;

/// Who logs in where.
#[derive(Clone, Debug)]
pub struct Account {
    /// The old server.
    pub server: Server,
    /// As it knows the user.
    pub login: Login,
}

impl Account {
    /// `Err` tells why there is no asking: words for the administrator.
    pub fn of(upstream: &Upstream, typed: &UserName, password: &Password) -> Result<Self, String> {
        let user = UserName::parse(&upstream.user_of(typed)).ok_or("the old server has no such name")?;
        let server = Server {
            host: upstream.host.clone(),
            port: upstream.port,
            security: security(upstream.security),
            trust: trust(&upstream.trust)?,
        };
        Ok(Self { server, login: Login { user, password: password.clone() } })
    }

    /// Which mailbox it is, by whatever name its user logs in: the same as that of what is pulled from it.
    pub fn mailbox(&self) -> Provenance {
        let Server { host, port, .. } = self.server.clone();
        Provenance::Behind { host, port }
    }

    /// Logs in. All of it takes no longer than a mail program waits for us.
    ///
    /// # Errors
    /// What the old server made of it, and words for the log.
    pub async fn log_in(&self, in_use: Duration) -> Result<Connection, (Said, String)> {
        let patience = hurried(limits::UPSTREAM_ANSWER_WAIT, in_use);
        let asked = Connection::log_in(&self.server, &self.login, &patience);
        match crate::runtime::timeout(limits::UPSTREAM_ANSWER_WAIT, asked).await {
            Some(Ok(connection)) => Ok(connection),
            Some(Err(problem)) => Err((said(&problem), problem.to_string())),
            None => Err((Said::Nothing, format!("{}: it did not let us in in time", self.server))),
        }
    }
}

/// What the old server lists, as far as there is room for it beside what the others hold; `None` where it knows no unique-ids, so that nothing can be brought over.
///
/// # Errors
/// Words for the log.
pub async fn listing(connection: &mut Connection, place: &Place) -> Result<Option<Vec<Message>>, String> {
    connection.list_within(&place.share);
    match crate::runtime::timeout(limits::UPSTREAM_ANSWER_WAIT, connection.listing(false)).await {
        Some(Ok(messages)) => Ok(Some(messages)),
        Some(Err(Problem::NoUidl { .. })) => Ok(None),
        Some(Err(problem)) => Err(problem.to_string()),
        None => Err("it did not list its messages in time".to_owned()),
    }
}

/// What a server without unique-ids lists, for the answer to a login; nothing if it refuses to say.
///
/// # Errors
/// Words for the log. What is still to come would be taken for the answer to the mail program's first command.
pub async fn sizes(connection: &mut Connection) -> Result<Vec<Message>, String> {
    let asked = runtime::timeout(limits::UPSTREAM_ANSWER_WAIT, connection.exchange(Request::List)).await;
    let sizes = match asked {
        Some(Ok(Answer::Sizes(sizes))) => sizes,
        Some(Ok(Answer::Refused(_))) => return Ok(Vec::new()),
        Some(Ok(_)) => return Err("its answer to LIST makes no sense".to_owned()),
        Some(Err(problem)) => return Err(problem.to_string()),
        None => return Err("it did not list its messages in time".to_owned()),
    };
    let nameless =
        |(number, octets)| Message { number, unique_id: None, octets: Some(octets), identity: Vec::new() };
    Ok(sizes.into_iter().map(nameless).collect())
}

/// Somebody waits: each step may take so long.
pub fn hurried(step: Duration, in_use: Duration) -> Patience {
    Patience { connect: step, answer: step, in_use, pause: limits::UPSTREAM_IN_USE_PAUSE }
}

/// Only its word that the password is wrong counts as such.
fn said(problem: &Problem) -> Said {
    if problem.is_wrong_password() {
        Said::Refused
    } else if problem.is_in_use() {
        Said::InUse
    } else if problem.is_refused_login() {
        Said::Doubtful
    } else {
        Said::Nothing
    }
}

fn security(wanted: Security) -> Option<fetch::Security> {
    match wanted {
        Security::Default => None,
        Security::Tls => Some(fetch::Security::Tls),
        Security::Stls => Some(fetch::Security::Stls),
        Security::Plain => Some(fetch::Security::Plain),
    }
}

fn trust(wanted: &Trust) -> Result<Option<net::Trust>, String> {
    match wanted {
        Trust::Roots => Ok(None),
        Trust::Authority(pem) => net::Trust::text(pem).map(Some).map_err(|finding| finding.to_string()),
        Trust::Fingerprint(digits) => Ok(Some(net::Trust::one(digits.parse()?))),
        Trust::Anything => Ok(Some(net::Trust::anybody())),
    }
}
