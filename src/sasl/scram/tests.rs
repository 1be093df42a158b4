//! SCRAM against the example of RFC 7677, and against a client that is computed here.

use super::*;

const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

/// The keys of `password`, as accounts keep them.
fn credential(password: &str) -> Credential {
    let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let salted = salted(password, &salt, 4096);
    Credential {
        stored_key: Sha256::digest(hmac(&salted, b"Client Key")).into(),
        server_key: hmac(&salted, b"Server Key"),
        account: Some(AccountAddress::parse("user@example.org").unwrap()),
        salt,
        rounds: 4096,
    }
}

fn salted(password: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, rounds)
}

fn server(bindings: &ChannelBindings, plus: bool) -> Server {
    Server::new(bindings.clone(), plus)
}

/// Up to the server's first message.
fn challenged(server: Server, first: &str, credential: Credential) -> Option<(String, Server)> {
    let Turn::LookUp(_, pending) = server.respond(first.as_bytes()) else { return None };
    let Turn::Challenge(challenge, Exchange::Scram(server)) = pending.answer(credential, NONCE) else {
        return None;
    };
    Some((String::from_utf8(challenge).unwrap(), server))
}

/// A client's final message, computed from the other side of RFC 5802, 3.
fn client_final(first: &str, challenge: &str, bound: &[u8], password: &str) -> String {
    let bare = first.splitn(3, ',').nth(2).unwrap();
    let nonce = challenge.split(',').next().unwrap();
    let header = &first[..first.len() - bare.len()];
    let without_proof = format!("c={},{nonce}", BASE64.encode([header.as_bytes(), bound].concat()));
    let client_key = hmac(&salted(password, &credential("").salt, 4096), b"Client Key");
    let signed = format!("{bare},{challenge},{without_proof}");
    let signature = hmac(&Sha256::digest(client_key).into(), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
    format!("{without_proof},p={}", BASE64.encode(proof))
}

#[test]
fn the_example_of_rfc_7677() {
    let (challenge, server) =
        challenged(server(&ChannelBindings::default(), false), FIRST, credential("pencil")).unwrap();
    assert_eq!(challenge, format!("r=rOprNGfwEbeRWgbNEkqO{NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    let Turn::Challenge(proof, Exchange::Scram(server)) = server.respond(FINAL.as_bytes()) else {
        panic!("the proof of the RFC was refused")
    };
    assert_eq!(proof, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    let Turn::Judge(Login::Proof(verdict)) = server.respond(b"") else { panic!("no verdict") };
    assert_eq!(verdict.proved.unwrap().account.unwrap().to_string(), "user@example.org");
}

#[test]
fn a_wrong_password_and_an_unknown_user_end_alike() {
    let wrong = credential("pen");
    let nobody = Credential { account: None, ..credential("pencil") };
    for credential in [wrong, nobody] {
        let (_, server) = challenged(server(&ChannelBindings::default(), false), FIRST, credential).unwrap();
        let Turn::Judge(Login::Proof(verdict)) = server.respond(FINAL.as_bytes()) else {
            panic!("no verdict")
        };
        assert_eq!((verdict.user.as_str(), verdict.proved), ("user", None));
    }
}

#[test]
fn a_changed_nonce_binding_or_acknowledgement_fails() {
    let plain = ChannelBindings::default();
    for bad in [FINAL.replace("$k0", "$k1"), FINAL.replace("c=biws", "c=eSws"), "p".to_owned()] {
        let (_, server) = challenged(server(&plain, false), FIRST, credential("pencil")).unwrap();
        assert!(matches!(server.respond(bad.as_bytes()), Turn::Failed), "{bad}");
    }
    let (_, server) = challenged(server(&plain, false), FIRST, credential("pencil")).unwrap();
    let Turn::Challenge(_, Exchange::Scram(server)) = server.respond(FINAL.as_bytes()) else { panic!() };
    assert!(matches!(server.respond(b"more"), Turn::Failed));
}

#[test]
fn bound_to_the_channel_it_runs_in() {
    let ours = ChannelBindings { exporter: Some(vec![1; 32]), server_end_point: Some(vec![2; 32]) };
    for (name, data, right) in [
        ("tls-exporter", [1; 32], true),
        ("tls-server-end-point", [2; 32], true),
        ("tls-exporter", [9; 32], false),
    ] {
        let first = format!("p={name},,n=user,r=abc");
        let (challenge, server) = challenged(server(&ours, true), &first, credential("pencil")).unwrap();
        let last = client_final(&first, &challenge, &data, "pencil");
        assert_eq!(matches!(server.respond(last.as_bytes()), Turn::Challenge(..)), right, "{name}");
    }
}

#[test]
fn a_binding_that_is_not_there_or_was_hidden_fails() {
    let plain = ChannelBindings::default();
    let tls = ChannelBindings { exporter: None, server_end_point: Some(vec![2; 32]) };
    for (bindings, plus, flag, begins) in [
        (&plain, false, "n", true),
        (&plain, false, "y", true),
        (&tls, false, "n", true),
        (&tls, false, "y", false),
        (&tls, true, "n", false),
        (&tls, true, "y", false),
        (&tls, true, "p=tls-server-end-point", true),
        (&tls, true, "p=tls-exporter", false),
        (&tls, true, "p=tls-unique", false),
        (&tls, false, "p=tls-server-end-point", false),
        (&plain, false, "x", false),
        (&tls, true, "x", false),
    ] {
        let first = format!("{flag},,n=user,r=abc");
        let begun = challenged(server(bindings, plus), &first, credential("pencil"));
        assert_eq!(begun.is_some(), begins, "{flag} with plus {plus}");
    }
}

#[test]
fn keys_do_not_show_themselves() {
    let shown = format!("{:?}", credential("pencil"));
    assert!(!shown.contains("key") && shown.contains("example.org"), "{shown}");
}
