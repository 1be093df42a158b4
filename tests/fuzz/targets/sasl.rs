//! SASL against a client that is written here from the RFCs: SCRAM's right proof is accepted and no
//! octet of the exchange can be changed; PLAIN and LOGIN give what was typed; garbage proves nothing.
#![no_main]

#[path = "sasl/client.rs"]
mod client;

use client::Client;
use libfuzzer_sys::fuzz_target;
use restante::mail::{AccountAddress, Password, UserName};
use restante::sasl::scram::{Credential, Verdict};
use restante::sasl::{ChannelBindings, Exchange, Login, Mechanism, Turn};

const NONCE: &str = "server-nonce/+=";

fn bindings() -> ChannelBindings {
    ChannelBindings { exporter: Some(vec![1; 32]), server_end_point: Some(vec![2; 32]) }
}

fn credential(client: &Client) -> Credential {
    Credential {
        salt: b"sixteen octets..".to_vec(),
        rounds: 4096,
        stored_key: client.stored_key(),
        server_key: client.server_key(),
        account: AccountAddress::parse("anna@example.org").ok(),
    }
}

/// Plays the server with these two messages; what it proved in turn, and its verdict.
fn scram(client: &Client, first: &[u8], last: impl Fn(&str) -> Vec<u8>) -> Option<(String, Verdict)> {
    let mechanism = if client.plus { Mechanism::ScramSha256Plus } else { Mechanism::ScramSha256 };
    let Turn::LookUp(_, pending) = Exchange::begin(mechanism, &bindings()).respond(first) else {
        return None;
    };
    let Turn::Challenge(challenge, exchange) = pending.answer(credential(client), NONCE) else {
        panic!("no challenge for a known user")
    };
    let challenge = String::from_utf8(challenge).unwrap();
    match exchange.respond(&last(&challenge)) {
        Turn::Challenge(proof, exchange) => match exchange.respond(b"") {
            Turn::Judge(Login::Proof(verdict)) => {
                assert!(verdict.proved.is_some(), "a server proof for nobody");
                Some((String::from_utf8(proof).unwrap(), verdict))
            }
            turn => panic!("{turn:?} after the proof"),
        },
        Turn::Judge(Login::Proof(verdict)) => {
            assert!(verdict.proved.is_none(), "accepted without a server proof");
            None
        }
        Turn::Failed => None,
        turn => panic!("{turn:?} for a final message"),
    }
}

/// A right proof is accepted, and is refused with any one bit of either message changed.
fn scram_is_exact(client: &Client, change: &[u8]) {
    let first = client.first();
    let accepted = scram(client, first.as_bytes(), |challenge| client.last(challenge).into_bytes());
    let (proof, verdict) = accepted.expect("a right proof is accepted");
    assert_eq!(verdict.user.as_str(), client.user.as_str());
    let challenge = format!("r={}{NONCE},s=c2l4dGVlbiBvY3RldHMuLg==,i=4096", client.nonce);
    assert_eq!(proof, client.server_proof(&challenge));

    let at = usize::from(u16::from_be_bytes([change[0], change[1]]));
    let bit = 1 << (change[2] & 7);
    let flip = |message: &[u8]| {
        let mut message = message.to_vec();
        let at = at % message.len();
        message[at] ^= bit;
        message
    };
    let last = |challenge: &str| client.last(challenge).into_bytes();
    assert!(scram(client, &flip(first.as_bytes()), last).is_none(), "a changed first message");
    let changed = |challenge: &str| flip(client.last(challenge).as_bytes());
    assert!(scram(client, first.as_bytes(), changed).is_none(), "a changed final message");
}

/// RFC 4616, 2, in its plainest form.
fn plain_plainly(message: &[u8]) -> Option<(UserName, Password)> {
    let parts: Vec<&[u8]> = message.split(|octet| *octet == 0).collect();
    let [acting_as, user, password] = parts[..] else { return None };
    let (acting_as, user) = (std::str::from_utf8(acting_as).ok()?, std::str::from_utf8(user).ok()?);
    let user = UserName::parse(user)?;
    let same = acting_as.is_empty() || acting_as.to_lowercase() == user.as_str().to_lowercase();
    Some((user, Password::new(password)?)).filter(|_| same)
}

fn compare(turn: Turn, expected: Option<(UserName, Password)>, message: &[u8]) {
    match (turn, expected) {
        (Turn::Judge(Login::Password(found)), Some((user, password))) => {
            assert_eq!((found.user, found.password.expose()), (user, password.expose()));
        }
        (Turn::Failed, None) => {}
        (turn, expected) => panic!("{turn:?} and not {expected:?} for {message:?}"),
    }
}

fn plain_and_login(message: &[u8]) {
    compare(Exchange::begin(Mechanism::Plain, &bindings()).respond(message), plain_plainly(message), message);
    let cut = message.iter().position(|octet| *octet == 0).unwrap_or(message.len());
    let (user, password) = (&message[..cut], message.get(cut + 1..).unwrap_or_default());
    let name = std::str::from_utf8(user).ok().and_then(UserName::parse);
    match (Exchange::begin(Mechanism::Login, &bindings()).respond(user), name) {
        (Turn::Challenge(challenge, exchange), Some(name)) => {
            assert_eq!(challenge, b"Password:");
            let expected = Password::new(password).map(|password| (name, password));
            compare(exchange.respond(password), expected, message);
        }
        (Turn::Failed, None) => {}
        (turn, name) => panic!("{turn:?} for the name {name:?}"),
    }
}

/// Whatever is sent instead of the two messages, nobody gets in.
fn garbage_proves_nothing(client: &Client, message: &[u8]) {
    let cut = message.iter().position(|octet| *octet == b'\n').unwrap_or(message.len());
    let (first, last) = (&message[..cut], message.get(cut + 1..).unwrap_or_default());
    assert!(scram(client, first, |_| last.to_vec()).is_none());
    // With the nonce it should have, so that more of it is looked at.
    let with_nonce = |challenge: &str| {
        let nonce = challenge.split(',').next().unwrap_or_default();
        [b"c=biws,", nonce.as_bytes(), b",p=", last].concat()
    };
    assert!(scram(client, first, with_nonce).is_none());
}

fuzz_target!(|input: &[u8]| {
    let Some((change, rest)) = input.split_at_checked(4) else { return };
    plain_and_login(rest);
    let client = Client::of(change[3], rest);
    garbage_proves_nothing(&client, rest);
    if UserName::parse(&client.user).is_some_and(|user| user.as_str() == client.user) {
        scram_is_exact(&client, change);
    }
});
