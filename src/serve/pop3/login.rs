//! Logins of a POP3 session: ban, password, maildrop, and what is logged of it.
//!
//! A storage fault is never told as a wrong password: a client would ask its user for another one.

use super::Visit;
use super::old_server::{self, Passage};
use crate::accounts::upstream::{Meant, Standing};
use crate::accounts::{Error as AccountsError, Grant, Recognition, Verdict};
use crate::mail::{AccountAddress, Octets, UserName};
use crate::maildrop::{Error, Maildrop};
use crate::net::subscriber;
use crate::pop3::{Listing, LoginTicket, LookUpTicket, Refusal, Response, Session, Step};
use crate::runtime;
use crate::sasl::{Credentials, Login, scram};
use crate::serve::upkeep;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Who was let in, and where their maildrop is.
pub(super) enum Admitted {
    /// Here.
    Here(Grant),
    /// At an old server, still.
    Relayed(Box<Passage>),
}

/// What a login leads to.
pub(super) enum LoggedIn {
    /// The session goes on.
    Step(Step),
    /// The session is over: after this answer the old server has the word.
    Relayed(Response, Box<Passage>),
}

/// Judges a login and opens the maildrop.
pub(super) async fn log_in(
    visit: &mut Visit,
    session: &mut Session,
    login: Login,
    ticket: LoginTicket,
) -> LoggedIn {
    let began = Instant::now();
    // For the log alone; the login itself is moved away below.
    let user = login.user().clone();
    let opened = match admit(visit, login).await {
        Ok(Admitted::Relayed(passage)) => return relayed(visit, passage, &ticket, began),
        Ok(Admitted::Here(grant)) => open(visit, grant.account()).await.map(|maildrop| (grant, maildrop)),
        Err(refusal) => Err(refusal),
    };
    LoggedIn::Step(match opened {
        Ok((grant, maildrop)) => {
            let listing = Listing::of(maildrop.contents());
            visit.log_login(grant.account(), &maildrop, ticket.how(), began);
            visit.shared.logged_in(grant.account().clone(), SystemTime::now());
            visit.maildrop = Some(Arc::new(maildrop));
            visit.holding = Some(visit.shared.holders.enter(grant, &visit.leave));
            Step::Say(session.logged_in(ticket, listing))
        }
        Err(refusal) => {
            visit.log_refusal(&user, ticket.how(), refusal);
            session.refused(ticket, refusal)
        }
    })
}

/// The old server has the maildrop open; the mail program hears of it in our words, once.
fn relayed(visit: &mut Visit, passage: Box<Passage>, ticket: &LoginTicket, began: Instant) -> LoggedIn {
    let (account, totals) = (passage.account().clone(), passage.totals());
    visit.log_admitted("upstream.relayed", &account, ticket.how(), totals, began);
    visit.shared.logged_in(account, SystemTime::now());
    LoggedIn::Relayed(Response::maildrop(totals.0, totals.1), passage)
}

/// Finds what SCRAM needs; unknown users have it too.
pub(super) async fn look_up(
    visit: &mut Visit,
    session: &mut Session,
    user: UserName,
    ticket: LookUpTicket,
) -> Step {
    let found = match refuse_banned(visit) {
        // Asked anew: an account may have been imported since the mechanism was offered.
        Ok(()) if !scram_is_for_all(visit).await => Err(Refusal::Scram),
        Ok(()) => scram_credential(visit, &user).await,
        Err(refusal) => Err(refusal),
    };
    match found.and_then(|credential| Ok((credential, nonce()?))) {
        Ok((credential, nonce)) => session.looked_up(ticket, credential, &nonce),
        Err(refusal) => {
            visit.log_refusal(&user, ticket.how(), refusal);
            session.not_looked_up(ticket, refusal)
        }
    }
}

/// Whose login it is. A wrong one has been delayed when this returns.
async fn admit(visit: &Visit, login: Login) -> Result<Admitted, Refusal> {
    // Before the password is looked at: a banned guesser must not learn that one was right.
    refuse_banned(visit)?;
    let user = login.user().clone();
    runtime::sleep(delay(visit, &user)).await;
    let admitted = match login {
        Login::Password(credentials) => match verify(visit, credentials).await {
            Err(Refusal::Refused) => {
                // Or whoever guesses does it through us, until the old server bans us and so everybody.
                count(visit, &user).await;
                Err(Refusal::Refused)
            }
            verified => verified,
        },
        Login::Proof(verdict) => confirm(visit, verdict).await.map(|grant| grant.map(Admitted::Here)),
    }?;
    match admitted {
        Some(admitted) => {
            let now = Instant::now();
            visit.shared.failures.succeeded(&visit.peer, &user, now);
            visit.shared.budget.succeeded(&user, &visit.peer, now);
            Ok(admitted)
        }
        None => {
            count(visit, &user).await;
            Err(Refusal::Password)
        }
    }
}

/// Many addresses that guess at one account are slowed together; where its owner was before, not.
fn delay(visit: &Visit, user: &UserName) -> Duration {
    if visit.shared.failures.is_exempt(&visit.peer) {
        return Duration::ZERO;
    }
    visit.shared.budget.delay(user, &visit.peer, Instant::now())
}

/// Notes a wrong password. The answer waits for what it costs, and with it everything else on this
/// connection.
async fn count(visit: &Visit, user: &UserName) {
    let penalty = visit.shared.failures.failed(&visit.peer, user, Instant::now());
    visit.shared.budget.failed(user, Instant::now());
    if let (true, Some(ip)) = (penalty.banned, visit.peer.ip()) {
        visit.log("pop3.banned").warn();
        upkeep::note_ban(&visit.shared, subscriber(ip), visit.settings.auth.failures.ban_time).await;
    }
    runtime::sleep(penalty.delay).await;
}

fn refuse_banned(visit: &Visit) -> Result<(), Refusal> {
    match visit.shared.failures.banned(&visit.peer, Instant::now()) {
        Some(_) => Err(Refusal::Banned),
        None => Ok(()),
    }
}

/// By what is stored here, unless an old server stands behind the account.
async fn verify(visit: &Visit, credentials: Credentials) -> Result<Option<Admitted>, Refusal> {
    let credentials = Arc::new(credentials);
    let (accounts, asked) = (Arc::clone(&visit.shared.accounts), Arc::clone(&credentials));
    let look = move || match accounts.meant(&asked.user)? {
        Meant::Ours => accounts.recognise(&asked.user, &asked.password).map(Known::Here),
        Meant::Behind(standing) => Ok(Known::AtOldServer(standing)),
        Meant::Unclear => Ok(Known::Unclear),
    };
    match visit.shared.doorway.disk(look).await.map_err(|error| fault(visit, &error))? {
        Known::AtOldServer(standing) => old_server::admit(visit, *standing, &credentials).await,
        Known::Unclear => Err(old_server::unclear(visit, &credentials.user)),
        Known::Here(recognition) => {
            Ok(recognised(visit, recognition, credentials).await?.map(Admitted::Here))
        }
    }
}

/// What one look into the database told of a login.
enum Known {
    AtOldServer(Box<Standing>),
    Unclear,
    Here(Recognition),
}

/// By what is stored here, whoever stands behind the account.
pub(super) async fn verify_here(
    visit: &Visit,
    credentials: Arc<Credentials>,
) -> Result<Option<Grant>, Refusal> {
    let (accounts, asked) = (Arc::clone(&visit.shared.accounts), Arc::clone(&credentials));
    let known = visit.shared.doorway.disk(move || accounts.recognise(&asked.user, &asked.password)).await;
    let recognition = known.map_err(|error| fault(visit, &error))?;
    recognised(visit, recognition, credentials).await
}

/// From memory if it can be. A hash is taken in its own lane, or a flood of logins would hold up deliveries.
async fn recognised(
    visit: &Visit,
    recognition: Recognition,
    credentials: Arc<Credentials>,
) -> Result<Option<Grant>, Refusal> {
    if let Recognition::Known(grant) = recognition {
        return Ok(Some(grant));
    }
    let accounts = Arc::clone(&visit.shared.accounts);
    let work = move || accounts.verify(&credentials.user, &credentials.password);
    granted(visit, visit.shared.doorway.hash(&visit.peer, work).await).await
}

/// What a verdict means to the session. `None`: the password is wrong.
///
/// The first login of an account is written down before its user is in, in the disk's own lane: a backup that holds
/// the database must not keep all others from having their passwords looked at.
async fn granted(visit: &Visit, verdict: Result<Verdict, AccountsError>) -> Result<Option<Grant>, Refusal> {
    match verdict.map_err(|error| fault(visit, &error))? {
        Verdict::Welcome(grant) => {
            if grant.is_first() {
                let (accounts, account) = (Arc::clone(&visit.shared.accounts), grant.account().clone());
                visit.shared.doorway.disk(move || accounts.note_first_login(&account)).await;
            }
            Ok(Some(grant))
        }
        Verdict::Held => Err(Refusal::Held),
        Verdict::Wrong => Ok(None),
    }
}

/// A proof holds for the credential that it was made for, if that is still there.
async fn confirm(visit: &Visit, verdict: scram::Verdict) -> Result<Option<Grant>, Refusal> {
    let Some(proved) = verdict.proved else { return Ok(None) };
    let accounts = Arc::clone(&visit.shared.accounts);
    let work = move || accounts.confirm(&verdict.user, &proved.stored_key);
    granted(visit, visit.shared.doorway.disk(work).await).await
}

/// Whether SCRAM may be offered; a database that cannot say so takes passwords, or says what it lacks.
pub(super) async fn scram_is_for_all(visit: &Visit) -> bool {
    let accounts = Arc::clone(&visit.shared.accounts);
    match accounts.all_known_to_know_scram() {
        Some(answer) => answer,
        None => visit.shared.doorway.disk(move || accounts.all_know_scram()).await.unwrap_or(false),
    }
}

async fn scram_credential(visit: &Visit, user: &UserName) -> Result<scram::Credential, Refusal> {
    let (accounts, user) = (Arc::clone(&visit.shared.accounts), user.clone());
    let found = visit.shared.doorway.disk(move || accounts.scram(&user)).await;
    let found = found.map_err(|error| fault(visit, &error))?;
    Ok(scram::Credential {
        salt: found.salt,
        rounds: found.rounds,
        stored_key: found.stored_key,
        server_key: found.server_key,
        account: found.account,
    })
}

/// Opens the maildrop. A session that has it on a login that is void by now does not keep its owner out: it is
/// sent away, though it be silent. It is judged here and not waked each time that anything changes, or each last
/// login that is written down would wake them all.
async fn open(visit: &Visit, account: &AccountAddress) -> Result<Maildrop, Refusal> {
    let outcome = lock_and_scan(visit, account).await;
    if !matches!(outcome, Err(Refusal::InUse)) {
        return outcome;
    }
    let Some(holder) = visit.shared.holders.of(account) else { return outcome };
    if visit.stands(Arc::clone(&holder)).await.map_err(|error| fault(visit, &error))? {
        return outcome;
    }
    holder.send_away().await;
    lock_and_scan(visit, account).await
}

/// In one pass through the doorway.
async fn lock_and_scan(visit: &Visit, account: &AccountAddress) -> Result<Maildrop, Refusal> {
    let (maildrops, account, peer) = (Arc::clone(&visit.shared.maildrops), account.clone(), visit.peer);
    match visit.shared.doorway.disk(move || maildrops.open(&account, peer)).await {
        Ok(maildrop) => Ok(maildrop),
        Err(Error::InUse | Error::TakenOver) => Err(Refusal::InUse),
        Err(Error::BeingMoved) => Err(Refusal::Held),
        Err(error) => {
            visit.log_fault("open", &error);
            Err(Refusal::Fault)
        }
    }
}

/// 18 random octets: as many as RFC 5802's own example has, and base64 has no comma.
fn nonce() -> Result<String, Refusal> {
    let mut octets = [0; 18];
    getrandom::fill(&mut octets).map_err(|_| Refusal::Fault)?;
    Ok(BASE64.encode(octets))
}

/// A storage fault goes to the log in full, and to the client as "try again later".
pub(super) fn fault(visit: &Visit, error: &AccountsError) -> Refusal {
    visit.log_fault("accounts", error);
    Refusal::Fault
}

impl Visit {
    fn log_login(&mut self, account: &AccountAddress, maildrop: &Maildrop, how: &str, began: Instant) {
        self.log_admitted("pop3.login", account, how, (maildrop.contents().count(), maildrop.total()), began);
    }

    fn log_admitted(
        &mut self,
        event: &str,
        account: &AccountAddress,
        how: &str,
        (messages, octets): (usize, Octets),
        began: Instant,
    ) {
        self.tally.account = Some(account.clone());
        self.tally.messages = messages;
        self.log(event)
            .with("account", account)
            .with("auth", how)
            .with("tls", self.tls.as_deref().unwrap_or("none"))
            .with("messages", messages)
            .with("octets", octets)
            .with("ms", began.elapsed().as_millis())
            .info();
    }

    fn log_refusal(&self, user: &UserName, how: &str, refusal: Refusal) {
        self.log("pop3.refused").with("user", user).with("auth", how).with("why", refusal.why()).info();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Password, Peer, SessionId};
    use crate::runtime::block_on;
    use crate::serve::testing::with_anna;

    #[test]
    fn the_first_login_is_written_before_its_user_is_in_and_later_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, anna) = with_anna(folder.path());
        let visit = Visit::new(Arc::clone(&shared), Peer::Unix, SessionId(0));
        let log_in = || {
            let (user, password) = (UserName::parse("anna").unwrap(), Password::new("secret").unwrap());
            let verdict = shared.accounts.verify(&user, &password);
            assert!(matches!(block_on(granted(&visit, verdict)), Ok(Some(_))));
            shared.accounts.list().unwrap().remove(0).last_login
        };
        assert!(log_in().is_some());
        let long_ago = SystemTime::UNIX_EPOCH;
        shared.accounts.record_logins(&[(anna, long_ago)]).unwrap();
        assert_eq!(log_in(), Some(long_ago), "written with others, within a second");
    }

    #[test]
    fn a_nonce_is_printable_without_a_comma_and_not_said_twice() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert!(one.bytes().all(|octet| octet.is_ascii_graphic() && octet != b','));
        assert_ne!(one, other);
    }
}
