//! Logins of accounts that an old server stands behind, and sessions that are relayed there.
//!
//! What is decided, connected and pulled is [`crate::serve::upstream`]'s business; here it meets a session,
//! its log and its refusals. Whatever goes wrong on the way to the old server is told as `[SYS/TEMP]` and
//! never as a wrong password: a mail program would throw its own away.

use super::Visit;
use super::connection::Connection;
use super::end::End;
use super::login::{Admitted, fault, verify_here};
use crate::accounts::ChangeError;
use crate::accounts::upstream::{Progress, Standing};
use crate::fetch;
use crate::limits;
use crate::mail::{AccountAddress, Octets, UniqueId, UserName};
use crate::pop3::Refusal;
use crate::sasl::Credentials;
use crate::serve::shared::Shared;
use crate::serve::upstream::decide::{self, Judge, Outcome, Said};
use crate::serve::upstream::old::{self, Account};
use crate::serve::upstream::{self, Ended, Ends, Order, Place, RelayGuard};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A session at the old server that is logged in and waits for its mail program.
pub(super) struct Passage {
    order: Order,
    connection: fetch::Connection,
    messages: Vec<fetch::Message>,
    /// Why nothing can be brought over, if so.
    hopeless: Option<String>,
    _relayed: RelayGuard,
    _place: Place,
}

/// Judges a login while an old server stands behind the account. `None`: the password is wrong. The old
/// server is told the name as it was typed; here it is the account's.
pub(super) async fn admit(
    visit: &Visit,
    standing: Standing,
    typed: &Credentials,
) -> Result<Option<Admitted>, Refusal> {
    let Some(user) = UserName::parse(&standing.address.to_string()) else { return Ok(None) };
    let credentials = Arc::new(Credentials { user, password: typed.password.clone() });
    if standing.is_alias {
        // Before the old server is told the password: whatever it said, nothing could come of it.
        return Err(trouble(visit, &standing, &no_account_beside_an_alias(&standing.address)));
    }
    let judge = decide::judge(standing.here);
    if judge == Judge::Here {
        return admit_here(visit, credentials).await;
    }
    let order = order(visit, &standing, typed).map_err(|why| trouble(visit, &standing, &why));
    if judge == Judge::OldServer {
        let was_refused = standing.here.is_some_and(|here| here.was_refused_there && !here.held);
        if was_refused && order.as_ref().is_ok_and(|order| visit.shared.upstreams.rests(order)) {
            return admit_here(visit, credentials).await;
        }
        return ask(visit, standing, order?, credentials).await;
    }
    let admitted = admit_here(visit, credentials).await?;
    if let (Some(_), Ok(order)) = (&admitted, order) {
        upstream::newcomers(&visit.shared, order).await;
    }
    Ok(admitted)
}

/// A name without a domain that several may have: nobody is asked about it.
pub(super) fn unclear(visit: &Visit, user: &UserName) -> Refusal {
    let why = "nobody can say whose this name without a domain is: let people log in with the whole address";
    visit.log("upstream.fault").with("user", user).with("why", why).warn();
    Refusal::Name
}

/// Relays a session to its end, and sees to it that the mail follows.
pub(super) async fn relay(visit: &mut Visit, client: &mut Connection, passage: Passage) -> End {
    let Passage { order, connection, messages, hopeless, _relayed, _place } = passage;
    let pipelining = connection.capabilities().pipelining;
    let (old, answered) = connection.into_stream();
    let idle = visit.settings.pop3.idle_timeout;
    let (said, client) = client.unread();
    let ends = Ends { client, said, old, answered, pipelining, idle };
    let shutdown = visit.shared.shutdown.clone();
    let (relayed, ended) = upstream::relay(ends, &shutdown).await;
    let deleted: HashSet<u32> = relayed.deleted().collect();
    let is_deleted = |message: &&fetch::Message| deleted.contains(&message.number);
    let left: HashSet<_> =
        messages.iter().filter(|message| !is_deleted(message)).map(|message| &message.unique_id).collect();
    // One that another message has too is still to come: by its name nobody can tell which of them is gone.
    let gone = messages.iter().filter(is_deleted).filter(|message| !left.contains(&message.unique_id));
    let gone = gone.filter_map(|message| UniqueId::carried(message.unique_id.as_deref()?)).collect();
    upstream::bury(&visit.shared, &order, gone).await;
    visit.tally.retrieved = relayed.retrieved();
    visit.tally.deleted = deleted.len();
    // Before the pull: an old server may have one maildrop for one session.
    drop((_relayed, _place));
    if hopeless.is_none() {
        upstream::later(&visit.shared, order);
    }
    match ended {
        Ended::Quit => End::Relayed,
        Ended::ClientGone => End::Gone,
        Ended::Silent => End::Silent,
        Ended::OldServerGone => End::OldServerGone,
        Ended::ShutDown => End::ShutDown,
    }
}

impl Passage {
    /// Messages and octets, for the answer to the login.
    pub(super) fn totals(&self) -> (usize, Octets) {
        let octets = self.messages.iter().filter_map(|message| message.octets).sum();
        (self.messages.len(), Octets(octets))
    }

    /// Whose it is.
    pub(super) fn account(&self) -> &AccountAddress {
        &self.order.address
    }
}

async fn admit_here(visit: &Visit, credentials: Arc<Credentials>) -> Result<Option<Admitted>, Refusal> {
    Ok(verify_here(visit, credentials).await?.map(Admitted::Here))
}

fn order(visit: &Visit, standing: &Standing, credentials: &Credentials) -> Result<Order, String> {
    let account = Account::of(&standing.upstream, &credentials.user, &credentials.password)?;
    let (address, session) = (standing.address.clone(), visit.id);
    Ok(Order { address, taken: None, account, session })
}

/// Asks the old server, which has the word until the mail is here.
async fn ask(
    visit: &Visit,
    standing: Standing,
    mut order: Order,
    credentials: Arc<Credentials>,
) -> Result<Option<Admitted>, Refusal> {
    let stopped = match after_pull(visit, &order, &credentials).await? {
        Before::Moved(moved) => return Ok(Some(moved)),
        Before::Stopped(stopped) => Some(stopped),
        Before::Nothing => None,
    };
    // The old server may need a moment to notice that our session there is over.
    let in_use = if stopped.is_some() { limits::UPSTREAM_IN_USE_WAIT } else { Duration::ZERO };
    let Some(place) = visit.shared.upstreams.connection().await else {
        return Err(trouble(visit, &standing, "too many connections to old servers"));
    };
    let asked = order.account.log_in(in_use).await;
    let said = asked.as_ref().map_or_else(|(said, _)| *said, |_| Said::Accepted);
    match (decide::outcome(standing.here, said), asked) {
        (Outcome::TakeIn, Ok(connection)) => {
            if !take_in(visit, &mut order, &credentials).await? {
                settled(stopped);
                drop((connection, place));
                return admit_here(visit, credentials).await;
            }
            bring(visit, order, &credentials, (connection, place), stopped).await.map(Some)
        }
        (Outcome::AskHere, _) => {
            let admitted = admit_here(visit, credentials).await?;
            if admitted.is_some() {
                visit.shared.upstreams.refused(&order);
                note_refused_there(visit, &order).await;
            }
            Ok(admitted)
        }
        (Outcome::AskHereOrLater, Err((_, why))) => {
            trouble(visit, &standing, &why);
            match admit_here(visit, credentials).await? {
                // Counted, or it could be guessed at here while the old server is down.
                None => Err(Refusal::Refused),
                admitted => Ok(admitted),
            }
        }
        (Outcome::Wrong, Err((_, why))) => {
            // The password is right here, and what would go on with it would only be refused there.
            if settled(stopped) {
                upstream::note(&visit.shared, &mut order, Progress::Failing, Some(why)).await;
            }
            Ok(None)
        }
        (Outcome::InUse, _) => Err(Refusal::InUse),
        (Outcome::Doubtful, Err((_, why))) => {
            trouble(visit, &standing, &why);
            Err(Refusal::Refused)
        }
        (_, Err((_, why))) => Err(trouble(visit, &standing, &why)),
        // An acceptance is taken in.
        (_, Ok(_)) => Err(Refusal::Fault),
    }
}

/// What became of a pull that went on when a login came.
enum Before {
    Nothing,
    Stopped(Stopped),
    Moved(Admitted),
}

/// A pull that was stopped for a login. Unless the login comes to something, it goes on when this is dropped: nobody
/// else would begin it again, and the account would be called moving for ever.
struct Stopped(Option<(Arc<Shared>, Order)>);

impl Stopped {
    fn of(visit: &Visit, order: &Order) -> Self {
        Self(Some((Arc::clone(&visit.shared), order.clone())))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some((shared, order)) = self.0.take() {
            upstream::later(&shared, order);
        }
    }
}

/// The mail is here, or follows the session that is relayed. Whether there was a pull to care for.
fn settled(stopped: Option<Stopped>) -> bool {
    stopped.is_some_and(|mut stopped| stopped.0.take().is_some())
}

/// A pull that goes on is waited for if it may end soon, and stopped otherwise: the user comes first. Only
/// who knows the password may do that.
async fn after_pull(visit: &Visit, order: &Order, credentials: &Arc<Credentials>) -> Result<Before, Refusal> {
    let Some(pull) = visit.shared.upstreams.pull_of(&order.address) else { return Ok(Before::Nothing) };
    match verify_here(visit, Arc::clone(credentials)).await {
        Err(Refusal::Held) => {}
        outcome => {
            let account = outcome?.map(Admitted::Here);
            return Ok(account.map_or(Before::Nothing, Before::Moved));
        }
    }
    let has_ended = upstream::until_late(&pull, visit.settings.pop3.upstream_wait).await;
    let stopped = Stopped::of(visit, order);
    if !has_ended {
        return Err(Refusal::Held);
    }
    Ok(match here_if_moved(visit, credentials).await? {
        Some(moved) => {
            settled(Some(stopped));
            Before::Moved(moved)
        }
        None => Before::Stopped(stopped),
    })
}

/// Writes the account down: from here on its password is ours, whatever becomes of the mail. `false` if it has
/// moved meanwhile.
async fn take_in(visit: &Visit, order: &mut Order, credentials: &Arc<Credentials>) -> Result<bool, Refusal> {
    let (accounts, address) = (Arc::clone(&visit.shared.accounts), order.address.clone());
    let credentials = Arc::clone(credentials);
    let work = move || accounts.take_in(&address, &credentials.password);
    match visit.shared.doorway.hash(&visit.peer, work).await {
        Ok(taken) => {
            order.taken = taken;
            if taken.is_some() {
                order.line("upstream.accepted").info();
            }
            Ok(taken.is_some())
        }
        Err(ChangeError::Storage(error)) => Err(fault(visit, &error)),
        // Since the old server was asked.
        Err(ChangeError::TakenByAlias) => {
            Err(again(visit, order, Said::Nothing, &no_account_beside_an_alias(&order.address)))
        }
        Err(error) => {
            visit.log_fault("take in", &error);
            Err(Refusal::Fault)
        }
    }
}

/// The mail of an account that was taken in: at once if it is little, else by relaying this session.
async fn bring(
    visit: &Visit,
    mut order: Order,
    credentials: &Arc<Credentials>,
    (mut connection, place): (fetch::Connection, Place),
    mut stopped: Option<Stopped>,
) -> Result<Admitted, Refusal> {
    let mut listed = listing(visit, &mut order, &mut connection, &place).await?;
    if let Some(messages) = listed {
        let wait = visit.settings.pop3.upstream_wait;
        (connection, listed) = match upstream::now(&visit.shared, &order, (connection, messages), wait).await
        {
            Some((connection, messages)) => (connection, Some(messages)),
            None => {
                stopped.get_or_insert_with(|| Stopped::of(visit, &order));
                if let Some(here) = here_if_moved(visit, credentials).await? {
                    settled(stopped);
                    return Ok(here);
                }
                // The pull had the connection; what it has staged is not lost.
                let asked = order.account.log_in(limits::UPSTREAM_IN_USE_WAIT).await;
                let mut connection = asked.map_err(|(said, why)| again(visit, &order, said, &why))?;
                let listed = listing(visit, &mut order, &mut connection, &place).await?;
                (connection, listed)
            }
        };
    }
    let relayed = pass(visit, order, connection, listed, place).await?;
    settled(stopped);
    Ok(relayed)
}

/// What it lists; `None` where it knows no unique-ids. An account of which nothing can be listed is failing.
async fn listing(
    visit: &Visit,
    order: &mut Order,
    connection: &mut fetch::Connection,
    place: &Place,
) -> Result<Option<Vec<fetch::Message>>, Refusal> {
    match old::listing(connection, place).await {
        Ok(listed) => Ok(listed),
        Err(why) => {
            let refusal = no_listing(visit, order, &why);
            // It was taken in as one that is moving.
            upstream::note(&visit.shared, order, Progress::Failing, Some(why)).await;
            Err(refusal)
        }
    }
}

/// Readies a session at the old server for its mail program. Without `messages`, nothing can be brought
/// over from there.
async fn pass(
    visit: &Visit,
    mut order: Order,
    mut connection: fetch::Connection,
    messages: Option<Vec<fetch::Message>>,
    place: Place,
) -> Result<Admitted, Refusal> {
    let Some(relayed) = visit.shared.upstreams.relay(&order.address) else { return Err(Refusal::InUse) };
    let hopeless = messages.is_none().then(|| "the old server has no unique-ids (UIDL)".to_owned());
    let progress = if hopeless.is_some() { Progress::Failing } else { Progress::Relayed };
    if !upstream::note(&visit.shared, &mut order, progress, hopeless.clone()).await {
        // Moved since we looked, or removed: what is listed there is not what the next login shows.
        return Err(Refusal::Held);
    }
    let messages = match messages {
        Some(messages) => messages,
        None => old::sizes(&mut connection).await.map_err(|why| no_listing(visit, &order, &why))?,
    };
    let passage = Passage { order, connection, messages, hopeless, _relayed: relayed, _place: place };
    Ok(Admitted::Relayed(Box::new(passage)))
}

/// The account, if its mail has come over. The password is looked at once more: that took a while, and an
/// administrator may have set another one.
async fn here_if_moved(visit: &Visit, credentials: &Arc<Credentials>) -> Result<Option<Admitted>, Refusal> {
    match verify_here(visit, Arc::clone(credentials)).await {
        Ok(Some(grant)) => Ok(Some(Admitted::Here(grant))),
        Ok(None) => Err(Refusal::Password),
        Err(Refusal::Held) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Written down, or an account that the old server never had could not log in while that is down. If that fails, the
/// next login finds it as it was.
async fn note_refused_there(visit: &Visit, order: &Order) {
    let (accounts, address) = (Arc::clone(&visit.shared.accounts), order.address.clone());
    let noted = visit.shared.doorway.disk(move || accounts.note_refused_there(&address)).await;
    if let Err(error) = noted {
        visit.log_fault("accounts", &error);
    }
}

fn no_account_beside_an_alias(address: &AccountAddress) -> String {
    format!(
        "{address} is an alias, and no account comes over under its name: remove it with `restante alias remove \
         {address}`, or let its owner log in under another name"
    )
}

fn trouble(visit: &Visit, standing: &Standing, why: &str) -> Refusal {
    visit.log("upstream.fault").with("account", &standing.address).with("why", why).warn();
    Refusal::Fault
}

fn no_listing(visit: &Visit, order: &Order, why: &str) -> Refusal {
    again(visit, order, Said::Nothing, why)
}

/// The second login of one session: the password was right a moment ago.
fn again(visit: &Visit, order: &Order, said: Said, why: &str) -> Refusal {
    visit.log("upstream.fault").with("account", &order.address).with("why", why).warn();
    if said == Said::InUse { Refusal::InUse } else { Refusal::Fault }
}
