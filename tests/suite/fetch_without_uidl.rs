//! Old servers whose unique-ids are not there, and files whose unique-ids only the old server can tell.

use crate::fetch::{PATIENT, anna, ids, listed};
use crate::rude::Rude;
use restante::fetch::{Mailbox, Matched, Server};
use restante::import::{Error, Flags, Found, Inventory, Place, Provenance, Source, UniqueIdOf};
use std::io;

fn server(rude: &Rude) -> Server {
    Server::parse(&rude.address.to_string()).unwrap()
}

fn identities(script: &str) -> Vec<Vec<u8>> {
    let rude = Rude::playing(&[script]);
    let mut mailbox = Mailbox::new(server(&rude), anna(), PATIENT, true);
    let inventory = mailbox.inventory().unwrap();
    mailbox.close();
    rude.done();
    let identity = |found: Found| match found.unique_id {
        UniqueIdOf::Made { identity } => identity.into(),
        UniqueIdOf::Kept(id) => panic!("{id}"),
    };
    inventory.messages.into_iter().map(identity).collect()
}

fn without_uidl(answers: &str) -> String {
    format!(
        "S: +OK
        C: CAPA
        S: -ERR
        C: USER anna
        S: +OK
        C: PASS secret
        S: +OK
        C: UIDL
        S: -ERR
        C: LIST
        S: +OK
        S: 1 9
        S: 2 9
        S: 3 9
        S: .
        {answers}
        C: QUIT
        S: +OK"
    )
}

#[test]
fn a_message_without_a_unique_id_is_known_again_by_its_header() {
    let headers = "
        C: TOP 1 0
        S: +OK
        S: Subject: a
        S:
        S: .
        C: TOP 2 0
        S: +OK
        S: Subject: b
        S:
        S: .
        C: TOP 3 0
        S: +OK
        S: Subject: a
        S: Status: RO
        S:
        S: .";
    let by_header = identities(&without_uidl(headers));
    assert_eq!(by_header.len(), 3);
    assert!(by_header[0] != by_header[1] && by_header[0] != by_header[2], "two equal ones are two");
    let bodies = "
        C: TOP 1 0
        S: -ERR
        C: TOP 2 0
        S: -ERR
        C: TOP 3 0
        S: -ERR
        C: RETR 1
        S: +OK
        S: Subject: a
        S: Status: O
        S:
        S: body
        S: .
        C: RETR 2
        S: +OK
        S: Subject: b
        S:
        S: body
        S: .
        C: RETR 3
        S: +OK
        S: Subject: a
        S:
        S: .";
    assert_eq!(identities(&without_uidl(bodies)), by_header);
}

/// Files in memory, as a server without unique-ids of its own would list them.
struct Files(Vec<&'static [u8]>);

impl Source for Files {
    fn name(&self) -> String {
        "files".to_owned()
    }

    fn provenance(&self) -> Provenance {
        Provenance::Files("/files".into())
    }

    fn inventory(&mut self) -> Result<Inventory, Error> {
        let found = |index: usize| Found {
            unique_id: UniqueIdOf::Made { identity: [index as u8].into() },
            octets: None,
            bytes: None,
            received: None,
            flags: Flags::default(),
            is_new: false,
            place: Place::File(format!("file {index}").into()),
        };
        Ok(Inventory { messages: (0..self.0.len()).map(found).collect(), ..Inventory::default() })
    }

    fn read(&mut self, index: usize, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        sink(self.0[index]).map_err(Error::Landing)
    }
}

#[test]
fn files_get_the_order_and_the_unique_ids_of_the_old_server() {
    let script = listed(
        "S: PIPELINING",
        "S: 1 20\nS: 2 20\nS: 3 20\nS: 4 20",
        "S: 1 second\nS: 2 twin\nS: 3 other twin\nS: 4 unknown",
    ) + "C: TOP 1 0
        C: TOP 2 0
        C: TOP 3 0
        C: TOP 4 0
        S: +OK
        S: Subject: b
        S:
        S: .
        S: +OK
        S: Subject: a
        S: Status: RO
        S:
        S: .
        S: +OK
        S: Subject: a
        S:
        S: .
        S: +OK
        S: Subject: z
        S:
        S: .
        C: RETR 2
        C: RETR 3
        C: RETR 4
        S: +OK
        S: Subject: a
        S: Status: RO
        S:
        S: two
        S: .
        S: +OK
        S: Subject: a
        S:
        S: one
        S: .
        S: +OK
        S: Subject: z
        S:
        S: .
        C: QUIT
        S: +OK";
    let rude = Rude::playing(&[&script]);
    let files = Files(vec![
        b"Subject: a\n\none\n",
        b"Subject: a\r\n\r\ntwo\r\n",
        b"Subject: new\n\n",
        b"X-UID: 7\nSubject: b\n\nbody",
    ]);
    let mut matched = Matched::new(files, server(&rude), anna(), PATIENT);
    let inventory = matched.inventory().unwrap();
    rude.done();
    let places: Vec<String> = inventory.messages.iter().map(|found| found.place.to_string()).collect();
    assert_eq!(places, ["file 3", "file 1", "file 0", "file 2"]);
    let kept = ids(&inventory.messages[..3]);
    assert_eq!(kept, [&b"second"[..], b"twin", b"other twin"]);
    assert!(matches!(inventory.messages[3].unique_id, UniqueIdOf::Made { .. }), "nobody has listed it");
    assert!(inventory.skipped[0].what.starts_with("message 4"), "{:?}", inventory.skipped);
    assert!(inventory.warnings[0].starts_with("1 message is not listed"), "{:?}", inventory.warnings);
    let mut text = Vec::new();
    let mut sink = |piece: &[u8]| {
        text.extend_from_slice(piece);
        Ok(())
    };
    matched.read(1, &mut sink).unwrap();
    assert_eq!(text, b"Subject: a\r\n\r\ntwo\r\n");
}
