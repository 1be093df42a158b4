//! `import pop3 --list`: many mailboxes in one run.

use crate::harness::Server;
use crate::pull::{ANNA, json, old, seen};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

#[test]
fn a_list_is_pulled_side_by_side_and_one_failure_does_not_stop_the_others() {
    let (old, new) = (old(), Server::start(""));
    old.send(&["bert@example.org"], b"Subject: for bert\r\n\r\n");
    let (host, port) = ("127.0.0.1", old.address("pop3").port());
    let list = new.folder().join("list.csv");
    let line = |user: &str, password: &str| format!("{host},{port},,{user},{password},{user}@example.org\n");
    let heading = "host,port,tls,user,password,address\n";
    let wrong = [heading, &line("anna", "wrong"), &line("bert", "secret")].concat();
    fs::write(&list, wrong).unwrap();
    let run = || new.restante(&["import", "pop3", "--list", list.to_str().unwrap(), "--json"], "");
    let outcome = run();
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("1 of 2 mailboxes") && outcome.stderr.contains(ANNA), "{outcome:?}");
    let told = json(&outcome.stdout);
    assert_eq!((&told["imported"], &told["users"][1]["imported"]), (&1.into(), &1.into()));
    assert!(told["users"][0]["error"].as_str().unwrap().contains("refuses user name or password"));
    fs::write(&list, [heading, &line("anna", "secret"), &line("bert", "secret")].concat()).unwrap();
    let told = json(&run().done());
    assert_eq!((&told["imported"], &told["already"]), (&3.into(), &1.into()));
    assert_eq!(seen(&new), seen(&old));
    fs::write(&list, [heading, "h,,,,x,anna@example.org\n"].concat()).unwrap();
    assert!(run().failed().contains("list.csv:2: "));
}

#[test]
fn mailboxes_of_a_list_are_pulled_at_the_same_time() {
    let doors = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let new = Server::start("");
    let list = new.folder().join("list.csv");
    let line = |door: &TcpListener, user: &str| {
        format!("{},{user},x,{user}@example.org\n", door.local_addr().unwrap())
    };
    let lines = [line(&doors[0], "anna"), line(&doors[1], "bert")].concat();
    fs::write(&list, format!("host,user,password,address\n{lines}")).unwrap();
    // Neither server says anything before both are asked.
    let servers = thread::spawn(move || {
        let lines = doors.map(|door| door.accept().unwrap().0);
        lines.map(|mut line| line.write_all(b"-ERR [SYS/TEMP] no\r\n").unwrap())
    });
    let error = new.restante(&["import", "pop3", "--list", list.to_str().unwrap()], "").failed();
    assert!(error.contains("2 of 2 mailboxes"), "{error}");
    servers.join().unwrap();
}

#[test]
fn a_held_account_of_a_list_is_released_with_its_last_mailbox() {
    let (old, new) = (old(), Server::start(""));
    old.send(&["bert@example.org"], b"Subject: for bert\r\n\r\n");
    let [csv, list] = ["users.csv", "list.csv"].map(|name| new.folder().join(name));
    fs::write(&csv, "address,password\ncarl@example.org,{PLAIN}secret\n").unwrap();
    new.restante(&["account", "import", csv.to_str().unwrap(), "--format", "csv", "--hold"], "").done();
    let at = old.address("pop3").to_string();
    let run = |passwords: [&str; 2]| {
        let line = |user: &str, password: &str| format!("{at},{user},{password},carl@example.org\n");
        let lines = line("anna", passwords[0]) + &line("bert", passwords[1]);
        fs::write(&list, format!("host,user,password,address\n{lines}")).unwrap();
        new.restante(&["import", "pop3", "--list", list.to_str().unwrap(), "--json"], "")
    };
    for passwords in [["secret", "wrong"], ["wrong", "secret"]] {
        assert_eq!(run(passwords).status, Some(1));
        let mut client = new.pop3();
        client.ask("USER carl", "+OK");
        client.ask("PASS secret", "-ERR [SYS/TEMP]");
    }
    let told = json(&run(["secret", "secret"]).done());
    assert_eq!((&told["imported"], &told["already"]), (&0.into(), &4.into()), "each came once");
    assert_eq!(new.log_in("carl").uidl().len(), 4);
}
