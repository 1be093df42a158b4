//! Against what the real servers showed: `tests/messages/mbox/SERVER.json`, written by
//! `scripts/kit/moving_mbox.py`, which asks them. RESTANTE_MBOX_FACTS names another folder.

use super::*;
use serde_json::Value;
use std::fs;

/// Each server with the mboxes of which we say something else, and why.
const SERVERS: [(&str, Server, &[&str]); 5] = [
    ("popa3d", Server::Popa3d, &REFUSED),
    ("solid-pop3d", Server::SolidPop3d, &REFUSED),
    ("mailutils", Server::Mailutils, &MAILUTILS),
    ("uw", Server::Uw, &UW),
    ("dovecot", Server::Dovecot, &REFUSED),
];
/// They refused the whole mailbox, and we bring over what is there.
const REFUSED: [&str; 3] = ["blank line first", "from line alone, last", "no line end at the end"];
/// It shows nothing of what is no mbox, and changes a header that does not end with each session.
const MAILUTILS: [&str; 3] = ["blank line first", "header without end", "not an mbox"];
/// It cuts off two octets of a message without a line end.
const UW: [&str; 3] = ["blank line first", "from line alone, last", "no line end at the end"];

/// Octets as the facts have them: one character each.
fn octets(value: &Value) -> Vec<u8> {
    value.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// As POP3 sends what has landed: the landing writes LF for CR LF, RETR the other way round, and ends a line
/// that has no end. An empty message is sent as nothing, or as an empty line.
fn sent(landed: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        [line.strip_suffix(b"\r").unwrap_or(line), b"\r\n"].concat()
    };
    match landed {
        b"" => b"\r\n".to_vec(),
        landed => landed.split_inclusive(|octet| *octet == b'\n').flat_map(line).collect(),
    }
}

/// What differs between the facts of one session and the source.
fn differences(fact: &Value, path: &Path, options: &Options) -> Vec<String> {
    fs::write(path, octets(&fact["mbox"])).unwrap();
    let mut source = open(path, options).unwrap();
    let inventory = match (source.inventory(), fact.get("refused"), &fact["uidls"]) {
        (Ok(inventory), None, _) => inventory,
        (Err(_), Some(_), _) => return Vec::new(),
        (Err(Error::Source { remedy, .. }), None, ids)
            if has_unknown(ids) && remedy.contains("--server plain") =>
        {
            return Vec::new();
        }
        (Err(error), ..) => return vec![error.to_string()],
        (Ok(_), Some(why), _) => return vec![format!("the server refused it: {why}")],
    };
    let sizes = fact["sizes"].as_array().unwrap();
    if sizes.len() != inventory.messages.len() {
        return vec![format!("{} messages instead of {}", inventory.messages.len(), sizes.len())];
    }
    let ids = inventory.messages.iter().map(|found| &found.unique_id);
    let ids = ids.enumerate().filter_map(|(index, id)| different_id(id, fact["uidls"].get(index)));
    let mut different: Vec<String> = ids.collect();
    for index in 0..inventory.messages.len() {
        let mut landed = Vec::new();
        let mut sink = |block: &[u8]| {
            landed.extend_from_slice(block);
            Ok(())
        };
        source.read(index, &mut sink).unwrap();
        let wanted = fact["octets"].get(index).filter(|octets| !octets.is_null());
        let wanted = wanted.map(|wanted| sent(&octets(wanted)));
        different.extend(wanted.and_then(|wanted| different_octets(&sent(&landed), &wanted)));
    }
    different
}

/// Whether the server made up a unique-id by the clock.
fn has_unknown(ids: &Value) -> bool {
    ids.as_array().unwrap().iter().any(Value::is_null)
}

fn different_id(ours: &UniqueIdOf, theirs: Option<&Value>) -> Option<String> {
    match (ours, theirs.filter(|id| !id.is_null()).map(octets)) {
        (UniqueIdOf::Kept(ours), Some(theirs)) if ours.as_bytes() == theirs => None,
        (UniqueIdOf::Made { .. }, None) => None,
        (ours, theirs) => {
            let theirs = theirs.map(|id| String::from_utf8_lossy(&id).into_owned());
            Some(format!("{ours:?} instead of {theirs:?}"))
        }
    }
}

fn different_octets(ours: &[u8], theirs: &[u8]) -> Option<String> {
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let part = |text: &[u8]| {
        String::from_utf8_lossy(&text[same.saturating_sub(20)..text.len().min(same + 30)]).into_owned()
    };
    (ours != theirs).then(|| format!("octet {same}: {:?} instead of {:?}", part(ours), part(theirs)))
}

fn check(name: &str, options: &Options, others: &[&str]) {
    let folder = std::env::var("RESTANTE_MBOX_FACTS").unwrap_or_else(|_| "tests/messages/mbox".to_owned());
    let text = fs::read_to_string(Path::new(&folder).join(format!("{name}.json"))).unwrap();
    let facts: Vec<Value> = serde_json::from_str(&text).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let mut different = Vec::new();
    for fact in &facts {
        let case = fact["name"].as_str().unwrap();
        if !others.iter().any(|other| case.starts_with(other)) {
            let found = differences(fact, &temporary.path().join("anna"), options);
            different.extend(found.into_iter().map(|what| format!("{case}: {what}")));
        }
    }
    assert!(different.is_empty(), "{name}:\n{}", different.join("\n"));
}

#[test]
fn each_server_showed_what_we_bring_over() {
    for (name, server, others) in SERVERS {
        check(name, &Options { server: Some(server), ..Options::default() }, others);
    }
}

#[test]
fn dovecots_settings_decide_the_unique_ids() {
    let format = |text| Some(UidlFormat::parse(text).unwrap());
    let dovecot = Options { server: Some(Server::Dovecot), ..Options::default() };
    for (name, options) in [
        ("dovecot-uid-validity", Options { uidl_format: format("%v.%u"), ..dovecot.clone() }),
        ("dovecot-md5-apop3d", Options { uidl_format: format("%m"), ..dovecot.clone() }),
        ("dovecot-md5-all", Options { uidl_format: format("%m"), mbox_md5: Md5Of::All, ..dovecot.clone() }),
        ("dovecot-guid", Options { uidl_format: format("%g"), ..dovecot.clone() }),
        ("dovecot-xuidl", Options { reuse_xuidl: true, ..dovecot.clone() }),
        ("dovecot-rename", Options { uidl_format: format("%m"), rename_duplicates: true, ..dovecot.clone() }),
    ] {
        check(name, &options, &REFUSED);
    }
}
