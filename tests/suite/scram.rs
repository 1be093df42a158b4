//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), written for the tests alone: what the
//! server computes is checked against a second hand.

use crate::client::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Logs in with SCRAM-SHA-256, or -PLUS with the channel binding `tls-exporter` (RFC 9266). The
/// server's last word: `+OK …` or `-ERR …`. Its signature is checked on the way.
#[track_caller]
pub fn log_in(client: &mut Client, user: &str, password: &str, exporter: Option<[u8; 32]>) -> String {
    let (mechanism, gs2) = match exporter {
        Some(_) => ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,"),
        None => ("SCRAM-SHA-256", "n,,"),
    };
    let first_bare = format!("n={user},r=rOprNGfwEbeRWgbNEkqO");
    let first = BASE64.encode(format!("{gs2}{first_bare}"));
    let server_first = challenge(&client.ask(&format!("AUTH {mechanism} {first}"), "+ "));
    let field =
        |name: &str| server_first.split(',').find_map(|field| field.strip_prefix(name)).unwrap().to_owned();
    let (nonce, salt, rounds) = (field("r="), BASE64.decode(field("s=")).unwrap(), field("i="));
    assert!(nonce.starts_with("rOprNGfwEbeRWgbNEkqO") && nonce.len() > 24, "{nonce}");

    let binding = [gs2.as_bytes(), exporter.as_ref().map_or(&[][..], |octets| octets)].concat();
    let without_proof = format!("c={},r={nonce}", BASE64.encode(binding));
    let signed = format!("{first_bare},{server_first},{without_proof}");
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, rounds.parse().unwrap());
    let client_key = mac(&salted, b"Client Key");
    let signature = mac(&Sha256::digest(client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();

    client.say(&BASE64.encode(format!("{without_proof},p={}", BASE64.encode(proof))));
    let answer = client.expect("");
    if answer.starts_with("-ERR") {
        return answer;
    }
    let server_signature = mac(&mac(&salted, b"Server Key"), signed.as_bytes());
    assert_eq!(challenge(&answer), format!("v={}", BASE64.encode(server_signature)));
    client.ask("", "")
}

fn challenge(line: &str) -> String {
    String::from_utf8(BASE64.decode(line.strip_prefix("+ ").unwrap()).unwrap()).unwrap()
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[test]
fn the_keys_are_those_of_rfc_7677() {
    let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(b"pencil", &salt, 4096);
    let signed = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                  s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                  c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let signature = mac(&mac(&salted, b"Server Key"), signed.as_bytes());
    assert_eq!(BASE64.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}
