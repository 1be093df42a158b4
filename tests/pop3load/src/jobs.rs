//! The jobs, and the figures that each gives.

use crate::connection::Connection;
use crate::wish::Wish;
use crate::{Error, encryption, processes};
use rustls::ClientConfig;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Commands that are under way at once when they are pipelined.
const WINDOW: usize = 128;
/// How long the server gets to come to rest before its memory and its time are looked at.
const SETTLE: Duration = Duration::from_millis(200);

/// Names and values, in the order in which they are shown.
pub type Figures = Vec<(&'static str, f64)>;

/// Does the job.
pub fn run(wish: &Wish) -> Result<Figures, Error> {
    match wish.job.as_str() {
        "poll" => measured(wish, poll),
        "open" => measured(wish, open),
        "fetch" => measured(wish, fetch),
        "delete" => measured(wish, delete),
        "hold" => hold(wish),
        other => Err(format!("no such job: {other}").into()),
    }
}

/// Adds what the job has cost: `units` of work were done in it.
fn measured(wish: &Wish, job: fn(&Wish) -> Result<(f64, Figures), Error>) -> Result<Figures, Error> {
    let cpu = || wish.pid.map_or(0.0, processes::cpu);
    let (server, own) = (cpu(), processes::own_cpu());
    let (units, mut figures) = job(wish)?;
    // What the last connection's end costs is part of it, and a process that ends just now is counted twice
    // or not at all.
    thread::sleep(SETTLE);
    let (server, own) = (cpu() - server, processes::own_cpu() - own);
    figures.push(("units", units));
    figures.push(("server_cpu_ms", server * 1000.0));
    figures.push(("own_cpu_ms", own * 1000.0));
    figures.push(("server_cpu_ms_each", server * 1000.0 / units.max(1.0)));
    Ok(figures)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn logged_in(wish: &Wish, tls: &Arc<ClientConfig>, client: usize) -> Result<Connection, Error> {
    let mut connection = Connection::open(wish, tls)?;
    connection.log_in(&wish.user_of(client), &wish.password)?;
    Ok(connection)
}

/// How many messages there are.
fn count(connection: &mut Connection) -> Result<usize, Error> {
    let answer = connection.ask("STAT")?;
    Ok(answer.split(' ').nth(1).ok_or("STAT without a number")?.parse()?)
}

/// One look for new mail. Whether its TLS session was resumed.
fn look(wish: &Wish, tls: &Arc<ClientConfig>, client: usize) -> Result<bool, Error> {
    let mut connection = logged_in(wish, tls, client)?;
    connection.ask("STAT")?;
    connection.send("UIDL\r\n")?;
    connection.multi_line()?;
    connection.ask("QUIT")?;
    Ok(connection.is_resumed())
}

fn poll(wish: &Wish) -> Result<(f64, Figures), Error> {
    let began = Instant::now();
    let looks = |client| {
        let tls = encryption::config(wish)?;
        let (mut done, mut resumed) = (0u32, 0u32);
        while began.elapsed() < wish.time {
            resumed += u32::from(look(wish, &tls, client)?);
            done += 1;
        }
        Ok::<_, Error>((done, resumed))
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (1..=wish.clients).map(|client| scope.spawn(move || looks(client))).collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let (mut done, mut resumed) = (0, 0);
    for outcome in outcomes {
        let (looks, again) = outcome??;
        done += looks;
        resumed += again;
    }
    let done = f64::from(done);
    Ok((done, vec![("per_second", done / seconds), ("resumed", f64::from(resumed) / done.max(1.0))]))
}

fn open(wish: &Wish) -> Result<(f64, Figures), Error> {
    let tls = encryption::config(wish)?;
    let began = Instant::now();
    let mut connection = logged_in(wish, &tls, 1)?;
    let messages = count(&mut connection)?;
    let opened = milliseconds(began);
    let began = Instant::now();
    connection.send("UIDL\r\n")?;
    connection.multi_line()?;
    let listed = milliseconds(began);
    connection.ask("QUIT")?;
    Ok((1.0, vec![("messages", messages as f64), ("open_ms", opened), ("uidl_ms", listed)]))
}

/// Asks `command` for every message, `window` of them under way at once.
fn for_all(
    connection: &mut Connection,
    command: &str,
    messages: usize,
    window: usize,
    answer: fn(&mut Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let ask = |numbers: std::ops::RangeInclusive<usize>| -> String {
        numbers.map(|number| format!("{command} {number}\r\n")).collect()
    };
    let mut asked = 0;
    for answered in 0..messages {
        // Half a window at a time: a write for each answer would not be pipelining.
        if asked - answered <= window / 2 {
            let next = messages.min(answered + window);
            connection.send(&ask(asked + 1..=next))?;
            asked = next;
        }
        answer(connection)?;
    }
    Ok(())
}

fn fetch(wish: &Wish) -> Result<(f64, Figures), Error> {
    let tls = encryption::config(wish)?;
    let mut connection = logged_in(wish, &tls, 1)?;
    let messages = count(&mut connection)?;
    let (began, before) = (Instant::now(), connection.received);
    let window = if wish.pipelined { WINDOW } else { 1 };
    for_all(&mut connection, "RETR", messages, window, Connection::multi_line)?;
    let seconds = began.elapsed().as_secs_f64();
    let octets = (connection.received - before) as f64;
    // Dropped without QUIT: the same maildrop is fetched again.
    let figures = vec![
        ("ms", seconds * 1000.0),
        ("per_second", messages as f64 / seconds),
        ("mb_per_second", octets / 1e6 / seconds),
    ];
    Ok((messages as f64, figures))
}

fn delete(wish: &Wish) -> Result<(f64, Figures), Error> {
    let tls = encryption::config(wish)?;
    let mut connection = logged_in(wish, &tls, 1)?;
    let messages = count(&mut connection)?;
    let began = Instant::now();
    for_all(&mut connection, "DELE", messages, WINDOW, |connection| connection.line().map(drop))?;
    let marked = milliseconds(began);
    connection.ask("QUIT")?;
    Ok((messages as f64, vec![("mark_ms", marked), ("ms", milliseconds(began))]))
}

/// Connections that do nothing, and the server's memory for each.
fn hold(wish: &Wish) -> Result<Figures, Error> {
    let tls = encryption::config(wish)?;
    let memory = || wish.pid.map_or(0.0, processes::memory);
    let before = memory();
    let began = Instant::now();
    let mut held = Vec::with_capacity(wish.clients);
    for client in 1..=wish.clients {
        let mut connection = Connection::open(wish, &tls)?;
        if wish.login {
            connection.log_in(&wish.user_of(client), &wish.password)?;
        }
        connection.rest();
        held.push(connection);
    }
    let opened = milliseconds(began);
    thread::sleep(SETTLE);
    let after = memory();
    let cpu = || wish.pid.map_or(0.0, processes::cpu);
    let idle = cpu();
    thread::sleep(wish.time);
    let idle = cpu() - idle;
    // The last one still answers: they are held, not forgotten.
    for connection in held.iter_mut().rev().take(1) {
        connection.ask(if wish.login { "NOOP" } else { "QUIT" })?;
    }
    let each = (after - before) / wish.clients.max(1) as f64;
    Ok(vec![
        ("held", held.len() as f64),
        ("open_ms", opened),
        ("kib_each", each),
        ("server_mib", after / 1024.0),
        ("idle_cpu_ms", idle * 1000.0),
    ])
}
