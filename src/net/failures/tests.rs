//! Failures from made-up addresses at made-up times.

use super::*;

fn tcp(text: &str) -> Peer {
    Peer::Tcp(text.parse().unwrap())
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn anna() -> UserName {
    user("anna@example.org")
}

fn policy(before_delay: u32, before_ban: u32) -> FailurePolicy {
    let exempt = vec!["127.0.0.0/8".parse().unwrap()];
    FailurePolicy { before_delay, before_ban, ban_time: Duration::from_secs(60), exempt }
}

fn delays(failures: &Failures, peer: &Peer, count: usize, now: Instant) -> Vec<u64> {
    (0..count).map(|_| failures.failed(peer, &anna(), now).delay.as_secs()).collect()
}

#[test]
fn the_first_ones_are_free_and_then_the_delay_doubles_up_to_its_limit() {
    let (failures, now) = (Failures::new(policy(2, 0)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    assert_eq!(delays(&failures, &peer, 9, now), [0, 0, 1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(delays(&failures, &peer, 100, now), [15; 100], "the shift does not overflow");
    assert_eq!(delays(&failures, &tcp("192.0.2.2:1"), 3, now), [0, 0, 1], "another address");
}

#[test]
fn zero_is_never() {
    let (failures, now) = (Failures::new(policy(0, 0)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    assert_eq!(delays(&failures, &peer, 200, now), [0; 200]);
    assert_eq!(failures.banned(&peer, now), None);
}

#[test]
fn a_ban_is_told_once_lasts_its_time_and_then_counting_starts_anew() {
    let (failures, start) = (Failures::new(policy(0, 3)), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let peer = tcp("192.0.2.1:1");
    let banned: Vec<bool> = (0..5).map(|_| failures.failed(&peer, &anna(), start).banned).collect();
    assert_eq!(banned, [false, false, true, false, false]);
    assert_eq!(failures.banned(&peer, at(59)), Some(Duration::from_secs(1)));
    assert_eq!(failures.failed(&peer, &anna(), at(59)).delay, limits::LOGIN_DELAY_MAX, "still connected");
    assert_eq!(failures.banned(&peer, at(60)), None);
    let banned: Vec<bool> = (0..3).map(|_| failures.failed(&peer, &anna(), at(61)).banned).collect();
    assert_eq!(banned, [false, false, true]);
}

#[test]
fn a_right_password_forgets_the_wrong_ones_and_lifts_no_ban() {
    let (failures, now) = (Failures::new(policy(1, 3)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    assert_eq!(delays(&failures, &peer, 2, now), [0, 1]);
    failures.succeeded(&peer, &anna(), now);
    assert_eq!(delays(&failures, &peer, 2, now), [0, 1]);
    assert!(failures.failed(&peer, &anna(), now).banned);
    failures.succeeded(&peer, &anna(), now);
    assert!(failures.banned(&peer, now).is_some());
    failures.succeeded(&tcp("192.0.2.9:1"), &anna(), now);
}

#[test]
fn a_telephone_that_repeats_an_old_password_bans_no_office() {
    let (failures, now) = (Failures::new(policy(0, 6)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    for hour in 0..24 {
        for _ in 0..4 {
            assert!(!failures.failed(&peer, &user("bert"), now).banned, "hour {hour}");
        }
        failures.succeeded(&peer, &anna(), now);
    }
    // All are in again: nothing is left of it.
    failures.succeeded(&peer, &user("Bert"), now);
    assert!(failures.lock().peers.is_empty());
}

#[test]
fn one_password_that_is_known_does_not_make_up_for_guesses_at_many_others() {
    let (failures, now) = (Failures::new(policy(0, 6)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    let mut tried = 0;
    for name in 0..12 {
        for _ in 0..3 {
            tried += 1;
            if failures.failed(&peer, &user(&name.to_string()), now).banned {
                assert_eq!(tried, 12, "three names remembered, and three guesses at the fourth");
                return;
            }
        }
        failures.succeeded(&peer, &user("eve"), now);
    }
    panic!("all were tried");
}

#[test]
fn a_name_that_has_not_failed_for_an_hour_is_made_up_for_too() {
    let (failures, start) = (Failures::new(policy(0, 3)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
    for (name, minute) in [("a", 0), ("b", 50), ("c", 100), ("d", 150), ("e", 200)] {
        assert!(
            !failures.failed(&peer, &user(name), minutes(minute)).banned,
            "{name}: never three in an hour"
        );
        failures.succeeded(&peer, &anna(), minutes(minute + 20));
    }
}

#[test]
fn only_so_many_names_are_remembered_and_the_others_count_all_the_same() {
    let most = u32::try_from(limits::FAILED_NAMES_MAX).unwrap();
    let (failures, now) = (Failures::new(policy(0, most + 3)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    for name in 0..most + 2 {
        assert!(!failures.failed(&peer, &user(&name.to_string()), now).banned);
    }
    assert_eq!(failures.lock().peers.values().next().unwrap().names.len(), limits::FAILED_NAMES_MAX);
    failures.succeeded(&peer, &user(&(most + 1).to_string()), now);
    assert!(failures.failed(&peer, &user("another"), now).banned);
}

#[test]
fn an_hour_without_a_failure_forgets_them() {
    let (failures, now) = (Failures::new(policy(1, 0)), Instant::now());
    let peer = tcp("192.0.2.1:1");
    assert_eq!(delays(&failures, &peer, 3, now), [0, 1, 2]);
    let later = now + limits::FAILURES_FORGOTTEN_AFTER;
    assert_eq!(delays(&failures, &peer, 1, later), [4]);
    let much_later = later + limits::FAILURES_FORGOTTEN_AFTER + Duration::from_secs(1);
    assert_eq!(delays(&failures, &peer, 2, much_later), [0, 1]);
}

#[test]
fn an_ipv6_peer_is_its_64_and_a_mapped_address_is_ipv4() {
    let (failures, now) = (Failures::new(policy(0, 2)), Instant::now());
    for (first, second) in [("[2001:db8::1]:1", "[2001:db8::2]:1"), ("192.0.2.1:1", "[::ffff:192.0.2.1]:1")] {
        failures.failed(&tcp(first), &anna(), now);
        assert!(failures.failed(&tcp(second), &anna(), now).banned);
        assert!(failures.banned(&tcp(first), now).is_some());
    }
    assert_eq!(failures.banned(&tcp("[2001:db8:0:1::1]:1"), now), None);
}

#[test]
fn the_exempt_and_programs_on_this_machine_are_never_concerned() {
    let (failures, now) = (Failures::new(policy(1, 1)), Instant::now());
    for peer in [Peer::Unix, tcp("127.0.0.1:1")] {
        assert_eq!(delays(&failures, &peer, 5, now), [0; 5]);
        assert_eq!(failures.banned(&peer, now), None);
    }
    let peer = tcp("192.0.2.1:1");
    assert!(failures.failed(&peer, &anna(), now).banned);
    failures.set_policy(FailurePolicy { exempt: vec!["192.0.2.1".parse().unwrap()], ..policy(1, 1) });
    assert_eq!(failures.banned(&peer, now), None, "exempt from now on");
}

#[test]
fn a_ban_can_be_set_from_outside() {
    let (failures, now) = (Failures::new(policy(0, 0)), Instant::now());
    let peer = tcp("[2001:db8::7]:1");
    failures.ban_until("2001:db8::1".parse().unwrap(), now + Duration::from_secs(5), now);
    assert_eq!(failures.banned(&peer, now), Some(Duration::from_secs(5)));
}

#[test]
fn the_table_is_bounded_and_forgets_the_oldest_first() {
    let (failures, start) = (Failures::new(policy(1, 0)), Instant::now());
    let peer = |n: u32| tcp(&format!("{}:1", std::net::Ipv4Addr::from_bits(0x0a00_0000 + n)));
    let full = u32::try_from(limits::FAILING_PEERS_MAX).unwrap();
    for n in 0..=full {
        failures.failed(&peer(n), &anna(), start + Duration::from_millis(n.into()));
    }
    let held = failures.lock().peers.len();
    assert!(held <= limits::FAILING_PEERS_MAX && held > limits::FAILING_PEERS_MAX / 2, "{held}");
    let now = start + Duration::from_millis(full.into());
    assert_eq!(delays(&failures, &peer(full), 1, now), [1], "the youngest is remembered");
    assert_eq!(delays(&failures, &peer(0), 1, now), [0], "the oldest is not");
}

#[test]
fn the_bans_of_the_database_take_the_place_of_those_in_memory() {
    let (failures, now) = (Failures::new(policy(0, 0)), Instant::now());
    let [kept, lifted, added] =
        ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse::<IpAddr>().unwrap());
    for ip in [kept, lifted] {
        failures.ban_until(ip, now + Duration::from_secs(60), now);
    }
    failures.set_bans([kept, added].map(|ip| (ip, Duration::from_secs(60))).into_iter(), now);
    let banned = |ip: IpAddr| failures.banned(&Peer::Tcp((ip, 1000).into()), now).is_some();
    assert_eq!([kept, lifted, added].map(banned), [true, false, true]);
    assert!(failures.any_banned(now));
    failures.set_bans(std::iter::empty(), now);
    assert!(!failures.any_banned(now));
}

#[test]
fn a_ban_that_is_not_in_the_database_yet_is_not_lifted_by_a_look_there() {
    let (failures, now) = (Failures::new(policy(0, 1)), Instant::now());
    let at = |seconds| now + Duration::from_secs(seconds);
    let peer = tcp("192.0.2.1:1");
    assert!(failures.failed(&peer, &anna(), now).banned);
    failures.set_bans(std::iter::empty(), at(1));
    assert!(failures.banned(&peer, at(1)).is_some(), "the disk is full, or the database busy");
    failures.kept("192.0.2.1".parse().unwrap(), at(3));
    failures.set_bans(std::iter::empty(), at(2));
    assert!(failures.banned(&peer, at(3)).is_some(), "the look was taken before it was written");
    failures.set_bans(std::iter::empty(), at(3));
    assert!(failures.banned(&peer, at(3)).is_none(), "lifted by the administrator");
}

#[test]
fn who_is_exempt() {
    let failures = Failures::new(policy(1, 1));
    let exempt = [Peer::Unix, tcp("127.0.0.1:1"), tcp("192.0.2.1:1")].map(|peer| failures.is_exempt(&peer));
    assert_eq!(exempt, [true, true, false]);
}
