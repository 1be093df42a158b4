//! Many users whose old servers list much at the same time.

use crate::fetch::{PATIENT, anna};
use crate::rude::Rude;
use restante::fetch::{Connection, Listings, Problem, Server};
use restante::limits::UPSTREAM_LISTING_SMALL;
use restante::runtime::block_on;

/// A mailbox of so many messages.
fn of(messages: usize) -> Rude {
    let lines = |each: fn(usize) -> String| (1..=messages).map(each).collect::<String>();
    let ids = lines(|number| format!("S: {number} 00000000{number:024}\n"));
    let sizes = lines(|number| format!("S: {number} 100\n"));
    Rude::playing(&[&crate::fetch::listed("S: UIDL", &sizes, &ids)])
}

#[test]
fn a_large_listing_needs_room_beside_the_others_and_a_small_one_does_not() {
    let all = Listings::new(0);
    let listed = |messages: usize, all: &std::sync::Arc<Listings>| {
        let old = of(messages);
        let server = Server::parse(&old.address.to_string()).unwrap();
        let share = all.share();
        let listed = block_on(async {
            let mut connection = Connection::log_in(&server, &anna(), &PATIENT).await?;
            connection.list_within(&share);
            connection.listing(false).await
        });
        (listed.map(|messages| messages.len()), share)
    };
    assert_eq!(listed(500, &all).0.unwrap(), 500);
    let (refused, _) = listed(5000, &all);
    assert!(matches!(&refused, Err(Problem::Ours(finding)) if finding.what.contains("room")), "{refused:?}");
    let enough = Listings::new(2 * UPSTREAM_LISTING_SMALL);
    let (first, held) = listed(5000, &enough);
    assert_eq!(first.unwrap(), 5000);
    let (_, other) = listed(6000, &enough);
    assert!(!other.grow_to(3 * UPSTREAM_LISTING_SMALL), "what is listed is held");
    drop(held);
    assert!(other.grow_to(3 * UPSTREAM_LISTING_SMALL));
}
